//! What follows a trial, real or simulated: the numbers, the judgement, the history's file and the
//! golden file.

use std::io::{BufWriter, Write as _};
use std::path::Path;

use super::outputs::HistoryFile;
use crate::check::Judgement;
use crate::exit::Exit;
use crate::figures;
use crate::golden::{self, Mode};
use crate::history::{self, History};
use crate::io_error;
use crate::plan::Plan;
use crate::report::{Entry, Trouble};
use crate::trial::Trial;

/// Fills in the entry. `golden` is the folder of the golden files, and what may be done to them.
pub(super) fn conclude(
    entry: &mut Entry,
    plan: &Plan,
    trial: &Trial,
    history: Option<&HistoryFile>,
    golden: Option<(&Path, Mode)>,
) {
    entry.interrupted = trial.interrupted;
    judged(entry, plan, &trial.history, trial.judgement.clone());
    entry.past_limit = trial.past_limit;
    entry.notes.extend(trial.notes.iter().cloned());
    if let Some((path, file)) = history {
        entry.history = Some(path.clone());
        let mut writer = BufWriter::new(&**file);
        let written = history::json::write(plan, &trial.history, &mut writer);
        if let Err(error) = written.and_then(|()| writer.flush()) {
            let why = io_error::reason(&error);
            let text = format!("--history {}: it cannot be written: {why}", path.display());
            entry.trouble = Some(Trouble { exit: Exit::Usage, text });
        }
    }
    if trial.interrupted || !plan.scenario.golden {
        return;
    }
    if let Some((folder, mode)) = golden {
        let (history, verdict) = (&trial.history, trial.judgement.verdict);
        entry.compared(plan, folder, golden::compare_run(folder, plan, history, verdict, mode));
    }
}

/// Takes note of what a history proves, and measures it.
pub(super) fn judged(entry: &mut Entry, plan: &Plan, history: &History, judgement: Judgement) {
    let (summary, figures) = figures::measure(plan, history, &judgement);
    entry.summary = Some(summary);
    entry.figures = Some(figures);
    entry.thresholds = figures::threshold::judge(plan, history);
    entry.judgement = Some(judgement);
}
