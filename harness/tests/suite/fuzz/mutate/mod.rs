//! Known ways to make a history wrong. One that finds nothing to change changes nothing.

mod edit;

use harness::history::{AuditedLog, Class, Delivery, History, Oddity, Offset, Offsets, Outcome};
use harness::plan::{MessageId, Plan};

use super::chance::Chance;
use edit::{At, all, at, insert, neighbours, remove};

/// Changes a history of the plan.
pub type Way = fn(&Plan, &mut History, &mut Chance);

/// The ways, with what they are called where two judges disagree.
pub const WAYS: &[(&str, Way)] = &[
    ("a delivery is taken out", take_out),
    ("a message is taken from everyone", take_from_all),
    ("a delivery comes again at once", again_at_once),
    ("a delivery comes again later", again_later),
    ("two neighbours are swapped", swap_neighbours),
    ("two neighbours are swapped and keep the offsets of their places", swap_messages),
    ("two neighbours are swapped at every consumer", swap_everywhere),
    ("a delivery goes to another place", go_elsewhere),
    ("something comes that nobody sent", phantom),
    ("a payload is another one", corrupt),
    ("some planned message is added", add_any),
    ("an ack is forgotten", forget_ack),
    ("a delivery is at another offset", move_offset),
    ("an ack names another offset", move_ack),
    ("a delivery tells no offset", forget_offset),
    ("a subscription starts at another offset", move_start),
    ("what was acknowledged comes again after a crash", again_after_crash),
    ("a consumer did not crash", forget_crash),
    ("what may have happened was refused", refuse_attempt),
    ("the log lacks a message", forget_in_log),
    ("the log lacks its beginning", cut_log),
    ("the log lacks its end", roll_back),
    ("the polls acknowledge, or do not", acknowledge_otherwise),
];

fn take_out(_: &Plan, history: &mut History, chance: &mut Chance) {
    if let Some(at) = chance.of(&all(history)) {
        remove(history, at);
    }
}

fn take_from_all(_: &Plan, history: &mut History, chance: &mut Chance) {
    let Some(chosen) = chance.of(&all(history)) else { return };
    let message = at(history, chosen).message();
    while let Some(own) =
        all(history).into_iter().find(|own| at(history, *own).message() == message)
    {
        remove(history, own);
    }
}

fn again_at_once(_: &Plan, history: &mut History, chance: &mut Chance) {
    if let Some(own) = chance.of(&all(history)) {
        let delivery = *at(history, own);
        insert(history, At { place: own.place + 1, ..own }, delivery, None);
    }
}

fn again_later(_: &Plan, history: &mut History, chance: &mut Chance) {
    let all = all(history);
    let Some(own) = chance.of(&all) else { return };
    let later: Vec<At> =
        all.into_iter().filter(|at| at.consumer == own.consumer && at.place > own.place).collect();
    if let Some(to) = chance.of(&later) {
        let delivery = *at(history, own);
        insert(history, to, delivery, None);
    }
}

fn swap(history: &mut History, (a, b): (At, At)) {
    history.consumers[a.consumer].deliveries.swap(a.place, b.place);
    let odd = &mut history.consumers[a.consumer].oddities;
    let (at_a, at_b) = (u64::try_from(a.place).unwrap(), u64::try_from(b.place).unwrap());
    let (own_a, own_b) = (odd.remove(&at_a), odd.remove(&at_b));
    odd.extend(own_a.map(|own| (at_b, own)).into_iter().chain(own_b.map(|own| (at_a, own))));
}

fn swap_neighbours(_: &Plan, history: &mut History, chance: &mut Chance) {
    if let Some(pair) = chance.of(&neighbours(history)) {
        swap(history, pair);
    }
}

fn swap_messages(_: &Plan, history: &mut History, chance: &mut Chance) {
    let Some((a, b)) = chance.of(&neighbours(history)) else { return };
    swap(history, (a, b));
    let (own_a, own_b) = (*at(history, a), *at(history, b));
    *at(history, a) = Delivery::new(own_a.message(), own_b.offset());
    *at(history, b) = Delivery::new(own_b.message(), own_a.offset());
}

