//! `harness guard`, hidden: becomes another program that dies with the harness.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::process::{Pid, getppid};

use crate::exit::Exit;

/// Its arguments.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The process that must be alive, and this one's parent.
    #[arg(long)]
    parent: i32,
    /// The program to become, and its arguments.
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<OsString>,
}

/// Asks the kernel for SIGKILL once the thread that started this process ends, and becomes the
/// command. That signal also ends a stopped process, and it stays set across the exec.
///
/// Returns only where it could not. Where the system has no such signal (anything but Linux), the
/// command outlives a harness that is itself killed by SIGKILL.
#[must_use]
pub fn main(arguments: &Arguments) -> Exit {
    #[cfg(target_os = "linux")]
    if let Err(error) =
        rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))
    {
        eprintln!("harness guard: cannot ask for the parent-death signal: {error}");
        return Exit::NoVerdict;
    }
    // A parent that died before the line above sends no signal; this process then has another.
    if getppid().map(Pid::as_raw_pid) != Some(arguments.parent) {
        return Exit::NoVerdict;
    }
    let (program, rest) = arguments.command.split_first().expect("clap requires one");
    let error = Command::new(program).args(rest).exec();
    eprintln!("harness guard: cannot start {}: {error}", program.display());
    Exit::NoVerdict
}
