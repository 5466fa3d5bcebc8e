//! One consumer's claim on one topic: the building block of [`Consumer`](crate::Consumer).
//!
//! Every poll says from which offset on it wants messages, and by that acknowledges everything
//! before. An answer that is lost on its way is therefore asked for again, and a poll may be given
//! up at any time.

use std::future::Future;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use crate::backoff::{self, Retry};
use crate::client::Client;
use crate::error::Error;
use crate::messages::Messages;
use crate::topic_producer::no_additions;
use crate::wire::{self, ConsumerId, Offset, TopicName};

/// A consumer's subscription to one topic.
#[derive(Debug)]
pub struct Subscription {
    claim: Arc<Claim>,
    start: Offset,
    position: Offset,
    retry: Retry,
    is_resumed: bool,
}

/// What does not change while the subscription lasts.
#[derive(Debug)]
struct Claim {
    client: Client,
    topic: TopicName,
    id: ConsumerId,
    epoch: String,
    /// Of chance, for the pauses between attempts.
    stream: u64,
}

impl Subscription {
    /// Subscribes to what is appended from now on.
    ///
    /// An attempt whose outcome is unknown may leave a subscription behind that is never polled, and
    /// for which the broker keeps messages; brokers can end such by themselves after a while.
    ///
    /// # Errors
    /// When the bounds of `retry` are reached, or the broker refuses ([`wire::Code::UnknownTopic`])
    /// or knows only the original routes.
    pub async fn subscribe(
        client: &Client,
        topic: &TopicName,
        retry: &Retry,
    ) -> Result<Self, Error> {
        let stream = backoff::stream(&[client.address(), topic.as_str(), SUBSCRIBING], 0);
        let answer = retry.repeat(stream, || client.register_consumer(topic.as_str())).await?;
        Self::registered(client, topic, retry, answer).ok_or_else(|| no_additions(client))
    }

    /// Goes on from a registration that was just made. `None` if the answer has no epoch and
    /// offset: the broker knows only the original routes, on which a lost answer is a lost message.
    #[must_use]
    pub fn registered(
        client: &Client,
        topic: &TopicName,
        retry: &Retry,
        answer: wire::ConsumerRegistered,
    ) -> Option<Self> {
        let start = answer.offset?;
        let id = answer.consumer_id;
        let stream =
            backoff::stream(&[client.address(), topic.as_str(), POLLING], id.cast_unsigned());
        let claim = Claim {
            client: client.clone(),
            topic: topic.clone(),
            id,
            epoch: answer.epoch?,
            stream,
        };
        let (position, retry) = (start, retry.clone());
        Some(Self { claim: Arc::new(claim), start, position, retry, is_resumed: false })
    }

    /// The same, for a consumer that goes on after a crash from where the broker had it. An
    /// acknowledgement from before the crash may still arrive: where the broker then stands
    /// further than this subscription, it goes on from there, for its former self had the rest.
    #[must_use]
    pub fn resumed(mut self) -> Self {
        self.is_resumed = true;
        self
    }

    /// The topic.
    #[must_use]
    pub fn topic(&self) -> &TopicName {
        &self.claim.topic
    }

    /// The id that the broker gave.
    #[must_use]
    pub fn id(&self) -> ConsumerId {
        self.claim.id
    }

    /// The life of the broker's store that the id is of.
    #[must_use]
    pub fn epoch(&self) -> &str {
        &self.claim.epoch
    }

    /// Where the log ended when the subscription was made.
    #[must_use]
    pub fn start(&self) -> Offset {
        self.start
    }

    /// The offset that the next poll asks from: behind the last message it brought.
    #[must_use]
    pub fn position(&self) -> Offset {
        self.position
    }

    /// Asks once for at most `max` messages, waiting up to `wait` (in whole milliseconds; the
    /// broker may cap it) for the first. No messages is an empty answer.
    ///
    /// The call acknowledges what the calls before brought. Nothing is lost when it fails or its
    /// future is dropped.
    ///
    /// # Errors
    /// As for any request; nothing is tried again here. With [`wire::Code::OffsetDeleted`] the broker's
    /// retention has deleted what comes next; the position is then at the first message that is left,
    /// and the next poll goes on there.
    pub async fn poll(&mut self, max: u32, wait: Duration) -> Result<Messages, Error> {
        let messages = loop {
            match self.claim.consume(self.position, max, wait).await {
                Ok(messages) => break messages,
                Err(error) if self.follows(&error) => {}
                Err(error) => {
                    self.skip_deleted(&error);
                    return Err(error);
                }
            }
        };
        self.accept(&messages);
        Ok(messages)
    }

