//! Every check is proved by a history that is broken on purpose in just that way.

mod acks;
mod batches;
mod blame;
mod crash;
mod deleted;
mod endings;
mod explained;
mod faults;
mod forgotten;
mod in_flight;
mod not_in_log;
mod offsets;
mod order;
mod places;
mod properties;
mod repeated;
mod small;
mod storage;

use proptest::prelude::*;

use super::fixture::{Chance, Play, SMALL, Shape, history, plan};
use super::{CHECKS, Judgement, Verdict, judge, judge_by};
use crate::history::{
    Answer, ConsumerHistory, Delivery, End, History, Moment, Oddity, Offsets, Outcome,
};
use crate::plan::{MessageId, Plan};
use crate::scenario::{self, Acked, AnomalyKind, Counter, Order, Requirement};

const LONG: Shape = Shape { topics: 1, producers: 3, consumers: 3, messages: 30, batch: 1 };

fn kinds(judgement: &Judgement) -> Vec<(AnomalyKind, u64)> {
    judgement.violations.iter().map(|finding| (finding.kind, finding.count)).collect()
}

fn names(plan: &Plan, messages: &[MessageId]) -> Vec<String> {
    messages.iter().map(|message| plan.name(*message).to_string()).collect()
}

#[track_caller]
fn check(plan: &Plan, history: &History, expected: &[(AnomalyKind, u64)]) -> Judgement {
    let judgement = judge(plan, history);
    assert_eq!(kinds(&judgement), expected, "{judgement:#?}");
    let verdict = if expected.is_empty() { Verdict::Pass } else { Verdict::Fail };
    assert_eq!(judgement.verdict, verdict, "{judgement:#?}");
    judgement
}

/// A plan and a history that passes.
fn sound(shape: &Shape, play: Play) -> (Plan, History) {
    let plan = plan(shape);
    let history = history(&plan, play);
    check(&plan, &history, &[]);
    (plan, history)
}

fn calm(seed: u64) -> Play {
    Play { seed, ..Play::default() }
}

impl ConsumerHistory {
    /// The poll that brought the delivery at this place.
    fn poll_of(&self, place: usize) -> usize {
        let mut end = 0;
        let holds = |answer: &Answer| {
            if let Answer::Delivered(count) = answer {
                end += *count as usize;
            }
            end > place
        };
        let mut holds = holds;
        self.polls.iter().position(|poll| holds(&poll.answer)).unwrap()
    }

    fn count_mut(&mut self, poll: usize) -> &mut u32 {
        let Answer::Delivered(count) = &mut self.polls[poll].answer else { panic!("a delivery") };
        count
    }

    fn drop_at(&mut self, place: usize) -> Delivery {
        let poll = self.poll_of(place);
        *self.count_mut(poll) -= 1;
        self.deliveries.remove(place)
    }

    fn insert_at(&mut self, place: usize, delivery: Delivery) {
        let poll = self.poll_of(place);
        *self.count_mut(poll) += 1;
        self.deliveries.insert(place, delivery);
    }
}

/// The first place from `from` on whose delivery and the next are (or are not) ordered by acks.
fn neighbours(history: &History, consumer: usize, proven: bool, from: usize) -> usize {
    let own = &history.consumers[consumer].deliveries;
    let stamps = |delivery: Delivery| {
        let message = delivery.message().unwrap().0;
        let mut sends = history.producers.iter().flat_map(|producer| &producer.sends);
        let sent =
            sends.find(|sent| sent.stream.0 * LONG.messages + sent.first == message).unwrap();
        (sent.invoked.stamp, sent.completed.stamp)
    };
    let fits = |place: &usize| {
        let (early, late) = (stamps(own[*place]), stamps(own[*place + 1]));
        (early.1 < late.0) == proven
    };
    (from..own.len() - 1).find(fits).unwrap()
}

#[test]
fn a_legal_history_passes() {
    for seed in 0..100 {
        for (together, blind) in [(false, false), (true, false), (false, true), (true, true)] {
            for batch in [1, 3] {
                let play = Play { seed, together, blind, troubled: false };
                let plan = plan(&Shape { batch, ..SMALL });
                let judgement = judge(&plan, &history(&plan, play));
                assert_eq!(kinds(&judgement), [], "{judgement:#?}");
                let late = |doubt: &String| together && doubt.starts_with("nothing was due to C");
                assert!(judgement.inconclusive.iter().all(late), "{judgement:#?}");
            }
        }
    }
}

