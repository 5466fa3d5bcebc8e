//! What a run missed: a quick look at plan and history, for those who decide whether a closer one is
//! worth its time, and at what. It proves nothing; the checks do.

use std::collections::BTreeSet;

use super::{ConsumerHistory, History, Outcome, Stamp};
use crate::plan::{MessageId, Plan};

/// Whether a consumer was not handed a message that was acked, and invoked after its subscription
/// was confirmed.
pub fn misses_anything(plan: &Plan, history: &History) -> bool {
    let acked = acked(plan, history);
    history.consumers.iter().any(|part| misses(plan, part, &acked).next().is_some())
}

/// Every such message.
pub fn missed(plan: &Plan, history: &History) -> BTreeSet<MessageId> {
    let acked = acked(plan, history);
    history.consumers.iter().flat_map(|part| misses(plan, part, &acked)).collect()
}

/// By message, where it was acked: since when it may be in the log.
fn acked(plan: &Plan, history: &History) -> Vec<Option<Stamp>> {
    let mut sendings: Vec<(bool, Stamp)> = vec![(false, Stamp::MAX); plan.messages.len()];
    for sent in history.producers.iter().flat_map(|part| &part.sends) {
        let is_acked = matches!(sent.outcome, Outcome::Acked { .. });
        if is_acked || matches!(sent.outcome, Outcome::Unknown { .. }) {
            let first = plan.streams[sent.stream.place()].first.0 + sent.first;
            let messages = MessageId(first).place()..MessageId(first + sent.count).place();
            for (acked, from) in &mut sendings[messages] {
                *acked |= is_acked;
                *from = (*from).min(sent.may_have_happened_from().stamp);
            }
        }
    }
    sendings.into_iter().map(|(acked, from)| acked.then_some(from)).collect()
}

fn misses<'a>(
    plan: &'a Plan,
    part: &'a ConsumerHistory,
    acked: &'a [Option<Stamp>],
) -> impl Iterator<Item = MessageId> + 'a {
    let mut got = vec![false; acked.len()];
    for message in part.deliveries.iter().filter_map(|delivery| delivery.message()) {
        got[message.place()] = true;
    }
    let confirmed = part.subscriptions.iter().filter_map(|claim| {
        let streams = &plan.topics[claim.topic.place()].streams;
        Some((claim.confirmed?.stamp, streams))
    });
    let claimed = confirmed.flat_map(move |(confirmed, streams)| {
        let messages = streams.iter().flat_map(|own| plan.streams[own.place()].messages());
        messages.map(move |id| (confirmed, MessageId(id)))
    });
    claimed
        .filter(move |(confirmed, id)| {
            !got[id.place()] && acked[id.place()].is_some_and(|invoked| invoked > *confirmed)
        })
        .map(|(_, id)| id)
}

#[cfg(test)]
mod tests {
    use super::{missed, misses_anything};
    use crate::fixture::{SMALL, SMALL_LOGS, complete, plan};

    #[test]
    fn one_delivery_less_is_missed() {
        let (_folder, plan) = plan(SMALL, SMALL_LOGS);
        let mut history = complete(&plan);
        for subscription in &mut history.consumers[0].subscriptions {
            subscription.confirmed = None;
        }
        assert!(!misses_anything(&plan, &history));
        let mut history = complete(&plan);
        for (place, part) in
            history.producers.iter_mut().flat_map(|part| &mut part.sends).enumerate()
        {
            part.invoked.stamp = 1 + place as u64;
        }
        assert!(!misses_anything(&plan, &history));
        let last = history.consumers[0].deliveries.pop().unwrap().message().unwrap();
        assert!(misses_anything(&plan, &history));
        assert!(missed(&plan, &history).into_iter().eq([last]));
    }
}
