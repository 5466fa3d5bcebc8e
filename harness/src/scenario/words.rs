//! The words that the YAML has for a scenario's own types, both ways.

use std::fmt;
use std::num::NonZeroU64;

use super::anomaly::AnomalyKind;
use super::broker::{Need, Store};
use super::model::{
    Acked, Acknowledge, Counter, Delivery, Order, Pace, Payloads, Requirement, Start,
};
use super::wire::{Carrier, NewConsumers};
use crate::input::diagnostic::{Diagnostic, hint};
use crate::input::values::{Parsed, count, reversed, time};

/// The greatest rate in messages a second, and the greatest speed of a recorded pace.
const RATE_MAX: f64 = 1_000_000.0;

/// A word for each value of a type; the first is the default where there is one.
pub(super) trait Words: Copy + PartialEq + 'static {
    /// All of them.
    const WORDS: &[(&str, Self)];

    fn spell(self) -> &'static str {
        let word = Self::WORDS.iter().find(|(_, value)| *value == self);
        word.expect("every value has a word").0
    }
}

/// Gives a type its words, and prints it as them.
macro_rules! words {
    ($type:ty: $($word:literal => $value:expr),+ $(,)?) => {
        words!($type = &[$(($word, $value)),+]);
    };
    ($type:ty = $words:expr) => {
        impl Words for $type {
            const WORDS: &[(&str, Self)] = $words;
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
words!(Need:
    "survives-kill" => Self::SurvivesKill,
    "survives-power-cut" => Self::SurvivesPowerCut,
    "in-memory" => Self::InMemory,
    "shared-store" => Self::SharedStore,
    "offsets" => Self::Offsets,
    "epoch" => Self::Epoch,
    "resume" => Self::Resume,
    "readable-log" => Self::ReadableLog,
    "in-flight" => Self::InFlight,
);
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
words!(AnomalyKind = AnomalyKind::WORDS);
words!(Carrier: "query" => Self::Query, "body" => Self::Body);
words!(NewConsumers: "end" => Self::End, "beginning" => Self::Beginning);
words!(Payloads: "plain" => Self::Plain, "hostile" => Self::Hostile);
words!(Acked: "all" => Self::All, "any" => Self::Any);
words!(Counter:
    "unknown_acks" => Self::UnknownAcks,
    "retries" => Self::Retries,
    "acked" => Self::Acked,
    "delivered" => Self::Delivered,
    "backlog" => Self::Backlog,
    "forgotten" => Self::Forgotten,
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

/// One of a type's words.
pub(super) fn word<T: Words>(text: &str) -> Parsed<T> {
    let words = || T::WORDS.iter().map(|(word, _)| *word);
    T::WORDS.iter().find(|(word, _)| *word == text).map(|(_, value)| *value).ok_or_else(|| {
        Diagnostic::new(format!("unknown value `{text}`")).label(hint(text, words()))
    })
}

/// `unknown_acks >= 1`.
pub(super) fn requirement(text: &str) -> Parsed<Requirement> {
    let Some((counter, at_least)) = text.split_once(">=") else {
        return Err(Diagnostic::new(format!("`{text}` is not a condition"))
            .label("expected a counter, `>=` and a number, such as `unknown_acks >= 1`"));
    };
    let counter = word(counter.trim())?;
    Ok(Requirement { counter, at_least: count(at_least.trim(), 1..=u64::MAX)? })
}

/// `500 acked`: when a consumer polls first.
pub(super) fn poll_after(text: &str) -> Parsed<NonZeroU64> {
    let Some((count_text, "acked")) = text.split_once(' ').map(|(n, word)| (n, word.trim())) else {
        return Err(Diagnostic::new(format!("`{text}` is not a number of acknowledgements"))
            .label("expected a number and `acked`, such as `500 acked`"));
    };
    let count = count(count_text, 1..=u64::MAX)?;
    Ok(NonZeroU64::new(count).expect("the limits begin at 1"))
}

/// `none`, `recorded`, `recorded x10`, `200/s` or `0ms..1s`.
pub(super) fn pace(text: &str) -> Parsed<Pace> {
    const FORMS: &str =
        "expected `none`, `recorded`, `recorded x10`, `200/s`, or a pause such as `0ms..1s`";
    if let Some(rate) = text.strip_suffix("/s") {
        return positive(rate.trim_end())
            .map(Pace::Rate)
            .map_err(|why| Diagnostic::new(format!("`{text}` is not a rate")).label(why));
    }
    if let Some((min, max)) = text.split_once("..") {
        let (min, max) = (time(min.trim())?, time(max.trim())?);
        if min > max {
            return Err(reversed(text));
        }
        return Ok(Pace::Uniform { min, max });
    }
    if let Some(speed) = text.strip_prefix("recorded") {
        let speed = speed.trim_start();
        if speed.is_empty() {
            return Ok(Pace::Recorded { speed: 1.0 });
        }
        if let Some(speed) = speed.strip_prefix('x') {
            return positive(speed)
                .map(|speed| Pace::Recorded { speed })
                .map_err(|why| Diagnostic::new(format!("`{text}` is not a pace")).label(why));
        }
    }
    if text == "none" {
        return Ok(Pace::None);
    }
    Err(Diagnostic::new(format!("`{text}` is not a pace")).label(FORMS))
}

fn positive(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|number: &f64| *number > 0.0 && *number <= RATE_MAX)
        .ok_or_else(|| format!("expected a number above 0 and up to {RATE_MAX}"))
}
