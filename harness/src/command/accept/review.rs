//! The questions of `harness review`: each pending golden file is shown, and one key says what to do,
//! the same as `cargo insta review` has.

use std::io::{self, Read, Write};
use std::path::Path;

use super::keys::{self, Key};
use crate::command::refused::Refused;
use crate::exit::Exit;
use crate::golden::Pending;
use crate::report::terminal::{self, Style};

/// What each question ends with.
const KEYS: &str = "(a)ccept (r)eject (s)kip, (A)ccept all (R)eject all, (d)ifference, (q)uit? ";

/// What to do about one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Answer {
    Accept,
    Reject,
    Skip,
}

/// How many were answered in which way.
#[derive(Default)]
struct Tally {
    accepted: usize,
    rejected: usize,
}

/// Asks about each; Ctrl-C, `q` and the end of the input leave the rest pending.
pub(super) fn ask(
    pending: &[Pending],
    folder: &Path,
    style: Style,
    input: &mut dyn Read,
    output: &mut dyn Write,
) -> Result<Exit, Refused> {
    if pending.is_empty() {
        writeln!(output, "nothing is pending in {}", folder.display())?;
        return Ok(Exit::Passed);
    }
    let mut exit = Exit::Passed;
    let mut tally = Tally::default();
    // `d` holds for the next ones, too, and so does an answer for all.
    let (mut shows_difference, mut all) = (true, None);
    'entries: for (place, entry) in pending.iter().enumerate() {
        if let Some(answer) = all {
            tally.carry_out(answer, entry)?;
            continue;
        }
        let news = if entry.accepted.exists() { "" } else { " (new)" };
        let description = entry.show()?.0.description.unwrap_or_else(|| entry.name.clone());
        writeln!(output, "{} of {}: {description}{news}", place + 1, pending.len())?;
        show(entry, shows_difference, style, output)?;
        let answer = loop {
            match keys::next(input)? {
                Key::Letter('a') => break Answer::Accept,
                Key::Letter('r') => break Answer::Reject,
                Key::Letter('s') => break Answer::Skip,
                Key::Letter('A') => break *all.insert(Answer::Accept),
                Key::Letter('R') => break *all.insert(Answer::Reject),
                Key::Letter('d') => {
                    shows_difference = !shows_difference;
                    writeln!(output)?;
                    show(entry, shows_difference, style, output)?;
                }
                Key::CtrlC => {
                    exit = Exit::Interrupted;
                    writeln!(output)?;
                    break 'entries;
                }
                Key::Letter('q') | Key::End => {
                    writeln!(output)?;
                    break 'entries;
                }
                Key::Letter(_) => {}
            }
        };
        tally.carry_out(answer, entry)?;
        let done = match answer {
            Answer::Accept => "accepted",
            Answer::Reject => "rejected",
            Answer::Skip => "skipped",
        };
        writeln!(output, "{done}{}\n", if all.is_some() { ", as all that follow" } else { "" })?;
    }
    let Tally { accepted, rejected } = tally;
    let left = pending.len() - accepted - rejected;
    writeln!(output, "{accepted} accepted, {rejected} rejected, {left} left pending")?;
    Ok(exit)
}

impl Tally {
    fn carry_out(&mut self, answer: Answer, entry: &Pending) -> Result<(), Refused> {
        match answer {
            Answer::Accept => {
                entry.accept()?;
                self.accepted += 1;
            }
            Answer::Reject => {
                entry.reject()?;
                self.rejected += 1;
            }
            Answer::Skip => {}
        }
        Ok(())
    }
}

