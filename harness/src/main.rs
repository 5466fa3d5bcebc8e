//! The binary: parse, call, exit code.

use std::process::ExitCode;

use clap::Parser;
use harness::exit::Exit;

fn main() -> ExitCode {
    let arguments = match harness::command::Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return refuse(&error),
    };
    let exit = match std::env::current_exe() {
        Ok(harness) => harness::command::main(arguments, &harness),
        Err(error) => {
            eprintln!("error: cannot find the harness's own program: {error}");
            Exit::NoVerdict
        }
    };
    ExitCode::from(exit.code())
}

/// Says what clap says, without the password of a URL that was typed in the wrong place.
fn refuse(error: &clap::Error) -> ExitCode {
    let text = error.render().to_string();
    let shown = broker_client::wire::masked(&text);
    if shown == text {
        // With colours, and help on standard output. Where nobody reads it, the exit code says it.
        let _ = error.print();
    } else {
        eprint!("{shown}");
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}
