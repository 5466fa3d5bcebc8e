//! How often each payload was sent and logged: what is missing, and what there is too much of.

use super::compare;
use super::feed::Feed;
use super::found::Found;
use super::sent::Sent;
use crate::check::outcome::Promise;
use crate::numbers;
use crate::plan::MessageId;
use crate::scenario::AnomalyKind;

/// So many line numbers are named.
const LINES: usize = 8;

/// Compares what a consumer logged of a topic with what was sent to it.
pub(super) fn judge(sent: &Sent<'_>, feed: &Feed<'_>, feeds: &[Feed<'_>], found: &mut Found) {
    surplus(sent, feed, found);
    let missing = feed.missing(sent);
    if missing.is_empty() {
        return;
    }
    if sent.prefix_may_miss {
        late(sent, feed, feeds, &missing, found);
    } else if feed.lines.is_empty() {
        nothing(sent, feed, found);
    } else {
        for lack in &missing {
            lost(sent, feed, feeds, *lack, found);
        }
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
    missing: &[(u32, usize)],
    found: &mut Found,
) {
    let (who, topic) = (&feed.name, sent.name());
    if feed.lines.is_empty() {
        found.mark_inconclusive(format!(
            "{who} logged nothing of {topic}: it may have subscribed late"
        ));
        return;
    }
    let excused = |payload: u32| feed.begins_late || feed.may_precede(sent, payload);
    let others_have = |payload: u32| {
        let own = feed.counts[payload as usize];
        feeds.iter().any(|other| other.counts[payload as usize] > own)
    };
    let excusable = missing.iter().filter(|(payload, _)| excused(*payload));
    let known: usize =
        excusable.filter(|(payload, _)| others_have(*payload)).map(|(_, count)| count).sum();
    if known > 0 {
        let what = numbers::count(known as u64, "line");
        found.mark_inconclusive(format!(
            "{who} lacks {what} at the beginning of {topic} that others logged: it may have \
             subscribed late"
        ));
    }
    if feed.begins_late {
        return;
    }
    if !sent.unique {
        let lines: usize = missing.iter().map(|(_, count)| count).sum();
        let what = numbers::count(lines as u64, "line");
        let title = format!("{who} lacks {what} of {topic}, and not only at the beginning");
        found.add(AnomalyKind::Lost, Promise::NoLoss, 1, || feed.anomaly(sent, &[], title));
        return;
    }
    for lack in missing.iter().filter(|(payload, _)| !excused(*payload)) {
        lost(sent, feed, feeds, *lack, found);
    }
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

/// A payload that was logged less often than it was sent.
fn lost(
    sent: &Sent<'_>,
    feed: &Feed<'_>,
    feeds: &[Feed<'_>],
    (payload, lacking): (u32, usize),
    found: &mut Found,
) {
    found.add(AnomalyKind::Lost, Promise::NoLoss, lacking as u64, || {
        let only = sent.only(payload);
        let title = match only {
            Some(message) => format!("{} never got {}", feed.name, sent.plan.describe(message)),
            None => format!(
                "{} logged {:?} of {} {}, it was sent {}: {lacking} missing",
                feed.name,
                sent.text(payload),
                sent.name(),
                times(feed.counts[payload as usize]),
                times(sent.messages[payload as usize].len()),
            ),
        };
        let mut anomaly = feed.anomaly(sent, only.as_slice(), title);
        anomaly.evidence = compare::gaps(sent, feed, feeds, payload);
        anomaly
    });
}

/// How often, in a word or two.
fn times(count: usize) -> String {
    match count {
        0 => "never".to_owned(),
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        more => format!("{} times", numbers::number(more as u64)),
    }
}
