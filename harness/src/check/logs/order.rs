//! The order of one consumer's log of one topic, against what the producers sent.

use std::collections::BTreeSet;

use super::feed::Feed;
use super::found::Found;
use super::lack::Lack;
use super::sent::Sent;
use super::sequence;
use super::study::{Order, Study};
use crate::check::outcome::Promise;
use crate::numbers;
use crate::plan::MessageId;
use crate::scenario::AnomalyKind;

/// Where every payload names its message, so does every breach: a line after a later message of
/// the same producer. Consumer and payload of both come back.
pub(super) fn named(
    sent: &Sent<'_>,
    feed: &Feed<'_>,
    reordered: &mut BTreeSet<(u32, u32)>,
    found: &mut Found,
) -> Order {
    let mut newest: Vec<Option<(MessageId, u32, u32)>> = vec![None; sent.streams.len()];
    let mut seen = BTreeSet::new();
    let mut late = 0;
    for (line, payload) in &feed.lines {
        let Some(message) = sent.only(*payload).filter(|_| seen.insert(*payload)) else { continue };
        let slot = sent.stream(message);
        match newest[slot] {
            Some((ahead, other, above)) if message < ahead => {
                late += 1;
                reordered.extend([(feed.number, *payload), (feed.number, other)]);
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
            _ => newest[slot] = Some((message, *payload, *line)),
        }
    }
    if late > 0 {
        return Order::Unjudged;
    }
    found.note(sent, feed, "each producer's messages are in order".to_owned());
    Order::FitsSoFar
}

/// Where payloads repeat: says what the search for an order came to.
pub(super) fn searched(sent: &Sent<'_>, feed: &Feed<'_>, study: &Study, found: &mut Found) {
    if feed.lines.is_empty() {
        return;
    }
    let whose = format!("{} of {}", sent.name(), feed.name);
    let lacking = sequence::sum(&feed.missing(sent));
    let lines = numbers::count(lacking as u64, "line");
    let words = match (study.order, &study.lack) {
        (Order::Unjudged, _) => "order not judged, for none is promised".to_owned(),
        (Order::Fits, _) => "order not refuted".to_owned(),
        (Order::FitsLate, _) => format!("order not refuted; it begins {lines} late"),
        (Order::FitsSoFar, _) => "order not refuted up to its early end".to_owned(),
        (Order::FitsPiece, _) => format!("order not refuted; it is a piece, {lines} short"),
        (Order::FitsBut, Lack::Before { from, least, exact }) if *least < lacking || !exact => {
            match from.checked_sub(1) {
                Some(place) => format!("order not refuted up to line {}", feed.lines[place].0),
                None => return,
            }
        }
        (Order::FitsBut, Lack::Split { end, gap: Some(gap), .. }) if !end.is_empty() => {
            match gap.checked_sub(1) {
                Some(place) => format!("order not refuted up to line {}", feed.lines[place].0),
                None => return,
            }
        }
        (Order::FitsBut, _) => {
            format!("order not refuted, but for the missing lines ({lacking})")
        }
        (Order::Broken(place), _) => return broken(sent, feed, place, found),
        (Order::Unknown, _) => {
            return found.mark_inconclusive(format!(
                "{whose}: whether an interleaving explains its order would take too long to find out"
            ));
        }
        (Order::TooMany, _) => {
            return found.mark_inconclusive(format!(
                "{whose}: its order cannot be judged, for which of its lines repeat others cannot be \
                 known"
            ));
        }
    };
    found.note(sent, feed, words);
}

fn broken(sent: &Sent<'_>, feed: &Feed<'_>, place: usize, found: &mut Found) {
    found.add(AnomalyKind::Reordered, Promise::AckedOrder, 1, || {
        let whose = format!("{} of {}", sent.name(), feed.name);
        let extra = if feed.extra(sent) > 0 { ", even without the lines too many" } else { "" };
        let title = format!("{whose}: no interleaving of the producers' logs explains it{extra}");
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
    });
}
