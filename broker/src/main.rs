//! The standalone broker: `broker --listen 127.0.0.1:5000 --store memory`.
//!
//! Exit codes: 0 after SIGTERM, SIGINT or SIGHUP, 1 when it cannot serve, 2 for wrong arguments.

use std::io::{self, Write};
use std::process::ExitCode;

use broker::{Command, CommandLine};

fn main() -> ExitCode {
    let line = match CommandLine::of_process() {
        Ok((line, matches)) => match line.check_together(&matches) {
            Ok(()) => line,
            Err(error) => error.exit(),
        },
        Err(error) => return refuse(&error),
    };
    let done = match (&line.command, &line.check) {
        (Some(Command::Token(arguments)), _) => arguments.print(),
        (Some(Command::Migrate(arguments)), _) => arguments.migrate(),
        (None, Some(target)) => target.check(),
        (None, None) => broker::run(&line.arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Where stderr is gone, the exit code says it.
            let text = format!("{error:#}");
            let _ = writeln!(io::stderr(), "broker: {}", broker_client::wire::masked(&text));
            ExitCode::FAILURE
        }
    }
}

/// Says what clap says, without the password of a URL that was typed in the wrong place.
fn refuse(error: &clap::Error) -> ExitCode {
    let text = error.render().to_string();
    let shown = broker_client::wire::masked(&text);
    if shown == text {
        // With colours, and help on standard output. Where that is gone, the exit code says it.
        let _ = error.print();
    } else {
        let _ = write!(io::stderr(), "{shown}");
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}
