//! Which order proves what: for what is due, and for who is wrong.

use super::small::Case;
use super::*;
use crate::history::EpochIndex;

const LOST: [(AnomalyKind, u64); 1] = [(AnomalyKind::Lost, 1)];

#[test]
fn only_a_promised_order_proves_that_a_message_is_due() {
    // P2#1 was on its way while C2 subscribed, and C1 got it after P1#1.
    let case = |order| {
        Case::plain(2, 2, 1)
            .order(order)
            .acked("P1#1", (20, 31), None)
            .acked("P2#1", (21, 26), None)
            .subscribed(2, (24, 28), None)
            .gets(1, "P1#1 P2#1")
            .gets(2, "P1#1")
    };
    case(Order::PerTopic).finds(&LOST);
    case(Order::PerProducer).finds(&[]);
    case(Order::None).finds(&[]);
}

#[test]
fn with_an_order_per_producer_the_same_producers_messages_prove_what_is_due() {
    let case = |order| {
        Case::plain(2, 2, 3)
            .order(order)
            .acked("P1#1", (20, 21), None)
            .acked("P1#2", (22, 29), None)
            .acked("P2#1", (20, 29), None)
            .acked("P1#3", (40, 41), None)
            .subscribed(2, (19, 30), None)
            .gets(1, "P2#1 P1#1 P1#2 P1#3")
    };
    // P1#2 left after P1#1 was acked, and P1#1 came.
    case(Order::PerProducer).gets(2, "P1#1 P1#3").finds(&LOST);
    case(Order::None).gets(2, "P1#1 P1#3").finds(&[]);
    // P1#2 and P2#1 are before what came: they may be from before the subscription.
    case(Order::PerProducer).gets(2, "P1#3").finds(&[]);
    case(Order::PerTopic).gets(2, "P1#3").finds(&[]);
}

#[test]
fn the_stamps_of_another_producer_prove_nothing_due_with_an_order_per_producer() {
    let case = |order| {
        Case::plain(2, 2, 1)
            .order(order)
            .acked("P1#1", (20, 21), None)
            .acked("P2#1", (22, 27), None)
            .subscribed(2, (19, 28), None)
            .gets(1, "P1#1 P2#1")
            .gets(2, "P1#1")
    };
    case(Order::PerTopic).finds(&LOST);
    case(Order::PerProducer).finds(&[]);
    case(Order::None).finds(&[]);
}

#[test]
fn a_batch_proves_the_order_of_its_messages_where_one_is_promised() {
    let case = |order| {
        let acked = Outcome::Acked { offsets: Offsets::Untold };
        Case::plain(1, 2, 3)
            .order(order)
            .sends("P1#1", 3, (20, 27), acked)
            .subscribed(2, (19, 28), None)
            .gets(1, "P1#1 P1#2 P1#3")
            .gets(2, "P1#2")
    };
    case(Order::PerTopic).finds(&LOST);
    case(Order::PerProducer).finds(&LOST);
    case(Order::None).finds(&[]);
}

#[test]
fn offsets_prove_what_is_due_whatever_order_is_promised() {
    for order in [Order::PerTopic, Order::PerProducer, Order::None] {
        let case = Case::new(2, 2, 1)
            .order(order)
            .acked("P1#1", (20, 31), Some(5))
            .acked("P2#1", (21, 26), Some(6))
            .subscribed(2, (24, 28), Some(4))
            .gets(1, "P1#1@5 P2#1@6")
            .gets(2, "P1#1@5");
        case.finds(&LOST);
    }
}

#[test]
fn a_consumer_that_contradicts_the_acks_is_no_witness() {
    // P2#1 was acked before P1#1 left, so it is before it; C1 has them the other way round.
    let case = Case::plain(2, 3, 1)
        .acked("P2#1", (20, 21), None)
        .acked("P1#1", (22, 29), None)
        .subscribed(2, (19, 30), None)
        .subscribed(3, (31, 32), None)
        .gets(1, "P1#1 P2#1")
        .gets(2, "P1#1");
    case.finds(&[(AnomalyKind::Reordered, 1)]);
}

