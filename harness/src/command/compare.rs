//! `harness compare`: two states side by side, by the JSON reports of their runs.

use std::path::PathBuf;

use super::baseline::{FailOn, compared, side};
use super::refused::{self, Refused};
use super::reporting::reporting;
use crate::exit::Exit;
use crate::report::Destinations;

/// What `--help` says after the flags.
const AFTER_HELP: &str = "\
Exit codes:
    0  compared; with --fail-on: nothing is worse
    1  with --fail-on: something is worse
    2  the command line is invalid, or a file cannot be read or written
    3  with --fail-on: there are too few runs to say
    4  no scenario is in both";

/// Its arguments.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Arguments {
    /// A JSON report of what was before, or a folder of such
    pub before: PathBuf,

    /// The same of what is held against it
    pub after: PathBuf,

    /// End with 1 where a figure is worse, as in worse:10%
    #[arg(long, value_name = "worse[:PERCENT]")]
    pub fail_on: Option<FailOn>,

    /// Reports for programs.
    #[command(flatten)]
    pub reports: Destinations,
}

/// Carries it out.
#[must_use]
pub fn main(arguments: &Arguments) -> Exit {
    let terminal = refused::terminal();
    // Before a report of this call is opened, which may be one of the two files.
    let sides = [&arguments.before, &arguments.after].map(|path| side(path));
    reporting(&arguments.reports, &terminal, |report| {
        let [before, after] = sides;
        let before = before.map_err(Refused::usage)?;
        let after = after.map_err(Refused::usage)?;
        let comparison = compared(&before, &after, arguments.fail_on);
        if comparison.pairs.is_empty() {
            let (before, after) = (&before.name, &after.name);
            let why = format!("no scenario on the same broker is in both {before} and {after}");
            return Err(Refused::nothing_selected(why));
        }
        report.comparison = Some(comparison);
        Ok(())
    })
}
