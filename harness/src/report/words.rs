//! The words that reports share: numbers, times, command lines.

use std::fmt::Write;
use std::path::Path;

use crate::golden;
pub use crate::numbers::{count, number, time};
use crate::shell::shell;

/// Two figures and a unit: `812 B`, `1.2 kB`, `12 kB`, `3.4 MB`.
pub fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    if bytes < 1_000 {
        return format!("{bytes} B");
    }
    let (mut value, mut unit) = (bytes as f64 / 1e3, 0);
    // What is rounded to 1000 of a unit is 1 of the next.
    while value >= 999.5 && unit + 1 < UNITS.len() {
        (value, unit) = (value / 1e3, unit + 1);
    }
    let decimals = usize::from(value < 9.95);
    format!("{value:.decimals$} {}", UNITS[unit])
}

/// The command line that accepts the pending ledger of a scenario, called in the current folder.
pub fn accept_command(name: &str, folder: &Path) -> String {
    let mut command = format!("harness accept {}", shell(name));
    if golden::folder_here().is_none_or(|here| here != golden::absolute(folder)) {
        let _ = write!(command, " --golden {}", shell(&folder.to_string_lossy()));
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_two_figures_or_more() {
        let check = |count, expected: &str| assert_eq!(bytes(count), expected);
        check(0, "0 B");
        check(999, "999 B");
        check(1_000, "1.0 kB");
        check(9_949, "9.9 kB");
        check(9_951, "10 kB");
        check(12_345, "12 kB");
        check(999_499, "999 kB");
        check(999_500, "1.0 MB");
        check(u64::MAX, "18 EB");
    }

    #[test]
    fn an_accept_command_can_be_pasted() {
        let here = golden::folder_here().expect("these sources have one");
        assert_eq!(accept_command("5p3c", &here), "harness accept 5p3c");
        assert_eq!(accept_command("a", Path::new("my g")), "harness accept a --golden 'my g'");
    }
}
