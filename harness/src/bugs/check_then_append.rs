//! Looks up whether a request is a repeat, and appends a moment later, with no lock over both. A
//! client whose connection breaks in between repeats the request; the repeat finds nothing either,
//! and both are appended: a duplicate.

use broker::store::{Answer, Append};
use broker_client::wire::Offset;

use super::small_store::{Behaviour, SmallStore};

/// The bug.
pub(super) struct CheckThenAppend;

impl Behaviour for CheckThenAppend {
    fn append<'a>(&'a self, store: &'a SmallStore, append: Append<'a>) -> Answer<'a, Offset> {
        Box::pin(async move {
            let state = &store.state;
            if let Some(offset) = state.appending(&append, |log| log.repeated(&append))? {
                return Ok(offset);
            }
            // Here somebody else may come by with the same request.
            state.pause().await;
            let offset = state.appending(&append, |log| {
                let end = log.end();
                log.write(&append, end);
                Ok(end)
            })?;
            state.changed.notify_waiters();
            Ok(offset)
        })
    }
}
