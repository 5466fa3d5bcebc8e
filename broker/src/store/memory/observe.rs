//! What the store in memory tells of itself. Every lock is held for a part of what there is, so that requests
//! do not wait for a scrape of many topics.

use std::ops::Bound;
use std::sync::{Arc, Weak};

use broker_client::wire::{ConsumerId, ProducerId, TopicName};
use tokio::task::yield_now;

use super::MemoryStore;
use super::topic::Topic;
use crate::store::largest::Largest;
use crate::store::locks::{self, lock};
use crate::store::segment::as_offset;
use crate::store::{
    Budget, LARGEST, Lag, Observed, ProducerStats, SubscriptionLag, SubscriptionStats, TopicStats,
};

/// The most topics, or subscriptions, that are looked at under one lock.
const AT_ONCE: usize = 1000;

impl MemoryStore {
    pub(super) async fn observe_now(&self) -> Observed {
        let (mut topics, mut busiest) = (0, Largest::new(LARGEST));
        let (mut lag, mut furthest) =
            (Lag { is_current: true, ..Lag::default() }, Largest::new(LARGEST));
        let mut last: Option<Arc<Topic>> = None;
        loop {
            let part = self.topics_after(last.as_ref().map(|topic| topic.name.as_str()), AT_ONCE);
            for topic in &part {
                topics += 1;
                busiest.offer((topic.counts.now(), topic.name.clone()));
                add_lags(topic, &mut lag, &mut furthest);
            }
            match part.into_iter().next_back() {
                Some(topic) => last = Some(topic),
                None => break,
            }
            yield_now().await;
        }
        lag.largest = furthest.into_vec();
        let busiest = busiest.into_vec();
        let (used, limit) = self.keeping.memory();
        let limit = (limit < u64::MAX).then_some(limit);
        Observed {
            topics,
            producers: lock(&self.producers).count(),
            subscriptions: lock(&self.consumers).count(),
            traffic: self.counts.now(),
            busiest: busiest.into_iter().map(|(traffic, topic)| (topic, traffic)).collect(),
            lag: Some(lag),
            budgets: vec![Budget { name: "messages", used, limit }],
            database: None,
        }
    }

    pub(super) fn topic_stats_now(&self, after: Option<&str>, most: usize) -> Vec<TopicStats> {
        let topics = self.topics_after(after, most);
        let stats = topics.iter().map(|topic| {
            let log = topic.log();
            let (end, (messages, bytes)) = (log.end(), log.kept());
            drop(log);
            TopicStats { topic: topic.name.clone(), end, messages, bytes: Some(as_offset(bytes)) }
        });
        stats.collect()
    }

    pub(super) fn subscription_stats_now(
        &self,
        after: Option<ConsumerId>,
        most: usize,
    ) -> Vec<SubscriptionStats> {
        let page = |after| lock(&self.consumers).after(after, most);
        told(after, page, |consumer, topic| {
            let (position, lag, last_poll) = topic.log().subscription(consumer)?;
            let last_poll = last_poll.elapsed();
            let topic = topic.name.clone();
            Some(SubscriptionStats { consumer, topic, position, lag, last_poll })
        })
    }

    pub(super) fn producer_stats_now(
        &self,
        after: Option<ProducerId>,
        most: usize,
    ) -> Vec<ProducerStats> {
        let page = |after| lock(&self.producers).after(after, most);
        told(after, page, |producer, topic| {
            let last_send = topic.last_send(producer).map(|at| at.elapsed());
            Some(ProducerStats { producer, topic: topic.name.clone(), last_send })
        })
    }

    /// At most `most` topics by name, those after a name.
    fn topics_after(&self, after: Option<&str>, most: usize) -> Vec<Arc<Topic>> {
        let topics = locks::read(&self.topics);
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let range = topics.by_name.range::<str, _>((from, Bound::Unbounded));
        range.take(most).map(|(_, topic)| Arc::clone(topic)).collect()
    }
}

/// What is to be told of a page of ids. An id may end while it is looked at, and so may all of a page;
/// then that of the next is told, for nothing means that there are no more.
fn told<T>(
    mut after: Option<i64>,
    mut page: impl FnMut(Option<i64>) -> Vec<(i64, Weak<Topic>)>,
    tell: impl Fn(i64, &Topic) -> Option<T>,
) -> Vec<T> {
    loop {
        let ids = page(after);
        let Some(&(last, _)) = ids.last() else { return Vec::new() };
        after = Some(last);
        let told = ids.iter().filter_map(|(id, topic)| {
            let topic = topic.upgrade()?;
            tell(*id, &topic)
        });
        let told: Vec<_> = told.collect();
        if !told.is_empty() {
            return told;
        }
    }
}

fn add_lags(topic: &Topic, lag: &mut Lag, furthest: &mut Largest<SubscriptionLag>) {
    let mut last = None;
    loop {
        let part = topic.log().lags(last, AT_ONCE);
        let Some(&(end, _)) = part.last() else { return };
        last = Some(end);
        for (consumer, messages) in part {
            lag.subscriptions += 1;
            lag.messages += messages;
            let topic: TopicName = topic.name.clone();
            furthest.offer(SubscriptionLag { messages, consumer, topic });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::store::{Epoch, Retain};

    #[test]
    fn a_topic_that_is_deleted_meanwhile_does_not_hide_the_ids_of_others() {
        let store = MemoryStore::new(Epoch::new("e1"), Retain::Lag, None);
        for topic in ["A", "A", "A", "B"] {
            store.register_producer_now(&topic.parse().unwrap()).unwrap();
            store.subscribe(topic).unwrap();
        }
        // Right after the first two ids were looked up, both of A.
        let is_deleted = Cell::new(false);
        let page = |after| {
            let ids = lock(&store.producers).after(after, 2);
            if !is_deleted.replace(true) {
                store.delete_now("A").unwrap();
            }
            ids
        };
        let tell = |id, topic: &Topic| Some((id, topic.name.to_string()));
        assert_eq!(told(None, page, tell), [(3, "B".to_owned())]);
        assert_eq!(told(Some(3), page, tell), []);
    }
}
