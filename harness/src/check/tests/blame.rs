//! What the logs themselves say about losses, each broken on purpose in just that way.

use super::not_in_log::fire;
use super::*;
use crate::check::{Blames, unlogged};
use crate::fault::Hold;
use crate::history::{Audited, AuditedLog, EpochIndex};
use crate::log_format::LogFormat;
use crate::plan::{ConsumerIndex, TopicIndex};

/// What is in the log that the first consumer was handed as a whole.
fn log(plan: &Plan, history: &History) -> Vec<Delivery> {
    assert_eq!(history.consumers[0].deliveries.len(), plan.messages.len());
    history.consumers[0].deliveries.clone()
}

fn audited(epoch: u32, messages: Vec<Delivery>) -> Audited {
    let end = messages.last().and_then(|last| last.offset()).map_or(0, |last| last + 1);
    let log = AuditedLog::Read { epoch: EpochIndex(epoch), end, whole: true, messages };
    Audited { topic: TopicIndex(0), log }
}

/// A run in which C2 lacks the messages at these places of the log.
fn lossy(places: &[usize]) -> (Plan, History, Vec<Delivery>) {
    let (plan, mut history) = sound(&LONG, calm(11));
    let log = log(&plan, &history);
    for place in places {
        let own = |delivery: &Delivery| delivery.message() == log[*place].message();
        let place = history.consumers[1].deliveries.iter().position(own).unwrap();
        history.consumers[1].drop_at(place);
    }
    (plan, history, log)
}

fn lost(plan: &Plan, history: &History) -> (Option<Blames>, String) {
    let judgement = judge(plan, history);
    let [finding] = &judgement.violations[..] else { panic!("{judgement:#?}") };
    assert_eq!(finding.kind, AnomalyKind::Lost);
    let evidence: Vec<_> = finding.proofs.iter().map(|proof| proof.evidence.join("\n")).collect();
    (finding.blames, evidence.join("\n"))
}

#[test]
fn without_an_audit_nobody_is_blamed() {
    let (plan, history, _) = lossy(&[5]);
    let (blames, evidence) = lost(&plan, &history);
    assert_eq!(blames, None);
    assert!(!evidence.contains("stored"), "{evidence}");
}

#[test]
fn a_lost_message_that_is_in_the_log_was_stored_and_not_delivered() {
    let (plan, mut history, log) = lossy(&[5]);
    history.audit = vec![audited(0, log)];
    let (blames, evidence) = lost(&plan, &history);
    assert_eq!(blames, Some(Blames { not_delivered: 1, ..Blames::default() }));
    let said = evidence.contains("stored but not delivered: ")
        && evidence.contains(" is in the log at offset 5\n");
    assert!(said, "{evidence}");
}

/// The same where nobody got them.
fn lossy_everywhere(places: &[usize]) -> (Plan, History, Vec<Delivery>) {
    let (plan, mut history, log) = lossy(places);
    for place in places {
        for part in &mut history.consumers {
            let own = |delivery: &Delivery| delivery.message() == log[*place].message();
            if let Some(place) = part.deliveries.iter().position(own) {
                part.drop_at(place);
            }
        }
    }
    (plan, history, log)
}

#[test]
fn a_lost_message_that_nothing_shows_in_the_log_was_never_stored() {
    let (plan, mut history, mut log) = lossy_everywhere(&[5, 9]);
    let name = plan.name(log[5].message().unwrap());
    log.remove(5);
    history.audit = vec![audited(0, log)];
    let (blames, evidence) = lost(&plan, &history);
    let consumers = history.consumers.len() as u64;
    let expected =
        Blames { never_stored: consumers, not_delivered: consumers, ..Blames::default() };
    assert_eq!(blames, Some(expected));
    let words = format!(
        "never stored: {name} was acked, and is not in the log, whose end is 90; at offset 5, which \
         its ack named, stands nothing"
    );
    assert!(evidence.contains(&words), "{evidence}");
}

#[test]
fn a_lost_message_that_someone_got_and_the_log_lacks_was_not_kept() {
    let (plan, mut history, mut log) = lossy(&[5, 9]);
    let name = plan.name(log[5].message().unwrap());
    log.remove(5);
    history.audit = vec![audited(0, log)];
    let (blames, evidence) = lost(&plan, &history);
    assert_eq!(blames, Some(Blames { not_kept: 1, not_delivered: 1, ..Blames::default() }));
    let words = format!(
        "not kept: {name} was acked and handed out, and is no longer in the log, whose end is 90; \
         at offset 5, which its ack named, stands nothing"
    );
    assert!(evidence.contains(&words), "{evidence}");
}

