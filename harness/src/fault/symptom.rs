//! What a producer sees of a fault: how an attempt fails for its sake. A kind of fault says which
//! symptoms it has; from that follows which missing acks it explains.

/// Why there is no ack of an attempt, as far as a fault may be the reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Symptom<'a> {
    /// The broker gave no answer: it could not be connected to, or the answer did not come.
    NoAnswer,
    /// The broker does not know the producer's registration any more: it is in another life.
    Forgotten,
    /// The broker refused it, with this code; empty where it gave none.
    Refused(&'a str),
}

/// The code of a broker that cannot reach its store, or that is about to end.
pub(super) const UNAVAILABLE: Symptom<'_> = Symptom::Refused("unavailable");

/// What a firing may be felt by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Touches {
    /// The attempts of the producers that it names.
    Producers,
    /// The attempts at every broker: they share a store, and wait for each other's locks there.
    EveryBroker,
    /// The attempts at the broker that it names.
    OneBroker,
    /// No attempt.
    Nothing,
}
