//! What is out of order: against the acks, and of consumers against each other.

use std::collections::BTreeSet;

use harness::history::Offset;
use harness::plan::TopicIndex;
use harness::scenario::{AnomalyKind, Order};

use super::{Count, Got, Judge, Judged};

impl Judge<'_> {
    /// By their places, the first deliveries that come after something that the acks prove to be
    /// behind them (of one producer's, where no order between producers is promised), each with the
    /// first such.
    pub(super) fn reordered(&self, firsts: &[&Got<'_>]) -> Vec<(usize, usize)> {
        let late = |place: usize| {
            let message = firsts[place].message.unwrap();
            let is_behind = |before: &usize| {
                let before = firsts[*before].message.unwrap();
                self.counts(message, before)
                    && (self.is_before(message, before) || self.is_issued_before(message, before))
            };
            let is_proven = |before: usize| {
                let by_ack = self.is_before_by_ack(message, firsts[before].message.unwrap());
                by_ack || !self.may_be_the_second(firsts[place])
            };
            let first = (0..place).find(is_behind)?;
            (0..place).filter(is_behind).any(is_proven).then_some((place, first))
        };
        (0..firsts.len()).filter_map(late).collect()
    }

    /// Whether its message may stand in the log twice, and the subscription begin between the two.
    pub(super) fn may_be_the_second(&self, got: &Got<'_>) -> bool {
        let message = got.message.unwrap();
        let confirmed = got.subscription.confirmed.unwrap().stamp;
        self.may_stand_twice(message) && self.sent(message).is_some_and(|sent| confirmed >= sent)
    }

    pub(super) fn order(&self, judged: &mut Judged) {
        let promised = self.plan.scenario.expect.order;
        for topic in self.topics() {
            let mut edges = BTreeSet::new();
            let mut late = 0;
            let mut tells = true;
            for consumer in 0..self.plan.consumers.len() {
                let firsts = self.firsts(consumer, topic);
                let reordered = self.reordered(&firsts);
                let count = Count::Exactly(reordered.len().try_into().unwrap());
                judged.add(AnomalyKind::Reordered, count, promised != Order::None);
                tells &= firsts.iter().all(|got| got.offset.is_some());
                let is_left = |place: &usize| {
                    !reordered.iter().any(|(late, first)| late == place || first == place)
                };
                let left = (0..firsts.len()).filter(is_left).map(|place| firsts[place]);
                let left: Vec<&Got<'_>> = left.collect();
                late += out_of_order(&left);
                let compared = |got: &&&Got<'_>| !self.may_be_the_second(got);
                let compared: Vec<&Got<'_>> = left.iter().filter(compared).copied().collect();
                for (place, got) in compared.iter().enumerate() {
                    edges.extend(compared[..place].iter().map(|own| (own.message, got.message)));
                }
            }
            self.compare(judged, topic, (late, tells), &edges);
        }
    }

    fn compare<T: Copy + Ord>(
        &self,
        judged: &mut Judged,
        topic: TopicIndex,
        (late, tells): (u64, bool),
        edges: &BTreeSet<(T, T)>,
    ) {
        let breaks = self.plan.scenario.expect.order == Order::PerTopic;
        if self.disputed(topic) {
            judged.open.extend([AnomalyKind::Divergent, AnomalyKind::Duplicate]);
        } else if tells || late == 0 && !is_circular(edges) {
            judged.add(AnomalyKind::Divergent, Count::Exactly(late), breaks);
        } else {
            // How many more there are among those without offsets, the page does not say.
            judged.add(AnomalyKind::Divergent, Count::Some, breaks);
        }
    }
}

/// The fewest without which the others ascend by their offsets, in each life of the store.
fn out_of_order(got: &[&Got<'_>]) -> u64 {
    let lives: BTreeSet<_> = got.iter().map(|got| got.subscription.epoch).collect();
    let late = |life| {
        let own = got.iter().filter(|got| got.subscription.epoch == life);
        let offsets: Vec<Offset> = own.filter_map(|got| got.offset).collect();
        offsets.len() - longest_ascending(&offsets)
    };
    lives.into_iter().map(late).sum::<usize>().try_into().unwrap()
}

/// How many of them are left at most where as few as possible are taken out so that they ascend.
fn longest_ascending<T: Ord>(all: &[T]) -> usize {
    let mut lengths: Vec<usize> = Vec::new();
    for (place, own) in all.iter().enumerate() {
        let before = (0..place).filter(|earlier| all[*earlier] < *own);
        lengths.push(1 + before.map(|earlier| lengths[earlier]).max().unwrap_or(0));
    }
    lengths.into_iter().max().unwrap_or(0)
}

/// Whether these edges lead from somewhere back to it.
pub(super) fn is_circular<T: Copy + Ord>(edges: &BTreeSet<(T, T)>) -> bool {
    let mut nodes: BTreeSet<T> = edges.iter().flat_map(|(from, to)| [*from, *to]).collect();
    loop {
        let free = nodes
            .iter()
            .find(|node| !edges.iter().any(|(from, to)| to == *node && nodes.contains(from)));
        match free.copied() {
            Some(free) => drop(nodes.remove(&free)),
            None => return !nodes.is_empty(),
        }
    }
}
