//! Whether one order of what the streams hold explains logs, some of whose entries may be missing.
//!
//! All ways to read the logs are followed at once, one entry after the other ([`frontier`]). That is
//! exact, and with three payloads or more it mostly ends soon. The problem is hard in general (it is
//! NP-complete in the number of streams): where the ways become too many, only the most promising are
//! followed ([`beam`]). Such a search may find an order; that there is none is said only where no way
//! was ever left out.
//!
//! The work is counted. All questions of a call share one budget; each may use up half of what is
//! left of it, so that a hard one leaves enough for the easy ones behind it.

mod ahead;
mod beam;
mod fields;
mod frontier;
mod log;
mod places;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::BTreeMap;

pub(super) use log::{Explained, Log};

use fields::Layout;
use frontier::Search;

/// So many steps of a way in a stream are tried in all; some seconds.
pub(super) const BUDGET: u64 = 1_600_000_000;

/// So many words of ways are kept at once, about 3 MB. Three payloads in long bursts need 350,000; with
/// 700,000 two payloads use up the budget before the promising ones are followed.
pub(super) const WAYS: usize = 400_000;

/// Streams, and the logs that one order of them is to explain.
pub(super) struct Question<'a> {
    pub(super) streams: Vec<&'a [u32]>,
    pub(super) logs: Vec<Log<'a>>,
    /// Whether the logs may begin anywhere in the streams, not only at their beginning.
    pub(super) anywhere: bool,
    /// No more work than this, whatever is left of the budget.
    pub(super) most_work: u64,
    /// So many words of ways are kept at once before only the most promising are followed.
    pub(super) most_ways: usize,
}

impl<'a> Question<'a> {
    /// About one log.
    pub(super) fn new(streams: Vec<&'a [u32]>, log: Log<'a>) -> Self {
        Self { streams, logs: vec![log], anywhere: false, most_work: BUDGET, most_ways: WAYS }
    }

    /// Searches, and takes what that costs from the budget.
    pub(super) fn answer(&self, budget: &mut u64) -> Explained {
        let streams = united(&self.streams);
        let mut layout = Layout::default();
        for stream in &streams {
            layout.field(stream.len());
        }
        for log in &self.logs {
            layout.field(log.missing);
            layout.field(log.extra);
        }
        match layout.words() {
            0 | 1 => self.search::<1>(&streams, budget),
            2 => self.search::<2>(&streams, budget),
            3..=8 => self.search::<8>(&streams, budget),
            9..=64 => self.search::<64>(&streams, budget),
            _ => Explained::Unknown,
        }
    }

    fn search<const WORDS: usize>(
        &self,
        streams: &[Cow<'_, [u32]>],
        budget: &mut u64,
    ) -> Explained {
        let most = (*budget / 2).min(self.most_work);
        let mut search = Search::<WORDS>::new(streams, &self.logs, most);
        let answer = search.run(self.anywhere, self.most_ways / WORDS);
        *budget = budget.saturating_sub(search.work);
        answer
    }
}

/// The streams that are not empty. Those that repeat one and the same payload are as one, for it
/// cannot be told from which of them an entry is: so a topic with one payload is a matter of counting.
fn united<'a>(streams: &[&'a [u32]]) -> Vec<Cow<'a, [u32]>> {
    let mut united: Vec<Cow<'a, [u32]>> = Vec::new();
    let mut constant: BTreeMap<u32, usize> = BTreeMap::new();
    for stream in streams {
        let Some(first) = stream.first() else { continue };
        if stream.iter().any(|entry| entry != first) {
            united.push(Cow::Borrowed(stream));
        } else {
            *constant.entry(*first).or_default() += stream.len();
        }
    }
    // Equal ones stand beside each other: a search need not tell them apart.
    united.sort();
    united.extend(constant.into_iter().map(|(payload, count)| Cow::Owned(vec![payload; count])));
    united
}
