//! What faults explain, what they prove nothing of, and what a scenario expects of them.

use std::sync::Arc;

use super::*;
use crate::fault::kinds::cut;
use crate::fault::{Action, Effect, Fault, Target, Trigger, Who};
use crate::history::Firing;
use crate::input::diagnostic::Spot;

/// A plan with a fault, and a firing of it over these stamps.
fn fire(plan: &mut Plan, history: &mut History, began: u64, ended: u64) {
    let trigger = Trigger::At(std::time::Duration::from_secs(1));
    let effect = Effect::Link(Arc::new(cut::Cut));
    let action = Action { definition: &cut::CUT, target: Target::Links(Who::Any), effect };
    plan.scenario.faults =
        vec![Fault { line: 9, trigger_spot: Spot::default(), trigger, action, lasts: None }];
    let moment = |stamp| Moment { stamp, at: stamp };
    history.faults = vec![Firing {
        fault: 0,
        whom: "P2".to_owned(),
        began: moment(began),
        struck: Some(moment(began)),
        ended: moment(ended),
        met: 3,
        on_disk: None,
    }];
}

/// Takes a message from every consumer.
fn withhold(history: &mut History, message: MessageId) {
    for consumer in &mut history.consumers {
        let place = consumer.deliveries.iter().position(|d| d.message() == Some(message));
        consumer.drop_at(place.unwrap());
    }
}

fn doubts(plan: &Plan, history: &History) -> Vec<String> {
    let judgement = judge(plan, history);
    assert_eq!(judgement.verdict, Verdict::Unknown, "{judgement:#?}");
    judgement.inconclusive
}

#[test]
fn a_message_that_a_fault_met_may_stay_without_an_ack() {
    let (mut plan, mut history) = sound(&LONG, calm(40));
    let (began, ended) = {
        let sent = &mut history.producers[1].sends[4];
        sent.outcome = Outcome::Unknown { why: "cut".to_owned() };
        (sent.invoked.stamp, sent.completed.stamp)
    };
    let words = doubts(&plan, &history);
    assert!(words[0].contains("1 planned message was left with an unknown outcome"), "{words:?}");
    fire(&mut plan, &mut history, began + 1, ended - 1);
    check(&plan, &history, &[]);
    fire(&mut plan, &mut history, ended, u64::MAX);
    let words = doubts(&plan, &history);
    assert!(
        words[0].contains("with an unknown outcome: P2#5, which no fault explains"),
        "{words:?}"
    );
}

#[test]
fn a_fault_that_did_not_happen_or_met_nothing_leaves_no_verdict() {
    let (mut plan, mut history) = sound(&LONG, calm(41));
    fire(&mut plan, &mut history, 1, 2);
    check(&plan, &history, &[]);
    history.faults[0].met = 0;
    let fault = "vacuous: the fault `{ at: 1s, cut: any }` (scenarios/test.yaml:9)";
    assert_eq!(doubts(&plan, &history), [format!("{fault} met no traffic")]);
    history.faults.clear();
    assert_eq!(doubts(&plan, &history), [format!("{fault} never fired")]);
    // One that was proven wrong stays so.
    history.consumers[1].drop_at(40);
    check(&plan, &history, &[(AnomalyKind::Lost, 1)]);
    // An interrupted run is not expected to have met its faults.
    history.end = End::Interrupted;
    assert!(doubts(&plan, &history).iter().all(|doubt| !doubt.contains("vacuous")));
}

#[test]
fn just_the_expected_anomalies_pass() {
    let (mut plan, mut history) = sound(&LONG, calm(42));
    plan.scenario.expect.anomalies = [AnomalyKind::Lost].into();
    assert_eq!(doubts(&plan, &history), ["the scenario expects to find lost, and nothing is"]);
    history.consumers[1].drop_at(40);
    let judgement = check(&plan, &history, &[]);
    assert_eq!((judgement.allowed[0].kind, judgement.allowed[0].count), (AnomalyKind::Lost, 1));
    assert!(judgement.allowed[0].proofs[0].title.starts_with("C2 never got "));
    let again = history.consumers[2].deliveries[20];
    history.consumers[2].insert_at(21, again);
    check(&plan, &history, &[(AnomalyKind::Duplicate, 1)]);
    plan.scenario.expect.allow = [AnomalyKind::Duplicate].into();
    assert_eq!(check(&plan, &history, &[]).allowed.len(), 2);
    plan.scenario.expect.allow.clear();
    plan.scenario.expect.anomalies = [AnomalyKind::Lost, AnomalyKind::Duplicate].into();
    check(&plan, &history, &[]);
}

#[test]
fn what_is_allowed_passes_and_need_not_be_found() {
    let (mut plan, mut history) = sound(&LONG, calm(42));
    plan.scenario.expect.allow = [AnomalyKind::Lost].into();
    assert_eq!(check(&plan, &history, &[]).verdict, Verdict::Pass);
    history.consumers[1].drop_at(40);
    let judgement = check(&plan, &history, &[]);
    assert_eq!((judgement.verdict, judgement.allowed[0].count), (Verdict::Pass, 1));
    let again = history.consumers[2].deliveries[20];
    history.consumers[2].insert_at(21, again);
    check(&plan, &history, &[(AnomalyKind::Duplicate, 1)]);
}

#[test]
fn a_loss_beside_an_unknown_outcome_is_an_interval() {
    let (mut plan, mut history) = sound(&LONG, calm(43));
    plan.scenario.expect.acked = Acked::Any;
    history.consumers[1].drop_at(40);
    let exact = check(&plan, &history, &[(AnomalyKind::Lost, 1)]);
    assert_eq!(exact.violations[0].possible, 0);
    // Whether it was ever appended is not known, and no consumer got it.
    history.producers[0].sends[4].outcome = Outcome::Unknown { why: "cut".to_owned() };
    withhold(&mut history, MessageId(4));
    let interval = check(&plan, &history, &[(AnomalyKind::Lost, 1)]);
    assert_eq!(interval.violations[0].possible, 3, "one for each consumer");
}

#[test]
fn a_poll_that_failed_acknowledges_nothing_before_a_crash() {
    let (plan, mut history) = sound(&LONG, calm(44));
    let part = &mut history.consumers[0];
    let place = part.deliveries.len() - 1;
    let again = part.deliveries[place];
    // The poll after the last delivery fails, the consumer crashes, and gets the message again.
    let brought = part.poll_of(place);
    part.polls.truncate(brought + 1);
    let mut failed = part.polls[brought].clone();
    let later = |moment: &mut Moment, by| moment.stamp += by;
    later(&mut failed.invoked, 1_000_000);
    later(&mut failed.completed, 1_000_000);
    failed.answer = Answer::Failed("cut".to_owned());
    part.polls.push(failed.clone());
    let mut resumed = part.subscriptions[0].clone();
    resumed.incarnation = 1;
    part.subscriptions.push(resumed);
    failed.subscription = u32::try_from(part.subscriptions.len() - 1).unwrap();
    later(&mut failed.invoked, 1_000_000);
    later(&mut failed.completed, 1_000_000);
    failed.answer = Answer::Delivered(1);
    part.polls.push(failed.clone());
    part.deliveries.push(again);
    check(&plan, &history, &[]);
    // Had it been answered, the message would have been acknowledged, and this a duplicate.
    let polls = &mut history.consumers[0].polls;
    let failed = polls.len() - 2;
    polls[failed].answer = Answer::Delivered(0);
    check(&plan, &history, &[(AnomalyKind::Duplicate, 1)]);
}
