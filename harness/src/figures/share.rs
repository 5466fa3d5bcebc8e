//! What became of the messages of each producer and consumer, by topic.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::tally::Tally;
use crate::check::Judgement;
use crate::input::names::{self, Kind};
use crate::plan::{ConsumerIndex, Plan, TopicIndex};
use crate::scenario::AnomalyKind;

/// More rows than this are grouped: actors with equal numbers share one, as in a ledger. If even then
/// there are more, those are left out that show nothing wrong, the last first.
pub const ROWS_MAX: usize = 2_500;

/// What producers sent to a topic, each of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Sent {
    /// `P1`, or several with equal numbers: `P1..P20 P22`.
    pub producers: String,
    /// How many they are.
    pub producer_count: u64,
    /// The topic's name.
    pub topic: String,
    /// Messages that the plan sends; of each of them, as all that follows.
    pub planned: u64,
    /// Messages of requests that were made.
    pub sent: u64,
    /// Of these: acknowledged.
    pub acked: u64,
    /// Of these: refused for sure, or never left.
    pub refused: u64,
    /// Of these: it may have happened or not.
    pub unknown: u64,
}

/// What consumers got of a topic, each of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Got {
    /// `C1`, or several with equal numbers: `C1..C100`.
    pub consumers: String,
    /// How many they are.
    pub consumer_count: u64,
    /// The topic's name.
    pub topic: String,
    /// Acked messages that were due; of each of them, as all that follows.
    pub due: u64,
    /// Deliveries.
    pub got: u64,
    /// As the checks count them, whether `expect` allows them or not.
    pub lost: u64,
    /// As the checks count duplicates.
    pub repeated: u64,
    /// As the checks count what is reordered or divergent.
    pub reordered: u64,
}

/// What the producers sent, and how many rows are left out.
pub(super) fn sent(plan: &Plan, tally: &Tally) -> (Vec<Sent>, u64) {
    let rows = plan.streams.iter().zip(&tally.sent).map(|(stream, own)| {
        let refused = own.refused + own.never_left;
        let counts = [u64::from(stream.count), own.sent, own.acked, refused, own.unknown];
        Row { actor: plan.producers[stream.producer.place()].number, topic: stream.topic, counts }
    });
    let is_wrong = |[planned, sent, acked, ..]: &[u64; 5]| acked != sent || sent != planned;
    let (groups, left_out) = grouped(rows.collect(), is_wrong);
    let row = |Group { actors, topic, counts: [planned, sent, acked, refused, unknown] }| Sent {
        producers: names::list(Kind::Producer, &actors),
        producer_count: actors.len() as u64,
        topic: plan.topics[topic.place()].name.to_string(),
        planned,
        sent,
        acked,
        refused,
        unknown,
    };
    (groups.into_iter().map(row).collect(), left_out)
}

/// What the consumers got, and how many rows are left out.
pub(super) fn got(plan: &Plan, tally: &Tally, judgement: &Judgement) -> (Vec<Got>, u64) {
    let found = [
        &[AnomalyKind::Lost][..],
        &[AnomalyKind::Duplicate],
        &[AnomalyKind::Reordered, AnomalyKind::Divergent],
    ]
    .map(|kinds| found(judgement, kinds));
    let rows = tally.got.iter().map(|own| {
        let at = (own.consumer, own.topic);
        let [lost, repeated, reordered] =
            found.each_ref().map(|found| found.get(&at).copied().unwrap_or(0));
        // Of what was on its way while the subscription was, the checks may prove more to be due.
        let due = own.due.max(own.acked + lost);
        let counts = [due, own.got, lost, repeated, reordered];
        Row { actor: plan.consumers[own.consumer.place()].number, topic: own.topic, counts }
    });
    let is_wrong = |[due, got, ..]: &[u64; 5]| due != got;
    let (groups, left_out) = grouped(rows.collect(), |own| is_wrong(own) || own[2..] != [0; 3]);
    let row = |Group { actors, topic, counts: [due, got, lost, repeated, reordered] }| Got {
        consumers: names::list(Kind::Consumer, &actors),
        consumer_count: actors.len() as u64,
        topic: plan.topics[topic.place()].name.to_string(),
        due,
        got,
        lost,
        repeated,
        reordered,
    };
    (groups.into_iter().map(row).collect(), left_out)
}

