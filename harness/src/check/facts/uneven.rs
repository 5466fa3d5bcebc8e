//! Feeds whose offsets do not ascend: which deliveries are out of order, and whether the offsets
//! begin again and again.
//!
//! One delivery with an offset far ahead is one that is out of order, not all that come after it: so
//! the fewest deliveries are named without which the others ascend. Offsets that begin again with
//! every poll are a fault of the offsets and not of the order.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::feed::{Feed, Seen};
use super::requests::Requests;
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
    /// 1 where the ack of the message named this offset, or another consumer has it there, too; -1
    /// where the ack named another one.
    pub(in crate::check) trust: i32,
}

impl Step {
    /// What it says about the log.
    pub(in crate::check) const fn entry(&self) -> (u64, MessageId) {
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
pub(super) fn steps(
    history: &History,
    requests: &Requests,
    feed: &Feed,
    epoch: Option<EpochIndex>,
) -> Vec<Step> {
    let step = |(seen, message): (Seen, MessageId)| {
        let offset = seen.delivery.offset()?;
        let named = requests.acked_in(history, epoch, message);
        let trust = named.map_or(0, |named| if named == offset { 1 } else { -1 });
        Some(Step { offset, message, place: seen.place, poll: seen.poll, trust })
    };
    feed.firsts_of_life(history, epoch).filter_map(step).collect()
}

/// The fewest steps without which the others ascend, in their order: all that are not part of the
/// longest ascending part. Of several that are as long, it is the one whose offsets are to be trusted
/// most; of these the one that keeps earlier steps, so that of two neighbours that are swapped it is
/// the second that is late.
pub(in crate::check) fn strays(steps: &[Step]) -> Vec<Stray> {
    if steps.is_sorted_by(|earlier, later| earlier.offset < later.offset) {
        return Vec::new();
    }
    let (begin, following) = longest(steps);
    let mut strays = Vec::new();
    let mut kept: Option<Step> = None;
    let mut next = begin;
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

/// Where the longest ascending part begins, and by step which one follows it in the longest part that
/// begins with it.
fn longest(steps: &[Step]) -> (Option<usize>, Vec<Option<usize>>) {
    let mut offsets: Vec<u64> = steps.iter().map(|step| step.offset).collect();
    offsets.sort_unstable();
    offsets.dedup();
    let mut chains = Chains { best: vec![None; offsets.len() + 1] };
    let mut following = vec![None; steps.len()];
    let mut longest: Option<Chain> = None;
    for (place, step) in steps.iter().enumerate().rev() {
        // The greatest offset has the rank 1.
        let rank = offsets.len() - offsets.partition_point(|offset| *offset < step.offset);
        let next = chains.best_below(rank);
        following[place] = next.map(|chain| chain.begin.0);
        let chain = Chain {
            length: next.map_or(0, |chain| chain.length) + 1,
            trust: next.map_or(0, |chain| chain.trust) + step.trust,
            begin: Reverse(place),
        };
        chains.add(rank, chain);
        longest = longest.max(Some(chain));
    }
    (longest.map(|chain| chain.begin.0), following)
}

/// An ascending part of the steps; the greater the better.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Chain {
    length: u32,
    /// Of all of it together.
    trust: i32,
    /// The place of its first step.
    begin: Reverse<usize>,
}

/// The best chain by the rank of its first offset: a tree of maxima (Fenwick's).
struct Chains {
    /// From 1; each is the best of as many ranks as its lowest bit says, up to this one.
    best: Vec<Option<Chain>>,
}

impl Chains {
    fn add(&mut self, rank: usize, chain: Chain) {
        let mut node = rank;
        while node < self.best.len() {
            self.best[node] = self.best[node].max(Some(chain));
            node += node & node.wrapping_neg();
        }
    }

    /// Of the ranks below this one.
    fn best_below(&self, rank: usize) -> Option<Chain> {
        let mut node = rank - 1;
        let mut best = None;
        while node > 0 {
            best = best.max(self.best[node]);
            node &= node - 1;
        }
        best
    }
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

    fn step(id: u32, offset: u64) -> Step {
        Step { offset, message: MessageId(id), place: id as usize, poll: 0, trust: 0 }
    }

    #[track_caller]
    fn check(offsets: &[u64], expected: &[u64]) {
        let steps: Vec<Step> = (0..).zip(offsets).map(|(id, offset)| step(id, *offset)).collect();
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
    fn of_two_that_contradict_each_other_the_one_that_is_confirmed_is_kept() {
        let confirmed = |step: Step| Step { trust: 1, ..step };
        let found = strays(&[confirmed(step(0, 4)), step(1, 6), confirmed(step(2, 5))]);
        assert_eq!((found[0].step, found[0].other), (step(1, 6), MessageId(2)));
        assert_eq!((found.len(), found[0].came_after), (1, false));
    }

    #[test]
    fn of_two_that_contradict_each_other_the_one_that_its_ack_contradicts_is_named() {
        let found = strays(&[Step { trust: -1, ..step(0, 4) }, step(1, 3)]);
        assert_eq!((found.len(), found[0].step.message), (1, MessageId(0)));
    }

    #[test]
    fn each_names_one_that_it_is_on_the_wrong_side_of() {
        let late = strays(&[step(0, 4), step(1, 6), step(2, 5)]);
        assert_eq!((late[0].other, late[0].came_after), (MessageId(1), true));
        let ahead = strays(&[step(0, 900), step(1, 5), step(2, 6)]);
        assert_eq!((ahead[0].other, ahead[0].came_after), (MessageId(1), false));
    }
}