    /// Acknowledges everything that polls brought, without asking for more.
    ///
    /// # Errors
    /// When the bounds for repeating are reached, or the broker refuses.
    pub async fn acknowledge(&self) -> Result<(), Error> {
        let ask = || self.claim.consume(self.position, 0, Duration::ZERO);
        self.retry.repeat(self.claim.stream, ask).await.map(|_| ())
    }

    /// How many messages there are behind the last acknowledged one.
    ///
    /// # Errors
    /// As for any request; nothing is tried again here.
    pub async fn size(&self) -> Result<u64, Error> {
        let claim = &self.claim;
        claim.client.size(&claim.identity()).await.map(|answer| answer.size)
    }

    /// Ends the subscription. One that the broker does not know any more has ended.
    ///
    /// # Errors
    /// When the bounds for repeating are reached.
    pub async fn unsubscribe(self) -> Result<(), Error> {
        self.end().await
    }

    /// [`unsubscribe`](Self::unsubscribe) for a caller that may have to do it again.
    pub(crate) async fn end(&self) -> Result<(), Error> {
        let claim = &self.claim;
        let identity = claim.identity();
        let ask = || claim.client.unsubscribe(&identity);
        match self.retry.repeat(self.claim.stream, ask).await {
            Err(error) if error.is_session_over() => Ok(()),
            result => result,
        }
    }

    /// A poll with its repetitions, as a future of its own that leaves the position where it is;
    /// what it brings counts once it is [accepted](Self::accept).
    pub(crate) fn patient_poll(
        &self,
        max: u32,
        wait: Duration,
    ) -> impl Future<Output = Result<Messages, Error>> + Send + use<> {
        let (claim, position) = (Arc::clone(&self.claim), self.position);
        let (retry, stream) = (self.retry.clone(), self.claim.stream);
        async move { retry.repeat(stream, || claim.consume(position, max, wait)).await }
    }

    /// After a crash: moves to where the broker says that it stands, if that is further.
    fn follows(&mut self, error: &Error) -> bool {
        let stands = match error {
            Error::Refused(refusal) if self.is_resumed => refusal.position,
            _ => None,
        };
        let further = stands.filter(|stands| *stands > self.position);
        self.position = further.unwrap_or(self.position);
        further.is_some()
    }

    /// Moves to where messages are left, if the failure is that those before are deleted; answers
    /// which offsets that passes over.
    pub(crate) fn skip_deleted(&mut self, error: &Error) -> Option<Range<Offset>> {
        let before = self.position;
        let first = error.deleted_before().filter(|first| *first > before)?;
        self.position = first;
        Some(before..first)
    }

    /// Moves the position behind these messages: the next request acknowledges them.
    pub(crate) fn accept(&mut self, messages: &Messages) {
        if let Some(end) = messages.end() {
            self.position = self.position.max(end);
        }
    }
}

impl Claim {
    async fn consume(&self, position: Offset, max: u32, wait: Duration) -> Result<Messages, Error> {
        let request = wire::Consume {
            topic: self.topic.as_str(),
            consumer_id: self.id,
            epoch: Some(&self.epoch),
            offset: Some(position),
            max: Some(max.into()),
            wait_ms: milliseconds(wait),
        };
        let messages = self.client.consume(&request).await?;
        // It could never be acknowledged, and would come again with every poll.
        if messages.iter().any(|message| message.offset.is_none()) {
            let why = "the answer cannot be understood: a message without an offset";
            return Err(Error::Unknown(why.to_owned()));
        }
        Ok(messages)
    }

    fn identity(&self) -> wire::Subscription<'_> {
        wire::Subscription {
            topic: self.topic.as_str(),
            consumer_id: self.id,
            epoch: Some(&self.epoch),
        }
    }
}

/// What tells the streams of chance of one consumer's life apart, and from those of producers.
const SUBSCRIBING: &str = "consumer subscribes";
const POLLING: &str = "consumer polls";

/// `None` for no wait at all.
fn milliseconds(wait: Duration) -> Option<u64> {
    let millis = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
    (millis > 0).then_some(millis)
}
