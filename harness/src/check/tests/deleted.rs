//! Messages that the broker's retention deleted before a consumer had them.

use std::ops::Range;

use super::small::Case;
use super::*;
use crate::history::deleted::deleted_words;
use crate::history::{EpochIndex, Offset, Polled};

/// C1 and C2 are due four messages at offsets 0 to 3. C1 gets the first, is told that some are deleted,
/// and gets the last; C2 gets all.
fn deleted(offsets: Range<Offset>) -> Case {
    let mut case = Case::new(1, 2, 4)
        .acked("P1#1", (10, 11), Some(0))
        .acked("P1#2", (12, 13), Some(1))
        .acked("P1#3", (14, 15), Some(2))
        .acked("P1#4", (16, 17), Some(3))
        .gets(1, "P1#1@0");
    let moment = |stamp| Moment { stamp, at: stamp };
    case.history.consumers[0].polls.push(Polled {
        subscription: 0,
        invoked: moment(5_000),
        completed: moment(5_001),
        answer: Answer::Deleted(offsets),
    });
    case.gets(1, "P1#4@3").gets(2, "P1#1@0 P1#2@1 P1#3@2 P1#4@3")
}

#[test]
fn what_the_broker_says_it_has_deleted_is_not_lost() {
    let case = deleted(1..3);
    case.finds(&[]);
    let words = "the broker's retention deleted 2 messages of T1 before C1 had them: they do not \
                 count as lost";
    assert_eq!(deleted_words(&case.plan, &case.history), [words]);
}

#[test]
fn what_is_missing_beside_it_is_lost() {
    for offsets in [1..2, 2..3] {
        deleted(offsets).finds(&[(AnomalyKind::Lost, 1)]);
    }
    deleted(7..9).finds(&[(AnomalyKind::Lost, 2)]);
}

#[test]
fn offsets_of_another_life_of_the_store_excuse_nothing() {
    let mut case = deleted(1..3).of_two_lives();
    let mut other = case.history.consumers[0].subscriptions[0].clone();
    other.epoch = Some(EpochIndex(1));
    case.history.consumers[0].subscriptions.push(other);
    case.history.consumers[0].polls[1].subscription = 1;
    case.finds(&[(AnomalyKind::Lost, 2)]);
}
