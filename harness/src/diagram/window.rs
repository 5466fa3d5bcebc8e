//! The deliveries of one consumer around some of them: what it got just before and just after, on the
//! same topic.

use std::collections::BTreeMap;

use crate::history::{Answer, ConsumerHistory};
use crate::plan::{MessageId, Plan, TopicIndex};

/// A consumer's deliveries, by place among all of them: those of each topic, and the poll that brought each.
#[derive(Debug)]
pub struct Places<'a> {
    plan: &'a Plan,
    part: &'a ConsumerHistory,
    /// Places among its deliveries, ascending.
    by_topic: BTreeMap<TopicIndex, Vec<usize>>,
    /// Where the deliveries of each poll begin that brought some, and the poll.
    polls: Vec<(usize, usize)>,
}

/// How far each delivery that is shown is from what the window is around.
pub(super) type Shown = BTreeMap<usize, usize>;

impl<'a> Places<'a> {
    /// In one pass over the consumer's polls.
    #[must_use]
    pub fn of(plan: &'a Plan, part: &'a ConsumerHistory) -> Self {
        let mut places = Self { plan, part, by_topic: BTreeMap::new(), polls: Vec::new() };
        let mut next = 0;
        for (poll, polled) in part.polls.iter().enumerate() {
            let Answer::Delivered(count @ 1..) = polled.answer else { continue };
            let topic = part.subscriptions[polled.subscription as usize].topic;
            let own = next..next + count as usize;
            places.polls.push((next, poll));
            next = own.end;
            places.by_topic.entry(topic).or_default().extend(own);
        }
        places
    }

    /// The poll that brought a delivery.
    ///
    /// # Panics
    /// If there is no such delivery.
    #[must_use]
    pub fn poll(&self, place: usize) -> usize {
        self.polls[self.polls.partition_point(|(first, _)| *first <= place) - 1].1
    }

    /// All that came when this topic was polled, in the order received.
    #[must_use]
    pub fn on(&self, topic: TopicIndex) -> &[usize] {
        self.by_topic.get(&topic).map(Vec::as_slice).unwrap_or_default()
    }

    /// The topic that was polled when it came.
    ///
    /// # Panics
    /// If there is no such delivery.
    #[must_use]
    pub fn topic(&self, place: usize) -> TopicIndex {
        self.part.subscriptions[self.part.polls[self.poll(place)].subscription as usize].topic
    }

    /// Adds a delivery, and so many on either side of it.
    pub(super) fn around(&self, place: usize, neighbours: usize, shown: &mut Shown) {
        let own = &self.by_topic[&self.topic(place)];
        let middle = own.partition_point(|other| *other < place);
        let end = own.len().min(middle + neighbours + 1);
        let first = middle.saturating_sub(neighbours);
        for (at, place) in (first..).zip(&own[first..end]) {
            add(shown, *place, at.abs_diff(middle));
        }
    }

    /// Adds what came where a message that did not come would have been: beside those of the same
    /// producer that are before and after it. Whether anything came after it.
    pub(super) fn gap(&self, message: MessageId, neighbours: usize, shown: &mut Shown) -> bool {
        let stream = self.plan.stream(message);
        let Some(own) = self.by_topic.get(&stream.topic) else { return false };
        let messages = stream.messages();
        let of_stream = |place: &usize| {
            let id = self.part.deliveries[*place].message();
            id.filter(|id| messages.contains(&id.0))
        };
        let after = own.iter().position(|place| of_stream(place).is_some_and(|id| id > message));
        let ahead = &own[..after.unwrap_or(own.len())];
        let before =
            ahead.iter().rposition(|place| of_stream(place).is_some_and(|id| id < message));
        let wanted = neighbours.max(1);
        // Where nothing of its producer is after it, it may have been anywhere up to the end.
        let last = before.unwrap_or(ahead.len()).min(ahead.len().saturating_sub(1));
        if before.is_some() || after.is_none() {
            for at in (last + 1).saturating_sub(wanted)..=last {
                own.get(at).into_iter().for_each(|place| add(shown, *place, last - at + 1));
            }
        }
        if let Some(first) = after {
            for (far, place) in (1..).zip(own[first..].iter().take(wanted)) {
                add(shown, *place, far);
            }
        }
        after.is_some()
    }
}

fn add(shown: &mut Shown, place: usize, distance: usize) {
    let known = shown.entry(place).or_insert(distance);
    *known = distance.min(*known);
}
