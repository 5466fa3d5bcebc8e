//! What `harness check` takes.

use std::path::PathBuf;

use super::super::selection::Selection;
use super::super::verbosity::Verbosity;
use crate::log_format::LogFormat;
use crate::report::Destinations;

/// What `--help` says after the flags.
const AFTER_HELP: &str = "\
Of one scenario, --history is a file and --logs the folder with its logs. Of several, both are
folders with a place for each, as `harness run` leaves them: DIR/NAME has the logs, and
DIR/NAME.jsonl or DIR/NAME/history.jsonl is the history. Such folders are also fine for one.

Exit codes are those of `harness run`; 2 also stands for evidence that cannot be read.";

/// Its arguments.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("evidence").required(true).multiple(true))]
#[command(after_help = AFTER_HELP)]
pub struct Arguments {
    /// Which scenarios.
    #[command(flatten)]
    pub selection: Selection,

    /// A history that `run --history` wrote
    #[arg(long, value_name = "FILE", group = "evidence")]
    pub history: Option<PathBuf>,

    /// A folder with a `consumer_1.txt` and so on, lines of a topic and a payload; beside a history,
    /// the logs that its run wrote: what was delivered is looked for in them
    #[arg(long, value_name = "DIR", group = "evidence")]
    pub logs: Option<PathBuf>,

    /// How their lines are written: plain, tsv or json; by default that is found out from them
    #[arg(long, value_name = "FORMAT", requires = "logs")]
    pub log_format: Option<LogFormat>,

    /// Compare what came with the golden files in this folder, too, as `run` does; logs alone say
    /// what came only where no payload of a topic was sent twice
    #[arg(long, value_name = "DIR")]
    pub golden: Option<PathBuf>,

    /// Reports for programs.
    #[command(flatten)]
    pub reports: Destinations,

    /// How much is said.
    #[command(flatten)]
    pub verbosity: Verbosity,
}
