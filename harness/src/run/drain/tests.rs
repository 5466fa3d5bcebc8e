//! Targets by hand: who is caught up, by the order that is promised.

use super::*;
use crate::fixture;
use crate::history::{Moment, Session};
use crate::plan::{MessageId, StreamIndex};

const T1: TopicIndex = TopicIndex(0);

/// Two streams of three messages each, and what their producers saw: stream, number, when it was
/// invoked and acked, and its offset.
struct Case {
    _folder: tempfile::TempDir,
    plan: Plan,
    producers: Vec<ProducerHistory>,
}

type Acked = (u32, u32, Stamp, Stamp, Option<Offset>);

fn case(acked: &[Acked]) -> Case {
    let (folder, plan) = fixture::plan(fixture::SMALL, fixture::SMALL_LOGS);
    let mut producers = vec![ProducerHistory::default(), ProducerHistory::default()];
    for (stream, part) in (0..).zip(&mut producers) {
        part.sessions.push(Session {
            incarnation: 0,
            stream: StreamIndex(stream),
            broker: 1,
            id: None,
            epoch: None,
            base: 0,
            invoked: Moment::default(),
            confirmed: Moment::default(),
        });
        for (_, first, invoked, completed, offset) in acked.iter().filter(|own| own.0 == stream) {
            let moment = |stamp: &Stamp| Moment { stamp: *stamp, at: 0 };
            part.sends.push(Sent {
                session: 0,
                stream: StreamIndex(stream),
                first: *first,
                count: 1,
                intended: 0,
                invoked: moment(invoked),
                completed: moment(completed),
                attempts: 1,
                tries: Vec::new(),
                outcome: Outcome::Acked { offsets: offset.map_or(Offsets::Untold, Offsets::From) },
            });
        }
    }
    Case { _folder: folder, plan, producers }
}

fn start(offset: Option<Offset>) -> Start {
    Start { epoch: None, offset, invoked: 5, confirmed: 7 }
}

impl Case {
    /// Whether a subscription that begins there and got this, each a stream, a number and an offset,
    /// waits for nothing more.
    fn is_reached(&self, by: Passing, start: Start, got: &[(u32, u32, Option<Offset>)]) -> bool {
        let target = DrainTarget::new(&self.plan, &self.producers, by);
        let mut seen = Seen::default();
        let mut reached = target.is_reached(T1, start, &mut seen);
        for (stream, number, offset) in got {
            let first = self.plan.streams[*stream as usize].first.0;
            match (by, offset) {
                (Passing::Offsets, Some(offset)) => seen.reach(None, *offset),
                _ => seen.note(&self.plan, by, Some(MessageId(first + number))),
            }
            reached = target.is_reached(T1, start, &mut seen);
        }
        reached
    }
}

/// P1's three messages and P2's first one, one after the other, at offsets 0 to 3.
fn one_after_the_other() -> Case {
    let acked = |stream, number, at, offset| (stream, number, at, at + 1, Some(offset));
    case(&[acked(0, 0, 10, 0), acked(1, 0, 12, 1), acked(0, 1, 14, 2), acked(0, 2, 16, 3)])
}

#[test]
fn by_topic_with_offsets_the_greatest_one_passes_over_all() {
    let case = one_after_the_other();
    let check = |start, got: &[_]| case.is_reached(Passing::Offsets, start, got);
    assert!(!check(start(Some(0)), &[]));
    assert!(!check(start(Some(0)), &[(0, 0, Some(0)), (0, 1, Some(2))]));
    assert!(check(start(Some(0)), &[(0, 2, Some(3))]));
    assert!(check(start(Some(4)), &[]), "a subscription past the end waits for nothing");
}

#[test]
fn by_topic_without_offsets_a_later_message_passes_over_an_earlier_one() {
    let case = case(&[
        (0, 0, 10, 12, None),
        (0, 2, 18, 20, None),
        (1, 0, 19, 25, None),
        (1, 1, 30, 40, None),
    ]);
    let check = |got: &[_]| case.is_reached(Passing::Acks, start(None), got);
    assert!(!check(&[(0, 2, None)]), "stream 1 is missing");
    assert!(!check(&[(1, 0, None)]), "invoked at 19, before the ack at 20");
    assert!(check(&[(0, 2, None), (1, 1, None)]));
    assert!(check(&[(1, 1, None)]), "invoked at 30, after stream 0's last ack at 20");
}

#[test]
fn by_producer_a_message_passes_over_those_of_its_own_producer_only() {
    let case = one_after_the_other();
    for offset in [Some(3), None] {
        let check = |got: &[_]| case.is_reached(Passing::Stream, start(Some(0)), got);
        assert!(!check(&[(0, 2, offset)]), "P2's may still come");
        assert!(check(&[(0, 2, offset), (1, 0, offset.map(|_| 1))]));
    }
    let after_p2 = |got: &[_]| case.is_reached(Passing::Stream, start(Some(2)), got);
    assert!(after_p2(&[(0, 2, Some(3))]), "P2's stands before the start");
}

#[test]
fn without_an_order_each_message_has_to_come_itself() {
    let case = one_after_the_other();
    for told in [true, false] {
        let at = |offset| Some(offset).filter(|_| told);
        let all = [(0, 2, at(3)), (0, 0, at(0)), (1, 0, at(1)), (0, 1, at(2))];
        let check = |got: &[_]| case.is_reached(Passing::Nothing, start(at(0)), got);
        assert!(check(&all));
        for missing in 0..all.len() {
            let mut got = all.to_vec();
            got.remove(missing);
            assert!(!check(&got), "{missing}");
        }
    }
}

#[test]
fn without_an_order_only_what_is_due_is_waited_for() {
    let case = case(&[
        (0, 0, 1, 3, None),
        (0, 1, 4, 6, Some(8)),
        (0, 2, 6, 9, Some(9)),
        (1, 0, 8, 10, None),
    ]);
    let check = |offset, got: &[_]| case.is_reached(Passing::Nothing, start(offset), got);
    assert!(!check(None, &[(0, 2, None)]), "sent after the subscription was confirmed");
    assert!(check(None, &[(1, 0, None)]), "nothing proves the others due");
    assert!(!check(Some(9), &[(1, 0, None)]), "at the offset that the subscription starts at");
    assert!(check(Some(9), &[(1, 0, None), (0, 2, Some(9))]), "before it");
}

#[test]
fn another_subscription_may_be_due_something_else() {
    let case = case(&[(0, 0, 1, 3, Some(0)), (0, 1, 8, 9, Some(1))]);
    let target = DrainTarget::new(&case.plan, &case.producers, Passing::Nothing);
    let mut seen = Seen::default();
    assert!(target.is_reached(T1, start(Some(2)), &mut seen));
    seen.begin_anew();
    assert!(!target.is_reached(T1, start(Some(1)), &mut seen));
}

#[test]
fn offsets_that_deliveries_do_not_tell_are_not_waited_for() {
    let (_folder, plan) = fixture::plan(fixture::SMALL, fixture::SMALL_LOGS);
    assert_eq!(Passing::of(&plan, true), Passing::Offsets);
    assert_eq!(Passing::of(&plan, false), Passing::Acks);
    let case = one_after_the_other();
    let check = |got: &[_]| case.is_reached(Passing::Acks, start(None), got);
    assert!(check(&[(0, 2, None)]));
    assert!(!check(&[]));
}
