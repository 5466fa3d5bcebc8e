//! The checks: from plan and history, and nothing else, to a verdict with its proofs.
//!
//! A rule is one file of this folder and one line of the table here. Every rule is linear in the
//! number of events and compares stamps, never times.

use crate::plan::{ConsumerIndex, MessageId, TopicIndex};

/// The kinds of anomaly, in the order in which reports show them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Acked, due, and not delivered when the drain ended.
    Lost,
    /// Delivered more than once to one consumer, or one message at two offsets of a log.
    Duplicate,
    /// Delivered against the order that its acks prove.
    Reordered,
    /// Two consumers of one topic disagree: on the order, or on what stands at an offset.
    Divergent,
    /// Delivered, never sent.
    Phantom,
    /// Refused for sure, yet delivered.
    Resurrected,
    /// The payload differs from what was sent.
    Corrupted,
    /// Delivered on another topic, to a consumer that does not subscribe, or from before it did.
    Misrouted,
    /// Delivered before it was invoked.
    Early,
    /// Two acks share an offset, or one session's offsets go back.
    StaleAck,
}

impl Kind {
    /// Every kind, in order.
    pub const ALL: [Self; 10] = [
        Self::Lost,
        Self::Duplicate,
        Self::Reordered,
        Self::Divergent,
        Self::Phantom,
        Self::Resurrected,
        Self::Corrupted,
        Self::Misrouted,
        Self::Early,
        Self::StaleAck,
    ];

    /// The glossary's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Duplicate => "duplicate",
            Self::Reordered => "reordered",
            Self::Divergent => "divergent",
            Self::Phantom => "phantom",
            Self::Resurrected => "resurrected",
            Self::Corrupted => "corrupted",
            Self::Misrouted => "misrouted",
            Self::Early => "early",
            Self::StaleAck => "stale ack",
        }
    }
}

/// The answer to the one question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every acknowledged message reached every consumer entitled to it, as promised.
    Pass,
    /// At least one promise is proven broken.
    Fail,
    /// Nothing is proven broken, and something keeps it from being proven kept.
    Unknown,
}

/// What the checks conclude.
#[derive(Clone, Debug)]
pub struct Judgement {
    /// Fail beats unknown beats pass.
    pub verdict: Verdict,
    /// What breaks a promise: one entry a kind that was found, in the order of [`Kind::ALL`].
    pub violations: Vec<Finding>,
    /// What was found and `expect` allows.
    pub allowed: Vec<Finding>,
    /// Why there is no verdict, a sentence each; empty on a plain pass.
    pub doubts: Vec<String>,
}

/// All anomalies of one kind.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Of this kind.
    pub kind: Kind,
    /// How many there are, counted exactly: one a message and consumer, or as the kind's check
    /// documents.
    pub count: u64,
    /// The first of them with their proofs, at most [`PROOFS_MAX`].
    pub proofs: Vec<Proof>,
}

/// So many anomalies of a kind are shown with their proofs; the rest are counted.
pub const PROOFS_MAX: usize = 10;

/// One proven anomaly (or a run of neighbouring ones, such as a lost range).
#[derive(Clone, Debug)]
pub struct Proof {
    /// Where.
    pub topic: TopicIndex,
    /// To whom, where it is one consumer's.
    pub consumer: Option<ConsumerIndex>,
    /// The messages that it is about; empty for a phantom.
    pub messages: Vec<MessageId>,
    /// One line: `C1 never got P4#17 (T2 number 17, producer_4.txt:17)`.
    pub title: String,
    /// What was seen: invoked and acked when, at which offset, what each consumer saw around it.
    pub evidence: Vec<String>,
}
