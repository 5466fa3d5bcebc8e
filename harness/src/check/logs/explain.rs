//! Whether a log is an interleaving of sequences, some of whose entries may be left out.
//!
//! All ways to read the log are followed at once, line by line. A way is a position in each
//! sequence. The longest sequence's position follows from the others, and the second longest's is a
//! bit in a row of bits, so that 64 ways cost as much as one; rows are kept by the rest. On payloads
//! that are all different there is one way. The work is counted and given up past a budget, because
//! in general the problem is hard (it is NP-complete in the number of sequences). All questions of a
//! call share one budget; each may use up half of what is left of it, so that a hard one leaves
//! enough for the easy ones behind it.

use std::collections::BTreeMap;

/// So many words of 64 ways are looked at in all; some seconds.
pub(super) const BUDGET: u64 = 400_000_000;

/// What came of the search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Explained {
    /// There is an interleaving that gives the log.
    Yes,
    /// There is none: the log up to this place (from 0) can be explained, and no longer.
    No(usize),
    /// It would take too long to find out.
    Unknown,
}

/// Sequences and what may be left out of them.
pub(super) struct Question<'a> {
    pub(super) sequences: Vec<&'a [u32]>,
    /// The entries that are missing from the log: which, and how often.
    pub(super) missing: Vec<(u32, usize)>,
    /// Whether the sequences may go on past the end of the log.
    pub(super) open_end: bool,
}

/// Positions in all sequences but the two longest, then how much of `missing` was left out.
type Rest = Vec<u32>;
/// A bit for each position in the second longest.
type Row = Vec<u64>;
type Frontier = BTreeMap<Rest, Row>;

impl Question<'_> {
    /// Searches for an interleaving that gives `log`, and takes what that costs from the budget.
    pub(super) fn answer(mut self, log: &[u32], budget: &mut u64) -> Explained {
        self.sequences.sort_by_key(|sequence| sequence.len());
        while self.sequences.len() < 2 {
            self.sequences.insert(0, &[]);
        }
        let mut search = Search::new(&self, *budget / 2);
        let answer = search.run(log);
        *budget = budget.saturating_sub(search.work);
        answer
    }
}

struct Search<'a> {
    question: &'a Question<'a>,
    /// All but the two longest.
    others: &'a [&'a [u32]],
    second: &'a [u32],
    longest: &'a [u32],
    /// By payload: where the second longest has it.
    second_bits: BTreeMap<u32, Row>,
    /// By payload: where the longest has it, from its end.
    longest_bits: BTreeMap<u32, Row>,
    words: usize,
    work: u64,
    budget: u64,
}

impl<'a> Search<'a> {
    fn new(question: &'a Question<'a>, budget: u64) -> Self {
        let count = question.sequences.len();
        let (others, two) = question.sequences.split_at(count - 2);
        let (second, longest) = (two[0], two[1]);
        Self {
            question,
            others,
            second,
            longest,
            second_bits: places(second.iter(), second.len()),
            longest_bits: places(longest.iter().rev(), longest.len()),
            words: second.len() / 64 + 1,
            work: 0,
            budget,
        }
    }

    fn run(&mut self, log: &[u32]) -> Explained {
        let mut row = vec![0; self.words];
        row[0] = 1;
        let start = vec![0; self.others.len() + self.question.missing.len()];
        let mut frontier = Frontier::from([(start, row)]);
        for (read, payload) in log.iter().enumerate() {
            self.leave_out(&mut frontier, read);
            let mut next = Frontier::new();
            for (rest, row) in &frontier {
                self.step(rest, row, read, *payload, rest, &mut next);
            }
            if self.work > self.budget {
                return Explained::Unknown;
            }
            if next.is_empty() {
                return Explained::No(read);
            }
            frontier = next;
        }
        self.leave_out(&mut frontier, log.len());
        if self.work > self.budget {
            return Explained::Unknown;
        }
        if self.question.open_end
            || frontier.iter().any(|(rest, row)| self.is_end(rest, row, log.len()))
        {
            Explained::Yes
        } else {
            Explained::No(log.len())
        }
    }

