//! A consumer: a durable of its own with explicit acks, from which each poll pulls. An ack is asked to
//! be confirmed, and sent again over the next connection until it is, so that its loss brings no
//! message twice.
//!
//! What was handed out and lost with a connection comes again after a while, and others would come
//! before it. So as long as something is lost, the durable is told to have one message under way at
//! a time (`max_ack_pending`), and what was lost comes first.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::Context;
use async_nats::jetstream::consumer::pull;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, Info, IntoConsumerConfig as _};
use async_nats::{Message, Request, RequestErrorKind, Subject};
use futures_util::future::BoxFuture;
use serde_json::json;

use super::connection::{ANSWERED_WITHIN, ApiError, ask, epoch, has_ended, open, stream_info};
use super::message::{Place, push};
use super::pulls::{End, Pulls};
use super::shared::Shared;
use crate::driver::batch::Batch;
use crate::driver::client::{Client, Session};
use crate::driver::contract::Subscriber;
use crate::driver::failure::{Failure, FailureKind};
use crate::history::Offset;
use crate::scenario::Acknowledge;

/// How long after a consumer's own pause a message is taken to be lost that it has not acknowledged:
/// longer than a server is usually paused, and short enough for a drain.
const LOST_AFTER: Duration = Duration::from_secs(5);

pub(super) struct Consumer {
    shared: Arc<Shared>,
    client: Client,
    stream: String,
    durable: String,
    session: Session,
    /// Where the durable was made to begin.
    first: Offset,
    /// Where this subscription begins: at the durable's position, where it goes on with one.
    start: Offset,
    pulls: Option<Pulls>,
    /// Whether messages that the durable handed out were lost on their way and are to come again.
    has_lost: bool,
    /// What came and was not handed over yet: of a poll that was given up.
    taken: Vec<Message>,
    /// What was handed over, until its ack is confirmed.
    unacked: Vec<Unacked>,
}

struct Unacked {
    /// Where its ack goes.
    ack: Subject,
    /// Which delivery of the durable it was.
    delivery: u64,
}

impl Consumer {
    /// Makes a durable that begins behind the stream's last message.
    pub(super) async fn subscribe(shared: &Arc<Shared>, client: &Client) -> Result<Self, Failure> {
        let failed = |error: ApiError| error.failure("subscribing");
        let context = open(shared.address(client.route)).await?;
        let stream = shared.marks.topic(client.topic);
        let info = stream_info(&context, &stream).await.map_err(failed)?;
        let durable = shared.durable(client.actor);
        let session = Session { id: Some(durable), epoch: Some(epoch(&info)) };
        let mut new = Self::new(shared, client, &session, info.state.last_sequence + 1);
        new.configure(&context, new.batch()).await.map_err(failed)?;
        new.pulls = Some(new.pulls_of(context).await?);
        Ok(new)
    }

    /// Goes on with a durable from where the server has it.
    pub(super) async fn resume(
        shared: &Arc<Shared>,
        client: &Client,
        session: &Session,
    ) -> Result<Self, Failure> {
        let mut resumed = Self::new(shared, client, session, 0);
        let info = resumed.connect().await?;
        resumed.start = resumed.first.max(info.ack_floor.stream_sequence + 1);
        Ok(resumed)
    }

    fn new(shared: &Arc<Shared>, client: &Client, session: &Session, first: Offset) -> Self {
        Self {
            shared: Arc::clone(shared),
            client: *client,
            stream: shared.marks.topic(client.topic),
            durable: session.id.clone().unwrap_or_default(),
            session: session.clone(),
            first,
            start: first,
            pulls: None,
            has_lost: false,
            taken: Vec::new(),
            unacked: Vec::new(),
        }
    }

    /// The consumer's messages per poll: no more are under way.
    fn batch(&self) -> u32 {
        self.shared.consumer(self.client.actor).batch.get()
    }

    fn acknowledges(&self) -> bool {
        self.client.acknowledge == Acknowledge::Offset
    }

