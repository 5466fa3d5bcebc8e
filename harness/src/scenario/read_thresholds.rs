//! Reads what `expect` asks of the figures of a run.

use std::ops::Range;
use std::time::Duration;

use super::limit::Limit;
use super::raw;
use super::threshold::{Latencies, Statistic, Threshold};
use crate::input::diagnostic::{Diagnostic, hint};
use crate::input::problems::Problems;
use crate::input::values::{self, Parsed};
use crate::input::yaml::{At, Field, Ordered};

/// The key that leaves out what faults do.
const OUTSIDE: &str = "outside_of_faults";

/// The keys of latencies that are proposed; any percentile is one.
const STATISTICS: [&str; 8] = ["p50", "p90", "p95", "p99", "p99.9", "max", "mean", OUTSIDE];

/// The most messages a second, and of a backlog, that may be asked for.
const COUNT_MAX: u64 = 1_000_000_000_000;

/// What is asked, in the order of the figures here and then of the file.
pub(super) fn read_thresholds(
    problems: &mut Problems<'_>,
    raw: &raw::Expect,
    has_faults: bool,
) -> Vec<Threshold> {
    let mut asked = Asked { problems, has_faults, thresholds: Vec::new() };
    asked.latencies(Latencies::Ack, &raw.ack);
    asked.latencies(Latencies::EndToEnd, &raw.end_to_end);
    asked.throughput(&raw.throughput);
    asked.recovery(&raw.recovery);
    asked.backlog(&raw.backlog);
    if let Some(at_least) = asked.problems.read(&raw.kept, values::positive_time) {
        asked.thresholds.push(Threshold::Kept { at_least });
    }
    asked.thresholds
}

struct Asked<'a, 'b> {
    problems: &'a mut Problems<'b>,
    has_faults: bool,
    thresholds: Vec<Threshold>,
}

impl Asked<'_, '_> {
    fn latencies(&mut self, of: Latencies, field: &Field<Ordered<String>>) {
        let Some(At { value: Ordered(keys), span }) = &field.0 else { return };
        let outside_of_faults = self.outside(keys);
        let before = self.problems.count();
        let mut read: Vec<(Statistic, Duration)> = Vec::new();
        for (key, limit) in keys.iter().filter(|(key, _)| key.value != OUTSIDE) {
            let statistic = self.problems.keep(key.span.clone(), statistic(&key.value));
            let limit = self.problems.keep(limit.span.clone(), values::latency(&limit.value));
            if let (Some(statistic), Some(limit)) = (statistic, limit) {
                if read.iter().any(|(known, _)| *known == statistic) {
                    let title = format!("`{}` is limited twice", key.value);
                    let label = format!("as `{statistic}` before");
                    self.problems.add(key.span.clone(), Diagnostic::new(title).label(label));
                }
                read.push((statistic, limit));
            }
        }
        if read.is_empty() && self.problems.count() == before {
            self.nothing(span, "such as `p99: 5ms`");
        }
        self.thresholds.extend(read.into_iter().map(|(statistic, at_most)| Threshold::Latency {
            of,
            statistic,
            at_most,
            outside_of_faults,
        }));
    }

    fn throughput(&mut self, field: &Field<Limit>) {
        if let Some((at_least, outside_of_faults)) = self.limit(field, "at_least", rate) {
            self.thresholds.push(Threshold::Throughput { at_least, outside_of_faults });
        }
    }

    fn recovery(&mut self, field: &Field<String>) {
        let Some(at) = &field.0 else { return };
        if !self.has_faults {
            let title = "recovery is what follows a fault, and the scenario has no faults";
            let label = "add `faults:`, or leave this out";
            self.problems.add(at.span.clone(), Diagnostic::new(title).label(label));
        }
        if let Some(at_most) = self.problems.read(field, values::positive_time) {
            self.thresholds.push(Threshold::Recovery { at_most });
        }
    }

    fn backlog(&mut self, field: &Field<Limit>) {
        let count = |text: &str| values::count(text, 0..=COUNT_MAX);
        if let Some((at_most, outside_of_faults)) = self.limit(field, "at_most", count) {
            self.thresholds.push(Threshold::Backlog { at_most, outside_of_faults });
        }
    }

    /// A limit by itself, or in a mapping under `key`.
    fn limit(
        &mut self,
        field: &Field<Limit>,
        key: &str,
        read: impl Fn(&str) -> Parsed<u64>,
    ) -> Option<(u64, bool)> {
        let At { value, span } = field.0.as_ref()?;
        let keys = match value {
            Limit::Alone(text) => {
                return Some((self.problems.keep(span.clone(), read(text))?, false));
            }
            Limit::Table(Ordered(keys)) => keys,
        };
        let outside_of_faults = self.outside(keys);
        let before = self.problems.count();
        let mut limit = None;
        for (name, at) in keys.iter().filter(|(name, _)| name.value != OUTSIDE) {
            if name.value == key {
                limit = self.problems.keep(at.span.clone(), read(&at.value));
            } else {
                let title = format!("unknown key `{}`", name.value);
                let label = hint(&name.value, [key, OUTSIDE]);
                self.problems.add(name.span.clone(), Diagnostic::new(title).label(label));
            }
        }
        if limit.is_none() && self.problems.count() == before {
            self.nothing(span, &format!("`{key}` is needed"));
        }
        Some((limit?, outside_of_faults))
    }

    fn outside(&mut self, keys: &[(At<String>, At<String>)]) -> bool {
        let Some((key, at)) = keys.iter().find(|(key, _)| key.value == OUTSIDE) else {
            return false;
        };
        let is_outside = self.problems.keep(at.span.clone(), values::truth(&at.value));
        if is_outside == Some(true) && !self.has_faults {
            let title = "`outside_of_faults` leaves nothing out: the scenario has no faults";
            let label = "add `faults:`, or leave this out";
            self.problems.add(key.span.clone(), Diagnostic::new(title).label(label));
        }
        is_outside == Some(true)
    }

    fn nothing(&mut self, span: &Range<usize>, label: &str) {
        self.problems.add(span.clone(), Diagnostic::new("no limit stands here").label(label));
    }
}

/// `p99.9`, `max` or `mean`.
fn statistic(text: &str) -> Parsed<Statistic> {
    match text {
        "max" => return Ok(Statistic::Max),
        "mean" => return Ok(Statistic::Mean),
        _ => {}
    }
    let Some(number) =
        text.strip_prefix('p').filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    else {
        return Err(Diagnostic::new(format!("unknown key `{text}`")).label(hint(text, STATISTICS)));
    };
    percentile(number).map(Statistic::Percentile).ok_or_else(|| {
        Diagnostic::new(format!("`{text}` is no percentile")).label(
            "above `p0` and below `p100`, with at most three decimals; the greatest value is `max`",
        )
    })
}

/// `99.9` in thousandths.
fn percentile(text: &str) -> Option<u32> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    let are_digits =
        |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !are_digits(whole) || !are_digits(decimals) || whole.len() > 2 || decimals.len() > 3 {
        return None;
    }
    let part = format!("{whole}{decimals:0<3}").parse().ok()?;
    (part > 0).then_some(part)
}

/// `10000/s`.
fn rate(text: &str) -> Parsed<u64> {
    let bad = || {
        Diagnostic::new(format!("`{text}` is not a throughput"))
            .label("expected messages a second, a whole number such as `10000/s`")
    };
    let number = text.strip_suffix("/s").ok_or_else(bad)?;
    number.trim_end().parse().ok().filter(|rate| (1..=COUNT_MAX).contains(rate)).ok_or_else(bad)
}
