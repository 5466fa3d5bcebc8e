//! `harness review|accept|reject|pending`: the review of golden files for people without cargo.
//!
//! `cargo insta review|accept|reject|pending-snapshots` do the same with the same files.

use std::io::{self, BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};

use super::refused::{self, Refused};
use super::streams;
use crate::exit::Exit;
use crate::golden::{self, DEFAULT_FOLDER, Pending};
use crate::input::diagnostic;
use crate::io_error;
use crate::report::terminal::{self, Style};
use crate::report::words;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Scenarios by name; all that are pending where none is named.
    pub names: Vec<String>,
    /// The folder with the golden files.
    #[arg(long, value_name = "DIR", default_value = DEFAULT_FOLDER)]
    pub golden: PathBuf,
}

/// Shows each pending golden file and asks what to do about it. Exit 0, also where nothing is
/// pending or some is skipped; 2 where stdin is not a terminal.
#[must_use]
pub fn review(arguments: &Arguments) -> Exit {
    refused::exit(selected(arguments).and_then(|pending| {
        if !io::stdin().is_terminal() && !pending.is_empty() {
            return Err(Refused::usage(
                "review asks on a terminal, and stdin is none; \
                 use `harness pending`, `harness accept NAME` and `harness reject NAME`",
            ));
        }
        ask(
            &pending,
            &arguments.golden,
            refused::terminal().style(),
            &mut io::stdin().lock(),
            &mut io::stderr().lock(),
        )
    }))
}

/// Accepts what is pending. Exit 0, or 4 where nothing is pending.
#[must_use]
pub fn accept(arguments: &Arguments) -> Exit {
    refused::exit(
        selected(arguments)
            .and_then(|pending| each(&pending, "accepted", arguments, Pending::accept)),
    )
}

/// Deletes what is pending. Exit 0, or 4 where nothing is pending.
#[must_use]
pub fn reject(arguments: &Arguments) -> Exit {
    refused::exit(
        selected(arguments)
            .and_then(|pending| each(&pending, "rejected", arguments, Pending::reject)),
    )
}

/// Lists what is pending, a name a line on stdout. Exit 0, also where nothing is.
#[must_use]
pub fn pending(arguments: &Arguments) -> Exit {
    refused::exit(selected(arguments).and_then(|pending| {
        for entry in &pending {
            let (proposed, difference) = entry.show()?;
            let lines = words::count(difference.lines.len() as u64, "line");
            let what = if entry.accepted.exists() {
                format!("{lines} of difference")
            } else {
                format!("new, {lines}")
            };
            streams::print(&format!("{}\n", entry.name)).map_err(Refused::told)?;
            let description = proposed.description.unwrap_or_else(|| entry.name.clone());
            streams::tell(&format!("  {description}: {what}"));
        }
        let count = words::count(pending.len() as u64, "golden file");
        streams::tell(&format!("{count} pending in {}", arguments.golden.display()));
        Ok(Exit::Passed)
    }))
}

impl From<golden::Error> for Refused {
    fn from(error: golden::Error) -> Self {
        Self { text: format!("error: {error}"), ..Self::told(Exit::Failed) }
    }
}

impl From<io::Error> for Refused {
    fn from(error: io::Error) -> Self {
        let text = format!("error: {}", io_error::reason(&error));
        Self { text, ..Self::told(Exit::Failed) }
    }
}

/// What is pending and meant. A name with nothing pending refuses the whole call: half of what was
/// asked for is not what was asked for.
fn selected(arguments: &Arguments) -> Result<Vec<Pending>, Refused> {
    let folder = &arguments.golden;
    if !folder.is_dir() {
        let hint = "name the folder with --golden DIR";
        return Err(Refused::usage(format!("there is no folder {}; {hint}", folder.display())));
    }
    let all = golden::pending(folder)?;
    if arguments.names.is_empty() {
        return Ok(all);
    }
    for name in &arguments.names {
        if !all.iter().any(|pending| pending.name == *name) {
            let known = all.iter().map(|pending| pending.name.as_str());
            let hint = match all.is_empty() {
                true => String::from("nothing is at all"),
                false => diagnostic::hint(name, known),
            };
            let folder = folder.display();
            return Err(Refused::usage(format!(
                "nothing is pending for `{name}` in {folder}; {hint}"
            )));
        }
    }
    Ok(all.into_iter().filter(|pending| arguments.names.contains(&pending.name)).collect())
}

fn each(
    pending: &[Pending],
    done: &str,
    arguments: &Arguments,
    act: impl Fn(&Pending) -> Result<(), golden::Error>,
) -> Result<Exit, Refused> {
    if pending.is_empty() {
        streams::tell(&format!("nothing is pending in {}", arguments.golden.display()));
        return Ok(Exit::NothingSelected);
    }
    for entry in pending {
        act(entry)?;
        streams::tell(&format!("{done}  {}", entry.name));
    }
    streams::tell(&format!("{} {done}", words::count(pending.len() as u64, "golden file")));
    Ok(Exit::Passed)
}