/// Shows how the ledger differs, or else all of it, and asks.
fn show(
    entry: &Pending,
    shows_difference: bool,
    style: Style,
    output: &mut dyn Write,
) -> Result<(), Refused> {
    let (proposed, difference) = entry.show()?;
    writeln!(output)?;
    if shows_difference {
        terminal::difference(&difference, style, output)?;
    } else {
        let mut lines = proposed.ledger.lines();
        lines.try_for_each(|line| writeln!(output, "        {line}"))?;
    }
    write!(output, "\n{KEYS}")?;
    output.flush().map_err(io::Error::into)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden::{self, Golden, accepted_path, pending_path};

    fn propose(folder: &Path, name: &str, ledger: &str) {
        let golden = Golden {
            description: Some(format!("{name}: a test")),
            input_file: Some(format!("scenarios/{name}.yaml")),
            ledger: ledger.to_owned(),
        };
        golden.write(&pending_path(folder, name)).unwrap();
    }

    /// A folder with `a`, `b` and `c` pending, of which `a` has a reviewed file.
    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        propose(folder.path(), "a", "ledger 1\nC1  T1  1");
        golden::pending(folder.path()).unwrap()[0].accept().unwrap();
        for (name, count) in [("a", 2), ("b", 1), ("c", 1)] {
            propose(folder.path(), name, &format!("ledger 1\nC1  T1  {count}"));
        }
        folder
    }

    fn answered(folder: &Path, typed: &str) -> (Exit, String) {
        let pending = golden::pending(folder).unwrap();
        let mut output = Vec::new();
        let style = Style::default();
        let exit = ask(&pending, folder, style, &mut typed.as_bytes(), &mut output).unwrap();
        (exit, String::from_utf8(output).unwrap())
    }

    fn left(folder: &Path) -> Vec<String> {
        golden::pending(folder).unwrap().into_iter().map(|entry| entry.name).collect()
    }

    fn accepted(folder: &Path, name: &str) -> Option<String> {
        Golden::read(&accepted_path(folder, name)).unwrap().map(|golden| golden.ledger)
    }

    /// What is left, and the last line, after these keys.
    fn check(typed: &str, names: &[&str], last: &str) -> (tempfile::TempDir, String) {
        let folder = folder();
        let (exit, shown) = answered(folder.path(), typed);
        assert_eq!(exit, Exit::Passed, "{typed}");
        assert_eq!(left(folder.path()), names, "{typed}");
        assert_eq!(shown.lines().last().unwrap(), last, "{typed}: {shown}");
        (folder, shown)
    }

    #[test]
    fn a_review_does_to_each_what_its_key_says() {
        let last = "1 accepted, 1 rejected, 1 left pending";
        let (folder, shown) = check("ax?\nrs", &["c"], last);
        assert_eq!(
            shown,
            format!(
                "1 of 3: a: a test\n\n      - C1  T1  1\n      + C1  T1  2\n\n{KEYS}accepted\n\n\
                 2 of 3: b: a test (new)\n\n      + ledger 1\n      + C1  T1  1\n\n\
                 {KEYS}rejected\n\n\
                 3 of 3: c: a test (new)\n\n      + ledger 1\n      + C1  T1  1\n\n\
                 {KEYS}skipped\n\n{last}\n"
            )
        );
        assert_eq!(accepted(folder.path(), "a").as_deref(), Some("ledger 1\nC1  T1  2"));
        assert_eq!(accepted(folder.path(), "b"), None);
    }

    #[test]
    fn capital_letters_answer_for_all_that_follow() {
        let (_folder, shown) = check("sA", &["a"], "2 accepted, 0 rejected, 1 left pending");
        assert!(shown.contains("accepted, as all that follow\n"), "{shown}");
        assert!(!shown.contains("3 of 3"), "the third is not asked about: {shown}");
        let (folder, _) = check("aR", &[], "1 accepted, 2 rejected, 0 left pending");
        assert_eq!(accepted(folder.path(), "b"), None);
    }

    #[test]
    fn d_shows_the_whole_ledger_in_place_of_the_difference_and_back() {
        let (_folder, shown) =
            check("dsdq", &["a", "b", "c"], "0 accepted, 0 rejected, 3 left pending");
        let [difference, whole, still, back] = shown.split(KEYS).collect::<Vec<_>>()[..4] else {
            panic!("{shown}")
        };
        assert!(difference.ends_with("\n      - C1  T1  1\n      + C1  T1  2\n\n"), "{difference}");
        assert_eq!(whole, "\n\n        ledger 1\n        C1  T1  2\n\n");
        assert!(still.ends_with("(new)\n\n        ledger 1\n        C1  T1  1\n\n"), "{still}");
        assert!(back.contains("      + C1  T1  1\n"), "{back}");
    }

    #[test]
    fn what_is_left_stays_pending_at_the_end_at_q_and_at_ctrl_c() {
        for end in ["", "q", "\x04", "qA"] {
            let typed = format!("a{end}");
            check(&typed, &["b", "c"], "1 accepted, 0 rejected, 2 left pending");
        }
        let folder = folder();
        let (exit, shown) = answered(folder.path(), "r\x03a");
        assert_eq!((exit, left(folder.path()).len()), (Exit::Interrupted, 2), "{shown}");
        assert!(shown.ends_with("0 accepted, 1 rejected, 2 left pending\n"), "{shown}");
    }
}
