//! The binary: parse, call, exit code.

use std::process::ExitCode;

use clap::Parser;
use harness::exit::Exit;

fn main() -> ExitCode {
    let arguments = harness::command::Arguments::try_parse().unwrap_or_else(|error| refuse(&error));
    let exit = match std::env::current_exe() {
        Ok(harness) => harness::command::main(arguments, &harness),
        Err(error) => {
            eprintln!("error: cannot find the harness's own program: {error}");
            Exit::NoVerdict
        }
    };
    ExitCode::from(exit.code())
}

/// Ends with what clap says, without the password of a URL that was typed in the wrong place.
fn refuse(error: &clap::Error) -> ! {
    let text = error.render().to_string();
    let shown = broker::masked(&text);
    if shown == text {
        error.exit();
    }
    eprint!("{shown}");
    std::process::exit(error.exit_code())
}
