//! `harness explain`: everything about one message of a run that is over.

mod found;

use std::path::PathBuf;

use self::found::Evidence;
use super::latest::{self, LATEST};
use super::outputs::DEFAULT_OUT;
use super::refused::{self, Refused};
use super::streams;
use crate::check::{self, Anomaly, Judgement};
use crate::exit::Exit;
use crate::explain::{self, What};
use crate::history::History;
use crate::numbers;
use crate::plan::{MessageName, Plan};
use crate::scenario::AnomalyKind;

/// What `--help` says after the flags.
const AFTER_HELP: &str = "\
WHAT is a message, P4#17 (line 17 of producer 4's log, or the 17th that it makes up), or a delivery,
\"C1 T2 711\": the 711th that C1 got on T2, counted from 1.

RUN is the folder of a run, such as out/5p3c, or a history file; by default out/latest, which is the
last run that did not pass of the last call, or else its last one. A run that passes keeps a history
only with --history.

    harness explain P4#17
    harness explain \"C1 T2 711\" out/5p3c
    harness explain --violation 1

Exit codes: 0 it is explained, 2 there is no such message, run, file or proof.";

/// Its arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Arguments {
    /// What to explain, and of which run; see below
    #[arg(value_name = "WHAT [RUN]", num_args = 0..)]
    pub words: Vec<String>,

    /// Explain this proof in place of a message: the first that `run` or `check` shows is 1
    #[arg(long, value_name = "NUMBER")]
    pub violation: Option<usize>,

    /// So many deliveries on either side are in the diagram
    #[arg(long, value_name = "COUNT", default_value = "2", value_parser = clap::value_parser!(u16).range(..=1000))]
    pub around: u16,

    /// The scenario of the run, where that cannot be found out
    #[arg(long, value_name = "FILE")]
    pub scenario: Option<PathBuf>,
}

/// Carries it out.
#[must_use]
pub fn main(arguments: &Arguments) -> Exit {
    refused::exit(carry_out(arguments))
}

fn carry_out(arguments: &Arguments) -> Result<Exit, Refused> {
    let (what, run) = split(arguments)?;
    // What is mistyped is told before a long history is read.
    let asked = what.map(|what| explain::parse(&what)).transpose().map_err(Refused::usage)?;
    let run = run.unwrap_or_else(|| PathBuf::from(DEFAULT_OUT).join(LATEST));
    let run = latest::follow(&run);
    let Evidence { plan, history, file } = found::read(&run, arguments.scenario.as_deref())?;
    let (what, proof) = match &asked {
        Some(asked) => {
            (explain::resolve(&plan, &history, asked).map_err(Refused::usage)?, String::new())
        }
        None => violation(&plan, &history, arguments.violation.unwrap_or(1))?,
    };
    let scenario = &plan.scenario;
    let run = format!(
        "{} on {}, seed {}: {}",
        scenario.name,
        scenario.broker.on,
        scenario.seed,
        file.display()
    );
    let explanation = explain::explain(&plan, &history, what, arguments.around.into());
    match streams::print(&(proof + &explanation.to_text(&run))) {
        Ok(_) => Ok(Exit::Passed),
        Err(exit) => Ok(exit),
    }
}

/// What is to be explained, none where that is a proof; and of which run, if that is said.
fn split(arguments: &Arguments) -> Result<(Option<String>, Option<PathBuf>), Refused> {
    let mut words = arguments.words.iter().map(String::as_str).peekable();
    let mut what = None;
    if arguments.violation.is_none() {
        let first = words.next().ok_or_else(|| {
            Refused::usage("say what to explain: `harness explain P4#17`, or --violation 1")
        })?;
        let is_consumer = first.starts_with('C') && first[1..].parse::<u32>().is_ok();
        let mut text = first.to_owned();
        // A shell takes the quotes away, and people leave them out.
        if is_consumer {
            words.by_ref().take(2).for_each(|word| text += &format!(" {word}"));
        }
        what = Some(text);
    }
    let run = words.next().map(PathBuf::from);
    match words.next() {
        Some(more) => Err(Refused::usage(format_args!(
            "`{more}` is one word too many: one message and one run are explained at a time"
        ))),
        None => Ok((what, run)),
    }
}

/// What a proof is about, and what it says.
fn violation(plan: &Plan, history: &History, number: usize) -> Result<(What, String), Refused> {
    let judgement = check::judge(plan, history);
    let proofs = proofs(&judgement);
    let Some((kind, anomaly)) = number.checked_sub(1).and_then(|place| proofs.get(place)) else {
        let all = numbers::count(proofs.len() as u64, "proof");
        return Err(Refused::usage(format_args!(
            "--violation {number}: this run has {all}{}",
            if proofs.is_empty() {
                "; explain a message, as in `harness explain P1#1`"
            } else {
                ""
            }
        )));
    };
    let (messages, delivery) = anomaly.about();
    let named = anomaly.messages.first().and_then(|name| name.parse::<MessageName>().ok());
    let message = named.and_then(|name| plan.find(name)).or(messages.first().copied());
    let what = match (message, delivery) {
        (Some(message), _) => What::Message(message),
        (None, Some((consumer, place))) => What::Delivery(consumer, place),
        (None, None) => {
            return Err(Refused::usage(format_args!(
                "--violation {number} is about no single message: {}",
                anomaly.title
            )));
        }
    };
    // Of two messages in the wrong order both are named already.
    let more = match anomaly.message_count {
        0..=2 if *kind != AnomalyKind::Lost => String::new(),
        0 | 1 => String::new(),
        many => format!(
            "It is about {}, the first of which is explained.\n",
            numbers::count(many as u64, "message")
        ),
    };
    let (all, kind, title) = (proofs.len(), kind.as_str(), &anomaly.title);
    let head = format!("proof {number} of {all}, {kind}: {title}\n{more}");
    Ok((what, head))
}

/// In the order in which people are shown them.
fn proofs(judgement: &Judgement) -> Vec<(AnomalyKind, &Anomaly)> {
    let found = judgement.violations.iter().chain(&judgement.allowed);
    found.flat_map(|own| own.proofs.iter().map(|proof| (own.kind, proof))).collect()
}