    /// Adds the ways in which the next entry of a sequence is one that the log lacks.
    fn leave_out(&mut self, frontier: &mut Frontier, read: usize) {
        let first = self.others.len();
        let missing = &self.question.missing;
        let mut wave: Vec<Rest> = frontier.keys().cloned().collect();
        while !wave.is_empty() && !missing.is_empty() && self.work <= self.budget {
            let mut next = Frontier::new();
            for rest in &wave {
                if self.work > self.budget {
                    return;
                }
                for (place, (payload, most)) in missing.iter().enumerate() {
                    if (rest[first + place] as usize) < *most {
                        let mut left = rest.clone();
                        left[first + place] += 1;
                        self.step(rest, &frontier[rest], read, *payload, &left, &mut next);
                    }
                }
            }
            wave.clear();
            for (rest, row) in next {
                let known = frontier.entry(rest.clone()).or_insert_with(|| vec![0; row.len()]);
                let mut grew = false;
                for (known, new) in known.iter_mut().zip(&row) {
                    grew |= *new & !*known != 0;
                    *known |= new;
                }
                if grew {
                    wave.push(rest);
                }
            }
        }
    }

    /// Moves every way of a row on by one entry with this payload, in each sequence that has it
    /// next. `target` is `rest`, or that with one more left out.
    fn step(
        &mut self,
        rest: &Rest,
        row: &Row,
        read: usize,
        payload: u32,
        target: &Rest,
        next: &mut Frontier,
    ) {
        self.work += self.words as u64 + 8;
        for (place, sequence) in self.others.iter().enumerate() {
            if sequence.get(rest[place] as usize) == Some(&payload) {
                let mut moved = target.clone();
                moved[place] += 1;
                merge(next, moved, row.iter().copied());
            }
        }
        if let Some(bits) = self.second_bits.get(&payload) {
            let mut carry = 0;
            let shifted = row.iter().zip(bits).map(|(row, bits)| {
                let moving = row & bits;
                let word = moving << 1 | carry;
                carry = moving >> 63;
                word
            });
            merge(next, target.clone(), shifted);
        }
        if let Some(bits) = self.longest_bits.get(&payload) {
            // In the longest it stands at `total - own`, where `own` is the bit's number.
            let total = self.total(rest, read);
            let from = self.longest.len() as i64 - 1 - total;
            let words = row.iter().zip(0_i64..);
            let moving = words.map(|(row, word)| row & word_at(bits, from + 64 * word));
            merge(next, target.clone(), moving);
        }
    }

    /// The positions in the two longest together.
    fn total(&self, rest: &Rest, read: usize) -> i64 {
        let others: u32 = rest[..self.others.len()].iter().sum();
        let left_out: u32 = rest[self.others.len()..].iter().sum();
        read as i64 + i64::from(left_out) - i64::from(others)
    }

    /// Whether a row has the way that ends at the end of all sequences.
    fn is_end(&self, rest: &Rest, row: &Row, read: usize) -> bool {
        if self.total(rest, read) != (self.second.len() + self.longest.len()) as i64 {
            return false;
        }
        let ends = self.others.iter().zip(rest).all(|(own, at)| own.len() == *at as usize);
        let mut missing = self.question.missing.iter().zip(&rest[self.others.len()..]);
        let all_left_out = missing.all(|((_, most), left)| *left as usize == *most);
        let end = self.second.len();
        ends && all_left_out && row[end / 64] & (1 << (end % 64)) != 0
    }
}

/// By payload: a row with a bit for each place that has it.
fn places<'b>(entries: impl Iterator<Item = &'b u32>, count: usize) -> BTreeMap<u32, Row> {
    let mut places = BTreeMap::new();
    for (place, payload) in entries.enumerate() {
        let row: &mut Row = places.entry(*payload).or_insert_with(|| vec![0; count / 64 + 1]);
        row[place / 64] |= 1 << (place % 64);
    }
    places
}

/// The 64 bits of a row that begin at `from`, which may lie outside it.
fn word_at(row: &[u64], from: i64) -> u64 {
    let (word, shift) = (from.div_euclid(64), from.rem_euclid(64));
    let get = |word: i64| usize::try_from(word).ok().and_then(|word| row.get(word)).copied();
    let low = get(word).unwrap_or(0) >> shift;
    if shift == 0 { low } else { low | get(word + 1).unwrap_or(0) << (64 - shift) }
}

