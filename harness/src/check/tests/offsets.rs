//! Offsets against each other: those of acks, of deliveries and of subscriptions.

use super::*;

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
