//! JSON lines to a history. Whatever the plan does not have is refused with its line.

use std::io::{self, BufRead};

use super::header::{Header, VERSION};
use super::line::{self, Line};
use super::plain::parse;
use crate::history::{
    Answer, Attempt, Audited, AuditedLog, Class, ConsumerHistory, Delivery, EpochIndex, Firing,
    History, Offsets, Outcome, Polled, ProducerHistory, Sent, Session, Subscribed,
};
use crate::io_error;
use crate::plan::{MessageId, MessageName, Plan, StreamIndex, TopicIndex};

/// Why a history cannot be read, with the line that is wrong.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Error(String);

// Not as its source: its words are said here.
impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self(format!("cannot read the history: {}", io_error::reason(&error)))
    }
}

/// Said of a file whose first line is another's.
const NO_HISTORY: &str = "this is no history; `harness run --history FILE` writes one, and it \
                          begins with `{\"history\":1,`";

/// Reads what [`super::write()`] wrote.
///
/// # Errors
/// Says which line is wrong and how; the first line's also where the history is of another plan.
pub fn read(plan: &Plan, mut from: impl BufRead) -> Result<History, Error> {
    let mut text = String::new();
    let mut number = 1;
    let at = |line: usize| move |what: String| Error(format!("line {line}: {what}"));
    match from.read_line(&mut text) {
        Ok(0) => return Err(at(1)("the file is empty".to_owned())),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            return Err(at(1)(NO_HISTORY.to_owned()));
        }
        read => read?,
    };
    let mut reading = Reading { plan, history: header(plan, &text).map_err(at(1))?, ended: false };
    loop {
        number += 1;
        text.clear();
        match from.read_line(&mut text) {
            Ok(0) => break,
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                return Err(at(number)("this line is not UTF-8: the file is damaged".to_owned()));
            }
            read => read?,
        };
        reading.add(text.trim_end()).map_err(at(number))?;
    }
    if !reading.ended {
        let what = "the file ends before the run does: its last line is to be `end`";
        return Err(at(number)(what.to_owned()));
    }
    Ok(reading.history)
}

/// Checks that the history is of this plan.
fn header(plan: &Plan, text: &str) -> Result<History, String> {
    #[derive(serde::Deserialize)]
    struct Version {
        history: u32,
    }
    let version: Version = serde_json::from_str(text).map_err(|_| NO_HISTORY.to_owned())?;
    if version.history != VERSION {
        let other = version.history;
        return Err(format!("the history has version {other}, this harness reads {VERSION}"));
    }
    let header: Header<'_> = parse(text)?;
    let own = Header::new(plan, &History::default());
    if header.scenario != own.scenario {
        let (theirs, own) = (&header.scenario, &own.scenario);
        return Err(format!("the history is of scenario {theirs}, this one is {own}"));
    }
    let counts = [
        (header.topics, own.topics, "topics"),
        (header.producers, own.producers, "producers"),
        (header.consumers, own.consumers, "consumers"),
        (header.messages, own.messages, "messages"),
    ];
    for (theirs, own, what) in counts {
        if theirs != own {
            return Err(format!(
                "the history is of a plan with {theirs} {what}, this one has {own}"
            ));
        }
    }
    if header.plan != own.plan {
        return Err(
            "the history is of another state of this scenario: payloads or lines differ".to_owned()
        );
    }
    // What faults explain depends on it.
    let own = &plan.scenario.broker.on;
    if let Some(theirs) = header.on.filter(|theirs| theirs.as_ref() != own) {
        return Err(format!("the history is of a run on {theirs}, this plan is on {own}"));
    }
    Ok(History {
        epochs: header.epochs,
        scattered_batches: header.scattered_batches,
        acknowledged_apart: header.acknowledged_apart,
        producers: vec![ProducerHistory::default(); plan.producers.len()],
        consumers: vec![ConsumerHistory::default(); plan.consumers.len()],
        ..History::default()
    })
}

struct Reading<'a> {
    plan: &'a Plan,
    history: History,
    ended: bool,
}