/// What the checks count of some kinds, by consumer and topic.
fn found(
    judgement: &Judgement,
    kinds: &[AnomalyKind],
) -> BTreeMap<(ConsumerIndex, TopicIndex), u64> {
    let mut sums = BTreeMap::new();
    for finding in kinds.iter().flat_map(|kind| judgement.found(*kind)) {
        for (at, count) in &finding.by_share {
            *sums.entry(*at).or_default() += count;
        }
    }
    sums
}

/// The numbers of one actor and topic.
struct Row {
    actor: u32,
    topic: TopicIndex,
    counts: [u64; 5],
}

/// Actors with equal numbers on a topic.
struct Group {
    actors: Vec<u32>,
    topic: TopicIndex,
    counts: [u64; 5],
}

/// One a row where they are few; and how many groups are left out.
fn grouped(rows: Vec<Row>, is_wrong: impl Fn(&[u64; 5]) -> bool) -> (Vec<Group>, u64) {
    let single = |Row { actor, topic, counts }| Group { actors: vec![actor], topic, counts };
    if rows.len() <= ROWS_MAX {
        return (rows.into_iter().map(single).collect(), 0);
    }
    let mut groups: Vec<Group> = Vec::new();
    let mut known: BTreeMap<(TopicIndex, [u64; 5]), usize> = BTreeMap::new();
    for row in rows {
        match known.get(&(row.topic, row.counts)) {
            Some(place) => groups[*place].actors.push(row.actor),
            None => {
                known.insert((row.topic, row.counts), groups.len());
                groups.push(single(row));
            }
        }
    }
    let left_out = groups.len().saturating_sub(ROWS_MAX);
    if left_out > 0 {
        let mut ranked: Vec<_> = groups.into_iter().enumerate().collect();
        ranked.sort_by_key(|(place, group)| (!is_wrong(&group.counts), *place));
        ranked.truncate(ROWS_MAX);
        ranked.sort_by_key(|(place, _)| *place);
        groups = ranked.into_iter().map(|(_, group)| group).collect();
    }
    for group in &mut groups {
        group.actors.sort_unstable();
    }
    (groups, left_out as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(count: u32, counts: impl Fn(u32) -> [u64; 5]) -> Vec<Row> {
        let row = |actor| Row { actor, topic: TopicIndex(actor % 2), counts: counts(actor) };
        (1..=count).map(row).collect()
    }

    #[test]
    fn few_actors_have_a_row_each_and_many_share_them() {
        let most = u32::try_from(ROWS_MAX).unwrap();
        let (few, left_out) = grouped(rows(most, |_| [1; 5]), |_| false);
        assert_eq!((few.len(), left_out), (ROWS_MAX, 0));
        let (many, left_out) = grouped(rows(most + 1, |own| [u64::from(own == 9); 5]), |_| false);
        let sizes: Vec<_> = many.iter().map(|group| group.actors.len()).collect();
        assert_eq!((sizes, left_out), (vec![ROWS_MAX / 2, ROWS_MAX / 2, 1], 0));
    }

    #[test]
    fn what_shows_something_wrong_is_left_out_last() {
        let own = |actor| [u64::from(actor), u64::from(actor == 5_000), 0, 0, 0];
        let (groups, left_out) = grouped(rows(5_000, own), |counts| counts[1] > 0);
        assert_eq!((groups.len(), left_out), (ROWS_MAX, 2_500));
        let actors: Vec<_> = groups.iter().map(|group| group.actors[0]).collect();
        assert!(actors.is_sorted() && actors[ROWS_MAX - 2] == 2_499, "{actors:?}");
        assert_eq!(actors.last(), Some(&5_000));
    }
}
