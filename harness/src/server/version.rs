//! The version of a server's program.

use std::fmt;
use std::path::Path;
use std::process::{Command, Stdio};

/// Major, minor, patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u32, pub u32, pub u32);

impl Version {
    /// What a program says when it is started with this argument; none where it says none.
    pub fn of(program: &Path, argument: &str) -> Option<Self> {
        let mut run = Command::new(program);
        let output = run.arg(argument).stdin(Stdio::null()).output().ok()?;
        let said = [output.stdout, output.stderr].concat();
        Self::find(&String::from_utf8_lossy(&said))
    }

    /// The first version in a text: digits, a dot and digits, as in `v=7.0.15` or `v2.15.1`.
    pub fn find(text: &str) -> Option<Self> {
        let is_part = |c: char| c.is_ascii_digit() || c == '.';
        text.split(|c| !is_part(c)).find_map(Self::parse)
    }

    fn parse(word: &str) -> Option<Self> {
        let mut numbers = word.trim_matches('.').split('.').map(|part| part.parse().ok());
        let (major, minor) = (numbers.next()??, numbers.next()??);
        Some(Self(major, minor, numbers.next().flatten().unwrap_or(0)))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(major, minor, patch) = self;
        write!(f, "{major}.{minor}.{patch}")
    }
}

#[cfg(test)]
mod tests {
    use super::Version;

    #[test]
    fn a_version_is_found_in_what_programs_say() {
        let cases = [
            ("nats-server: v2.15.1", Some(Version(2, 15, 1))),
            ("Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.2.1", Some(Version(7, 0, 15))),
            ("mosquitto version 2.0\n", Some(Version(2, 0, 0))),
            ("version 3 of 2026.", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(Version::find(text), expected, "{text}");
        }
        assert!(Version(2, 9, 10) < Version(2, 10, 0));
    }
}
