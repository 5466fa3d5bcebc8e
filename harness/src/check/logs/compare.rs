//! Consumers of one topic against each other: whether they can have read one log.

use std::collections::BTreeSet;

use super::explain::{Explained, Log, Question, WAYS};
use super::feed::Feed;
use super::found::Found;
use super::merge;
use super::sent::Sent;
use super::sequence;
use crate::check::outcome::Promise;
use crate::input::names;
use crate::plan::MessageId;
use crate::scenario::AnomalyKind;

/// What the search for one order for several logs may cost; some half a second.
const WORK: u64 = 150_000_000;

/// Where every payload names its message: what comes late in each log against the one order that most
/// of them agree on. The first time that a message came counts.
pub(super) fn named(
    sent: &Sent<'_>,
    feeds: &[Feed<'_>],
    reordered: &BTreeSet<(u32, u32)>,
    found: &mut Found,
) {
    if feeds.len() < 2 {
        return;
    }
    let rank = merge::ranks(sent, feeds, reordered);
    for feed in feeds {
        let mut top: Option<u32> = None;
        for payload in merge::firsts(feed, reordered) {
            match top {
                Some(ahead) if rank[payload as usize] < rank[ahead as usize] => {
                    found.add(AnomalyKind::Divergent, Promise::OneOrder, 1, || {
                        comes_late(sent, feed, feeds, payload, ahead)
                    });
                }
                _ => top = Some(payload),
            }
        }
    }
}

fn comes_late(
    sent: &Sent<'_>,
    feed: &Feed<'_>,
    feeds: &[Feed<'_>],
    payload: u32,
    ahead: u32,
) -> crate::check::Anomaly {
    let lines = |feed: &Feed<'_>| {
        let line = |wanted| feed.lines.iter().find(|line| line.1 == wanted).map(|line| line.0);
        line(payload).zip(line(ahead))
    };
    let reverse = |other: &Feed<'_>| {
        let (own, other_line) = lines(other).filter(|(own, ahead)| own < ahead)?;
        Some((other.name.clone(), format!("{own} and {other_line} of {}", other.file)))
    };
    let against = feeds.iter().find_map(reverse);
    let (own, other) = (sent.describe(payload), sent.describe(ahead));
    let title = match &against {
        Some((name, _)) => {
            format!("{} got {own} after {other}, {name} the other way round", feed.name)
        }
        None => {
            format!("{} got {own} after {other}, which fits no order of the other logs", feed.name)
        }
    };
    let messages: Vec<MessageId> =
        [payload, ahead].into_iter().filter_map(|payload| sent.only(payload)).collect();
    let mut anomaly = feed.anomaly(sent, &messages, title);
    if let Some((line, above)) = lines(feed) {
        let theirs = against.map(|(_, theirs)| format!(", {theirs}")).unwrap_or_default();
        anomaly.evidence.push(format!("lines {above} and {line} of {}{theirs}", feed.file));
    }
    anomaly
}

/// The shortest log that has what all have that can be compared, if it is not longer than what was
/// sent; only those without lines too many can.
pub(super) fn merged(sent: &Sent<'_>, feeds: &[Feed<'_>]) -> Option<Vec<u32>> {
    let mut comparable: Vec<&Feed<'_>> =
        feeds.iter().filter(|feed| feed.extra(sent) == 0).collect();
    comparable.sort_by_key(|feed| std::cmp::Reverse(feed.lines.len()));
    let (longest, others) = comparable.split_first()?;
    let mut lines = longest.payloads();
    for other in others {
        let own = other.payloads();
        if !sequence::is_part(&own, &lines) {
            lines = sequence::shortest(&lines, &own)?;
        }
    }
    let fits = |(payload, count): &(u32, usize)| *count <= sent.messages[*payload as usize].len();
    sequence::counted(&lines).iter().all(fits).then_some(lines)
}

/// Where payloads repeat and logs may begin late: of two that lack nothing else, the shorter is the end
/// of the longer. Whether all are.
pub(super) fn late(sent: &Sent<'_>, feeds: &[&Feed<'_>], found: &mut Found) -> bool {
    let owed = sent.judges(Promise::NoLoss, AnomalyKind::Lost);
    if !owed || !sent.judges(Promise::OneOrder, AnomalyKind::Divergent) {
        return true;
    }
    let longest = feeds.iter().copied().max_by_key(|feed| feed.lines.len());
    let Some(reference) = longest else { return true };
    let whole = reference.payloads();
    let mut agree = true;
    if sent.is_vague() && feeds.iter().any(|feed| !whole.ends_with(&feed.payloads())) {
        found.mark_inconclusive(repeats_unknown(sent));
        return false;
    }
    for feed in feeds.iter().filter(|feed| !whole.ends_with(&feed.payloads())) {
        agree = false;
        found.add(AnomalyKind::Divergent, Promise::OneOrder, 1, || {
            disagree(sent, feed, reference, &whole)
        });
    }
    agree
}

