//! A producer of any number of topics.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use crate::backoff::Retry;
use crate::client::Client;
use crate::error::Error;
use crate::topic_producer::TopicProducer;
use crate::wire::{Offset, TopicName};

/// Sends messages to topics: registers with each when it first sends to it, repeats what failed as
/// far as that is safe, and registers anew where a registration is over.
///
/// Calls may be made from several tasks. Those for one topic are sent one after the other, in the
/// order of the calls; those for different topics at the same time.
#[derive(Debug)]
pub struct Producer {
    client: Client,
    retry: Retry,
    topics: Mutex<BTreeMap<TopicName, Arc<Session>>>,
}

/// The registration of a topic, where there is one. Its lock is fair, so calls keep their order.
type Session = tokio::sync::Mutex<Option<TopicProducer>>;

impl Producer {
    /// A producer with the default bounds for repeating.
    #[must_use]
    pub fn new(client: &Client) -> Self {
        Self::with_retry(client, Retry::default())
    }

    /// A producer with bounds of your own.
    #[must_use]
    pub fn with_retry(client: &Client, retry: Retry) -> Self {
        Self { client: client.clone(), retry, topics: Mutex::default() }
    }

    /// Appends one message and answers its offset.
    ///
    /// # Errors
    /// [`Error::Unknown`]: it may have been appended, and may yet be. Any other: it was not and
    /// will not be. The producer goes on either way. Dropping the future leaves it unknown.
    pub async fn send(&self, topic: &TopicName, payload: &str) -> Result<Offset, Error> {
        self.send_batch(topic, &[payload]).await
    }

    /// Appends messages next to each other, all or none, and answers the first one's offset.
    ///
    /// # Errors
    /// As [`Producer::send`], for all of them together.
    pub async fn send_batch(&self, topic: &TopicName, batch: &[&str]) -> Result<Offset, Error> {
        let session = self.session(topic);
        let mut session = session.lock().await;
        let outcome = self.send_once(&mut session, topic, batch).await;
        match &outcome {
            // The store began a new life, and the messages are in neither: safe to send again.
            Err(error) if error.is_definite() && error.is_session_over() => {
                self.send_once(&mut session, topic, batch).await
            }
            _ => outcome,
        }
    }

    async fn send_once(
        &self,
        session: &mut Option<TopicProducer>,
        topic: &TopicName,
        batch: &[&str],
    ) -> Result<Offset, Error> {
        let producer = match session {
            Some(producer) if !producer.is_over() => producer,
            _ => session.insert(
                TopicProducer::register(&self.client, topic, &self.retry).await.map_err(unsent)?,
            ),
        };
        producer.send(batch).await.outcome
    }

    fn session(&self, topic: &TopicName) -> Arc<Session> {
        let mut topics = self.topics.lock().expect("no code that holds this lock panics");
        match topics.get(topic) {
            Some(session) => Arc::clone(session),
            None => Arc::clone(topics.entry(topic.clone()).or_default()),
        }
    }
}

/// However a registration failed: the messages were not sent.
fn unsent(error: Error) -> Error {
    match error {
        Error::Unknown(why) => Error::NotSent(format!("registration failed: {why}")),
        definite => definite,
    }
}
