//! One topic of a consumer: how far it is.

use crate::plan::TopicIndex;
use crate::run::drain::{Seen, Start};

pub(super) struct TopicState {
    pub(super) topic: TopicIndex,
    /// Its subscription now, by place in the history.
    pub(super) subscription: u32,
    pub(super) start: Start,
    pub(super) seen: Seen,
    /// In the last phase: an empty answer came.
    pub(super) finished: bool,
    /// While draining: the last answer was empty, and came when the run had been idle for long
    /// enough. A poll that is still out or pauses says nothing.
    pub(super) quiet: bool,
}
