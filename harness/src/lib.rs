//! The harness: runs a scenario against a broker and judges what happened.
//!
//! The way is one-directional: [`scenario`] -> [`plan`] -> `run` -> [`history`] -> [`check`] ->
//! [`report`]. All but `run`, [`driver`] and [`testbed`] are plain functions over plain data.
//!
//! - [`command`]: one file per subcommand; [`exit`] says how it ends.
//! - [`scenario`]: YAML to a `Scenario`, checked once. [`producer_log`]: the lines of a log.
//! - [`plan`]: a scenario and its seed to every message. [`descriptors`]: whether it fits.
//! - [`driver`]: how a broker is spoken to. [`testbed`]: how it is started and ended.
//! - [`history`]: what the actors saw. [`check`]: what that proves.
//! - [`golden`]: the reviewed ledgers. [`report`]: all of it for people and programs.

pub mod check;
pub mod command;
pub mod descriptors;
pub mod driver;
pub mod exit;
#[cfg(test)]
mod fixture;
pub mod golden;
pub mod history;
pub mod plan;
pub mod producer_log;
pub mod report;
pub mod scenario;
pub mod testbed;
