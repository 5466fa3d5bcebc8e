//! The harness: runs a scenario against a broker and judges what happened.
//!
//! The way is one-directional: [`scenario`] -> [`plan`] -> [`mod@run`] -> [`history`] -> [`check`] ->
//! [`report`]. All but [`mod@run`], [`driver`], [`testbed`] and [`trial`] are plain functions over
//! plain data.
//!
//! - [`command`]: one file per subcommand; [`exit`] says how it ends; [`version`] which harness it is.
//! - [`input`]: text that people write, and what is wrong with it. [`scenario`]: YAML to a
//!   `Scenario`, checked once; [`fault`]: what it does to its run on purpose.
//!   [`producer_log`]: the logs that it names; [`log_format`]: how lines of logs are written.
//! - [`plan`]: a scenario and its seed to every message. [`descriptors`]: whether the machine
//!   allows so many connections.
//! - [`storage`]: a disk of the harness's own below a server's data.
//! - [`trial`]: one scenario from its plan to its verdict, by way of:
//!   [`testbed`], how the broker under test is started and ended; [`driver`], how it is spoken to;
//!   [`mod@run`], the actors; [`history`], what they saw; [`check`], what that proves.
//! - [`sabotage`]: a driver that is wrong on purpose, which proves the checks. [`bugs`]: stores with
//!   planted bugs, for simulations to find.
//! - [`shrink`]: a failing simulated run, reduced to one that a person can read.
//! - [`figures`]: what is measured of a run. [`baseline`]: two states compared by their figures.
//!   [`diagram`]: what happened around a message; [`explain`]: all of it, in words.
//! - [`fn@run`] and [`Run`]: all of it in a `#[test]` of somebody's own crate.
//! - [`golden`]: the ledger of a run and its reviewed file. [`report`]: what is said about it.

pub mod baseline;
pub mod bugs;
pub mod capability;
pub mod catalogue;
mod chance;
pub mod check;
pub mod command;
mod descriptors;
pub mod diagram;
pub mod driver;
pub mod exit;
pub mod explain;
pub mod fault;
pub mod figures;
#[cfg(test)]
mod fixture;
mod fnv;
pub mod golden;
pub mod history;
pub mod input;
mod io_error;
mod library;
mod lock;
pub mod log_format;
mod numbers;
mod ordered_signal;
mod parallel;
pub mod plan;
mod producer_log;
pub mod recipes;
pub mod report;
pub mod run;
pub mod sabotage;
pub mod scenario;
pub mod server;
mod shell;
pub mod shrink;
pub mod storage;
pub mod testbed;
pub mod topic_name;
pub mod trial;
pub mod version;

pub use library::{Failed, Passed, Run, run};
