//! A producer: each message with an id, by which the server knows it again for a while, so that what
//! has no answer may be sent again.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_nats::jetstream::context::{PublishAckFuture, PublishError, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::{self, Context};
use bytes::Bytes;
use futures_util::future::{BoxFuture, ready};

use super::connection::{ANSWERED_WITHIN, epoch, has_ended, open, stream_info};
use super::shared::Shared;
use crate::driver::attempts::Attempts;
use crate::driver::client::{Client, Session};
use crate::driver::contract::{Outgoing, Pending, Reply, Sender};
use crate::driver::failure::Failure;
use crate::driver::marks::MARK;
use crate::driver::tries::{Tries, repeat};
use crate::history::{Class, Offsets, Outcome};

/// The code of a stream that is not there, or not any more.
const NO_STREAM: &str = "unknown_topic";

pub(super) struct Producer {
    shared: Arc<Shared>,
    client: Client,
    stream: String,
    session: Session,
    link: Option<Link>,
    /// Whether another life of the stream began.
    is_over: bool,
}

/// A connection, in which the stream was found to be in the life that the session is of.
struct Link {
    context: Context,
    /// Whether an ack did not come in time, so that the connection may carry nothing any more.
    is_stuck: Arc<AtomicBool>,
}

/// Why one attempt failed.
struct Failed {
    class: Class,
    code: Option<&'static str>,
    why: String,
}

impl Producer {
    /// Registers: opens a connection and asks which life the stream is in.
    pub(super) async fn new(shared: &Arc<Shared>, client: &Client) -> Result<Self, Failure> {
        let stream = shared.marks.topic(client.topic);
        let (context, info) = repeat(client.retries, async || {
            let context = open(shared.address(client.route)).await?;
            let info = stream_info(&context, &stream).await;
            let info = info.map_err(|error| error.failure("asking for the stream"))?;
            Ok((context, info))
        })
        .await?;
        let session = Session { id: Some(stream.clone()), epoch: Some(epoch(&info)) };
        let link = Some(Link { context, is_stuck: Arc::default() });
        let shared = Arc::clone(shared);
        Ok(Self { shared, client: *client, stream, session, link, is_over: false })
    }

    /// A connection that is not known to have ended; another one where it has, once the stream is
    /// found to be the one of the session: an ack of another life would say nothing about this one.
    async fn link(&mut self) -> Result<&Link, Failed> {
        let is_fit =
            |link: &Link| !has_ended(&link.context) && !link.is_stuck.load(Ordering::Relaxed);
        if self.link.as_ref().is_none_or(|link| !is_fit(link)) {
            // Nothing is to be sent there any more.
            self.link = None;
            let unsent = |why| Failed { class: Class::NeverLeft, code: None, why };
            let opened = open(self.shared.address(self.client.route)).await;
            let context = opened.map_err(|failure| unsent(failure.why))?;
            match stream_info(&context, &self.stream).await {
                Ok(info) if self.session.epoch == Some(epoch(&info)) => {}
                Err(error) if !error.is_no_stream() => {
                    let address = self.shared.address(self.client.route);
                    let why = format!("cannot reach the broker at {address}: {error}");
                    return Err(unsent(why));
                }
                _ => {
                    self.is_over = true;
                    let why =
                        format!("stream {} is not the one that it was ({NO_STREAM})", self.stream);
                    return Err(Failed { class: Class::Refused, code: Some(NO_STREAM), why });
                }
            }
            self.link = Some(Link { context, is_stuck: Arc::default() });
        }
        Ok(self.link.as_ref().expect("it is there, or was opened"))
    }

    /// Hands a message to the connection; what is returned is the wait for its ack.
    async fn publish(
        &mut self,
        message: Outgoing<'_>,
    ) -> Result<(PublishAckFuture, Arc<AtomicBool>), Failed> {
        let (mark, stream) = (self.shared.marks.put(message.message), self.stream.clone());
        let payload = Bytes::copy_from_slice(message.payload.as_bytes());
        let publish = PublishMessage::build().payload(payload).message_id(&mark);
        let publish = publish.header(MARK, mark.as_str());
        let link = self.link().await?;
        let (context, is_stuck) = (link.context.clone(), Arc::clone(&link.is_stuck));
        let acking = context.send_publish(stream, publish).await.map_err(|error| {
            // The connection's task did not take it, so that not a byte of it was written.
            let class = match error.kind() {
                PublishErrorKind::MaxPayloadExceeded => Class::Refused,
                _ => Class::NeverLeft,
            };
            is_stuck.store(class == Class::NeverLeft, Ordering::Relaxed);
            Failed { class, code: None, why: error.to_string() }
        })?;
        Ok((acking, is_stuck))
    }

