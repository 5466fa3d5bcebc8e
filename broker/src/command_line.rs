//! The command line of the standalone broker: flags with which it serves, and what it does instead and
//! then ends.

mod hint;

use std::env::args_os;
use std::sync::LazyLock;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory, FromArgMatches};

use self::hint::hinted;
use crate::arguments::Arguments;
use crate::check::Target;
use crate::migrate::MigrateArguments;
use crate::tokens::TokenArguments;
use crate::version::{COMMIT, VERSION};

/// Version, commit and features, a line each, as `harness --version` has them.
static LONG_VERSION: LazyLock<String> = LazyLock::new(|| {
    let features = if cfg!(feature = "tls") { "tls" } else { "none" };
    let commit = COMMIT.unwrap_or("not known");
    format!("{VERSION}\ncommit    {commit}\nfeatures  {features}")
});

/// A compact message broker: named append-only logs over HTTP.
#[derive(Debug, clap::Parser)]
#[command(version, long_version = LONG_VERSION.as_str(), args_conflicts_with_subcommands = true)]
pub struct CommandLine {
    /// What to do instead of serving.
    #[command(subcommand)]
    pub command: Option<Command>,

    /// How to serve.
    #[command(flatten)]
    pub arguments: Arguments,

    /// Ask the broker at this URL whether it is ready, and exit with 0 if it is and with 1 if not
    #[arg(long, value_name = "URL")]
    pub check: Option<Target>,
}

/// What the program does instead of serving.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Bring the tables of a database up to date, as a user who may
    Migrate(MigrateArguments),
    /// Make a token, and print it with the line that the file of tokens needs
    Token(TokenArguments),
}

impl CommandLine {
    /// The command line that this process was started with, and where its values are from.
    ///
    /// # Errors
    /// What is wrong with it, or what `--help` and `--version` ask for.
    pub fn of_process() -> Result<(Self, ArgMatches), clap::Error> {
        let mut command = Self::command();
        let matches = command.try_get_matches_from_mut(args_os());
        let matches = matches.map_err(|error| hinted(error, &command))?;
        Ok((Self::from_arg_matches(&matches)?, matches))
    }

    /// Whether its parts fit together.
    ///
    /// # Errors
    /// Which do not; without the password of a URL.
    pub fn check_together(&self, matches: &ArgMatches) -> Result<(), clap::Error> {
        let (kind, checked) = match (&self.command, &self.check) {
            (Some(Command::Migrate(migrate)), _) => (ErrorKind::ValueValidation, migrate.check()),
            (Some(Command::Token(_)), _) => return Ok(()),
            (None, Some(_)) => (ErrorKind::ArgumentConflict, check_alone(matches)),
            (None, None) => (ErrorKind::ValueValidation, self.arguments.check()),
        };
        checked.map_err(|why| {
            let mut command = Self::command();
            // The usage that is shown beside it is that of what was asked for.
            command.build();
            let asked = matches.subcommand_name().and_then(|name| command.find_subcommand(name));
            asked.cloned().unwrap_or(command).error(kind, why)
        })
    }
}

/// Refuses flags beside `--check`, which would be passed over without a word. Variables may be there: a
/// container has them for the broker that is asked.
fn check_alone(matches: &ArgMatches) -> Result<(), String> {
    let is_typed = |argument: &&clap::Arg| {
        matches.value_source(argument.get_id().as_str()) == Some(ValueSource::CommandLine)
    };
    let command = CommandLine::command();
    let mut typed = command.get_arguments().filter(is_typed).filter_map(clap::Arg::get_long);
    match typed.find(|&long| long != "check") {
        Some(flag) => Err(format!("--{flag} is for a broker that serves, and --check asks one")),
        None => Ok(()),
    }
}
