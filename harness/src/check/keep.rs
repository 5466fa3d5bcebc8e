//! Which anomalies are kept with their proofs; all of them are counted.

use super::anomaly::{Anomaly, Subject};
use crate::plan::{ConsumerIndex, MessageId};

/// So many anomalies of a kind are shown with their proofs; the rest are counted.
pub const PROOFS_MAX: usize = 10;

/// So many are kept of those that are about one message: one a consumer, and a few more.
const ABOUT_MAX: usize = 1_000;

/// Which anomalies of a kind are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keep {
    /// The first ones.
    #[default]
    First,
    /// Those that say something of this message.
    OfMessage(MessageId),
    /// Those of this delivery that no message explains, by its place among the consumer's.
    OfDelivery(ConsumerIndex, usize),
}

impl Keep {
    pub(super) const fn room(self) -> usize {
        match self {
            Self::First => PROOFS_MAX,
            Self::OfMessage(_) | Self::OfDelivery(..) => ABOUT_MAX,
        }
    }

    pub(super) fn wants(self, anomaly: &Anomaly) -> bool {
        match (self, anomaly.subject) {
            // What is about nothing in particular is about everything.
            (Self::First, _) | (Self::OfMessage(_), Subject::Nothing) => true,
            // More than two are neighbours; two may be far apart.
            (Self::OfMessage(message), Subject::Messages(first, last)) => {
                match anomaly.message_count {
                    0..=2 => message == first || message == last,
                    _ => (first..=last).contains(&message),
                }
            }
            (Self::OfDelivery(consumer, place), Subject::Delivery(other, at)) => {
                consumer == other && place == at
            }
            (Self::OfMessage(_), Subject::Delivery(..))
            | (Self::OfDelivery(..), Subject::Nothing | Subject::Messages(..)) => false,
        }
    }
}
