//! What was acked and is not in the log itself, although every consumer got it.

use super::*;
use crate::capability::Survival;
use crate::fault::{Action, Effect, Fault, Hold, Part, Target, Trigger, kinds};
use crate::history::{Audited, AuditedLog, EpochIndex, Firing, Sent};
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
fn what_may_be_a_second_copy_does_not_show_where_the_log_begins() {
    let (plan, mut history, log) = delivered(true);
    history.audit = vec![audited(0, false, vec![log[5]])];
    let own = log[5].message().unwrap();
    assert!(judge(&plan, &history).violations[0].not_in_log > 0);
    // It was sent twice, and all but the second copy was dropped.
    let stream = plan.messages.stream(own);
    let number = own.0 - plan.streams[stream.place()].first.0;
    let sends = history.producers.iter_mut().flat_map(|part| &mut part.sends);
    let holds = |sent: &Sent| (sent.first..sent.first + sent.count).contains(&number);
    sends.filter(|sent| sent.stream == stream && holds(sent)).for_each(|sent| sent.attempts = 2);
    finds(&plan, &history, 0);
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

/// A fault that ended the broker, and was over at this stamp.
pub(super) fn fire(plan: &mut Plan, history: &mut History, hold: Hold, ended: u64) {
    let definition = match hold {
        Hold::Killed => &kinds::kill::KILL,
        Hold::Stopped => &kinds::stop::STOP,
        Hold::Paused => &kinds::pause::PAUSE,
        Hold::Isolated => &kinds::isolate::ISOLATE,
    };
    let target = Target::Process(Part::Broker(0));
    let action = Action { definition, target, effect: Effect::Process(hold) };
    let trigger = Trigger::At(std::time::Duration::from_secs(1));
    plan.scenario.faults =
        vec![Fault { line: 9, trigger_spot: Spot::default(), trigger, action, lasts: None }];
    let at = |stamp| Moment { stamp, at: stamp };
    history.faults = vec![Firing {
        fault: 0,
        whom: "broker".to_owned(),
        began: at(ended - 2),
        struck: Some(at(ended - 1)),
        ended: at(ended),
        met: 1,
        on_disk: None,
    }];
}

#[test]
fn what_is_saved_now_and_then_survives_an_end_in_good_order() {
    // Whether the life goes on, ends, or is not told.
    for (epoch, blind) in [(1, false), (0, true)] {
        let (mut plan, mut history, mut log) = delivered(blind);
        history.epochs.push("e2".to_owned());
        if blind {
            let sessions = history.producers.iter_mut().flat_map(|part| &mut part.sessions);
            sessions.for_each(|session| session.epoch = None);
        }
        log.remove(60);
        history.audit = vec![audited(epoch, true, log)];
        let end = history.producers[0].sends.last().unwrap().completed.stamp + 1_002;
        for (hold, survives, expected) in [
            (Hold::Stopped, Survival::Nothing, 0),
            (Hold::Stopped, Survival::Part, 1),
            (Hold::Killed, Survival::Part, 0),
            (Hold::Killed, Survival::Kill, 1),
        ] {
            fire(&mut plan, &mut history, hold, end);
            plan.scenario.broker.survives = Some(survives);
            finds(&plan, &history, expected);
        }
    }
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

    let end = history.producers[0].sends.last().unwrap().completed.stamp;
    fire(&mut plan, &mut history, Hold::Killed, end + 1_002);
    finds(&plan, &history, 0);
    plan.scenario.broker.survives = Some(Survival::PowerCut);
    finds(&plan, &history, 1);
    // What was sent after it is in the life that goes on.
    plan.scenario.broker.survives = None;
    fire(&mut plan, &mut history, Hold::Killed, 2);
    finds(&plan, &history, 1);
}
