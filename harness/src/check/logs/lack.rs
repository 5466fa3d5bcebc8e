//! Where what a log lacks is missing: at its end, as when a consumer was stopped too soon, or before.

use super::feed::Feed;
use super::sent::Sent;
use super::sequence::Missing;
use crate::check::outcome::Promise;
use crate::plan::MessageId;
use crate::scenario::AnomalyKind;

/// Where what a log lacks is missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Lack {
    /// Nowhere, or it is not known where.
    #[default]
    Untold,
    /// Only at the beginning, where that may be.
    Late,
    /// Perhaps only at the beginning: that cannot be told, or would take too long to find out.
    Unclear,
    /// It is known what is missing at the end and what before it.
    /// If anything is before it, one is missing before the line at the place `gap` (from 0).
    Split { beginning: Missing, middle: Missing, end: Missing, gap: Option<usize> },
    /// No order has these lines at its beginning: one is missing before the line at the place `from`
    /// (from 0), and so many at least before the last line; exactly so many can be.
    Before { from: usize, least: usize, exact: bool },
}

/// Where every payload names its message: behind the last one of its producer that came, unless
/// another log has it before something that came.
pub(super) fn named(sent: &Sent<'_>, feed: &Feed<'_>, feeds: &[Feed<'_>]) -> Lack {
    let missing = feed.missing(sent);
    if missing.is_empty() || feed.lines.is_empty() {
        return Lack::Untold;
    }
    let ordered = sent.judges(Promise::AckedOrder, AnomalyKind::Reordered);
    if !ordered {
        return in_any_order(sent, feed, feeds);
    }
    let (mut beginning, mut middle, mut end) = (Missing::new(), Missing::new(), Missing::new());
    let came = |payload: u32| feed.counts[payload as usize] > 0;
    // By stream: the places of the first and the last that came.
    let range: Vec<Option<(usize, usize)>> = (sent.streams.iter())
        .map(|(own, _)| {
            let first = own.iter().position(|payload| came(*payload))?;
            Some((first, own.iter().rposition(|payload| came(*payload))?))
        })
        .collect();
    let (first_shown, last_shown) = shown(sent, feed, feeds);
    for (payload, count) in missing {
        let Some(message) = sent.only(payload) else { continue };
        let stream = sent.stream(message);
        let own = place(sent, message, stream);
        let before_something = last_shown[payload as usize];
        let after_something = first_shown[payload as usize];
        let leads = range[stream].is_none_or(|(first, _)| own < first);
        let trails = range[stream].is_none_or(|(_, last)| own > last);
        let side = if sent.prefix_may_miss && leads && !after_something {
            &mut beginning
        } else if trails && !before_something {
            &mut end
        } else {
            &mut middle
        };
        side.push((payload, count));
    }
    let gap = first_gap(sent, feed, &middle);
    Lack::Split { beginning, middle, end, gap }
}

/// The place of the first line that was sent after something that is missing, by the same producer.
fn first_gap(sent: &Sent<'_>, feed: &Feed<'_>, middle: &Missing) -> Option<usize> {
    // By stream: the first that is missing.
    let mut first: Vec<Option<MessageId>> = vec![None; sent.streams.len()];
    for message in middle.iter().filter_map(|(payload, _)| sent.only(*payload)) {
        let own = &mut first[sent.stream(message)];
        *own = Some(own.map_or(message, |own| own.min(message)));
    }
    feed.lines.iter().position(|(_, payload)| {
        let message = sent.only(*payload);
        message.is_some_and(|own| first[sent.stream(own)].is_some_and(|missing| missing < own))
    })
}

/// Where no order is promised, only a log that goes on after the same lines shows an end; and if logs
/// may begin late, then anything may have been before.
pub(super) fn in_any_order(sent: &Sent<'_>, feed: &Feed<'_>, feeds: &[Feed<'_>]) -> Lack {
    let (own, end) = (feed.payloads(), feed.missing(sent));
    if sent.prefix_may_miss {
        return Lack::Late;
    }
    let goes_on =
        |other: &Feed<'_>| other.lines.len() > own.len() && other.payloads().starts_with(&own);
    if own.is_empty() || end.is_empty() || !feeds.iter().any(goes_on) {
        return Lack::Untold;
    }
    Lack::Split { beginning: Missing::new(), middle: Missing::new(), end, gap: None }
}

fn place(sent: &Sent<'_>, message: MessageId, stream: usize) -> usize {
    (message.0 - sent.streams[stream].1.0) as usize
}

/// By payload: whether another log has it after something that came, and before something that came.
fn shown(sent: &Sent<'_>, feed: &Feed<'_>, feeds: &[Feed<'_>]) -> (Vec<bool>, Vec<bool>) {
    let mut after = vec![false; sent.messages.len()];
    let mut before = after.clone();
    if !sent.judges(Promise::OneOrder, AnomalyKind::Divergent) {
        return (after, before);
    }
    let came = |payload: u32| feed.counts[payload as usize] > 0;
    for other in feeds.iter().filter(|other| other.consumer != feed.consumer) {
        let mut first = vec![None; sent.messages.len()];
        for (place, (_, payload)) in other.lines.iter().enumerate() {
            first[*payload as usize].get_or_insert(place);
        }
        let places = || (0..).zip(&first).filter(|(payload, _)| came(*payload));
        let least = places().filter_map(|(_, place)| *place).min();
        let greatest = places().filter_map(|(_, place)| *place).max();
        for ((after, before), place) in after.iter_mut().zip(&mut before).zip(&first) {
            *after |= place.zip(least).is_some_and(|(place, least)| place > least);
            *before |= place.zip(greatest).is_some_and(|(place, greatest)| place < greatest);
        }
    }
    (after, before)
}
