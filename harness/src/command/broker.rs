//! `harness broker`, hidden: the child that the harness starts by running itself again.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;

use super::streams;
use crate::exit::Exit;
use crate::plan::Plan;
use crate::scenario;
use crate::testbed::sabotage;

/// Its arguments.
#[derive(Debug, clap::Args)]
// Its group would have the name of the one that the broker's arguments are in.
#[group(skip)]
pub struct Arguments {
    /// As the standalone broker takes them.
    #[command(flatten)]
    broker: broker::Arguments,
    /// Be wrong on purpose, such as lose:1%
    #[arg(long, value_name = "KIND:RATE", requires_all = ["sabotage_log", "sabotage_scenario"])]
    sabotage: Option<sabotage::Order>,
    /// Write down each anomaly, a line of JSON each
    #[arg(long, value_name = "FILE", requires = "sabotage")]
    sabotage_log: Option<PathBuf>,
    /// The scenario that is run
    #[arg(long, value_name = "FILE", requires = "sabotage")]
    sabotage_scenario: Option<PathBuf>,
}

/// Serves until SIGTERM or SIGINT.
#[must_use]
pub fn main(arguments: &Arguments) -> Exit {
    match serve(arguments) {
        Ok(()) => Exit::Passed,
        Err(error) => {
            streams::tell(&format!("harness broker: {error:#}"));
            Exit::NoVerdict
        }
    }
}

fn serve(arguments: &Arguments) -> anyhow::Result<()> {
    let Arguments { broker, sabotage, sabotage_log, sabotage_scenario } = arguments;
    let (Some(order), Some(log), Some(scenario)) = (sabotage, sabotage_log, sabotage_scenario)
    else {
        return broker::run(broker, |store| store);
    };
    let plan = Arc::new(plan_of(scenario)?);
    let record = sabotage::Record::create(order.kind, log)
        .with_context(|| format!("cannot create the sabotage log {}", log.display()))?;
    broker::run(broker, |store| sabotage::wrap(store, order, &plan, record))
}

fn plan_of(file: &Path) -> anyhow::Result<Plan> {
    let plan = scenario::load(file).and_then(Plan::new);
    plan.map_err(|error| anyhow::Error::msg(error.render(false)))
}
