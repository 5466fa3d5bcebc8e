//! How often each payload was sent and logged: what is missing, and what there is too much of.

use super::ends::{self, times};
use super::feed::Feed;
use super::found::Found;
use super::gaps;
use super::lack::Lack;
use super::sent::Sent;
use super::sequence::{self, Missing};
use super::study::{Order, Study};
use crate::check::outcome::Promise;
use crate::numbers;
use crate::plan::MessageId;
use crate::scenario::AnomalyKind;

/// So many line numbers are named.
const LINES: usize = 8;

/// Compares what a consumer logged of a topic with what was sent to it.
pub(super) fn judge(
    sent: &Sent<'_>,
    feed: &Feed<'_>,
    feeds: &[Feed<'_>],
    study: &Study,
    found: &mut Found,
) {
    surplus(sent, feed, found);
    let missing = feed.missing(sent);
    if missing.is_empty() {
        return;
    }
    let all = |missing: &Missing, found: &mut Found| {
        for lack in missing {
            lost(sent, feed, feeds, *lack, &study.lack, found);
        }
    };
    if sent.prefix_may_miss {
        return late(sent, feed, feeds, &missing, study, found);
    }
    match &study.lack {
        _ if feed.lines.is_empty() && feed.cut.is_none() => nothing(sent, feed, found),
        Lack::Split { middle, end, .. } => {
            all(middle, found);
            if !end.is_empty() {
                ends::known(sent, feed, study, end, sequence::sum(end), found);
            }
        }
        Lack::Before { from, least, exact }
            if *least < sequence::sum(&missing) || feed.cut.is_some() =>
        {
            ends::searched(sent, feed, (*from, *least, *exact), &missing, found);
        }
        _ if feed.cut.is_some() => ends::cut_off(sent, feed, sequence::sum(&missing), found),
        _ => all(&missing, found),
    }
}

/// Payloads that were logged more often than they were sent.
fn surplus(sent: &Sent<'_>, feed: &Feed<'_>, found: &mut Found) {
    for (payload, own) in (0..).zip(&sent.messages) {
        let logged = feed.counts[payload as usize];
        let extra = logged.saturating_sub(own.len());
        if extra == 0 {
            continue;
        }
        found.add(AnomalyKind::Duplicate, Promise::NoDuplicate, extra as u64, || {
            let (what, only) = (sent.describe(payload), sent.only(payload));
            // A message's own description names the topic.
            let of = only.map_or_else(|| format!(" of {}", sent.name()), |_| String::new());
            let (often, sends) = (times(logged), times(own.len()));
            let title = format!("{} logged {what}{of} {often}, it was sent {sends}", feed.name);
            let mut anomaly = feed.anomaly(sent, only.as_slice(), title);
            let lines = feed.lines.iter().filter(|line| line.1 == payload);
            let lines: Vec<String> = lines.map(|line| line.0.to_string()).collect();
            let shown = lines.len().min(LINES);
            let more = if lines.len() > shown { ", ..." } else { "" };
            anomaly.evidence.push(format!(
                "{} lines {}{more}",
                feed.file,
                lines[..shown].join(", ")
            ));
            anomaly
        });
    }
}

/// What is missing where a log may begin late.
fn late(
    sent: &Sent<'_>,
    feed: &Feed<'_>,
    feeds: &[Feed<'_>],
    missing: &Missing,
    study: &Study,
    found: &mut Found,
) {
    let (who, topic) = (&feed.name, sent.name());
    if feed.lines.is_empty() {
        found.mark_inconclusive(format!(
            "{who} logged nothing of {topic}: it may have subscribed late"
        ));
        return;
    }
    let (beginning, rest) = match &study.lack {
        Lack::Late => (missing, None),
        Lack::Split { beginning, middle, end, .. } => (beginning, Some((middle, end))),
        Lack::Unclear => {
            found.mark_inconclusive(format!(
                "{who} lacks lines of {topic}: whether only at the beginning, as it may, cannot be told"
            ));
            return;
        }
        Lack::Untold | Lack::Before { .. } => return somewhere(sent, feed, missing, found),
    };
    let others_have = |payload: u32| {
        let own = feed.counts[payload as usize];
        feeds.iter().any(|other| other.counts[payload as usize] > own)
    };
    let known = beginning.iter().filter(|(payload, _)| others_have(*payload));
    let known: usize = known.map(|(_, count)| count).sum();
    if known > 0 {
        let what = numbers::count(known as u64, "line");
        found.mark_inconclusive(format!(
            "{who} lacks {what} at the beginning of {topic} that others logged: it may have \
             subscribed late"
        ));
    }
    let Some((middle, end)) = rest else { return };
    if sent.unique {
        for lack in middle {
            lost(sent, feed, feeds, *lack, &study.lack, found);
        }
    } else if !middle.is_empty() {
        return somewhere(sent, feed, missing, found);
    }
    if !end.is_empty() {
        // Not at the beginning is proven; how many are only where another log shows it.
        let proven = sent.unique || study.order == Order::FitsPiece;
        let count = if proven { sequence::sum(end) } else { 1 };
        ends::known(sent, feed, study, end, count, found);
    }
}

/// Something is missing that is not at the beginning, and it is not known what.
fn somewhere(sent: &Sent<'_>, feed: &Feed<'_>, missing: &Missing, found: &mut Found) {
    let lines = sequence::sum(missing);
    if feed.cut.is_some() {
        return ends::cut_off(sent, feed, lines, found);
    }
    let (who, topic) = (&feed.name, sent.name());
    let what = numbers::count(lines as u64, "line");
    let title = format!("{who} lacks {what} of {topic}, and not only at the beginning");
    found.add(AnomalyKind::Lost, Promise::NoLoss, 1, || feed.anomaly(sent, &[], title));
}

/// A log that has nothing of the topic.
fn nothing(sent: &Sent<'_>, feed: &Feed<'_>, found: &mut Found) {
    let total = sent.total();
    let what = numbers::count(total as u64, "message");
    found.add(AnomalyKind::Lost, Promise::NoLoss, total as u64, || {
        let title = format!("{} logged nothing of {}, {what} missing", feed.name, sent.name());
        let mut messages: Vec<MessageId> = sent.messages.iter().flatten().copied().collect();
        messages.sort_unstable();
        feed.anomaly(sent, &messages, title)
    });
}

/// A payload that was logged less often than it was sent; `lacking` are missing before the last line.
fn lost(
    sent: &Sent<'_>,
    feed: &Feed<'_>,
    feeds: &[Feed<'_>],
    (payload, lacking): (u32, usize),
    lack: &Lack,
    found: &mut Found,
) {
    found.add(AnomalyKind::Lost, Promise::NoLoss, lacking as u64, || {
        let only = sent.only(payload);
        let title = match only {
            Some(message) => format!("{} never got {}", feed.name, sent.plan.describe(message)),
            None => {
                let (own, all) =
                    (feed.counts[payload as usize], sent.messages[payload as usize].len());
                let before = if own + lacking < all { " before its last line" } else { "" };
                format!(
                    "{} logged {:?} of {} {}, it was sent {}: {lacking} missing{before}",
                    feed.name,
                    sent.text(payload),
                    sent.name(),
                    times(own),
                    times(all),
                )
            }
        };
        let mut anomaly = feed.anomaly(sent, only.as_slice(), title);
        anomaly.evidence = gaps::show(sent, feed, feeds, (payload, lacking), lack);
        anomaly
    });
}
