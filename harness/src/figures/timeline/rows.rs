//! Which actors have a row, and how much each did over the time.

use super::model::{DENSITY, ROWS_MAX, Row};
use super::places::Place;
use crate::history::{Answer, History, Nanos};
use crate::plan::Plan;

/// An actor by its place among its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Actor {
    Producer(usize),
    Consumer(usize),
}

/// The actors with a row: those of violations first, then by number, of each kind at least half of the
/// rows if it needs them. Producers first, by number.
pub(super) fn choose(plan: &Plan, history: &History, violations: &[Place]) -> Vec<Actor> {
    let producers = history.producers.len().min(plan.producers.len());
    let consumers = history.consumers.len().min(plan.consumers.len());
    let half = ROWS_MAX / 2;
    let for_producers = producers.min(ROWS_MAX - consumers.min(half));
    let for_consumers = consumers.min(ROWS_MAX - for_producers);
    let of_violations = violations.iter().flat_map(|place| place.producers.iter().copied());
    let mut chosen: Vec<Actor> =
        first(of_violations, producers, for_producers).into_iter().map(Actor::Producer).collect();
    let of_violations = violations.iter().filter_map(|place| place.consumer);
    chosen.extend(first(of_violations, consumers, for_consumers).into_iter().map(Actor::Consumer));
    chosen
}

/// So many places of `count`, ascending: the wanted ones, then the first ones.
fn first(wanted: impl Iterator<Item = usize>, count: usize, room: usize) -> Vec<usize> {
    let mut is_in = vec![false; count];
    let mut chosen = Vec::new();
    for place in wanted.filter(|place| *place < count).chain(0..count) {
        if chosen.len() == room {
            break;
        }
        if !std::mem::replace(&mut is_in[place], true) {
            chosen.push(place);
        }
    }
    chosen.sort_unstable();
    chosen
}

/// The rows, without marks.
pub(super) fn measure(plan: &Plan, history: &History, actors: &[Actor], until: Nanos) -> Vec<Row> {
    let width = until / DENSITY as u64 + 1;
    let place = |at: Nanos| usize::try_from(at / width).unwrap_or(DENSITY).min(DENSITY - 1);
    let row = |actor: &Actor| {
        let mut density = vec![0; DENSITY];
        let name = match actor {
            Actor::Producer(own) => {
                for sent in &history.producers[*own].sends {
                    density[place(sent.invoked.at)] += u64::from(sent.count);
                }
                format!("P{}", plan.producers[*own].number)
            }
            Actor::Consumer(own) => {
                for poll in &history.consumers[*own].polls {
                    if let Answer::Delivered(count) = poll.answer {
                        density[place(poll.completed.at)] += u64::from(count);
                    }
                }
                format!("C{}", plan.consumers[*own].number)
            }
        };
        Row { actor: name, marks: Vec::new(), density }
    };
    actors.iter().map(row).collect()
}
