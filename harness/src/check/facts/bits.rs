//! A set of small numbers, a bit each.

use std::ops::Range;

/// A set of numbers below a bound that is given at its birth.
#[derive(Clone, Debug, Default)]
pub(in crate::check) struct Bits {
    words: Vec<u64>,
}

impl Bits {
    pub(in crate::check) fn new(bound: usize) -> Self {
        Self { words: vec![0; bound.div_ceil(64)] }
    }

    /// Adds a number; whether it was new.
    #[inline]
    pub(in crate::check) fn insert(&mut self, number: usize) -> bool {
        let word = &mut self.words[number / 64];
        let bit = 1 << (number % 64);
        let new = *word & bit == 0;
        *word |= bit;
        new
    }

    pub(in crate::check) fn remove(&mut self, number: usize) {
        self.words[number / 64] &= !(1 << (number % 64));
    }

    #[inline]
    pub(in crate::check) fn contains(&self, number: usize) -> bool {
        self.words[number / 64] & (1 << (number % 64)) != 0
    }

    /// The first number of the range that is not in the set.
    pub(in crate::check) fn first_missing(&self, range: Range<usize>) -> Option<usize> {
        let mut number = range.start;
        while number < range.end {
            let rest = !self.words[number / 64] >> (number % 64);
            if rest != 0 {
                let found = number + rest.trailing_zeros() as usize;
                return (found < range.end).then_some(found);
            }
            number = (number / 64 + 1) * 64;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::Bits;

    #[test]
    fn the_first_missing_number_is_found_across_words() {
        let mut bits = Bits::new(200);
        for number in (0..200).filter(|number| ![63, 130, 199].contains(number)) {
            assert!(bits.insert(number));
        }
        assert!(!bits.insert(0));
        assert_eq!(bits.first_missing(0..200), Some(63));
        assert_eq!(bits.first_missing(64..200), Some(130));
        assert_eq!(bits.first_missing(131..199), None);
        assert_eq!(bits.first_missing(131..200), Some(199));
        assert!(bits.contains(62) && !bits.contains(63));
    }
}
