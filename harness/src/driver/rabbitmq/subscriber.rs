//! A consumer: it has what its queue holds sent to it, up to a number of messages that it has not
//! acknowledged, and acknowledges by a poll what the poll before brought.
//!
//! What was sent to it and not polled yet is kept. Where the connection is lost, RabbitMQ sends
//! again what was not acknowledged, so that what is kept is forgotten then.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, StreamExt as _};
use lapin::message::Delivery;
use lapin::options::{QueueDeclareOptions, QueueDeleteOptions};
use lapin::types::{AMQPValue, FieldTable};
use tokio::time::timeout;

use super::link::{Link, answered, failed_on_queue};
use super::reading::Reading;
use super::settings::Kind;
use super::stream;
use super::topics::Topics;
use crate::driver::address::Address;
use crate::driver::batch::{Batch, Delivered};
use crate::driver::client::{Client, Session};
use crate::driver::contract::Subscriber;
use crate::driver::failure::Failure;
use crate::driver::marks::MARK;
use crate::history::Offset;

pub(super) struct Consumer {
    topics: Arc<Topics>,
    address: Address,
    queue: String,
    session: Session,
    /// Of a stream, where the subscription began.
    start: Option<Offset>,
    /// Of a stream, the offset that is to be read next.
    next: Option<Offset>,
    reading: Option<Reading>,
}

impl Consumer {
    /// Subscribes. What is published when this has returned is due.
    pub(super) async fn subscribe(
        topics: &Arc<Topics>,
        client: &Client,
        address: &Address,
    ) -> Result<Self, Failure> {
        let link = Link::open(address).await?;
        topics.declare(&link, client.topic).await?;
        if topics.settings.kind == Kind::Stream {
            let queue = topics.name(client.topic);
            let (reading, start) = stream::begin(link, &queue, topics).await?;
            topics.settle().await;
            let (address, start) = (address.clone(), Some(start));
            let (topics, session) = (Arc::clone(topics), Session::default());
            let (reading, next) = (Some(reading), start);
            return Ok(Self { topics, address, queue, session, start, next, reading });
        }
        let queue = topics.queue(client);
        topics.declare_queue(&link, client.topic, &queue).await?;
        let reading = Reading::begin(link, &queue, FieldTable::default()).await?;
        topics.settle().await;
        let consumer = Self::of_queue(topics, address, queue);
        Ok(Self { reading: Some(reading), ..consumer })
    }

    /// Goes on with what a queue still holds.
    pub(super) async fn resume(
        topics: &Arc<Topics>,
        address: &Address,
        queue: &str,
    ) -> Result<Self, Failure> {
        let mut consumer = Self::of_queue(topics, address, queue.to_owned());
        consumer.reading = Some(consumer.attach().await?);
        Ok(consumer)
    }

    fn of_queue(topics: &Arc<Topics>, address: &Address, queue: String) -> Self {
        let (topics, address) = (Arc::clone(topics), address.clone());
        let session = Session { id: Some(queue.clone()), epoch: None };
        Self { topics, address, queue, session, start: None, next: None, reading: None }
    }

    /// Reads on, on another connection.
    async fn attach(&self) -> Result<Reading, Failure> {
        let link = Link::open(&self.address).await?;
        let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        let asking =
            link.channel.queue_declare(self.queue.as_str().into(), passive, FieldTable::default());
        let answer = answered(async { Ok(asking.await) }).await;
        let queue = answer.and_then(|answer| answer.map_err(|error| failed_on_queue(&error)));
        let queue = queue.map_err(|failure| Failure {
            why: format!("consuming from {}: {failure}", self.queue),
            ..failure
        })?;
        if let Some(next) = self.next {
            return Reading::begin(link, &self.queue, stream::from(next)).await;
        }
        // RabbitMQ would give the next messages to the other one, and its old ones to this one once
        // it has noticed, behind later ones.
        if queue.consumer_count() > 0 {
            let why = "RabbitMQ has not noticed yet that the connection before is gone";
            return Err(Failure::new(format!("consuming from {}: {why}", self.queue)));
        }
        Reading::begin(link, &self.queue, FieldTable::default()).await
    }

