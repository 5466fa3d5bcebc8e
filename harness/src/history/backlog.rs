//! How far consumers are behind: at the moments when faults took effect, and over time. Where they are
//! not when a fault takes effect, nothing that it destroys is missed: a broker may lose all that it has,
//! and everyone has got it.

use std::collections::BTreeMap;

use super::origins::{Origin, Origins};
use super::runs::{Run, Walk};
use super::{Answer, ConsumerHistory, EpochIndex, History, Moment, Polled, Stamp, Subscribed};
use crate::plan::{Plan, TopicIndex};

/// By firing, in their order: the pairs of a message and a consumer that it was due to, of which the
/// ack was in when the fault had taken effect, and not the delivery. None where that moment was not
/// told.
pub fn backlogs(plan: &Plan, history: &History) -> Vec<Option<u64>> {
    let moments = || history.faults.iter().filter_map(|firing| firing.struck);
    let mut struck: Vec<Stamp> = moments().map(|moment| moment.stamp).collect();
    struck.sort_unstable();
    let levels = if struck.is_empty() { Vec::new() } else { levels(plan, history, &struck) };
    let level = |moment| levels[place(&struck, moment)];
    history.faults.iter().map(|firing| firing.struck.map(level)).collect()
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

/// How many pairs there are at each of some stamps, which ascend, and after the last of them.
fn levels(plan: &Plan, history: &History, stamps: &[Stamp]) -> Vec<u64> {
    let origins = Origins::new(plan, history);
    let mut walk = Walk::new(plan, &origins);
    let lines = vec![0; plan.topics.len()];
    let mut backlog =
        Backlog::new(&origins, lines, stamps.len() + 1, |moment| place(stamps, moment));
    for part in &history.consumers {
        let mut own = backlog.begin(part);
        walk.runs(part, |run| backlog.note(&mut own, &run));
        backlog.end(own);
    }
    backlog.levels().remove(0)
}

/// The first of some stamps that is not before a moment.
fn place(stamps: &[Stamp], moment: Moment) -> usize {
    stamps.partition_point(|own| *own < moment.stamp)
}

/// Counts, at each of some moments, the pairs of a message and a consumer that it was due to, of which
/// the ack is in, and not the delivery.
///
/// Counted is what was surely due: what was sent after the subscription was confirmed, in the life
/// of the store that this subscription is of. What a life that is over took along is not counted
/// once more.
pub struct Backlog<'a, P> {
    origins: &'a Origins,
    /// By topic: where its pairs are counted.
    lines: Vec<usize>,
    /// By line and moment: so many more than at the moment before.
    steps: Vec<Vec<i64>>,
    /// The first of the moments that is not before this one.
    place: P,
}

/// What is counted of one consumer.
pub struct Behind {
    periods: Vec<Period>,
    /// By subscription: the periods of its topic.
    by_claim: Vec<Vec<usize>>,
}

/// How long a consumer held one subscription.
struct Period {
    topic: TopicIndex,
    epoch: Option<EpochIndex>,
    from: Stamp,
    until: Option<Moment>,
    /// By moment: so many pairs more than at the one before.
    steps: Vec<i64>,
}

impl Period {
    /// When the ack of messages was in that are due by this subscription.
    fn due(&self, origin: &Origin) -> Option<Moment> {
        origin.acked.filter(|_| origin.from > self.from && origin.epoch == self.epoch)
    }
}

impl<'a, P: Fn(Moment) -> usize> Backlog<'a, P> {
    /// `lines` says for each topic which line it is counted in; `place` leads to one of `moments`, and
    /// ascends with time.
    pub fn new(origins: &'a Origins, lines: Vec<usize>, moments: usize, place: P) -> Self {
        let count = lines.iter().max().map_or(1, |most| most + 1);
        Self { origins, lines, steps: vec![vec![0; moments]; count], place }
    }

    /// All that was acked and due to a consumer, as if it had never got anything.
    pub fn begin(&self, part: &ConsumerHistory) -> Behind {
        let moments = self.steps[0].len();
        let mut periods = periods(part, moments);
        for period in &mut periods {
            for origin in self.origins.on(period.topic) {
                if let Some(acked) = period.due(origin) {
                    period.steps[(self.place)(acked)] += count(origin.count);
                }
            }
        }
        let mut by_topic: BTreeMap<TopicIndex, Vec<usize>> = BTreeMap::new();
        for (place, period) in periods.iter().enumerate() {
            by_topic.entry(period.topic).or_default().push(place);
        }
        let of = |claim: &Subscribed| by_topic.get(&claim.topic).cloned().unwrap_or_default();
        Behind { by_claim: part.subscriptions.iter().map(of).collect(), periods }
    }

    /// Takes note of what it got.
    pub fn note(&self, behind: &mut Behind, run: &Run<'_>) {
        let Some(origin) = run.origin.filter(|_| run.firsts > 0) else { return };
        for place in &behind.by_claim[run.poll.subscription as usize] {
            let period = &mut behind.periods[*place];
            if let Some(acked) = period.due(origin) {
                // It may have come before its ack was in, and then never was behind.
                let gone = (self.place)(run.poll.completed).max((self.place)(acked));
                period.steps[gone] -= count(run.firsts);
            }
        }
    }

    /// Adds what it was behind to what others were.
    pub fn end(&mut self, behind: Behind) {
        for period in behind.periods {
            let until = period.until.map_or(period.steps.len(), |until| (self.place)(until));
            let sums = &mut self.steps[self.lines[period.topic.place()]];
            for (sum, step) in sums.iter_mut().zip(&period.steps[..until]) {
                *sum += step;
            }
            if let Some(sum) = sums.get_mut(until) {
                *sum -= period.steps[..until].iter().sum::<i64>();
            }
        }
    }

    /// Adds what was counted of other consumers.
    pub fn merge(&mut self, other: &Self) {
        for (own, other) in self.steps.iter_mut().zip(&other.steps) {
            for (sum, step) in own.iter_mut().zip(other) {
                *sum += step;
            }
        }
    }

    /// By line and moment: how many pairs there were.
    pub fn levels(&self) -> Vec<Vec<u64>> {
        let line = |steps: &Vec<i64>| {
            let sums = steps.iter().scan(0_i64, |sum, step| {
                *sum += step;
                Some(*sum)
            });
            sums.map(|sum| u64::try_from(sum).expect("a pair ends after it begins")).collect()
        };
        self.steps.iter().map(line).collect()
    }
}

fn count(messages: u64) -> i64 {
    i64::try_from(messages).expect("a run has fewer messages")
}

/// One for each subscription of a consumer; one that goes on after a crash is the same.
fn periods(part: &ConsumerHistory, moments: usize) -> Vec<Period> {
    let mut last: BTreeMap<TopicIndex, (usize, &Subscribed)> = BTreeMap::new();
    let mut periods: Vec<Period> = Vec::new();
    for claim in &part.subscriptions {
        let Some(confirmed) = claim.confirmed else { continue };
        if let Some((place, before)) = last.get(&claim.topic) {
            if before.invoked == claim.invoked {
                continue;
            }
            periods[*place].until = Some(claim.invoked);
        }
        last.insert(claim.topic, (periods.len(), claim));
        let (topic, epoch, from) = (claim.topic, claim.epoch, confirmed.stamp);
        periods.push(Period { topic, epoch, from, until: None, steps: vec![0; moments] });
    }
    periods
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
