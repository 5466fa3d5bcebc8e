//! What `harness sim` takes.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::super::broker_choice;
use super::super::last::Last;
use super::super::outputs::Outputs;
use super::super::refused::Refused;
use super::super::selection::{Selection, jobs, whole};
use super::super::verbosity::Verbosity;
use super::seeds::Seeds;
use crate::bugs::Bug;
use crate::input::values;
use crate::report::Skipped;
use crate::scenario::Scenario;
use crate::trial::Simulation;

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
    trimmed-payload     takes the blanks at the ends of payloads away
    ack-before-fsync    acknowledges what is written and not yet synced
    reordered-flush     syncs the producers' sequences before the messages they vouch for

Exit codes are those of `harness run`. A sweep ends with the gravest of its runs.";

/// Its arguments.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Arguments {
    /// Which scenarios.
    #[command(flatten)]
    pub selection: Selection,

    /// The seed of network, faults and everything made up; by default the scenario's
    #[arg(long, value_name = "SEED", value_parser = whole, conflicts_with = "seeds")]
    pub seed: Option<u64>,

    /// Try each of these seeds, both ends included, until one does not pass
    #[arg(long, value_name = "FIRST..LAST", conflicts_with = "history")]
    pub seeds: Option<Seeds>,

    /// Seeds tried at the same time, each on a thread; by default as many as there are processors
    #[arg(long, value_name = "COUNT", requires = "seeds", value_parser = jobs)]
    pub jobs: Option<NonZeroUsize>,

    /// Try all seeds, whatever the first ones say
    #[arg(long, requires = "seeds")]
    pub collect: bool,

    /// Begin no other scenario once one did not pass
    #[arg(long)]
    pub fail_fast: bool,

    /// Of the scenarios, only those that did not pass in the last call with this --out
    #[arg(long)]
    pub rerun_failed: bool,

    /// Print a line with the digest of its history for each run
    #[arg(long)]
    pub digest: bool,

    /// Our own broker on this store, memory or mysql, whatever the scenario says
    #[arg(long, value_name = "BROKER")]
    pub on: Vec<String>,

    /// The brokers keep messages for so long, whether consumers have them or not; in place of until all
    /// have them, or to the end; no golden is compared then
    #[arg(long, value_name = "TIME", value_parser = age, conflicts_with = "bug")]
    pub retain: Option<Duration>,

    /// A store that is wrong in this way in place of the right one; see below
    #[arg(long, value_name = "NAME")]
    pub bug: Option<Bug>,

    /// What is written.
    #[command(flatten)]
    pub outputs: Outputs,

    /// How much is said.
    #[command(flatten)]
    pub verbosity: Verbosity,
}

impl Arguments {
    /// What is run again, where that was asked for.
    pub(super) fn last(&self) -> Result<Option<Last>, Refused> {
        self.rerun_failed.then(|| Last::read(&self.outputs.out)).transpose()
    }

    /// What is simulated, until it is to stop.
    pub(super) fn simulation(&self, stop: &Arc<AtomicBool>) -> Simulation {
        let stop = Arc::clone(stop);
        Simulation { bug: self.bug, retain: self.retain, stop, ..Simulation::default() }
    }

    /// The scenarios that are to run, of the last call those alone that did not pass; what cannot is put
    /// to those that were skipped.
    pub(super) fn scenarios(
        &self,
        last: Option<&Last>,
        skipped: &mut Vec<Skipped>,
    ) -> Result<Vec<Scenario>, Refused> {
        let mut selected = self.selection.load_among(last)?;
        broker_choice::choose_simulated(&self.on, self.bug.is_some(), &mut selected, skipped)?;
        Ok(selected)
    }
}

fn age(text: &str) -> Result<Duration, String> {
    values::positive_time(text).map_err(|why| why.brief())
}
