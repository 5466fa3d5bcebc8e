//! `harness driver-check CMD`: holds a conversation with a driver whose parts are known, and runs a
//! small scenario over it, and says line by line what is wrong with the driver.

mod calls;
mod deliveries;
mod findings;
mod readings;
mod script;
mod sends;
mod small;

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use super::streams;
use crate::driver::Connecting;
use crate::driver::exec::{self, Processes};
use crate::exit::Exit;
use crate::numbers::count;
use crate::trial;
use findings::Finding;

/// Its arguments.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Where the broker is; the driver is told in `hello`
    #[arg(long)]
    url: Option<String>,

    /// The driver: a program and its arguments
    #[arg(
        required = true,
        value_name = "CMD",
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    command: Vec<String>,
}

/// Carries it out: 0 where nothing is wrong, 1 where something is, 3 where the driver or its broker
/// cannot be reached.
#[must_use]
pub fn main(arguments: &Arguments, harness: &Path) -> Exit {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let checked = match runtime {
        Ok(runtime) => runtime.block_on(check(arguments, harness)),
        Err(error) => Err((Exit::NoVerdict, format!("cannot start the worker threads: {error}"))),
    };
    checked.unwrap_or_else(|(exit, why)| {
        streams::tell(&format!("error: {why}"));
        exit
    })
}

async fn check(arguments: &Arguments, harness: &Path) -> Result<Exit, (Exit, String)> {
    let no_verdict = |why: String| (Exit::NoVerdict, why);
    let usage = |why: String| (Exit::Usage, why);
    let url = arguments.url.as_deref();
    let address = url.map(exec::address).transpose();
    let address = address.map_err(|why| usage(format!("--url: {why}")))?;
    let (folder, plan) =
        small::plan(&arguments.command, url, None).map_err(|why| no_verdict(why.to_string()))?;
    let addresses = vec![address.clone().unwrap_or(crate::driver::Address::None)];
    let connecting =
        Connecting { plan, addresses, alternatives: NonZeroUsize::MIN, run: trial::run_name() };
    let processes = Processes::start(&connecting).await;
    let processes = Arc::new(processes.map_err(|failure| no_verdict(failure.why))?);
    drop(folder);
    say(&format!("driver        {}", processes.driver()))?;

    let findings = script::hold(&processes, &connecting).await;
    for finding in &findings {
        say(&finding.to_string())?;
    }
    say(&format!("conversation  {}", verdict(&findings)))?;

    // A driver that cannot hold the conversation would only fail the scenario in other words.
    if !findings.is_empty() {
        say("scenario      not run: the conversation goes first")?;
        return Ok(Exit::Failed);
    }
    let (_folder, plan) = small::plan(&arguments.command, url, Some(processes.told()))
        .map_err(|why| no_verdict(why.to_string()))?;
    drop(processes);
    let entry = small::run(&plan, address, harness).await;
    say(&format!("scenario      {}", crate::report::terminal::plain(&entry).trim_end()))?;
    Ok(entry.exit())
}

fn verdict(findings: &[Finding]) -> String {
    match findings.len() {
        0 => "nothing is wrong".to_owned(),
        many => format!("{} wrong", count(many as u64, "thing")),
    }
}

fn say(line: &str) -> Result<(), (Exit, String)> {
    match streams::print(&format!("{line}\n")) {
        Ok(_) => Ok(()),
        Err(exit) => Err((exit, "the result cannot be written".to_owned())),
    }
}