/// As if the log had them so.
fn swap_everywhere(_: &Plan, history: &mut History, chance: &mut Chance) {
    let Some((a, b)) = chance.of(&neighbours(history)) else { return };
    let (first, second) = (at(history, a).message(), at(history, b).message());
    for (a, b) in neighbours(history) {
        let (own_a, own_b) = (*at(history, a), *at(history, b));
        if (own_a.message(), own_b.message()) == (first, second) {
            swap(history, (a, b));
            *at(history, a) = Delivery::new(own_b.message(), own_a.offset());
            *at(history, b) = Delivery::new(own_a.message(), own_b.offset());
        }
    }
}

fn go_elsewhere(_: &Plan, history: &mut History, chance: &mut Chance) {
    let Some(from) = chance.of(&all(history)) else { return };
    let (delivery, odd) = remove(history, from);
    match chance.of(&all(history)) {
        Some(to) => insert(history, to, delivery, odd),
        None => insert(history, from, delivery, odd),
    }
}

fn phantom(_: &Plan, history: &mut History, chance: &mut Chance) {
    if let Some(own) = chance.of(&all(history)) {
        let payload = "boo".to_owned();
        let odd = Oddity { payload, producer: Some(99), sequence: Some(3), ..Oddity::default() };
        insert(history, own, Delivery::new(None, None), Some(odd));
    }
}

fn corrupt(_: &Plan, history: &mut History, chance: &mut Chance) {
    let Some(own) = chance.of(&all(history)) else { return };
    if at(history, own).message().is_some() {
        let odd = Oddity { payload: "another".to_owned(), ..Oddity::default() };
        let place = u64::try_from(own.place).unwrap();
        history.consumers[own.consumer].oddities.insert(place, odd);
    }
}

/// Perhaps one of another topic, one that was refused, or one that is not sent yet.
fn add_any(plan: &Plan, history: &mut History, chance: &mut Chance) {
    let Some(own) = chance.of(&all(history)) else { return };
    let message = MessageId::new(chance.below(plan.messages.len()));
    insert(history, own, Delivery::new(Some(message), None), None);
}

fn forget_ack(_: &Plan, history: &mut History, chance: &mut Chance) {
    let producer = chance.below(history.producers.len());
    let sends = &mut history.producers[producer].sends;
    let is_acked = |place: &usize| matches!(sends[*place].outcome, Outcome::Acked { .. });
    let acked: Vec<usize> = (0..sends.len()).filter(is_acked).collect();
    if let Some(place) = chance.of(&acked) {
        sends[place].outcome = Outcome::Unknown { why: "forgotten".to_owned() };
        for attempt in sends[place].tries.iter_mut().filter(|own| own.class == Class::Acked) {
            attempt.class = Class::Unknown;
        }
    }
}

fn move_offset(_: &Plan, history: &mut History, chance: &mut Chance) {
    let Some(own) = chance.of(&all(history)) else { return };
    let (message, offset) = (at(history, own).message(), at(history, own).offset());
    if let Some(offset) = offset {
        *at(history, own) = Delivery::new(message, Some(moved(offset, chance)));
    }
}

/// Mostly near, and mostly ahead.
fn moved(offset: Offset, chance: &mut Chance) -> Offset {
    (offset + 1 + u64::try_from(chance.below(40)).unwrap()).saturating_sub(4)
}

fn move_ack(_: &Plan, history: &mut History, chance: &mut Chance) {
    let producer = chance.below(history.producers.len());
    let mut acks =
        history.producers[producer].sends.iter_mut().filter_map(|sent| match &mut sent.outcome {
            Outcome::Acked { offsets } if *offsets != Offsets::Untold => Some(offsets),
            _ => None,
        });
    if let Some(offsets) = acks.next() {
        let first = offsets.first().unwrap_or_default();
        *offsets = Offsets::From(first + 1 + u64::try_from(chance.below(3)).unwrap());
    }
}

