//! Names of actors: `P4`, `C1..C100`.

use std::fmt;
use std::ops::RangeInclusive;

use super::diagnostic::Diagnostic;

/// The greatest number that an actor may have, and so the most there are of a kind.
pub const ACTOR_MAX: u32 = 100_000;

/// One actor by its name: `P4`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Actor {
    /// What it does.
    pub kind: Kind,
    /// 4 in `P4`.
    pub number: u32,
}

impl Actor {
    /// `P4` for 4.
    pub const fn producer(number: u32) -> Self {
        Self { kind: Kind::Producer, number }
    }

    /// `C1` for 1.
    pub const fn consumer(number: u32) -> Self {
        Self { kind: Kind::Consumer, number }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.kind.letter(), self.number)
    }
}

/// What an actor does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `P`.
    Producer,
    /// `C`.
    Consumer,
}

impl Kind {
    /// The kind that a name begins like, in either case.
    pub fn of(name: &str) -> Option<Self> {
        match name.chars().next()? {
            'P' | 'p' => Some(Self::Producer),
            'C' | 'c' => Some(Self::Consumer),
            _ => None,
        }
    }

    /// What its names begin with.
    pub const fn letter(self) -> char {
        match self {
            Self::Producer => 'P',
            Self::Consumer => 'C',
        }
    }

    const fn other(self) -> Self {
        match self {
            Self::Producer => Self::Consumer,
            Self::Consumer => Self::Producer,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Producer => "producer",
            Self::Consumer => "consumer",
        })
    }
}

/// The numbers that `P4` or `P1..P100` stands for.
pub fn parse(kind: Kind, word: &str) -> Result<RangeInclusive<u32>, Diagnostic> {
    let read = match word.split_once("..") {
        None => number(kind, word, word).map(|number| number..=number),
        Some((first, last)) => match (number(kind, first, word), number(kind, last, word)) {
            (Ok(first), Ok(last)) => Ok(first..=last),
            (Err(wrong), _) | (_, Err(wrong)) => Err(wrong),
        },
    };
    let range = read.map_err(|wrong| match meant(kind, word) {
        Some(meant) => {
            let wrong = Diagnostic::new(format!("`{word}` is not a {kind}"))
                .label(format!("did you mean `{meant}`?"));
            if word.contains(BETWEEN_NAMES) {
                wrong.help("names in one value have blanks between them, and nothing else")
            } else {
                wrong
            }
        }
        None => wrong,
    })?;
    let (first, last) = (range.start(), range.end());
    if first > last {
        let letter = kind.letter();
        return Err(Diagnostic::new(format!("the range `{word}` is reversed"))
            .label(format!("did you mean `{letter}{last}..{letter}{first}`?")));
    }
    Ok(range)
}

/// What stands between two ends of a range, or between two names, where people write it in another
/// way.
const BETWEEN_ENDS: [&str; 8] = ["..=", "...", "..", "\u{2026}", "\u{2013}", "-", ":", "~"];
const BETWEEN_NAMES: [char; 4] = [',', ';', '+', '&'];

/// The right spelling of names that are written in another way: `P1,P2`, `P1..3`, `P1-P3`, `p2`.
fn meant(kind: Kind, word: &str) -> Option<String> {
    if word.contains(BETWEEN_NAMES) {
        let names = word.split(BETWEEN_NAMES).map(str::trim).filter(|name| !name.is_empty());
        let names = names.map(|name| match parse(kind, name) {
            Ok(_) => Some(name.to_owned()),
            Err(_) => meant(kind, name),
        });
        let names: Vec<String> = names.collect::<Option<_>>()?;
        return (!names.is_empty()).then(|| names.join(" "));
    }
    let letter = kind.letter();
    let name = |name: &str| {
        let digits = name.trim().strip_prefix([letter, letter.to_ascii_lowercase()]);
        let digits = digits.unwrap_or(name.trim());
        let number: u32 = is_number(digits).then(|| digits.parse().ok()).flatten()?;
        (1..=ACTOR_MAX).contains(&number).then(|| format!("{letter}{number}"))
    };
    let split = |between: &&str| word.split_once(*between);
    match BETWEEN_ENDS.iter().find_map(split) {
        Some((first, last)) => Some(format!("{}..{}", name(first)?, name(last)?)),
        None => name(word),
    }
}

