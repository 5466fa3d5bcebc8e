//! How far consumers were behind, when faults took effect and over time. Where they are not, nothing that the fault
//! destroys is missed: a broker may lose all that it has, and everyone has got it.

use std::collections::BTreeMap;

use super::{
    Answer, ConsumerHistory, EpochIndex, History, Moment, Outcome, Polled, Stamp, Subscribed,
};
use crate::plan::{Plan, TopicIndex};

/// By firing, in their order: the pairs of a message and a consumer that it was due to, of which the
/// ack was in when the fault had taken effect, and not the delivery. None where that moment was not
/// told.
///
/// Counted is what was surely due: what was sent after the subscription was confirmed, in the life
/// of the store that this subscription is of. What a life that is over took along is not counted
/// once more.
pub fn backlogs(plan: &Plan, history: &History) -> Vec<Option<u64>> {
    let moments = || history.faults.iter().filter_map(|firing| firing.struck);
    let mut struck: Vec<Stamp> = moments().map(|moment| moment.stamp).collect();
    struck.sort_unstable();
    let levels = levels(plan, history, &struck);
    let level = |stamp: Stamp| levels[struck.partition_point(|own| *own < stamp)];
    history.faults.iter().map(|firing| firing.struck.map(|moment| level(moment.stamp))).collect()
}

/// How many such pairs there were over the whole run: at each moment at which that may have changed, and
/// at the beginning and the end of each firing, how many there are from then on. In order.
pub fn backlog_over_time(plan: &Plan, history: &History) -> Vec<(Moment, u64)> {
    let acks = history.producers.iter().flat_map(|part| &part.sends).map(|sent| sent.completed);
    let brings = |poll: &&Polled| matches!(poll.answer, Answer::Delivered(1..));
    let polls = history.consumers.iter().flat_map(|part| part.polls.iter().filter(brings));
    let claims = history.consumers.iter().flat_map(|part| &part.subscriptions);
    let firings = history.faults.iter().flat_map(|firing| [firing.began, firing.ended]);
    let polls = polls.map(|poll| poll.completed);
    let claims = claims.map(|claim| claim.invoked);
    let mut moments: Vec<Moment> = acks.chain(polls).chain(claims).chain(firings).collect();
    moments.sort_unstable();
    moments.dedup_by_key(|moment| moment.stamp);
    let stamps: Vec<Stamp> = moments.iter().map(|moment| moment.stamp).collect();
    moments.into_iter().zip(levels(plan, history, &stamps)).collect()
}

/// How many pairs there are at each of some stamps, which ascend.
fn levels(plan: &Plan, history: &History, struck: &[Stamp]) -> Vec<u64> {
    let mut steps = Steps { by: vec![0; struck.len() + 1], struck };
    if !struck.is_empty() {
        let acks = acks(plan, history);
        let mut delivered = vec![Stamp::MAX; plan.messages.len()];
        for part in &history.consumers {
            note_deliveries(part, &mut delivered);
            for period in periods(part) {
                steps.add_all(plan, &acks, &delivered, &period);
            }
            delivered.fill(Stamp::MAX);
        }
    }
    steps.levels()
}

/// What an acked message's producer knows of it.
struct Ack {
    /// When it may have been in the log first.
    from: Stamp,
    /// When its ack was in.
    acked: Stamp,
    /// The life of the store that it was acked in.
    epoch: Option<EpochIndex>,
}

/// By message, of what was acked.
fn acks(plan: &Plan, history: &History) -> Vec<Option<Ack>> {
    let mut from = vec![Stamp::MAX; plan.messages.len()];
    let mut acks: Vec<Option<Ack>> = (0..plan.messages.len()).map(|_| None).collect();
    for part in &history.producers {
        for sent in &part.sends {
            if matches!(sent.outcome, Outcome::Refused { .. }) {
                continue;
            }
            let first = plan.streams[sent.stream.place()].first.place() + sent.first as usize;
            let messages = first..first + sent.count as usize;
            for own in &mut from[messages.clone()] {
                *own = sent.may_have_happened_from().stamp.min(*own);
            }
            if !matches!(sent.outcome, Outcome::Acked { .. }) {
                continue;
            }
            let epoch = part.sessions.get(sent.session as usize).and_then(|own| own.epoch);
            for own in &mut acks[messages] {
                let acked = sent.completed.stamp;
                if own.as_ref().is_none_or(|known| acked < known.acked) {
                    *own = Some(Ack { from: 0, acked, epoch });
                }
            }
        }
    }
    for (ack, from) in acks.iter_mut().zip(from) {
        if let Some(ack) = ack {
            ack.from = from;
        }
    }
    acks
}

/// By message: when it came first.
fn note_deliveries(part: &ConsumerHistory, delivered: &mut [Stamp]) {
    let mut deliveries = part.deliveries.iter();
    for poll in &part.polls {
        let Answer::Delivered(count) = poll.answer else { continue };
        for delivery in deliveries.by_ref().take(count as usize) {
            if let Some(message) = delivery.message() {
                let own = &mut delivered[message.place()];
                *own = poll.completed.stamp.min(*own);
            }
        }
    }
}

/// How long a consumer held one subscription.
struct Period {
    topic: TopicIndex,
    epoch: Option<EpochIndex>,
    from: Stamp,
    until: Stamp,
}