/// Adds ways to a row of the frontier; none make no row.
fn merge(next: &mut Frontier, rest: Rest, words: impl Iterator<Item = u64>) {
    let words: Row = words.collect();
    if words.iter().all(|word| *word == 0) {
        return;
    }
    match next.get_mut(&rest) {
        Some(row) => row.iter_mut().zip(words).for_each(|(row, word)| *row |= word),
        None => {
            next.insert(rest, words);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{BUDGET, Explained, Question};

    fn ask(sequences: &[Vec<u32>], missing: &[(u32, usize)], log: &[u32]) -> Explained {
        let sequences = sequences.iter().map(Vec::as_slice).collect();
        let question = Question { sequences, missing: missing.to_vec(), open_end: false };
        question.answer(log, &mut BUDGET.clone())
    }

    /// The same by trying everything.
    fn plainly(sequences: &[&[u32]], missing: &mut Vec<u32>, log: &[u32]) -> bool {
        if log.is_empty() && missing.is_empty() && sequences.iter().all(|own| own.is_empty()) {
            return true;
        }
        (0..sequences.len()).any(|chosen| {
            let Some((head, tail)) = sequences[chosen].split_first() else { return false };
            let mut rest = sequences.to_vec();
            rest[chosen] = tail;
            if log.first() == Some(head) && plainly(&rest, missing, &log[1..]) {
                return true;
            }
            let Some(place) = missing.iter().position(|own| own == head) else { return false };
            missing.remove(place);
            let found = plainly(&rest, missing, log);
            missing.insert(place, *head);
            found
        })
    }

    #[test]
    fn an_interleaving_is_explained_and_another_order_is_not() {
        let sequences = [vec![1, 2], vec![1, 3], vec![2]];
        assert_eq!(ask(&sequences, &[], &[1, 1, 2, 3, 2]), Explained::Yes);
        assert_eq!(ask(&sequences, &[], &[2, 3, 1, 1, 2]), Explained::No(1));
        assert_eq!(ask(&sequences, &[(3, 1)], &[1, 1, 2, 2]), Explained::Yes);
        assert_eq!(ask(&[vec![1, 2]], &[], &[1]), Explained::No(1));
        let long: Vec<u32> = (0..500).collect();
        assert_eq!(ask(&[long.clone(), long[..200].to_vec()], &[], &long), Explained::No(500));
    }

    #[test]
    fn past_the_budget_nothing_is_claimed() {
        let same = vec![7; 300];
        let log = vec![7; 900];
        let question =
            Question { sequences: vec![&same, &same, &same], missing: Vec::new(), open_end: false };
        let mut budget = 1_000;
        assert_eq!(question.answer(&log, &mut budget), Explained::Unknown);
        assert!(budget < 1_000, "{budget} is left");
    }

    proptest! {
        #[test]
        fn the_answer_is_that_of_trying_everything(
            sequences in prop::collection::vec(prop::collection::vec(0_u32..3, 0..5), 1..4),
            log in prop::collection::vec(0_u32..3, 0..10),
            picks in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
            shuffled in any::<bool>(),
        ) {
            // Half the logs are real interleavings that lack what is past the picks.
            let mut rest: Vec<&[u32]> = sequences.iter().map(Vec::as_slice).collect();
            let mut real = Vec::new();
            for pick in &picks {
                let open: Vec<usize> =
                    (0..rest.len()).filter(|place| !rest[*place].is_empty()).collect();
                if !open.is_empty() {
                    let chosen = open[pick.index(open.len())];
                    real.push(rest[chosen][0]);
                    rest[chosen] = &rest[chosen][1..];
                }
            }
            let log = if shuffled { log } else { real };
            let mut missing: Vec<u32> = sequences.concat();
            let mut fits = true;
            for payload in &log {
                match missing.iter().position(|own| own == payload) {
                    Some(place) => drop(missing.remove(place)),
                    None => fits = false,
                }
            }
            prop_assume!(fits);
            let count = |payload: u32| missing.iter().filter(|own| **own == payload).count();
            let counts: Vec<(u32, usize)> =
                (0..3).map(|payload| (payload, count(payload))).filter(|own| own.1 > 0).collect();
            let all: Vec<&[u32]> = sequences.iter().map(Vec::as_slice).collect();
            let expected = plainly(&all, &mut missing.clone(), &log);
            let answer = ask(&sequences, &counts, &log);
            prop_assert_eq!(answer == Explained::Yes, expected, "{:?}", answer);
        }
    }
}
