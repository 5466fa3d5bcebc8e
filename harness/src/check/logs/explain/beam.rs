//! The search that follows only the most promising ways, where there are too many for all of them.
//!
//! It may only say that there is an order, for it makes one. Where its ways die it goes back, further
//! with each time, and follows more of them until it has got past that place.

use super::ahead::Ahead;
use super::fields::State;
use super::frontier::Search;
use super::log::Explained;

/// How many ways are followed, in one try after the other: which ones are thrown away is a matter of
/// luck, and another width has other luck.
const WIDTHS: [usize; 3] = [32, 16, 64];

/// What one try may cost, in steps; less than half a second.
const TRY: u64 = 50_000_000;

/// Every so many entries the ways are kept, to go back to.
const MARK: usize = 16;

/// A place is got past when it is so many entries behind.
const PAST: usize = 64;

/// Near the end more are followed, for there is no more to choose from later.
const LAST: usize = 120;
const LAST_WIDTH: usize = 20_000;

impl<const WORDS: usize> Search<'_, WORDS> {
    /// Searches on from all ways after `level` entries.
    pub(super) fn beam(&mut self, start: &[State<WORDS>], level: usize) -> Explained {
        let ahead = Ahead::new(self);
        for width in WIDTHS {
            let most = self.budget.min(self.work + TRY);
            if self.follow(&ahead, start, level, width, most) {
                return Explained::Yes;
            }
        }
        Explained::Unknown
    }

    /// Whether an order is found with about so many ways, before the work is more than `most`.
    fn follow(
        &mut self,
        ahead: &Ahead,
        start: &[State<WORDS>],
        first: usize,
        base: usize,
        most: u64,
    ) -> bool {
        let total: usize = self.streams.iter().map(|stream| stream.entries.len()).sum();
        let mut frontier = start.to_vec();
        self.choose(ahead, &mut frontier, first, base);
        let mut marks = vec![(first, frontier.clone())];
        let (mut level, mut deepest, mut deaths, mut width) = (first, first, 0, base);
        while self.work <= most {
            self.repeat_lines(&mut frontier, level);
            if self.is_explained(&frontier, level) {
                return true;
            }
            frontier = self.step(&frontier, level);
            level += 1;
            if frontier.is_empty() {
                if level > deepest + PAST {
                    (deepest, deaths) = (level, 0);
                }
                deaths += 1;
                let back = level.saturating_sub(MARK << deaths.min(16) >> 1);
                while marks.len() > 1 && marks.last().is_some_and(|mark| mark.0 > back) {
                    marks.pop();
                }
                let (mark, ways) = marks.last().expect("the first mark stays");
                (level, frontier) = (*mark, ways.clone());
                width = (base << deaths.min(16)).min(LAST_WIDTH);
                // The first mark holds what was chosen of the start: more of it are followed now.
                if marks.len() == 1 {
                    frontier = start.to_vec();
                }
            } else if level > deepest + PAST {
                width = base;
            }
            let enough = if total - level < LAST { width.max(LAST_WIDTH) } else { width };
            self.choose(ahead, &mut frontier, level, enough);
            if level % MARK == 0 && marks.last().is_some_and(|mark| mark.0 < level) {
                marks.push((level, frontier.clone()));
            }
        }
        false
    }

    /// Leaves the most promising ways.
    fn choose(
        &mut self,
        ahead: &Ahead,
        frontier: &mut Vec<State<WORDS>>,
        level: usize,
        width: usize,
    ) {
        if frontier.len() <= width {
            return;
        }
        self.work += frontier.len() as u64 * ahead.cost();
        let mut scored: Vec<(u64, State<WORDS>)> =
            frontier.iter().map(|state| (ahead.score(self, state, level), *state)).collect();
        scored.select_nth_unstable(width);
        scored.truncate(width);
        frontier.clear();
        frontier.extend(scored.into_iter().map(|(_, state)| state));
        frontier.sort_unstable();
    }
}
