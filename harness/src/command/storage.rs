//! `harness storage`, hidden: the process that serves a file system below a server's data.

use std::path::PathBuf;
use std::time::Duration;

use super::streams;
use crate::exit::Exit;
use crate::fault::Directories;
use crate::storage::serve::{Settings, serve};

/// Its arguments. It is told what to do on its standard input, and answers on its standard output.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Where it is mounted: an empty folder, or none yet.
    #[arg(long, value_name = "DIR")]
    mount: PathBuf,
    /// Where its bytes are kept.
    #[arg(long, value_name = "DIR")]
    backing: PathBuf,
    /// When a created, renamed or removed name is durable: at once, or when its folder is synced.
    #[arg(long, value_parser = directories, value_name = "now|lazy", default_value = "now")]
    directories: Directories,
    /// How long a sync takes at least.
    #[arg(long, value_parser = humantime::parse_duration, default_value = "0s")]
    fsync: Duration,
    /// A file that does not count when it is forgotten: its name, or the end of it behind a `*`.
    #[arg(long, value_name = "PATTERN")]
    noise: Vec<String>,
}

/// Serves until its input ends.
#[must_use]
pub fn main(arguments: Arguments) -> Exit {
    let Arguments { mount, backing, directories, fsync, noise } = arguments;
    match serve(Settings { mount, backing, directories, fsync, noise }) {
        Ok(()) => Exit::Passed,
        Err(why) => {
            streams::tell(&format!("harness storage: {why}"));
            Exit::NoVerdict
        }
    }
}

fn directories(word: &str) -> Result<Directories, &'static str> {
    match word {
        "now" => Ok(Directories::Now),
        "lazy" => Ok(Directories::Lazy),
        _ => Err("now or lazy"),
    }
}
