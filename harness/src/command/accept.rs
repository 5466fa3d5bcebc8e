//! `harness review|accept|reject|pending`: the review of golden files for people without cargo.
//!
//! `cargo insta review|accept|reject|pending-snapshots` do the same with the same files.

mod keys;
mod orphans;
mod review;

use std::io::{self, IsTerminal};
use std::path::PathBuf;

use self::keys::SingleKeys;
use self::orphans::Orphan;

use super::refused::{self, Refused};
use super::streams;
use crate::exit::Exit;
use crate::golden::{self, Pending};
use crate::input::diagnostic;
use crate::io_error;
use crate::report::words;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Scenarios by name; all that are pending where none is named.
    pub names: Vec<String>,
    /// The folder with the golden files; by default the nearest `golden` in the current folder or
    /// above it.
    #[arg(long, value_name = "DIR")]
    pub golden: Option<PathBuf>,
}

/// The folder that is meant, and what is pending there and meant.
struct Selected {
    folder: PathBuf,
    pending: Vec<Pending>,
}

/// Shows each pending golden file and asks what to do about it. Exit 0, also where nothing is
/// pending or some is skipped; 2 where stdin is not a terminal; 130 after Ctrl-C.
#[must_use]
pub fn review(arguments: &Arguments) -> Exit {
    refused::exit(selected(arguments).and_then(|Selected { folder, pending }| {
        let stdin = io::stdin();
        if !stdin.is_terminal() && !pending.is_empty() {
            return Err(Refused::usage(
                "review asks on a terminal, and stdin is none; \
                 use `harness pending`, `harness accept NAME` and `harness reject NAME`",
            ));
        }
        let _single = if pending.is_empty() { None } else { Some(SingleKeys::new(&stdin)?) };
        let style = refused::terminal().style();
        review::ask(&pending, &folder, style, &mut stdin.lock(), &mut io::stderr().lock())
    }))
}

/// Accepts what is pending. Exit 0, or 4 where nothing is pending.
#[must_use]
pub fn accept(arguments: &Arguments) -> Exit {
    refused::exit(
        selected(arguments).and_then(|selected| each(&selected, "accepted", Pending::accept)),
    )
}

/// Deletes what is pending. Exit 0, or 4 where nothing is pending.
#[must_use]
pub fn reject(arguments: &Arguments) -> Exit {
    refused::exit(
        selected(arguments).and_then(|selected| each(&selected, "rejected", Pending::reject)),
    )
}

/// Lists what is pending, a name a line on stdout, and says which golden files have no scenario. Exit
/// 0, also where nothing is.
#[must_use]
pub fn pending(arguments: &Arguments) -> Exit {
    refused::exit(selected(arguments).and_then(|Selected { folder, pending }| {
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
        let orphans =
            if arguments.names.is_empty() { orphans::orphans(&folder)? } else { Vec::new() };
        for Orphan { name, was, files } in &orphans {
            let files: Vec<_> = files.iter().map(|file| file.display().to_string()).collect();
            streams::tell(&format!(
                "  {name}: no scenario has this name and wants a golden file (it was {was}); \
                 delete {}, or bring the scenario back",
                files.join(" and ")
            ));
        }
        let count = words::count(pending.len() as u64, "golden file");
        let without = match orphans.len() {
            0 => String::new(),
            orphans => format!(", {} without a scenario", words::number(orphans as u64)),
        };
        streams::tell(&format!("{count} pending in {}{without}", folder.display()));
        Ok(Exit::Passed)
    }))
}

impl From<golden::Error> for Refused {
    fn from(error: golden::Error) -> Self {
        Self::usage(error)
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
fn selected(arguments: &Arguments) -> Result<Selected, Refused> {
    let folder = match &arguments.golden {
        Some(folder) if folder.is_dir() => golden::absolute(folder),
        Some(folder) => {
            let folder = golden::absolute(folder);
            return Err(Refused::usage(format!("there is no folder {}", folder.display())));
        }
        None => golden::folder_here().ok_or_else(|| {
            let here = golden::absolute(".".as_ref());
            Refused::usage(format!(
                "there is no folder golden in {} or above it; name the folder with --golden DIR",
                here.display()
            ))
        })?,
    };
    let all = golden::pending(&folder)?;
    if arguments.names.is_empty() {
        return Ok(Selected { folder, pending: all });
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
    let is_meant = |pending: &Pending| arguments.names.contains(&pending.name);
    Ok(Selected { folder, pending: all.into_iter().filter(is_meant).collect() })
}

fn each(
    Selected { folder, pending }: &Selected,
    done: &str,
    act: impl Fn(&Pending) -> Result<(), golden::Error>,
) -> Result<Exit, Refused> {
    if pending.is_empty() {
        streams::tell(&format!("nothing is pending in {}", folder.display()));
        return Ok(Exit::NothingSelected);
    }
    for entry in pending {
        act(entry)?;
        streams::tell(&format!("{done}  {}", entry.name));
    }
    streams::tell(&format!("{} {done}", words::count(pending.len() as u64, "golden file")));
    Ok(Exit::Passed)
}