impl Reading<'_> {
    fn add(&mut self, text: &str) -> Result<(), String> {
        if self.ended {
            return Err("something follows the end of the run".to_owned());
        }
        match parse(text)? {
            Line::Session(line) => self.session(&line),
            Line::Send(line) => self.sent(line),
            Line::Subscription(line) => self.subscription(&line),
            Line::Poll(line) => self.poll(&line),
            Line::Fault(line) => self.fault(line),
            Line::Audit(line) => self.audit(&line),
            Line::Trace(line) => {
                self.history.traces.push(line.read(|name| message(self.plan, name))?);
                Ok(())
            }
            Line::End(end) => {
                self.ended = true;
                self.history.end = end.how;
                self.whole(end.counts)
            }
        }
    }

    /// Whether the file has all that its last line says.
    fn whole(&self, said: line::Counts) -> Result<(), String> {
        let found = line::Counts::of(&self.history).named();
        match said.named().into_iter().zip(found).find(|(said, found)| said != found) {
            None => Ok(()),
            Some(((what, said), (_, found))) => Err(format!(
                "the file is damaged: {said} {what} were written, and {found} are in it"
            )),
        }
    }

    fn session(&mut self, line: &line::Session<'_>) -> Result<(), String> {
        let producer = self.producer(&line.by)?;
        let session = Session {
            incarnation: line.incarnation,
            stream: self.stream(producer, &line.topic)?,
            id: line.id.as_ref().map(line::Id::text),
            epoch: self.epoch(line.epoch)?,
            broker: line.broker,
            base: line.base,
            invoked: line.invoked,
            confirmed: line.confirmed,
        };
        self.history.producers[producer].sessions.push(session);
        Ok(())
    }

    fn sent(&mut self, line: line::Send<'_>) -> Result<(), String> {
        let producer = self.producer(&line.by)?;
        let stream = self.stream(producer, &line.topic)?;
        let total = self.plan.streams[stream.place()].count;
        if line.count == 0 || line.first.checked_add(line.count).is_none_or(|end| end > total) {
            let (by, topic) = (&line.by, &line.topic);
            return Err(format!("{by} has {total} messages on {topic}, this request has others"));
        }
        let part = &mut self.history.producers[producer];
        if line.session as usize >= part.sessions.len() {
            return Err(format!("{} has no session {} so far", line.by, line.session));
        }
        agree(&line)?;
        part.sends.push(Sent {
            session: line.session,
            stream,
            first: line.first,
            count: line.count,
            intended: line.intended.unwrap_or(line.invoked.at),
            invoked: line.invoked,
            completed: line.completed,
            attempts: line.attempts,
            tries: line.tries.into_owned(),
            outcome: match line.outcome {
                line::Outcome::Acked(Offsets::Each(offsets)) => {
                    if offsets.len() != line.count as usize {
                        let (given, count) = (offsets.len(), line.count);
                        return Err(format!("{given} offsets are given for {count} messages"));
                    }
                    Outcome::Acked { offsets: Offsets::new(offsets) }
                }
                line::Outcome::Acked(offsets) => Outcome::Acked { offsets },
                line::Outcome::Refused(why) => Outcome::Refused { why: why.to_string() },
                line::Outcome::Unknown(why) => Outcome::Unknown { why: why.to_string() },
            },
        });
        Ok(())
    }

    fn subscription(&mut self, line: &line::Subscription<'_>) -> Result<(), String> {
        let consumer = self.consumer(&line.by)?;
        let claim = Subscribed {
            incarnation: line.incarnation,
            topic: self.topic(&line.topic)?,
            id: line.id.as_ref().map(line::Id::text),
            epoch: self.epoch(line.epoch)?,
            offset: line.offset,
            invoked: line.invoked,
            confirmed: line.confirmed,
            forgotten: line.forgotten,
        };
        self.history.consumers[consumer].subscriptions.push(claim);
        Ok(())
    }

    fn poll(&mut self, line: &line::Poll<'_>) -> Result<(), String> {
        let consumer = self.consumer(&line.by)?;
        if line.subscription as usize >= self.history.consumers[consumer].subscriptions.len() {
            return Err(format!("{} has no subscription {} so far", line.by, line.subscription));
        }
        let plan = self.plan;
        let part = &mut self.history.consumers[consumer];
        let answer = match &line.answer {
            line::Answer::Failed(words) => Answer::Failed(words.to_string()),
            line::Answer::Deleted(first, end) if first < end => Answer::Deleted(*first..*end),
            line::Answer::Deleted(first, end) => {
                return Err(format!("nothing lies from offset {first} to before {end}"));
            }
            line::Answer::Delivered(runs) => {
                let before = part.deliveries.len();
                for run in runs {
                    take_over(plan, part, run)?;
                }
                let count = part.deliveries.len() - before;
                Answer::Delivered(u32::try_from(count).map_err(|_| "too many deliveries")?)
            }
        };
        part.polls.push(Polled {
            subscription: line.subscription,
            invoked: line.invoked,
            completed: line.completed,
            answer,
        });
        Ok(())
    }

    fn fault(&mut self, line: line::Fault<'_>) -> Result<(), String> {
        let planned = self.plan.scenario.faults.get(line.fault as usize);
        if planned.is_none_or(|fault| fault.to_string() != line.what) {
            return Err(format!(
                "the plan has no fault {} `{}`: the scenario's faults have changed",
                line.fault, line.what
            ));
        }
        let on_disk = line.on_disk.map(|own| own.read(|name| message(self.plan, name)));
        self.history.faults.push(Firing {
            fault: line.fault,
            whom: line.whom.to_string(),
            began: line.began,
            struck: line.struck,
            ended: line.ended,
            met: line.met,
            on_disk: on_disk.transpose()?,
        });
        Ok(())
    }

    fn audit(&mut self, line: &line::Audit<'_>) -> Result<(), String> {
        let topic = self.topic(&line.topic)?;
        let log = match &line.log {
            line::Log::Failed(words) => AuditedLog::Failed(words.to_string()),
            line::Log::Read(read) => {
                self.epoch(Some(read.epoch))?;
                let mut part = ConsumerHistory::default();
                for run in &read.messages {
                    take_over(self.plan, &mut part, run)?;
                }
                if !part.oddities.is_empty() {
                    return Err("of a message in a log only its name and offset are said".into());
                }
                AuditedLog::Read {
                    epoch: read.epoch,
                    end: read.end,
                    whole: read.whole,
                    messages: part.deliveries,
                }
            }
        };
        self.history.audit.push(Audited { topic, log });
        Ok(())
    }

    fn producer(&self, name: &str) -> Result<usize, String> {
        let named = |number: u32| self.plan.producers.iter().position(|own| own.number == number);
        let number = name.strip_prefix('P').and_then(|digits| digits.parse().ok());
        number.and_then(named).ok_or_else(|| format!("the plan has no {name}"))
    }

    fn consumer(&self, name: &str) -> Result<usize, String> {
        // There may be thousands, and each of their polls is a line.
        let named =
            |number: u32| self.plan.consumers.binary_search_by_key(&number, |own| own.number).ok();
        let number = name.strip_prefix('C').and_then(|digits| digits.parse().ok());
        number.and_then(named).ok_or_else(|| format!("the plan has no {name}"))
    }

    fn topic(&self, name: &str) -> Result<TopicIndex, String> {
        let place = self.plan.topics.iter().position(|topic| topic.name.as_str() == name);
        place.map(TopicIndex::new).ok_or_else(|| format!("the plan has no topic {name}"))
    }

    fn stream(&self, producer: usize, topic: &str) -> Result<StreamIndex, String> {
        let place = self.topic(topic)?;
        let mut streams = self.plan.producers[producer].streams.iter().copied();
        let own = streams.find(|stream| self.plan.streams[stream.place()].topic == place);
        let number = self.plan.producers[producer].number;
        own.ok_or_else(|| format!("P{number} sends nothing to {topic}"))
    }

    /// Whether the first line has it.
    fn epoch(&self, epoch: Option<EpochIndex>) -> Result<Option<EpochIndex>, String> {
        match epoch {
            Some(EpochIndex(place)) if place as usize >= self.history.epochs.len() => {
                Err(format!("the first line has no epoch {place}"))
            }
            _ => Ok(epoch),
        }
    }
}

