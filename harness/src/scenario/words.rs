//! The words that the YAML has for values from a list, both ways.

use std::fmt;

use super::{Acked, Acknowledge, AnomalyKind, Counter, Delivery, Order, Pace, Start, Store};

/// A word for each value of a type; the first is the default where there is one.
pub(super) trait Words: Copy + PartialEq + 'static {
    /// All of them.
    const WORDS: &[(&str, Self)];

    /// The value's word.
    fn spell(self) -> &'static str {
        let word = Self::WORDS.iter().find(|(_, value)| *value == self);
        word.expect("every value has a word").0
    }
}

/// Gives a type its words, and prints it as them.
macro_rules! words {
    ($type:ty: $($word:literal => $value:expr),+ $(,)?) => {
        impl Words for $type {
            const WORDS: &[(&str, Self)] = &[$(($word, $value)),+];
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.spell())
            }
        }
    };
}

words!(Start: "consumers-first" => Self::ConsumersFirst, "together" => Self::Together);
words!(Store: "memory" => Self::Memory, "mysql" => Self::Mysql);
words!(Delivery:
    "exactly-once" => Self::ExactlyOnce,
    "at-least-once" => Self::AtLeastOnce,
    "at-most-once" => Self::AtMostOnce,
);
words!(Order:
    "per-topic" => Self::PerTopic,
    "per-producer" => Self::PerProducer,
    "none" => Self::None,
);
words!(Acknowledge: "offset" => Self::Offset, "automatic" => Self::Automatic);
words!(AnomalyKind:
    "lost" => Self::Lost,
    "duplicate" => Self::Duplicate,
    "reordered" => Self::Reordered,
    "divergent" => Self::Divergent,
    "phantom" => Self::Phantom,
    "resurrected" => Self::Resurrected,
    "corrupted" => Self::Corrupted,
    "misrouted" => Self::Misrouted,
    "early" => Self::Early,
    "stale-ack" => Self::StaleAck,
);
words!(Acked: "all" => Self::All, "any" => Self::Any);
words!(Counter:
    "unknown_acks" => Self::UnknownAcks,
    "retries" => Self::Retries,
    "acked" => Self::Acked,
    "delivered" => Self::Delivered,
);

impl fmt::Display for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => write!(f, "none"),
            Self::Recorded { speed } if (speed - 1.0).abs() < f64::EPSILON => write!(f, "recorded"),
            Self::Recorded { speed } => write!(f, "recorded x{speed}"),
            Self::Rate(rate) => write!(f, "{rate}/s"),
            Self::Uniform { min, max } => {
                let [min, max] = [min, max].map(|time| humantime::format_duration(*time));
                write!(f, "{min}..{max}")
            }
        }
    }
}
