//! Subscriptions that the broker forgot.

use std::sync::Arc;

use super::small::Case;
use super::*;
use crate::fault::kinds::{cut, kill};
use crate::fault::{Action, Effect, Fault, Hold, Part, Target, Trigger, Who};
use crate::history::{Firing, Polled};
use crate::input::diagnostic::Spot;

const LOST: [(AnomalyKind, u64); 1] = [(AnomalyKind::Lost, 2)];

/// C1 got the first of three messages; then the broker did not know it any more.
fn forgotten(case: Case) -> Case {
    let mut case = case
        .acked("P1#1", (10, 11), None)
        .acked("P1#2", (12, 13), None)
        .acked("P1#3", (14, 15), None)
        .gets(1, "P1#1");
    let moment = |stamp| Moment { stamp, at: stamp };
    case.claim(1).forgotten = Some(moment(5_000));
    case.history.consumers[0].polls.push(Polled {
        subscription: 0,
        invoked: moment(4_999),
        completed: moment(5_000),
        answer: Answer::Failed("Consumer:0 does not exist".to_owned()),
    });
    case
}

/// A fault that fired before.
fn with_fault(mut case: Case, action: Action) -> Case {
    let trigger = Trigger::At(std::time::Duration::from_secs(1));
    case.plan.scenario.faults =
        vec![Fault { line: 9, trigger_spot: Spot::default(), trigger, action, lasts: None }];
    let moment = |stamp| Moment { stamp, at: stamp };
    let (began, ended) = (moment(900), moment(901));
    case.history.faults = vec![Firing {
        fault: 0,
        whom: String::new(),
        began,
        struck: None,
        ended,
        met: 1,
        on_disk: None,
    }];
    case
}

fn killed() -> Action {
    let target = Target::Process(Part::Broker(0));
    Action { definition: &kill::KILL, target, effect: Effect::Process(Hold::Killed) }
}

#[test]
fn what_is_due_to_a_forgotten_subscription_is_lost_for_that_reason() {
    for mut case in [forgotten(Case::new(1, 1, 3)), forgotten(Case::plain(1, 1, 3))] {
        for end in [End::Drained, End::Idle, End::Deadline] {
            case.history.end = end;
            let judgement = case.finds(&LOST);
            let evidence = judgement.violations[0].proofs[0].evidence.join("\n");
            let words = "the broker forgot the subscription: C1 polled T1, and at 0.005 ms (stamp \
                         5000) was told that there is none";
            assert!(evidence.contains(words), "{evidence}");
            assert_eq!(judgement.inconclusive, Vec::<String>::new());
        }
    }
}

#[test]
fn nothing_is_said_of_a_forgotten_subscription_that_had_everything() {
    let case = forgotten(Case::new(1, 1, 3)).gets(1, "P1#2 P1#3");
    case.finds(&[]);
}

#[test]
fn what_an_interrupted_run_lacks_is_undecided_all_the_same() {
    let mut case = forgotten(Case::new(1, 1, 3));
    case.history.end = End::Interrupted;
    assert_eq!(kinds(&judge(&case.plan, &case.history)), []);
}

#[test]
fn on_the_original_routes_a_process_that_was_ended_may_have_forgotten_it_fairly() {
    let case = with_fault(forgotten(Case::plain(1, 1, 3)), killed());
    let judgement = judge(&case.plan, &case.history);
    assert_eq!((judgement.verdict, kinds(&judgement)), (Verdict::Unknown, vec![]));
    let words = "C1 had no subscription to T1 any more after a fault had ended a process: 2 \
                 deliveries still missing (the first: P1#2)";
    assert_eq!(judgement.inconclusive, [words]);
    // Within one life of the store it is not fair, nor after a fault that ends nothing.
    with_fault(forgotten(Case::new(1, 1, 3)), killed()).finds(&LOST);
    let effect = Effect::Link(Arc::new(cut::Cut));
    let cut = Action { definition: &cut::CUT, target: Target::Links(Who::Any), effect };
    with_fault(forgotten(Case::plain(1, 1, 3)), cut).finds(&LOST);
    // Nor is what came before the fault its doing.
    let mut case = with_fault(forgotten(Case::plain(1, 1, 3)), killed());
    case.history.faults[0].began.stamp = 6_000;
    case.finds(&LOST);
}
