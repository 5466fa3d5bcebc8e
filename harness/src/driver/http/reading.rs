//! What an answer of the broker says: its messages with their identity, which ours carries beside
//! the payload and the original only in a tag before it.

use std::sync::Arc;

use broker_client::Messages;

use super::sessions::View;
use crate::driver::batch::Batch;
use crate::driver::tags::Tags;

/// How the identity of a message is found.
pub(super) enum Reading {
    /// By producer id and sequence.
    Sessions(View),
    /// By its tag.
    Tags {
        tags: Arc<Tags>,
        /// Whether offsets are kept, where ours tells them beside what the original would say.
        with_offsets: bool,
    },
}

impl Reading {
    /// Puts the messages of an answer into a batch.
    pub(super) fn fill(&mut self, batch: &mut Batch, messages: Messages) {
        match self {
            Self::Sessions(view) => batch.replace(messages.placed().map(|(message, place)| {
                (view.identity(message.producer_id, message.sequence), message.offset, place)
            })),
            Self::Tags { tags, with_offsets } => {
                batch.replace(messages.placed().map(|(message, mut place)| {
                    let (identity, tag) = tags.read(message.payload);
                    place.start += tag;
                    (identity, message.offset.filter(|_| *with_offsets), place)
                }));
            }
        }
        batch.set_text(messages.into_text());
    }
}
