//! Where reports go: a flag `--report-NAME FILE` for each format of the table, and the
//! environment's wishes.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Seek as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use clap::{Arg, ArgMatches, Command, value_parser};

use super::entry::Report;
use super::formats::{Asked, FORMATS, Format, IN_ACTIONS};
use crate::exit::Exit;
use crate::io_error;

/// What the standard output is called.
const STDOUT: &str = "stdout";

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
        Asked::ByVariable(_) | Asked::ToFileOf(_) => None,
    })
}

/// Reports that are open for writing.
#[derive(Default)]
pub struct Output(Vec<Target>);

struct Target {
    format: &'static Format,
    /// For messages.
    name: String,
    /// None is the standard output.
    file: Option<File>,
    /// Which file it is, if it is one that keeps what is written to it.
    identity: Option<(u64, u64)>,
}

impl Destinations {
    /// Opens every file now, which takes the report of an earlier call out of it, and adds what the
    /// environment asks for, read through `variable`. What can be opened is open also where
    /// something else cannot: then it is to say so.
    ///
    /// # Errors
    /// Beside what is open: the first file that cannot be written, as a text for people that names
    /// the flag and the file.
    pub fn open(&self, variable: impl Fn(&str) -> Option<String>) -> (Output, Result<(), String>) {
        let mut output = Output::default();
        let mut first = Ok(());
        for (flag, format, path) in &self.0 {
            match target(flag, format, path).and_then(|target| output.add(flag, target)) {
                Err(text) if first.is_ok() => first = Err(text),
                _ => {}
            }
        }
        let is_true = |name| variable(name).as_deref() == Some("true");
        for format in FORMATS {
            match format.asked {
                Asked::ByVariable(name) if is_true(name) => {
                    output.0.push(Target::stdout(format));
                }
                Asked::ToFileOf(name) if is_true(IN_ACTIONS) => {
                    let Some(path) = variable(name).filter(|path| !path.is_empty()) else {
                        continue;
                    };
                    match Target::added(format, Path::new(&path)) {
                        // A flag may name it, too: then it has the report.
                        Ok(target) if output.0.iter().any(|own| own.is_file_of(&target)) => {}
                        Ok(target) => output.0.push(target),
                        Err(why) if first.is_ok() => {
                            first = Err(format!("{name}={path}: {why}; unset it for no summary"));
                        }
                        Err(_) => {}
                    }
                }
                Asked::ByVariable(_) | Asked::ToFileOf(_) | Asked::ByFlag(_) => {}
            }
        }
        (output, first)
    }

    /// The flag that names this file, where one does: what is written to it would be written over.
    pub fn flag_of(&self, file: &File) -> Option<&'static str> {
        let wanted = identity(&file.metadata().ok()?)?;
        let is_it =
            |path: &Path| path.metadata().ok().and_then(|found| identity(&found)) == Some(wanted);
        self.0.iter().find(|(_, _, path)| is_it(path)).map(|(flag, _, _)| *flag)
    }
}

/// Which file it is. A device or a pipe may be named twice.
fn identity(found: &Metadata) -> Option<(u64, u64)> {
    found.is_file().then(|| (found.dev(), found.ino()))
}

fn target(flag: &str, format: &'static Format, path: &Path) -> Result<Target, String> {
    if path == Path::new("-") {
        return Ok(Target::stdout(format));
    }
    let file = create(path).map_err(|why| format!("--{flag} {}: {why}", path.display()))?;
    let identity = file.metadata().ok().and_then(|found| identity(&found));
    Ok(Target { format, name: path.display().to_string(), file: Some(file), identity })
}

impl Target {
    fn stdout(format: &'static Format) -> Self {
        Self { format, name: String::from(STDOUT), file: None, identity: None }
    }

    /// One that is added to what is in a file.
    fn added(format: &'static Format, path: &Path) -> Result<Self, String> {
        let name = path.display().to_string();
        let file = opened(path, File::options().append(true).create(true))?;
        Ok(Self { format, name, file: Some(file), identity: None })
    }

    /// Whether what the other one adds to is the file that this one writes.
    fn is_file_of(&self, other: &Self) -> bool {
        let found = other.file.as_ref().and_then(|file| file.metadata().ok());
        self.identity.is_some() && found.and_then(|found| identity(&found)) == self.identity
    }

    /// Writes the report, in place of what was written to a file before.
    fn write(&mut self, report: &Report) -> Result<(), String> {
        let mut text = Vec::new();
        let place = self.file.is_some().then(|| Path::new(&self.name));
        let written =
            (self.format.write)(report, place, &mut text).and_then(|()| match &mut self.file {
                None => {
                    let mut stdout = io::stdout().lock();
                    stdout.write_all(&text).and_then(|()| stdout.flush())
                }
                Some(file) => {
                    if self.identity.is_some() {
                        file.set_len(0)?;
                        file.rewind()?;
                    }
                    file.write_all(&text)
                }
            });
        match written {
            // A reader that has gone away has seen enough.
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                let (name, target, why) = (self.format.name, &self.name, io_error::reason(&error));
                Err(format!("cannot write the {name} report to {target}: {why}"))
            }
            _ => Ok(()),
        }
    }

    fn is_same(&self, other: &Self) -> bool {
        let both_stdout = self.file.is_none() && other.file.is_none();
        both_stdout || self.identity.is_some() && self.identity == other.identity
    }
}

impl Output {
    /// Adds a report that is asked for by a flag; two would write over each other in one place.
    fn add(&mut self, flag: &str, target: Target) -> Result<(), String> {
        if let Some(other) = self.0.iter().find(|other| other.is_same(&target)) {
            let Asked::ByFlag(other) = other.format.asked else { return Ok(()) };
            let name = target.name;
            return Err(format!(
                "--{other} and --{flag} cannot both go to {name}; name a file for one"
            ));
        }
        self.0.push(target);
        Ok(())
    }
}

/// Creates a file and the folders above it; an error says which of the two cannot be made.
///
/// # Errors
/// A text for people, without the file's own name.
pub fn create(path: &Path) -> Result<File, String> {
    opened(path, File::options().write(true).create(true).truncate(true))
}

fn opened(path: &Path, options: &OpenOptions) -> Result<File, String> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|error| {
            format!("the folder {} cannot be made: {}", folder.display(), io_error::reason(&error))
        })?;
    }
    options
        .open(path)
        .map_err(|error| format!("it cannot be written: {}", io_error::reason(&error)))
}

impl Output {
    /// Writes the report in each format. Where one cannot be written, all others say so.
    ///
    /// # Errors
    /// The first that could not be written, as a text for people; it is in the report then.
    pub fn write(mut self, report: &mut Report) -> Result<(), String> {
        // What is on the standard output cannot be taken back, so it comes last.
        self.0.sort_by_key(|target| target.file.is_none());
        let mut first = Ok(());
        for place in 0..self.0.len() {
            let Err(text) = self.0[place].write(report) else { continue };
            if first.is_ok() {
                report.add_trouble(Exit::Usage, text.clone());
                for written in self.0[..place].iter_mut().filter(|file| file.identity.is_some()) {
                    // It could be written a moment ago.
                    let _ = written.write(report);
                }
                first = Err(text);
            }
        }
        first
    }
}
