//! What is tried to make a case smaller, in the order in which it takes most out: faults, actors,
//! messages, and then whatever can be said more simply.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::time::Duration;

use super::case::Case;
use super::hunt::Hunt;
use super::reduce::reduce;
use crate::fault::{Fault, Trigger};
use crate::scenario::{CONSUMER_BATCH, Network, Pace, Start};

/// A millisecond: the shortest way there is.
const NEAR: Duration = Duration::from_millis(1);

/// Tries everything again and again until nothing helps any more.
pub(super) fn all(hunt: &mut Hunt<'_>) {
    loop {
        let before = weight(&hunt.best.case);
        faults(hunt);
        actors(hunt);
        lines(hunt);
        simplifications(hunt);
        if hunt.is_over() || weight(&hunt.best.case) == before {
            return;
        }
    }
}

/// How much there is of a case, and how much is said about it.
fn weight(case: &Case) -> (usize, usize, usize, String) {
    let said = super::write::yaml(&Case { seed: 0, ..case.clone() }, "");
    (case.actors(), case.messages(), case.scenario.faults.len(), said)
}

fn faults(hunt: &mut Hunt<'_>) {
    let all = hunt.best.case.scenario.faults.clone();
    reduce(all, &mut |faults| {
        hunt.goes_on()?;
        let mut case = hunt.best.case.clone();
        case.scenario.faults = faults.to_vec();
        Some(hunt.try_case(&case))
    });
}

fn actors(hunt: &mut Hunt<'_>) {
    let all = hunt.best.case.all_actors();
    reduce(all, &mut |actors| {
        hunt.goes_on()?;
        let case = hunt.best.case.with_actors(actors);
        Some(hunt.try_case(&case))
    });
}

fn lines(hunt: &mut Hunt<'_>) {
    // By producer and place; what is left out before does not move the others, because every
    // candidate is made of the same case, with the seed that is best by now.
    let whole = hunt.best.case.clone();
    let places = whole.lines.iter().enumerate();
    let all: Vec<_> =
        places.flat_map(|(place, lines)| (0..lines.len()).map(move |line| (place, line))).collect();
    reduce(all, &mut |kept| {
        hunt.goes_on()?;
        let kept: BTreeSet<_> = kept.iter().copied().collect();
        let case = Case { seed: hunt.best.case.seed, ..whole.with_lines(&kept) };
        Some(hunt.try_case(&case))
    });
}

/// Each is kept if the case still fails with it.
fn simplifications(hunt: &mut Hunt<'_>) {
    let changes: [fn(&mut Case); 8] = [
        |case| network(case, |network| (network.lose_request, network.lose_response) = (0.0, 0.0)),
        |case| network(case, |network| network.lose_request = 0.0),
        |case| network(case, |network| network.lose_response = 0.0),
        // Everything takes equally long.
        |case| network(case, |network| (network.latency_min, network.latency_max) = (NEAR, NEAR)),
        no_pace,
        plain_actors,
        |case| case.scenario.start = Start::ConsumersFirst,
        payloads,
    ];
    for change in changes {
        attempt(hunt, change);
    }
    for place in 0..hunt.best.case.scenario.faults.len() {
        for named in named(&hunt.best.case, place) {
            if attempt(hunt, |case| case.scenario.faults[place] = named.clone()) {
                break;
            }
        }
    }
}

fn attempt(hunt: &mut Hunt<'_>, change: impl Fn(&mut Case)) -> bool {
    if hunt.is_over() {
        return false;
    }
    let mut case = hunt.best.case.clone();
    let before = weight(&case);
    change(&mut case);
    weight(&case) != before && hunt.try_case(&case)
}

fn network(case: &mut Case, change: impl Fn(&mut Network)) {
    let mut network = case.network();
    change(&mut network);
    case.scenario.network = Some(network);
}

fn no_pace(case: &mut Case) {
    for (producer, lines) in case.scenario.producers.iter_mut().zip(&mut case.lines) {
        producer.pace = Pace::None;
        lines.iter_mut().for_each(|line| line.time = Duration::ZERO);
    }
}

fn plain_actors(case: &mut Case) {
    for producer in &mut case.scenario.producers {
        producer.batch = NonZeroU32::MIN;
        producer.in_flight = NonZeroU32::MIN;
    }
    for consumer in &mut case.scenario.consumers {
        consumer.pause = Duration::ZERO;
        consumer.batch = CONSUMER_BATCH;
        consumer.poll_after = None;
    }
}

/// Payloads that say whose they are, and rounds that count from one.
fn payloads(case: &mut Case) {
    for (producer, lines) in case.scenario.producers.iter().zip(&mut case.lines) {
        let mut round = 0;
        let mut before = None;
        for (place, line) in lines.iter_mut().enumerate() {
            if before.replace(line.round).is_some_and(|before| before != line.round) {
                round += 1;
            }
            line.round = round;
            line.payload = format!("P{}_{}", producer.number, place + 1);
        }
    }
}

/// A fault that says more exactly when it fires and what it is about, or says less: once instead of again and again,
/// about one actor instead of any, with simpler settings.
fn named(case: &Case, place: usize) -> Vec<Fault> {
    let fault = &case.scenario.faults[place];
    let mut ways = Vec::new();
    if let Trigger::Every { every, from, until } = fault.trigger {
        let end = until.unwrap_or(from + every * 40);
        let times = std::iter::successors(Some(from), |time| Some(*time + every));
        let times = times.take_while(|time| *time <= end).take(40);
        ways.extend(times.map(|at| Fault { trigger: Trigger::At(at), ..fault.clone() }));
    }
    let actors = case.all_actors();
    let plans = [fault.clone()].into_iter().chain(ways.clone());
    let simpler = plans.flat_map(|way| {
        let actions = way.action.simpler(&actors).into_iter();
        // One that cannot be is refused when it is loaded.
        actions.map(|action| Fault { action, ..way.clone() }).collect::<Vec<_>>()
    });
    simpler.chain(ways).collect()
}
