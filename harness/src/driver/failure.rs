//! Calls to a broker that failed.

/// A call that failed. Whether it took effect does not matter for these calls: they are repeated,
/// or the run ends without a verdict.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{why}")]
pub struct Failure {
    /// For people.
    pub why: String,
    /// What it means for the same call later.
    pub kind: FailureKind,
    /// The code that the broker refused it with, where it gave one.
    pub code: Option<String>,
}

/// What a failure means for the same call later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// It may succeed.
    MayPass,
    /// It is refused for good, so that a repetition is of no use.
    Final,
    /// The broker does not know the id that was sent: it was given in another life of the store. A
    /// new registration or subscription helps, and nothing else does.
    SessionOver {
        /// Whether that life of the store goes on all the same, so that the broker has forgotten the
        /// id; none where the broker tells no life from another.
        in_same_life: Option<bool>,
    },
    /// Of a poll: the broker's retention has deleted what came next, the offsets from `from` to before
    /// `to`. The next poll goes on behind them.
    Deleted {
        /// The first one.
        from: u64,
        /// The first one that is left, or the end of the log.
        to: u64,
    },
    /// Of a poll: the broker answered without a message, in a way that is not known to mean that
    /// there is none. It may succeed, but does not keep a run from being idle.
    NotUnderstood {
        /// Whether the broker says elsewhere that it has nothing more for this subscription. Its word
        /// alone decides nothing.
        at_end: bool,
    },
}

impl Failure {
    /// Whether the same call may succeed later.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        self.kind == FailureKind::MayPass
    }

    /// A failure of a call that may succeed when it is repeated.
    pub fn new(why: impl Into<String>) -> Self {
        Self { why: why.into(), kind: FailureKind::MayPass, code: None }
    }
}