    async fn attempt(&mut self, message: Outgoing<'_>) -> Result<Outcome, Failed> {
        let (acking, is_stuck) = self.publish(message).await?;
        let acked = wait(acking, &is_stuck).await;
        if acked.as_ref().is_err_and(|failed| failed.code == Some(NO_STREAM)) {
            self.is_over = true;
        }
        acked
    }

    /// A message is tried no longer than the server knows it again.
    fn tries(&self) -> Tries {
        let known = self.shared.settings.duplicate_window.saturating_sub(2 * ANSWERED_WITHIN);
        Tries::new(self.client.retries).at_most(known)
    }
}

/// Waits for an ack.
async fn wait(acking: PublishAckFuture, is_stuck: &AtomicBool) -> Result<Outcome, Failed> {
    match acking.await {
        Ok(ack) => Ok(Outcome::Acked { offsets: Offsets::From(ack.sequence) }),
        Err(error) => {
            let failed = judge(&error);
            is_stuck.store(failed.class == Class::Unknown, Ordering::Relaxed);
            Err(failed)
        }
    }
}

/// What may be concluded where there is no ack.
fn judge(error: &PublishError) -> Failed {
    let is_refusal = error.source().is_some_and(<dyn Error>::is::<jetstream::Error>);
    let (class, code) = match error.kind() {
        // Nobody listens to the subject, says the server, so that nobody stored it.
        PublishErrorKind::StreamNotFound => (Class::Refused, Some(NO_STREAM)),
        _ if is_refusal => (Class::Refused, None),
        _ => (Class::Unknown, None),
    };
    let why = match code {
        Some(code) => format!("{error} ({code})"),
        None => error.to_string(),
    };
    Failed { class, code, why }
}

impl Sender for Producer {
    fn session(&self) -> &Session {
        &self.session
    }

    fn send<'a>(
        &'a mut self,
        messages: &'a [Outgoing<'a>],
        attempts: &'a mut Attempts<'_>,
    ) -> BoxFuture<'a, Reply> {
        Box::pin(async move {
            let [message] = messages else { return Reply::several(messages.len()) };
            let (mut tries, mut made, mut unknown) = (self.tries(), 0, None);
            loop {
                made += 1;
                attempts.begin();
                let Failed { class, code, why } = match self.attempt(*message).await {
                    Ok(acked) => return Reply::whole(1, acked, made),
                    Err(failed) => failed,
                };
                attempts.fail(class, code);
                if class == Class::Unknown {
                    unknown = Some(why.clone());
                }
                if !tries.again(class != Class::Refused).await {
                    let outcome = match unknown {
                        Some(why) => Outcome::Unknown { why },
                        None => Outcome::Refused { why },
                    };
                    return Reply::whole(1, outcome, made);
                }
            }
        })
    }

    #[expect(clippy::async_yields_async, reason = "the outcome is awaited apart")]
    fn issue<'a>(&'a mut self, messages: &'a [Outgoing<'a>]) -> BoxFuture<'a, Pending> {
        Box::pin(async move {
            let [message] = messages else { return now(Reply::several(messages.len())) };
            let (acking, is_stuck) = match self.publish(*message).await {
                Ok(published) => published,
                Err(failed) => return now(Reply::whole(1, failed.outcome(), 1)),
            };
            let pending: Pending = Box::pin(async move {
                let acked = wait(acking, &is_stuck).await;
                Reply::whole(1, acked.unwrap_or_else(Failed::outcome), 1)
            });
            pending
        })
    }

    fn is_over(&self) -> bool {
        self.is_over
    }
}

impl Failed {
    /// Where it was the only attempt.
    fn outcome(self) -> Outcome {
        match self.class {
            Class::Refused | Class::NeverLeft => Outcome::Refused { why: self.why },
            Class::Acked | Class::Unknown => Outcome::Unknown { why: self.why },
        }
    }
}

fn now(reply: Reply) -> Pending {
    Box::pin(ready(reply))
}