#[test]
fn a_message_that_one_consumer_misses_is_lost() {
    for blind in [false, true] {
        let (plan, mut history) = sound(&LONG, Play { blind, ..calm(1) });
        let gone = history.consumers[1].drop_at(40);
        let judgement = check(&plan, &history, &[(AnomalyKind::Lost, 1)]);
        let proof = &judgement.violations[0].proofs[0];
        assert_eq!(proof.messages, names(&plan, &[gone.message().unwrap()]));
        let name = plan.describe(gone.message().unwrap());
        assert!(proof.title.starts_with(&format!("C2 never got {name}: from the middle")));
    }
}

#[test]
fn neighbouring_losses_are_one_range_with_its_shape() {
    for (numbers, shape) in [
        (0..3, "the prefix of what P2 sent to T1 that was due to C1"),
        (10..14, "from the middle of what P2 sent to T1 that was due to C1"),
        (27..30, "the tail of what P2 sent to T1 that was due to C1"),
        (0..30, "all of what P2 sent to T1 that was due to C1"),
    ] {
        let (plan, mut history) = sound(&LONG, calm(2));
        let count = numbers.len() as u64;
        let gone: Vec<_> = numbers.map(|number| MessageId(30 + number)).collect();
        for message in &gone {
            let own = &history.consumers[0].deliveries;
            let place = own.iter().position(|d| d.message() == Some(*message)).unwrap();
            history.consumers[0].drop_at(place);
        }
        let judgement = check(&plan, &history, &[(AnomalyKind::Lost, count)]);
        let proofs = &judgement.violations[0].proofs;
        assert_eq!(proofs.len(), 1, "{proofs:#?}");
        assert_eq!(proofs[0].messages, names(&plan, &gone));
        assert!(proofs[0].title.ends_with(shape), "{}", proofs[0].title);
    }
}

#[test]
fn a_message_lost_to_everyone_counts_for_each_consumer() {
    let (plan, mut history) = sound(&LONG, calm(3));
    for consumer in &mut history.consumers {
        let place = consumer.deliveries.iter().position(|d| d.message() == Some(MessageId(5)));
        consumer.drop_at(place.unwrap());
    }
    check(&plan, &history, &[(AnomalyKind::Lost, 3)]);
}

#[test]
fn a_second_delivery_is_a_duplicate() {
    for blind in [false, true] {
        let (plan, mut history) = sound(&LONG, Play { blind, ..calm(4) });
        let again = history.consumers[2].deliveries[20];
        history.consumers[2].insert_at(21, again);
        history.consumers[2].insert_at(33, again);
        check(&plan, &history, &[(AnomalyKind::Duplicate, 2)]);
    }
}

#[test]
fn a_message_at_two_offsets_is_a_duplicate_although_nobody_got_it_twice() {
    let (plan, mut history) = sound(&LONG, calm(5));
    // C2 and C3 know the last message at a later offset.
    for consumer in &mut history.consumers[1..] {
        let last = consumer.deliveries.last_mut().unwrap();
        *last = Delivery::new(last.message(), Some(last.offset().unwrap() + 1));
    }
    check(&plan, &history, &[(AnomalyKind::Duplicate, 1)]);
}

#[test]
fn a_repeat_after_a_crash_before_the_acknowledgement_is_fair() {
    let (plan, mut history) = sound(&LONG, calm(6));
    let part = &mut history.consumers[0];
    let last = part.polls.iter().rposition(|p| p.answer != Answer::Delivered(0)).unwrap();
    part.polls.truncate(last + 1);
    let Answer::Delivered(count) = part.polls[last].answer else { panic!("a delivery") };
    let mut claim = part.subscriptions[0].clone();
    claim.incarnation = 1;
    claim.offset = None;
    part.subscriptions.push(claim);
    let mut again = part.polls[last].clone();
    again.subscription = 1;
    part.polls.push(again);
    let from = part.deliveries.len() - count as usize;
    part.deliveries.extend_from_within(from..);
    check(&plan, &history, &[]);
    // The same repeat without a crash is none.
    history.consumers[0].subscriptions[1].incarnation = 0;
    check(&plan, &history, &[(AnomalyKind::Duplicate, u64::from(count))]);
}

