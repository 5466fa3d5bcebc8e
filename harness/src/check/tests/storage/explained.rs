//! What faults of the storage explain, and how they end a process.

use super::*;
use crate::capability::Survival;
use crate::history::{Attempt, Audited, AuditedLog, Class, EpochIndex};
use crate::plan::TopicIndex;

/// P1's second message was refused with this code between stamps 20 and 30, at the second broker; the
/// first before and the third after were acked there.
fn refused(code: &str) -> Case {
    let mut case = Case::new(1, 1, 3).acked("P1#1", (10, 11), Some(0));
    case.plan.scenario.expect.acked = Acked::All;
    let why = format!("no ({code})");
    case = case.sends("P1#2", 1, (20, 30), Outcome::Refused { why });
    let code = Some(code.to_owned());
    let attempt = Attempt { began: at(20), ended: at(30), class: Class::Refused, code, broker: 2 };
    case.history.producers[0].sends[1].tries = vec![attempt];
    case.history.producers[0].sessions[0].broker = 2;
    case.acked("P1#3", (200, 201), Some(1)).gets(1, "P1#1@0 P1#3@1")
}

fn is_explained(case: &Case) -> bool {
    let judgement = judge(&case.plan, &case.history);
    let is_doubt = |why: &String| why.contains("P1#2, with `") && why.contains("no fault explains");
    assert_eq!(judgement.inconclusive.len(), usize::from(judgement.verdict != Verdict::Pass));
    assert!(judgement.inconclusive.iter().all(is_doubt), "{judgement:#?}");
    judgement.verdict == Verdict::Pass
}

const EACH: [StorageFault; 5] = [
    POWER,
    FULL,
    ROT,
    StorageFault::Slow { fsync: std::time::Duration::MAX, write: std::time::Duration::ZERO },
    StorageFault::FailSync { count: 1, then: AfterFailedSync::Drop },
];

#[test]
fn a_fault_of_the_storage_explains_refusals_of_every_broker() {
    for fault in EACH {
        let over = |over| refused("no_space").with(fault, over, OnDisk::default());
        assert!(is_explained(&over((15, 25))), "{fault:?}");
        // What it did may still be felt until the next ack.
        assert!(is_explained(&over((12, 14))), "{fault:?}");
        assert!(!is_explained(&over((40, 50))), "{fault:?} came later");
        let acked = refused("no_space").acked("P1#1", (15, 16), Some(0));
        let acked = acked.with(fault, (12, 14), OnDisk::default());
        assert!(!is_explained(&acked), "{fault:?} was over");
    }
}

#[test]
fn registrations_are_forgotten_where_they_need_not_survive() {
    let case = |survives: Survival, fault| {
        let mut case = refused("unknown_producer");
        let mut again = case.history.producers[0].sessions[0].clone();
        (again.invoked, again.confirmed) = (at(40), at(41));
        case.history.producers[0].sessions.push(again);
        case.history.producers[0].sends[2].session = 1;
        case.plan.scenario.broker.survives = Some(survives);
        is_explained(&case.with(fault, (12, 14), OnDisk::default()))
    };
    assert!(case(Survival::Nothing, POWER) && case(Survival::Kill, POWER));
    assert!(!case(Survival::PowerCut, POWER));
    assert!(case(Survival::PowerCut, ROT), "nobody promises to survive that");
    assert!(case(Survival::Part, FULL) && !case(Survival::Kill, FULL));
}

/// The second of three messages is in no log and came to nobody, after this was done.
fn not_in_log(fault: StorageFault, on_disk: OnDisk) -> Case {
    let mut case = Case::new(1, 1, 3).in_turn(&["P1#1", "P1#2", "P1#3"]);
    case = case.with(fault, (100, 120), on_disk).gets(1, "P1#1@0 P1#3@2");
    let entry = |id| Delivery::new(Some(MessageId(id)), Some(id.into()));
    let messages = vec![entry(0), entry(2)];
    let log = AuditedLog::Read { epoch: EpochIndex(0), end: 3, whole: true, messages };
    case.history.audit = vec![Audited { topic: TopicIndex(0), log }];
    case
}

#[test]
fn blame_says_after_what_it_is_not_in_the_log() {
    let said = |fault, on_disk| {
        let judgement = not_in_log(fault, on_disk).finds(&[(AnomalyKind::Lost, 1)]);
        let blames = judgement.violations[0].blames.unwrap();
        (blames.not_kept, evidence(&judgement, AnomalyKind::Lost))
    };
    let check = |fault, on_disk, what: &str| {
        let (not_kept, said) = said(fault, on_disk);
        let words = format!("not kept: P1#2 was acked, and after {what} is not in the log");
        assert!(not_kept == 1 && said.contains(&words), "{words}\n{said}");
    };
    check(POWER, forgot(9, 0), "a power cut");
    let rotten = Case::new(1, 1, 3).rotten("P1#2");
    check(ROT, rotten, "bits had rotted on its disk");
    check(ROT, OnDisk::default(), "a fault had ended the broker");
    let restarted = Some("it ended with exit status 1".to_owned());
    let restarted = OnDisk { restarted, ..OnDisk::default() };
    check(FULL, restarted, "a fault had ended the broker");
    // A full disk alone ends nothing.
    let (not_kept, said) = said(FULL, OnDisk::default());
    assert!(not_kept == 0 && said.contains("never stored: P1#2 was acked"), "{said}");
}

#[test]
fn after_a_power_cut_a_log_is_asked_for_what_documents_promise_of_it() {
    // A broker that tells no lives may have begun another one.
    let lacks = |fault, survives| {
        let mut case = not_in_log(fault, OnDisk::default());
        case.history.producers[0].sessions[0].epoch = None;
        case.plan.scenario.broker.survives = Some(survives);
        let judgement = judge(&case.plan, &case.history);
        judgement.violations.iter().map(|finding| finding.not_in_log).sum::<u64>()
    };
    assert_eq!(lacks(POWER, Survival::PowerCut), 1);
    assert_eq!(lacks(POWER, Survival::Kill), 0);
    assert_eq!(lacks(ROT, Survival::Kill), 1);
    assert_eq!(lacks(ROT, Survival::Part), 0);
    assert_eq!(lacks(FULL, Survival::Nothing), 1, "it ends nothing");
}

#[test]
fn a_subscription_may_be_forgotten_fairly_after_a_power_cut() {
    let case = |fault, on_disk| {
        let mut case = Case::plain(1, 1, 2).acked("P1#1", (10, 11), None);
        case = case.acked("P1#2", (12, 13), None).gets(1, "P1#1");
        case.claim(1).forgotten = Some(at(5_000));
        let case = case.with(fault, (900, 901), on_disk);
        judge(&case.plan, &case.history).verdict
    };
    assert_eq!(case(POWER, forgot(9, 0)), Verdict::Unknown);
    assert_eq!(case(ROT, OnDisk::default()), Verdict::Unknown);
    assert_eq!(case(FULL, OnDisk::default()), Verdict::Fail);
    let restarted = Some("it took nothing any more".to_owned());
    assert_eq!(case(FULL, OnDisk { restarted, ..OnDisk::default() }), Verdict::Unknown);
}