#[test]
fn where_other_consumers_disagree_nothing_is_due() {
    let case = Case::plain(2, 4, 1)
        .acked("P1#1", (20, 31), None)
        .acked("P2#1", (21, 26), None)
        .subscribed(2, (24, 28), None)
        .gets(1, "P1#1 P2#1")
        .gets(3, "P2#1 P1#1")
        .gets(4, "P1#1 P2#1")
        .gets(2, "P1#1");
    case.finds(&[(AnomalyKind::Divergent, 1)]);
}

#[test]
fn a_disputed_place_proves_nothing_due() {
    // C2 and C3 do not agree what stands at offset 6, and no ack says so.
    let case = |c3: &str| {
        Case::new(2, 3, 2)
            .order(Order::None)
            .acked("P1#1", (20, 31), None)
            .acked("P2#1", (21, 26), None)
            .acked("P2#2", (41, 42), None)
            .subscribed(1, (24, 28), Some(4))
            .gets(1, "P2#2@7")
            .gets(2, "P1#1@5 P2#1@6 P2#2@7")
            .gets(3, c3)
    };
    let two = [(AnomalyKind::Lost, 2)];
    case("P1#1@5 P2#1@6 P2#2@7").finds(&two);
    case("P2#1@5 P1#1@6 P2#2@7").finds(&[(AnomalyKind::Divergent, 1)]);
    // Nor does a message that is in the log twice, once before the start and once behind it.
    let both = case("P2#1@3 P1#1@5 P2#2@7");
    let kinds = kinds(&judge(&both.plan, &both.history));
    assert!(kinds.contains(&(AnomalyKind::Lost, 1)), "{kinds:?}");
}

#[test]
fn a_disputed_place_proves_nothing_though_an_ack_names_it() {
    let case = Case::new(2, 3, 1)
        .order(Order::None)
        .acked("P1#1", (20, 31), Some(6))
        .acked("P2#1", (21, 26), Some(7))
        .subscribed(1, (24, 28), Some(5))
        .gets(2, "P1#1@6 P2#1@7")
        .gets(3, "P2#1@6 P1#1@7");
    let kinds = kinds(&judge(&case.plan, &case.history));
    assert_eq!(kinds, [(AnomalyKind::Divergent, 1)]);
}

#[test]
fn offsets_of_another_life_of_the_store_prove_nothing_due() {
    let mut case = Case::new(1, 2, 1)
        .of_two_lives()
        .acked("P1#1", (20, 27), Some(6))
        .subscribed(2, (24, 28), Some(4))
        .gets(1, "P1#1@6");
    case.finds(&LOST);
    // C2 subscribed in the next life, whose offset 4 has nothing to do with offset 6 of this one.
    case.claim(2).epoch = Some(EpochIndex(1));
    let judgement = judge(&case.plan, &case.history);
    assert_eq!(kinds(&judgement), []);
    // A batch is no exception.
    let acked = Outcome::Acked { offsets: Offsets::From(6) };
    let mut case = Case::new(1, 2, 3)
        .of_two_lives()
        .sends("P1#1", 3, (20, 27), acked)
        .subscribed(2, (24, 28), Some(4))
        .gets(1, "P1#1@6 P1#2@7 P1#3@8");
    case.finds(&[(AnomalyKind::Lost, 3)]);
    case.claim(2).epoch = Some(EpochIndex(1));
    assert_eq!(kinds(&judge(&case.plan, &case.history)), []);
}

#[test]
fn one_swap_without_offsets_is_reordered_and_accuses_nobody_else() {
    for consumers in [2, 3] {
        let mut case = Case::plain(1, consumers, 4);
        for (place, name) in (0..).zip(["P1#1", "P1#2", "P1#3", "P1#4"]) {
            case = case.acked(name, (10 + 2 * place, 11 + 2 * place), None);
        }
        case = case.gets(1, "P1#1 P1#3 P1#2 P1#4");
        for consumer in 2..=consumers as usize {
            case = case.gets(consumer, "P1#1 P1#2 P1#3 P1#4");
        }
        case.finds(&[(AnomalyKind::Reordered, 1)]);
        case.expecting(&[AnomalyKind::Reordered]).finds(&[]);
    }
}