#[test]
fn ordered_neighbours_swapped_at_one_consumer_are_one_reordered() {
    for (seed, blind) in [(7, false), (8, true)] {
        let (plan, mut history) = sound(&LONG, Play { blind, ..calm(seed) });
        let place = neighbours(&history, 0, true, 10);
        history.consumers[0].deliveries.swap(place, place + 1);
        check(&plan, &history, &[(AnomalyKind::Reordered, 1)]);
    }
}

#[test]
fn unordered_neighbours_swapped_at_one_consumer_are_one_divergent() {
    for (seed, blind) in [(9, false), (10, true)] {
        let (plan, mut history) = sound(&LONG, Play { blind, ..calm(seed) });
        for consumer in 0..3 {
            let place = neighbours(&history, consumer, false, 10 + 20 * consumer);
            history.consumers[consumer].deliveries.swap(place, place + 1);
            check(&plan, &history, &[(AnomalyKind::Divergent, 1 + consumer as u64)]);
        }
    }
}

#[test]
fn contents_swapped_under_their_offsets_count_as_the_swap_does() {
    for (proven, kind) in [(true, AnomalyKind::Reordered), (false, AnomalyKind::Divergent)] {
        let (plan, mut history) = sound(&LONG, calm(11));
        let place = neighbours(&history, 0, proven, 10);
        let own = &mut history.consumers[0].deliveries;
        let (first, second) = (own[place], own[place + 1]);
        own[place] = Delivery::new(second.message(), first.offset());
        own[place + 1] = Delivery::new(first.message(), second.offset());
        // What stands at an offset is disputed even where the order is proven.
        check(&plan, &history, &[(kind, 1)]);
    }
}

#[test]
fn a_circle_of_three_orders_is_divergent_although_no_two_contradict() {
    let shape = Shape { topics: 1, producers: 3, consumers: 3, messages: 1, batch: 1 };
    let (plan, mut history) = sound(&shape, Play { blind: true, ..calm(12) });
    for sends in history.producers.iter_mut().map(|producer| &mut producer.sends) {
        sends[0].outcome = Outcome::Unknown { why: "timed out".to_owned() };
    }
    for (consumer, pair) in history.consumers.iter_mut().zip([[0, 1], [1, 2], [2, 0]]) {
        while consumer.deliveries.len() > 2 {
            consumer.drop_at(0);
        }
        for (delivery, message) in consumer.deliveries.iter_mut().zip(pair) {
            *delivery = Delivery::new(Some(MessageId(message)), None);
        }
    }
    assert_eq!(kinds(&judge(&plan, &history)), [(AnomalyKind::Divergent, 1)]);
}

#[test]
fn different_messages_at_one_offset_are_divergent_even_without_order() {
    let (mut plan, mut history) = sound(&LONG, calm(13));
    plan.scenario.expect.order = Order::None;
    let gone = history.consumers[0].drop_at(30);
    let other = history.consumers[0].deliveries[30];
    history.consumers[0].deliveries[30] = Delivery::new(other.message(), gone.offset());
    check(&plan, &history, &[(AnomalyKind::Lost, 1), (AnomalyKind::Divergent, 1)]);
}

#[test]
fn what_nobody_sent_is_a_phantom() {
    let (plan, mut history) = sound(&LONG, calm(14));
    let oddity = Oddity {
        payload: "boo".to_owned(),
        producer: Some(99),
        sequence: Some(1),
        ..Oddity::default()
    };
    history.consumers[0].insert_at(12, Delivery::new(None, Some(12)));
    history.consumers[0].oddities.insert(12, oddity);
    let judgement = check(&plan, &history, &[(AnomalyKind::Phantom, 1)]);
    let proof = &judgement.violations[0].proofs[0];
    assert!(proof.title.contains("\"boo\" (producer id 99, sequence 1)"), "{}", proof.title);
    assert!(proof.evidence[0].contains("after P"), "{:?}", proof.evidence);
}

