//! What acks prove of the order in which consumers got messages: it comes before any comparison of
//! consumers.

use std::collections::{BTreeMap, BTreeSet};

use crate::check::facts::Facts;
use crate::check::reordered;
use crate::plan::TopicIndex;

/// Deliveries: into [`Facts::feeds`], and place among the consumer's.
pub(super) type DeliveryPlaces = BTreeSet<(usize, usize)>;

/// What acks prove to be out of order, by feed, worked out when it is first needed.
pub(super) struct Acks<'a> {
    facts: &'a Facts<'a>,
    displaced: BTreeMap<usize, Vec<usize>>,
}

impl<'a> Acks<'a> {
    pub(super) const fn new(facts: &'a Facts<'a>) -> Self {
        Self { facts, displaced: BTreeMap::new() }
    }

    fn displaced(&mut self, feed: usize) -> &[usize] {
        let facts = self.facts;
        let displaced = self.displaced.entry(feed);
        displaced.or_insert_with(|| reordered::displaced(facts, &facts.feeds[feed]))
    }

    /// Whether they contradict a delivery.
    pub(super) fn contradict(&mut self, feed: usize, place: usize) -> bool {
        self.displaced(feed).binary_search(&place).is_ok()
    }

    /// Whether they contradict nothing of a feed, as far as it was worked out.
    pub(super) fn trust(&self, feed: usize) -> bool {
        self.displaced.get(&feed).is_none_or(Vec::is_empty)
    }

    /// Works out and adds all of it that is of one topic.
    pub(super) fn add_all(&mut self, topic: TopicIndex, to: &mut DeliveryPlaces) {
        let facts = self.facts;
        let feeds = (0..facts.feeds.len()).filter(|feed| facts.feeds[*feed].topic == topic);
        let feeds: Vec<usize> = feeds.collect();
        let work = |feed: &usize| reordered::displaced(facts, &facts.feeds[*feed]);
        for (feed, displaced) in feeds.iter().zip(facts.parallel(&feeds, work)) {
            to.extend(displaced.iter().map(|place| (*feed, *place)));
            self.displaced.insert(*feed, displaced);
        }
    }
}
