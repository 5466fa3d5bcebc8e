//! `harness check`: judges evidence that was recorded before, or by another program.

mod arguments;
mod arrived;
mod one;
mod places;

use super::outputs;
use super::refused::{self, Refused};
use super::reporting::reporting;
use super::selection::plans;
use crate::exit::Exit;
use crate::report::Report;
use crate::report::terminal::Terminal;

pub use arguments::Arguments;

/// Carries it out.
#[must_use]
pub fn main(arguments: &Arguments) -> Exit {
    let terminal = refused::terminal();
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
    let plans = plans(arguments.selection.load()?)?;
    if let (Some(file), 2..) = (&arguments.history, plans.len())
        && file.is_file()
    {
        let (file, count) = (file.display(), plans.len());
        return Err(Refused::usage(format_args!(
            "--history {file} is one file, and {count} scenarios are selected; name a folder with \
             a NAME.jsonl of each"
        )));
    }
    let is_alone = plans.len() == 1;
    for plan in plans {
        let entry = one::judge(&plan, arguments, is_alone, mode);
        terminal.entry(&entry);
        report.entries.push(entry);
    }
    Ok(())
}
