//! What became of the messages of each producer and consumer, by topic.

use serde::Serialize;

/// More rows than this are grouped: actors with equal numbers share one, as in a ledger.
pub const ROWS_MAX: usize = 2_500;

/// What producers sent to a topic, each of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Sent {
    /// `P1`, or several with equal numbers: `P1..P20 P22`.
    pub producers: String,
    /// How many they are.
    pub producer_count: u64,
    /// The topic's name.
    pub topic: String,
    /// Messages that the plan sends; of each of them, as all that follows.
    pub planned: u64,
    /// Messages of requests that were made.
    pub sent: u64,
    /// Of these: acknowledged.
    pub acked: u64,
    /// Of these: refused for sure, or never left.
    pub refused: u64,
    /// Of these: it may have happened or not.
    pub unknown: u64,
}

/// What consumers got of a topic, each of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Got {
    /// `C1`, or several with equal numbers: `C1..C100`.
    pub consumers: String,
    /// How many they are.
    pub consumer_count: u64,
    /// The topic's name.
    pub topic: String,
    /// Acked messages that were due; of each of them, as all that follows.
    pub due: u64,
    /// Deliveries.
    pub got: u64,
    /// As the checks count them, whether `expect` allows them or not.
    pub lost: u64,
    /// As the checks count duplicates.
    pub repeated: u64,
    /// As the checks count what is reordered or divergent.
    pub reordered: u64,
}
