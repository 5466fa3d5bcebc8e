//! Deliveries of a history by their places, taken out and put in so that the history stays whole.

use harness::history::{Answer, Delivery, History, Oddity};

/// A place among a consumer's deliveries, with the poll that brought it.
#[derive(Clone, Copy)]
pub(super) struct At {
    pub(super) consumer: usize,
    pub(super) poll: usize,
    pub(super) place: usize,
}

pub(super) fn all(history: &History) -> Vec<At> {
    let mut all = Vec::new();
    for (consumer, own) in history.consumers.iter().enumerate() {
        let mut place = 0;
        for (poll, polled) in own.polls.iter().enumerate() {
            let Answer::Delivered(count) = polled.answer else { continue };
            for _ in 0..count {
                all.push(At { consumer, poll, place });
                place += 1;
            }
        }
    }
    all
}

/// Pairs of deliveries that follow each other at one consumer on one topic.
pub(super) fn neighbours(history: &History) -> Vec<(At, At)> {
    let all = all(history);
    let topic = |at: &At| {
        let own = &history.consumers[at.consumer];
        own.subscriptions[own.polls[at.poll].subscription as usize].topic
    };
    let next = |from: usize| {
        let same = |at: &&At| at.consumer == all[from].consumer && topic(at) == topic(&all[from]);
        all[from + 1..].iter().find(same).map(|to| (all[from], *to))
    };
    (0..all.len()).filter_map(next).collect()
}

pub(super) fn at(history: &mut History, at: At) -> &mut Delivery {
    &mut history.consumers[at.consumer].deliveries[at.place]
}

fn count(history: &mut History, at: At, change: i32) {
    if let Answer::Delivered(count) = &mut history.consumers[at.consumer].polls[at.poll].answer {
        *count = count.checked_add_signed(change).unwrap();
    }
}

/// What is odd is known by its place, which moves.
fn shift(history: &mut History, consumer: usize, from: usize, by: i64) {
    let odd = &mut history.consumers[consumer].oddities;
    let from = u64::try_from(from).unwrap();
    let moved = odd.split_off(&from);
    odd.extend(moved.into_iter().map(|(at, own)| (at.checked_add_signed(by).unwrap(), own)));
}

pub(super) fn remove(history: &mut History, at: At) -> (Delivery, Option<Oddity>) {
    let own = &mut history.consumers[at.consumer];
    let odd = own.oddities.remove(&u64::try_from(at.place).unwrap());
    let delivery = own.deliveries.remove(at.place);
    shift(history, at.consumer, at.place, -1);
    count(history, at, -1);
    (delivery, odd)
}

pub(super) fn insert(history: &mut History, at: At, delivery: Delivery, odd: Option<Oddity>) {
    shift(history, at.consumer, at.place, 1);
    let own = &mut history.consumers[at.consumer];
    own.deliveries.insert(at.place, delivery);
    own.oddities.extend(odd.map(|odd| (u64::try_from(at.place).unwrap(), odd)));
    count(history, at, 1);
}
