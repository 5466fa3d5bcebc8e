//! What an answer of the broker says: its messages with their identity, which ours carries beside
//! the payload and the original only in a tag before it.

use std::sync::Arc;

use broker_client::Messages;
use broker_client::wire::TopicName;

use super::sessions::View;
use crate::driver::batch::Batch;
use crate::driver::failure::Failure;
use crate::driver::tags;
use crate::plan::Plan;

/// How the identity of a message is found.
pub(super) enum Reading {
    /// By producer id and sequence.
    Sessions(View),
    /// By its tag.
    Tags {
        plan: Arc<Plan>,
        /// Whether offsets are kept, where ours tells them beside what the original would say.
        with_offsets: bool,
    },
}

/// A broker of our wire hands out messages without saying who sent them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unnamed;

impl Unnamed {
    pub(super) fn failure(self, doing: &str, topic: &TopicName) -> Failure {
        let why = format!(
            "{doing} {topic}: the broker tells the epoch and offsets, but its messages have no \
             `producer_id`, so that nobody can say which is which; set \
             `broker: {{ driver: original }}`, and each carries its name in a tag"
        );
        Failure { is_final: true, ..Failure::new(why) }
    }
}

impl Reading {
    /// Puts the messages of an answer into a batch.
    ///
    /// # Errors
    /// When the first messages that it reads all lack what should say who sent them.
    pub(super) fn fill(&mut self, batch: &mut Batch, messages: Messages) -> Result<(), Unnamed> {
        match self {
            Self::Sessions(view) => {
                if !view.tells_senders(&messages) {
                    return Err(Unnamed);
                }
                batch.replace(messages.placed().map(|(message, place)| {
                    (view.identity(message.producer_id, message.sequence), message.offset, place)
                }));
            }
            Self::Tags { plan, with_offsets } => {
                batch.replace(messages.placed().map(|(message, mut place)| {
                    let (identity, tag) = tags::read(plan, message.payload);
                    place.start += tag;
                    (identity, message.offset.filter(|_| *with_offsets), place)
                }));
            }
        }
        batch.set_text(messages.into_text());
        Ok(())
    }
}