/// Asks about each; the end of the input leaves the rest pending.
fn ask(
    pending: &[Pending],
    folder: &Path,
    style: Style,
    input: &mut dyn BufRead,
    output: &mut dyn Write,
) -> Result<Exit, Refused> {
    if pending.is_empty() {
        writeln!(output, "nothing is pending in {}", folder.display())?;
        return Ok(Exit::Passed);
    }
    let (mut accepted, mut rejected) = (0, 0);
    for (place, entry) in pending.iter().enumerate() {
        let (proposed, difference) = entry.show()?;
        let description = proposed.description.unwrap_or_else(|| entry.name.clone());
        let news = if entry.accepted.exists() { "" } else { " (new)" };
        writeln!(output, "{} of {}: {description}{news}\n", place + 1, pending.len())?;
        terminal::difference(&difference, style, output)?;
        writeln!(output)?;
        match answer(input, output)? {
            Some(Answer::Accept) => {
                entry.accept()?;
                accepted += 1;
            }
            Some(Answer::Reject) => {
                entry.reject()?;
                rejected += 1;
            }
            Some(Answer::Skip) => {}
            None => break,
        }
    }
    let left = pending.len() - accepted - rejected;
    writeln!(output, "{accepted} accepted, {rejected} rejected, {left} left pending")?;
    Ok(Exit::Passed)
}

#[derive(Clone, Copy)]
enum Answer {
    Accept,
    Reject,
    Skip,
}

/// Asks until it is answered; none at the end of the input.
fn answer(input: &mut dyn BufRead, output: &mut dyn Write) -> io::Result<Option<Answer>> {
    loop {
        write!(output, "(a)ccept, (r)eject or (s)kip? ")?;
        output.flush()?;
        let mut line = String::new();
        if input.read_line(&mut line)? == 0 {
            writeln!(output)?;
            return Ok(None);
        }
        match line.trim().to_ascii_lowercase().as_str() {
            "a" | "accept" => return Ok(Some(Answer::Accept)),
            "r" | "reject" => return Ok(Some(Answer::Reject)),
            "s" | "skip" => return Ok(Some(Answer::Skip)),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden::{Golden, accepted_path, pending_path};

    fn propose(folder: &Path, name: &str, ledger: &str) {
        let golden = Golden {
            description: Some(format!("{name}: a test")),
            input_file: Some(format!("scenarios/{name}.yaml")),
            ledger: ledger.to_owned(),
        };
        golden.write(&pending_path(folder, name)).unwrap();
    }

    fn accepted(folder: &Path, name: &str) -> Option<String> {
        Golden::read(&accepted_path(folder, name)).unwrap().map(|golden| golden.ledger)
    }

    fn answered(folder: &Path, typed: &str) -> String {
        let pending = golden::pending(folder).unwrap();
        let mut output = Vec::new();
        ask(&pending, folder, Style::default(), &mut typed.as_bytes(), &mut output).unwrap();
        String::from_utf8(output).unwrap()
    }

    #[test]
    fn a_review_does_to_each_what_is_answered() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        for name in ["a", "b", "c"] {
            propose(folder, name, "ledger 1\nC1  T1  1");
        }
        let shown = answered(folder, "a\nwhat?\nr\ns\n");
        assert_eq!(
            shown,
            "1 of 3: a: a test (new)\n\n      + ledger 1\n      + C1  T1  1\n\n\
             (a)ccept, (r)eject or (s)kip? \
             2 of 3: b: a test (new)\n\n      + ledger 1\n      + C1  T1  1\n\n\
             (a)ccept, (r)eject or (s)kip? (a)ccept, (r)eject or (s)kip? \
             3 of 3: c: a test (new)\n\n      + ledger 1\n      + C1  T1  1\n\n\
             (a)ccept, (r)eject or (s)kip? \
             1 accepted, 1 rejected, 1 left pending\n"
        );
        assert_eq!(accepted(folder, "a").as_deref(), Some("ledger 1\nC1  T1  1"));
        assert_eq!(accepted(folder, "b"), None);
        let left = golden::pending(folder).unwrap();
        assert_eq!(left.iter().map(|entry| entry.name.as_str()).collect::<Vec<_>>(), ["c"]);
    }

    #[test]
    fn the_end_of_the_input_leaves_the_rest_pending() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a", "b"] {
            propose(folder.path(), name, "ledger 1");
        }
        let shown = answered(folder.path(), "accept\n");
        assert!(shown.ends_with("\n1 accepted, 0 rejected, 1 left pending\n"), "{shown}");
        assert!(answered(folder.path(), "").ends_with("0 accepted, 0 rejected, 1 left pending\n"));
    }
}
