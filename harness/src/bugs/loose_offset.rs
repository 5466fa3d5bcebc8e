//! Reads the end of the log, and writes there a moment later. Two producers that do so at the same
//! time get the same offset, and the later one's message takes the earlier one's place: two acks
//! for one offset, and a message lost.

use broker::store::{Answer, Append};
use broker_client::wire::Offset;

use super::desk::{Desk, Mistake};

/// The mistake.
pub(super) struct LooseOffset;

impl Mistake for LooseOffset {
    fn append<'a>(&'a self, desk: &'a Desk, append: Append<'a>) -> Answer<'a, Offset> {
        Box::pin(async move {
            let paper = &desk.paper;
            let end = paper.appending(&append, |log| Ok(log.end()))?;
            // Here somebody else may read the same end.
            paper.pause().await;
            let offset = paper.appending(&append, |log| match log.repeated(&append)? {
                Some(offset) => Ok(offset),
                None => {
                    log.write(&append, end);
                    Ok(end)
                }
            })?;
            paper.changed.notify_waiters();
            Ok(offset)
        })
    }
}
