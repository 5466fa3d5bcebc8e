//! What the log of a topic says in the conversation, compared with what was sent.

use crate::driver::exec::answer::{Log, Outcome};

use super::findings::Finding;
use super::sends::Sends;

/// Everything that is wrong with a log that was read to its end, in parts with their lines.
pub(super) fn judge(
    process: &str,
    topic: &str,
    parts: &[(u64, Log)],
    sends: &Sends,
) -> Vec<Finding> {
    let all =
        || parts.iter().flat_map(|(line, log)| log.messages.iter().map(move |own| (*line, own)));
    let last = parts.last().map_or(0, |(line, _)| *line);
    let mut found = Vec::new();
    for sent in sends.0.iter().filter(|sent| sent.topic == topic) {
        let own: Vec<_> = all()
            .filter(|(_, own)| {
                own.producer.as_ref() == Some(&sent.session) && own.sequence == Some(sent.sequence)
            })
            .collect();
        let (name, at) = (sent.name(), sent.place());
        let mut add = |line, what| found.push(Finding::new(process, line, what));
        match (&own[..], sent.outcome) {
            ([], Outcome::Acked) => {
                add(last, format!("{name} was acked{at} and is not in the log"));
            }
            ([(line, _), ..], Outcome::Refused) => {
                add(*line, format!("{name} was refused{at} and is in the log: it was stored"));
            }
            ([_, (line, _), ..], _) if sent.attempts == 1 => add(
                *line,
                format!("{name} is in the log twice, and its send{at} says that it was tried once"),
            ),
            ([(line, own)], Outcome::Acked)
                if sent.offset.is_some() && own.offset != sent.offset =>
            {
                let (here, acked) = (own.offset, sent.offset.unwrap_or_default());
                let here = here.map_or_else(|| "no offset".to_owned(), |here| here.to_string());
                add(*line, format!("{name} is at {here} in the log, and was acked at {acked}{at}"));
            }
            _ => {}
        }
    }
    let end = parts.last().map_or(0, |(_, log)| log.end);
    if let Some((line, own)) = all().find(|(_, own)| own.offset.is_none_or(|own| own >= end)) {
        let what = match own.offset {
            None => "a message of the log has no offset".to_owned(),
            Some(own) => format!("a message of the log is at {own}, and its `end` is {end}"),
        };
        found.push(Finding::new(process, line, what));
    }
    found
}
