//! The last line of a log where no line end follows: a consumer may have been killed while it wrote,
//! and buffers are cut anywhere, also within a topic's name, the blanks or a character.
//!
//! It is first read whole, for some writers put line ends only between lines: if it is a message that
//! is still missing, it is that. Else, if it begins the line of something that is still missing, it is
//! *cut*: what is missing after it may have come, of its topic, and of every topic if not even the
//! topic's name is whole. If both fit (INFO and INFORMATION are missing), it is taken as cut, for then
//! nothing has to be missing. What begins nothing that is sent stays a line like any other.

use std::collections::BTreeMap;

use super::beginning::Beginning;
use super::ending::Ending;
use super::found::Found;
use super::parse::{Line, Lines};
use super::sent::Sent;
use crate::check::anomaly::Anomaly;
use crate::check::outcome::Promise;
use crate::plan::{ConsumerIndex, Plan, TopicIndex};
use crate::scenario::AnomalyKind;

/// Decides what the last line of a log is, and says what is wrong with it if it is only a part of one
/// that had come before, or begins nothing.
pub(super) fn resolve<'a>(
    plan: &Plan,
    everything: &[Sent<'_>],
    consumer: ConsumerIndex,
    log: &'a Lines,
    found: &mut Found,
) -> Ending<'a> {
    let Some(torn) = &log.torn else { return Ending::default() };
    let own = &plan.consumers[consumer.place()].topics;
    let mut logged = BTreeMap::<(TopicIndex, &str), usize>::new();
    for line in log.iter() {
        *logged.entry((line.topic, line.payload)).or_default() += 1;
    }
    let is_missing = |topic: TopicIndex, payload: &str| {
        let sent = &everything[topic.place()];
        let count = sent.payloads.get(payload).map(|own| sent.messages[*own as usize].len());
        own.contains(&topic)
            && count.is_some_and(|sent| logged.get(&(topic, payload)).copied().unwrap_or(0) < sent)
    };
    let whole = log.last();
    let begin = Beginning::of(log.format, &torn.bytes);
    // What it may begin, other than what it is as a whole line.
    let begun = |topic: TopicIndex| {
        let sent = &everything[topic.place()];
        let other = move |payload: &&str| {
            whole.is_none_or(|line| (line.topic, line.payload) != (topic, *payload))
        };
        let payloads = sent.payloads.keys().copied().filter(other);
        payloads.filter(|payload| begin.may_hold(payload))
    };
    let topics: Vec<TopicIndex> = (own.iter().copied())
        .filter(|topic| begin.may_be_of(everything[topic.place()].name()))
        .collect();
    if topics.iter().any(|topic| begun(*topic).any(|payload| is_missing(*topic, payload))) {
        let unknown = if begin.tells_topic() { topics } else { own.clone() };
        return Ending { last: None, cut: Some((torn.number, unknown)) };
    }
    let is_sent =
        |line: &Line<'_>| everything[line.topic.place()].payloads.contains_key(line.payload);
    let repeats = topics.iter().find(|topic| begun(**topic).next().is_some());
    match (whole, repeats) {
        (Some(line), _) if is_sent(&line) => Ending { last: whole, cut: None },
        (_, Some(topic)) => {
            let (place, part) = (format!("{}:{}", log.file, torn.number), torn.shown());
            let title = format!(
                "{place}: {part} is the beginning of a line, and nothing is missing that it could \
                 begin"
            );
            let anomaly = || Anomaly::new(plan, *topic, Some(consumer), &[], title);
            found.add(AnomalyKind::Duplicate, Promise::NoDuplicate, 1, anomaly);
            Ending::default()
        }
        (Some(_), None) => Ending { last: whole, cut: None },
        (None, None) => {
            let (place, part) = (format!("{}:{}", log.file, torn.number), torn.shown());
            let number = plan.consumers[consumer.place()].number;
            let title = format!("{place}: {part} begins nothing that is sent to C{number}");
            // It begins the line of a topic that others consume, or nothing would have read it.
            let mut all = (0..everything.len()).map(TopicIndex::new);
            let topic = all.find(|topic| begin.may_be_of(everything[topic.place()].name()));
            if let Some(topic) = topic {
                let anomaly = || Anomaly::new(plan, topic, Some(consumer), &[], title);
                found.add(AnomalyKind::Phantom, Promise::Always, 1, anomaly);
            }
            Ending::default()
        }
    }
}
