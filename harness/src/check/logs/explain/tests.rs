//! The search against trying everything, and its limits.

use proptest::prelude::*;

use super::{BUDGET, Explained, Log, Question, WAYS};

fn ask(streams: &[Vec<u32>], logs: &[Log<'_>], anywhere: bool) -> Explained {
    let streams = streams.iter().map(Vec::as_slice).collect();
    let question =
        Question { streams, logs: logs.to_vec(), anywhere, most_work: BUDGET, most_ways: WAYS };
    question.answer(&mut BUDGET.clone())
}

/// About one log that may lack anything.
fn with_gaps(streams: &[Vec<u32>], lines: &[u32]) -> Explained {
    let missing = streams.iter().map(Vec::len).sum::<usize>().saturating_sub(lines.len());
    ask(streams, &[Log { lines, missing, extra: 0 }], false)
}

/// All orders of the streams.
fn orders(streams: &[&[u32]]) -> Vec<Vec<u32>> {
    if streams.iter().all(|own| own.is_empty()) {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for chosen in 0..streams.len() {
        let Some((head, tail)) = streams[chosen].split_first() else { continue };
        let mut rest = streams.to_vec();
        rest[chosen] = tail;
        for mut order in orders(&rest) {
            order.insert(0, *head);
            all.push(order);
        }
    }
    all
}

/// Whether an order gives the log, read entry by entry: so many entries may be missing before its
/// last line, and so many of its lines may repeat an entry that came before.
fn gives(order: &[u32], before: &[u32], log: &Log<'_>) -> bool {
    let Some((line, rest)) = log.lines.split_first() else { return true };
    let shorter = |missing, extra| Log { lines: rest, missing, extra };
    if log.extra > 0
        && before.contains(line)
        && gives(order, before, &shorter(log.missing, log.extra - 1))
    {
        return true;
    }
    let Some((entry, later)) = order.split_first() else { return false };
    let before = [before, &[*entry]].concat();
    (entry == line && gives(later, &before, &shorter(log.missing, log.extra)))
        || (log.missing > 0 && gives(later, &before, &Log { missing: log.missing - 1, ..*log }))
}

#[test]
fn an_interleaving_is_explained_and_another_order_is_not() {
    let streams = [vec![1, 2], vec![1, 3], vec![2]];
    assert_eq!(with_gaps(&streams, &[1, 1, 2, 3, 2]), Explained::Yes);
    assert_eq!(with_gaps(&streams, &[2, 3, 1, 1, 2]), Explained::No(1));
    assert_eq!(with_gaps(&streams, &[1, 1, 2, 2]), Explained::Yes);
    assert_eq!(ask(&streams, &[Log::beginning(&[1, 1, 3])], false), Explained::Yes);
    assert_eq!(ask(&streams, &[Log::beginning(&[3])], false), Explained::No(0));
    assert_eq!(ask(&streams, &[Log::beginning(&[3, 2])], true), Explained::Yes);
}

#[test]
fn one_payload_is_answered_at_once_and_so_are_equal_streams() {
    let same = vec![7; 1_000];
    let streams = vec![same.as_slice(); 5];
    let log = vec![7; 5_000];
    let mut budget = 1_000_000;
    assert_eq!(Question::new(streams, Log::beginning(&log)).answer(&mut budget), Explained::Yes);
    let mixed: Vec<u32> = (0..60).map(|number| number * number % 7 % 2).collect();
    let log: Vec<u32> = mixed.iter().flat_map(|payload| [*payload; 6]).collect();
    let streams = vec![mixed.as_slice(); 6];
    assert_eq!(Question::new(streams, Log::beginning(&log)).answer(&mut budget), Explained::Yes);
}

#[test]
fn past_the_budget_nothing_is_claimed() {
    let (streams, log) = in_turn(2, 3, 40);
    let streams: Vec<&[u32]> = streams.iter().map(Vec::as_slice).collect();
    let mut budget = 1_000;
    let answer = Question::new(streams.clone(), Log::beginning(&log)).answer(&mut budget);
    assert_eq!(answer, Explained::Unknown);
    assert!(budget < 1_000, "{budget} is left");
    let question = Question::new(streams, Log::beginning(&log));
    assert_eq!(question.answer(&mut BUDGET.clone()), Explained::Yes);
}

/// A right log of so many streams of two payloads, taken in turn.
fn in_turn(seed: u64, count: usize, length: usize) -> (Vec<Vec<u32>>, Vec<u32>) {
    let mut chance = crate::check::fixture::Chance(seed);
    let mut stream = |_| (0..length).map(|_| u32::from(chance.below(2) == 0)).collect();
    let streams: Vec<Vec<u32>> = (0..count).map(&mut stream).collect();
    let log = (0..length).flat_map(|place| streams.iter().map(move |own| own[place])).collect();
    (streams, log)
}

/// Two payloads have millions of ways: a right log is explained all the same, and that a wrong one
/// fits nothing is not said, for most ways were left out.
#[test]
fn where_there_are_too_many_ways_some_are_followed() {
    let (streams, log) = in_turn(5, 4, 60);
    let ask = |log: &[u32]| {
        let streams = streams.iter().map(Vec::as_slice).collect();
        let question = Question { most_ways: 500, ..Question::new(streams, Log::beginning(log)) };
        question.answer(&mut 10_000_000)
    };
    assert_eq!(ask(&log), Explained::Yes);
    let (mut wrong, last) = (log.clone(), log.len() - 1);
    wrong[last] = 1 - wrong[last];
    assert_eq!(ask(&wrong), Explained::Unknown);
}

#[test]
fn more_producers_than_fit_in_a_word_are_searched() {
    let streams: Vec<Vec<u32>> = (0..30_u32).map(|own| vec![own, own + 100, own, own]).collect();
    let log: Vec<u32> = streams.concat();
    assert_eq!(ask(&streams, &[Log::beginning(&log)], false), Explained::Yes);
    let wrong: Vec<u32> = log.iter().rev().copied().collect();
    assert_eq!(ask(&streams, &[Log::beginning(&wrong)], false), Explained::No(1));
}

proptest! {
    #[test]
    fn the_answer_is_that_of_trying_everything(
        streams in prop::collection::vec(prop::collection::vec(0_u32..3, 0..4), 1..4),
        lines in prop::collection::vec(0_u32..3, 0..8),
        other in prop::collection::vec(0_u32..3, 0..6),
        (pick, gone) in (any::<prop::sample::Index>(), any::<prop::sample::Index>()),
        (missing, extra, real) in (0_usize..4, 0_usize..3, 0_u8..4),
    ) {
        let parts: Vec<&[u32]> = streams.iter().map(Vec::as_slice).collect();
        let orders = orders(&parts);
        // Some logs are of a real order that lost an entry or repeats one.
        let mut own = pick.get(&orders).clone();
        if real > 1 && !own.is_empty() {
            let place = gone.index(own.len());
            if real == 2 {
                own.remove(place);
            } else { own.push(own[place]) }
        }
        let lines = if real == 0 { lines } else { own };
        let count = |entries: &[u32], payload| entries.iter().filter(|own| **own == payload).count();
        let total = streams.concat();
        let more = (0..3).map(|payload| count(&lines, payload).saturating_sub(count(&total, payload)));
        // Lines too many are only looked for where nothing of that payload is missing.
        let extra = more.sum::<usize>().min(extra);
        let first = Log { lines: &lines, missing, extra };
        let second = Log { lines: &other, missing, extra: 0 };
        let fits = |logs: &[Log<'_>]| {
            orders.iter().any(|order| logs.iter().all(|log| gives(order, &[], log)))
        };
        for logs in [vec![first], vec![second], vec![first, second]] {
            let answer = ask(&streams, &logs, false);
            prop_assert_eq!(answer == Explained::Yes, fits(&logs), "{:?}", answer);
            // What is found with few ways is right, too, and nothing is denied that is not.
            let streams = streams.iter().map(Vec::as_slice).collect();
            let few = Question {
                streams, logs: logs.clone(), anywhere: false, most_work: 10_000, most_ways: 2,
            };
            let few = few.answer(&mut BUDGET.clone());
            prop_assert!(few == answer || few == Explained::Unknown, "{:?}, {:?}", few, answer);
        }
        let piece = orders.iter().any(|order| {
            lines.is_empty() || order.windows(lines.len()).any(|own| own == lines)
        });
        let answer = ask(&streams, &[Log::beginning(&lines)], true);
        prop_assert_eq!(answer == Explained::Yes, piece, "{:?} anywhere", answer);
    }
}
