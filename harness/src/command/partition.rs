//! `--partition 1/4`: one of several parts of the scenarios, so that as many machines share a call.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// A part of what is selected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Partition {
    /// From 1.
    part: usize,
    /// How many there are.
    parts: usize,
}

impl Partition {
    /// The names of this part, dealt out in their alphabetical order: each name is in exactly one part,
    /// and no part has two names more than another.
    pub(super) fn of<'a>(self, names: impl IntoIterator<Item = &'a str>) -> BTreeSet<&'a str> {
        let names: BTreeSet<&str> = names.into_iter().collect();
        names.into_iter().skip(self.part - 1).step_by(self.parts).collect()
    }
}

impl FromStr for Partition {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| text.parse::<usize>().ok().filter(|number| *number > 0);
        let (part, parts) = text
            .split_once('/')
            .and_then(|(part, parts)| number(part).zip(number(parts)))
            .ok_or("expected a part such as 1/4, the first of four")?;
        if part > parts {
            return Err(format!("there is no part {part} of {parts}: the last is {parts}/{parts}"));
        }
        Ok(Self { part, parts })
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.part, self.parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_in_exactly_one_part() {
        let names: Vec<String> = (0..23).map(|number| format!("s{number}")).collect();
        for parts in 1..30 {
            let mut seen = Vec::new();
            for part in 1..=parts {
                let own = Partition { part, parts }.of(names.iter().map(String::as_str));
                assert!(own.len().abs_diff(names.len() / parts) <= 1, "{part}/{parts}");
                seen.extend(own);
            }
            seen.sort_unstable();
            let mut all: Vec<&str> = names.iter().map(String::as_str).collect();
            all.sort_unstable();
            assert_eq!(seen, all);
        }
    }

    #[test]
    fn the_order_in_which_they_were_found_does_not_matter() {
        let part: Partition = "2/2".parse().unwrap();
        assert_eq!(part.of(["c", "a", "b"]), BTreeSet::from(["b"]));
        assert_eq!(part.of(["b", "c", "a"]), BTreeSet::from(["b"]));
    }

    #[test]
    fn what_is_no_part_is_refused() {
        let expected = "expected a part such as 1/4, the first of four";
        for text in ["", "1", "0/4", "1/0", "a/b", "1/4/2", "-1/4"] {
            assert_eq!(text.parse::<Partition>(), Err(expected.to_owned()), "{text}");
        }
        let error = "5/4".parse::<Partition>().unwrap_err();
        assert_eq!(error, "there is no part 5 of 4: the last is 4/4");
    }
}
