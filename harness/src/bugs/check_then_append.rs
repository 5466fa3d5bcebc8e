//! Looks up whether a request is a repeat, and appends a moment later, with no lock over both. A
//! client whose connection breaks in between repeats the request; the repeat finds nothing either,
//! and both are appended: a duplicate.

use broker::store::{Answer, Append};
use broker_client::wire::Offset;

use super::desk::{Desk, Mistake};

/// The mistake.
pub(super) struct CheckThenAppend;

impl Mistake for CheckThenAppend {
    fn append<'a>(&'a self, desk: &'a Desk, append: Append<'a>) -> Answer<'a, Offset> {
        Box::pin(async move {
            let paper = &desk.paper;
            if let Some(offset) = paper.appending(&append, |log| log.repeated(&append))? {
                return Ok(offset);
            }
            // Here somebody else may come by with the same request.
            paper.pause().await;
            let offset = paper.appending(&append, |log| {
                let end = log.end();
                log.write(&append, end);
                Ok(end)
            })?;
            paper.changed.notify_waiters();
            Ok(offset)
        })
    }
}