#[test]
fn a_message_of_an_earlier_run_is_misrouted_and_nothing_else() {
    let (plan, mut history) = sound(&LONG, calm(14));
    for place in [12, 30] {
        history.consumers[0].insert_at(place, Delivery::new(None, None));
        let payload = "P1k3#1:boo".to_owned();
        let oddity = Oddity { payload, earlier_run: true, ..Oddity::default() };
        history.consumers[0].oddities.insert(place as u64, oddity);
    }
    let judgement = check(&plan, &history, &[(AnomalyKind::Misrouted, 2)]);
    let proof = &judgement.violations[0].proofs[0];
    assert_eq!(proof.title, "C1 got \"P1k3#1:boo\" on T1, from an earlier run");
}

#[test]
fn what_is_older_than_the_subscription_may_come_where_it_begins_at_the_beginning() {
    let (mut plan, mut history) = sound(&SMALL, Play { blind: true, ..calm(16) });
    let sent = history.producers.iter().flat_map(|producer| &producer.sends);
    let acked = sent.map(|sent| sent.completed.stamp).max().unwrap();
    for claim in &mut history.consumers[0].subscriptions {
        claim.invoked.stamp = acked + 1;
    }
    assert!(kinds(&judge(&plan, &history)).iter().any(|(kind, _)| *kind == AnomalyKind::Misrouted));
    plan.scenario.broker.wire.new_consumers = scenario::NewConsumers::Beginning;
    assert_eq!(kinds(&judge(&plan, &history)), []);
}

#[test]
fn a_planned_message_that_never_left_is_a_phantom_if_it_comes() {
    let (mut plan, mut history) = sound(&LONG, calm(15));
    plan.scenario.expect.acked = Acked::Any;
    history.producers[1].sends.pop();
    check(&plan, &history, &[(AnomalyKind::Phantom, 3)]);
}

#[test]
fn a_refused_message_that_comes_is_resurrected() {
    let (plan, mut history) = sound(&LONG, calm(16));
    history.producers[0].sends[4].outcome = Outcome::Refused { why: "full".to_owned() };
    let judgement = judge(&plan, &history);
    assert_eq!(kinds(&judgement), [(AnomalyKind::Resurrected, 3)]);
    assert_eq!(judgement.verdict, Verdict::Fail);
    assert!(
        judgement.inconclusive[0].contains("refused: P1#5 (the first: full)"),
        "{judgement:#?}"
    );
}

#[test]
fn another_payload_is_corrupted_and_not_also_lost() {
    let (plan, mut history) = sound(&LONG, calm(17));
    let oddity = Oddity { payload: "x".to_owned(), ..Oddity::default() };
    history.consumers[1].oddities.insert(3, oddity);
    check(&plan, &history, &[(AnomalyKind::Corrupted, 1)]);
}

#[test]
fn a_message_of_another_topic_is_misrouted() {
    let (plan, mut history) = sound(&SMALL, calm(18));
    let part = &mut history.consumers[0];
    let topic = |part: &ConsumerHistory, place| {
        let poll = &part.polls[part.poll_of(place)];
        part.subscriptions[poll.subscription as usize].topic
    };
    let own = topic(part, 9);
    let foreign = (0..part.deliveries.len()).find(|place| topic(part, *place) != own).unwrap();
    let copy = part.deliveries[foreign];
    part.insert_at(9, copy);
    check(&plan, &history, &[(AnomalyKind::Misrouted, 1)]);
}

#[test]
fn a_message_acked_before_the_subscription_was_asked_for_is_misrouted() {
    let (plan, mut history) = sound(&LONG, calm(19));
    let acked = history.producers[0].sends[0].completed.stamp;
    let claim = &mut history.consumers[2].subscriptions[0];
    // Only the first message was acked by then; its offset tells that it is from before.
    claim.invoked = Moment { stamp: acked + 1, at: 0 };
    claim.confirmed = Some(Moment { stamp: acked + 2, at: 0 });
    claim.offset = None;
    let early = history.producers.iter().flat_map(|producer| &producer.sends);
    let early = early.filter(|sent| sent.completed.stamp <= acked).count() as u64;
    check(&plan, &history, &[(AnomalyKind::Misrouted, early)]);
}

