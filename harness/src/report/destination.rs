//! Where reports go: a flag `--report-NAME FILE` for each format of the table, and the
//! environment's wishes.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::{Arg, ArgMatches, Command, value_parser};

use super::entry::Report;
use super::formats::{Asked, FORMATS, Format};
use crate::io_error;

/// The reports that the command line asks for; `#[command(flatten)]` it.
#[derive(Clone, Debug, Default)]
pub struct Destinations(Vec<(&'static str, &'static Format, PathBuf)>);

impl clap::Args for Destinations {
    fn augment_args(command: Command) -> Command {
        by_flag().fold(command, |command, (flag, format)| {
            command.arg(
                Arg::new(flag)
                    .long(flag)
                    .value_name("FILE")
                    .value_parser(value_parser!(PathBuf))
                    .help(format!("Write {} (`-` is stdout)", format.about)),
            )
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl clap::FromArgMatches for Destinations {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let asked = by_flag().filter_map(|(flag, format)| {
            Some((flag, format, matches.get_one::<PathBuf>(flag)?.clone()))
        });
        Ok(Self(asked.collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

fn by_flag() -> impl Iterator<Item = (&'static str, &'static Format)> {
    FORMATS.iter().filter_map(|format| match format.asked {
        Asked::ByFlag(flag) => Some((flag, format)),
        Asked::ByVariable(_) => None,
    })
}

/// Reports that are open for writing.
pub struct Output(Vec<(&'static Format, String, Box<dyn Write>)>);

impl Destinations {
    /// Opens every file now, before anything is run, so that a run is not lost to a mistyped path;
    /// and adds what the environment asks for, read through `variable`.
    ///
    /// # Errors
    /// A file that cannot be written: a text for people that names the flag and the file.
    pub fn open(&self, variable: impl Fn(&str) -> Option<String>) -> Result<Output, String> {
        let mut open: Vec<(_, _, Box<dyn Write>)> = Vec::new();
        let mut on_stdout = None;
        for (flag, format, path) in &self.0 {
            if path == Path::new("-") {
                if let Some(other) = on_stdout.replace(flag) {
                    return Err(format!(
                        "--{other} and --{flag} cannot both go to stdout; name a file for one"
                    ));
                }
                open.push((*format, String::from("stdout"), Box::new(io::stdout())));
                continue;
            }
            let file = create(path).map_err(|why| format!("--{flag} {}: {why}", path.display()))?;
            open.push((*format, path.display().to_string(), Box::new(BufWriter::new(file))));
        }
        for format in FORMATS {
            if let Asked::ByVariable(name) = format.asked
                && variable(name).as_deref() == Some("true")
            {
                open.push((format, String::from("stdout"), Box::new(io::stdout())));
            }
        }
        Ok(Output(open))
    }
}

/// Creates a file and the folders above it; an error says which of the two cannot be made.
///
/// # Errors
/// A text for people, without the file's own name.
pub fn create(path: &Path) -> Result<File, String> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|error| {
            format!("the folder {} cannot be made: {}", folder.display(), io_error::reason(&error))
        })?;
    }
    File::create(path)
        .map_err(|error| format!("it cannot be written: {}", io_error::reason(&error)))
}

impl Output {
    /// Writes the report in each format.
    ///
    /// # Errors
    /// The first that could not be written, as a text for people; the others are tried all the
    /// same.
    pub fn write(self, report: &Report) -> Result<(), String> {
        let mut first = Ok(());
        for (format, target, mut writer) in self.0 {
            let done = (format.write)(report, &mut writer).and_then(|()| writer.flush());
            if let Err(error) = done
                // A reader that has gone away has seen enough.
                && error.kind() != io::ErrorKind::BrokenPipe
                && first.is_ok()
            {
                let (name, why) = (format.name, io_error::reason(&error));
                first = Err(format!("cannot write the {name} report to {target}: {why}"));
            }
        }
        first
    }
}
