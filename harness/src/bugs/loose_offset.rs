//! Reads the end of the log, and writes there a moment later. Two producers that do so at the same
//! time get the same offset, and the later one's message takes the earlier one's place: two acks
//! for one offset, and a message lost.

use broker::store::{Answer, Append};
use broker_client::wire::Offset;

use super::small_store::{Behaviour, SmallStore};

/// The bug.
pub(super) struct LooseOffset;

impl Behaviour for LooseOffset {
    fn append<'a>(&'a self, store: &'a SmallStore, append: Append<'a>) -> Answer<'a, Offset> {
        Box::pin(async move {
            let state = &store.state;
            let end = state.appending(&append, |log| Ok(log.end()))?;
            // Here somebody else may read the same end.
            state.pause().await;
            let offset = state.appending(&append, |log| match log.repeated(&append)? {
                Some(offset) => Ok(offset),
                None => {
                    log.write(&append, end);
                    Ok(end)
                }
            })?;
            state.changed.notify_waiters();
            Ok(offset)
        })
    }
}