/// Where payloads repeat: whether one order explains all logs.
pub(super) fn counted(sent: &Sent<'_>, feeds: &[&Feed<'_>], found: &mut Found) {
    if !sent.judges(Promise::OneOrder, AnomalyKind::Divergent) {
        return;
    }
    let comparable = |feed: &&Feed<'_>| feed.extra(sent) == 0 && !feed.lines.is_empty();
    let mut logs: Vec<&Feed<'_>> = feeds.iter().copied().filter(comparable).collect();
    logs.sort_by_key(|feed| std::cmp::Reverse(feed.lines.len()));
    let Some((reference, others)) = logs.split_first() else { return };
    let whole = reference.payloads();
    // What is a part of the longest log says nothing new.
    let differ: Vec<&Feed<'_>> = (others.iter().copied())
        .filter(|feed| !sequence::is_part(&feed.payloads(), &whole))
        .collect();
    if sent.is_vague() && !differ.is_empty() {
        return found.mark_inconclusive(repeats_unknown(sent));
    }
    let mut contradicts = false;
    for feed in &differ {
        let both = sequence::shortest(&whole, &feed.payloads());
        if both.is_some_and(|both| both.len() > sent.total()) {
            contradicts = true;
            found.add(AnomalyKind::Divergent, Promise::OneOrder, 1, || {
                disagree(sent, feed, reference, &whole)
            });
        }
    }
    if contradicts || differ.is_empty() {
        return;
    }
    let all: Vec<&Feed<'_>> = std::iter::once(*reference).chain(differ).collect();
    together(sent, &all, found);
}

fn repeats_unknown(sent: &Sent<'_>) -> String {
    format!(
        "{}: whether one order explains all logs cannot be told, for which of their lines repeat \
         others cannot be known",
        sent.name()
    )
}

/// Two logs of which no order that is sent has both.
fn disagree(
    sent: &Sent<'_>,
    feed: &Feed<'_>,
    reference: &Feed<'_>,
    whole: &[u32],
) -> crate::check::Anomaly {
    let own = feed.payloads();
    let first = own.iter().zip(whole).take_while(|(own, other)| own == other).count();
    let quote = |feed: &Feed<'_>| match feed.lines.get(first) {
        Some((line, payload)) => format!("{}:{line} has {:?}", feed.file, sent.text(*payload)),
        None => format!("{} ends", feed.file),
    };
    let [one, other] = [&feed.name, &reference.name];
    let title = format!("{one} and {other} disagree on the order of {}", sent.name());
    let mut anomaly = feed.anomaly(sent, &[], title);
    let [own, theirs] = [feed, reference].map(quote);
    anomaly.evidence.push(format!("first where {own}, and {theirs}"));
    anomaly
}

/// Searches for one order that explains several logs, none of which contradicts another alone.
fn together(sent: &Sent<'_>, logs: &[&Feed<'_>], found: &mut Found) {
    let payloads: Vec<Vec<u32>> = logs.iter().map(|feed| feed.payloads()).collect();
    let log = |(feed, lines)| {
        let feed: &&Feed<'_> = feed;
        let lines: &Vec<u32> = lines;
        Log { lines, missing: sequence::sum(&feed.missing(sent)), extra: 0 }
    };
    let question = Question {
        streams: sent.streams.iter().map(|(own, _)| own.as_slice()).collect(),
        logs: logs.iter().zip(&payloads).map(log).collect(),
        anywhere: false,
        most_work: WORK,
        most_ways: WAYS,
    };
    let mut numbers: Vec<u32> = logs.iter().map(|feed| feed.number).collect();
    numbers.sort_unstable();
    let who = names::list(names::Kind::Consumer, &numbers);
    match question.answer(&mut found.budget) {
        Explained::Yes => {}
        Explained::No(_) => found.add(AnomalyKind::Divergent, Promise::OneOrder, 1, || {
            let title = format!("no one order of {} explains the logs of {who}", sent.name());
            logs[0].anomaly(sent, &[], title)
        }),
        Explained::Unknown => found.mark_inconclusive(format!(
            "{}: whether one order explains the logs of {who} would take too long to find out",
            sent.name()
        )),
    }
}
