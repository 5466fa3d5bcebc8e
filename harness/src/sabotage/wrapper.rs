//! The driver that a trick is played with: each call goes to the real one, and what it answers
//! through the trick.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;

use super::trick::{Feed, Request, Shared, Trick};
use crate::capability::Capabilities;
use crate::driver::{
    Attempts, Batch, Client, Driver, Failure, LogPart, Outgoing, Pending, Remarks, Reply, Route,
    Sender, Session, Subscriber,
};
use crate::history::{Offset, Outcome};
use crate::lock::lock;
use crate::plan::{MessageId, StreamIndex, TopicIndex};

pub(super) struct Sabotaged {
    driver: Arc<dyn Driver>,
    sabotage: Sabotage,
}

/// What senders and subscribers have in common.
#[derive(Clone)]
struct Sabotage {
    trick: Arc<dyn Trick>,
    shared: Arc<Shared>,
}

impl Sabotaged {
    pub(super) fn new(driver: Arc<dyn Driver>, trick: Arc<dyn Trick>, shared: Shared) -> Self {
        Self { driver, sabotage: Sabotage { trick, shared: Arc::new(shared) } }
    }

    fn subscriber(&self, client: &Client, inner: Box<dyn Subscriber>) -> Box<dyn Subscriber> {
        let feed = Feed { consumer: client.actor, topic: client.topic };
        self.sabotage.shared.subscribed(feed, inner.session());
        Box::new(SabotagedSubscriber { inner, feed, sabotage: self.sabotage.clone() })
    }
}

impl Driver for Sabotaged {
    fn capabilities(&self) -> Capabilities {
        self.driver.capabilities()
    }

    fn create_topic(&self, topic: TopicIndex) -> BoxFuture<'_, Result<(), Failure>> {
        self.driver.create_topic(topic)
    }

    fn register<'a>(
        &'a self,
        client: &'a Client,
    ) -> BoxFuture<'a, Result<Box<dyn Sender>, Failure>> {
        Box::pin(async move {
            let inner = self.driver.register(client).await?;
            let Some(stream) = client.stream else { return Ok(inner) };
            self.sabotage.shared.registered(stream, inner.session(), client.base);
            let (topic, sabotage) = (client.topic, self.sabotage.clone());
            let previous = Arc::default();
            Ok(Box::new(SabotagedSender { inner, stream, topic, previous, sabotage }) as _)
        })
    }

    fn subscribe<'a>(
        &'a self,
        client: &'a Client,
    ) -> BoxFuture<'a, Result<Box<dyn Subscriber>, Failure>> {
        Box::pin(async move {
            let inner = self.driver.subscribe(client).await?;
            Ok(self.subscriber(client, inner))
        })
    }

    fn resume<'a>(
        &'a self,
        client: &'a Client,
        session: &'a Session,
    ) -> BoxFuture<'a, Result<Box<dyn Subscriber>, Failure>> {
        Box::pin(async move {
            let inner = self.driver.resume(client, session).await?;
            Ok(self.subscriber(client, inner))
        })
    }

    fn read_log(
        &self,
        route: Route,
        topic: TopicIndex,
        offset: Offset,
    ) -> BoxFuture<'_, Result<Option<LogPart>, Failure>> {
        self.driver.read_log(route, topic, offset)
    }

    fn passed_over(&self) -> u64 {
        self.driver.passed_over()
    }

    fn remarks(&self) -> Remarks {
        self.driver.remarks()
    }

    fn finish(&self) -> BoxFuture<'_, Result<(), Failure>> {
        self.driver.finish()
    }
}

struct SabotagedSender {
    inner: Box<dyn Sender>,
    stream: StreamIndex,
    topic: TopicIndex,
    /// The first offset that the broker answered last; also of requests that are awaited apart.
    previous: Arc<Mutex<Option<Offset>>>,
    sabotage: Sabotage,
}

