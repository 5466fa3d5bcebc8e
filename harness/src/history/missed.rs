//! Whether a run missed anything: a quick look at plan and history, for those who decide whether a
//! closer one is worth its time. It proves nothing; the checks do.

use super::{ConsumerHistory, History, Outcome, Stamp};
use crate::plan::{MessageId, Plan};

/// Whether a consumer was not handed a message that was acked, and invoked after its subscription
/// was confirmed.
pub fn misses_anything(plan: &Plan, history: &History) -> bool {
    // By message: whether it was acked, and since when it may be in the log.
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
    let acked = sendings.into_iter().map(|(acked, from)| acked.then_some(from));
    let acked: Vec<Option<Stamp>> = acked.collect();
    history.consumers.iter().any(|part| misses(plan, part, &acked))
}

fn misses(plan: &Plan, part: &ConsumerHistory, acked: &[Option<Stamp>]) -> bool {
    let mut got = vec![false; acked.len()];
    for message in part.deliveries.iter().filter_map(|delivery| delivery.message()) {
        got[message.place()] = true;
    }
    part.subscriptions.iter().any(|claim| {
        let Some(confirmed) = claim.confirmed else { return false };
        let streams = &plan.topics[claim.topic.place()].streams;
        let mut messages = streams.iter().flat_map(|own| plan.streams[own.place()].messages());
        messages.any(|id| {
            let place = MessageId(id).place();
            !got[place] && acked[place].is_some_and(|invoked| invoked > confirmed.stamp)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::misses_anything;
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
        history.consumers[0].deliveries.pop();
        assert!(misses_anything(&plan, &history));
    }
}
