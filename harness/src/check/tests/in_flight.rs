//! Several requests of one producer under way at a time: the order in which they were issued is that
//! of the log, where the driver keeps it.

use super::small::Case;
use super::*;

const REORDERED: [(AnomalyKind, u64); 1] = [(AnomalyKind::Reordered, 1)];

/// Two requests that overlap, and the consumer gets the second one first.
fn swapped() -> Case {
    Case::plain(1, 1, 2)
        .acked("P1#1", (20, 31), None)
        .acked("P1#2", (21, 26), None)
        .gets(1, "P1#2 P1#1")
}

#[test]
fn requests_that_overlap_are_in_the_order_in_which_they_were_issued() {
    swapped().finds(&[]);
    for order in [Order::PerTopic, Order::PerProducer] {
        let judgement = swapped().in_flight(2).order(order).finds(&REORDERED);
        let proof = &judgement.violations[0].proofs[0];
        assert_eq!(proof.messages, ["P1#1", "P1#2"]);
        let words = "the former was issued (stamp 20) before the latter (stamp 21) under one \
                     registration, and acked";
        assert!(proof.evidence.contains(&words.to_owned()), "{proof:#?}");
    }
    assert_eq!(judge_in_any_order().verdict, Verdict::Pass);
}

fn judge_in_any_order() -> Judgement {
    swapped().in_flight(2).order(Order::None).finds(&[])
}

#[test]
fn a_request_without_an_ack_has_no_place_among_those_that_overlap_it() {
    let unknown = || Outcome::Unknown { why: "cut".to_owned() };
    Case::plain(1, 1, 2)
        .in_flight(2)
        .sends("P1#1", 1, (20, 31), unknown())
        .acked("P1#2", (21, 26), None)
        .gets(1, "P1#2 P1#1")
        .finds(&[]);
    // The acked one left first, and so is before whatever came of the other.
    Case::plain(1, 1, 2)
        .in_flight(2)
        .acked("P1#1", (20, 31), None)
        .sends("P1#2", 1, (21, 26), unknown())
        .gets(1, "P1#2 P1#1")
        .finds(&REORDERED);
}

#[test]
fn another_registration_is_another_order() {
    let mut case = swapped().in_flight(2);
    let sessions = &mut case.history.producers[0].sessions;
    sessions.push(sessions[0].clone());
    case.history.producers[0].sends[1].session = 1;
    case.finds(&[]);
}

#[test]
fn acks_of_requests_that_overlap_may_say_that_the_broker_swapped_them() {
    let case = |acked| {
        Case::new(1, 1, 3)
            .in_flight(3)
            .order(Order::None)
            .acked("P1#1", (20, acked), Some(1))
            .acked("P1#2", (23, 26), Some(0))
            .gets(1, "P1#2 P1#1")
    };
    case(31).finds(&[]);
    case(22).finds(&[(AnomalyKind::StaleAck, 1)]);
}
