//! Golden files: the reviewed ledger of each scenario, and what to do when a run's ledger differs.
//!
//! [`compare_run`] holds the ledger of a run against the reviewed file and leaves a pending one where
//! they differ ([`ledger()`] makes the text, [`compare`] does the rest), and [`pending()`] lists what [`Pending::accept`] and [`Pending::reject`]
//! review. The files are insta's, so that `cargo insta review` does the same.

mod arrival;
mod difference;
mod file;
mod folder;
mod ledger;
mod mode;
mod payload;
#[cfg(test)]
mod tests;
mod wire;

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

pub use difference::{Difference, DifferenceLine, Side};
pub use file::{Error, Golden, accepted_path, pending_path};
pub use folder::{absolute, folder_here, folder_of};
pub use ledger::ledger;
pub use mode::{Mode, is_ci};
pub use wire::found_helpless;

use crate::check::Verdict;
use crate::history::History;
use crate::plan::Plan;
use mode::Action;

/// How a run's ledger compares with the reviewed one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// They say the same.
    Match,
    /// `INSTA_UPDATE` asked to accept whatever comes, and this was not what the file said.
    Accepted {
        /// The reviewed file, as it is now.
        accepted: PathBuf,
    },
    /// There is no reviewed one; this one waits for review.
    New {
        /// Where it waits.
        pending: PathBuf,
    },
    /// There is no reviewed one, and nothing may be written: CI, or `INSTA_UPDATE=no`.
    Missing {
        /// The file that should be there.
        accepted: PathBuf,
    },
    /// They differ.
    Different {
        /// The reviewed file.
        accepted: PathBuf,
        /// From the reviewed ledger to the run's.
        difference: Difference,
        /// Where the run's waits for review; none where nothing may be written, or where the run
        /// broke a promise and is not to be accepted.
        pending: Option<PathBuf>,
    },
    /// It was not compared.
    Skipped(Skipped),
}

/// Why a ledger was not compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skipped {
    /// The scenario says `golden: none`.
    NotWanted,
    /// The run has no verdict, so its ledger says nothing.
    NoVerdict,
    /// The run broke a promise, and there is no reviewed ledger to hold it against.
    Failed,
    /// The plan calls the lines exact, and the broker turned out to know only the original routes,
    /// where faults leave another ledger each time. One golden file serves both wires.
    OriginalWire,
    /// Logs alone were judged, and a payload of a topic was sent twice: they do not say which came.
    Repeated,
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotWanted => "the scenario says `golden: none`",
            Self::NoVerdict => "the run has no verdict",
            Self::Failed => "the run failed, and there is no golden file",
            Self::OriginalWire => {
                "the broker knows only the original routes, where nothing is repeated and each run \
                 under faults has another ledger"
            }
            Self::Repeated => "payloads repeat, so logs do not say which message came",
        })
    }
}

impl Comparison {
    /// Whether it leaves a pass a pass.
    pub const fn is_fine(&self) -> bool {
        matches!(self, Self::Match | Self::Accepted { .. } | Self::Skipped(_))
    }
}

/// Holds the ledger of a run against the reviewed one in `folder`, where the two can be compared.
///
/// # Errors
/// As [`compare`].
pub fn compare_run(
    folder: &Path,
    plan: &Plan,
    history: &History,
    verdict: Verdict,
    mode: Mode,
) -> Result<Comparison, Error> {
    if plan.scenario.golden && plan.is_exact() && found_helpless(plan, history) {
        return Ok(Comparison::Skipped(Skipped::OriginalWire));
    }
    compare(folder, plan, &ledger(plan, history), verdict, mode)
}

/// Holds a ledger against the reviewed one in `folder`, and writes what `mode` allows.
///
/// Only a run that passed its checks is ever written, pending or accepted; one that failed is
/// compared all the same where there is something to compare it with, because the difference says
/// in a line what went wrong. On a match a stale pending file is removed, except in CI.
///
/// # Errors
/// A golden file that cannot be read, is malformed, or cannot be written.
pub fn compare(
    folder: &Path,
    plan: &Plan,
    ledger: &str,
    verdict: Verdict,
    mode: Mode,
) -> Result<Comparison, Error> {
    if !plan.scenario.golden {
        return Ok(Comparison::Skipped(Skipped::NotWanted));
    }
    if verdict == Verdict::Unknown {
        return Ok(Comparison::Skipped(Skipped::NoVerdict));
    }
    let name = &plan.scenario.name;
    let accepted = accepted_path(folder, name);
    let passed = verdict == Verdict::Pass;
    let reviewed = match Golden::read(&accepted) {
        // Where anything is accepted, a damaged file need not be repaired by hand first.
        Err(Error::Malformed { .. }) if passed && mode.action(false) == Action::Accept => None,
        read => read?,
    };
    let proposed = || Golden {
        description: Some(description(plan)),
        input_file: input_file(folder, &plan.scenario.file),
        ledger: ledger.to_owned(),
    };
    let pending = pending_path(folder, name);
    if reviewed.as_ref().is_some_and(|reviewed| reviewed.says(ledger)) {
        if passed && mode != Mode::Nothing {
            if mode == Mode::Force {
                proposed().write(&accepted)?;
            }
            file::remove(&pending)?;
        }
        return Ok(Comparison::Match);
    }
    let pending = match if passed { mode.action(reviewed.is_none()) } else { Action::Leave } {
        Action::Accept => {
            proposed().write(&accepted)?;
            file::remove(&pending)?;
            return Ok(Comparison::Accepted { accepted });
        }
        Action::Propose => {
            proposed().write(&pending)?;
            Some(pending)
        }
        Action::Leave => None,
    };
    Ok(match (reviewed, pending) {
        (Some(reviewed), pending) => {
            let difference = Difference::between(&reviewed.ledger, ledger);
            Comparison::Different { accepted, difference, pending }
        }
        (None, Some(pending)) => Comparison::New { pending },
        (None, None) if passed => Comparison::Missing { accepted },
        (None, None) => Comparison::Skipped(Skipped::Failed),
    })
}

