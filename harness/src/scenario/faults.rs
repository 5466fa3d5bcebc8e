//! The `faults:` of a file: each has one trigger, one action, and the keys that belong to them.

mod trigger;
mod who;

use std::ops::Range;
use std::time::Duration;

use super::diagnostic::Diagnostic;
use super::fault::{Action, Fault, Slowness, Who};
use super::resolve::Report;
use super::topics::Mapped;
use super::yaml::{At, Field};
use super::{raw, values};

/// The most answers that one fault may throw away.
const COUNT_MAX: u64 = 1_000_000_000;

/// Reads all faults; what is wrong with one of them does not hide what is wrong with the next.
pub(super) fn faults(
    report: &mut Report<'_>,
    field: &Field<Vec<At<raw::Fault>>>,
    mapped: &Mapped,
) -> Vec<Fault> {
    let entries = field.value().map_or(&[][..], Vec::as_slice);
    entries.iter().filter_map(|entry| fault(report, entry, mapped)).collect()
}

fn fault(report: &mut Report<'_>, entry: &At<raw::Fault>, mapped: &Mapped) -> Option<Fault> {
    let raw = &entry.value;
    let before = report.diagnostics.len();
    let trigger = trigger::trigger(report, entry, mapped);
    let action = action(report, entry, mapped);
    let lasts = report.read(&raw.lasts, values::positive_time);
    if let Some(action) = &action {
        belonging(report, raw, action);
        duration(report, raw, action, &entry.span);
    }
    let line = report.source.line_and_column(entry.span.start).0;
    let fault = Fault { line, trigger: trigger?, action: action?, lasts };
    (report.diagnostics.len() == before).then_some(fault)
}

/// A key that asks for an action, with its value's place.
struct Asked<'a> {
    key: &'static str,
    span: Range<usize>,
    how: How<'a>,
}

enum How<'a> {
    Process(&'a At<String>),
    Actors(&'a At<raw::Names>),
}

fn action(report: &mut Report<'_>, entry: &At<raw::Fault>, mapped: &Mapped) -> Option<Action> {
    let raw = &entry.value;
    let processes = [("kill", &raw.kill), ("pause", &raw.pause), ("stop", &raw.stop)];
    let actors = [
        ("drop_ack", &raw.drop_ack),
        ("cut", &raw.cut),
        ("black_hole", &raw.black_hole),
        ("slow", &raw.slow),
        ("crash", &raw.crash),
    ];
    let processes = processes.into_iter().filter_map(|(key, field)| {
        let at = field.0.as_ref()?;
        Some(Asked { key, span: at.span.clone(), how: How::Process(at) })
    });
    let actors = actors.into_iter().filter_map(|(key, field)| {
        let at = field.0.as_ref()?;
        Some(Asked { key, span: at.span.clone(), how: How::Actors(at) })
    });
    let mut asked: Vec<Asked<'_>> = processes.chain(actors).collect();
    asked.sort_by_key(|asked| asked.span.start);
    let [first, rest @ ..] = asked.as_slice() else {
        let title = "the fault does not say what is done";
        let label = "expected one of `kill`, `pause`, `stop`, `drop_ack`, `cut`, `black_hole`, \
                     `slow` and `crash`";
        report.add(entry.span.clone(), Diagnostic::new(title).label(label));
        return None;
    };
    if let Some(second) = rest.first() {
        let title = format!("`{}` and `{}` in one fault", first.key, second.key);
        let label = "each fault does one thing: write two";
        report.add(second.span.clone(), Diagnostic::new(title).label(label));
        return None;
    }
    match first.how {
        How::Process(at) => {
            let target = report.keep(at.span.clone(), who::target(&at.value))?;
            Some(match first.key {
                "kill" => Action::Kill(target),
                "pause" => Action::Pause(target),
                _ => Action::Stop(target),
            })
        }
        How::Actors(at) => {
            let who = who::who(report, first.key, at, mapped)?;
            Some(match first.key {
                "drop_ack" => drop_ack(report, raw, who)?,
                "cut" => Action::Cut(who),
                "black_hole" => Action::BlackHole(who),
                "slow" => Action::Slow(who, slowness(report, raw, &first.span)?),
                _ => Action::Crash(who),
            })
        }
    }
}

fn drop_ack(report: &mut Report<'_>, raw: &raw::Fault, who: Who) -> Option<Action> {
    let count = match &raw.count {
        Field(None) => 1,
        given => report.read(given, |text| values::count(text, 1..=COUNT_MAX))?,
    };
    Some(Action::DropAck { who, count })
}

fn slowness(report: &mut Report<'_>, raw: &raw::Fault, slow: &Range<usize>) -> Option<Slowness> {
    let before = report.diagnostics.len();
    let latency = report.read(&raw.latency, values::positive_time);
    let jitter = report.read(&raw.jitter, values::time);
    let bandwidth = report.read(&raw.bandwidth, values::bandwidth);
    if report.diagnostics.len() > before {
        return None;
    }
    if latency.is_none() && bandwidth.is_none() {
        let title = "`slow` does not say how slow";
        let label = "add `latency: 20ms` or `bandwidth: 64KiB/s`, or both";
        report.add(slow.clone(), Diagnostic::new(title).label(label));
        return None;
    }
    let (latency, jitter) = (latency.unwrap_or_default(), jitter.unwrap_or_default());
    if let (true, Some(at)) = (jitter > latency, &raw.jitter.0) {
        let title = format!("`{}` of jitter is more than the latency", at.value);
        let label = match latency {
            Duration::ZERO => "there is no `latency:` for it to vary".to_owned(),
            latency => format!("at most {}", humantime::format_duration(latency)),
        };
        report.add(at.span.clone(), Diagnostic::new(title).label(label));
        return None;
    }
    Some(Slowness { latency, jitter, bandwidth })
}

/// Notes keys that have no meaning for the action.
fn belonging(report: &mut Report<'_>, raw: &raw::Fault, action: &Action) {
    let is_slow = matches!(action, Action::Slow(..));
    let is_drop = matches!(action, Action::DropAck { .. });
    let keys = [
        ("count", &raw.count, is_drop, "drop_ack"),
        ("latency", &raw.latency, is_slow, "slow"),
        ("jitter", &raw.jitter, is_slow, "slow"),
        ("bandwidth", &raw.bandwidth, is_slow, "slow"),
    ];
    for (key, field, belongs, to) in keys {
        if let (Some(at), false) = (&field.0, belongs) {
            let title = format!("`{key}` has no meaning for `{}`", action.key());
            let label = format!("it belongs to `{to}`");
            report.add(at.span.clone(), Diagnostic::new(title).label(label));
        }
    }
}

/// Notes a duration that is missing, or that has no meaning.
fn duration(report: &mut Report<'_>, raw: &raw::Fault, action: &Action, fault: &Range<usize>) {
    match (action, &raw.lasts.0) {
        (Action::DropAck { .. }, Some(at)) => {
            let title = "`for` has no meaning for `drop_ack`";
            let label = "it ends when `count` answers were lost";
            report.add(at.span.clone(), Diagnostic::new(title).label(label));
        }
        // One that is repeated and never ends would only pile up.
        (Action::Slow(..), None) if raw.every.0.is_none() => {}
        (Action::DropAck { .. }, None) | (_, Some(_)) => {}
        (action, None) => {
            let title = format!("`{}` does not say for how long", action.key());
            let label = "add `for:` and a time, such as `for: 200ms`";
            report.add(fault.clone(), Diagnostic::new(title).label(label));
        }
    }
}
