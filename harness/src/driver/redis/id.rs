//! The ids of a stream's entries, `1764198873123-0`, as offsets.
//!
//! An id is a time in milliseconds and a number within that millisecond, in decimal. As an offset the
//! time is the upper 44 bits (they last until the year 2527) and the number the lower 20, so that
//! offsets are ordered as ids are. Nearly all numbers between two offsets are no entry's.

use crate::history::Offset;

const NUMBER_BITS: u32 = 20;

/// The id of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Id {
    millis: u64,
    number: u64,
}

impl Id {
    /// Less than any other that an entry can have.
    pub(super) const FIRST: Self = Self { millis: 0, number: 1 };

    /// The id in the server's words; none where it is none, or where no offset can stand for it.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (millis, number) = text.split_once('-')?;
        let (millis, number) = (millis.parse::<u64>().ok()?, number.parse::<u64>().ok()?);
        let fits = millis >> (u64::BITS - NUMBER_BITS) == 0 && number >> NUMBER_BITS == 0;
        fits.then_some(Self { millis, number })
    }

    /// The id that this offset stands for.
    pub(super) fn at(offset: Offset) -> Self {
        Self { millis: offset >> NUMBER_BITS, number: offset & ((1 << NUMBER_BITS) - 1) }
    }

    /// What stands for it.
    pub(super) fn offset(self) -> Offset {
        self.millis << NUMBER_BITS | self.number
    }
}

impl std::fmt::Display for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.millis, self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_offsets_lead_to_each_other_in_the_same_order() {
        let ids = ["0-1", "0-2", "1-0", "1764198873123-0", "1764198873123-1048575"];
        let ids = ids.map(|text| {
            let id = Id::parse(text).unwrap();
            assert_eq!(id.to_string(), text);
            assert_eq!(Id::at(id.offset()), id);
            id
        });
        assert_eq!(ids[0], Id::FIRST);
        assert!(ids.is_sorted() && ids.map(Id::offset).is_sorted());
        let after = Id::at(ids[4].offset() + 1).to_string();
        assert_eq!(after, "1764198873124-0", "the next that is possible");
    }

    #[test]
    fn what_no_offset_stands_for_is_none() {
        for text in ["", "1", "1-", "-1", "1-x", "1-1048576", "17592186044416-0", "1--1"] {
            assert_eq!(Id::parse(text), None, "{text}");
        }
    }
}
