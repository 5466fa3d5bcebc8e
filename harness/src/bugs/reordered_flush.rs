//! Has messages and sequences in two files, and syncs that of the sequences first. When the power goes in
//! between, the store knows of a request that it never kept: the producer, which got no answer, repeats it,
//! is told that it is there already, and it is lost. A broker that is killed loses nothing, for both files
//! are written by then.

use broker::store::{Answer, Append};
use broker_client::wire::Offset;

use super::durable_state::File;
use super::small_store::{Behaviour, SmallStore};

/// The bug.
pub(super) struct ReorderedFlush;

impl Behaviour for ReorderedFlush {
    fn append<'a>(&'a self, store: &'a SmallStore, append: Append<'a>) -> Answer<'a, Offset> {
        Box::pin(async move {
            let state = &store.state;
            state.pause().await;
            let repeated = state.appending(&append, |log| log.repeated(&append))?;
            if let Some(offset) = repeated {
                return Ok(offset);
            }
            let offset = state.appending_to(File::Messages, &append, |log| {
                let end = log.end();
                log.write_messages(&append, end);
                Ok(end)
            })?;
            state.appending_to(File::Sequences, &append, |log| {
                log.count(&append, offset);
                Ok(())
            })?;
            state.changed.notify_waiters();
            state.sync(Some(File::Sequences)).await?;
            // Here the power may go.
            state.pause().await;
            state.sync(Some(File::Messages)).await?;
            Ok(offset)
        })
    }
}
