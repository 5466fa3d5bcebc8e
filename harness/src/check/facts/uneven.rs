//! Feeds whose offsets do not ascend: which deliveries are out of order, and whether the offsets
//! begin again and again.
//!
//! One delivery with an offset far ahead is one that is out of order, not all that come after it: so
//! the fewest deliveries are named without which the others ascend. Offsets that begin again with
//! every poll are a fault of the offsets and not of the order.

use std::collections::BTreeSet;

use super::feed::Feed;
use crate::history::{EpochIndex, History};
use crate::plan::MessageId;

/// A first delivery with an offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::check) struct Step {
    pub(in crate::check) offset: u64,
    pub(in crate::check) message: MessageId,
    /// Among the consumer's deliveries.
    pub(in crate::check) place: usize,
    /// Among the consumer's polls.
    pub(in crate::check) poll: usize,
}

impl Step {
    /// What it says about the log.
    pub(super) const fn entry(&self) -> (u64, MessageId) {
        (self.offset, self.message)
    }
}

/// A delivery that is out of order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::check) struct Stray {
    pub(in crate::check) step: Step,
    /// One that is in order, and that it is on the wrong side of.
    pub(in crate::check) other: MessageId,
    /// Whether it came after the other one, which is behind it; else before, and is behind it.
    pub(in crate::check) came_after: bool,
}

/// A feed whose offsets begin again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::check) struct Restart {
    /// By place among all feeds.
    pub(in crate::check) feed: usize,
    /// The first delivery at an offset that the feed had another message at.
    pub(in crate::check) step: Step,
    /// That message.
    pub(in crate::check) before: MessageId,
    /// How many polls began so.
    pub(in crate::check) polls: usize,
}

/// The first deliveries of a feed in one life of the store, with their offsets; those without one
/// are left out.
pub(in crate::check) fn steps(
    history: &History,
    feed: &Feed,
    epoch: Option<EpochIndex>,
) -> Vec<Step> {
    let step = |(seen, message): (super::Seen, MessageId)| {
        let offset = seen.delivery.offset()?;
        Some(Step { offset, message, place: seen.place, poll: seen.poll })
    };
    feed.firsts_of_life(history, epoch).filter_map(step).collect()
}

/// The fewest steps without which the others ascend, in their order: all that are not part of the
/// longest ascending part, found by patience sorting. Of several the one that keeps earlier steps.
pub(in crate::check) fn strays(steps: &[Step]) -> Vec<Stray> {
    if steps.is_sorted_by(|earlier, later| earlier.offset < later.offset) {
        return Vec::new();
    }
    // From the end, so that of two neighbours that are swapped the first is kept: the other is late.
    // By length: the beginning of the ascending part of that length that begins greatest.
    let mut begins: Vec<usize> = Vec::new();
    let mut following: Vec<Option<usize>> = vec![None; steps.len()];
    for place in (0..steps.len()).rev() {
        let offset = steps[place].offset;
        let length = begins.partition_point(|begin| steps[*begin].offset > offset);
        following[place] = length.checked_sub(1).map(|shorter| begins[shorter]);
        match begins.get_mut(length) {
            None => begins.push(place),
            Some(begin) => *begin = place,
        }
    }
    let mut strays = Vec::new();
    let mut kept: Option<Step> = None;
    let mut next = begins.last().copied();
    for (place, step) in steps.iter().enumerate() {
        if next == Some(place) {
            kept = Some(*step);
            next = following[place];
            continue;
        }
        let ahead = kept.filter(|kept| kept.offset >= step.offset);
        let other = ahead.or_else(|| next.map(|next| steps[next])).or(kept);
        let other = other.expect("one step ascends by itself").message;
        strays.push(Stray { step: *step, other, came_after: ahead.is_some() });
    }
    strays
}

/// Whether the offsets begin again: from some poll on most polls, and two or more, begin at an offset
/// that the feed had another message at. A few may each be a fault of one message.
pub(super) fn restart(feed: usize, steps: &[Step]) -> Option<Restart> {
    let mut by_offset: Vec<usize> = (0..steps.len()).collect();
    by_offset.sort_by_key(|place| steps[*place].offset);
    let mut again: Vec<(usize, MessageId)> = Vec::new();
    for same in by_offset.chunk_by(|one, other| steps[*one].offset == steps[*other].offset) {
        again.extend(same[1..].iter().map(|place| (*place, steps[same[0]].message)));
    }
    let begins = |place: usize| place == 0 || steps[place - 1].poll != steps[place].poll;
    again.retain(|(place, _)| begins(*place));
    let polls: BTreeSet<usize> = again.iter().map(|(place, _)| steps[*place].poll).collect();
    let (place, before) = again.into_iter().min()?;
    let since = steps[place..].chunk_by(|one, other| one.poll == other.poll).count();
    let restarts = polls.len() > 1 && 2 * polls.len() > since;
    restarts.then(|| Restart { feed, step: steps[place], before, polls: polls.len() })
}

#[cfg(test)]
mod tests {
    use super::{Step, strays};
    use crate::plan::MessageId;

    #[track_caller]
    fn check(offsets: &[u64], expected: &[u64]) {
        let steps: Vec<Step> = (0..)
            .zip(offsets)
            .map(|(id, offset)| Step {
                offset: *offset,
                message: MessageId(id),
                place: id as usize,
                poll: 0,
            })
            .collect();
        let found: Vec<u64> = strays(&steps).iter().map(|stray| stray.step.offset).collect();
        assert_eq!(found, expected, "{offsets:?}");
    }

    #[test]
    fn the_fewest_are_out_of_order() {
        check(&[0, 1, 2], &[]);
        check(&[0, 2, 1, 3], &[1]);
        check(&[0, 900, 1, 2, 3], &[900]);
        check(&[5, 6, 0, 7], &[0]);
        check(&[7, 5, 6, 4], &[7, 4]);
        check(&[5, 6, 7, 1, 2, 3, 4], &[5, 6, 7]);
        check(&[0, 1, 1, 2], &[1]);
    }

    #[test]
    fn each_names_one_that_it_is_on_the_wrong_side_of() {
        let step =
            |id: u32, offset| Step { offset, message: MessageId(id), place: id as usize, poll: 0 };
        let late = strays(&[step(0, 4), step(1, 6), step(2, 5)]);
        assert_eq!((late[0].other, late[0].came_after), (MessageId(1), true));
        let ahead = strays(&[step(0, 900), step(1, 5), step(2, 6)]);
        assert_eq!((ahead[0].other, ahead[0].came_after), (MessageId(1), false));
    }
}
