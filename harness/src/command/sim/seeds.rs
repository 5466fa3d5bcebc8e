//! A range of seeds: `1..1000`, both ends included.

use std::fmt;
use std::str::FromStr;

/// A range of seeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seeds {
    /// The first.
    pub first: u64,
    /// The last, at least `first`.
    pub last: u64,
}

impl Seeds {
    /// How many there are; of all that there can be one is left out.
    #[must_use]
    pub fn count(self) -> u64 {
        (self.last - self.first).saturating_add(1)
    }

    /// The seed at a place, from 0; none behind the last.
    #[must_use]
    pub fn at(self, place: u64) -> Option<u64> {
        self.first.checked_add(place).filter(|seed| *seed <= self.last)
    }
}

impl FromStr for Seeds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| text.trim().parse::<u64>().ok();
        let ends = match text.split_once("..") {
            Some((first, last)) => number(first).zip(number(last)),
            None => number(text).map(|seed| (seed, seed)),
        };
        let Some((first, last)) = ends else {
            return Err("expected seeds such as 1..1000".to_owned());
        };
        if first > last {
            return Err("the smaller seed comes first".to_owned());
        }
        Ok(Self { first, last })
    }
}

impl fmt::Display for Seeds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.first, self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::Seeds;

    #[test]
    fn both_ends_are_included() {
        let seeds: Seeds = "3..5".parse().unwrap();
        let all: Vec<_> = (0..).map_while(|place| seeds.at(place)).collect();
        assert_eq!(all, [3, 4, 5]);
        assert_eq!(seeds.count(), 3);
        assert_eq!("7".parse(), Ok(Seeds { first: 7, last: 7 }));
        let end = Seeds { first: u64::MAX, last: u64::MAX };
        assert_eq!((end.at(0), end.at(1)), (Some(u64::MAX), None));
    }

    #[test]
    fn a_bad_range_is_refused_with_what_would_be_good() {
        assert_eq!("5..3".parse::<Seeds>(), Err("the smaller seed comes first".to_owned()));
        for text in ["", "..", "1..", "a..b", "-1..3", "1...3"] {
            assert_eq!(text.parse::<Seeds>(), Err("expected seeds such as 1..1000".to_owned()));
        }
    }
}
