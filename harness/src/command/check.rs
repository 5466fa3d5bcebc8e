//! `harness check`: judges evidence that was recorded before, or by another program.

use std::fs::{self, File};
use std::io::{self, BufReader, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::refused::{self, Refused};
use crate::check::{self, Judgement, Verdict, logs};
use crate::exit::Exit;
use crate::history::json;
use crate::io_error;
use crate::log_format::LogFormat;
use crate::plan::{Consumer, Plan};
use crate::report::sentence;
use crate::report::terminal;
use crate::scenario;
use crate::trial::logged;

#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("evidence").required(true).multiple(true))]
pub struct Arguments {
    /// The scenario file.
    pub file: PathBuf,
    /// A history that `run --history` wrote.
    #[arg(long, value_name = "FILE", group = "evidence")]
    pub history: Option<PathBuf>,
    /// A folder with a `consumer_1.txt` and so on, lines of a topic and a payload; beside a history,
    /// the logs that its run wrote: what was delivered is looked for in them.
    #[arg(long, value_name = "DIR", group = "evidence")]
    pub logs: Option<PathBuf>,
    /// How their lines are written: plain, tsv or json; by default that is found out from them
    #[arg(long, value_name = "FORMAT", requires = "logs")]
    pub log_format: Option<LogFormat>,
}

#[must_use]
pub fn main(arguments: &Arguments) -> Exit {
    refused::exit(carry_out(arguments))
}

fn carry_out(arguments: &Arguments) -> Result<Exit, Refused> {
    let plan = scenario::load(&arguments.file).and_then(Plan::new);
    let plan = plan.map_err(|error| Refused::scenario(&error))?;
    let judged = match (&arguments.history, &arguments.logs) {
        (Some(history), folder) => {
            by_history(&plan, history, folder.as_deref()).map(|judgement| (judgement, Vec::new()))
        }
        (None, Some(folder)) => by_logs(&plan, folder, arguments.log_format),
        (None, None) => return Err(Refused::told(Exit::Usage)),
    };
    // Logs do not say when, so an order may be no more than not refuted.
    let pass = match arguments.history {
        Some(_) => sentence::PROMISED,
        None => "nothing in the logs breaks a promise",
    };
    let shown = judged.and_then(|(judgement, notes)| show(&plan, &judgement, pass, &notes));
    shown.map_err(|error| Refused::usage(format_args!("{error:#}")))
}

fn by_history(plan: &Plan, file: &Path, folder: Option<&Path>) -> anyhow::Result<Judgement> {
    let name = file.display().to_string();
    let open = File::open(file).map_err(|error| {
        anyhow::anyhow!("{name}: cannot read the history: {}", io_error::reason(&error))
    })?;
    let history = json::read(plan, BufReader::new(open)).with_context(|| name)?;
    let mut judgement = check::judge(plan, &history);
    let compared = folder.map(|folder| logged::compare(plan, &history, folder));
    for doubt in compared.into_iter().flatten() {
        judgement.mark_inconclusive(doubt);
    }
    Ok(judgement)
}

fn by_logs(
    plan: &Plan,
    folder: &Path,
    format: Option<LogFormat>,
) -> anyhow::Result<(Judgement, Vec<String>)> {
    let mut all = Vec::new();
    for consumer in &plan.consumers {
        let path = folder.join(format!("consumer_{}.txt", consumer.number));
        let name = path.display().to_string();
        let bytes = fs::read(&path).map_err(|error| {
            let (number, why) = (consumer.number, io_error::reason(&error));
            anyhow::anyhow!("{name}: cannot read the log of C{number}: {why}")
        })?;
        all.push(logs::parse_as(plan, name, bytes, format).map_err(anyhow::Error::msg)?);
    }
    let mut reading = logs::judge(plan, &all);
    for (file, number) in foreign(plan, folder)?.into_iter().rev() {
        let path = folder.join(file);
        let why = format!("{}: the scenario has no C{number}, whose log is this?", path.display());
        reading.judgement.mark_inconclusive(why);
    }
    Ok((reading.judgement, reading.notes))
}

/// The logs in the folder that no consumer of the plan is named by, and their numbers, by name.
fn foreign(plan: &Plan, folder: &Path) -> anyhow::Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    let cannot = |error: io::Error| {
        anyhow::anyhow!(
            "{}: cannot list the folder: {}",
            folder.display(),
            io_error::reason(&error)
        )
    };
    for entry in fs::read_dir(folder).map_err(cannot)? {
        let name = entry.map_err(cannot)?.file_name();
        let Some(name) = name.to_str() else { continue };
        let number = name.strip_prefix("consumer_").and_then(|rest| rest.strip_suffix(".txt"));
        let Some(number) = number.filter(|number| number.bytes().all(|b| b.is_ascii_digit()))
        else {
            continue;
        };
        let own = |consumer: &Consumer| consumer.number.to_string() == number;
        if !number.is_empty() && !plan.consumers.iter().any(own) {
            found.push((name.to_owned(), number.to_owned()));
        }
    }
    found.sort();
    Ok(found)
}

fn show(plan: &Plan, judgement: &Judgement, pass: &str, notes: &[String]) -> anyhow::Result<Exit> {
    let mut to = io::stderr().lock();
    terminal::judgement(plan, judgement, pass, refused::terminal().style(), &mut to)?;
    if !notes.is_empty() {
        writeln!(to)?;
    }
    for note in notes {
        writeln!(to, "      {note}")?;
    }
    Ok(match judgement.verdict {
        Verdict::Pass => Exit::Passed,
        Verdict::Fail => Exit::Failed,
        Verdict::Unknown => Exit::NoVerdict,
    })
}
