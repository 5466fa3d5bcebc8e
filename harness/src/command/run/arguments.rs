//! What `harness run` takes.

use std::num::{NonZeroU32, NonZeroUsize};

use super::super::broker_choice::BrokerChoice;
use super::super::outputs::Outputs;
use super::super::selection::{Selection, jobs};
use super::super::verbosity::Verbosity;
use crate::sabotage;

/// What `--help` says after the flags.
const AFTER_HELP: &str = "\
Kinds of sabotage: lose, duplicate, reorder, diverge, phantom, resurrect, corrupt, misroute, early,
stale-ack; each as KIND, KIND:1% or KIND:5

Exit codes:
    0  all passed
    1  a check or a golden file failed, or a golden file is new and waits for review
    2  the command line or a scenario is invalid, or a file cannot be read or written
    3  no verdict: the broker cannot be reached, messages were not acked, the drain is undecided
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
    #[arg(long, value_name = "COUNT", default_value = "1", value_parser = repeats)]
    pub repeat: NonZeroU32,

    /// Against which broker.
    #[command(flatten)]
    pub broker: BrokerChoice,

    /// Be wrong on purpose between broker and actors, as in lose:1%; see `harness sabotage`
    #[arg(long, value_name = "KIND[:RATE]")]
    pub sabotage: Option<sabotage::Order>,

    /// What is written.
    #[command(flatten)]
    pub outputs: Outputs,

    /// How much is said.
    #[command(flatten)]
    pub verbosity: Verbosity,
}
