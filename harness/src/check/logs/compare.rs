//! Consumers of one topic against each other: whether they can have read one log, and where the
//! lines are missing that another one has.

use std::collections::{BTreeMap, BTreeSet};

use super::feed::Feed;
use super::found::Found;
use super::sent::Sent;
use crate::check::outcome::Promise;
use crate::plan::MessageId;
use crate::scenario::AnomalyKind;

/// Logs that differ are compared exactly up to this length; a difference of thousands of lines
/// takes time that grows with the square.
const EXACT: usize = 20_000;

/// So many gaps are shown.
const GAPS: usize = 8;

/// Compares each feed with the one that has the most lines.
pub(super) fn judge(
    sent: &Sent<'_>,
    feeds: &[Feed<'_>],
    reordered: &BTreeSet<u32>,
    found: &mut Found,
) {
    let longest = feeds.iter().enumerate();
    let longest = longest.max_by_key(|(place, feed)| (feed.lines.len(), std::cmp::Reverse(*place)));
    let Some((chosen, reference)) = longest else { return };
    for (place, feed) in feeds.iter().enumerate() {
        if place == chosen || feed.has_extra(sent) || reference.has_extra(sent) {
            continue;
        }
        if sent.unique {
            named(sent, feed, reference, reordered, found);
        } else {
            counted(sent, feed, reference, found);
        }
    }
}

/// Where every payload names its message: each line that comes late against the reference.
fn named(
    sent: &Sent<'_>,
    feed: &Feed<'_>,
    reference: &Feed<'_>,
    reordered: &BTreeSet<u32>,
    found: &mut Found,
) {
    let rank: BTreeMap<u32, u32> =
        reference.lines.iter().map(|(line, payload)| (*payload, *line)).collect();
    let mut top: Option<(u32, u32, u32)> = None;
    for (line, payload) in &feed.lines {
        let Some(own) = rank.get(payload).copied() else { continue };
        match top {
            Some((greatest, above, ahead)) if own < greatest => {
                // Then it is known which of the two is wrong, and it was said.
                if reordered.contains(payload) || reordered.contains(&ahead) {
                    continue;
                }
                found.add(AnomalyKind::Divergent, Promise::OneOrder, 1, || {
                    let title = format!(
                        "{} got {} after {}, {} the other way round",
                        feed.name,
                        sent.describe(*payload),
                        sent.describe(ahead),
                        reference.name
                    );
                    let messages: Vec<MessageId> =
                        [*payload, ahead].into_iter().filter_map(|p| sent.only(p)).collect();
                    let mut anomaly = feed.anomaly(sent, &messages, title);
                    let (file, other) = (feed.file, reference.file);
                    anomaly.evidence.push(format!(
                        "lines {above} and {line} of {file}, {own} and {greatest} of {other}"
                    ));
                    anomaly
                });
            }
            _ => top = Some((own, *line, *payload)),
        }
    }
}

/// Where payloads repeat: the shortest log that both can have been read from is not to be longer
/// than what was sent.
fn counted(sent: &Sent<'_>, feed: &Feed<'_>, reference: &Feed<'_>, found: &mut Found) {
    let [own, other] =
        [feed, reference].map(|feed| feed.lines.iter().map(|line| line.1).collect::<Vec<u32>>());
    let late_start = sent.prefix_may_miss && other.ends_with(&own);
    if late_start || embedding(&own, &other).is_some() {
        return;
    }
    if own.len().max(other.len()) > EXACT {
        found.mark_inconclusive(format!(
            "{} of {} and {} differ, and are too long to say whether one log explains both",
            sent.name(),
            feed.name,
            reference.name
        ));
        return;
    }
    let operations = similar::capture_diff_slices(similar::Algorithm::Myers, &own, &other);
    let equal = |operation: &similar::DiffOp| match operation {
        similar::DiffOp::Equal { len, .. } => *len,
        _ => 0,
    };
    let common: usize = operations.iter().map(equal).sum();
    if own.len() + other.len() - common <= sent.total() {
        return;
    }
    let first = own.iter().zip(&other).take_while(|(own, other)| own == other).count();
    let quote = |feed: &Feed<'_>| match feed.lines.get(first) {
        Some((line, payload)) => format!("{}:{line} has {:?}", feed.file, sent.text(*payload)),
        None => format!("{} ends", feed.file),
    };
    found.add(AnomalyKind::Divergent, Promise::OneOrder, 1, || {
        let [one, other] = [&feed.name, &reference.name];
        let title = format!("{one} and {other} disagree on the order of {}", sent.name());
        let mut anomaly = feed.anomaly(sent, &[], title);
        let [own, theirs] = [feed, reference].map(quote);
        anomaly.evidence.push(format!("first where {own}, and {theirs}"));
        anomaly
    });
}

