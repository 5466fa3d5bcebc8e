//! The binary: parse, call, exit code.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let arguments = harness::command::Arguments::parse();
    ExitCode::from(harness::command::main(arguments).code())
}