/// Plays a trick with the reply to a request.
async fn altered(
    Sabotage { trick, shared }: &Sabotage,
    request: &Request<'_>,
    reply: Reply,
    previous: &Mutex<Option<Offset>>,
) -> Reply {
    if let Some(Outcome::Acked { offsets }) = reply.parts.first().map(|part| &part.outcome) {
        let mut previous = lock(previous);
        *previous = offsets.first().or(*previous);
    }
    trick.after(shared, request, reply).await
}

impl Sender for SabotagedSender {
    fn session(&self) -> &Session {
        self.inner.session()
    }

    fn broker(&self) -> Option<u32> {
        self.inner.broker()
    }

    fn send<'a>(
        &'a mut self,
        messages: &'a [Outgoing<'a>],
        attempts: &'a mut Attempts<'_>,
    ) -> BoxFuture<'a, Reply> {
        Box::pin(async move {
            let Self { stream, topic, previous, sabotage, .. } = self;
            let before = *lock(previous);
            let request = Request { stream: *stream, topic: *topic, messages, previous: before };
            sabotage.trick.before(&sabotage.shared, &request).await;
            let reply = self.inner.send(messages, attempts).await;
            altered(sabotage, &request, reply, previous).await
        })
    }

    #[expect(clippy::async_yields_async, reason = "the outcome is awaited apart")]
    fn issue<'a>(&'a mut self, messages: &'a [Outgoing<'a>]) -> BoxFuture<'a, Pending> {
        Box::pin(async move {
            let (stream, topic, sabotage) = (self.stream, self.topic, self.sabotage.clone());
            let previous = Arc::clone(&self.previous);
            let before = *lock(&previous);
            let request = Request { stream, topic, messages, previous: before };
            sabotage.trick.before(&sabotage.shared, &request).await;
            let pending = self.inner.issue(messages).await;
            let own = |message: &Outgoing<'_>| (message.message, message.payload.to_owned());
            let kept: Vec<(MessageId, String)> = messages.iter().map(own).collect();
            Box::pin(async move {
                let reply = pending.await;
                let kept = kept.iter().map(|(message, payload)| (*message, payload.as_str()));
                let kept = kept.map(|(message, payload)| Outgoing { message, payload });
                let messages: Vec<Outgoing<'_>> = kept.collect();
                // By now others may have been answered.
                let before = *lock(&previous);
                let request = Request { stream, topic, messages: &messages, previous: before };
                altered(&sabotage, &request, reply, &previous).await
            }) as Pending
        })
    }

    fn is_over(&self) -> bool {
        self.inner.is_over()
    }
}

struct SabotagedSubscriber {
    inner: Box<dyn Subscriber>,
    feed: Feed,
    sabotage: Sabotage,
}

impl Subscriber for SabotagedSubscriber {
    fn session(&self) -> &Session {
        self.inner.session()
    }

    fn start(&self) -> Option<Offset> {
        self.inner.start()
    }

    fn poll<'a>(
        &'a mut self,
        max: u32,
        wait: Duration,
        batch: &'a mut Batch,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let Sabotage { trick, shared } = &self.sabotage;
            let is_safe = self.inner.cancel_safe();
            trick.polled(self.feed);
            let mut urged = false;
            loop {
                let wait = if urged { Duration::ZERO } else { trick.wait(self.feed, wait) };
                tokio::select! { biased;
                    polled = self.inner.poll(max, wait, batch) => polled?,
                    () = trick.urged(self.feed), if is_safe && !urged => {
                        // Asked once more, for a poll that is dropped may acknowledge nothing, and
                        // one that is answered has acknowledged what the one before brought.
                        urged = true;
                        continue;
                    }
                }
                let is_answer = batch.is_empty() && !urged;
                urged = false;
                trick.edit(shared, self.feed, batch);
                // An empty answer says that there is no more, and only the broker knows that.
                if is_answer || !batch.is_empty() {
                    return Ok(());
                }
            }
        })
    }

    fn can_wait(&self) -> bool {
        self.inner.can_wait()
    }

    fn cancel_safe(&self) -> bool {
        self.inner.cancel_safe()
    }

    fn unsubscribe(self: Box<Self>) -> BoxFuture<'static, Result<(), Failure>> {
        self.inner.unsubscribe()
    }
}