#[test]
fn an_answer_from_before_the_send_is_early() {
    let (plan, mut history) = sound(&LONG, calm(20));
    let part = &mut history.consumers[0];
    let moved = part.drop_at(60);
    part.insert_at(2, moved);
    check(&plan, &history, &[(AnomalyKind::Early, 1)]);
}

#[test]
fn an_ack_that_shares_or_goes_back_is_stale() {
    let (plan, history) = sound(&LONG, calm(21));
    let offset = |history: &History, producer: usize, send: usize| {
        let Outcome::Acked { offsets } = &history.producers[producer].sends[send].outcome else {
            panic!("an ack")
        };
        offsets.clone()
    };
    // Back to the session's own offset before, and on to one of another session.
    for (producer, send) in [(0, 9), (1, 10)] {
        let mut broken = history.clone();
        let stale = offset(&history, producer, send);
        broken.producers[0].sends[10].outcome = Outcome::Acked { offsets: stale };
        check(&plan, &broken, &[(AnomalyKind::StaleAck, 1)]);
    }
}

#[test]
fn a_lost_ack_hides_neither_loss_nor_phantom() {
    let (mut plan, mut history) = sound(&LONG, calm(22));
    plan.scenario.expect.acked = Acked::Any;
    history.producers[0].sends[4].outcome = Outcome::Unknown { why: "timed out".to_owned() };
    check(&plan, &history, &[]);
    for consumer in &mut history.consumers {
        let place = consumer.deliveries.iter().position(|d| d.message() == Some(MessageId(4)));
        consumer.drop_at(place.unwrap());
    }
    check(&plan, &history, &[]);
}

#[test]
fn expect_decides_what_is_a_violation() {
    let (mut plan, mut history) = sound(&LONG, calm(23));
    let again = history.consumers[2].deliveries[20];
    history.consumers[2].insert_at(21, again);
    history.consumers[1].drop_at(40);
    let place = neighbours(&history, 0, true, 10);
    history.consumers[0].deliveries.swap(place, place + 1);
    let all = [(AnomalyKind::Lost, 1), (AnomalyKind::Duplicate, 1), (AnomalyKind::Reordered, 1)];
    check(&plan, &history, &all);
    plan.scenario.expect.delivery = scenario::Delivery::AtLeastOnce;
    check(&plan, &history, &[all[0], all[2]]);
    plan.scenario.expect.delivery = scenario::Delivery::AtMostOnce;
    check(&plan, &history, &all[1..]);
    plan.scenario.expect.order = Order::None;
    let judgement = check(&plan, &history, &[all[1]]);
    assert!(judgement.allowed.iter().any(|finding| finding.kind == AnomalyKind::Lost));
}

#[test]
fn what_keeps_a_run_from_a_verdict_is_said() {
    let doubts = |plan: &Plan, history: &History| {
        let judgement = judge(plan, history);
        assert_eq!(judgement.verdict, Verdict::Unknown, "{judgement:#?}");
        judgement.inconclusive.join("\n")
    };
    let (mut plan, history) = sound(&LONG, calm(24));
    plan.scenario.require = vec![Requirement { counter: Counter::Retries, at_least: 1 }];
    assert!(doubts(&plan, &history).contains("at least 1 retry, and there were 0"));
    plan.scenario.require.clear();
    let mut broken = history.clone();
    broken.consumers[1].subscriptions[0].confirmed = None;
    assert!(doubts(&plan, &broken).contains("C2 never subscribed to T1"));
    let mut broken = history.clone();
    let names = broken.producers[2].sends.split_off(28);
    assert_eq!(names.len(), 2);
    for consumer in &mut broken.consumers {
        while let Some(place) =
            consumer.deliveries.iter().position(|d| d.message() >= Some(MessageId(88)))
        {
            consumer.drop_at(place);
        }
    }
    let words = doubts(&plan, &broken);
    assert!(words.contains("2 planned messages were never sent: P3#29 to P3#30 on T1"), "{words}");
    let mut empty = history.clone();
    empty.producers.iter_mut().for_each(|producer| producer.sends.clear());
    empty.consumers.iter_mut().for_each(|consumer| {
        consumer.polls.clear();
        consumer.deliveries.clear();
    });
    assert!(doubts(&plan, &empty).contains("no message was sent"));
}