/// One for each subscription of a consumer; one that goes on after a crash is the same.
fn periods(part: &ConsumerHistory) -> Vec<Period> {
    let mut last: BTreeMap<TopicIndex, (usize, &Subscribed)> = BTreeMap::new();
    let mut periods: Vec<Period> = Vec::new();
    for claim in &part.subscriptions {
        let Some(confirmed) = claim.confirmed else { continue };
        if let Some((place, before)) = last.get(&claim.topic) {
            if before.invoked == claim.invoked {
                continue;
            }
            periods[*place].until = claim.invoked.stamp;
        }
        last.insert(claim.topic, (periods.len(), claim));
        let (topic, epoch, from) = (claim.topic, claim.epoch, confirmed.stamp);
        periods.push(Period { topic, epoch, from, until: Stamp::MAX });
    }
    periods
}

/// How many pairs there are at each of some stamps, as differences.
struct Steps<'a> {
    /// Ascending.
    struck: &'a [Stamp],
    /// By place in `struck`: so many more than at the stamp before.
    by: Vec<i64>,
}

impl Steps<'_> {
    fn add_all(&mut self, plan: &Plan, acks: &[Option<Ack>], delivered: &[Stamp], period: &Period) {
        for stream in &plan.topics[period.topic.place()].streams {
            for message in plan.streams[stream.place()].messages() {
                let message = message as usize;
                let Some(ack) = &acks[message] else { continue };
                if ack.from > period.from && ack.epoch == period.epoch {
                    self.add(ack.acked, delivered[message].min(period.until));
                }
            }
        }
    }

    /// A pair that is there after `from`, and not after `until` any more.
    fn add(&mut self, from: Stamp, until: Stamp) {
        let place = |stamp| self.struck.partition_point(|own| *own < stamp);
        let (begins, ends) = (place(from), place(until));
        if begins < ends {
            self.by[begins] += 1;
            self.by[ends] -= 1;
        }
    }

    /// By place in `struck`.
    fn levels(&self) -> Vec<u64> {
        let sums = self.by.iter().scan(0_i64, |sum, step| {
            *sum += step;
            Some(*sum)
        });
        sums.map(|sum| u64::try_from(sum).expect("a pair ends after it begins")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::backlogs;
    use crate::fixture::{SMALL, SMALL_LOGS, complete, plan};
    use crate::history::{EpochIndex, Firing, History, Moment, Session};
    use crate::plan::StreamIndex;

    fn at(stamp: u64) -> Moment {
        Moment { stamp, at: stamp }
    }

    fn fire(history: &mut History, struck: &[Option<u64>]) {
        let firing = |struck: &Option<u64>| Firing {
            fault: 0,
            whom: "broker".to_owned(),
            began: at(0),
            struck: struck.map(at),
            ended: at(1000),
            met: 1,
            on_disk: None,
        };
        history.faults = struck.iter().map(firing).collect();
    }

    /// Six messages, acked at 101, 103 and so on, of which both consumers get all at 200; the first
    /// one's subscription is confirmed at 50, the other one's at 105.
    fn case() -> (tempfile::TempDir, crate::plan::Plan, History) {
        let (folder, plan) = plan(SMALL, SMALL_LOGS);
        let mut history = complete(&plan);
        let sends = history.producers.iter_mut().flat_map(|part| &mut part.sends);
        for (place, sent) in (0..).zip(sends) {
            (sent.invoked, sent.completed) = (at(100 + 2 * place), at(101 + 2 * place));
        }
        for (part, confirmed) in history.consumers.iter_mut().zip([50, 105]) {
            for claim in &mut part.subscriptions {
                (claim.invoked, claim.confirmed) = (at(confirmed - 1), Some(at(confirmed)));
            }
            part.polls.iter_mut().for_each(|poll| poll.completed = at(200));
        }
        (folder, plan, history)
    }

    #[test]
    fn what_is_acked_and_not_delivered_is_counted_for_each_consumer_that_it_is_due_to() {
        let (_folder, plan, mut history) = case();
        // Not sorted, and one of which the moment is not known.
        fire(&mut history, &[Some(150), Some(90), None, Some(104), Some(300), Some(108)]);
        // At 150 the first consumer lacks six and the other the three sent after 105.
        let expected = [Some(9), Some(0), None, Some(2), Some(0), Some(5)];
        assert_eq!(backlogs(&plan, &history), expected);
    }

    #[test]
    fn what_another_life_of_the_store_took_along_is_counted_no_more() {
        let (_folder, plan, mut history) = case();
        history.epochs = vec!["a".to_owned(), "b".to_owned()];
        for (stream, part) in (0..).zip(&mut history.producers) {
            part.sessions.push(Session {
                incarnation: 0,
                stream: StreamIndex(stream),
                broker: 1,
                id: None,
                epoch: Some(EpochIndex(0)),
                base: 0,
                invoked: at(1),
                confirmed: at(2),
            });
        }
        for part in &mut history.consumers {
            part.polls.clear();
            part.deliveries.clear();
            part.subscriptions.iter_mut().for_each(|own| own.epoch = Some(EpochIndex(0)));
            let mut anew = part.subscriptions[0].clone();
            (anew.epoch, anew.invoked, anew.confirmed) =
                (Some(EpochIndex(1)), at(159), Some(at(160)));
            part.subscriptions.push(anew);
        }
        fire(&mut history, &[Some(150), Some(170)]);
        assert_eq!(backlogs(&plan, &history), [Some(9), Some(0)]);
    }
}