/// Checks what the tries of a request say against the rest of its line.
fn agree(line: &line::Send<'_>) -> Result<(), String> {
    let (Some(first), Some(last)) = (line.tries.first(), line.tries.last()) else { return Ok(()) };
    let given = line.tries.len();
    if given != line.attempts as usize {
        return Err(format!("{given} tries are given for {} attempts", line.attempts));
    }
    let in_turn = |pair: &[Attempt]| pair[0].ended.stamp <= pair[1].began.stamp;
    let lasting = line.tries.iter().all(|own| own.began.stamp <= own.ended.stamp);
    let inside =
        line.invoked.stamp <= first.began.stamp && last.ended.stamp <= line.completed.stamp;
    if !(lasting && inside && line.tries.windows(2).all(in_turn)) {
        return Err("its tries do not follow each other between `invoked` and `completed`".into());
    }
    let acked = line.tries.iter().position(|own| own.class == Class::Acked);
    let expected = matches!(line.outcome, line::Outcome::Acked(_)).then_some(given - 1);
    if acked != expected {
        return Err("a request is acked if its last try is, and no other is".into());
    }
    Ok(())
}

/// Adds the deliveries of one run.
fn take_over(plan: &Plan, part: &mut ConsumerHistory, run: &line::Run<'_>) -> Result<(), String> {
    let line::Run(name, offset, count, odd) = run;
    let first = name.as_deref().map(|name| message(plan, name)).transpose()?;
    let longest = first.map_or(1, |first| plan.stream(first).messages().end - first.0);
    if *count == 0 || *count > longest || (odd.is_some() && *count > 1) {
        let what = name.as_deref().unwrap_or("a message without a name");
        return Err(format!("{count} deliveries from {what} on cannot be: there are {longest}"));
    }
    if let Some(odd) = odd {
        part.oddities.insert(part.deliveries.len() as u64, odd.clone().into_owned());
    }
    let beyond = || format!("{count} deliveries from offset {offset:?} on go past the last offset");
    for step in 0..*count {
        let message = first.map(|first| MessageId(first.0 + step));
        let at = offset.map(|at| at.checked_add(u64::from(step)).ok_or_else(beyond)).transpose()?;
        part.deliveries.push(Delivery::new(message, at));
    }
    Ok(())
}

fn message(plan: &Plan, name: &str) -> Result<MessageId, String> {
    let parse = || {
        let (producer, line) = name.strip_prefix('P')?.split_once('#')?;
        Some(MessageName { producer: producer.parse().ok()?, line: line.parse().ok()? })
    };
    let found = parse().and_then(|name| plan.find(name));
    found.ok_or_else(|| format!("the plan has no message {name}"))
}
