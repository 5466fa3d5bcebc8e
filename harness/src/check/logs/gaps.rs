//! Between which lines of a log something is missing, as the logs show it.

use std::collections::BTreeMap;

use super::compare;
use super::feed::Feed;
use super::lack::Lack;
use super::sent::Sent;
use super::sequence::{EXACT, embedding};
use crate::check::outcome::Promise;
use crate::scenario::AnomalyKind;

/// So many gaps are shown.
const GAPS: usize = 8;

/// Where `lacking` lines with a payload are missing before the last line of a log.
pub(super) fn show(
    sent: &Sent<'_>,
    feed: &Feed<'_>,
    feeds: &[Feed<'_>],
    (payload, lacking): (u32, usize),
    lack: &Lack,
) -> Vec<String> {
    let lacking = (payload, lacking);
    let shown = shown_by_whole(feed, lacking, wholes(sent, feed, feeds, payload))
        .or_else(|| by_neighbours(sent, feed, feeds, payload))
        .or_else(|| by_likeness(feed, feeds, payload, lack))
        .or_else(|| shown_by_whole(feed, lacking, together(sent, feeds, lack)))
        .or_else(|| by_producer(sent, feed, payload));
    shown.unwrap_or_else(|| match lack {
        Lack::Before { from, .. } if feed.lines.get(*from).is_some() => {
            vec![format!("one is missing before line {} of {}", feed.lines[*from].0, feed.file)]
        }
        _ if feeds.len() > 1 => vec!["no other consumer's log shows where".to_owned()],
        _ => Vec::new(),
    })
}

/// A sequence that may show where lines are missing, and how that is said.
type Whole = (Vec<u32>, String);

/// The other logs that have more of a payload, the longest first, and what the only producer sends.
fn wholes(sent: &Sent<'_>, feed: &Feed<'_>, feeds: &[Feed<'_>], payload: u32) -> Vec<Whole> {
    let has_more = |other: &&Feed<'_>| {
        other.consumer != feed.consumer
            && other.counts[payload as usize] > feed.counts[payload as usize]
            && other.extra(sent) == 0
    };
    let mut others: Vec<&Feed<'_>> = feeds.iter().filter(has_more).collect();
    others.sort_by_key(|other| std::cmp::Reverse(other.lines.len()));
    let logs =
        others.into_iter().map(|other| (other.payloads(), format!("as {} shows", other.file)));
    let ordered = sent.judges(Promise::AckedOrder, AnomalyKind::Reordered);
    let stream = sent.streams.first().filter(|_| ordered && sent.streams.len() == 1);
    let stream = stream.map(|(own, first)| {
        let producer = sent.plan.stream(*first).producer;
        let number = sent.plan.producers[producer.place()].number;
        (own.clone(), format!("by what P{number} sends"))
    });
    logs.chain(stream).collect()
}

/// The logs put together, where these told what is missing before an end.
fn together(sent: &Sent<'_>, feeds: &[Feed<'_>], lack: &Lack) -> Option<Whole> {
    let told = matches!(lack, Lack::Split { .. });
    let merged = told.then(|| compare::merged(sent, feeds)).flatten()?;
    Some((merged, "as all logs together show".to_owned()))
}

/// As a sequence shows it of which the log is what is left when lines are taken out.
fn shown_by_whole(
    feed: &Feed<'_>,
    (payload, lacking): (u32, usize),
    wholes: impl IntoIterator<Item = Whole>,
) -> Option<Vec<String>> {
    let own = feed.payloads();
    let (whole, shows, early) = wholes.into_iter().find_map(|(whole, shows)| {
        let early = embedding(&own, &whole)?;
        Some((whole, shows, early))
    })?;
    let backwards = |entries: &[u32]| entries.iter().rev().copied().collect::<Vec<u32>>();
    let late = embedding(&backwards(&own), &backwards(&whole))?;
    let late: Vec<usize> = late.iter().rev().map(|place| whole.len() - 1 - place).collect();
    let unmatched = |taken: &[usize]| -> Vec<usize> {
        let places = (0..whole.len()).filter(|place| whole[*place] == payload);
        places.filter(|place| taken.binary_search(place).is_err()).collect()
    };
    // Read as early as possible the gap is as late as it can be, and the other way round.
    let pairs = unmatched(&late).into_iter().zip(unmatched(&early));
    let line = |place: usize| feed.lines.get(place).map(|line| line.0);
    let places: Vec<String> = pairs
        .take(lacking)
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
        format!("{count}missing {} of {}, {shows}", places[0], feed.file)
    };
    let mut evidence: Vec<String> = places.chunk_by(|one, other| one == other).map(gap).collect();
    if evidence.len() > GAPS {
        let more = evidence.len() - GAPS;
        evidence.truncate(GAPS);
        evidence.push(format!("... and {more} more"));
    }
    (!evidence.is_empty()).then_some(evidence)
}

