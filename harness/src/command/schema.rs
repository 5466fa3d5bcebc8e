//! `harness schema`: the JSON Schema of a scenario, for editors and other programs, and that of the
//! JSON report, for programs that read it.

use super::streams;
use crate::driver::DRIVERS;
use crate::exit::Exit;
use crate::report::json;
use crate::scenario;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// That of what `--report-json` writes, in place of a scenario's
    #[arg(long)]
    pub report: bool,
}

#[must_use]
pub fn main(arguments: &Arguments) -> Exit {
    let schema = if arguments.report {
        json::schema()
    } else {
        let drivers: Vec<_> = DRIVERS.iter().map(|row| row.word).collect();
        scenario::schema(&drivers)
    };
    let text = format!("{:#}\n", schema.as_value());
    streams::print(&text).err().unwrap_or(Exit::Passed)
}