#[test]
fn whether_a_message_was_ever_stored_is_not_said_where_the_broker_was_ended_since() {
    let (mut plan, mut history, mut log) = lossy_everywhere(&[5, 60]);
    let name = |place: usize| plan.name(log[place].message().unwrap()).to_string();
    let (before, after) = (name(5), name(60));
    let asked = |place: usize| {
        let message = log[place].message().unwrap();
        let sends = history.producers.iter().flat_map(|part| &part.sends);
        let stream = plan.messages.stream(message);
        let own = |sent: &&crate::history::Sent| {
            let first = plan.streams[stream.place()].first.0 + sent.first;
            sent.stream == stream && (first..first + sent.count).contains(&message.0)
        };
        sends.clone().find(own).unwrap().invoked.stamp
    };
    let (first, last) = (asked(5), asked(60));
    assert!(first < last);
    log.remove(60);
    log.remove(5);
    history.audit = vec![audited(0, log)];
    // It was ended between the two.
    fire(&mut plan, &mut history, Hold::Killed, last);
    let (blames, evidence) = lost(&plan, &history);
    let consumers = history.consumers.len() as u64;
    let expected = Blames { not_kept: consumers, never_stored: consumers, ..Blames::default() };
    assert_eq!(blames, Some(expected), "{evidence}");
    let words = format!(
        "not kept: {before} was acked, and after a fault had ended the broker is not in the log, "
    );
    assert!(evidence.contains(&words), "{evidence}");
    assert!(evidence.contains(&format!("never stored: {after} was acked")), "{evidence}");
}

#[test]
fn what_a_log_may_have_dropped_in_good_order_blames_nobody() {
    let (plan, mut history, log) = lossy(&[5]);
    let later = audited(0, log[7..].to_vec());
    let AuditedLog::Read { epoch, end, messages, .. } = later.log else { unreachable!() };
    let log = AuditedLog::Read { epoch, end, whole: false, messages };
    history.audit = vec![Audited { topic: TopicIndex(0), log }];
    let (blames, evidence) = lost(&plan, &history);
    assert_eq!(blames, Some(Blames { unread: 1, ..Blames::default() }));
    assert!(evidence.contains("may have dropped it in good order"), "{evidence}");
}

#[test]
fn what_was_acked_in_a_life_that_is_over_is_in_a_log_that_is_gone() {
    let (plan, mut history, _) = lossy(&[5]);
    history.epochs.push("e2".to_owned());
    history.audit = vec![audited(1, Vec::new())];
    let (blames, evidence) = lost(&plan, &history);
    assert_eq!(blames, Some(Blames { log_gone: 1, ..Blames::default() }));
    assert!(
        evidence.contains("was acked in epoch e1 of the store, and the log of that life is gone")
    );
}

#[test]
fn a_log_that_cannot_be_read_blames_nobody_and_decides_nothing() {
    let (plan, mut history, _) = lossy(&[5]);
    let log = AuditedLog::Failed("the broker went away".to_owned());
    history.audit = vec![Audited { topic: TopicIndex(0), log }];
    let (blames, evidence) = lost(&plan, &history);
    assert_eq!(blames, Some(Blames { unread: 1, ..Blames::default() }));
    assert!(evidence.contains("nobody can be blamed for "), "{evidence}");
    assert!(evidence.contains(": the broker went away"), "{evidence}");
}

/// The log of a consumer as it is written.
fn written(plan: &Plan, history: &History, consumer: usize) -> Vec<String> {
    let deliveries = history.consumers[consumer].deliveries.iter();
    let ids = deliveries.map(|delivery| delivery.message().unwrap());
    ids.map(|id| {
        let topic = &plan.topics[plan.stream(id).topic.place()].name;
        format!("{topic}     {}\n", plan.messages.payload(id))
    })
    .collect()
}

#[test]
fn lines_that_a_log_lacks_were_delivered_but_not_logged() {
    let (plan, history) = sound(&SMALL, calm(3));
    let consumer = ConsumerIndex(1);
    let mut lines = written(&plan, &history, 1);
    let compare = |log: &str| unlogged::compare(&plan, &history, consumer, log.as_bytes());
    let whole = lines.concat();
    assert_eq!(unlogged::length(&plan, &history, consumer, LogFormat::Plain), whole.len() as u64);
    assert_eq!(compare(&whole), None);

    let name = |place: usize| {
        plan.name(history.consumers[1].deliveries[place].message().unwrap()).to_string()
    };
    let (last, other) = (lines.len() - 1, 4);
    let cut = compare(&whole[..whole.len() - 3]).unwrap();
    let words = format!(
        "delivered but not logged: 1 message that C2 was handed is not in its log: {}",
        name(last)
    );
    assert_eq!(cut, words);
    lines.remove(last);
    lines.remove(other);
    let said = compare(&lines.concat()).unwrap();
    assert!(said.contains("2 messages that C2 was handed are not in its log"), "{said}");
    assert!(said.ends_with(&format!("{}, {}", name(other), name(last))), "{said}");
    assert!(compare("").unwrap().ends_with(" and 38 more"));
    let strange = compare(&format!("{}T1     x\n", lines.concat())).unwrap();
    let line = lines.len() + 1;
    let words = format!("the log of C2 has what it was not handed, from line {line} on");
    assert_eq!(strange, words);
}
