//! Names of several actors as one: `P1..P20 P22`.

use crate::input::names::{Kind, list, parse};

/// What several names, each of one actor or of several, are called together.
pub(super) fn together(names: &[&str]) -> String {
    let kind = names.first().and_then(|name| Kind::of(name));
    let numbers = kind.and_then(|kind| {
        let words = names.iter().flat_map(|name| name.split_whitespace());
        let mut numbers: Vec<u32> = Vec::new();
        for word in words {
            numbers.extend(parse(kind, word).ok()?);
        }
        numbers.sort_unstable();
        numbers.dedup();
        Some(list(kind, &numbers))
    });
    numbers.unwrap_or_else(|| names.join(" "))
}

#[cfg(test)]
mod tests {
    use super::together;

    #[test]
    fn names_are_joined_by_their_numbers() {
        assert_eq!(together(&["C2", "C1", "C3", "C7"]), "C1..C3 C7");
        assert_eq!(together(&["P1..P20 P22", "P21"]), "P1..P22");
        assert_eq!(together(&["odd", "names"]), "odd names");
        assert_eq!(together(&[]), "");
    }
}
