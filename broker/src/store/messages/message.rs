//! One message as others see it.

use broker_client::wire::{Offset, ProducerId, Sequence};

/// One message, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its place in the log.
    pub offset: Offset,
    /// The producer that sent it.
    pub producer: ProducerId,
    /// Its number, where it was sent with one.
    pub sequence: Option<Sequence>,
    /// Its text.
    pub payload: String,
}
