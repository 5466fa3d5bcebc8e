//! What is known on the disk of messages that are lost or came with wrong bytes.

use super::*;
use crate::check::Traces;
use crate::history::{Audited, AuditedLog, EpochIndex};
use crate::plan::TopicIndex;

const LOST: [(AnomalyKind, u64); 1] = [(AnomalyKind::Lost, 1)];

/// P1 had six messages acked before the power was cut at stamp 100, and C1 has the first and the last.
fn cut() -> Case {
    let names = ["P1#1", "P1#2", "P1#3", "P1#4", "P1#5", "P1#6"];
    let case = Case::new(1, 1, 6).in_turn(&names).with(POWER, (100, 120), forgot(90, 0));
    case.gets(1, "P1#1@0 P1#6@5")
}

/// The same, and C1 has all but the third.
fn lacks_one() -> Case {
    let names = ["P1#1", "P1#2", "P1#3", "P1#4", "P1#5", "P1#6"];
    let case = Case::new(1, 1, 6).in_turn(&names).with(POWER, (100, 120), forgot(90, 0));
    case.gets(1, "P1#1@0 P1#2@1 P1#4@3 P1#5@4 P1#6@5")
}

fn written(at: Option<u64>, synced: Option<u64>) -> Trace {
    let nanos = |micros: u64| micros * 1_000;
    let file = "jetstream/1.blk".to_owned();
    Trace::Written { file, at: at.map(nanos), synced: synced.map(nanos) }
}

fn synced(at: Option<u64>) -> Trace {
    Trace::Synced { file: "jetstream/1.blk".to_owned(), at: at.map(|micros| micros * 1_000) }
}

/// The evidence of the only message that is lost.
#[track_caller]
fn of_one(case: &Case) -> String {
    evidence(&case.finds(&LOST), AnomalyKind::Lost)
}

#[test]
fn one_that_was_written_and_not_synced_says_when() {
    let said = |trace| of_one(&lacks_one().traced("P1#3", trace));
    says(
        &said(written(Some(1_203_100), Some(980_200))),
        &["P1#3 was written to jetstream/1.blk at 1203.100 ms, and that file was last synced at \
           980.200 ms"],
    );
    says(
        &said(written(Some(15), None)),
        &[
            "P1#3 was written to jetstream/1.blk at 0.015 ms, and that file was never synced in the run",
        ],
    );
    says(
        &said(written(None, None)),
        &[
            "P1#3 was written to jetstream/1.blk before the run began, and that file was never synced \
           in the run",
        ],
    );
    // A sync that failed dropped it, and the next one went well.
    says(
        &said(written(Some(15), Some(20))),
        &[
            "P1#3 was written to jetstream/1.blk at 0.015 ms, and that file was last synced at 0.020 ms, \
           without it",
        ],
    );
}

#[test]
fn one_that_was_synced_is_lost_all_the_same() {
    let said = of_one(&lacks_one().traced("P1#3", synced(Some(15))));
    says(
        &said,
        &["P1#3 was written to jetstream/1.blk at 0.015 ms and synced, and is lost all the same"],
    );
    let said = of_one(&lacks_one().traced("P1#3", synced(None)));
    assert!(said.contains("before the run began and synced, and is lost"), "{said}");
}

#[test]
fn one_that_was_never_written_is_called_so_only_where_others_were_found() {
    let never = "P1#3 was never written: its bytes were in no file";
    let unreadable = "P1#3: its bytes were in no file, nor were those of others that came: never written, or not in \
         plain text";
    for trace in [written(Some(15), None), synced(Some(15))] {
        let case = lacks_one().traced("P1#3", Trace::Nowhere).traced("P1#4", trace);
        says(&of_one(&case), &[never]);
    }
    let alone = lacks_one().traced("P1#3", Trace::Nowhere);
    says(&of_one(&alone), &[unreadable]);
    let other = lacks_one().traced("P1#3", Trace::Nowhere).traced("P1#4", Trace::Nowhere);
    says(&of_one(&other), &[unreadable]);
    // One that did not come proves nothing of those that the server keeps.
    let case = cut().traced("P1#3", Trace::Nowhere).traced("P1#4", synced(None));
    let said = evidence(&case.finds(&[(AnomalyKind::Lost, 4)]), AnomalyKind::Lost);
    says(&said, &[unreadable]);
}

#[test]
fn what_an_earlier_cut_may_have_forgotten_is_not_called_never_written() {
    let names = ["P1#1", "P1#2", "P1#3"];
    let twice = |first: (u64, u64)| {
        let case = Case::new(1, 1, 3).in_turn(&names).with(POWER, first, forgot(9, 0));
        let case = case.with(POWER, (100, 120), forgot(0, 0)).gets(1, "P1#1@0 P1#3@2");
        of_one(&case.traced("P1#2", Trace::Nowhere).traced("P1#1", synced(None)))
    };
    let earlier = "P1#2 was in no file just before the last of 2 power cuts: an earlier one may have \
                   forgotten it";
    says(&twice((20, 30)), &[earlier]);
    // It was sent after that one.
    says(&twice((5, 8)), &["P1#2 was never written: its bytes were in no file"]);
}

#[test]
fn what_was_acked_after_the_cut_is_not_known_of() {
    let case = Case::new(1, 1, 3).acked("P1#1", (10, 11), Some(0));
    let case = case.acked("P1#2", (130, 131), Some(1)).acked("P1#3", (132, 133), Some(2));
    let case = case.with(POWER, (100, 120), forgot(9, 0)).gets(1, "P1#1@0 P1#3@2");
    let case = case.traced("P1#2", Trace::Nowhere).traced("P1#1", synced(None));
    let judgement = case.finds(&LOST);
    assert_eq!(judgement.violations[0].traces, None);
    let said = evidence(&judgement, AnomalyKind::Lost);
    assert!(!said.contains("file"), "{said}");
}

