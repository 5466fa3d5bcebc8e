//! A history to JSON lines.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Write};

use super::header::Header;
use super::line::{self, Line};
use super::on_disk::{OnDisk, Traced};
use crate::history::{
    Answer, AuditedLog, ConsumerHistory, Delivery, History, Oddity, Outcome, ProducerHistory,
};
use crate::plan::{MessageId, Plan};

/// Writes a history; [`super::read()`] with the same plan gives it back.
pub fn write(plan: &Plan, history: &History, mut to: impl Write) -> io::Result<()> {
    serde_json::to_writer(&mut to, &Header::new(plan, history))?;
    writeln!(to)?;
    for (part, producer) in history.producers.iter().zip(&plan.producers) {
        write_producer(plan, part, &format!("P{}", producer.number), &mut to)?;
    }
    for (part, consumer) in history.consumers.iter().zip(&plan.consumers) {
        write_consumer(plan, part, &format!("C{}", consumer.number), &mut to)?;
    }
    for firing in &history.faults {
        let what = plan.scenario.faults.get(firing.fault as usize);
        let line = line::Fault {
            fault: firing.fault,
            what: what.map(ToString::to_string).unwrap_or_default().into(),
            whom: (&firing.whom).into(),
            began: firing.began,
            struck: firing.struck,
            ended: firing.ended,
            met: firing.met,
            on_disk: firing.on_disk.as_ref().map(|own| OnDisk::new(plan, own)),
        };
        put(&Line::Fault(line), &mut to)?;
    }
    let none = BTreeMap::new();
    for audited in &history.audit {
        let log = match &audited.log {
            AuditedLog::Failed(words) => line::Log::Failed(words.into()),
            AuditedLog::Read { epoch, end, whole, messages } => line::Log::Read(line::Read {
                epoch: *epoch,
                end: *end,
                whole: *whole,
                messages: runs(plan, messages, &none, 0),
            }),
        };
        let topic = plan.topics[audited.topic.place()].name.as_str().into();
        put(&Line::Audit(line::Audit { topic, log }), &mut to)?;
    }
    for traced in &history.traces {
        put(&Line::Trace(Traced::new(plan, traced)), &mut to)?;
    }
    let counts = line::Counts::of(history);
    put(&Line::End(line::End { how: history.end, counts }), &mut to)
}

fn put(line: &Line<'_>, to: &mut impl Write) -> io::Result<()> {
    serde_json::to_writer(&mut *to, line)?;
    writeln!(to)
}

fn write_producer(
    plan: &Plan,
    part: &ProducerHistory,
    by: &str,
    to: &mut impl Write,
) -> io::Result<()> {
    let topic = |stream: crate::plan::StreamIndex| {
        let topic = plan.streams[stream.place()].topic;
        Cow::from(plan.topics[topic.place()].name.as_str())
    };
    for session in &part.sessions {
        let line = line::Session {
            by: by.into(),
            topic: topic(session.stream),
            incarnation: session.incarnation,
            id: session.id.as_deref().map(line::Id::of),
            epoch: session.epoch,
            broker: session.broker,
            base: session.base,
            invoked: session.invoked,
            confirmed: session.confirmed,
        };
        put(&Line::Session(line), to)?;
    }
    for sent in &part.sends {
        let line = line::Send {
            by: by.into(),
            session: sent.session,
            topic: topic(sent.stream),
            first: sent.first,
            count: sent.count,
            intended: (sent.intended != sent.invoked.at).then_some(sent.intended),
            invoked: sent.invoked,
            completed: sent.completed,
            attempts: sent.attempts,
            tries: (&sent.tries[..]).into(),
            outcome: match &sent.outcome {
                Outcome::Acked { offsets } => line::Outcome::Acked(offsets.clone()),
                Outcome::Refused { why } => line::Outcome::Refused(why.into()),
                Outcome::Unknown { why } => line::Outcome::Unknown(why.into()),
            },
        };
        put(&Line::Send(line), to)?;
    }
    Ok(())
}

fn write_consumer(
    plan: &Plan,
    part: &ConsumerHistory,
    by: &str,
    to: &mut impl Write,
) -> io::Result<()> {
    for claim in &part.subscriptions {
        let line = line::Subscription {
            by: by.into(),
            topic: plan.topics[claim.topic.place()].name.as_str().into(),
            incarnation: claim.incarnation,
            id: claim.id.as_deref().map(line::Id::of),
            epoch: claim.epoch,
            offset: claim.offset,
            invoked: claim.invoked,
            confirmed: claim.confirmed,
            forgotten: claim.forgotten,
        };
        put(&Line::Subscription(line), to)?;
    }
    let mut from = 0;
    for polled in &part.polls {
        let line = line::Poll {
            by: by.into(),
            subscription: polled.subscription,
            invoked: polled.invoked,
            completed: polled.completed,
            answer: match &polled.answer {
                Answer::Delivered(count) => {
                    let first = from;
                    from += *count as usize;
                    let deliveries = &part.deliveries[first..from];
                    line::Answer::Delivered(runs(plan, deliveries, &part.oddities, first))
                }
                Answer::Deleted(offsets) => line::Answer::Deleted(offsets.start, offsets.end),
                Answer::Failed(words) => line::Answer::Failed(words.into()),
            },
        };
        put(&Line::Poll(line), to)?;
    }
    Ok(())
}

/// Deliveries, neighbours together; `first` is the place that `oddities` know the first of them by.
fn runs<'a>(
    plan: &Plan,
    deliveries: &[Delivery],
    oddities: &'a BTreeMap<u64, Oddity>,
    first: usize,
) -> Vec<line::Run<'a>> {
    let mut runs = Vec::new();
    // What the next delivery has to be to belong to the last run.
    let mut expected: Option<(MessageId, Option<u64>)> = None;
    for (place, delivery) in (first..).zip(deliveries) {
        let (message, offset) = (delivery.message(), delivery.offset());
        let odd = oddities.get(&(place as u64));
        let stream = |message| plan.messages.stream(message);
        if let (Some(expected_next), Some(message), None, Some(line::Run(.., count, None))) =
            (expected, message, odd, runs.last_mut())
            && expected_next == (message, offset)
            && stream(message) == stream(MessageId(message.0 - 1))
        {
            *count += 1;
        } else {
            let name = message.map(|message| plan.name(message).to_string().into());
            runs.push(line::Run(name, offset, 1, odd.map(Cow::Borrowed)));
        }
        expected = message.map(|m| (MessageId(m.0 + 1), offset.map(|offset| offset + 1)));
    }
    runs
}
