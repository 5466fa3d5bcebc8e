//! What became of a scenario, in one sentence.

use super::entry::{Entry, Evidence, On};
use super::tally::Of;
use super::words::{count, number};
use crate::check::{Finding, Judgement, Verdict};
use crate::exit::Exit;
use crate::figures::Threshold;
use crate::figures::summary::{Fault, OnDisk};
use crate::figures::threshold;
use crate::golden::{Comparison, Skipped};
use crate::scenario::{AnomalyKind, DEFAULT_ON, store_of};

/// `2 deliveries of acknowledged messages never came, and 3 acknowledged messages are not in the log`.
pub fn finding(finding: &Finding) -> String {
    parts(finding).join(", and ")
}

/// What consumers saw, and what is not in the log, each where there is any of it.
fn parts(finding: &Finding) -> Vec<String> {
    if finding.does_not_start {
        let (messages, verb) = match finding.count {
            1 => ("1 acknowledged message".to_owned(), "is"),
            many => (format!("all {} acknowledged messages", number(many)), "are"),
        };
        return vec![format!("the server does not start again: {messages} {verb} lost")];
    }
    let mut parts = Vec::with_capacity(2);
    if finding.count > 0 || finding.not_in_log == 0 {
        parts.push(anomalies(finding.kind, finding.count, finding.possible));
    }
    match finding.not_in_log {
        0 => {}
        1 => parts.push("1 acknowledged message is not in the log".to_owned()),
        many => parts.push(format!("{} acknowledged messages are not in the log", number(many))),
    }
    parts
}

/// Why a power cut took them: `2,000 acknowledged messages were not on the disk when the power went`.
fn not_on_disk(finding: &Finding) -> Option<String> {
    let traces = finding.traces.filter(|traces| traces.not_on_disk() > 0)?;
    let least = if traces.not_searched > 0 { "at least " } else { "" };
    let messages = count(traces.not_on_disk(), "acknowledged message");
    let verb = if traces.not_on_disk() == 1 { "was" } else { "were" };
    Some(format!("{least}{messages} {verb} not on the disk when the power went"))
}

/// `2 deliveries of acknowledged messages never came`; `2 to 5`, where 3 more may be.
fn anomalies(kind: AnomalyKind, count: u64, possible: u64) -> String {
    let (one, many) = kind.sentence();
    match (count, possible) {
        (1, 0) => String::from(one),
        (_, 0) => format!("{} {many}", number(count)),
        _ => format!("{} to {} {many}", number(count), number(count + possible)),
    }
}

/// What came of a fault: `met 12, a backlog of 340, forgot 5 bytes in 1 file`.
pub fn fault(fault: &Fault) -> String {
    let met = number(fault.met);
    let mut words = match fault.fired {
        0 => return "never fired".to_owned(),
        1 => format!("met {met}"),
        many => format!("fired {} times, met {met}", number(many)),
    };
    if let Some(backlog) = fault.backlog {
        words += &format!(", a backlog of {}", number(backlog));
    }
    for part in fault.on_disk.iter().flat_map(OnDisk::words) {
        words += &format!(", {part}");
    }
    words
}

/// What a pass says.
const PROMISED: &str = "every acknowledged message came as promised";

/// What a pass of logs says: they do not say when, so an order may be no more than not refuted.
const NOT_REFUTED: &str = "nothing in the logs breaks a promise";

/// The answer to the one question, as far as a run says it.
fn answer(judgement: &Judgement) -> String {
    match judgement.verdict {
        Verdict::Pass => String::from(PROMISED),
        Verdict::Fail => {
            let broken = judgement.violations.iter();
            enumerate(
                &broken
                    .flat_map(|own| not_on_disk(own).into_iter().chain(parts(own)))
                    .collect::<Vec<_>>(),
            )
        }
        Verdict::Unknown => match judgement.inconclusive.as_slice() {
            [] => String::from("no verdict"),
            [reason] => format!("no verdict: {reason}"),
            [reason, rest @ ..] => format!(
                "no verdict: {reason} (and {} below)",
                count(rest.len() as u64, "more reason")
            ),
        },
    }
}

