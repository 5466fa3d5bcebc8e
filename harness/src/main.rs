//! The binary: parse, call, exit code.

use std::process::ExitCode;

use clap::Parser;
use harness::exit::Exit;

fn main() -> ExitCode {
    let arguments = harness::command::Arguments::parse();
    let exit = match std::env::current_exe() {
        Ok(harness) => harness::command::main(arguments, &harness),
        Err(error) => {
            eprintln!("error: cannot find the harness's own program: {error}");
            Exit::NoVerdict
        }
    };
    ExitCode::from(exit.code())
}
