//! `harness sim`: scenarios on a simulated network and clock. One seed is one exact run; `--seeds`
//! tries many.

mod crew;
mod one;
mod seeds;
mod sweep;

use std::num::NonZeroUsize;
use std::path::PathBuf;

use self::seeds::Seeds;
use super::run::{self, Refused};
use super::streams;
use crate::exit::Exit;
use crate::golden::{self, Mode};
use crate::report::Destinations;
use crate::report::terminal::Terminal;
use crate::scenario::Scenario;
use crate::testbed::bugs::Bug;

/// What `--help` says after the flags.
const AFTER_HELP: &str = "\
The same scenario and seed give the same run, byte for byte, in every process and on every machine:
network, faults and whatever a scenario leaves to chance follow from the seed.

Bugs to look for, each a small store that survives its brokers:
    none                the store that the others are made of, to compare with
    check-then-append   checks for a repeated request and appends without a lock over both
    ack-before-store    acknowledges a message before it is stored
    forgotten-sequence  forgets the producers' sequences when the broker restarts
    eager-position      advances a position before the answer is out
    loose-offset        allots offsets outside the lock
    lost-wakeup         loses the wake-up that comes between looking and waiting

Exit codes are those of `harness run`. A sweep ends with the gravest of its runs.";

/// Its arguments.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Arguments {
    /// Scenarios: YAML files, or folders of them
    #[arg(default_value = "scenarios")]
    pub paths: Vec<PathBuf>,

    /// Run only scenarios whose name contains this
    #[arg(long, value_name = "TEXT")]
    pub filter: Option<String>,

    /// The seed of network, faults and everything made up; by default the scenario's
    #[arg(long, value_name = "SEED", conflicts_with = "seeds")]
    pub seed: Option<u64>,

    /// Try each of these seeds, both ends included, until one does not pass
    #[arg(long, value_name = "FIRST..LAST")]
    pub seeds: Option<Seeds>,

    /// Seeds tried at the same time, each on a thread; by default as many as there are processors
    #[arg(long, value_name = "COUNT", requires = "seeds", value_parser = run::jobs)]
    pub jobs: Option<NonZeroUsize>,

    /// Try all seeds, whatever the first ones say
    #[arg(long, requires = "seeds")]
    pub collect: bool,

    /// Print a line with the digest of its history for each run
    #[arg(long)]
    pub digest: bool,

    /// Store of the brokers, whatever the scenario says
    #[arg(long, value_name = "STORE")]
    pub store: Option<String>,

    /// A store that is wrong in this way in place of the right one; see below
    #[arg(long, value_name = "NAME")]
    pub bug: Option<Bug>,

    /// Folder for the consumers' logs; each scenario has a folder of its own in it
    #[arg(long, value_name = "DIR", default_value = run::DEFAULT_OUT)]
    pub out: PathBuf,

    /// Folder of the golden files
    #[arg(long, value_name = "DIR", default_value = golden::DEFAULT_FOLDER)]
    pub golden: PathBuf,

    /// Write everything that the actors saw to this file, as JSON lines (one scenario only)
    #[arg(long, value_name = "FILE", conflicts_with = "seeds")]
    pub history: Option<PathBuf>,

    /// Reports for programs.
    #[command(flatten)]
    pub reports: Destinations,
}

/// Carries it out.
#[must_use]
pub fn main(arguments: &Arguments) -> Exit {
    let terminal = Terminal::new(run::variable);
    let carried_out = match arguments.seeds {
        Some(seeds) => sweep::run(arguments, seeds, &terminal),
        None => one::run(arguments, &terminal),
    };
    carried_out.unwrap_or_else(|Refused { exit, text }| {
        streams::tell(&text);
        exit
    })
}

/// The scenarios that are to run, and how many are skipped.
fn scenarios(arguments: &Arguments) -> Result<(Vec<Scenario>, usize), Refused> {
    let Arguments { paths, filter, store, .. } = arguments;
    let mut selected = run::select(paths, filter.as_deref())?;
    if arguments.history.is_some() && selected.len() > 1 {
        let text = format!("--history takes one scenario, and {} are selected", selected.len());
        return Err(Refused::usage(text));
    }
    run::set_simulated_store(store.as_deref(), &mut selected)?;
    let skipped = run::skip(&mut selected)?;
    Ok((selected, skipped))
}

fn mode() -> Result<Mode, Refused> {
    Mode::from_environment(run::variable).map_err(Refused::usage)
}