/// `a`, `a and b`, `a, b and c`.
fn enumerate(parts: &[String]) -> String {
    match parts {
        [] => String::from("a promise was broken"),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// One sentence on an entry, whatever became of it.
pub fn sentence(entry: &Entry) -> String {
    if entry.exit() == Exit::Passed
        && let Some(pass) = other_pass(entry)
    {
        return pass;
    }
    let judgement = entry.judgement.as_ref();
    let not_a_pass = judgement.filter(|judgement| judgement.verdict != Verdict::Pass);
    if let Some(failed) = not_a_pass.filter(|judgement| judgement.verdict == Verdict::Fail) {
        let missed = missed(entry).map(|missed| format!("; {missed}")).unwrap_or_default();
        return format!("{}{missed}", answer(failed));
    }
    if let Some(trouble) = &entry.trouble {
        let text = trouble.text.lines().next().unwrap_or_default();
        return match (not_a_pass, judgement.is_some() && !entry.interrupted) {
            (None, true) => format!("all checks passed, but {text}"),
            _ => text.to_owned(),
        };
    }
    if entry.interrupted {
        return String::from("interrupted before it was over");
    }
    let missed = missed(entry);
    if let Some(unknown) = not_a_pass {
        return match missed {
            Some(missed) => format!("{missed}; {}", answer(unknown)),
            None => answer(unknown),
        };
    }
    let different = entry.golden.as_ref().filter(|comparison| !comparison.is_fine()).map(golden);
    let but: Vec<String> = [missed, different].into_iter().flatten().collect();
    match (judgement, not_measured(entry)) {
        _ if !but.is_empty() => format!("all checks passed, but {}", enumerate(&but)),
        (None, _) => String::from("it was not judged"),
        (Some(_), Some(nothing)) => format!("no verdict: all checks passed, but {nothing}"),
        (Some(judgement), None) => answer(judgement),
    }
}

/// `a threshold was missed: ack p99 7.12 ms (at most 5ms)`, where one was.
fn missed(entry: &Entry) -> Option<String> {
    let missed: Vec<String> =
        of_state(entry, threshold::State::Missed).map(Threshold::brief).collect();
    match missed.as_slice() {
        [] => None,
        [one] => Some(format!("a threshold was missed: {one}")),
        several => {
            let count = number(several.len() as u64);
            Some(format!("{count} thresholds were missed: {}", enumerate(several)))
        }
    }
}

/// `there are no figures for ack p99.9: 20 acks, and p99.9 needs 1,000`.
fn not_measured(entry: &Entry) -> Option<String> {
    let mut without = of_state(entry, threshold::State::NoData);
    let first = without.next()?;
    let note = first.note.as_ref().map(|note| format!(": {note}")).unwrap_or_default();
    let more = match without.count() {
        0 => String::new(),
        more => format!(" (and {} below)", count(more as u64, "more threshold")),
    };
    Some(format!("there is no verdict on {}{note}{more}", first.name))
}

fn of_state(entry: &Entry, state: threshold::State) -> impl Iterator<Item = &Threshold> {
    entry.thresholds.iter().filter(move |own| own.state == state)
}

/// One sentence on a pass that was not a single run.
fn other_pass(entry: &Entry) -> Option<String> {
    match (&entry.sweep, entry.evidence) {
        (Some(sweep), _) => {
            let all = match (sweep.of, sweep.tried()) {
                (Of::Seeds { first, .. }, 1) => format!("seed {first}"),
                (of, tried) => format!("each of {}", count(tried, of.noun())),
            };
            Some(format!("{PROMISED} with {all}"))
        }
        (None, Some(Evidence::Logs)) => Some(String::from(NOT_REFUTED)),
        (None, Some(Evidence::History) | None) => None,
    }
}

/// What it ran on, `on mysql, 3 brokers`: nothing for one broker in memory, as usual, or for what is
/// not known.
pub fn place(entry: &Entry) -> Option<String> {
    let on = entry.on.as_ref().filter(|on| on.word != DEFAULT_ON);
    let brokers = entry.brokers.filter(|brokers| *brokers > 1 || on.is_some_and(is_ours));
    let brokers = brokers.map(|brokers| count(u64::from(brokers), "broker"));
    let on = on.map(|on| match &on.version {
        Some(version) => format!("{} {version}", on.word),
        None => on.word.clone(),
    });
    let parts: Vec<String> = [on, brokers].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| format!("on {}", parts.join(", ")))
}

/// Of our own broker, several may serve one store.
fn is_ours(on: &On) -> bool {
    store_of(&on.word).has_database()
}

/// As [`sentence`], where nothing follows: the last words of a program that are on the lines below
/// are part of it.
pub fn cause(entry: &Entry) -> String {
    let sentence = sentence(entry);
    let lines = entry.trouble.as_ref().map_or("", |trouble| trouble.text.as_str()).lines();
    let written = lines.skip(1).take_while(|line| line.starts_with(' '));
    match (sentence.strip_suffix("it wrote last:"), written.last()) {
        (Some(before), Some(last)) => format!("{before}it wrote last: {}", last.trim()),
        _ => sentence,
    }
}

/// What [`sentence`] does not say of an entry's trouble, by its lines.
pub fn rest(entry: &Entry) -> impl Iterator<Item = &str> {
    let text = entry.trouble.as_ref().map_or("", |trouble| trouble.text.as_str());
    // The sentence was its first line, unless a broken promise is the graver news.
    let first = text.lines().next().unwrap_or_default();
    let told = sentence(entry).ends_with(first);
    text.lines().skip(usize::from(told))
}

/// How the ledger compares, in a few words.
pub fn golden(comparison: &Comparison) -> String {
    match comparison {
        Comparison::Match => String::from("golden ok"),
        Comparison::Accepted { accepted } => {
            format!("golden accepted as INSTA_UPDATE asks: {}", accepted.display())
        }
        Comparison::New { .. } => String::from("its golden file is new and waits for review"),
        Comparison::Missing { accepted } => {
            format!("there is no golden file {}, and none is written here", accepted.display())
        }
        Comparison::Different { accepted, .. } => {
            format!("the ledger differs from {}", accepted.display())
        }
        Comparison::Skipped(Skipped::NotWanted) => String::from("no golden wanted"),
        Comparison::Skipped(Skipped::NoVerdict | Skipped::Failed) => {
            String::from("golden not compared")
        }
        Comparison::Skipped(why @ (Skipped::OriginalWire | Skipped::Repeated)) => {
            format!("golden not compared: {why}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{Keep, Traces};

    #[test]
    fn several_anomalies_make_one_sentence() {
        let found = |kind, count| Finding {
            kind,
            count,
            possible: 0,
            not_in_log: u64::from(kind == AnomalyKind::Lost) * 7,
            blames: None,
            traces: None,
            does_not_start: false,
            by_share: Default::default(),
            keep: Keep::First,
            proofs: Vec::new(),
        };
        let judgement = |violations| Judgement {
            verdict: Verdict::Fail,
            violations,
            allowed: Vec::new(),
            inconclusive: Vec::new(),
        };
        assert_eq!(
            answer(&judgement(vec![found(AnomalyKind::Lost, 1200), found(AnomalyKind::Early, 1)])),
            "1,200 deliveries of acknowledged messages never came, 7 acknowledged messages are not in the \
             log and 1 delivery came before its message was sent"
        );
        let cut = |not_synced, not_searched| {
            let traces = Traces { not_synced, never_written: 1, not_searched, ..Traces::default() };
            answer(&judgement(vec![Finding {
                traces: Some(traces),
                not_in_log: 0,
                ..found(AnomalyKind::Lost, 2_000)
            }]))
        };
        let came = "and 2,000 deliveries of acknowledged messages never came";
        let said = "2,000 acknowledged messages were not on the disk when the power went";
        assert_eq!(cut(1_999, 0), format!("{said} {came}"));
        assert_eq!(cut(1_999, 1), format!("at least {said} {came}"));
        let one = "1 acknowledged message was not on the disk when the power went";
        assert_eq!(cut(0, 0), format!("{one} {came}"));
        let lost = Finding { count: 0, ..found(AnomalyKind::Lost, 0) };
        assert_eq!(finding(&lost), "7 acknowledged messages are not in the log");
        let gone = |count| Finding {
            does_not_start: true,
            not_in_log: 0,
            ..found(AnomalyKind::Lost, count)
        };
        let said = "the server does not start again: all 2,000 acknowledged messages are lost";
        assert_eq!(finding(&gone(2_000)), said);
        let said = "the server does not start again: 1 acknowledged message is lost";
        assert_eq!(finding(&gone(1)), said);
    }
}