    /// How long a message may be without an ack before it comes again.
    fn lost_after(&self) -> Duration {
        self.shared.consumer(self.client.actor).pause + LOST_AFTER
    }

    /// Makes the durable, or has it hand out so many messages without an ack.
    async fn configure(&self, context: &Context, most: u32) -> Result<Info, ApiError> {
        let config = pull::Config {
            durable_name: Some(self.durable.clone()),
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: self.first },
            ack_policy: if self.acknowledges() { AckPolicy::Explicit } else { AckPolicy::None },
            ack_wait: if self.acknowledges() { self.lost_after() } else { Duration::ZERO },
            max_ack_pending: if self.acknowledges() { i64::from(most) } else { 0 },
            ..pull::Config::default()
        };
        let (stream, config) = (&self.stream, config.into_consumer_config());
        let request = json!({ "stream_name": stream, "config": config, "action": "" });
        ask(context, format!("CONSUMER.CREATE.{stream}.{}", self.durable), &request).await
    }

    async fn pulls_of(&self, context: Context) -> Result<Pulls, Failure> {
        let pulls = Pulls::new(context, &self.stream, &self.durable).await;
        pulls.map_err(|why| Failure::new(format!("subscribing to an inbox: {why}")))
    }

    /// Opens another connection, and says there again what was received.
    async fn connect(&mut self) -> Result<Info, Failure> {
        let context = open(self.shared.address(self.client.route)).await?;
        let info = self.info(&context).await?;
        // A server that was killed may have forgotten its last deliveries. They come again, and it
        // never answers an ack of one that it does not know.
        self.unacked.retain(|unacked| unacked.delivery <= info.delivered.consumer_sequence);
        self.confirm(&context).await?;
        let info = self.info(&context).await?;
        if let DeliverPolicy::ByStartSequence { start_sequence } = info.config.deliver_policy {
            self.first = start_sequence;
        }
        if self.acknowledges() && info.num_ack_pending > self.taken.len() {
            let narrowed = self.configure(&context, 1).await;
            narrowed.map_err(|error| error.failure("configuring the consumer"))?;
            self.has_lost = true;
        }
        self.pulls = Some(self.pulls_of(context).await?);
        Ok(info)
    }

    /// What the server says of the durable; that it is over, where it does not know it.
    async fn info(&self, context: &Context) -> Result<Info, Failure> {
        let subject = format!("CONSUMER.INFO.{}.{}", self.stream, self.durable);
        let error = match ask(context, subject, &json!({})).await {
            Ok(info) => return Ok(info),
            Err(error) => error,
        };
        let in_same_life = if error.is_no_stream() {
            false
        } else if error.is_no_consumer() {
            let info = stream_info(context, &self.stream).await;
            let info = info.map_err(|error| error.failure("asking for the stream"))?;
            self.session.epoch == Some(epoch(&info))
        } else {
            let why = format!("asking for consumer {}: {error}", self.durable);
            return Err(Failure::new(why));
        };
        let kind = FailureKind::SessionOver { in_same_life: Some(in_same_life) };
        Err(Failure { kind, ..error.failure(&format!("consumer {}", self.durable)) })
    }

    /// Acknowledges what was handed over. The server takes acks of one connection in order, so that
    /// the last one's confirmation is that of all.
    async fn confirm(&mut self, context: &Context) -> Result<(), Failure> {
        let Some((last, others)) = self.unacked.split_last() else { return Ok(()) };
        let failed = |why: String| Failure::new(format!("acknowledging: {why}"));
        let client = context.client();
        for other in others {
            let sent = client.publish(other.ack.clone(), ACK.into()).await;
            sent.map_err(|error| failed(error.to_string()))?;
        }
        let request = Request::new().payload(ACK.into()).timeout(Some(ANSWERED_WITHIN));
        match client.send_request(last.ack.clone(), request).await {
            Ok(_) => {}
            // Nobody takes acks of this durable any more: it is gone, or gone until it is asked for.
            Err(error) if error.kind() == RequestErrorKind::NoResponders => {
                self.info(context).await?;
                return Err(failed(error.to_string()));
            }
            Err(error) => return Err(failed(error.to_string())),
        }
        self.unacked.clear();
        Ok(())
    }

    /// Lets the durable hand out as much as before, once nothing is lost any more.
    async fn widen(&mut self, context: &Context) -> Result<(), Failure> {
        if self.has_lost && self.info(context).await?.num_ack_pending == self.taken.len() {
            let widened = self.configure(context, self.batch()).await;
            widened.map_err(|error| error.failure("configuring the consumer"))?;
            self.has_lost = false;
        }
        Ok(())
    }

    async fn take(&mut self, max: u32, wait: Duration) -> Result<(), Failure> {
        let context = match &self.pulls {
            Some(pulls) if !has_ended(&pulls.context) => pulls.context.clone(),
            _ => {
                self.pulls = None;
                self.connect().await?;
                self.pulls.as_ref().expect("it is connected").context.clone()
            }
        };
        let prepared = match self.confirm(&context).await {
            Ok(()) => self.widen(&context).await,
            failed => failed,
        };
        if prepared.is_err() {
            self.pulls = None;
            return prepared;
        }
        if !self.taken.is_empty() {
            return Ok(());
        }
        let most = if self.has_lost { 1 } else { max.min(self.batch()) };
        let pulls = self.pulls.as_mut().expect("it is connected");
        let end = pulls.gather(most, wait, &mut self.taken).await;
        self.judge(end, &context).await
    }

    /// What the end of a pull means to a poll. What came before it is handed over in any case.
    async fn judge(&mut self, end: End, context: &Context) -> Result<(), Failure> {
        let has_some = !self.taken.is_empty();
        match end {
            End::Over if !has_some && self.has_lost => {}
            End::Over => return Ok(()),
            End::Refused(_) if self.has_lost => {}
            End::Refused(why) => {
                if !has_some {
                    self.info(context).await?;
                }
                return if has_some { Ok(()) } else { Err(Failure::new(why)) };
            }
            End::Broken(why) => {
                self.pulls = None;
                return if has_some { Ok(()) } else { Err(Failure::new(why)) };
            }
        }
        // An answer without a message would say that there is none.
        let after = self.lost_after();
        Err(Failure::new(format!("what was lost on its way comes again within {after:?}")))
    }

    fn hand_over(&mut self, max: u32, batch: &mut Batch) {
        let count = self.taken.len().min(max as usize);
        for message in self.taken.drain(..count) {
            let place = Place::of(&message);
            push(&self.shared.marks, &message, place, batch);
            let acknowledges = self.client.acknowledge == Acknowledge::Offset;
            if let (Some(place), Some(ack), true) = (place, message.reply, acknowledges) {
                self.unacked.push(Unacked { ack, delivery: place.delivery });
            }
        }
    }
}

/// What acknowledges a message.
const ACK: &str = "+ACK";

impl Subscriber for Consumer {
    fn session(&self) -> &Session {
        &self.session
    }

    fn start(&self) -> Option<Offset> {
        Some(self.start)
    }

    fn poll<'a>(
        &'a mut self,
        max: u32,
        wait: Duration,
        batch: &'a mut Batch,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            batch.clear();
            self.take(max, wait).await?;
            self.hand_over(max, batch);
            Ok(())
        })
    }

    fn can_wait(&self) -> bool {
        true
    }

    fn cancel_safe(&self) -> bool {
        true
    }

    fn unsubscribe(mut self: Box<Self>) -> BoxFuture<'static, Result<(), Failure>> {
        Box::pin(async move {
            let Some(context) = self.pulls.as_ref().map(|pulls| pulls.context.clone()) else {
                self.connect().await?;
                return Ok(());
            };
            self.confirm(&context).await?;
            let subject = format!("CONSUMER.DELETE.{}.{}", self.stream, self.durable);
            let deleted: Result<serde_json::Value, _> = ask(&context, subject, &json!({})).await;
            deleted.map(drop).map_err(|error| error.failure("unsubscribing"))
        })
    }
}
