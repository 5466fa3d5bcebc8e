//! The disk of what keeps the data, on which faults can be put: one of the harness's own below a real
//! server, or a model of it.

use std::future::ready;

use futures_util::future::BoxFuture;

use super::{Failure, InjectionId};
use crate::fault::Power;
use crate::history::{Forgotten, Trace};
use crate::storage::protocol::{Rotten, Trouble};

/// What can be done to the disk. Calls never overlap, but for troubles: any number of them may last
/// at a time.
pub trait Disk: Send + Sync {
    /// Just before the first message: the clock of [`Trace`]s begins, and where `durable`, all that was
    /// written so far is durable.
    fn settle(&self, durable: bool) -> BoxFuture<'_, Result<(), Failure>>;

    /// The server is killed at the moment of its next sync, and what was not durable is forgotten.
    /// Afterwards it is down, and is started again by [`Change::Start`](super::Change::Start). Also
    /// for a server that is down already.
    fn cut(&self, power: Power, seed: u64) -> BoxFuture<'_, Result<Forgotten, Failure>>;

    /// Bits flip in one of these payloads; none where none of them is found. The server is down.
    fn rot<'a>(
        &'a self,
        payloads: &'a [String],
        bits: u32,
        seed: u64,
    ) -> BoxFuture<'a, Result<Option<Rotten>, Failure>>;

    /// Something is wrong with the disk from now on. From then on the end of the server is not reported by
    /// [`Testbed::ended`](super::Testbed::ended).
    fn begin(&self, id: InjectionId, trouble: Trouble) -> BoxFuture<'_, Result<(), Failure>>;

    /// It is over, and says how much it met.
    fn end(&self, id: InjectionId) -> BoxFuture<'_, Result<u64, Failure>>;

    /// Completes when a trouble has used itself up. May be dropped and called again.
    fn spent(&self, id: InjectionId) -> BoxFuture<'_, ()>;

    /// Whether the server is up.
    fn is_up(&self) -> bool;

    /// A server that is up is another process afterwards, on the same data: asked to end, killed if it
    /// does not for a few seconds, and started. For one that takes nothing any more after a trouble;
    /// a model always does.
    fn restart(&self) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(ready(Ok(())))
    }

    /// How the server ended, or what it wrote last, where it could not be started again on this disk.
    fn gone(&self) -> Option<String> {
        None
    }

    /// What is known of these payloads, in their order, as the disk was just before its last cut.
    fn trace<'a>(&'a self, payloads: &'a [String]) -> BoxFuture<'a, Result<Vec<Trace>, Failure>>;
}
