//! A server that does not start again.

use super::*;

/// Two consumers, of which one got some of the four messages that were acked; two more were never sent.
fn dead(fault: StorageFault) -> Case {
    let mut case = Case::new(1, 2, 6).in_turn(&["P1#1", "P1#2", "P1#3", "P1#4"]);
    case.plan.scenario.expect.acked = Acked::All;
    case.plan.scenario.broker.on = "nats".to_owned();
    case.with(fault, (100, 120), gone()).gets(1, "P1#1@0 P1#3@2")
}

const TITLE: &str = "the server of nats does not start after `power: storage` at 0.100 ms (stamp 100): \
                     everything that was acked is lost, 4 messages";

#[test]
fn everything_that_was_acked_is_lost_once_whatever_the_end() {
    for end in [End::Drained, End::Idle, End::Deadline, End::Interrupted] {
        let mut case = dead(POWER);
        case.history.end = end;
        let judgement = case.finds(&[(AnomalyKind::Lost, 4)]);
        assert_eq!(judgement.inconclusive, Vec::<String>::new(), "{end:?}");
        let finding = &judgement.violations[0];
        assert!(finding.does_not_start && finding.possible == 0 && finding.not_in_log == 0);
        let [proof] = &finding.proofs[..] else { panic!("{judgement:#?}") };
        assert_eq!((proof.title.as_str(), proof.message_count), (TITLE, 4));
        assert_eq!((proof.topic.as_str(), proof.consumer.as_deref()), ("T1", None));
        let evidence = [
            "the power cut forgot 500 bytes in 1 file",
            "nats-server ended with exit status 1; it wrote last:",
            "  no such stream",
        ];
        assert_eq!(proof.evidence, evidence);
    }
}

#[test]
fn the_same_server_that_starts_loses_by_the_usual_rules() {
    let mut case = dead(POWER);
    case.history.faults[0].on_disk = Some(forgot(500, 0));
    let judgement = case.finds(&[(AnomalyKind::Lost, 6)]);
    assert!(!judgement.violations[0].does_not_start);
    let never = "2 planned messages were never sent: P1#5 to P1#6 on T1";
    assert!(judgement.inconclusive.iter().any(|why| why.starts_with(never)), "{judgement:#?}");
}

#[test]
fn it_is_allowed_by_name_and_not_by_at_most_once() {
    let case = dead(POWER).expecting(&[AnomalyKind::Lost]);
    let judgement = case.finds(&[]);
    assert_eq!((judgement.allowed[0].kind, judgement.allowed[0].count), (AnomalyKind::Lost, 4));
    let once = dead(POWER).delivery(scenario::Delivery::AtMostOnce);
    once.finds(&[(AnomalyKind::Lost, 4)]);
    // A server that found its data rotten has lost it, and said so.
    dead(ROT).finds(&[(AnomalyKind::Lost, 4)]);
    let judgement = dead(ROT).delivery(scenario::Delivery::AtMostOnce).finds(&[]);
    assert!(judgement.allowed[0].does_not_start);
}

#[test]
fn a_server_of_which_nothing_was_acked_leaves_no_verdict() {
    let mut case = Case::new(1, 1, 2).with(POWER, (100, 120), gone());
    case.plan.scenario.broker.on = "nats".to_owned();
    let judgement = judge(&case.plan, &case.history);
    assert_eq!((judgement.verdict, kinds(&judgement)), (Verdict::Unknown, vec![]));
    let said = "the server of nats does not start after `power: storage` at 0.100 ms (stamp 100), and \
                nothing was acked before";
    assert!(judgement.inconclusive.contains(&said.to_owned()), "{judgement:#?}");
}

#[test]
fn of_our_own_broker_it_is_the_database() {
    let mut case = dead(POWER);
    (case.plan.scenario.broker.store, case.plan.scenario.broker.on) =
        (scenario::Store::Mysql, "mysql".to_owned());
    let title = &case.titles(&[(AnomalyKind::Lost, 4)])[0];
    assert!(title.starts_with("the database of mysql does not start after"), "{title}");
}

#[test]
fn all_topics_are_named_and_faults_that_were_to_come_are_not_missed() {
    let (mut plan, mut history) = sound(&SMALL, calm(3));
    fire(&mut plan, &mut history, POWER, vec![((1, 2), gone())]);
    fire(&mut plan, &mut history, POWER, Vec::new());
    let judgement = check(&plan, &history, &[(AnomalyKind::Lost, 48)]);
    assert_eq!(judgement.violations[0].proofs[0].topic, "T1 T2");
    assert_eq!(judgement.inconclusive, Vec::<String>::new());
}

#[test]
fn requests_that_met_a_dead_server_are_explained() {
    let unknown = || Outcome::Unknown { why: "the connection broke".to_owned() };
    let why = "cannot reach the broker at http://127.0.0.1:9: connection refused".to_owned();
    let case = dead(POWER).sends("P1#5", 1, (90, 110), unknown());
    let case = case.sends("P1#6", 1, (130, 140), Outcome::Refused { why });
    let judgement = case.finds(&[(AnomalyKind::Lost, 4)]);
    assert_eq!(judgement.inconclusive, Vec::<String>::new());
}
