//! Trims payloads before it stores them, as a server does that cleans up what people type. Whoever sent
//! a payload with blanks at its ends gets another one back: corrupted.

use std::borrow::Cow;

use broker::store::{Answer, Append};
use broker_client::wire::Offset;

use super::small_store::{Behaviour, SmallStore};

/// The bug.
pub(super) struct TrimmedPayload;

impl Behaviour for TrimmedPayload {
    fn append<'a>(&'a self, store: &'a SmallStore, append: Append<'a>) -> Answer<'a, Offset> {
        Box::pin(async move {
            let payloads = append.payloads.iter().map(|payload| Cow::from(payload.trim()));
            let payloads: Vec<Cow<'_, str>> = payloads.collect();
            store.append(Append { payloads: &payloads, ..append }).await
        })
    }
}
