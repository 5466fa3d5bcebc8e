//! `-q` and `-v`: how much the terminal says. What is written to files and to stdout is not changed.

use std::sync::mpsc::Receiver;

use super::streams;
use crate::report::terminal::{Detail, Terminal};
use crate::run::Watch;

/// What `harness run`, `sim` and `check` take for it.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub struct Verbosity {
    /// Say nothing of what passed, nor how far it is: only what did not pass, notes, and the sums
    #[arg(short, long, conflicts_with = "verbose")]
    pub quiet: bool,

    /// Say more: where the broker is, each fault when it strikes and when it is over, when the last
    /// message is sent; and of what passed where its logs are and how to run it again
    #[arg(short, long)]
    pub verbose: bool,
}

impl Verbosity {
    /// The terminal, as the environment and these flags want it.
    pub(super) fn terminal(self) -> Terminal {
        Terminal::new(streams::variable, self.detail())
    }

    fn detail(self) -> Detail {
        match self {
            Self { quiet: true, .. } => Detail::Least,
            Self { verbose: true, .. } => Detail::Most,
            Self { .. } => Detail::Usual,
        }
    }
}

/// The lines about a run that goes on, where they are wanted.
pub(super) struct Watched {
    name: String,
    lines: Receiver<String>,
}

impl Watched {
    /// What a run is to tell its lines to, and where they come out, with its name.
    pub(super) fn new(name: &str, verbosity: Verbosity) -> (Watch, Self) {
        let (wanted, lines) = Watch::new();
        let watch = if verbosity.verbose { wanted } else { Watch::default() };
        (watch, Self { name: name.to_owned(), lines })
    }

    /// Shows what has been told since the last time.
    pub(super) fn show(&self, terminal: &Terminal) {
        for line in self.lines.try_iter() {
            terminal.line(&format!("  ...   {}  {line}", self.name));
        }
    }
}