#[test]
fn what_is_missing_when_a_run_is_cut_short_is_undecided() {
    let (plan, mut history) = sound(&LONG, calm(25));
    history.consumers[1].drop_at(40);
    history.end = End::Interrupted;
    let judgement = judge(&plan, &history);
    assert_eq!((judgement.verdict, kinds(&judgement)), (Verdict::Unknown, vec![]));
    history.end = End::Idle;
    check(&plan, &history, &[(AnomalyKind::Lost, 1)]);
    // At the deadline it depends on whether the consumer still got answers.
    history.end = End::Deadline;
    let polls = &mut history.consumers[1].polls;
    let mut last = polls.last().unwrap().clone();
    last.completed.stamp += 1_000_000;
    last.answer = Answer::Failed("cut".to_owned());
    polls.push(last);
    let judgement = judge(&plan, &history);
    assert_eq!((judgement.verdict, kinds(&judgement)), (Verdict::Unknown, vec![]));
}

#[test]
fn a_check_that_crashes_leaves_no_verdict() {
    let (plan, history) = sound(&SMALL, calm(26));
    let mut checks = CHECKS.to_vec();
    checks.push(("nothing", |_| panic!("out of cheese")));
    let judgement = judge_by(&checks, &plan, &history);
    assert_eq!(judgement.verdict, Verdict::Unknown);
    assert_eq!(judgement.inconclusive, ["the check of nothing crashed: out of cheese"]);
    let mut broken = history.clone();
    broken.consumers.pop();
    let judgement = judge(&plan, &broken);
    assert_eq!(judgement.verdict, Verdict::Unknown);
}

proptest! {
    #[test]
    fn a_legal_history_of_any_shape_never_fails(
        seed in any::<u64>(),
        (together, blind, troubled) in any::<(bool, bool, bool)>(),
        (topics, producers, consumers) in (1_u32..4, 1_u32..4, 1_u32..4),
        (messages, batch) in (1_u32..20, 1_u32..5),
    ) {
        let mut plan = plan(&Shape { topics, producers, consumers, messages, batch });
        plan.scenario.expect.acked = Acked::Any;
        let history = history(&plan, Play { seed, together, blind, troubled });
        let judgement = judge(&plan, &history);
        prop_assert_eq!(kinds(&judgement), vec![]);
    }

    #[test]
    fn a_broken_history_always_fails_with_the_right_kind(
        seed in any::<u64>(),
        blind in any::<bool>(),
        way in 0_usize..5,
    ) {
        let plan = plan(&LONG);
        let mut history = history(&plan, Play { seed, blind, ..Play::default() });
        let mut chance = Chance(seed);
        let consumer = chance.below(3);
        let part = &mut history.consumers[consumer];
        let place = chance.below(part.deliveries.len() - 1);
        let expected = match way {
            0 => {
                part.drop_at(place);
                vec![AnomalyKind::Lost]
            }
            1 => {
                let again = part.deliveries[place];
                part.insert_at(place + 1, again);
                vec![AnomalyKind::Duplicate]
            }
            2 => {
                let oddity = Oddity { payload: String::new(), ..Oddity::default() };
                part.oddities.insert(place as u64, oddity);
                vec![AnomalyKind::Corrupted]
            }
            3 => {
                let at = part.deliveries[place].offset();
                part.insert_at(place, Delivery::new(None, at));
                vec![AnomalyKind::Phantom]
            }
            _ => {
                let proven = neighbours(&history, consumer, true, 0) == 0;
                history.consumers[consumer].deliveries.swap(0, 1);
                vec![if proven { AnomalyKind::Reordered } else { AnomalyKind::Divergent }]
            }
        };
        let judgement = judge(&plan, &history);
        let found: Vec<AnomalyKind> = judgement.violations.iter().map(|finding| finding.kind).collect();
        // A swap may move a delivery to an answer from before it was sent.
        if way != 4 || found != [AnomalyKind::Early] {
            prop_assert_eq!(found, expected);
            prop_assert_eq!(judgement.violations[0].count, 1);
        }
    }
}
