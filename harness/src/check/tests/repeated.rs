//! Messages that went out in more than one request, or attempt: they may be in the log since the first
//! that was not refused.

use super::small::Case;
use super::*;
use crate::history::{Attempt, Class, Polled, Sent, Session, Subscribed};
use crate::plan::{StreamIndex, TopicIndex};

/// A history of one topic that is told event by event.
struct Told {
    plan: Plan,
    history: History,
}

fn moment(stamp: u64) -> Moment {
    Moment { stamp, at: stamp }
}

fn acked() -> Outcome {
    Outcome::Acked { offsets: Offsets::Untold }
}

fn acked_at(offset: u64) -> Outcome {
    Outcome::Acked { offsets: Offsets::From(offset) }
}

fn refused() -> Outcome {
    Outcome::Refused { why: "no room (full)".to_owned() }
}

fn unknown() -> Outcome {
    Outcome::Unknown { why: "cut".to_owned() }
}

impl Told {
    /// So many producers, with two messages each, and one consumer.
    fn new(producers: u32) -> Self {
        let shape = Shape { topics: 1, producers, consumers: 1, messages: 2, batch: 1 };
        let mut plan = plan(&shape);
        plan.scenario.expect.acked = Acked::Any;
        let mut history = History { epochs: vec!["e".to_owned()], ..History::default() };
        for producer in 0..producers {
            history.producers.push(crate::history::ProducerHistory::default());
            history.producers[producer as usize].sessions.push(Session {
                incarnation: 0,
                stream: StreamIndex(producer),
                broker: 1,
                id: None,
                epoch: None,
                base: 0,
                invoked: moment(0),
                confirmed: moment(0),
            });
        }
        history.consumers.push(ConsumerHistory::default());
        Self { plan, history }
    }

    /// `P{producer}#{number}` over these stamps.
    fn send(mut self, producer: u32, number: u32, over: (u64, u64), outcome: Outcome) -> Self {
        self.history.producers[producer as usize - 1].sends.push(Sent {
            session: 0,
            stream: StreamIndex(producer - 1),
            first: number - 1,
            count: 1,
            intended: over.0,
            invoked: moment(over.0),
            completed: moment(over.1),
            attempts: 1,
            tries: Vec::new(),
            outcome,
        });
        self
    }

    /// The last request of a producer had these attempts.
    fn tried(mut self, producer: usize, tries: &[(u64, u64, Class)]) -> Self {
        let sent = self.history.producers[producer - 1].sends.last_mut().unwrap();
        sent.attempts = u32::try_from(tries.len()).unwrap();
        sent.tries = tries
            .iter()
            .map(|(began, ended, class)| Attempt {
                began: moment(*began),
                ended: moment(*ended),
                class: *class,
                code: (*class == Class::Refused).then(|| "full".to_owned()),
                broker: 1,
            })
            .collect();
        self
    }

    /// C1 subscribed over these stamps, from this offset where it was told.
    fn subscribe(mut self, over: (u64, u64), offset: Option<u64>) -> Self {
        self.history.consumers[0].subscriptions.push(Subscribed {
            incarnation: 0,
            topic: TopicIndex(0),
            id: None,
            epoch: None,
            offset,
            invoked: moment(over.0),
            confirmed: Some(moment(over.1)),
            forgotten: None,
        });
        self
    }

    /// C1's poll over these stamps brought these (producer, number, offset).
    fn poll(mut self, over: (u64, u64), got: &[(u32, u32, Option<u64>)]) -> Self {
        let part = &mut self.history.consumers[0];
        for (producer, number, offset) in got {
            let message = MessageId((producer - 1) * 2 + number - 1);
            part.deliveries.push(Delivery::new(Some(message), *offset));
        }
        part.polls.push(Polled {
            subscription: 0,
            invoked: moment(over.0),
            completed: moment(over.1),
            answer: Answer::Delivered(u32::try_from(got.len()).unwrap()),
        });
        self
    }

    #[track_caller]
    fn check(&self, expected: &[(AnomalyKind, u64)]) -> Judgement {
        check(&self.plan, &self.history, expected)
    }
}