/// Where each entry of `part` is found in `whole`, as early as possible, if it is part of it.
fn embedding(part: &[u32], whole: &[u32]) -> Option<Vec<usize>> {
    let mut places = (0..).zip(whole);
    part.iter().map(|own| places.find(|(_, other)| *other == own).map(|(place, _)| place)).collect()
}

/// Between which lines of a log the missing ones of a payload are, where another consumer got
/// everything.
pub(super) fn gaps(
    sent: &Sent<'_>,
    feed: &Feed<'_>,
    feeds: &[Feed<'_>],
    payload: u32,
) -> Vec<String> {
    let own: Vec<u32> = feed.lines.iter().map(|line| line.1).collect();
    let complete = feeds.iter().filter(|other| {
        other.consumer != feed.consumer && other.missing(sent).is_empty() && !other.has_extra(sent)
    });
    let witness = complete.filter_map(|other| {
        let whole: Vec<u32> = other.lines.iter().map(|line| line.1).collect();
        let early = embedding(&own, &whole)?;
        let backwards = |entries: &[u32]| entries.iter().rev().copied().collect::<Vec<u32>>();
        let late = embedding(&backwards(&own), &backwards(&whole))?;
        let late: Vec<usize> = late.iter().rev().map(|place| whole.len() - 1 - place).collect();
        Some((other, whole, early, late))
    });
    let Some((other, whole, early, late)) = witness.into_iter().next() else {
        return vec![beside(sent, feed, feeds, payload)];
    };
    let unmatched = |taken: &[usize]| -> Vec<usize> {
        let places = (0..whole.len()).filter(|place| whole[*place] == payload);
        places.filter(|place| taken.binary_search(place).is_err()).collect()
    };
    // Read as early as possible the gap is as late as it can be, and the other way round.
    let pairs = unmatched(&late).into_iter().zip(unmatched(&early));
    let line = |place: usize| feed.lines.get(place).map(|line| line.0);
    let places: Vec<String> = pairs
        .map(|(first, last)| {
            let after = late.partition_point(|place| *place < first).checked_sub(1).and_then(line);
            let before = line(early.partition_point(|place| *place <= last));
            between(after, before)
        })
        .collect();
    // Several that are missing from one gap are one line.
    let gap = |places: &[String]| {
        let count = match places.len() {
            1 => String::new(),
            more => format!("{more} "),
        };
        format!("{count}missing {} of {}, as {} shows", places[0], feed.file, other.file)
    };
    let mut evidence: Vec<String> = places.chunk_by(|one, other| one == other).map(gap).collect();
    if evidence.len() > GAPS {
        let more = evidence.len() - GAPS;
        evidence.truncate(GAPS);
        evidence.push(format!("... and {more} more"));
    }
    evidence
}

fn between(after: Option<u32>, before: Option<u32>) -> String {
    match (after, before) {
        (Some(after), Some(before)) => format!("between lines {after} and {before}"),
        (Some(after), None) => format!("after line {after}"),
        (None, Some(before)) => format!("before line {before}"),
        (None, None) => "anywhere".to_owned(),
    }
}

/// What another log says about a missing payload where none that is complete has the lines of this
/// one in their order: what stands around it there, where it names its message.
fn beside(sent: &Sent<'_>, feed: &Feed<'_>, feeds: &[Feed<'_>], payload: u32) -> String {
    let has_more = |other: &&Feed<'_>| {
        other.counts[payload as usize] > feed.counts[payload as usize]
            && other.consumer != feed.consumer
    };
    let Some(other) = feeds.iter().find(has_more) else {
        return "no other consumer's log has more of it".to_owned();
    };
    let Some(place) = other.lines.iter().position(|line| line.1 == payload).filter(|_| sent.unique)
    else {
        return format!("{} has more of it, and does not show where", other.file);
    };
    let own: BTreeMap<u32, u32> =
        feed.lines.iter().map(|(line, payload)| (*payload, *line)).collect();
    let line = |(_, payload): &(u32, u32)| own.get(payload).copied();
    let after = other.lines[..place].iter().rev().find_map(line);
    let before = other.lines[place + 1..].iter().find_map(line);
    let there = format!("{}:{}", other.file, other.lines[place].0);
    if after.zip(before).is_some_and(|(after, before)| after > before) {
        return format!("it is {there}, whose neighbours stand in another order in {}", feed.file);
    }
    format!("missing {} of {}, as {there} shows", between(after, before), feed.file)
}
