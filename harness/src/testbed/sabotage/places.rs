//! Which places of the logs are sabotaged: chosen from the plan and its seed before the broker
//! serves, so that equal runs are sabotaged at equal places.

use std::collections::{BTreeMap, BTreeSet};

use broker_client::wire::Offset;
use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::{Rng, SeedableRng};

use super::kind::{Amount, Order};
use crate::plan::Plan;

/// So many places lie between two that are sabotaged, so that one anomaly cannot touch another.
const APART: usize = 2;

/// By topic, the offsets that are sabotaged, ascending.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    topics: BTreeMap<String, Vec<Place>>,
}

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Where in the topic's log.
    pub offset: Offset,
    /// For anomalies of one consumer: the topic's subscription that it happens to, in the order of
    /// registration from 0.
    pub consumer: usize,
}

impl Places {
    /// Chooses as many places as the order says from all messages of the plan, or as many as there
    /// are. The first and the last two messages of a topic are never chosen.
    #[must_use]
    pub fn choose(plan: &Plan, order: &Order) -> Self {
        let mut chance = Pcg64Mcg::seed_from_u64(plan.scenario.seed);
        let sizes: Vec<u64> = plan.topics.iter().map(|topic| size(plan, topic)).collect();
        let step = APART as u64 + 1;
        // The candidates of a topic: offsets 1, 4, 7, ... that have two more messages behind them.
        let counts: Vec<u64> =
            sizes.iter().map(|size| size.saturating_sub(3).div_ceil(step)).collect();
        let candidates: u64 = counts.iter().sum();
        let wanted = wanted(order.amount, sizes.iter().sum()).min(candidates);
        let mut topics = BTreeMap::new();
        for mut number in sample(&mut chance, candidates, wanted) {
            let mut topic = 0;
            while number >= counts[topic] {
                number -= counts[topic];
                topic += 1;
            }
            let consumers = plan.topics[topic].consumers.len() as u64;
            let consumer = usize::try_from(below(&mut chance, consumers)).expect("it was a usize");
            let place = Place { offset: 1 + number * step, consumer };
            let name = plan.topics[topic].name.as_str().to_owned();
            topics.entry(name).or_insert_with(Vec::new).push(place);
        }
        Self { topics }
    }

    /// The place at this offset of a topic.
    #[must_use]
    pub fn at(&self, topic: &str, offset: Offset) -> Option<&Place> {
        let places = self.topics.get(topic)?;
        let place = places.binary_search_by_key(&offset, |place| place.offset).ok()?;
        Some(&places[place])
    }

    /// The `nth` place (from 0) of a topic, if the log has grown to it.
    #[must_use]
    pub fn reached(&self, topic: &str, nth: usize, end: Offset) -> Option<&Place> {
        self.topics.get(topic)?.get(nth).filter(|place| place.offset <= end)
    }

    /// How many there are on all topics.
    #[must_use]
    pub fn len(&self) -> usize {
        self.topics.values().map(Vec::len).sum()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.topics.is_empty()
    }
}

/// Places by hand, for tests: topic, offset and consumer, ascending.
#[cfg(test)]
impl FromIterator<(&'static str, Offset, usize)> for Places {
    fn from_iter<I: IntoIterator<Item = (&'static str, Offset, usize)>>(places: I) -> Self {
        let mut topics: BTreeMap<String, Vec<Place>> = BTreeMap::new();
        for (topic, offset, consumer) in places {
            topics.entry(topic.to_owned()).or_default().push(Place { offset, consumer });
        }
        Self { topics }
    }
}

fn size(plan: &Plan, topic: &crate::plan::Topic) -> u64 {
    topic.streams.iter().map(|stream| u64::from(plan.streams[stream.place()].count)).sum()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a part of a number of messages, which is far below 2^53"
)]
fn wanted(amount: Amount, messages: u64) -> u64 {
    match amount {
        Amount::Percent(percent) => ((messages as f64 * percent / 100.0).round() as u64).max(1),
        Amount::Count(count) => count.into(),
    }
}

/// `wanted` different numbers below `all`, ascending, every choice as likely (Floyd's algorithm).
fn sample(chance: &mut Pcg64Mcg, all: u64, wanted: u64) -> BTreeSet<u64> {
    let mut chosen = BTreeSet::new();
    for last in all - wanted..all {
        let number = below(chance, last + 1);
        if !chosen.insert(number) {
            chosen.insert(last);
        }
    }
    chosen
}

/// A number below `limit`, which is above 0; all as likely, to one part in 2^64.
fn below(chance: &mut Pcg64Mcg, limit: u64) -> u64 {
    let wide = u128::from(chance.next_u64()) * u128::from(limit);
    u64::try_from(wide >> 64).expect("it is below the limit")
}

#[cfg(test)]
mod tests {
    use rand_pcg::Pcg64Mcg;
    use rand_pcg::rand_core::SeedableRng;

    use super::sample;

    #[test]
    fn a_sample_has_its_size_and_comes_again_from_its_seed() {
        let draw = |all, wanted| sample(&mut Pcg64Mcg::seed_from_u64(1), all, wanted);
        for (all, wanted) in [(0, 0), (1, 1), (10, 10), (1000, 7)] {
            let chosen = draw(all, wanted);
            assert_eq!(chosen.len() as u64, wanted);
            assert!(chosen.iter().all(|number| *number < all));
            assert_eq!(chosen, draw(all, wanted));
        }
    }
}
