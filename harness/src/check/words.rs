//! The words that titles and evidence share: moments, names, payloads.

use super::facts::{Facts, Feed, Seen};
use crate::history::{EpochIndex, Moment, Nanos};
use crate::plan::ConsumerIndex;

/// At most so many characters of a payload are shown.
const CLIP: usize = 60;

/// `12.345 ms (stamp 331)`.
pub(super) fn moment(moment: Moment) -> String {
    format!("{} (stamp {})", time(moment.at), moment.stamp)
}

/// `12.345 ms`.
pub(crate) fn time(at: Nanos) -> String {
    let micros = at / 1_000;
    format!("{}.{:03} ms", micros / 1_000, micros % 1_000)
}

/// `C1`.
pub(super) fn consumer_name(facts: &Facts<'_>, consumer: ConsumerIndex) -> String {
    format!("C{}", facts.plan.consumers[consumer.place()].number)
}

/// ` in epoch e-7`, where there was more than one.
pub(super) fn epoch_name(facts: &Facts<'_>, epoch: Option<EpochIndex>) -> String {
    match epoch {
        Some(epoch) if facts.history.epochs.len() > 1 => {
            format!(" in epoch {}", facts.history.epochs[epoch.0 as usize])
        }
        _ => String::new(),
    }
}

/// A delivery that no message explains: its payload, and the sender that the broker names.
pub(super) fn quoted(facts: &Facts<'_>, feed: &Feed, seen: Seen) -> String {
    let oddities = &facts.history.consumers[feed.consumer.place()].oddities;
    let Some(oddity) = oddities.get(&(seen.place as u64)) else {
        return "a message without an identity".to_owned();
    };
    let sender = match (oddity.producer, oddity.sequence) {
        (Some(producer), Some(sequence)) => {
            format!(" (producer id {producer}, sequence {sequence})")
        }
        (Some(producer), None) => format!(" (producer id {producer})"),
        _ => String::new(),
    };
    format!("{}{sender}", clip(&oddity.payload))
}

/// A payload in quotes, its middle left out if it is long.
pub(crate) fn clip(payload: &str) -> String {
    let count = payload.chars().count();
    if count <= CLIP {
        return format!("{payload:?}");
    }
    let head: String = payload.chars().take(CLIP / 2).collect();
    let tail: String = payload.chars().skip(count - CLIP / 4).collect();
    format!("{head:?}..{tail:?} ({} bytes)", payload.len())
}
