//! What was acked and is not in the log itself, although every consumer got it.

use super::*;
use crate::capability::Survival;
use crate::fault::{Action, Effect, Fault, Hold, Part, Target, Trigger, kinds};
use crate::history::{Audited, AuditedLog, EpochIndex, Firing};
use crate::input::diagnostic::Spot;
use crate::plan::TopicIndex;

/// A run in which every consumer got everything, and its log.
fn delivered(blind: bool) -> (Plan, History, Vec<Delivery>) {
    let (plan, history) = sound(&LONG, Play { blind, ..calm(11) });
    let log = history.consumers[0].deliveries.clone();
    (plan, history, log)
}

fn audited(epoch: u32, whole: bool, messages: Vec<Delivery>) -> Audited {
    let log = AuditedLog::Read { epoch: EpochIndex(epoch), end: 90, whole, messages };
    Audited { topic: TopicIndex(0), log }
}

/// How many acked messages are not in the log, and the first of them as it is shown.
#[track_caller]
fn finds(plan: &Plan, history: &History, expected: u64) -> Option<String> {
    let judgement = judge(plan, history);
    let Some(finding) = judgement.violations.first() else {
        assert_eq!((expected, judgement.verdict), (0, Verdict::Pass), "{judgement:#?}");
        return None;
    };
    let found = (finding.kind, finding.count, finding.not_in_log);
    assert_eq!(found, (AnomalyKind::Lost, 0, expected), "{judgement:#?}");
    assert_eq!(judgement.verdict, Verdict::Fail);
    let proof = &finding.proofs[0];
    assert_eq!(proof.consumer, None);
    Some(format!("{}\n{}", proof.title, proof.evidence.join("\n")))
}

#[test]
fn one_that_every_consumer_got_is_lost_all_the_same() {
    for whole in [true, false] {
        let (plan, mut history, mut log) = delivered(false);
        let message = log.remove(5).message().unwrap();
        history.audit = vec![audited(0, whole, log.clone())];
        let said = finds(&plan, &history, 1).unwrap();
        let name = plan.describe(message);
        assert!(said.starts_with(&format!("{name} was acked, and is not in the log\n")), "{said}");
        assert!(said.contains("at offset 5, which its ack named, stands nothing"), "{said}");
        assert!(said.contains("C3 got "), "{said}");

        log.truncate(40);
        history.audit = vec![audited(0, whole, log)];
        finds(&plan, &history, 50);
    }
}

#[test]
fn where_a_loss_is_allowed_it_breaks_no_promise_and_is_shown() {
    let (mut plan, mut history, mut log) = delivered(false);
    log.remove(5);
    history.audit = vec![audited(0, true, log)];
    plan.scenario.expect.delivery = scenario::Delivery::AtMostOnce;
    let judgement = judge(&plan, &history);
    assert_eq!((judgement.verdict, judgement.allowed[0].not_in_log), (Verdict::Pass, 1));
}

#[test]
fn what_retention_may_have_dropped_is_not_lost() {
    for blind in [false, true] {
        let (plan, mut history, log) = delivered(blind);
        history.audit = vec![audited(0, false, log[7..].to_vec())];
        finds(&plan, &history, 0);
        history.audit = vec![audited(0, true, log[7..].to_vec())];
        finds(&plan, &history, 7);
    }
}

#[test]
fn without_offsets_what_stands_before_it_in_the_log_shows_that_it_was_not_dropped() {
    let (plan, mut history, mut log) = delivered(true);
    log.remove(60);
    history.audit = vec![audited(0, false, log)];
    finds(&plan, &history, 1);
}

#[test]
fn the_log_of_another_life_proves_it_only_where_messages_survive_this_by_promise() {
    let (mut plan, mut history, _) = delivered(false);
    history.epochs.push("e2".to_owned());
    history.audit = vec![audited(1, true, Vec::new())];
    finds(&plan, &history, 0);
    plan.scenario.broker.survives = Some(Survival::Nothing);
    finds(&plan, &history, 0);
    plan.scenario.broker.survives = Some(Survival::Kill);
    finds(&plan, &history, 90);
    // It may be in the one that could not be read.
    let failed = AuditedLog::Failed("away".to_owned());
    history.audit.push(Audited { topic: TopicIndex(0), log: failed });
    finds(&plan, &history, 0);
}

#[test]
fn a_broker_that_tells_no_lives_and_was_killed_may_have_begun_another_one() {
    let (mut plan, mut history, mut log) = delivered(true);
    for session in history.producers.iter_mut().flat_map(|part| &mut part.sessions) {
        session.epoch = None;
    }
    for claim in history.consumers.iter_mut().flat_map(|part| &mut part.subscriptions) {
        claim.epoch = None;
    }
    log.remove(60);
    history.audit = vec![audited(0, true, log)];
    finds(&plan, &history, 1);

    let effect = Effect::Process(Hold::Killed);
    let target = Target::Process(Part::Broker(0));
    let action = Action { definition: &kinds::kill::KILL, target, effect };
    let trigger = Trigger::At(std::time::Duration::from_secs(1));
    plan.scenario.faults =
        vec![Fault { line: 9, trigger_spot: Spot::default(), trigger, action, lasts: None }];
    let at = |stamp| Moment { stamp, at: stamp };
    let end = history.producers[0].sends.last().unwrap().completed.stamp;
    history.faults = vec![Firing {
        fault: 0,
        whom: "broker".to_owned(),
        began: at(end + 1_000),
        struck: Some(at(end + 1_001)),
        ended: at(end + 1_002),
        met: 1,
    }];
    finds(&plan, &history, 0);
    plan.scenario.broker.survives = Some(Survival::PowerCut);
    finds(&plan, &history, 1);
    // What was sent after it is in the life that goes on.
    plan.scenario.broker.survives = None;
    (history.faults[0].began, history.faults[0].ended) = (at(0), at(0));
    finds(&plan, &history, 1);
}
