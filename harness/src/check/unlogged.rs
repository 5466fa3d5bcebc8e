//! Delivered but not logged: what a consumer was handed, as its history says, and what is missing in
//! the log that was written of it. The fault is not the broker's but in the writing of the log, so it
//! leaves the verdict open and breaks no promise.
//!
//! Example: C1 was handed P1#1, P1#2 and P1#3, and `consumer_1.txt` was cut off after the second line.

use std::borrow::Cow;

use crate::history::{Answer, History};
use crate::log_format::LogFormat;
use crate::numbers;
use crate::plan::{ConsumerIndex, Plan};

/// So many of them are named.
const NAMED: usize = 10;

/// How many bytes the log of what this consumer was handed has in a format.
pub fn length(plan: &Plan, history: &History, consumer: ConsumerIndex, format: LogFormat) -> u64 {
    let lines = lines(plan, history, consumer);
    lines.map(|(_, topic, payload)| format.delivery_len(topic, payload)).sum()
}

/// Compares a log with what this consumer was handed: a sentence where they are not the same.
pub fn compare(
    plan: &Plan,
    history: &History,
    consumer: ConsumerIndex,
    log: &[u8],
) -> Option<String> {
    let number = plan.consumers[consumer.place()].number;
    // A line that was cut off is not there.
    let end = log.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
    let whole = String::from_utf8_lossy(&log[..end]);
    let format = LogFormat::of_deliveries(&whole);
    let read = |(line, text): (usize, _)| (line, format.read_delivery(text).ok());
    let mut logged = (1..).zip(whole.lines()).map(read).peekable();
    let mut missing = Vec::new();
    let mut count = 0;
    for (place, topic, payload) in lines(plan, history, consumer) {
        let is_it = |own: &(Cow<'_, str>, Cow<'_, str>)| own.0 == topic && own.1 == payload;
        if logged.next_if(|(_, own)| own.as_ref().is_some_and(is_it)).is_none() {
            count += 1;
            if missing.len() < NAMED {
                missing.push(place);
            }
        }
    }
    if let Some((line, _)) = logged.peek() {
        return Some(format!(
            "the log of C{number} has what it was not handed, from line {line} on"
        ));
    }
    if count == 0 {
        let cut = end < log.len();
        return cut
            .then(|| format!("the log of C{number} ends in a line that C{number} was not handed"));
    }
    let part = &history.consumers[consumer.place()];
    let name = |place: &usize| match part.deliveries[*place].message() {
        Some(message) => plan.name(message).to_string(),
        None => "a message without a name".to_owned(),
    };
    let names: Vec<String> = missing.iter().map(name).collect();
    let more = count - missing.len() as u64;
    let more =
        if more > 0 { format!(" and {} more", numbers::number(more)) } else { String::new() };
    let messages = numbers::count(count, "message");
    let verb = if count == 1 { "is" } else { "are" };
    Some(format!(
        "delivered but not logged: {messages} that C{number} was handed {verb} not in its log: {}{more}",
        names.join(", ")
    ))
}

/// Each delivery: its place, its topic and its payload.
fn lines<'a>(
    plan: &'a Plan,
    history: &'a History,
    consumer: ConsumerIndex,
) -> impl Iterator<Item = (usize, &'a str, &'a str)> {
    let part = &history.consumers[consumer.place()];
    let counts = part.polls.iter().map(|poll| {
        let topic = part.subscriptions[poll.subscription as usize].topic;
        let count = match poll.answer {
            Answer::Delivered(count) => count as usize,
            Answer::Deleted(_) | Answer::Failed(_) => 0,
        };
        (plan.topics[topic.place()].name.as_str(), count)
    });
    let topics = counts.flat_map(|(topic, count)| std::iter::repeat_n(topic, count));
    part.deliveries.iter().enumerate().zip(topics).map(|((place, delivery), topic)| {
        let payload = match part.oddities.get(&(place as u64)) {
            Some(oddity) => oddity.payload.as_str(),
            None => delivery.message().map_or("", |message| plan.messages.payload(message)),
        };
        (place, topic, payload)
    })
}
