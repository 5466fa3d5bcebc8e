//! Offsets against each other: those of acks, of deliveries and of subscriptions.

use super::*;

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
    assert_eq!(judgement.violations[0].kind, Kind::Divergent, "{judgement:#?}");
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
            check(&plan, &history, &[(Kind::Divergent, 1 + consumer as u64)]);
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
        check(&plan, &history, &[(Kind::Divergent, 1)]);
    }
}

#[test]
fn what_stands_before_the_start_of_a_subscription_is_misrouted_whatever_the_stamps_say() {
    let (plan, mut history) = sound(&LONG, calm(47));
    // Everything was sent after it was confirmed; it is misrouted, and not lost as well.
    history.consumers[1].subscriptions[0].offset = Some(10);
    check(&plan, &history, &[(Kind::Misrouted, 10)]);
    // Offsets of another life of the store are not comparable.
    history.epochs.push("e2".to_owned());
    let other = Some(crate::history::EpochIndex(1));
    history.consumers[1].subscriptions[0].epoch = other;
    check(&plan, &history, &[]);
}
