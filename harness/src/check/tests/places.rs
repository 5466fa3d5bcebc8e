//! Two messages at one offset, and one message at a wrong one.

use super::small::Case;
use super::*;

const ORDERS: [Order; 3] = [Order::PerTopic, Order::PerProducer, Order::None];

/// The letters are messages of P1, from `P1#1` on, each acked before the next.
fn of_one(consumers: u32, messages: u32) -> Case {
    let names: Vec<String> = (1..=messages).map(|number| format!("P1#{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    Case::new(1, consumers, messages).in_turn(&names)
}

#[test]
fn one_offset_holds_one_message_whatever_the_order_is() {
    let swapped = || of_one(2, 2).gets(1, "P1#1@0 P1#2@1").gets(2, "P1#2@0 P1#1@1");
    swapped().order(Order::None).finds(&[(AnomalyKind::Divergent, 1)]);
    let both = [(AnomalyKind::Reordered, 1), (AnomalyKind::Divergent, 1)];
    swapped().order(Order::PerProducer).finds(&both);
    // With one order for all the swap says the same about the offsets.
    swapped().finds(&[(AnomalyKind::Reordered, 1)]);
}

#[test]
fn one_offset_holds_one_message_of_two_producers_and_in_each_life_of_the_store() {
    for order in ORDERS {
        for epoch in [0, 1] {
            let mut case = Case::new(2, 3, 1)
                .of_two_lives()
                .order(order)
                .acked("P1#1", (20, 30), Some(0))
                .acked("P2#1", (21, 29), Some(1))
                .gets(1, "P1#1@0 P2#1@1")
                .gets(2, "P2#1@0 P1#1@1")
                .gets(3, "P1#1@0 P2#1@1");
            for consumer in &mut case.history.consumers {
                consumer.subscriptions[0].epoch = Some(crate::history::EpochIndex(epoch));
            }
            let titles = case.titles(&[(AnomalyKind::Divergent, 1)]);
            assert!(titles[0].starts_with("C2 got P2#1 "), "{titles:?}");
        }
    }
    // Two lives have an offset each.
    let case = of_one(2, 2).of_two_lives().order(Order::None);
    let mut case = case.gets(1, "P1#1@0").gets(2, "P1#2@0");
    case.plan.scenario.expect.delivery = scenario::Delivery::AtMostOnce;
    case.finds(&[(AnomalyKind::Divergent, 1)]);
    case.claim(2).epoch = Some(crate::history::EpochIndex(1));
    case.finds(&[]);
}

#[test]
fn the_consumer_that_the_acks_contradict_is_the_one_that_is_named() {
    // C1 comes first and is wrong; only the acks tell.
    let case = Case::new(2, 2, 1)
        .acked("P1#1", (20, 30), Some(0))
        .acked("P2#1", (21, 29), Some(1))
        .gets(1, "P2#1@0 P1#1@1")
        .gets(2, "P1#1@0 P2#1@1");
    let titles = case.titles(&[(AnomalyKind::Divergent, 1)]);
    assert!(titles[0].starts_with("C1 got P2#1 "), "{titles:?}");
    // Swapped contents whose order is proven are reordered where they are, and nothing elsewhere.
    of_one(2, 2)
        .gets(1, "P1#2@0 P1#1@1")
        .gets(2, "P1#1@0 P1#2@1")
        .finds(&[(AnomalyKind::Reordered, 1)]);
}

#[test]
fn who_has_the_other_message_at_an_offset_is_said() {
    let lone = of_one(1, 3).gets(1, "P1#1@0 P1#2@0 P1#3@2");
    let titles = lone.titles(&[(AnomalyKind::Divergent, 1)]);
    let end = "at offset 0 of T1, where it got P1#1 (T1 number 1, producer_1.txt:1)";
    assert!(titles[0].ends_with(end), "{titles:?}");
    let two = of_one(2, 2).gets(1, "P1#1@0 P1#2@1").gets(2, "P1#1@5 P1#2@0");
    let titles = two.order(Order::None).titles(&[(AnomalyKind::Divergent, 1)]);
    assert!(titles[0].contains("where C1 got P1#1 ("), "{titles:?}");
    let three = of_one(3, 3).gets(1, "P1#1@0 P1#2@1 P1#3@2").gets(2, "P1#1@0 P1#2@1 P1#3@2");
    let three = three.gets(3, "P1#2@0 P1#3@2").delivery(scenario::Delivery::AtMostOnce);
    let titles = three.titles(&[(AnomalyKind::Divergent, 1)]);
    assert!(titles[0].contains("where others got P1#1 ("), "{titles:?}");
}

#[test]
fn one_wrong_offset_is_one_finding() {
    for consumers in [1, 2, 3] {
        for wrong in [0, 40, 900] {
            let mut case = of_one(consumers, 80);
            for consumer in 1..=consumers as usize {
                for from in (1..=80).step_by(4) {
                    let offset = |number| match (consumer, number) {
                        (1, 21) => wrong,
                        _ => number - 1,
                    };
                    let words: Vec<String> = (from..from + 4)
                        .map(|number| format!("P1#{number}@{}", offset(number)))
                        .collect();
                    case = case.gets(consumer, &words.join(" "));
                }
            }
            let titles = case.titles(&[(AnomalyKind::Divergent, 1)]);
            assert!(titles[0].starts_with("C1 got P1#21 "), "{consumers} {wrong}: {titles:?}");
        }
    }
}

#[test]
fn one_message_that_comes_far_too_soon_is_one_finding_without_offsets_too() {
    // P2#1 is under way all the time, so that no ack says when it was.
    let names: Vec<String> = (1..=9).map(|number| format!("P1#{number}")).collect();
    let mut case = Case::plain(2, 3, 9);
    for (place, name) in (0..).zip(&names) {
        case = case.acked(name, (10 + 2 * place, 11 + 2 * place), None);
    }
    let all = names.join(" ");
    case.acked("P2#1", (9, 90), None)
        .gets(1, &format!("{all} P2#1"))
        .gets(2, &format!("P2#1 {all}"))
        .gets(3, &format!("{all} P2#1"))
        .finds(&[(AnomalyKind::Divergent, 1)]);
}

#[test]
fn a_delivery_below_the_start_is_misrouted_and_its_message_not_also_lost() {
    // It was sent after the subscription was confirmed, or while it was on its way.
    for (stamps, offset) in [((10, 11), Some(3)), ((10, 40), Some(3))] {
        let case = || {
            Case::new(1, 1, 3)
                .acked("P1#1", (20, 21), Some(3))
                .acked("P1#2", (22, 23), Some(4))
                .acked("P1#3", (24, 25), Some(5))
                .subscribed(1, stamps, offset)
        };
        case().gets(1, "P1#1@1 P1#2@4 P1#3@5").finds(&[(AnomalyKind::Misrouted, 1)]);
        // One that comes in its place besides is no repeat either.
        case().gets(1, "P1#1@1 P1#1@3 P1#2@4 P1#3@5").finds(&[(AnomalyKind::Misrouted, 1)]);
    }
}

#[test]
fn a_message_from_before_proves_nothing_due() {
    // P1#1 stands below the start: what another consumer got after it need not be behind the start.
    let case = Case::new(2, 2, 2)
        .acked("P1#1", (10, 11), Some(0))
        .acked("P2#1", (20, 30), None)
        .acked("P1#2", (50, 51), Some(9))
        .subscribed(2, (12, 40), Some(5))
        .gets(1, "P1#1@0 P2#1 P1#2@9")
        .gets(2, "P1#1@0 P1#2@9");
    case.finds(&[(AnomalyKind::Misrouted, 1)]);
}

#[test]
fn offsets_that_begin_again_with_every_poll_are_what_is_named() {
    for consumers in [1, 2] {
        for order in ORDERS {
            // The broker numbers each answer from 0, and goes on.
            let mut case = of_one(consumers, 12).order(order);
            for from in (1..=12).step_by(3) {
                let [a, b, c] = [from, from + 1, from + 2];
                case = case.gets(1, &format!("P1#{a}@0 P1#{b}@1 P1#{c}@2"));
            }
            let right: Vec<String> =
                (1..=12).map(|number| format!("P1#{number}@{}", number - 1)).collect();
            for consumer in 2..=consumers as usize {
                case = case.gets(consumer, &right.join(" "));
            }
            let judgement = case.finds(&[(AnomalyKind::Divergent, 1)]);
            let proof = &judgement.violations[0].proofs[0];
            let title = "the offsets of T1 begin again at C1: it got P1#4 (T1 number 4, \
                         producer_1.txt:4) at offset 0, where it got P1#1 (T1 number 1, \
                         producer_1.txt:1)";
            assert_eq!(proof.title, title);
            assert_eq!(
                proof.evidence[0],
                "3 polls of C1 begin at an offset that it had got before"
            );
        }
    }
}

#[test]
fn polls_of_other_lengths_whose_offsets_begin_again_are_one_finding() {
    let (mut case, mut next) = (of_one(2, 15), 1);
    for length in 1..=5 {
        let words: Vec<String> =
            (0..length).map(|place| format!("P1#{}@{place}", next + place)).collect();
        next += length;
        case = case.gets(1, &words.join(" "));
    }
    let right: Vec<String> = (1..=15).map(|number| format!("P1#{number}@{}", number - 1)).collect();
    let case = case.gets(2, &right.join(" "));
    case.finds(&[(AnomalyKind::Divergent, 1)]);
    // The order is compared without them.
    let mut swapped = case;
    swapped.history.consumers[0].deliveries.swap(6, 7);
    swapped.finds(&[(AnomalyKind::Reordered, 1), (AnomalyKind::Divergent, 1)]);
}

#[test]
fn repeats_that_follow_from_an_offset_of_two_messages_are_not_duplicates() {
    // C1 acknowledges offset 0 by asking for 1, and the broker hands it the same again for ever.
    let mut case = of_one(1, 2).gets(1, "P1#1@0");
    for _ in 0..500 {
        case = case.gets(1, "P1#2@0");
    }
    let judgement = case.finds(&[(AnomalyKind::Divergent, 1)]);
    let proof = &judgement.violations[0].proofs[0];
    assert!(proof.title.contains("at offset 0 of T1, where it got P1#1"), "{}", proof.title);
    let words = "499 repeats at such offsets are not counted as duplicates";
    assert!(proof.evidence[0].starts_with(words), "{:?}", proof.evidence);
    // A repeat at an offset of its own stays one.
    let case = of_one(1, 3).gets(1, "P1#1@0 P1#2@0 P1#3@2 P1#3@2 P1#2@0");
    case.finds(&[(AnomalyKind::Duplicate, 1), (AnomalyKind::Divergent, 1)]);
    // So does one at the offset of another message that came once.
    of_one(1, 2).gets(1, "P1#1@0 P1#2@1 P1#2@0").finds(&[(AnomalyKind::Duplicate, 1)]);
}

#[test]
fn a_fair_repeat_at_the_offset_of_another_message_is_divergent() {
    let case = || of_one(2, 3).gets(2, "P1#1@0 P1#2@1 P1#3@2");
    let again = || case().gets(1, "P1#1@0 P1#2@1 P1#3@2 P1#1@1 P1#2@2");
    // Where repeats are no promise, they are duplicates and no more.
    again().finds(&[(AnomalyKind::Duplicate, 2)]);
    let titles = again().delivery(scenario::Delivery::AtLeastOnce).order(Order::None);
    let titles = titles.titles(&[(AnomalyKind::Divergent, 1)]);
    let title = "C1 got P1#1 (T1 number 1, producer_1.txt:1) again at offset 1 of T1, where P1#2 (T1 \
                 number 2, producer_1.txt:2) stands";
    assert_eq!(titles, [title]);
    let right = || case().gets(1, "P1#1@0 P1#2@1 P1#1@0 P1#3@2");
    right().delivery(scenario::Delivery::AtLeastOnce).finds(&[]);
    // After a crash it is fair, too.
    let crashed = case().gets(1, "P1#1@0 P1#2@1").crashed(1);
    crashed.gets(1, "P1#1@1 P1#2@2 P1#3@2").finds(&[(AnomalyKind::Divergent, 1)]);
}

#[test]
fn a_delivery_out_of_order_that_its_ack_contradicts_is_divergent_in_any_order() {
    for order in ORDERS {
        let case = of_one(1, 3).order(order).gets(1, "P1#1@0 P1#2@7 P1#3@2");
        let titles = case.titles(&[(AnomalyKind::Divergent, 1)]);
        assert!(titles[0].starts_with("C1 got P1#2 "), "{titles:?}");
    }
    // Where an order is promised, the acks say what is wrong; where none is, the place is.
    let late = || of_one(1, 2).gets(1, "P1#2@5 P1#1@0");
    late().finds(&[(AnomalyKind::Reordered, 1)]);
    late().order(Order::None).finds(&[(AnomalyKind::Divergent, 1)]);
}

#[test]
fn a_delivery_without_an_offset_is_where_its_ack_says() {
    for order in ORDERS {
        let case = || {
            Case::new(2, 1, 2)
                .order(order)
                .acked("P1#1", (20, 25), Some(2))
                .acked("P1#2", (40, 41), Some(6))
                .subscribed(1, (24, 28), Some(4))
                .gets(1, "P1#1 P1#2")
        };
        case().finds(&[(AnomalyKind::Misrouted, 1)]);
        // Where it may stand in the log twice, this may be the other one; what left after its ack is
        // not proven to be due by it.
        let mut twice = case().acked("P2#1", (26, 40), None);
        twice.history.producers[0].sends[0].attempts = 2;
        twice.finds(&[]);
    }
}

#[test]
fn what_was_acked_before_it_asked_never_may_come_at_any_offset() {
    for offset in [0, 1, 2] {
        let case = of_one(1, 2).subscribed(1, (12, 14), Some(1));
        let case = case.gets(1, &format!("P1#1@{offset} P1#2@1"));
        case.order(Order::None).finds(&[(AnomalyKind::Misrouted, 1)]);
    }
}

#[test]
fn a_message_that_others_prove_elsewhere_is_divergent_in_any_order() {
    for order in ORDERS {
        let case = Case::new(1, 2, 3)
            .order(order)
            .acked("P1#1", (20, 21), None)
            .acked("P1#2", (22, 23), None)
            .acked("P1#3", (24, 25), None)
            .gets(1, "P1#1@0 P1#2@1 P1#3@2")
            .gets(2, "P1#1@0 P1#2@900 P1#3@2");
        let judgement = case.finds(&[(AnomalyKind::Divergent, 1)]);
        assert_eq!(judgement.verdict, Verdict::Fail, "{order:?}");
    }
}

#[test]
fn a_delivery_out_of_order_at_the_offset_of_another_ack_is_divergent_in_any_order() {
    for order in ORDERS {
        let unknown = Outcome::Unknown { why: "cut".to_owned() };
        let case = Case::new(2, 1, 2)
            .order(order)
            .acked("P1#1", (10, 19), Some(0))
            .sends("P2#1", 1, (12, 20), unknown)
            .acked("P1#2", (30, 31), Some(6));
        let titles = case.gets(1, "P1#1@4 P2#1@0 P1#2@6").titles(&[(AnomalyKind::Divergent, 1)]);
        // Its own ack names another offset.
        assert!(titles[0].starts_with("C1 got P1#1 "), "{titles:?}");
    }
}

#[test]
fn a_wrong_place_beside_what_acks_contradict_is_divergent_without_an_order() {
    // P1#2 comes too late, and is where it should be; P1#1 is not.
    let case = of_one(1, 3).order(Order::None).gets(1, "P1#1@9 P1#3 P1#2@1");
    case.finds(&[(AnomalyKind::Divergent, 1)]);
}
