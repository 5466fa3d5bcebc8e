//! A producer: one message a request, each confirmed by RabbitMQ once it has it.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, ready};
use lapin::options::BasicPublishOptions;
use lapin::types::{AMQPValue, FieldTable, LongString};
use lapin::{BasicProperties, Confirmation, ErrorKind, PublisherConfirm};
use tokio::time::timeout;

use super::link::{Link, code};
use super::topics::Topics;
use crate::driver::address::Address;
use crate::driver::attempts::Attempts;
use crate::driver::client::{RetryPolicy, Session};
use crate::driver::contract::{Outgoing, Pending, Reply, Sender};
use crate::driver::failure::Failure;
use crate::driver::marks::MARK;
use crate::driver::tries::Tries;
use crate::history::{Class, Offsets, Outcome};
use crate::plan::TopicIndex;

/// How long a message may take to leave, and its confirm to come.
const CONFIRMED_WITHIN: Duration = Duration::from_secs(10);

/// A message is kept on the disk.
const PERSISTENT: u8 = 2;

pub(super) struct Producer {
    topics: Arc<Topics>,
    topic: TopicIndex,
    address: Address,
    retries: RetryPolicy,
    session: Session,
    link: Option<Link>,
}

/// An attempt that failed.
struct Failed {
    class: Class,
    code: Option<&'static str>,
    why: String,
}

impl Failed {
    fn unknown(why: impl Into<String>) -> Self {
        Self { class: Class::Unknown, code: None, why: why.into() }
    }
}

impl Producer {
    pub(super) async fn new(
        topics: &Arc<Topics>,
        topic: TopicIndex,
        address: &Address,
        retries: RetryPolicy,
    ) -> Result<Self, Failure> {
        let mut producer = Self {
            topics: Arc::clone(topics),
            topic,
            address: address.clone(),
            retries,
            session: Session::default(),
            link: None,
        };
        producer.link().await?;
        Ok(producer)
    }

    /// The connection, made anew where it is gone.
    async fn link(&mut self) -> Result<&Link, Failure> {
        if !self.link.as_ref().is_some_and(Link::is_up) {
            self.link = None;
            let link = Link::open(&self.address).await?;
            // A program declares what it uses whenever it connects: RabbitMQ may have forgotten it.
            self.topics.declare(&link, self.topic).await?;
            link.confirm().await?;
            self.link = Some(link);
        }
        Ok(self.link.as_ref().expect("it was just made"))
    }

    /// Hands a message over. What comes back is its confirm; messages are stored in the order of
    /// these calls.
    async fn publish(
        &mut self,
        own: Outgoing<'_>,
        mandatory: bool,
    ) -> Result<PublisherConfirm, Failed> {
        let mut headers = FieldTable::default();
        let mark = LongString::from(self.topics.marks.put(own.message));
        headers.insert(MARK.into(), AMQPValue::LongString(mark));
        let mut properties = BasicProperties::default().with_headers(headers);
        if self.topics.settings.persistent {
            properties = properties.with_delivery_mode(PERSISTENT);
        }
        let exchange = self.topics.name(self.topic);
        let link = self.link().await.map_err(|failure| Failed {
            class: Class::NeverLeft,
            code: None,
            why: failure.why,
        })?;
        let options = BasicPublishOptions { mandatory, ..BasicPublishOptions::default() };
        let payload = own.payload.as_bytes();
        let channel = &link.channel;
        let publishing =
            channel.basic_publish(exchange.into(), "".into(), options, payload, properties);
        match timeout(CONFIRMED_WITHIN, publishing).await {
            Ok(Ok(confirm)) => Ok(confirm),
            Ok(Err(error)) => {
                // The channel was gone before a byte was written.
                let never_left = matches!(error.kind(), ErrorKind::InvalidChannelState(..));
                let class = if never_left { Class::NeverLeft } else { Class::Unknown };
                Err(Failed { class, code: None, why: format!("publishing: {error}") })
            }
            // It stays in the queue of what is to be written, before all later ones.
            Err(_) => Err(Failed::unknown(format!("it did not leave within {CONFIRMED_WITHIN:?}"))),
        }
    }

    /// Whether RabbitMQ is to give a message back that no queue gets. Not where producers do not
    /// wait for consumers: there it is nobody's, and that is fine.
    fn is_mandatory(&self) -> bool {
        self.topics.awaits_consumers(self.topic)
    }
}

/// What becomes of a message that was handed over.
async fn confirmed(confirm: PublisherConfirm) -> Result<(), Failed> {
    match timeout(CONFIRMED_WITHIN, confirm).await {
        Ok(Ok(Confirmation::Ack(None))) => Ok(()),
        Ok(Ok(Confirmation::Ack(Some(returned)))) => Err(Failed {
            class: Class::Refused,
            code: Some("no_route"),
            why: format!("RabbitMQ gave it back: {}", returned.reply_text),
        }),
        // One of several queues did not take it, so that others may have it.
        Ok(Ok(Confirmation::Nack(_))) => Err(Failed::unknown("RabbitMQ did not store it (nack)")),
        Ok(Ok(Confirmation::NotRequested)) => Err(Failed::unknown("it was not to be confirmed")),
        Ok(Err(error)) => Err(Failed::unknown(match code(&error) {
            Some(_) => format!("RabbitMQ closed the channel: {error}"),
            None => format!("the connection was lost before the confirm: {error}"),
        })),
        Err(_) => Err(Failed::unknown(format!("no confirm within {CONFIRMED_WITHIN:?}"))),
    }
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
            let [own] = messages else { return Reply::several(messages.len()) };
            let mandatory = self.is_mandatory();
            let mut tries = Tries::new(self.retries);
            let mut made = 0;
            loop {
                attempts.begin();
                made += 1;
                let ended = match self.publish(*own, mandatory).await {
                    Ok(confirm) => confirmed(confirm).await,
                    Err(failed) => Err(failed),
                };
                let Err(Failed { class, code, why }) = ended else {
                    return Reply::whole(1, ACKED, made);
                };
                attempts.fail(class, code);
                if class == Class::Unknown {
                    // RabbitMQ knows no message again: a repetition would be another one.
                    return Reply::whole(1, Outcome::Unknown { why }, made);
                }
                if !tries.again(true).await {
                    return Reply::whole(1, Outcome::Refused { why }, made);
                }
            }
        })
    }

    /// Without `mandatory`: RabbitMQ confirms several at once, and lapin hands a message that was
    /// given back to any of them.
    #[expect(clippy::async_yields_async, reason = "a request is begun, and awaited apart")]
    fn issue<'a>(&'a mut self, messages: &'a [Outgoing<'a>]) -> BoxFuture<'a, Pending> {
        Box::pin(async move {
            let [own] = messages else {
                let reply = Reply::several(messages.len());
                return Box::pin(ready(reply)) as Pending;
            };
            let issued = self.publish(*own, false).await;
            Box::pin(async move {
                let ended = match issued {
                    Ok(confirm) => confirmed(confirm).await,
                    Err(failed) => Err(failed),
                };
                let outcome = match ended {
                    Ok(()) => ACKED,
                    Err(Failed { class: Class::Unknown, why, .. }) => Outcome::Unknown { why },
                    Err(Failed { why, .. }) => Outcome::Refused { why },
                };
                Reply::whole(1, outcome, 1)
            }) as Pending
        })
    }

    fn is_over(&self) -> bool {
        false
    }
}

const ACKED: Outcome = Outcome::Acked { offsets: Offsets::Untold };