/// `5p3c: Five producers and three consumers`.
fn description(plan: &Plan) -> String {
    let name = &plan.scenario.name;
    match &plan.scenario.description {
        Some(text) => format!("{name}: {text}"),
        None => name.clone(),
    }
}

/// The scenario as seen from the folder above the golden files, which is where `cargo insta` looks
/// from; none if it lies elsewhere, because goldens carry no machine's paths.
fn input_file(folder: &Path, scenario: &Path) -> Option<String> {
    let above = std::path::absolute(folder).ok()?;
    let above = above.parent()?.canonicalize().ok()?;
    let scenario = scenario.canonicalize().ok()?;
    let parts: Vec<_> = scenario
        .strip_prefix(above)
        .ok()?
        .components()
        .map(|part| part.as_os_str().to_string_lossy().into_owned())
        .collect();
    Some(parts.join("/"))
}

/// A ledger that waits for review.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// The scenario's name.
    pub name: String,
    /// The reviewed file, which may not exist yet.
    pub accepted: PathBuf,
    /// The pending file.
    pub pending: PathBuf,
}

/// What waits for review in a folder, by name.
///
/// # Errors
/// The folder cannot be read.
pub fn pending(folder: &Path) -> Result<Vec<Pending>, Error> {
    let entry = |name: String| Pending {
        accepted: accepted_path(folder, &name),
        pending: pending_path(folder, &name),
        name,
    };
    Ok(names(folder, ".snap.new")?.into_iter().map(entry).collect())
}

/// The golden files of a folder by their scenarios' names, the reviewed ones and those that wait.
///
/// # Errors
/// The folder or a file cannot be read.
pub fn all(folder: &Path) -> Result<BTreeMap<String, Golden>, Error> {
    let mut all = BTreeMap::new();
    for (end, path) in
        [(".snap.new", pending_path as fn(&Path, &str) -> _), (".snap", accepted_path)]
    {
        for name in names(folder, end)? {
            if let Some(golden) = Golden::read(&path(folder, &name))? {
                all.insert(name, golden);
            }
        }
    }
    Ok(all)
}

/// The names before this end, in order.
fn names(folder: &Path, end: &str) -> Result<Vec<String>, Error> {
    let failed = file::cannot("read", folder);
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(&failed)? {
        let file = entry.map_err(&failed)?.file_name();
        found.extend(file.to_str().and_then(|file| file.strip_suffix(end)).map(str::to_owned));
    }
    found.sort();
    Ok(found)
}

impl Pending {
    /// What it proposes, and from the reviewed ledger to it the difference; from nothing, if there
    /// is no reviewed one.
    ///
    /// # Errors
    /// One of the two cannot be read.
    pub fn show(&self) -> Result<(Golden, Difference), Error> {
        let proposed = self.read()?;
        let reviewed =
            Golden::read(&self.accepted)?.map_or_else(String::new, |golden| golden.ledger);
        let difference = Difference::between(&reviewed, &proposed.ledger);
        Ok((proposed, difference))
    }

    /// Makes it the reviewed one, without the keys that insta's macro adds.
    ///
    /// # Errors
    /// It cannot be read, or the reviewed file cannot be written.
    pub fn accept(&self) -> Result<(), Error> {
        self.read()?.write(&self.accepted)?;
        file::remove(&self.pending)
    }

    /// Deletes it.
    ///
    /// # Errors
    /// It cannot be deleted.
    pub fn reject(&self) -> Result<(), Error> {
        file::remove(&self.pending)
    }

    fn read(&self) -> Result<Golden, Error> {
        Golden::read(&self.pending)?.ok_or_else(|| Error::Malformed {
            path: self.pending.clone(),
            why: String::from("it has just been removed"),
        })
    }
}
