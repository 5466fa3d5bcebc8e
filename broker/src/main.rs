//! The standalone broker: `broker --listen 127.0.0.1:5000 --store memory`.
//!
//! Exit codes: 0 after SIGTERM or SIGINT, 1 when it cannot serve, 2 for wrong arguments.

use std::io::{self, Write};
use std::process::ExitCode;

use broker::Arguments;
use clap::Parser;

/// A compact message broker: named append-only logs over HTTP.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(flatten)]
    arguments: Arguments,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match broker::run(&cli.arguments, |store| store) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Where nobody reads it, the exit code says it.
            let _ = writeln!(io::stderr(), "broker: {error:#}");
            ExitCode::FAILURE
        }
    }
}
