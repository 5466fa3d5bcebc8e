//! Where each producer's messages come from: a log that is there, or numbers to make them up from.

use std::fs;
use std::ops::Range;
use std::path::Path;

use super::model::Source;
use super::{raw, words};
use crate::input::diagnostic::{Diagnostic, hint};
use crate::input::names::{self, Kind};
use crate::input::problems::Problems;
use crate::input::values;
use crate::input::yaml::{At, Field};
use crate::io_error;
use crate::log_format::{self, LogFormat};

/// The most messages that one scenario may make up.
const MESSAGES_MAX: u32 = 100_000_000;

/// The most bytes that their payloads may have together: a plan holds all of them.
const BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;

pub(super) struct Sources<'a> {
    folder: &'a Path,
    all: Option<&'a raw::Producer>,
    /// Where to say that a producer has no source: at `producers:`, if it is there.
    span: Range<usize>,
    without: Vec<u32>,
    /// Messages that are made up, and their bytes at most, over all producers.
    total: u64,
    bytes: u64,
}

impl<'a> Sources<'a> {
    pub(super) fn new(
        file: &'a Path,
        raw: &'a raw::Scenario,
        all: Option<&'a raw::Producer>,
    ) -> Self {
        Self {
            folder: file.parent().unwrap_or(Path::new("")),
            all,
            span: raw.producers.0.as_ref().map_or(0..0, |at| at.span.clone()),
            without: Vec::new(),
            total: 0,
            bytes: 0,
        }
    }

    /// The source of one producer; `own` are its own settings.
    pub(super) fn of(
        &mut self,
        problems: &mut Problems<'_>,
        number: u32,
        own: Option<&'a At<raw::Producer>>,
        format: &Field<String>,
    ) -> Option<Source> {
        // A source of its own replaces that of all, whichever of the two kinds each is.
        for producer in own.map(|at| &at.value).into_iter().chain(self.all) {
            match (&producer.log.0, &producer.generate.0) {
                (None, None) => {}
                (Some(log), None) => return self.log(problems, number, log, format),
                (None, Some(generate)) => {
                    if let Some(format) = &producer.format.0 {
                        let title = "`format` has no meaning for `generate`";
                        let label = "it says how the lines of a `log` are written";
                        problems.add(format.span.clone(), Diagnostic::new(title).label(label));
                    }
                    return self.generate(problems, generate);
                }
                (Some(_), Some(generate)) => {
                    let title = "both `log` and `generate` are given";
                    let label = "messages come from one of the two";
                    problems.add(generate.span.clone(), Diagnostic::new(title).label(label));
                    return None;
                }
            }
        }
        self.without.push(number);
        None
    }

    /// Names all producers without a source at once, unless one may have what a wrong key was to give
    /// it.
    pub(super) fn finish(self, problems: &mut Problems<'_>, is_partial: bool) {
        if !self.without.is_empty() && !is_partial {
            let who = names::list(Kind::Producer, &self.without);
            let verb = if self.without.len() == 1 { "has" } else { "have" };
            let title = format!("{who} {verb} neither `log` nor `generate`");
            let help = "under `producers:`, `all: { log: \"producer_{id}.txt\" }` gives each a log, \
                        and `all: { generate: { messages: 1000 } }` makes messages up";
            problems.add(self.span.clone(), Diagnostic::new(title).help(help));
        }
        if self.total > u64::from(MESSAGES_MAX) {
            let title = format!("{} messages are too many to make up", self.total);
            let label = format!("at most {MESSAGES_MAX} over all producers");
            problems.add(self.span, Diagnostic::new(title).label(label));
        } else if self.bytes > BYTES_MAX {
            let title = format!("{} bytes of payload are too many to make up", self.bytes);
            let label = format!("at most {BYTES_MAX} over all producers, at the largest size");
            problems.add(self.span, Diagnostic::new(title).label(label));
        }
    }

    fn log(
        &mut self,
        problems: &mut Problems<'_>,
        number: u32,
        log: &At<String>,
        format: &Field<String>,
    ) -> Option<Source> {
        let format = problems.read(format, |word| {
            word.parse::<LogFormat>().map_err(|_| {
                let words = log_format::WORDS.map(|(word, _)| word);
                Diagnostic::new(format!("unknown value `{word}`")).label(hint(word, words))
            })
        });
        let name = log.value.replace("{id}", &number.to_string());
        if name.contains(['{', '}']) {
            let title = format!("`{}` has a placeholder that does not exist", log.value);
            let label = "only `{id}` stands for something: the producer's number";
            problems.add(log.span.clone(), Diagnostic::new(title).label(label));
            return None;
        }
        let path = self.folder.join(&name);
        let missing = match fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() => return Some(Source::Log { file: path, format }),
            Ok(_) => format!("the log of P{number}, {}, is not a file", path.display()),
            Err(error) => {
                format!(
                    "the log of P{number}, {}, cannot be read: {}",
                    path.display(),
                    io_error::reason(&error)
                )
            }
        };
        let label = format!("P{number} takes its messages from it");
        let help = "the path is relative to this file; `harness generate` writes such logs";
        problems.add(log.span.clone(), Diagnostic::new(missing).label(label).help(help));
        None
    }

    fn generate(&mut self, problems: &mut Problems<'_>, at: &At<raw::Generate>) -> Option<Source> {
        let raw::Generate { messages, size, payloads } = &at.value;
        if messages.0.is_none() {
            let title = "`generate` does not say how many messages";
            let label = "expected `messages:`, such as `{ messages: 1000, size: 16..256 }`";
            problems.add(at.span.clone(), Diagnostic::new(title).label(label));
        }
        let limits = 1..=MESSAGES_MAX;
        let messages = problems.read(messages, |text| values::count(text, limits));
        let size = match size {
            Field(None) => Some(16..=16),
            given => problems.read(given, values::size),
        };
        let payloads = problems.read(payloads, words::word).unwrap_or_default();
        let (messages, size) = (messages?, size?);
        self.total += u64::from(messages);
        self.bytes += u64::from(messages) * u64::from(*size.end());
        Some(Source::Generate { messages, size, payloads })
    }
}
