//! `harness schema`: the JSON Schema of a scenario, for editors and other programs.

use super::streams;
use crate::driver::DRIVERS;
use crate::exit::Exit;
use crate::scenario;

#[derive(Debug, clap::Args)]
pub struct Arguments {}

#[must_use]
pub fn main(_arguments: &Arguments) -> Exit {
    let drivers: Vec<_> = DRIVERS.iter().map(|row| row.word).collect();
    let text = format!("{:#}\n", scenario::schema(&drivers).as_value());
    streams::print(&text).err().unwrap_or(Exit::Passed)
}
