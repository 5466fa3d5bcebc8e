//! The kinds of anomaly that checks find and that a scenario may expect.

/// The kinds of anomaly, in the order in which reports show them, with what one count of each is.
///
/// One fault is one kind: a delivery is judged as the first that fits of phantom, misrouted,
/// resurrected, early and duplicate, and only one that is none of these takes part in the rules on
/// order. A corrupted delivery is one whatever else it is, and still counts as delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AnomalyKind {
    /// Acked, due, and not delivered when the drain ended. Counted: messages times the consumers
    /// that miss them.
    Lost,
    /// Delivered more than once to one consumer, or one message at two offsets of a log. Counted:
    /// deliveries beyond a consumer's first; for a message that every consumer got once and that
    /// still stands at several offsets, the offsets beyond one.
    Duplicate,
    /// Delivered against the order that its acks prove. Counted: a consumer's first deliveries that
    /// come after a message proven to be behind them; two neighbours swapped at one consumer are 1.
    Reordered,
    /// Two consumers of one topic disagree: on the order, or on what stands at an offset. Counted:
    /// first deliveries that come after one which the log has behind them, unless they are
    /// `Reordered` already (two unordered neighbours swapped at one consumer are 1); and runs of
    /// deliveries at offsets that hold other messages for the other consumers.
    Divergent,
    /// Delivered, never sent. Counted: deliveries.
    Phantom,
    /// Refused for sure, yet delivered. Counted: deliveries.
    Resurrected,
    /// The payload differs from what was sent. Counted: deliveries.
    Corrupted,
    /// Delivered on another topic, to a consumer that does not subscribe, or from before it did.
    /// Counted: deliveries.
    Misrouted,
    /// Delivered before it was invoked. Counted: deliveries.
    Early,
    /// Two acks share an offset, or one session's offsets go back. Counted: acks.
    StaleAck,
}

impl AnomalyKind {
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
}
