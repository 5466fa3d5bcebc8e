//! `harness check`: judges evidence that was recorded before, or by another program.

mod arguments;
mod arrived;
mod one;
mod places;

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;

use super::outputs;
use super::refused::Refused;
use super::reporting::reporting;
use super::selection::plans;
use crate::exit::Exit;
use crate::history::json;
use crate::report::Report;
use crate::report::terminal::Terminal;
use crate::scenario::Scenario;

pub use arguments::Arguments;

/// Carries it out.
#[must_use]
pub fn main(arguments: &Arguments) -> Exit {
    let terminal = arguments.verbosity.terminal();
    reporting(&arguments.reports, &terminal, |report| carry_out(arguments, &terminal, report))
}

fn carry_out(
    arguments: &Arguments,
    terminal: &Terminal,
    report: &mut Report,
) -> Result<(), Refused> {
    let mode = match arguments.golden {
        Some(_) => Some(outputs::mode()?),
        None => None,
    };
    let mut scenarios = arguments.selection.load()?;
    if let (Some(file), 2..) = (&arguments.history, scenarios.len())
        && file.is_file()
    {
        let (file, count) = (file.display(), scenarios.len());
        return Err(Refused::usage(format_args!(
            "--history {file}: {count} scenarios are selected, and this is a file; name a folder"
        )));
    }
    if let Some(given) = &arguments.history {
        scenarios.iter_mut().for_each(|scenario| settle(scenario, given));
    }
    let plans = plans(scenarios)?;
    let is_alone = plans.len() == 1;
    for plan in plans {
        let entry = one::judge(&plan, arguments, is_alone, mode);
        terminal.entry(&entry);
        report.entries.push(entry);
    }
    Ok(())
}

/// Gives the scenario the seed and the store that its run had; `--seed` and `--on` may have said
/// another. Why a history cannot be read is said where all of it is.
fn settle(scenario: &mut Scenario, given: &Path) {
    let Ok(file) = places::history(given, &scenario.name) else { return };
    let mut line = String::new();
    let read = File::open(file).and_then(|file| BufReader::new(file).read_line(&mut line));
    if read.is_ok() {
        json::settle(scenario, &line);
    }
}