fn forget_offset(_: &Plan, history: &mut History, chance: &mut Chance) {
    if let Some(own) = chance.of(&all(history)) {
        *at(history, own) = Delivery::new(at(history, own).message(), None);
    }
}

fn move_start(_: &Plan, history: &mut History, chance: &mut Chance) {
    let consumer = chance.below(history.consumers.len());
    let claims = &mut history.consumers[consumer].subscriptions;
    if !claims.is_empty() {
        let place = chance.below(claims.len());
        let start = &mut claims[place].offset;
        *start =
            start.map(|at| u64::try_from(chance.below(usize::try_from(at).unwrap() + 4)).unwrap());
    }
}

fn again_after_crash(_: &Plan, history: &mut History, chance: &mut Chance) {
    let all = all(history);
    let incarnation = |at: &At| {
        let own = &history.consumers[at.consumer];
        own.subscriptions[own.polls[at.poll].subscription as usize].incarnation
    };
    let is_later = |from: &At, to: &At| {
        from.consumer == to.consumer && from.poll < to.poll && incarnation(from) < incarnation(to)
    };
    let pairs = all.iter().flat_map(|from| all.iter().map(move |to| (*from, *to)));
    let pairs: Vec<(At, At)> = pairs.filter(|(from, to)| is_later(from, to)).collect();
    if let Some((from, to)) = chance.of(&pairs) {
        let delivery = *at(history, from);
        insert(history, to, delivery, None);
    }
}

fn forget_crash(_: &Plan, history: &mut History, chance: &mut Chance) {
    let consumer = chance.below(history.consumers.len());
    for claim in &mut history.consumers[consumer].subscriptions {
        claim.incarnation = 0;
    }
}

fn log<'a>(history: &'a mut History, chance: &mut Chance) -> Option<&'a mut Vec<Delivery>> {
    let topics: Vec<usize> = (0..history.audit.len()).collect();
    match &mut history.audit[chance.of(&topics)?].log {
        AuditedLog::Read { messages, .. } => Some(messages).filter(|own| !own.is_empty()),
        AuditedLog::Failed(_) => None,
    }
}

fn forget_in_log(_: &Plan, history: &mut History, chance: &mut Chance) {
    if let Some(messages) = log(history, chance) {
        messages.remove(chance.below(messages.len()));
    }
}

fn cut_log(_: &Plan, history: &mut History, chance: &mut Chance) {
    if let Some(messages) = log(history, chance) {
        messages.drain(..=chance.below(messages.len()));
    }
}

/// As when a broker comes back with an older snapshot.
fn roll_back(_: &Plan, history: &mut History, chance: &mut Chance) {
    if let Some(messages) = log(history, chance) {
        messages.truncate(chance.below(messages.len()));
    }
}

fn acknowledge_otherwise(_: &Plan, history: &mut History, _: &mut Chance) {
    history.acknowledged_apart = !history.acknowledged_apart;
}

fn refuse_attempt(_: &Plan, history: &mut History, chance: &mut Chance) {
    let producer = chance.below(history.producers.len());
    let sends = &mut history.producers[producer].sends;
    let is_unknown = |class: Class| class == Class::Unknown;
    let places: Vec<(usize, usize)> = sends
        .iter()
        .enumerate()
        .flat_map(|(send, own)| (0..own.tries.len()).map(move |attempt| (send, attempt)))
        .filter(|(send, attempt)| is_unknown(sends[*send].tries[*attempt].class))
        .collect();
    let Some((send, attempt)) = chance.of(&places) else { return };
    let sent = &mut sends[send];
    (sent.tries[attempt].class, sent.tries[attempt].code) = (Class::Refused, Some("full".into()));
    if matches!(sent.outcome, Outcome::Unknown { .. })
        && !sent.tries.iter().any(|own| is_unknown(own.class))
    {
        sent.outcome = Outcome::Refused { why: "no room (full)".to_owned() };
    }
}
