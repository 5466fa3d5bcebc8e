//! `harness list`: which scenarios there are, with what one chooses them by.

use serde_json::{Value, json};

use super::refused::{self, Refused};
use super::selection::Selection;
use super::streams;
use crate::exit::Exit;
use crate::input::diagnostic::{Diagnostic, Error};
use crate::plan::Plan;
use crate::report::words::{count, time};

/// What `--help` says after the flags.
const AFTER_HELP: &str = "\
Exit codes:
    0  there are such scenarios, and all files are valid
    2  a file is invalid: it is named, and the others are listed
    4  nothing selected";

/// Its arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Arguments {
    /// Which scenarios.
    #[command(flatten)]
    pub selection: Selection,

    /// Print JSON for programs
    #[arg(long)]
    pub json: bool,
}

/// Carries it out.
#[must_use]
pub fn main(arguments: &Arguments) -> Exit {
    refused::exit(carry_out(arguments))
}

fn carry_out(arguments: &Arguments) -> Result<Exit, Refused> {
    let (plans, diagnostics) = arguments.selection.plan_all()?;
    let text = match arguments.json {
        true => format!("{:#}\n", document(&plans, &diagnostics)),
        false => plans.iter().map(lines).collect(),
    };
    if let Err(exit) = streams::print(&text) {
        return Ok(exit);
    }
    if !arguments.json && !plans.is_empty() {
        streams::tell(&count(plans.len() as u64, "scenario"));
    }
    Error::unless_empty(diagnostics).map_err(|error| Refused::scenario(&error))?;
    Ok(Exit::Passed)
}

/// A scenario, for people.
fn lines(plan: &Plan) -> String {
    let scenario = &plan.scenario;
    let mut lines = format!("{}  {}\n", scenario.name, scenario.file.display());
    for line in scenario.description.iter().flat_map(|text| text.lines()) {
        lines += &format!("    {line}\n");
    }
    let mut parts = vec![
        count(plan.producers.len() as u64, "producer"),
        count(plan.consumers.len() as u64, "consumer"),
        count(plan.topics.len() as u64, "topic"),
        count(plan.sent_total(), "message"),
    ];
    if !scenario.faults.is_empty() {
        parts.push(count(scenario.faults.len() as u64, "fault"));
    }
    let needs = needs(plan);
    if !needs.is_empty() {
        parts.push(format!("needs {}", needs.join(" ")));
    }
    parts.extend(scenario.limit.map(|limit| format!("limit {}", time(limit))));
    if scenario.heavy {
        parts.push("heavy".to_owned());
    }
    if !scenario.tags.is_empty() {
        parts.push(format!("tags {}", scenario.tags.join(" ")));
    }
    format!("{lines}    on {}: {}\n", scenario.broker.on, parts.join(", "))
}

/// All of them, for programs. `list` is the version of this form: fields may be added to it.
fn document(plans: &[Plan], diagnostics: &[Diagnostic]) -> Value {
    let invalid = |wrong: &Diagnostic| {
        let place = wrong.location().map(|(_, line, column)| (line, column));
        json!({
            "file": wrong.file(),
            "line": place.map(|place| place.0),
            "column": place.map(|place| place.1),
            "message": wrong.line(),
        })
    };
    json!({
        "list": 1,
        "scenarios": plans.iter().map(value).collect::<Vec<_>>(),
        "invalid": diagnostics.iter().map(invalid).collect::<Vec<_>>(),
    })
}

fn value(plan: &Plan) -> Value {
    let scenario = &plan.scenario;
    json!({
        "name": scenario.name,
        "file": scenario.file,
        "description": scenario.description,
        "tags": scenario.tags,
        "heavy": scenario.heavy,
        "limit_ms": scenario.limit.map(|limit| limit.as_millis()),
        "seed": scenario.seed,
        "on": scenario.broker.on,
        "needs": needs(plan),
        "brokers": scenario.broker.count,
        "producers": plan.producers.len(),
        "consumers": plan.consumers.len(),
        "topics": plan.topics.len(),
        "messages": plan.sent_total(),
        "deliveries": plan.delivered_total(),
        "faults": scenario.faults.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

/// What a broker has to have for it.
fn needs(plan: &Plan) -> Vec<String> {
    plan.scenario.broker.needs.iter().map(ToString::to_string).collect()
}
