//! What the disk knows of messages, asked after the run: of those that were acked and did not come
//! everywhere, whether they were ever written, and whether that was synced.

use std::collections::{BTreeMap, BTreeSet};

use super::RunContext;
use crate::history::{
    AuditedLog, Firing, History, Nanos, Outcome, Sent, Stamp, Trace, Traced, missed,
};
use crate::plan::{MessageId, Plan, TopicIndex};
use crate::testbed::Failure;

/// At most so many that are missing are looked for: as many as tell what happened to them all.
const MISSING_MOST: usize = 2_000;

/// At most so many that are not: they show whether messages can be found on this disk at all.
const OTHERS_MOST: usize = 20;

/// Asks the disk as it was just before its last power cut, whose clock began when `settled` says; nothing
/// where there was none. It decides nothing, so that what cannot be asked is left out.
pub(super) async fn traces(context: &RunContext, settled: Nanos, history: &History) -> Vec<Traced> {
    let plan = &context.plan;
    let wanted = wanted(plan, history);
    let Some(injector) = context.injector.as_ref().filter(|_| !wanted.is_empty()) else {
        return Vec::new();
    };
    let payload = |id: &MessageId| plan.messages.payload(*id).to_owned();
    let payloads: Vec<String> = wanted.iter().map(payload).collect();
    let asked = async { injector.disk()?.trace(&payloads).await };
    let Ok::<_, Failure>(traces) = asked.await else { return Vec::new() };
    let traced = wanted.into_iter().zip(traces);
    traced
        .map(|(message, trace)| Traced { message, trace: on_runs_clock(trace, settled) })
        .collect()
}

/// The messages that are asked about, in their order.
fn wanted(plan: &Plan, history: &History) -> BTreeSet<MessageId> {
    let Some((from, to)) = before_last_cut(history) else { return BTreeSet::new() };
    let mut missing = missed(plan, history);
    missing.extend(not_in_logs(plan, history));
    let sends = history.producers.iter().flat_map(|part| &part.sends);
    // The disk knows what was written since the cut before.
    let sends = sends
        .filter(|sent| sent.may_have_happened_from().stamp > from && sent.completed.stamp < to);
    let acked = sends.filter(|sent| matches!(sent.outcome, Outcome::Acked { .. }));
    let acked = acked.flat_map(|sent| messages(plan, sent));
    let (missing, others): (Vec<_>, Vec<_>) = acked.partition(|id| missing.contains(id));
    if missing.is_empty() {
        return BTreeSet::new();
    }
    spread(&missing, MISSING_MOST).chain(spread(&others, OTHERS_MOST)).collect()
}

/// Between the last two power cuts.
fn before_last_cut(history: &History) -> Option<(Stamp, Stamp)> {
    let is_cut = |firing: &&Firing| {
        firing.on_disk.as_ref().is_some_and(|on_disk| on_disk.forgotten.is_some())
    };
    let cuts = history.faults.iter().filter(is_cut);
    let mut struck: Vec<Stamp> = cuts.filter_map(|cut| Some(cut.struck?.stamp)).collect();
    struck.sort_unstable();
    let last = struck.pop()?;
    Some((struck.pop().unwrap_or_default(), last))
}

/// Messages that were acked and are not in logs of which nothing is missing.
fn not_in_logs(plan: &Plan, history: &History) -> BTreeSet<MessageId> {
    let mut logs: BTreeMap<TopicIndex, BTreeSet<MessageId>> = BTreeMap::new();
    for audited in &history.audit {
        if let AuditedLog::Read { whole: true, messages, .. } = &audited.log {
            let found = messages.iter().filter_map(|own| own.message());
            logs.entry(audited.topic).or_default().extend(found);
        }
    }
    let sends = history.producers.iter().flat_map(|part| &part.sends);
    let acked = sends.filter(|sent| matches!(sent.outcome, Outcome::Acked { .. }));
    let lost = acked.flat_map(|sent| {
        let log = logs.get(&plan.streams[sent.stream.place()].topic);
        messages(plan, sent).filter(move |id| log.is_some_and(|log| !log.contains(id)))
    });
    lost.collect()
}

fn messages(plan: &Plan, sent: &Sent) -> impl Iterator<Item = MessageId> + use<> {
    let first = plan.streams[sent.stream.place()].first.0 + sent.first;
    (first..first + sent.count).map(MessageId)
}

/// At most so many of them, from all over.
fn spread(from: &[MessageId], most: usize) -> impl Iterator<Item = MessageId> {
    let count = from.len().min(most);
    (0..count).map(move |place| from[place * from.len() / count])
}

fn on_runs_clock(trace: Trace, settled: Nanos) -> Trace {
    let at = |at: Option<Nanos>| at.map(|at| at + settled);
    match trace {
        Trace::Nowhere => Trace::Nowhere,
        Trace::Written { file, at: written, synced } => {
            Trace::Written { file, at: at(written), synced: at(synced) }
        }
        Trace::Synced { file, at: written } => Trace::Synced { file, at: at(written) },
    }
}

#[cfg(test)]
mod tests {
    use super::{MISSING_MOST, spread, wanted};
    use crate::fixture::{SMALL, SMALL_LOGS, complete, moment, plan};
    use crate::history::{Firing, Forgotten, History, OnDisk};
    use crate::plan::MessageId;

    fn cut(at: u64) -> Firing {
        let on_disk = OnDisk { forgotten: Some(Forgotten::default()), ..OnDisk::default() };
        Firing {
            fault: 0,
            whom: "broker".to_owned(),
            began: moment(at),
            struck: Some(moment(at)),
            ended: moment(at),
            met: 0,
            on_disk: Some(on_disk),
        }
    }

    #[test]
    fn what_the_last_cut_may_have_taken_is_asked_about_and_some_of_the_rest() {
        let (_folder, plan) = plan(SMALL, SMALL_LOGS);
        // Each message takes a millisecond, and the next begins one later: P1#1 at 0, P2#3 at 10.
        let history = |cuts: &[u64], lost: &[u32]| {
            let mut history = complete(&plan);
            history.faults = cuts.iter().map(|at| cut(*at)).collect();
            for part in &mut history.consumers[1..] {
                part.deliveries.retain(|own| !lost.contains(&own.message().unwrap().0));
            }
            history
        };
        let ask = |history: &History| wanted(&plan, history).into_iter().map(|id| id.0);
        let all = |cuts: &[u64], lost: &[u32]| ask(&history(cuts, lost)).collect::<Vec<_>>();
        assert_eq!(all(&[20], &[3]), [1, 2, 3, 4, 5], "P1#1 left with the cut before, at none");
        assert!(all(&[20], &[]).is_empty(), "nothing is missing");
        assert!(all(&[], &[3]).is_empty(), "no cut");
        // What was acked before the first cut, or after the last, its disk knows nothing of.
        assert_eq!(all(&[3, 9], &[2, 3, 5]), [2, 3]);
        assert!(all(&[3, 9], &[1, 5]).is_empty());
    }

    #[test]
    fn a_choice_is_from_all_over() {
        let ids: Vec<_> = (0..10).map(MessageId).collect();
        let chosen = |most| spread(&ids, most).map(|id| id.0).collect::<Vec<_>>();
        assert_eq!(chosen(3), [0, 3, 6]);
        assert_eq!(chosen(MISSING_MOST).len(), 10);
        assert_eq!(spread(&[], 3).count(), 0);
    }
}
