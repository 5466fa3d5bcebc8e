//! Offsets against each other: those of acks, of deliveries and of subscriptions.

use super::*;

fn acked(history: &mut History, producer: usize, send: usize) -> &mut u64 {
    match &mut history.producers[producer].sends[send].outcome {
        Outcome::Acked { offsets: Offsets::From(offset) } => offset,
        other => panic!("{other:?} is no ack with an offset"),
    }
}

#[test]
fn acks_that_name_another_offset_than_the_log_has_are_stale() {
    let (plan, mut history) = sound(&LONG, calm(40));
    // They ascend and share nothing: only where the messages came shows that they are wrong.
    for producer in 0..3 {
        for send in 0..30 {
            *acked(&mut history, producer, send) += 1000;
        }
    }
    let judgement = check(&plan, &history, &[(AnomalyKind::StaleAck, 90)]);
    let title = &judgement.violations[0].proofs[0].title;
    assert!(title.contains(" of T1, and it stands at offset "), "{title}");
}

#[test]
fn one_ack_that_goes_ahead_is_stale_and_those_behind_it_are_not() {
    let (plan, mut history) = sound(&LONG, calm(41));
    let other = *acked(&mut history, 1, 20);
    *acked(&mut history, 0, 4) = other;
    let judgement = check(&plan, &history, &[(AnomalyKind::StaleAck, 1)]);
    let proof = &judgement.violations[0].proofs[0];
    assert_eq!(proof.messages, names(&plan, &[MessageId(4), MessageId(50)]));
    assert!(proof.title.contains("at offset") && proof.title.contains("stands P2#21"), "{proof:?}");
}

#[test]
fn a_batch_is_compared_by_its_first_message() {
    let (plan, mut history) = sound(&Shape { batch: 5, ..LONG }, calm(42));
    *acked(&mut history, 2, 3) += 1;
    check(&plan, &history, &[(AnomalyKind::StaleAck, 1)]);
}

#[test]
fn the_ack_of_a_retry_may_name_the_second_place_of_its_message() {
    let (mut plan, mut history) = sound(&LONG, calm(43));
    plan.scenario.expect.delivery = scenario::Delivery::AtLeastOnce;
    // C1 gets it there too; then it may even have left once.
    *acked(&mut history, 1, 29) = 500;
    let twice = Delivery::new(Some(MessageId(59)), Some(500));
    let end = history.consumers[0].deliveries.len();
    history.consumers[0].insert_at(end - 1, twice);
    history.consumers[0].deliveries.swap(end - 1, end);
    check(&plan, &history, &[]);
    // No consumer got it there, but it left twice.
    history.consumers[0].drop_at(end);
    check(&plan, &history, &[(AnomalyKind::StaleAck, 1)]);
    history.producers[1].sends[29].attempts = 2;
    check(&plan, &history, &[]);
}

#[test]
fn one_delivery_without_an_offset_leaves_the_others_theirs() {
    let (plan, mut history) = sound(&LONG, calm(44));
    let own = &mut history.consumers[1].deliveries;
    own[80] = Delivery::new(own[80].message(), None);
    check(&plan, &history, &[]);
    // What stands at an offset is still disputed; the merge has nothing against the order.
    let place = neighbours(&history, 0, false, 10);
    let own = &mut history.consumers[0].deliveries;
    let (first, second) = (own[place], own[place + 1]);
    own[place] = Delivery::new(first.message(), second.offset());
    own[place + 1] = Delivery::new(second.message(), first.offset());
    let judgement = judge(&plan, &history);
    assert_eq!(judgement.violations[0].kind, AnomalyKind::Divergent, "{judgement:#?}");
}

#[test]
fn a_swap_beside_a_delivery_without_an_offset_counts_once() {
    for blind in [0, 1, 2] {
        let (plan, mut history) = sound(&LONG, calm(45));
        let own = &mut history.consumers[blind].deliveries;
        own[80] = Delivery::new(own[80].message(), None);
        for consumer in 0..3 {
            let place = neighbours(&history, consumer, false, 10 + 20 * consumer);
            history.consumers[consumer].deliveries.swap(place, place + 1);
            check(&plan, &history, &[(AnomalyKind::Divergent, 1 + consumer as u64)]);
        }
    }
}

#[test]
fn the_deliveries_without_offsets_are_compared_besides() {
    for blind in [0, 2] {
        let (plan, mut history) = sound(&LONG, calm(46));
        let place = neighbours(&history, blind, false, 30);
        let own = &mut history.consumers[blind].deliveries;
        for delivery in own.iter_mut() {
            *delivery = Delivery::new(delivery.message(), None);
        }
        own.swap(place, place + 1);
        check(&plan, &history, &[(AnomalyKind::Divergent, 1)]);
    }
}

#[test]
fn what_stands_before_the_start_of_a_subscription_is_misrouted_whatever_the_stamps_say() {
    let (plan, mut history) = sound(&LONG, calm(47));
    // Everything was sent after it was confirmed; it is misrouted, and not lost as well.
    history.consumers[1].subscriptions[0].offset = Some(10);
    check(&plan, &history, &[(AnomalyKind::Misrouted, 10)]);
    // Offsets of another life of the store are not comparable.
    history.epochs.push("e2".to_owned());
    let other = Some(crate::history::EpochIndex(1));
    history.consumers[1].subscriptions[0].epoch = other;
    check(&plan, &history, &[]);
}
