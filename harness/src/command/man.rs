//! `harness man`: the manual, a page for the harness, one for each subcommand, and one for the broker
//! that runs alone.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap_mangen::Man;

use super::streams;
use crate::exit::Exit;
use crate::io_error::reason;

/// Its arguments.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Write every page to this folder, such as ~/.local/share/man/man1; without it, the page of the
    /// harness itself goes to stdout: `harness man | man -l -`
    pub folder: Option<PathBuf>,
}

/// Writes the pages of these commands.
#[must_use]
pub fn main(arguments: &Arguments, harness: clap::Command, broker: clap::Command) -> Exit {
    let Some(folder) = &arguments.folder else {
        let mut page = Vec::new();
        let rendered = Man::new(harness).render(&mut page);
        rendered.expect("memory can always be written");
        return streams::print(&String::from_utf8_lossy(&page)).err().unwrap_or(Exit::Passed);
    };
    match write(folder, [harness, broker]) {
        Ok(()) => Exit::Passed,
        Err(error) => {
            let (folder, why) = (folder.display(), reason(&error));
            streams::tell(&format!("error: {folder}: the manual cannot be written there: {why}"));
            Exit::Usage
        }
    }
}

fn write(folder: &Path, commands: [clap::Command; 2]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    commands.into_iter().try_for_each(|command| clap_mangen::generate_to(command, folder))
}
