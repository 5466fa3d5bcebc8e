//! A log that ends before all was logged that is due: its consumer was stopped too soon, or its end
//! was cut off while it was written.

use super::feed::Feed;
use super::found::Found;
use super::lack::Lack;
use super::sent::Sent;
use super::sequence::{self, Missing};
use super::study::{Order, Study};
use crate::check::outcome::Promise;
use crate::numbers;
use crate::plan::MessageId;
use crate::scenario::AnomalyKind;

/// So many of what is missing are named.
const NAMED: usize = 5;

/// What is missing at the end is known; `count` of it are proven to be missing.
pub(super) fn known(
    sent: &Sent<'_>,
    feed: &Feed<'_>,
    study: &Study,
    end: &Missing,
    count: usize,
    found: &mut Found,
) {
    if feed.cut.is_some() {
        return cut_off(sent, feed, sequence::sum(end), found);
    }
    found.add(AnomalyKind::Lost, Promise::NoLoss, count as u64, || {
        let up_to_there = match study.order {
            Order::FitsSoFar if sent.unique => {
                "; up to there each producer's messages are in order"
            }
            Order::FitsSoFar => "; up to there its order is not refuted",
            _ => "",
        };
        let title = match &study.lack {
            Lack::Split { middle, gap, .. } if !middle.is_empty() => {
                let more = match gap.and_then(|gap| feed.lines.get(gap)) {
                    Some((line, _)) => format!("from line {line} on at least one more"),
                    None => "more before its last line".to_owned(),
                };
                let end = are_missing(sequence::sum(end), "");
                format!("{}: {end} missing at its end, and {more}", after(sent, feed))
            }
            _ => format!("{}{up_to_there}", after(sent, feed)),
        };
        let mut messages: Vec<MessageId> =
            end.iter().filter_map(|(payload, _)| sent.only(*payload)).collect();
        messages.sort_unstable();
        // One message is called by its name, as where it is missing before the end.
        if let ([only], true) = (messages.as_slice(), sent.unique) {
            let name = format!("{} never got {}", feed.name, sent.plan.describe(*only));
            let mut anomaly = feed.anomaly(sent, &messages, name);
            anomaly.evidence.push(title);
            return anomaly;
        }
        let mut anomaly = feed.anomaly(sent, &messages, title);
        anomaly.evidence.push(format!("missing at its end: {}", list(sent, end)));
        anomaly
    });
}

/// No order begins with the log: at least so many (`least`, or `exact`ly so many) are missing before
/// its last line, one of them before the line at the place `from`. The rest may be missing at its end.
pub(super) fn searched(
    sent: &Sent<'_>,
    feed: &Feed<'_>,
    (from, least, exact): (usize, usize, bool),
    missing: &Missing,
    found: &mut Found,
) {
    let all = sequence::sum(missing);
    let end = all.saturating_sub(least);
    let line = feed.lines.get(from).map_or(0, |line| line.0);
    let proven = if feed.cut.is_some() { least } else { all };
    found.add(AnomalyKind::Lost, Promise::NoLoss, proven as u64, || {
        let title = if end == 0 {
            format!("{}: from line {line} on at least one is missing", after(sent, feed))
        } else {
            let end = are_missing(end, if exact { "" } else { "at most " });
            format!(
                "{}: {end} missing at its end, and from line {line} on at least one more",
                after(sent, feed)
            )
        };
        let mut anomaly = feed.anomaly(sent, &[], title);
        if let Some(before) = from.checked_sub(1).and_then(|place| feed.lines.get(place)) {
            let words = "its order is not refuted";
            anomaly.evidence.push(format!("up to {}:{} {words}", feed.file, before.0));
        }
        if least > 1 {
            let at_least = if exact { "" } else { "at least " };
            anomaly.evidence.push(format!("{at_least}{least} are missing before its last line"));
        }
        anomaly
    });
    if feed.cut.is_some() && end > 0 {
        cut_off(sent, feed, end, found);
    }
}

/// Nothing is known of what is missing after a cut.
pub(super) fn cut_off(sent: &Sent<'_>, feed: &Feed<'_>, missing: usize, found: &mut Found) {
    let line = feed.cut.unwrap_or_default();
    let what = numbers::count(missing as u64, "message");
    // Where a loss is allowed nothing is owed after it.
    if !sent.judges(Promise::NoLoss, AnomalyKind::Lost) {
        return found.note(sent, feed, format!("cut off in line {line}"));
    }
    found.mark_inconclusive(format!(
        "{}'s log of {} is cut off in {}:{line}: {what} may have come after that",
        feed.name,
        sent.name(),
        feed.file
    ));
}

fn are_missing(count: usize, most: &str) -> String {
    let verb = if count == 1 { "is" } else { "are" };
    format!("{most}{} {verb}", numbers::number(count as u64))
}

fn after(sent: &Sent<'_>, feed: &Feed<'_>) -> String {
    let [own, all] = [feed.lines.len(), sent.total()].map(|count| numbers::number(count as u64));
    format!("{}'s log of {} ends after {own} of {all} lines", feed.name, sent.name())
}

fn list(sent: &Sent<'_>, missing: &Missing) -> String {
    let name = |(payload, count): &(u32, usize)| match sent.only(*payload) {
        Some(message) => sent.plan.describe(message),
        None => format!("{:?} {}", sent.text(*payload), times(*count)),
    };
    let mut names: Vec<String> = missing.iter().take(NAMED).map(name).collect();
    if missing.len() > NAMED {
        names.push(format!("and {} more", numbers::number((missing.len() - NAMED) as u64)));
    }
    names.join(", ")
}

/// How often, in a word or two.
pub(super) fn times(count: usize) -> String {
    match count {
        0 => "never".to_owned(),
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        more => format!("{} times", numbers::number(more as u64)),
    }
}