fn number(kind: Kind, name: &str, word: &str) -> Result<u32, Diagnostic> {
    let letter = kind.letter();
    let bad = || Diagnostic::new(format!("`{word}` is not a {kind}"));
    let Some(digits) = name.strip_prefix(letter).filter(|digits| is_number(digits)) else {
        if is_number(name.strip_prefix(kind.other().letter()).unwrap_or_default()) {
            return Err(bad().label(format!("a {} stands where a {kind} belongs", kind.other())));
        }
        let example = format!("a {kind} is `{letter}` and a number, such as `{letter}1`");
        return Err(bad().label(example));
    };
    if digits.bytes().all(|digit| digit == b'0') {
        return Err(bad().label("numbers begin at 1"));
    }
    if digits.starts_with('0') {
        return Err(bad().label("numbers have no zeros in front"));
    }
    digits.parse().ok().filter(|number| *number <= ACTOR_MAX).ok_or_else(|| {
        Diagnostic::new(format!("`{word}` is too large"))
            .label(format!("numbers go up to {ACTOR_MAX}"))
    })
}

fn is_number(digits: &str) -> bool {
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// Ascending numbers as names, runs of three and more as ranges: `P1 P2 P4..P9`.
pub fn list(kind: Kind, numbers: &[u32]) -> String {
    let letter = kind.letter();
    let mut words = Vec::new();
    for run in numbers.chunk_by(|a, b| a + 1 == *b) {
        match run {
            [first, _, .., last] => words.push(format!("{letter}{first}..{letter}{last}")),
            few => words.extend(few.iter().map(|number| format!("{letter}{number}"))),
        }
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_short_and_exact() {
        assert_eq!(list(Kind::Producer, &[]), "");
        assert_eq!(list(Kind::Producer, &[1, 2, 4, 5, 6, 9]), "P1 P2 P4..P6 P9");
        assert_eq!(list(Kind::Consumer, &[7]), "C7");
    }

    #[test]
    fn words_stand_for_numbers() {
        let check = |word| parse(Kind::Producer, word).map_err(|error| error.title().to_owned());
        assert_eq!(check("P4"), Ok(4..=4));
        assert_eq!(check("P1..P100"), Ok(1..=100));
        for wrong in ["", "P", "P0", "P01", "p1", "C1", "P1..", "..P2", "P2..P1", "P1..3", "P-1"] {
            assert!(check(wrong).is_err(), "{wrong}");
        }
        assert_eq!(check("P1..P4000000000"), Err("`P1..P4000000000` is too large".to_owned()));
    }

    #[test]
    fn names_that_are_written_in_another_way_are_understood() {
        let check = |word, expected: &str| {
            let said = parse(Kind::Producer, word).unwrap_err().brief();
            assert_eq!(said, format!("`{word}` is not a producer: did you mean `{expected}`?"));
        };
        check("P1,", "P1");
        check("P1,P2", "P1 P2");
        check("p1;P3..4", "P1 P3..P4");
        for range in ["P1..3", "P1-P3", "P1-3", "1..3", "p1..p3", "P1..=P3", "P1...P3", "P1:P3"] {
            check(range, "P1..P3");
        }
        check("p2", "P2");
        check("7", "P7");
        check("P03", "P3");
        for none in ["P", "C1..C3", "X1-X3", "P1-C3", ",", "P0-P3", "all"] {
            let said = parse(Kind::Producer, none).unwrap_err().brief();
            assert!(!said.contains("did you mean"), "{said}");
        }
    }
}
