//! What a timeline consists of.

use std::time::Duration;

/// At most so many marks, over all rows.
pub const MARKS_MAX: usize = 2_000;

/// At most so many rows; the actors of what was found come first.
pub const ROWS_MAX: usize = 60;

/// At most so many violations, and so many faults, are places for a closer look.
pub const FOCUSES_MAX: usize = 20;

/// So many values of density a row.
pub const DENSITY: usize = 100;

/// What each actor did when.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Timeline {
    /// Where it ends; it begins with the run.
    pub until: Duration,
    /// Producers first.
    pub rows: Vec<Row>,
    /// Actors without a row.
    pub rows_left_out: usize,
    /// Places worth a closer look: violations, then faults.
    pub focuses: Vec<Focus>,
    /// Times, at least a twentieth of the whole, in which no consumer got anything, although something
    /// was acked: from there, until there.
    pub gaps: Vec<(Duration, Duration)>,
}

/// One actor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// `P4`.
    pub actor: String,
    /// Single requests or polls.
    pub marks: Vec<Mark>,
    /// Messages sent or delivered in each of [`DENSITY`] equal parts of the time.
    pub density: Vec<u64>,
}

/// A request, or a poll that brought something or failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    /// When it left.
    pub from: Duration,
    /// When its outcome was known.
    pub until: Duration,
    /// What came of it.
    pub kind: MarkKind,
}

/// What came of a request or a poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MarkKind {
    /// A request that was acked.
    Acked,
    /// A request that was refused, or never left.
    Refused,
    /// A request whose outcome is unknown.
    Unknown,
    /// A poll that brought messages.
    Delivered,
    /// A poll that failed.
    Failed,
}

/// A place worth a closer look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Focus {
    /// From there.
    pub from: Duration,
    /// Until there.
    pub until: Duration,
    /// When what is there was seen: the ack of what was lost, the delivery of what came again.
    pub at: Duration,
    /// What is there: `lost: C2 never got P1#3`, or a fault.
    pub what: String,
    /// Whether it is a violation.
    pub is_violation: bool,
}
