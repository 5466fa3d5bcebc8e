//! What `harness run` takes.

use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use super::super::baseline::Baseline;
use super::super::broker_choice::{self, BrokerChoice};
use super::super::outputs::Outputs;
use super::super::selection::{Selection, jobs, whole};
use super::super::verbosity::Verbosity;
use crate::sabotage;

/// What `--help` says after the flags.
const AFTER_HELP: &str = "\
Kinds of sabotage: lose, duplicate, reorder, diverge, phantom, resurrect, corrupt, misroute, early,
stale-ack; each as KIND, KIND:1% or KIND:5

Exit codes:
    0  all passed
    1  a check or a golden file failed, a threshold was missed, a figure is worse than --fail-on says, or
       a golden file is new and waits for review
    2  the command line or a scenario is invalid, or a file cannot be read or written
    3  no verdict: the broker cannot be reached, messages were not acked, the drain is undecided, a
       threshold has no figures, there are too few runs for --fail-on
    4  nothing selected
  130  interrupted; what was known is written
Of several scenarios the gravest counts: 130 before 2 before 1 before 3 before 4";

/// The most repetitions: each has a folder for its logs.
const REPEATS_MAX: u32 = 10_000;

/// Parses a number of repetitions.
fn repeats(text: &str) -> Result<NonZeroU32, String> {
    let count = text.parse().ok().filter(|count: &NonZeroU32| count.get() <= REPEATS_MAX);
    count.ok_or_else(|| format!("expected a whole number from 1 to {REPEATS_MAX}"))
}

/// Parses a time in which something is done.
fn positive_time(text: &str) -> Result<Duration, String> {
    match broker_choice::time(text)? {
        Duration::ZERO => Err("expected a time above 0, such as 10m".to_owned()),
        time => Ok(time),
    }
}

/// Its arguments.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Arguments {
    /// Which scenarios.
    #[command(flatten)]
    pub selection: Selection,

    /// Scenarios run at the same time; their latencies then disturb each other
    #[arg(long, value_name = "COUNT", default_value = "1", value_parser = jobs)]
    pub jobs: NonZeroUsize,

    /// Run each scenario so many times; fewer on a broker that takes seconds to start
    #[arg(long, value_name = "COUNT", value_parser = repeats)]
    pub repeat: Option<NonZeroU32>,

    /// Run the scenarios again and again until a run does not pass; with --repeat or --for no longer than
    /// those say
    #[arg(long)]
    pub until_fail: bool,

    /// Run the scenarios again and again for this time; what has begun by then ends
    #[arg(long = "for", value_name = "TIME", value_parser = positive_time)]
    pub time: Option<Duration>,

    /// Begin no other run once one did not pass
    #[arg(long)]
    pub fail_fast: bool,

    /// Of the scenarios, only those that did not pass in the last call with this --out
    #[arg(long)]
    pub rerun_failed: bool,

    /// The seed of everything made up, in every run; by default each scenario's own
    #[arg(long, value_name = "SEED", value_parser = whole)]
    pub seed: Option<u64>,

    /// Against which broker.
    #[command(flatten)]
    pub broker: BrokerChoice,

    /// Be wrong on purpose between broker and actors, as in lose:1%; see `harness sabotage`
    #[arg(long, value_name = "KIND[:RATE]")]
    pub sabotage: Option<sabotage::Order>,

    /// What it is compared with.
    #[command(flatten)]
    pub baseline: Baseline,

    /// What is written.
    #[command(flatten)]
    pub outputs: Outputs,

    /// How much is said.
    #[command(flatten)]
    pub verbosity: Verbosity,
}

impl Arguments {
    /// How many runs of each scenario are wanted; none where something else ends them.
    pub(super) fn times(&self) -> Option<u32> {
        match self.repeat {
            Some(repeat) => Some(repeat.get()),
            None if self.until_fail || self.time.is_some() => None,
            None => Some(1),
        }
    }
}