#[test]
fn a_swap_across_messages_of_other_producers_accuses_nobody_else() {
    // P2#1 and P2#2 overlap with all of P1's.
    let case = |c1: &str, c2: &str| {
        Case::plain(2, 2, 2)
            .acked("P1#1", (10, 11), None)
            .acked("P1#2", (12, 13), None)
            .acked("P2#1", (9, 14), None)
            .gets(1, c1)
            .gets(2, c2)
    };
    for (c1, c2) in [("P1#2 P2#1 P1#1", "P1#1 P2#1 P1#2"), ("P1#1 P2#1 P1#2", "P1#2 P2#1 P1#1")] {
        let mut case = case(c1, c2);
        case.finds(&[(AnomalyKind::Reordered, 1)]);
        // The same with offsets.
        for consumer in &mut case.history.consumers {
            let mut at = 0;
            for delivery in &mut consumer.deliveries {
                let message = delivery.message();
                let own = match message {
                    Some(MessageId(0)) => 0,
                    Some(MessageId(2)) => 1,
                    _ => 2,
                };
                *delivery = Delivery::new(message, Some(own));
                at += 1;
            }
            assert_eq!(at, 3);
        }
        case.finds(&[(AnomalyKind::Reordered, 1)]);
    }
}

#[test]
fn a_true_disagreement_beside_a_swap_is_still_found() {
    let case = Case::plain(3, 3, 2)
        .acked("P1#1", (10, 11), None)
        .acked("P1#2", (12, 13), None)
        .acked("P2#1", (20, 29), None)
        .acked("P3#1", (21, 28), None)
        .gets(1, "P1#2 P1#1 P3#1 P2#1")
        .gets(2, "P1#1 P1#2 P2#1 P3#1")
        .gets(3, "P1#1 P1#2 P2#1 P3#1");
    case.finds(&[(AnomalyKind::Reordered, 1), (AnomalyKind::Divergent, 1)]);
    let case = case.expecting(&[AnomalyKind::Reordered]);
    case.finds(&[(AnomalyKind::Divergent, 1)]);
}

#[test]
fn only_the_first_that_a_late_one_should_have_come_before_is_left_out() {
    // P1#1 comes too late at C1, behind P2#1; P2#2 and P3#1 are compared all the same.
    let case = Case::plain(3, 3, 2)
        .acked("P1#1", (20, 21), None)
        .acked("P2#1", (22, 23), None)
        .acked("P2#2", (24, 40), None)
        .acked("P3#1", (25, 41), None)
        .gets(1, "P2#1 P2#2 P1#1 P3#1")
        .gets(2, "P1#1 P2#1 P3#1 P2#2")
        .gets(3, "P1#1 P2#1 P3#1 P2#2");
    case.finds(&[(AnomalyKind::Reordered, 1), (AnomalyKind::Divergent, 1)]);
}

#[test]
fn a_consumer_that_lacks_one_of_the_two_contradicts_no_witness() {
    // C1 got P1#1 after P2#1, which C3 got, too. C2 subscribed between the two.
    let case = |c2| {
        Case::plain(2, 3, 1)
            .acked("P2#1", (9, 26), None)
            .acked("P1#1", (10, 38), None)
            .subscribed(1, (11, 21), None)
            .subscribed(2, (12, 22), None)
            .subscribed(3, (17, 19), None)
            .gets(1, "P2#1 P1#1")
            .gets(2, c2)
            .gets(3, "P2#1")
    };
    case("P1#1").finds(&LOST);
    case("P1#1 P2#1").finds(&[(AnomalyKind::Divergent, 1)]);
}

#[test]
fn what_acks_contradict_is_compared_with_nothing_in_any_order() {
    for order in [Order::PerTopic, Order::PerProducer, Order::None] {
        let acked = Outcome::Acked { offsets: Offsets::From(1) };
        let case = Case::new(2, 1, 2)
            .order(order)
            .sends("P1#1", 2, (9, 10), acked)
            .acked("P2#1", (8, 12), Some(0))
            .gets(1, "P1#2@2 P1#1@1 P2#1@0");
        let judgement = judge(&case.plan, &case.history);
        let found = judgement.violations.iter().chain(&judgement.allowed);
        let found: Vec<_> = found.map(|finding| (finding.kind, finding.count)).collect();
        assert_eq!(found, [(AnomalyKind::Reordered, 1)], "{order:?}");
    }
}
