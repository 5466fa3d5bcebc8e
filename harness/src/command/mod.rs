//! The subcommands: a file each, with its arguments and what it does.

use std::path::Path;

use clap::CommandFactory as _;

use crate::exit::Exit;
use crate::version;

mod accept;
mod baseline;
pub mod broker;
mod broker_choice;
pub mod brokers;
mod check;
mod compare;
mod completions;
mod conclude;
mod driver_check;
mod environment;
mod evidence;
mod explain;
mod filter;
mod folder;
mod generate;
pub mod guard;
mod last;
mod latest;
mod list;
mod man;
mod outputs;
mod partition;
mod plan;
mod refused;
mod reporting;
mod reproduce;
pub mod run;
mod run_file;
pub mod sabotage;
mod schema;
mod selection;
pub mod shrink;
mod signals;
pub mod sim;
#[cfg(all(target_os = "linux", feature = "storage-faults"))]
pub mod storage;
mod streams;
mod verbosity;

/// Runs a scenario against a message broker and says with proof whether every acknowledged message
/// reached every consumer entitled to it, once and in order.
#[derive(Debug, clap::Parser)]
#[command(name = "harness", version, long_version = version::long(), about)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Run scenarios, judge them, and compare them with their golden files.
    Run(Box<run::Arguments>),
    /// Run scenarios in a simulation: one seed is one exact run, and thousands are quickly tried.
    Sim(Box<sim::Arguments>),
    /// Reduce a simulated run that fails to a scenario that a person can read.
    Shrink(shrink::Arguments),
    /// Show what a scenario is going to do; nothing is started.
    Plan(plan::Arguments),
    /// List scenarios, with what one chooses them by.
    List(list::Arguments),
    /// Judge consumer logs or a recorded history made before, or by another program.
    Check(check::Arguments),
    /// Compare two states by the JSON reports of their runs: better, the same or worse.
    Compare(compare::Arguments),
    /// Tell everything about one message of a run: when it was sent, who got it, and why it counts as
    /// lost, repeated, reordered or fine.
    Explain(explain::Arguments),
    /// Show pending golden files one by one and accept or reject each.
    Review(accept::Arguments),
    /// Accept pending golden files.
    Accept(accept::Arguments),
    /// Delete pending golden files.
    Reject(accept::Arguments),
    /// List pending golden files.
    Pending(accept::Arguments),
    /// Write producer logs in the original's format.
    Generate(generate::Arguments),
    /// List the brokers that scenarios can run on, and which of them can be had here.
    Brokers(brokers::Arguments),
    /// Print the JSON Schema of a scenario, or of the JSON report.
    Schema(schema::Arguments),
    /// Break the broker on purpose in every known way, and show that the checks notice.
    Sabotage(sabotage::Arguments),
    /// Say line by line what is wrong with a driver that is a program of yours (docs/exec.md).
    DriverCheck(driver_check::Arguments),
    /// Print what a shell needs to complete command lines.
    Completions(completions::Arguments),
    /// Write the manual, a page for each subcommand.
    Man(man::Arguments),
    /// Start our own broker (used by the harness itself).
    #[command(hide = true)]
    Broker(Box<::broker::Arguments>),
    /// Become a program that dies with the harness (used by the harness itself).
    #[command(hide = true)]
    Guard(guard::Arguments),
    /// Serve a file system below a server's data (used by the harness itself).
    #[cfg(all(target_os = "linux", feature = "storage-faults"))]
    #[command(hide = true)]
    Storage(storage::Arguments),
}

/// Carries out what the command line says; `harness` is the program to start as broker, because a
/// library cannot know it.
#[must_use]
pub fn main(arguments: Arguments, harness: &Path) -> Exit {
    match arguments.command {
        Command::Run(arguments) => run::main(&arguments, harness),
        Command::Sim(arguments) => sim::main(&arguments),
        Command::Shrink(arguments) => shrink::main(&arguments),
        Command::Plan(arguments) => plan::main(&arguments),
        Command::List(arguments) => list::main(&arguments),
        Command::Check(arguments) => check::main(&arguments),
        Command::Compare(arguments) => compare::main(&arguments),
        Command::Explain(arguments) => explain::main(&arguments),
        Command::Review(arguments) => accept::review(&arguments),
        Command::Accept(arguments) => accept::accept(&arguments),
        Command::Reject(arguments) => accept::reject(&arguments),
        Command::Pending(arguments) => accept::pending(&arguments),
        Command::Generate(arguments) => generate::main(&arguments),
        Command::Brokers(arguments) => brokers::main(&arguments),
        Command::Schema(arguments) => schema::main(&arguments),
        Command::Sabotage(arguments) => sabotage::main(&arguments, harness),
        Command::DriverCheck(arguments) => driver_check::main(&arguments, harness),
        Command::Completions(arguments) => completions::main(&arguments, &Arguments::command()),
        Command::Man(arguments) => man::main(&arguments, Arguments::command(), broker::command()),
        Command::Broker(arguments) => broker::main(&arguments),
        Command::Guard(arguments) => guard::main(&arguments),
        #[cfg(all(target_os = "linux", feature = "storage-faults"))]
        Command::Storage(arguments) => storage::main(arguments),
    }
}
