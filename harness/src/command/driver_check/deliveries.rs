//! What a consumer got in the conversation, compared with what was sent.

use crate::driver::exec::answer::{self, Outcome};

use super::findings::Finding;
use super::sends::{Message, Sends};

/// What one subscription brought.
#[derive(Debug)]
pub(super) struct Deliveries {
    /// Whose.
    pub(super) consumer: String,
    pub(super) topic: String,
    /// Messages before this place among all sends are not due to it.
    pub(super) from: usize,
    /// The offset that it starts at, where that was told.
    pub(super) start: Option<u64>,
    /// In their order, each with the process and its line.
    pub(super) got: Vec<(String, u64, answer::Message)>,
}

/// What deliveries are to be like, as the capabilities say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Promised {
    pub(super) offsets: bool,
    pub(super) contiguous: bool,
    pub(super) order: bool,
    pub(super) once: bool,
}

impl Deliveries {
    /// The place among the sends of what a delivery says it is.
    pub(super) fn sent(&self, sends: &Sends, message: &answer::Message) -> Option<usize> {
        sends.0.iter().position(|sent| {
            sent.topic == self.topic
                && Some(&sent.session) == message.producer.as_ref()
                && Some(sent.sequence) == message.sequence
        })
    }

    /// Whether everything that was acked and is due has come.
    pub(super) fn has_all(&self, sends: &Sends) -> bool {
        self.missing(sends).next().is_none()
    }

    fn missing<'a>(&'a self, sends: &'a Sends) -> impl Iterator<Item = &'a Message> {
        let got: Vec<_> = self.got.iter().filter_map(|(.., own)| self.sent(sends, own)).collect();
        let due = sends.0.iter().enumerate().skip(self.from);
        due.filter(move |(place, sent)| {
            sent.topic == self.topic && sent.outcome == Outcome::Acked && !got.contains(place)
        })
        .map(|(_, sent)| sent)
    }

    /// Everything that is wrong with them.
    pub(super) fn judge(&self, sends: &Sends, promised: Promised) -> Vec<Finding> {
        let mut found = Vec::new();
        let mut seen: Vec<(usize, u64)> = Vec::new();
        let mut last: Option<(u64, u64)> = None;
        for (process, line, message) in &self.got {
            let mut add = |what: String| found.push(Finding::new(process, *line, what));
            let Some(place) = self.sent(sends, message) else {
                let (payload, producer) = (&message.payload, &message.producer);
                add(format!(
                    "a message says producer {producer:?}, sequence {:?}, and none such was sent to \
                     {}: {payload:?}",
                    message.sequence, self.topic
                ));
                continue;
            };
            let sent = &sends.0[place];
            one(self, sent, message, place, promised).into_iter().for_each(&mut add);
            let before = seen.iter().find(|(own, _)| *own == place).map(|(_, line)| *line);
            if let Some(before) = before.filter(|_| !message.redelivered) {
                repeated(sent, before, promised).into_iter().for_each(&mut add);
            }
            let is_earlier =
                |own: &(usize, u64)| sends.0[own.0].session == sent.session && own.0 > place;
            if before.is_none()
                && promised.order
                && let Some((own, line)) = seen.iter().find(|own| is_earlier(own))
            {
                let (name, other) = (sent.name(), sends.0[*own].name());
                add(format!("{name} comes after {other} (line {line}), which was sent later"));
            }
            if let (Some(offset), true) = (message.offset, promised.contiguous && before.is_none())
            {
                if let Some((previous, line)) = last
                    && offset != previous + 1
                {
                    add(format!(
                        "offset {offset} follows {previous} (line {line}), and the capabilities say \
                         that offsets have no gaps (`contiguous`)"
                    ));
                }
                last = Some((offset, *line));
            }
            seen.push((place, *line));
        }
        found.extend(self.missing(sends).map(|sent| Finding {
            process: self.consumer.clone(),
            line: None,
            what: format!("{} was acked{} and did not come within 3 s", sent.name(), sent.place()),
        }));
        found
    }
}

/// What is wrong with one delivery of a message by itself.
fn one(
    own: &Deliveries,
    sent: &Message,
    message: &answer::Message,
    place: usize,
    promised: Promised,
) -> Vec<String> {
    let (name, at) = (sent.name(), sent.place());
    let mut wrong = Vec::new();
    if message.payload != sent.payload {
        wrong.push(format!(
            "the payload of {name} is {:?} and was {:?}",
            message.payload, sent.payload
        ));
    }
    if sent.outcome == Outcome::Refused {
        wrong.push(format!(
            "{name} comes, and its send was refused{at}: it was stored all the same"
        ));
    }
    if place < own.from {
        wrong.push(format!("{name} comes, and it was sent{at} before {} subscribed", own.consumer));
    }
    match (message.offset, sent.offset) {
        (None, _) if promised.offsets => {
            wrong.push("the message has no offset, and the capabilities promise one".to_owned());
        }
        (Some(_), _) if !promised.offsets => {
            wrong.push("the message has an offset, and the capabilities say none".to_owned());
        }
        (Some(here), Some(acked)) if here != acked => {
            wrong.push(format!("{name} comes at offset {here}, and was acked at {acked}{at}"));
        }
        (Some(here), _) if own.start.is_some_and(|start| here < start) => {
            let start = own.start.unwrap_or_default();
            wrong.push(format!("offset {here} is before {start}, where the subscription starts"));
        }
        _ => {}
    }
    wrong
}

/// What is wrong with a message that came before and is not flagged.
fn repeated(sent: &Message, before: u64, promised: Promised) -> Option<String> {
    let (name, at) = (sent.name(), sent.place());
    match sent.attempts {
        1 => Some(format!(
            "{name} comes again (line {before}), and its send{at} says that it was tried once: a \
             repeat has to be counted in `attempts`"
        )),
        many if promised.once => Some(format!(
            "{name} comes again (line {before}): it was tried {many} times{at}, and delivery is \
             `exactly-once`"
        )),
        _ => None,
    }
}
