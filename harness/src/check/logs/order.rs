//! The order of one consumer's log of one topic, against what the producers sent.

use std::collections::BTreeSet;

use super::explain::{Explained, Question};
use super::feed::Feed;
use super::found::Found;
use super::sent::Sent;
use crate::check::outcome::Promise;
use crate::numbers;
use crate::plan::MessageId;
use crate::scenario::AnomalyKind;

/// Judges each feed; the payloads that are reordered somewhere come back.
pub(super) fn judge(sent: &Sent<'_>, feeds: &[Feed<'_>], found: &mut Found) -> BTreeSet<u32> {
    let mut reordered = BTreeSet::new();
    for feed in feeds {
        if sent.unique {
            named(sent, feed, &mut reordered, found);
        } else {
            searched(sent, feed, found);
        }
    }
    reordered
}

/// Whether a log lacks lines, and only at the beginning, where that may be.
pub(super) fn begins_late(sent: &Sent<'_>, feed: &Feed<'_>, budget: &mut u64) -> bool {
    if !sent.prefix_may_miss || feed.missing(sent).is_empty() {
        return false;
    }
    let reversed: Vec<Vec<u32>> =
        sent.streams.iter().map(|(own, _)| own.iter().rev().copied().collect()).collect();
    let log: Vec<u32> = feed.lines.iter().rev().map(|line| line.1).collect();
    let question = Question {
        sequences: reversed.iter().map(Vec::as_slice).collect(),
        missing: Vec::new(),
        open_end: true,
    };
    question.answer(&log, budget) == Explained::Yes
}

/// Where every payload names its message, so does every breach: a line after a later message of
/// the same producer.
fn named(sent: &Sent<'_>, feed: &Feed<'_>, reordered: &mut BTreeSet<u32>, found: &mut Found) {
    let mut newest: Vec<Option<(MessageId, u32)>> = vec![None; sent.streams.len()];
    let mut seen = BTreeSet::new();
    let mut late = 0;
    for (line, payload) in &feed.lines {
        let Some(message) = sent.only(*payload).filter(|_| seen.insert(*payload)) else { continue };
        let slot = sent.streams.partition_point(|(_, first)| *first <= message) - 1;
        match newest[slot] {
            Some((ahead, above)) if message < ahead => {
                late += 1;
                reordered.insert(*payload);
                found.add(AnomalyKind::Reordered, Promise::AckedOrder, 1, || {
                    let [own, other] = [message, ahead].map(|message| sent.plan.describe(message));
                    let title = format!("{} got {own} after {other}", feed.name);
                    let mut anomaly = feed.anomaly(sent, &[message, ahead], title);
                    let file = feed.file;
                    anomaly.evidence.push(format!(
                        "{file}:{line} comes after {file}:{above}, and was sent before"
                    ));
                    anomaly
                });
            }
            _ => newest[slot] = Some((message, *line)),
        }
    }
    if late == 0 {
        found.note(sent, feed, "each producer's messages are in order".to_owned());
    }
}

/// Where payloads repeat: searches for an interleaving of what the producers sent.
fn searched(sent: &Sent<'_>, feed: &Feed<'_>, found: &mut Found) {
    let whose = format!("{} of {}", sent.name(), feed.name);
    if feed.has_extra(sent) {
        found.note(sent, feed, "order not judged, for there are lines too many".to_owned());
        return;
    }
    let missing = feed.missing(sent);
    let lacking: usize = missing.iter().map(|(_, count)| count).sum();
    if feed.begins_late {
        let lines = numbers::count(lacking as u64, "line");
        found.note(sent, feed, format!("order not refuted; it begins {lines} late"));
        return;
    }
    let question = Question {
        sequences: sent.streams.iter().map(|(own, _)| own.as_slice()).collect(),
        missing,
        open_end: false,
    };
    let log: Vec<u32> = feed.lines.iter().map(|line| line.1).collect();
    match question.answer(&log, &mut found.budget) {
        Explained::Yes if lacking == 0 => found.note(sent, feed, "order not refuted".to_owned()),
        Explained::Yes => {
            let words = format!("order not refuted, but for the missing lines ({lacking})");
            found.note(sent, feed, words);
        }
        Explained::Unknown => found.mark_inconclusive(format!(
            "{whose}: whether an interleaving explains its order would take too long to find out"
        )),
        Explained::No(place) => found.add(AnomalyKind::Reordered, Promise::AckedOrder, 1, || {
            let title = format!("{whose}: no interleaving of the producers' logs explains it");
            let mut anomaly = feed.anomaly(sent, &[], title);
            anomaly.evidence.push(match feed.lines.get(place) {
                Some((line, payload)) => format!(
                    "up to {}:{line} there is one, and with {:?} there none is left",
                    feed.file,
                    sent.text(*payload)
                ),
                None => format!("all of {} can be read, but not with what is missing", feed.file),
            });
            anomaly
        }),
    }
}
