//! The small scenario that follows the conversation: hostile payloads, and a consumer that crashes
//! where the driver says that it can go on. It asks for what the driver promises.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use tempfile::TempDir;
use tokio::time::Instant;

use super::super::conclude::conclude;
use crate::driver::Address;
use crate::driver::exec::{Told, URL};
use crate::exit::Exit;
use crate::log_format::LogFormat;
use crate::plan::Plan;
use crate::report::{Entry, Trouble};
use crate::run::Watch;
use crate::scenario;
use crate::testbed::process;
use crate::trial::{self, BrokerUnderTest, Interrupt, Settings};

const SCENARIO: &str = "
description: The small scenario of driver-check
topics:
  T1: P1 P2 -> C1 C2
  T2: P2 -> C2
producers:
  all: { generate: { messages: 60, size: 1..40, payloads: hostile }, batch: 4 }
consumers:
  all: { batch: 7 }
drain: { idle: 2s, deadline: 30s }
golden: none
";

/// The plan, and the folder of its file. The faults and promises follow from what a driver says.
pub(super) fn plan(
    command: &[String],
    url: Option<&str>,
    told: Option<&Told>,
) -> anyhow::Result<(TempDir, Arc<Plan>)> {
    let mut yaml = SCENARIO.to_owned();
    if let Some(told) = told {
        let delivery = if told.is_exactly_once() { "exactly-once" } else { "at-least-once" };
        let order = told.order_word();
        writeln!(yaml, "expect: {{ delivery: {delivery}, order: {order} }}")?;
        if told.resumes {
            yaml.push_str("faults: [ { after: 50 delivered to C2, crash: C2, for: 50ms } ]\n");
        }
    }
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("small.yaml");
    std::fs::write(&file, yaml)?;
    let mut scenario = scenario::load(&file)?;
    "exec".clone_into(&mut scenario.broker.driver);
    command.clone_into(&mut scenario.broker.options.command);
    if let Some(url) = url {
        scenario.broker.options.config.insert(URL.to_owned(), url.to_owned());
    }
    Ok((folder, Arc::new(Plan::new(scenario)?)))
}

/// Runs it, and judges.
pub(super) async fn run(plan: &Arc<Plan>, address: Option<Address>, harness: &Path) -> Entry {
    let broker = match address {
        Some(address) => BrokerUnderTest::External(vec![address]),
        None => BrokerUnderTest::Own(process::Settings::new(harness)),
    };
    let (log_format, sabotage, out) = (LogFormat::default(), None, None);
    let settings = Settings { broker, out, log_format, sabotage, watch: Watch::default() };
    let mut entry = Entry::new(&plan.scenario);
    let (_never, interrupt) = Interrupt::new();
    let began = Instant::now();
    match trial::hold(plan, &settings, interrupt, &mut |_| {}).await {
        Ok(trial) => {
            conclude(&mut entry, plan, &trial, None, None);
            if let Some(text) = trial.left {
                entry.trouble = Some(Trouble { exit: Exit::NoVerdict, text });
            }
        }
        Err(failure) => {
            entry.trouble = Some(Trouble { exit: Exit::NoVerdict, text: failure.0 });
        }
    }
    entry.duration = began.elapsed();
    entry
}