#[test]
fn of_several_each_kind_is_counted_and_the_first_is_an_example() {
    let case = cut().traced("P1#1", synced(None));
    let case = case.traced("P1#2", written(Some(13), Some(9))).traced("P1#3", Trace::Nowhere);
    let case = case.traced("P1#4", written(Some(17), Some(9)));
    let judgement = case.finds(&[(AnomalyKind::Lost, 4)]);
    let known = Traces { not_synced: 2, never_written: 1, not_searched: 1, ..Traces::default() };
    assert_eq!(judgement.violations[0].traces, Some(known), "P1#5 is not known of");
    says(
        &evidence(&judgement, AnomalyKind::Lost),
        &[
            "on the disk: 2 written and not synced, 1 never written, 1 not searched for",
            "P1#2 was written to jetstream/1.blk at 0.013 ms, and that file was last synced at 0.009 ms",
            "P1#3 was never written: its bytes were in no file",
        ],
    );
    let judgement = case.traced("P1#5", synced(Some(19))).finds(&[(AnomalyKind::Lost, 4)]);
    let sum = Traces { not_synced: 2, never_written: 1, synced: 1, ..Traces::default() };
    assert_eq!(judgement.violations[0].traces, Some(sum));
    let words = "2 written and not synced, 1 never written, 1 synced and lost all the same";
    assert_eq!(sum.words(), words);
}

#[test]
fn messages_that_several_consumers_miss_are_summed_once() {
    let case = Case::new(1, 2, 2).in_turn(&["P1#1", "P1#2"]).with(POWER, (100, 120), forgot(9, 0));
    let case = case.gets(1, "P1#1@0").gets(2, "P1#1@0").traced("P1#2", written(Some(13), None));
    let judgement = case.finds(&[(AnomalyKind::Lost, 2)]);
    let sum = Traces { not_synced: 1, ..Traces::default() };
    assert_eq!(judgement.violations[0].traces, Some(sum));
}

#[test]
fn one_that_is_not_in_the_log_is_traced_too() {
    let names = ["P1#1", "P1#2"];
    let mut case = Case::new(1, 1, 2).in_turn(&names).with(POWER, (100, 120), forgot(9, 0));
    case = case.gets(1, "P1#1@0 P1#2@1").traced("P1#2", written(Some(13), None));
    let messages = vec![Delivery::new(Some(MessageId(0)), Some(0))];
    let log = AuditedLog::Read { epoch: EpochIndex(0), end: 1, whole: true, messages };
    case.history.audit = vec![Audited { topic: TopicIndex(0), log }];
    let judgement = case.finds(&[(AnomalyKind::Lost, 0)]);
    assert_eq!(judgement.violations[0].not_in_log, 1);
    let sum = Traces { not_synced: 1, ..Traces::default() };
    assert_eq!(judgement.violations[0].traces, Some(sum));
    let said = evidence(&judgement, AnomalyKind::Lost);
    says(
        &said,
        &[
            "P1#2 was written to jetstream/1.blk at 0.013 ms, and that file was never synced in the run",
        ],
    );
}

#[test]
fn a_run_without_traces_says_nothing_of_the_disk() {
    let judgement = lacks_one().finds(&LOST);
    assert_eq!(judgement.violations[0].traces, None);
    let said = evidence(&judgement, AnomalyKind::Lost);
    assert!(!said.contains("disk") && !said.contains("file"), "{said}");
}

const FLIPPED: &str =
    "bit rot: 1 bit of P1#2 flipped in data/1.blk at offset 1,234, at 0.100 ms (stamp 100)";

/// Three messages, of which the second rots.
fn rotten() -> Case {
    let case = Case::new(1, 1, 3).in_turn(&["P1#1", "P1#2", "P1#3"]);
    let rotten = case.rotten("P1#2");
    case.with(ROT, (100, 120), rotten)
}

fn odd(case: &mut Case, place: u64) {
    let oddity = Oddity { payload: "P1_T1~2".to_owned(), ..Oddity::default() };
    case.history.consumers[0].oddities.insert(place, oddity);
}

#[test]
fn wrong_bytes_that_rotted_are_corrupted_and_say_so() {
    let mut case = rotten().gets(1, "P1#1@0 P1#2@1 P1#3@2");
    odd(&mut case, 1);
    let said = evidence(&case.finds(&[(AnomalyKind::Corrupted, 1)]), AnomalyKind::Corrupted);
    says(&said, &[FLIPPED]);
    // Another one did not rot.
    let mut case = rotten().gets(1, "P1#1@0 P1#2@1 P1#3@2");
    odd(&mut case, 2);
    let said = evidence(&case.finds(&[(AnomalyKind::Corrupted, 1)]), AnomalyKind::Corrupted);
    assert!(!said.contains("rot"), "{said}");
}

#[test]
fn one_that_rotted_and_is_lost_says_so() {
    let case = rotten().gets(1, "P1#1@0 P1#3@2");
    let judgement = case.finds(&LOST);
    says(&evidence(&judgement, AnomalyKind::Lost), &[FLIPPED]);
    assert_eq!(judgement.violations[0].traces, None);
    let case = rotten().gets(1, "P1#1@0 P1#2@1");
    let said = evidence(&case.finds(&LOST), AnomalyKind::Lost);
    assert!(!said.contains("rot"), "{said}");
}