#[test]
fn what_comes_between_an_unknown_request_and_its_repetition_is_not_early() {
    let told = |first| Told::new(1).subscribe((1, 2), None).send(1, 1, (20, 21), first);
    let rest = |told: Told| told.send(1, 1, (40, 41), acked()).poll((22, 30), &[(1, 1, None)]);
    rest(told(unknown())).check(&[]);
    // What came before all of it is.
    let early = told(unknown()).send(1, 1, (40, 41), acked()).poll((10, 12), &[(1, 1, None)]);
    early.check(&[(AnomalyKind::Early, 1)]);
    // And what was refused so far cannot come either.
    let judgement = rest(told(refused())).check(&[(AnomalyKind::Resurrected, 1)]);
    let title = &judgement.violations[0].proofs[0].title;
    assert!(title.ends_with("and so far it had only been refused"), "{title}");
    let lines = judgement.violations[0].proofs[0].evidence.join("\n");
    assert!(
        lines.contains("(stamp 20), refused") && lines.contains("(stamp 40), acked"),
        "{lines}"
    );
    // Two requests of which none is acked are no better.
    let never = told(refused()).send(1, 1, (40, 41), refused()).poll((50, 51), &[(1, 1, None)]);
    let never = never.send(1, 2, (60, 61), acked()).poll((62, 63), &[(1, 2, None)]);
    never.check(&[(AnomalyKind::Resurrected, 1)]);
}

#[test]
fn what_may_be_in_the_log_since_an_unknown_request_may_be_ahead() {
    let told = |first| {
        let told = Told::new(2).subscribe((1, 2), None).send(1, 1, (20, 21), first);
        let told = told.send(1, 1, (40, 41), acked()).send(2, 1, (25, 30), acked());
        told.poll((42, 43), &[(1, 1, None), (2, 1, None)])
    };
    told(unknown()).check(&[]);
    told(refused()).check(&[(AnomalyKind::Reordered, 1)]);
}

#[test]
fn what_may_be_in_the_log_since_before_the_subscription_is_not_due() {
    let told = |first| {
        let told = Told::new(1).send(1, 1, (3, 5), first).subscribe((10, 12), None);
        let told = told.send(1, 1, (40, 41), acked()).send(1, 2, (50, 51), acked());
        told.poll((52, 53), &[(1, 2, None)])
    };
    told(unknown()).check(&[]);
    told(refused()).check(&[(AnomalyKind::Lost, 1)]);
    // An offset says more than stamps do.
    let offsets = |at| {
        let told = Told::new(1).send(1, 1, (3, 5), unknown()).subscribe((10, 12), Some(7));
        let told = told.send(1, 1, (40, 41), acked_at(at)).send(1, 2, (50, 51), acked_at(9));
        told.poll((52, 53), &[(1, 2, Some(9))])
    };
    offsets(6).check(&[]);
    offsets(7).check(&[(AnomalyKind::Lost, 1)]);
}

#[test]
fn a_message_that_was_sent_twice_is_lost_once() {
    let told = |second| {
        let told = Told::new(1).subscribe((1, 2), None).send(1, 1, (3, 5), acked());
        let told = told.send(1, 1, (40, 41), second).send(1, 2, (50, 51), acked());
        told.poll((52, 53), &[(1, 2, None)])
    };
    for second in [acked(), unknown(), refused()] {
        let judgement = told(second).check(&[(AnomalyKind::Lost, 1)]);
        assert_eq!(judgement.violations[0].possible, 0);
    }
}

#[test]
fn an_attempt_that_was_refused_puts_nothing_into_the_log() {
    let told = |first| {
        let told = Told::new(2).subscribe((1, 2), None).send(1, 1, (20, 41), acked());
        let told = told.tried(1, &[(20, 21, first), (40, 41, Class::Acked)]);
        told.send(2, 1, (25, 30), acked())
    };
    let swapped = |told: Told| told.poll((42, 43), &[(1, 1, None), (2, 1, None)]);
    swapped(told(Class::Unknown)).check(&[]);
    for first in [Class::Refused, Class::NeverLeft] {
        swapped(told(first)).check(&[(AnomalyKind::Reordered, 1)]);
    }
    let between = |told: Told| told.poll((31, 32), &[(2, 1, None), (1, 1, None)]);
    between(told(Class::Unknown)).check(&[]);
    between(told(Class::Refused)).check(&[(AnomalyKind::Resurrected, 1)]);
}

