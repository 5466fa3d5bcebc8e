//! Acks that name one offset for two messages.

use super::small::Case;
use super::*;

const STALE: [(AnomalyKind, u64); 1] = [(AnomalyKind::StaleAck, 1)];

/// Requests by first message, count and offset, each acked before the next leaves; nothing is
/// consumed.
fn acks(requests: &[(&str, u32, u64)]) -> Case {
    let mut case = Case::new(3, 1, 9).of_two_lives().delivery(scenario::Delivery::AtMostOnce);
    for (place, (name, count, offset)) in (0..).zip(requests) {
        let outcome = Outcome::Acked { offsets: Offsets::From(*offset) };
        case = case.sends(name, *count, (10 + 2 * place, 11 + 2 * place), outcome);
    }
    case
}

#[test]
fn two_messages_cannot_both_be_at_an_offset_within_a_batch() {
    let titles = acks(&[("P1#1", 3, 0), ("P2#1", 1, 1)]).titles(&STALE);
    let title = "P1#1 (T1 number 1, producer_1.txt:1) was acked at offset 0 of T1 in epoch e1 in a \
                 batch of 3, and another ack said offset 1 for P2#1 (T1 number 1, producer_2.txt:1)";
    assert_eq!(titles, [title]);
    acks(&[("P2#1", 1, 1), ("P1#1", 3, 0)]).finds(&STALE);
    acks(&[("P1#1", 3, 0), ("P2#1", 3, 2)]).finds(&STALE);
    acks(&[("P1#1", 3, 0), ("P2#1", 3, 3), ("P3#1", 1, 6)]).finds(&[]);
    // One batch in the way of two messages is one ack that is wrong.
    acks(&[("P1#1", 3, 0), ("P2#1", 1, 1), ("P3#1", 1, 2)]).finds(&STALE);
    // The next request of the same session counts, too.
    acks(&[("P1#1", 3, 0), ("P1#4", 1, 1)]).finds(&STALE);
}

#[test]
fn what_is_said_again_of_a_request_or_a_part_of_it_contradicts_nothing() {
    acks(&[("P1#1", 3, 0), ("P1#1", 3, 0), ("P1#4", 1, 3)]).finds(&[]);
    acks(&[("P1#1", 3, 0), ("P1#2", 1, 1), ("P1#4", 1, 3)]).finds(&[]);
    acks(&[("P1#1", 3, 0), ("P1#2", 2, 1), ("P1#1", 1, 0), ("P1#4", 1, 3)]).finds(&[]);
    // Nor does what says all of it and more; what it adds counts.
    acks(&[("P1#1", 2, 0), ("P1#1", 3, 0), ("P1#4", 1, 3)]).finds(&[]);
    acks(&[("P1#1", 2, 0), ("P1#1", 3, 0), ("P2#1", 1, 2)]).finds(&STALE);
    // At another offset it is no repeat.
    acks(&[("P1#1", 3, 5), ("P1#2", 1, 4)]).finds(&STALE);
}

#[test]
fn acks_of_other_lives_and_of_batches_that_scatter_are_not_compared() {
    let mut case = acks(&[("P1#1", 3, 0), ("P2#1", 1, 1)]);
    case.history.producers[1].sessions[0].epoch = Some(crate::history::EpochIndex(1));
    case.finds(&[]);
    let mut case = acks(&[("P1#1", 3, 0), ("P2#1", 1, 1)]);
    case.history.scattered_batches = true;
    case.finds(&[]);
    let mut same = acks(&[("P1#1", 3, 0), ("P2#1", 1, 0)]);
    same.history.scattered_batches = true;
    same.finds(&STALE);
}

#[test]
fn an_ack_that_names_each_offset_is_compared_by_each() {
    let each = |offsets: &[u64]| Outcome::Acked { offsets: Offsets::Each(offsets.to_vec()) };
    let case = |own: Outcome| acks(&[("P2#1", 1, 4)]).sends("P1#1", 3, (30, 31), own);
    case(each(&[0, 4, 9])).finds(&STALE);
    case(each(&[0, 5, 9])).finds(&[]);
}
