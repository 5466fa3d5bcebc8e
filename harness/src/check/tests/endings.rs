//! What a run that was cut short, or that a consumer came late to, leaves open.

use super::*;
use crate::history::Polled;
use crate::scenario::Start;

/// A run of two topics after which C2 misses a message of T1, and every topic of every consumer was
/// polled once more, in vain.
fn deadline() -> (Plan, History) {
    let (plan, mut history) = sound(&SMALL, calm(30));
    let place = topic_place(&history, 1, 0);
    history.consumers[1].drop_at(place);
    for consumer in 0..3 {
        for subscription in 0..2 {
            poll(&mut history, consumer, subscription, Answer::Delivered(0));
        }
    }
    history.end = End::Deadline;
    (plan, history)
}

/// The place of a delivery in the middle of what a consumer got under a subscription to a topic.
fn topic_place(history: &History, consumer: usize, topic: usize) -> usize {
    let part = &history.consumers[consumer];
    let own = |place: &usize| {
        let poll = &part.polls[part.poll_of(*place)];
        part.subscriptions[poll.subscription as usize].topic.place() == topic
    };
    (0..part.deliveries.len()).filter(own).nth(10).unwrap()
}

/// Adds a poll of a topic after everything else.
fn poll(history: &mut History, consumer: usize, topic: usize, answer: Answer) {
    let part = &mut history.consumers[consumer];
    let place = part.subscriptions.iter().position(|own| own.topic.place() == topic).unwrap();
    let stamp = 1_000_000 + 2 * part.polls.len() as u64;
    part.polls.push(Polled {
        subscription: u32::try_from(place).unwrap(),
        invoked: Moment { stamp, at: stamp },
        completed: Moment { stamp: stamp + 1, at: stamp + 1 },
        answer,
    });
}

#[track_caller]
fn undecided(plan: &Plan, history: &History, words: &str) {
    let judgement = judge(plan, history);
    assert_eq!((judgement.verdict, kinds(&judgement)), (Verdict::Unknown, vec![]));
    assert!(judgement.inconclusive.iter().any(|doubt| doubt.contains(words)), "{judgement:#?}");
}

#[test]
fn at_the_deadline_an_empty_answer_on_the_topic_itself_makes_missing_lost() {
    let (plan, history) = deadline();
    check(&plan, &history, &[(AnomalyKind::Lost, 1)]);
}

#[test]
fn at_the_deadline_a_consumer_without_any_answer_on_the_topic_is_undecided() {
    let (plan, mut history) = deadline();
    // T2's empty answer says nothing about T1.
    let sent = history.producers.iter().flat_map(|producer| &producer.sends);
    let drain = sent.map(|sent| sent.completed.stamp).max().unwrap();
    let part = &mut history.consumers[1];
    let t1 = part.subscriptions.iter().position(|own| own.topic.place() == 0).unwrap();
    let last_word = |poll: &Polled| {
        poll.subscription as usize == t1
            && poll.answer == Answer::Delivered(0)
            && poll.invoked.stamp > drain
    };
    part.polls.retain(|poll| !last_word(poll));
    undecided(&plan, &history, "C2 on T1: ");
    // Nor do those that came before everything was sent.
    history.consumers[1].polls.retain(|poll| poll.answer != Answer::Delivered(0));
    undecided(&plan, &history, "C2 on T1: ");
}

#[test]
fn at_the_deadline_a_failed_poll_counts_for_its_own_topic_wherever_it_comes() {
    let (plan, history) = deadline();
    let cut = || Answer::Failed("cut".to_owned());
    let mut own = history.clone();
    poll(&mut own, 1, 0, cut());
    undecided(&plan, &own, "C2 on T1: the last poll failed: cut");
    // Another topic's empty answer after it hides nothing.
    poll(&mut own, 1, 1, Answer::Delivered(0));
    undecided(&plan, &own, "C2 on T1: the last poll failed: cut");
    let mut other = history;
    poll(&mut other, 1, 1, cut());
    let judgement = judge(&plan, &other);
    assert_eq!(kinds(&judgement), [(AnomalyKind::Lost, 1)]);
    assert_eq!(judgement.inconclusive, ["C2 on T2: the last poll failed: cut"]);
}

#[test]
fn in_an_idle_run_a_topic_whose_last_poll_failed_is_undecided_and_no_other() {
    let (plan, mut history) = deadline();
    history.end = End::Idle;
    let mut failed = history.clone();
    poll(&mut failed, 1, 0, Answer::Failed("status 410".to_owned()));
    undecided(&plan, &failed, "C2 on T1: the last poll failed: status 410");
    let words = "C2 had not caught up on T1 when nothing came any more: 1 delivery still missing \
                 (the first: P";
    undecided(&plan, &failed, words);
    check(&plan, &history, &[(AnomalyKind::Lost, 1)]);
}

#[test]
fn at_the_deadline_messages_that_still_come_leave_what_is_missing_undecided() {
    let (plan, mut history) = deadline();
    let part = &mut history.consumers[1];
    let last = part.deliveries.pop().unwrap();
    let poll_of = part.polls.iter().rposition(|p| matches!(p.answer, Answer::Delivered(1..)));
    *part.count_mut(poll_of.unwrap()) -= 1;
    part.deliveries.push(last);
    let topic = plan.stream(last.message().unwrap()).topic.place();
    poll(&mut history, 1, topic, Answer::Delivered(1));
    let judgement = judge(&plan, &history);
    assert_eq!(judgement.verdict == Verdict::Unknown, topic == 0, "{judgement:#?}");
    let words = format!("C2 on T{}: messages still came when the deadline passed", topic + 1);
    assert!(judgement.inconclusive.contains(&words), "{judgement:#?}");
}

#[test]
fn a_consumer_that_nothing_was_due_to_proves_nothing() {
    let shape = Shape { topics: 1, producers: 2, consumers: 2, messages: 5, batch: 1 };
    let (mut plan, mut history) = sound(&shape, calm(31));
    plan.scenario.start = Start::Together;
    let part = &mut history.consumers[1];
    let end = part.deliveries.len() as u64;
    let late = Moment { stamp: 1_000_000, at: 0 };
    *part = ConsumerHistory { subscriptions: part.subscriptions.clone(), ..Default::default() };
    let claim = &mut part.subscriptions[0];
    (claim.invoked, claim.confirmed, claim.offset) = (late, Some(late), Some(end));
    let words = "nothing was due to C2 on T1, although 10 messages were acked on it";
    undecided(&plan, &history, words);
    // One message that came is enough: it began late, and that is fair.
    let first = history.consumers[0].clone();
    let last = *first.deliveries.last().unwrap();
    let part = &mut history.consumers[1];
    part.subscriptions[0].offset = last.offset();
    let sent = history.producers.iter().flat_map(|producer| &producer.sends);
    let acked = sent.map(|sent| sent.completed.stamp).max().unwrap();
    part.subscriptions[0].invoked.stamp = acked - 1;
    part.deliveries.push(last);
    poll(&mut history, 1, 0, Answer::Delivered(1));
    assert_eq!(kinds(&judge(&plan, &history)), []);
    assert_eq!(judge(&plan, &history).verdict, Verdict::Pass, "{:#?}", judge(&plan, &history));
}
