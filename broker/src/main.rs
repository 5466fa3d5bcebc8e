//! The standalone broker: `broker --listen 127.0.0.1:5000 --store memory`.
//!
//! `broker token` makes a token for the file that --token-file names.
//!
//! Exit codes: 0 after SIGTERM or SIGINT, 1 when it cannot serve, 2 for wrong arguments.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::LazyLock;

use broker::{Arguments, TokenArguments};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Parser, Subcommand};

/// Version, commit and features, a line each, as `harness --version` has them.
static LONG_VERSION: LazyLock<String> = LazyLock::new(|| {
    let (version, commit) = (env!("CARGO_PKG_VERSION"), option_env!("BUILT_FROM"));
    let features = if cfg!(feature = "tls") { "tls" } else { "none" };
    format!("{version}\ncommit    {}\nfeatures  {features}", commit.unwrap_or("not known"))
});

/// A compact message broker: named append-only logs over HTTP.
#[derive(Parser)]
#[command(version, long_version = LONG_VERSION.as_str(), args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    arguments: Arguments,
}

#[derive(Subcommand)]
enum Command {
    /// Make a token, and print it with the line that the file of tokens needs
    Token(TokenArguments),
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return refuse(&explained(error)),
    };
    let done = match &cli.command {
        Some(Command::Token(arguments)) => arguments.print(),
        None => {
            if let Err(why) = cli.arguments.check() {
                Cli::command().error(ErrorKind::ValueValidation, why).exit();
            }
            broker::run(&cli.arguments)
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Where stderr is gone, the exit code says it.
            let _ = writeln!(io::stderr(), "broker: {error:#}");
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

/// Adds what clap does not say of a bad value: that it is the environment's.
fn explained(mut error: clap::Error) -> clap::Error {
    let shown = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(text)) => text.clone(),
        _ => String::new(),
    };
    let flag = shown.split(' ').next().unwrap_or_default();
    let command = Cli::command();
    let argument = command.get_arguments().find(|argument| {
        argument.get_long().is_some_and(|long| flag.strip_prefix("--") == Some(long))
    });
    let is_typed = std::env::args().skip(1).any(|word| word.split('=').next() == Some(flag));
    if let Some(variable) = argument.and_then(clap::Arg::get_env).filter(|_| !is_typed) {
        let tip = format!("the value is that of the variable {}", variable.display());
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    }
    error
}
