//! `harness completions`: what a shell needs to complete the harness's command lines.

use super::streams;
use crate::exit::Exit;

/// What `--help` says after the flags.
const AFTER_HELP: &str = "\
Where they go:
    bash        harness completions bash > ~/.local/share/bash-completion/completions/harness
    zsh         harness completions zsh > FOLDER/_harness, where FOLDER is one of $fpath
    fish        harness completions fish > ~/.config/fish/completions/harness.fish
    elvish      harness completions elvish >> ~/.config/elvish/rc.elv
    powershell  harness completions powershell >> $PROFILE";

/// Its arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Arguments {
    /// For which shell
    pub shell: clap_complete::Shell,
}

/// Prints them for `command`, the whole command line.
#[must_use]
pub fn main(arguments: &Arguments, command: &clap::Command) -> Exit {
    let mut script = Vec::new();
    let mut command = without_hidden(command);
    clap_complete::generate(arguments.shell, &mut command, "harness", &mut script);
    streams::print(&String::from_utf8_lossy(&script)).err().unwrap_or(Exit::Passed)
}

/// The same command line without the subcommands that are for the harness itself: a shell would offer
/// them.
fn without_hidden(command: &clap::Command) -> clap::Command {
    let shown = command.get_subcommands().filter(|own| !own.is_hide_set());
    clap::Command::new("harness")
        .args(command.get_arguments())
        .version(crate::version::VERSION)
        .subcommands(shown)
}
