//! The evidence of a run that did not pass: its history, kept beside its logs, and the command line
//! that judges it again.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use super::{folder, streams};
use crate::check::Judgement;
use crate::exit::Exit;
use crate::history::json;
use crate::io_error;
use crate::plan::Plan;
use crate::report::Entry;
use crate::shell::shell;
use crate::trial::Trial;

/// Keeps the history of a run that did not pass; call it when all else of the entry is known.
pub(super) fn keep(entry: &mut Entry, plan: &Plan, trial: &Trial) {
    let Some(logs) = entry.logs.as_deref().filter(|_| entry.exit() != Exit::Passed) else { return };
    let path = folder::history(logs);
    match write(plan, trial, &path) {
        Ok(()) => {
            let file = plan.scenario.file.to_string_lossy();
            let history = path.to_string_lossy();
            entry.judge =
                Some(format!("harness check {} --history {}", shell(&file), shell(&history)));
            let has_proof = entry.judgement.as_ref().is_some_and(Judgement::has_proof);
            let folder = logs.to_string_lossy();
            entry.explain =
                has_proof.then(|| format!("harness explain --violation 1 {}", shell(&folder)));
            entry.history.get_or_insert(path);
        }
        // What the run came to stands all the same.
        Err(error) => {
            let (path, why) = (path.display(), io_error::reason(&error));
            streams::tell(&format!("note: the history cannot be kept in {path}: {why}"));
        }
    }
}

fn write(plan: &Plan, trial: &Trial, path: &Path) -> io::Result<()> {
    let mut writer = BufWriter::new(File::create(path)?);
    json::write(plan, &trial.history, &mut writer)?;
    writer.flush()
}