#[test]
fn what_never_left_may_not_come() {
    let told = Told::new(1).subscribe((1, 2), None).send(1, 1, (20, 21), refused());
    let told = told.tried(1, &[(20, 21, Class::NeverLeft)]).send(1, 2, (30, 31), acked());
    let told = told.poll((42, 43), &[(1, 1, None), (1, 2, None)]);
    let judgement = told.check(&[(AnomalyKind::Resurrected, 1)]);
    let proof = &judgement.violations[0].proofs[0];
    assert!(proof.title.ends_with("and it never left its producer"), "{}", proof.title);
    let lines = proof.evidence.join("\n");
    assert!(lines.contains("P1#1 never left, tried from "), "{lines}");
}

#[test]
fn a_batch_is_in_doubt_only_where_it_may_stand_in_the_log_twice() {
    // C1 subscribes while the batch is on its way for the second time, and gets its end first.
    let case = |first| {
        let case = Case::plain(1, 2, 2).sends("P1#1", 2, (10, 11), first);
        let case = case.sends("P1#1", 2, (20, 30), acked()).subscribed(1, (19, 25), None);
        case.gets(1, "P1#2 P1#1").gets(2, "P1#1 P1#2")
    };
    case(refused()).finds(&[(AnomalyKind::Reordered, 1)]);
    case(unknown()).finds(&[]);
    // One that had subscribed before gets the first of the two.
    case(unknown()).subscribed(1, (3, 4), None).finds(&[(AnomalyKind::Reordered, 1)]);
}

#[test]
fn what_may_stand_in_the_log_twice_is_not_compared_at_a_late_subscription() {
    // The log is P1#1 P2#1 P1#1, and C1 subscribed behind the first.
    let case = |first| {
        let case = Case::plain(2, 2, 1).sends("P1#1", 1, (10, 11), first);
        let case = case.acked("P1#1", (20, 30), None).acked("P2#1", (12, 29), None);
        case.subscribed(1, (9, 15), None)
            .delivery(scenario::Delivery::AtLeastOnce)
            .gets(1, "P2#1 P1#1")
            .gets(2, "P1#1 P2#1 P1#1")
    };
    case(unknown()).finds(&[]);
    case(refused()).finds(&[(AnomalyKind::Divergent, 1)]);
    case(unknown()).subscribed(1, (3, 4), None).finds(&[(AnomalyKind::Divergent, 1)]);
}

#[test]
fn what_may_be_ahead_since_an_unknown_request_is_not_taken_for_what_is_late() {
    // P1#1 and P3#1 are swapped at C1. P2#1 may stand before both, although its ack came later.
    let case = Case::plain(4, 2, 1)
        .sends("P2#1", 1, (16, 17), unknown())
        .acked("P2#1", (30, 31), None)
        .acked("P1#1", (20, 21), None)
        .acked("P3#1", (22, 23), None)
        .acked("P4#1", (18, 50), None)
        .gets(1, "P2#1 P3#1 P4#1 P1#1")
        .gets(2, "P2#1 P1#1 P4#1 P3#1");
    case.finds(&[(AnomalyKind::Reordered, 1)]);
}

#[test]
fn what_was_only_refused_before_stands_in_the_log_once() {
    // Its ack names offset 0, and it stands at 4.
    let told = |first| {
        let told = Told::new(1).subscribe((1, 2), Some(0)).send(1, 1, (3, 5), first);
        told.send(1, 1, (40, 41), acked_at(0)).poll((42, 43), &[(1, 1, Some(4))])
    };
    told(refused()).check(&[(AnomalyKind::StaleAck, 1)]);
    told(unknown()).check(&[]);
    // However often it was tried.
    let mut often = told(refused());
    often.history.producers[0].sends[0].attempts = 2;
    often.check(&[(AnomalyKind::StaleAck, 1)]);
}

#[test]
fn what_may_stand_in_the_log_twice_shows_nothing_due_at_a_late_subscription() {
    // The log is P1#1 P2#1 P1#1, and C1 subscribed behind P2#1.
    let case = |first| {
        let case = Case::plain(2, 2, 1).sends("P1#1", 1, (10, 11), first);
        let case = case.acked("P1#1", (20, 30), None).acked("P2#1", (12, 29), None);
        case.subscribed(1, (13, 19), None)
            .delivery(scenario::Delivery::AtLeastOnce)
            .gets(1, "P1#1")
            .gets(2, "P1#1 P2#1 P1#1")
    };
    case(unknown()).finds(&[]);
    case(refused()).finds(&[(AnomalyKind::Lost, 1)]);
}
