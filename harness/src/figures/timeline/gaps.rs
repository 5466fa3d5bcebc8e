//! When no consumer got anything.

use std::time::Duration;

use crate::history::{Answer, History, Nanos, Outcome};

/// A gap is at least such a part of the whole time.
const SHORTEST: u64 = 20;

/// So many parts of the time keep their first and last delivery: what is between two parts with
/// deliveries is then known exactly, without sorting all deliveries.
const PARTS: u64 = 1_000;

/// The gaps, in order.
pub(super) fn of(history: &History, until: Nanos) -> Vec<(Duration, Duration)> {
    let acks = history.producers.iter().flat_map(|producer| &producer.sends);
    let acks = acks.filter(|sent| matches!(sent.outcome, Outcome::Acked { .. }));
    let first_ack = acks.map(|sent| sent.completed.at).min();
    let Some(first_ack) = first_ack.filter(|_| !history.consumers.is_empty()) else {
        return Vec::new();
    };
    let mut gaps = Vec::new();
    let mut before = first_ack;
    let ends = [(until, until)];
    for (first, last) in deliveries(history, until).into_iter().flatten().chain(ends) {
        if first.saturating_sub(before) > until / SHORTEST {
            gaps.push((Duration::from_nanos(before), Duration::from_nanos(first)));
        }
        before = before.max(last);
    }
    gaps
}

/// The first and the last delivery of each part of the time.
fn deliveries(history: &History, until: Nanos) -> Vec<Option<(Nanos, Nanos)>> {
    let width = until / PARTS + 1;
    let mut parts: Vec<Option<(Nanos, Nanos)>> = Vec::new();
    for poll in history.consumers.iter().flat_map(|consumer| &consumer.polls) {
        if let Answer::Delivered(1..) = poll.answer {
            let at = poll.completed.at;
            let place = usize::try_from(at / width).unwrap_or(usize::MAX);
            if parts.len() <= place {
                parts.resize(place + 1, None);
            }
            let (first, last) = parts[place].unwrap_or((at, at));
            parts[place] = Some((first.min(at), last.max(at)));
        }
    }
    parts
}
