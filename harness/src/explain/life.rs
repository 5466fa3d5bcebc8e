//! Where a message was planned, and each request that it went out in with all attempts.

use std::fmt::Write as _;
use std::time::Duration;

use super::line::Line;
use crate::check::time;
use crate::history::{
    Attempt, Class, History, Moment, Nanos, Offsets, Outcome, Sent, Session, forgets,
};
use crate::numbers;
use crate::plan::{Due, MessageId, Plan};
use crate::scenario::Source;

/// So many attempts of a request have lines of their own.
const ATTEMPTS_MAX: usize = 6;

/// In the order of time.
pub(super) fn of(plan: &Plan, history: &History, message: MessageId) -> Vec<Line> {
    let mut lines = vec![Line { at: None, word: "planned", text: planned(plan, message) }];
    let stream = plan.stream(message);
    let part = &history.producers[stream.producer.place()];
    let before = lines.len();
    for sent in &part.sends {
        let own = &plan.streams[sent.stream.place()];
        let first = own.first.0 + sent.first;
        if (first..first + sent.count).contains(&message.0) {
            let session = part.sessions.get(sent.session as usize);
            request(history, session, sent, message.0 - first, &mut lines);
        }
    }
    if lines.len() == before {
        let text = "it was never sent".to_owned();
        lines.push(Line { at: None, word: "sent", text });
    }
    lines
}

fn planned(plan: &Plan, message: MessageId) -> String {
    let stream = plan.stream(message);
    let producer = &plan.producers[stream.producer.place()];
    let mut text = match &plan.scenario.producers[stream.producer.place()].source {
        Source::Log { file, .. } => {
            format!("line {} of {}", plan.messages.line(message), file.display())
        }
        Source::Generate { .. } => {
            format!("message {} of P{}, made up", plan.messages.line(message), producer.number)
        }
    };
    let number = message.0 - stream.first.0;
    let own = producer.requests.iter().position(|request| {
        let messages = request.first..request.first + request.count;
        plan.streams[request.stream.place()].first == stream.first && messages.contains(&number)
    });
    let Some(own) = own.and_then(|own| u32::try_from(own).ok()) else { return text };
    let Some(round) = producer.rounds.iter().position(|round| round.requests.contains(&own)) else {
        return text;
    };
    let when = match producer.rounds[round].due {
        Due::Now if round == 0 => "at once".to_owned(),
        Due::Now => "at once when the one before is over".to_owned(),
        Due::At(at) => format!("{} after the run began", time(nanos(at))),
        Due::After(pause) => {
            format!("{} after the one before is over", time(nanos(pause)))
        }
    };
    let (round, all) = (round as u64 + 1, producer.rounds.len() as u64);
    let (round, all) = (numbers::number(round), numbers::number(all));
    let _ = write!(text, "; round {round} of {all} of P{}, {when}", producer.number);
    text
}

fn nanos(duration: Duration) -> Nanos {
    Nanos::try_from(duration.as_nanos()).unwrap_or(Nanos::MAX)
}

fn request(
    history: &History,
    session: Option<&Session>,
    sent: &Sent,
    place: u32,
    lines: &mut Vec<Line>,
) {
    // A pace that was kept is of no interest.
    let late = sent.invoked.at.saturating_sub(sent.intended);
    if late > 0 {
        let text = format!("it was to leave, and left {} later", time(late));
        lines.push(Line { at: Some((sent.intended, None)), word: "due", text });
    }
    let broker = session.map_or(1, |session| session.broker);
    let attempts = sent.each_attempt(broker);
    // Of attempts that were not told, only their number is known.
    let untold = sent.tries.is_empty().then_some(sent.attempts).filter(|count| *count > 1);
    let middle = attempts.len().saturating_sub(ATTEMPTS_MAX);
    for (number, attempt) in (0_usize..).zip(attempts.iter()) {
        let skipped = ATTEMPTS_MAX / 2..ATTEMPTS_MAX / 2 + middle;
        if skipped.contains(&number) {
            if number == skipped.start {
                let text = format!("{} more", numbers::count(skipped.len() as u64, "attempt"));
                lines.push(at(attempt.began, "...", text));
            }
            continue;
        }
        let mut text = how(sent, session, attempt, place);
        if attempts.len() > 1 {
            let _ = write!(text, ", attempt {} of {}", number + 1, attempts.len());
        }
        if let Some(count) = untold {
            let _ = write!(text, ", {count} attempts that the history does not tell apart");
        }
        lines.push(at(attempt.began, "sent", text));
        if number + 1 == attempts.len() {
            lines.push(outcome(history, sent, place));
        } else {
            lines.push(answered(attempt));
        }
    }
}

/// `to broker 1 as producer id 3, sequence 16, in a batch of 5`.
fn how(sent: &Sent, session: Option<&Session>, attempt: &Attempt, place: u32) -> String {
    let mut text = format!("to broker {}", attempt.broker);
    if let Some(session) = session {
        if let Some(id) = &session.id {
            let _ = write!(text, " as producer id {id}");
        }
        let sequence = u64::from(sent.first + place).checked_sub(session.base.into());
        if let Some(sequence) = sequence {
            let _ = write!(text, ", sequence {sequence}");
        }
        if session.incarnation > 0 {
            let _ = write!(text, ", after crash {} of the producer", session.incarnation);
        }
    }
    if sent.count > 1 {
        let _ = write!(text, ", message {} of a batch of {}", place + 1, sent.count);
    }
    text
}

/// What came of an attempt that was not the last.
fn answered(attempt: &Attempt) -> Line {
    let took = time(attempt.ended.at.saturating_sub(attempt.began.at));
    let code = attempt.code.as_deref();
    let mut said = code.map(|code| format!("{code}, ")).unwrap_or_default();
    if code.is_some_and(forgets) {
        said = format!("{said}so it registered again, ");
    }
    let (word, what) = match attempt.class {
        Class::Acked => ("acked", ""),
        Class::Refused => ("refused", ""),
        Class::NeverLeft => ("failed", "it never left, "),
        Class::Unknown => ("unknown", "it may have been stored or not, "),
    };
    at(attempt.ended, word, format!("{said}{what}after {took}"))
}

/// What came of all attempts together.
fn outcome(history: &History, sent: &Sent, place: u32) -> Line {
    let took = time(sent.completed.at.saturating_sub(sent.invoked.at));
    let (word, text) = match &sent.outcome {
        Outcome::Acked { offsets } => {
            // Of a batch that is scattered in the log, the ack tells the first offset alone.
            let is_told =
                place == 0 || matches!(offsets, Offsets::Each(_)) || !history.scattered_batches;
            let offset = offsets.of(place).filter(|_| is_told);
            let offset = offset.map(|offset| format!("as offset {offset}, "));
            ("acked", format!("{}after {took}", offset.unwrap_or_default()))
        }
        Outcome::Refused { why } if sent.never_left() => {
            ("failed", format!("it never left, after {took}: {why}"))
        }
        Outcome::Refused { why } => ("refused", format!("after {took}: {why}")),
        Outcome::Unknown { why } => {
            ("unknown", format!("it may have been stored or not, given up after {took}: {why}"))
        }
    };
    at(sent.completed, word, text)
}

fn at(moment: Moment, word: &'static str, text: String) -> Line {
    Line { at: Some((moment.at, Some(moment.stamp))), word, text }
}
