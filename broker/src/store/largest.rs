//! The largest of many, without keeping the others.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// The largest of what was offered.
#[derive(Debug)]
pub(super) struct Largest<T> {
    most: usize,
    /// The least of them on top.
    kept: BinaryHeap<Reverse<T>>,
}

impl<T: Ord> Largest<T> {
    pub(super) fn new(most: usize) -> Self {
        Self { most, kept: BinaryHeap::new() }
    }

    /// Keeps it if it is among the largest.
    pub(super) fn offer(&mut self, one: T) {
        if self.kept.len() < self.most {
            self.kept.push(Reverse(one));
        } else if let Some(mut least) = self.kept.peek_mut()
            && one > least.0
        {
            *least = Reverse(one);
        }
    }

    /// They, the largest first.
    pub(super) fn into_vec(self) -> Vec<T> {
        self.kept.into_sorted_vec().into_iter().map(|Reverse(one)| one).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Largest;

    #[test]
    fn the_largest_are_kept_in_order() {
        let mut largest = Largest::new(3);
        for number in [4, 1, 9, 7, 9, 0, 8] {
            largest.offer(number);
        }
        assert_eq!(largest.into_vec(), [9, 9, 8]);
    }
}
