//! Sequences of payloads: parts, pieces, and what several come to when they are put together.

use std::collections::BTreeMap;

/// Payloads that ascend, and how often each is missing.
pub(super) type Missing = Vec<(u32, usize)>;

/// Sequences that differ are put together only up to this length; a difference of thousands of lines
/// takes time that grows with the square.
pub(super) const EXACT: usize = 20_000;

/// Where each entry of `part` is found in `whole`, as early as possible, if it is what is left of it
/// when entries are taken out.
pub(super) fn embedding(part: &[u32], whole: &[u32]) -> Option<Vec<usize>> {
    let mut places = (0..).zip(whole);
    part.iter().map(|own| places.find(|(_, other)| *other == own).map(|(place, _)| place)).collect()
}

/// Whether `part` is what is left of `whole` when entries are taken out.
pub(super) fn is_part(part: &[u32], whole: &[u32]) -> bool {
    let mut rest = whole.iter();
    part.len() <= whole.len() && part.iter().all(|own| rest.any(|other| other == own))
}

/// The first place where `piece` stands in `whole`, without a gap (by Knuth, Morris and Pratt).
fn find(piece: &[u32], whole: &[u32]) -> Option<usize> {
    if piece.is_empty() {
        return Some(0);
    }
    // By length of a beginning of the piece: the longest shorter beginning that it ends with.
    let mut borders = vec![0; piece.len() + 1];
    let advance = |borders: &[usize], mut matched: usize, entry: u32| {
        while matched > 0 && piece.get(matched) != Some(&entry) {
            matched = borders[matched];
        }
        matched + usize::from(piece.get(matched) == Some(&entry))
    };
    for place in 1..piece.len() {
        borders[place + 1] = advance(&borders, borders[place], piece[place]);
    }
    let mut matched = 0;
    let end = whole.iter().position(|entry| {
        matched = advance(&borders, matched, *entry);
        matched == piece.len()
    })?;
    Some(end + 1 - piece.len())
}

/// The last place where `piece` stands in `whole`, without a gap.
pub(super) fn find_last(piece: &[u32], whole: &[u32]) -> Option<usize> {
    let backwards = |entries: &[u32]| entries.iter().rev().copied().collect::<Vec<u32>>();
    let behind = find(&backwards(piece), &backwards(whole))?;
    Some(whole.len() - piece.len() - behind)
}

/// How often each payload is there.
pub(super) fn counted(entries: &[u32]) -> Missing {
    let mut counts = BTreeMap::new();
    for payload in entries {
        *counts.entry(*payload).or_insert(0) += 1;
    }
    counts.into_iter().collect()
}

/// How often each payload is in `all` more often than in `some`.
pub(super) fn without(all: &Missing, some: &Missing) -> Missing {
    let count = |payload: u32| {
        let place = some.binary_search_by_key(&payload, |own| own.0);
        place.map_or(0, |place| some[place].1)
    };
    let rest = all.iter().map(|(payload, own)| (*payload, own.saturating_sub(count(*payload))));
    rest.filter(|(_, rest)| *rest > 0).collect()
}

/// How many there are of all payloads.
pub(super) fn sum(missing: &Missing) -> usize {
    missing.iter().map(|(_, count)| count).sum()
}

/// A shortest sequence that both are parts of; none if they are too long to find it.
pub(super) fn shortest(one: &[u32], other: &[u32]) -> Option<Vec<u32>> {
    if one.len().max(other.len()) > EXACT {
        return None;
    }
    let mut both = Vec::with_capacity(one.len() + other.len());
    for operation in similar::capture_diff_slices(similar::Algorithm::Myers, one, other) {
        let equal = matches!(operation, similar::DiffOp::Equal { .. });
        both.extend_from_slice(&one[operation.old_range()]);
        if !equal {
            both.extend_from_slice(&other[operation.new_range()]);
        }
    }
    Some(both)
}

#[cfg(test)]
mod tests {
    use super::{find, find_last, is_part, shortest};

    #[test]
    fn pieces_and_parts_are_found() {
        assert_eq!(find(&[1, 1, 2], &[1, 2, 1, 1, 1, 2]), Some(3));
        assert_eq!(find(&[1, 2, 2], &[1, 2, 1, 2]), None);
        assert_eq!(find(&[], &[1]), Some(0));
        assert_eq!(find_last(&[1, 2], &[1, 2, 1, 1, 2, 1]), Some(3));
        assert_eq!(find_last(&[2, 2], &[1, 2, 1, 2]), None);
        assert!(is_part(&[1, 3], &[1, 2, 3]) && !is_part(&[3, 1], &[1, 2, 3]));
        assert_eq!(shortest(&[1, 2, 4], &[1, 3, 4]).unwrap().len(), 4);
    }
}