fn between(after: Option<u32>, before: Option<u32>) -> String {
    match (after, before) {
        (Some(after), Some(before)) => format!("between lines {after} and {before}"),
        (Some(after), None) => format!("after line {after}"),
        (None, Some(before)) => format!("before line {before}"),
        (None, None) => "anywhere".to_owned(),
    }
}

/// As what stands around it in another log shows, where it names its message.
fn by_neighbours(
    sent: &Sent<'_>,
    feed: &Feed<'_>,
    feeds: &[Feed<'_>],
    payload: u32,
) -> Option<Vec<String>> {
    sent.only(payload)?;
    let has =
        |other: &&Feed<'_>| other.consumer != feed.consumer && other.counts[payload as usize] > 0;
    let other = feeds.iter().find(has)?;
    let place = other.lines.iter().position(|line| line.1 == payload)?;
    let own = named_lines(sent, feed);
    let line = |(_, payload): &(u32, u32)| own.get(payload).copied();
    let after = other.lines[..place].iter().rev().find_map(line);
    let before = other.lines[place + 1..].iter().find_map(line);
    let there = format!("{}:{}", other.file, other.lines[place].0);
    if after.is_none() && before.is_none() {
        return None;
    }
    if after.zip(before).is_some_and(|(after, before)| after > before) {
        let words = "whose neighbours stand in another order in";
        return Some(vec![format!("it is {there}, {words} {}", feed.file)]);
    }
    Some(vec![format!("missing {} of {}, as {there} shows", between(after, before), feed.file)])
}

/// By payload that names its message and came once: its line.
fn named_lines(sent: &Sent<'_>, feed: &Feed<'_>) -> BTreeMap<u32, u32> {
    let named = |(_, payload): &&(u32, u32)| {
        sent.only(*payload).is_some() && feed.counts[*payload as usize] == 1
    };
    feed.lines.iter().filter(named).map(|(line, payload)| (*payload, *line)).collect()
}

/// As another log has it that is much like this one, where payloads repeat.
fn by_likeness(
    feed: &Feed<'_>,
    feeds: &[Feed<'_>],
    payload: u32,
    lack: &Lack,
) -> Option<Vec<String>> {
    let has_more = |other: &&Feed<'_>| {
        other.consumer != feed.consumer
            && other.counts[payload as usize] > feed.counts[payload as usize]
            && other.lines.len().max(feed.lines.len()) <= EXACT
    };
    let other = feeds.iter().find(has_more)?;
    let (own, theirs) = (feed.payloads(), other.payloads());
    let operations = similar::capture_diff_slices(similar::Algorithm::Myers, &own, &theirs);
    // What is known to be missing before the last line is not behind it.
    let ends = own.len() + usize::from(!matches!(lack, Lack::Split { .. }));
    let mut before = operations.into_iter().filter(|operation| operation.old_range().start < ends);
    let (place, there) = before.find_map(|operation| {
        let equal = matches!(operation, similar::DiffOp::Equal { .. });
        let mut there = operation.new_range().filter(|place| theirs[*place] == payload);
        let there = there.next().filter(|_| !equal)?;
        Some((operation.old_range().start, there))
    })?;
    let line = |place: usize| feed.lines.get(place).map(|line| line.0);
    let after = place.checked_sub(1).and_then(line);
    let there = format!("{}:{}", other.file, other.lines[there].0);
    let place = between(after, line(place));
    Some(vec![format!("{there} has one more, which would stand {place} of {}", feed.file)])
}

/// As its own producer's messages around it show, where no other log does.
fn by_producer(sent: &Sent<'_>, feed: &Feed<'_>, payload: u32) -> Option<Vec<String>> {
    let message = sent.only(payload)?;
    if !sent.judges(Promise::AckedOrder, AnomalyKind::Reordered) {
        return None;
    }
    let (stream, first) = &sent.streams[sent.stream(message)];
    let place = (message.0 - first.0) as usize;
    let own = named_lines(sent, feed);
    let line = |payload: &u32| own.get(payload).map(|line| (*payload, *line));
    let after = stream[..place].iter().rev().find_map(line);
    let before = stream[place + 1..].iter().find_map(line);
    let gap = between(after.map(|own| own.1), before.map(|own| own.1));
    if after.zip(before).is_some_and(|(after, before)| after.1 > before.1) {
        return None;
    }
    let name =
        |(payload, _): (u32, u32)| sent.only(payload).map(|id| sent.plan.name(id).to_string());
    let names: Vec<String> = [after, before].into_iter().flatten().filter_map(name).collect();
    let stand = if names.len() == 1 { "stands" } else { "stand" };
    (!names.is_empty()).then(|| {
        vec![format!("missing {gap} of {}, where {} {stand}", feed.file, names.join(" and "))]
    })
}
