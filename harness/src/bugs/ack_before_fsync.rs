//! Acknowledges what is written and not synced; the next request, or the next poll, syncs it. A broker
//! that is killed in between loses nothing, for the kernel has what was written. When the power goes it
//! is lost.

use broker::store::{Answer, Append};
use broker_client::wire::Offset;

use super::small_store::{Behaviour, SmallStore};

/// The bug.
pub(super) struct AckBeforeFsync;

impl Behaviour for AckBeforeFsync {
    fn append<'a>(&'a self, store: &'a SmallStore, append: Append<'a>) -> Answer<'a, Offset> {
        Box::pin(async move {
            store.state.sync(None).await?;
            store.append(append).await
        })
    }

    fn syncs_before_it_acks(&self) -> bool {
        false
    }
}
