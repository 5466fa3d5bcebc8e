//! A broker that is vectors: a log for each topic, whose entries have the planned message in a
//! header; and a position for each subscription, which a consumer may resume.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::{BoxFuture, ready};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use crate::capability::{Capabilities, Known, Offsets, Survival};
use crate::driver::{
    Attempts, Batch, Client, Delivered, Driver, Failure, Identity, Outgoing, Reply, Sender,
    Session, Subscriber,
};
use crate::history::{self, Offset, Outcome};
use crate::lock::lock;
use crate::plan::{MessageId, Plan, TopicIndex};

/// How long a request takes to the broker, and its answer back.
const WAY: Duration = Duration::from_millis(1);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flavour {
    /// Offsets everywhere; a poll waits, and acknowledges what the one before brought.
    Offsets,
    /// None anywhere; a poll brings one message at most, at once, and acknowledges it by itself.
    Plain,
}

pub(super) struct Toy {
    broker: Arc<Broker>,
    flavour: Flavour,
}

struct Broker {
    logs: Mutex<Vec<Vec<(MessageId, String)>>>,
    /// By subscription.
    positions: Mutex<Vec<usize>>,
    grown: Notify,
}

impl Toy {
    pub(super) fn new(plan: &Plan, flavour: Flavour) -> Self {
        let logs = Mutex::new(vec![Vec::new(); plan.topics.len()]);
        let broker = Broker { logs, positions: Mutex::default(), grown: Notify::new() };
        Self { broker: Arc::new(broker), flavour }
    }

    fn subscriber(&self, topic: TopicIndex, session: &Session) -> Box<dyn Subscriber> {
        let id = session.id.as_deref().unwrap().parse().unwrap();
        let start = lock(&self.broker.positions)[id];
        Box::new(Consumer {
            broker: Arc::clone(&self.broker),
            flavour: self.flavour,
            topic,
            id,
            session: session.clone(),
            start,
            read: start,
        })
    }
}

impl Driver for Toy {
    fn capabilities(&self) -> Capabilities {
        let offsets = match self.flavour {
            Flavour::Offsets => Offsets::Both,
            Flavour::Plain => Offsets::None,
        };
        Capabilities {
            acknowledges_apart: false,
            has_address: false,
            stays: true,
            in_flight: false,
            offsets: Known::Now(offsets),
            contiguous: Known::Now(true),
            contiguous_batches: Known::Now(true),
            epoch: Known::Now(false),
            batch_max: Known::Now(None),
            reads_log: Known::Now(false),
            resumes: Known::Now(true),
            requests: None,
            survives: Known::Now(Survival::Nothing),
            order: "per topic",
            delivery: "exactly once",
            name: |_| Ok(()),
            started_name: |_| Ok(()),
        }
    }

    fn create_topic(&self, _: TopicIndex) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(ready(Ok(())))
    }

    fn register<'a>(
        &'a self,
        client: &'a Client,
    ) -> BoxFuture<'a, Result<Box<dyn Sender>, Failure>> {
        let session = Session { id: Some(client.actor.number.to_string()), epoch: None };
        let (broker, topic, flavour) = (Arc::clone(&self.broker), client.topic, self.flavour);
        Box::pin(ready(Ok(Box::new(Producer { broker, flavour, topic, session }) as _)))
    }

    fn subscribe<'a>(
        &'a self,
        client: &'a Client,
    ) -> BoxFuture<'a, Result<Box<dyn Subscriber>, Failure>> {
        let end = lock(&self.broker.logs)[client.topic.place()].len();
        let mut positions = lock(&self.broker.positions);
        let session = Session { id: Some(positions.len().to_string()), epoch: None };
        positions.push(end);
        drop(positions);
        Box::pin(ready(Ok(self.subscriber(client.topic, &session))))
    }

    fn resume<'a>(
        &'a self,
        client: &'a Client,
        session: &'a Session,
    ) -> BoxFuture<'a, Result<Box<dyn Subscriber>, Failure>> {
        Box::pin(ready(Ok(self.subscriber(client.topic, session))))
    }
}

struct Producer {
    broker: Arc<Broker>,
    flavour: Flavour,
    topic: TopicIndex,
    session: Session,
}

impl Sender for Producer {
    fn session(&self) -> &Session {
        &self.session
    }

    fn send<'a>(
        &'a mut self,
        messages: &'a [Outgoing<'a>],
        _: &'a mut Attempts<'_>,
    ) -> BoxFuture<'a, Reply> {
        Box::pin(async move {
            sleep(WAY).await;
            let first = {
                let log = &mut lock(&self.broker.logs)[self.topic.place()];
                let first = log.len() as Offset;
                log.extend(messages.iter().map(|own| (own.message, own.payload.to_owned())));
                first
            };
            self.broker.grown.notify_waiters();
            sleep(WAY).await;
            let offsets = match self.flavour {
                Flavour::Offsets => history::Offsets::From(first),
                Flavour::Plain => history::Offsets::Untold,
            };
            Reply::whole(messages.len(), Outcome::Acked { offsets }, 1)
        })
    }

    fn is_over(&self) -> bool {
        false
    }
}

struct Consumer {
    broker: Arc<Broker>,
    flavour: Flavour,
    topic: TopicIndex,
    id: usize,
    session: Session,
    start: usize,
    /// One past the last message that was handed out.
    read: usize,
}

impl Consumer {
    fn take(&mut self, max: usize, batch: &mut Batch) {
        let has_offsets = self.flavour == Flavour::Offsets;
        let logs = lock(&self.broker.logs);
        let new = logs[self.topic.place()].iter().enumerate().skip(self.read).take(max);
        for (offset, (message, payload)) in new {
            let offset = has_offsets.then_some(offset as Offset);
            let identity = Identity::Message(*message);
            batch.push(Delivered { identity, offset, redelivered: false, payload });
            self.read += 1;
        }
    }
}

impl Subscriber for Consumer {
    fn session(&self) -> &Session {
        &self.session
    }

    fn start(&self) -> Option<Offset> {
        (self.flavour == Flavour::Offsets).then_some(self.start as Offset)
    }

    fn poll<'a>(
        &'a mut self,
        max: u32,
        wait: Duration,
        batch: &'a mut Batch,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            batch.clear();
            if self.flavour == Flavour::Plain {
                sleep(WAY).await;
                self.take(1, batch);
                lock(&self.broker.positions)[self.id] = self.read;
                return Ok(());
            }
            lock(&self.broker.positions)[self.id] = self.read;
            let broker = Arc::clone(&self.broker);
            let grown = broker.grown.notified();
            self.take(max as usize, batch);
            if batch.is_empty() && timeout(wait, grown).await.is_ok() {
                self.take(max as usize, batch);
            }
            Ok(())
        })
    }

    fn can_wait(&self) -> bool {
        self.flavour == Flavour::Offsets
    }

    fn cancel_safe(&self) -> bool {
        self.flavour == Flavour::Offsets
    }

    fn unsubscribe(self: Box<Self>) -> BoxFuture<'static, Result<(), Failure>> {
        Box::pin(ready(Ok(())))
    }
}
