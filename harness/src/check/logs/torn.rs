//! The last line of a log where no line end follows: a consumer may have been killed while it wrote,
//! and buffers are cut anywhere, also within a topic's name, the blanks or a character.
//!
//! It is first read whole, for some writers put line ends only between lines: if it is a message that
//! is still missing, it is that. Else, if it begins the line of something that is still missing, it is
//! *cut*: what is missing after it may have come, of its topic, and of every topic if not even the
//! topic's name is whole. If both fit (INFO and INFORMATION are missing), it is taken as cut, for then
//! nothing has to be missing. What begins nothing that is sent stays a line like any other.

use std::collections::BTreeMap;

use super::found::Found;
use super::parse::{Line, Lines, Parts};
use super::sent::Sent;
use crate::check::anomaly::Anomaly;
use crate::check::outcome::Promise;
use crate::plan::{ConsumerIndex, Plan, TopicIndex};
use crate::scenario::AnomalyKind;

/// A last line without its end.
#[derive(Debug)]
pub(super) struct Torn {
    pub(super) number: u32,
    /// Without the blanks before it.
    bytes: Vec<u8>,
    /// What it is as a whole line, if it can be one.
    pub(super) parts: Option<Parts>,
}

/// How a consumer's log ends.
#[derive(Default)]
pub(super) struct Ending<'a> {
    /// The last line, where it has no end and is whole.
    pub(super) last: Option<Line<'a>>,
    /// Where the log is cut off, and of which topics it is therefore not known how they go on.
    cut: Option<(u32, Vec<TopicIndex>)>,
}

impl Ending<'_> {
    /// The line in which what the log has of a topic is cut off.
    pub(super) fn cut(&self, topic: TopicIndex) -> Option<u32> {
        let (number, topics) = self.cut.as_ref()?;
        topics.contains(&topic).then_some(*number)
    }
}

/// What of a line there is.
enum Beginning<'a> {
    /// A part of a topic's name, or all of it.
    Name(&'a [u8]),
    /// A topic and the beginning of a payload, which may be empty.
    Payload(&'a [u8], &'a [u8]),
}

impl Torn {
    /// A line that `read` can read, or that begins one; none if it is blank.
    ///
    /// # Errors
    /// That of `read`, where it begins nothing that is sent.
    pub(super) fn new(
        plan: &Plan,
        number: u32,
        bytes: &[u8],
        read: impl FnOnce() -> Result<Option<Parts>, String>,
    ) -> Result<Option<Self>, String> {
        let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
        let bytes = bytes.trim_ascii_start();
        if bytes.is_empty() {
            return Ok(None);
        }
        let parts = match read() {
            Ok(parts) => parts,
            Err(_) if Self::begins_a_line(plan, bytes) => None,
            Err(why) => return Err(why),
        };
        Ok(Some(Self { number, bytes: bytes.to_vec(), parts }))
    }

    /// Whether these bytes begin the line of any message of the plan.
    pub(super) fn begins_a_line(plan: &Plan, bytes: &[u8]) -> bool {
        let begin = beginning(bytes);
        plan.topics.iter().any(|topic| {
            let streams = topic.streams.iter().map(|stream| &plan.streams[stream.place()]);
            let messages = streams.flat_map(|stream| stream.messages());
            begin.may_be_of(topic.name.as_str())
                && messages
                    .map(crate::plan::MessageId)
                    .any(|message| begin.may_hold(plan.messages.payload(message)))
        })
    }

    fn shown(&self) -> String {
        format!("{:?}", String::from_utf8_lossy(&self.bytes))
    }
}

fn beginning(bytes: &[u8]) -> Beginning<'_> {
    let bytes = bytes.trim_ascii_start();
    match bytes.iter().position(u8::is_ascii_whitespace) {
        None => Beginning::Name(bytes),
        Some(end) => Beginning::Payload(&bytes[..end], bytes[end..].trim_ascii_start()),
    }
}

impl Beginning<'_> {
    fn may_be_of(&self, topic: &str) -> bool {
        match self {
            Self::Name(part) => topic.as_bytes().starts_with(part),
            Self::Payload(name, _) => topic.as_bytes() == *name,
        }
    }

    fn may_hold(&self, payload: &str) -> bool {
        match self {
            Self::Name(_) => true,
            Self::Payload(_, part) => payload.as_bytes().starts_with(part),
        }
    }
}

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
    let begin = beginning(&torn.bytes);
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
        let unknown = match begin {
            Beginning::Name(_) => own.clone(),
            Beginning::Payload(..) => topics,
        };
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
