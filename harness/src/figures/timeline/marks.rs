//! Which requests and polls are shown one by one: all of a small run, else those in the places for a
//! closer look, the nearest to what happened there first.

use std::collections::BinaryHeap;
use std::time::Duration;

use super::model::{MARKS_MAX, Mark, MarkKind, Row};
use super::places::Place;
use super::rows::Actor;
use crate::history::{Answer, History, Nanos, Outcome, Polled, Sent};

/// A run of at most so many requests and polls is shown whole.
const SMALL: usize = 500;

/// What of a fault counts as so much farther away than what of a violation.
const FAULTS_BEHIND: u64 = 1 << 62;

/// Adds the marks to the rows.
pub(super) fn add(
    history: &History,
    actors: &[Actor],
    violations: &[Place],
    faults: &[Place],
    until: Nanos,
    rows: &mut [Row],
) {
    let count = |actor: &Actor| each(history, *actor).take(SMALL + 1).count();
    let is_small = actors.iter().map(count).sum::<usize>() <= SMALL;
    if !is_small && violations.is_empty() && faults.is_empty() {
        return;
    }
    let (violations, faults) = (Near::new(violations), Near::new(faults));
    // The farthest is on top.
    let mut kept: BinaryHeap<(u64, usize, Mark)> = BinaryHeap::new();
    for (row, actor) in actors.iter().enumerate() {
        for (from, to, kind) in each(history, *actor).filter(|(from, ..)| *from <= until) {
            let far = violations.distance(from, to).or_else(|| {
                let distance = faults.distance(from, to)?;
                Some(distance.saturating_add(FAULTS_BEHIND))
            });
            let Some(far) = far.or_else(|| is_small.then_some(u64::MAX)) else { continue };
            let (from, until) = (Duration::from_nanos(from), Duration::from_nanos(to.min(until)));
            let mark = (far, row, Mark { from, until, kind });
            if kept.len() < MARKS_MAX {
                kept.push(mark);
            } else if let Some(mut farthest) = kept.peek_mut()
                && mark < *farthest
            {
                *farthest = mark;
            }
        }
    }
    for (_, row, mark) in kept {
        rows[row].marks.push(mark);
    }
    for row in rows {
        row.marks.sort_unstable();
    }
}

/// What an actor did: from, to, and what came of it.
fn each(
    history: &History,
    actor: Actor,
) -> Box<dyn Iterator<Item = (Nanos, Nanos, MarkKind)> + '_> {
    match actor {
        Actor::Producer(place) => Box::new(history.producers[place].sends.iter().map(request)),
        Actor::Consumer(place) => Box::new(history.consumers[place].polls.iter().filter_map(poll)),
    }
}

const fn request(sent: &Sent) -> (Nanos, Nanos, MarkKind) {
    let kind = match sent.outcome {
        Outcome::Acked { .. } => MarkKind::Acked,
        Outcome::Refused { .. } => MarkKind::Refused,
        Outcome::Unknown { .. } => MarkKind::Unknown,
    };
    (sent.invoked.at, sent.completed.at, kind)
}

fn poll(poll: &Polled) -> Option<(Nanos, Nanos, MarkKind)> {
    let kind = match poll.answer {
        Answer::Delivered(0) => return None,
        Answer::Delivered(_) => MarkKind::Delivered,
        Answer::Deleted(_) | Answer::Failed(_) => MarkKind::Failed,
    };
    Some((poll.invoked.at, poll.completed.at, kind))
}

/// How near something is to what happened in some places.
struct Near {
    /// The times of the places, ascending and apart from each other.
    windows: Vec<(Nanos, Nanos)>,
    /// Ascending.
    moments: Vec<Nanos>,
}

impl Near {
    fn new(places: &[Place]) -> Self {
        let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let window = |place: &Place| (nanos(place.focus.from), nanos(place.focus.until));
        let mut all: Vec<_> = places.iter().map(window).collect();
        all.sort_unstable();
        let mut windows: Vec<(Nanos, Nanos)> = Vec::new();
        for (from, until) in all {
            match windows.last_mut() {
                Some(last) if from <= last.1 => last.1 = last.1.max(until),
                _ => windows.push((from, until)),
            }
        }
        let mut moments: Vec<_> = places.iter().flat_map(|own| own.moments.clone()).collect();
        moments.sort_unstable();
        Self { windows, moments }
    }

    /// How far it is from the nearest moment; none outside of the windows.
    fn distance(&self, from: Nanos, to: Nanos) -> Option<u64> {
        let window = self.windows.partition_point(|window| window.1 < from);
        self.windows.get(window).filter(|window| window.0 <= to)?;
        let next = self.moments.partition_point(|moment| *moment < from);
        let after = self.moments.get(next).map(|moment| moment.saturating_sub(to));
        let before = next.checked_sub(1).map(|place| from - self.moments[place]);
        after.into_iter().chain(before).min()
    }
}
