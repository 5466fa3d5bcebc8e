//! The server does not start again after a fault of its storage: everything that was acked is lost.
//!
//! Example: 500 messages were acked, the power was cut, and the server ends with an error whenever it is
//! started. Each message counts once, whoever got it before: nobody gets anything any more. That is a
//! broken promise however the run ended, and where nothing was acked it leaves no verdict.

use crate::check::anomaly::{Anomaly, Subject};
use crate::check::facts::{Facts, Fate};
use crate::check::finding::Finding;
use crate::check::on_disk::Disk;
use crate::check::outcome::{CheckOutcome, Promise};
use crate::check::words::moment;
use crate::fault::{Action, Effect, Part, StorageFault};
use crate::history::{Firing, OnDisk};
use crate::numbers;
use crate::plan::{MessageId, TopicIndex};
use crate::scenario::AnomalyKind;

/// What is lost with the server; none where it is there.
pub(super) fn check(facts: &Facts<'_>) -> Option<CheckOutcome> {
    let firing = facts.gone()?;
    let on_disk = firing.on_disk.as_ref()?;
    let action = &facts.plan.scenario.faults.get(firing.fault as usize)?.action;
    let messages = (0..facts.plan.messages.len()).map(MessageId::new);
    let is_acked = |message: &MessageId| {
        facts.requests.of(*message).is_some_and(|request| request.fate == Fate::Acked)
    };
    let acked: Vec<MessageId> = messages.filter(is_acked).collect();
    let what = does_not_start(facts, firing, action);
    let (Some(first), count) = (acked.first(), acked.len() as u64) else {
        let mut outcome = CheckOutcome::default();
        outcome.inconclusive.push(format!("{what}, and nothing was acked before"));
        return Some(outcome);
    };
    let mut lost = Finding::new(AnomalyKind::Lost, facts.keep);
    lost.does_not_start = true;
    lost.add_many(count, || {
        let messages = numbers::count(count, "message");
        let title = format!("{what}: everything that was acked is lost, {messages}");
        let topic = facts.plan.stream(*first).topic;
        let mut anomaly = Anomaly::new(facts.plan, topic, None, &acked, title);
        anomaly.topic = topics(facts, &acked);
        // What became of each message says nothing here.
        anomaly.subject = Subject::Nothing;
        anomaly.evidence = evidence(facts, on_disk);
        anomaly
    });
    Some((promise(action), lost).into())
}

/// That is no loss of messages alone, so that `at-most-once` does not allow it. But of a server that
/// found its data rotten nobody promises more than that it says so.
const fn promise(action: &Action) -> Promise {
    match action.effect {
        Effect::Storage(StorageFault::Rot { .. }) => Promise::NoLoss,
        _ => Promise::Always,
    }
}

/// ``the server of nats does not start after `power: storage` at 1203.500 ms (stamp 331)``.
fn does_not_start(facts: &Facts<'_>, firing: &Firing, action: &Action) -> String {
    let broker = &facts.plan.scenario.broker;
    let what = match broker.storage() {
        Part::Database | Part::Node(_) => "database",
        Part::Broker(_) => "server",
    };
    format!(
        "the {what} of {} does not start after `{action}` at {}",
        broker.on,
        moment(firing.began)
    )
}

/// The names of the topics that messages are of, which ascend.
fn topics(facts: &Facts<'_>, messages: &[MessageId]) -> String {
    let mut topics: Vec<TopicIndex> =
        messages.iter().map(|message| facts.plan.stream(*message).topic).collect();
    topics.sort_unstable();
    topics.dedup();
    let names = topics.iter().map(|topic| facts.plan.topics[topic.place()].name.as_str());
    names.collect::<Vec<_>>().join(" ")
}

fn evidence(facts: &Facts<'_>, on_disk: &OnDisk) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(forgotten) = &on_disk.forgotten {
        lines.push(format!("the power cut forgot {}", forgotten.words()));
    }
    if let Some(disk) = Disk::of(facts) {
        lines.extend(disk.rot(|_| true));
    }
    let last = on_disk.gone.iter().flat_map(|gone| gone.lines());
    lines.extend(last.map(|line| line.trim_end().to_owned()));
    lines
}