    /// Puts a message into the batch, unless it is a stream's and the consumer's no more.
    fn take(&mut self, delivery: &Delivery, batch: &mut Batch) {
        let headers = delivery.properties.headers().as_ref();
        let offset = headers.and_then(stream::offset);
        if let Some(next) = self.next {
            if headers.is_some_and(stream::is_mark) || offset.is_some_and(|own| own < next) {
                return;
            }
            self.next = offset.map(|own| own + 1).or(self.next);
        }
        let mark = headers.and_then(|headers| match headers.inner().get(MARK) {
            Some(AMQPValue::LongString(mark)) => std::str::from_utf8(mark.as_bytes()).ok(),
            _ => None,
        });
        let identity = self.topics.marks.read(mark);
        let payload = &String::from_utf8_lossy(&delivery.data);
        batch.push(Delivered { identity, offset, redelivered: delivery.redelivered, payload });
    }

    /// Takes note of what came; false where nothing more comes of this connection.
    fn came(&mut self, item: Option<lapin::Result<Delivery>>, batch: &mut Batch) -> bool {
        let Some(Ok(delivery)) = item else {
            self.reading = None;
            return false;
        };
        if let Some(reading) = &mut self.reading {
            reading.hand_out(delivery.delivery_tag);
        }
        self.take(&delivery, batch);
        true
    }

    async fn poll_once(
        &mut self,
        max: usize,
        wait: Duration,
        batch: &mut Batch,
    ) -> Result<(), Failure> {
        if !self.reading.as_ref().is_some_and(|reading| reading.link.is_up()) {
            self.reading = None;
            self.reading = Some(self.attach().await?);
        }
        let Some(reading) = &mut self.reading else { return Ok(()) };
        if let Err(failure) = reading.acknowledge().await {
            self.reading = None;
            return Err(failure);
        }
        let Ok(first) = timeout(wait, reading.messages.next()).await else { return Ok(()) };
        if let Some(Err(error)) = &first {
            let failure = failed_on_queue(error);
            self.reading = None;
            return Err(Failure {
                why: format!("consuming from {}: {failure}", self.queue),
                ..failure
            });
        }
        let mut goes_on = self.came(first, batch);
        while goes_on && batch.len() < max {
            let next = self.reading.as_mut().and_then(|own| own.messages.next().now_or_never());
            let Some(next) = next else { break };
            goes_on = self.came(next, batch);
        }
        if batch.is_empty() && !goes_on {
            let why = "RabbitMQ ended the consumer";
            return Err(Failure::new(format!("consuming from {}: {why}", self.queue)));
        }
        Ok(())
    }
}

impl Subscriber for Consumer {
    fn session(&self) -> &Session {
        &self.session
    }

    fn start(&self) -> Option<Offset> {
        self.start
    }

    fn poll<'a>(
        &'a mut self,
        max: u32,
        wait: Duration,
        batch: &'a mut Batch,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        batch.clear();
        Box::pin(self.poll_once(max as usize, wait, batch))
    }

    fn can_wait(&self) -> bool {
        true
    }

    /// Nothing is awaited between the first message that is taken and the end of the poll.
    fn cancel_safe(&self) -> bool {
        true
    }

    fn unsubscribe(mut self: Box<Self>) -> BoxFuture<'static, Result<(), Failure>> {
        Box::pin(async move {
            let Some(reading) = &mut self.reading else { return Ok(()) };
            reading.acknowledge().await?;
            if self.topics.settings.kind != Kind::Stream {
                let options = QueueDeleteOptions::default();
                let queue = self.queue.as_str().into();
                answered(reading.link.channel.queue_delete(queue, options)).await?;
            }
            Ok(())
        })
    }
}
