//! What came by the consumers' logs, as a history, for the ledger.

use std::collections::BTreeMap;

use crate::check::logs::Lines;
use crate::history::{Answer, ConsumerHistory, Delivery, History, Moment, Polled, Subscribed};
use crate::plan::{ConsumerIndex, MessageId, Plan, TopicIndex};

/// The messages of a topic by their payloads.
type ByPayload<'a> = BTreeMap<&'a str, MessageId>;

/// A history with the deliveries that the logs show and nothing else; none where a payload of a topic
/// was sent twice and the ledger depends on which of the two came.
pub(super) fn history(plan: &Plan, logs: &[Lines]) -> Option<History> {
    if !plan.is_exact() {
        return Some(History::default());
    }
    let topics: Option<Vec<ByPayload<'_>>> =
        (0..plan.topics.len()).map(|place| by_payload(plan, place)).collect();
    let topics = topics?;
    let consumers = (0..logs.len())
        .map(|place| consumer(plan, ConsumerIndex::new(place), &logs[place], &topics));
    Some(History { consumers: consumers.collect(), ..History::default() })
}

fn by_payload(plan: &Plan, topic: usize) -> Option<ByPayload<'_>> {
    let mut messages = ByPayload::new();
    for stream in &plan.topics[topic].streams {
        for id in plan.streams[stream.place()].messages().map(MessageId) {
            if messages.insert(plan.messages.payload(id), id).is_some() {
                return None;
            }
        }
    }
    Some(messages)
}

fn consumer(
    plan: &Plan,
    index: ConsumerIndex,
    log: &Lines,
    topics: &[ByPayload<'_>],
) -> ConsumerHistory {
    let own = &plan.consumers[index.place()].topics;
    let mut history = ConsumerHistory {
        subscriptions: own.iter().map(|topic| subscribed(*topic)).collect(),
        ..ConsumerHistory::default()
    };
    for (topic, payload) in log.messages() {
        // What came on another topic than its own has no line in the ledger.
        let Some(subscription) = own.iter().position(|known| *known == topic) else { continue };
        let message = topics[topic.place()].get(payload).copied();
        history.deliveries.push(Delivery::new(message, None));
        history.polls.push(polled(subscription));
    }
    history
}

/// Logs do not say when.
fn subscribed(topic: TopicIndex) -> Subscribed {
    Subscribed {
        incarnation: 0,
        topic,
        id: None,
        epoch: None,
        offset: None,
        invoked: Moment::default(),
        confirmed: Some(Moment::default()),
        forgotten: None,
    }
}

fn polled(subscription: usize) -> Polled {
    let subscription = u32::try_from(subscription).expect("a plan has fewer topics");
    let (invoked, completed) = (Moment::default(), Moment::default());
    Polled { subscription, invoked, completed, answer: Answer::Delivered(1) }
}
