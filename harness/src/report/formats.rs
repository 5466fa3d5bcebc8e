//! The table of formats that a report can be written in, and what asks for each.

use std::io::{self, Write};
use std::path::Path;

use super::entry::Report;
use super::{github, html, json, junit, markdown};

/// A format that a report can be written in.
#[derive(Debug)]
pub struct Format {
    /// For messages.
    pub name: &'static str,
    /// For `--help`.
    pub about: &'static str,
    /// What asks for it.
    pub asked: Asked,
    /// Writes a whole report. The path is that of the file which it is written to; the standard output
    /// has none.
    pub write: fn(&Report, Option<&Path>, &mut dyn Write) -> io::Result<()>,
}

/// What asks for a format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// A flag that takes a file: `report-json`.
    ByFlag(&'static str),
    /// An environment variable that is `true`; it then goes to stdout.
    ByVariable(&'static str),
    /// An environment variable that names a file, to which it is added; only in GitHub Actions.
    ToFileOf(&'static str),
}

/// The variable that is `true` in GitHub Actions, whose runner sets it.
pub(super) const IN_ACTIONS: &str = "GITHUB_ACTIONS";

/// Every format but the terminal's, which is written while the scenarios run.
pub const FORMATS: &[Format] = &[
    Format {
        name: "JSON",
        about: "a JSON report",
        asked: Asked::ByFlag("report-json"),
        write: |report, _, to| json::write(report, to),
    },
    Format {
        name: "JUnit",
        about: "a JUnit XML report",
        asked: Asked::ByFlag("report-junit"),
        write: |report, _, to| junit::write(report, to),
    },
    Format {
        name: "Markdown",
        about: "a Markdown report, with the table of scenarios and brokers",
        asked: Asked::ByFlag("report-md"),
        write: |report, _, to| markdown::write(report, to),
    },
    Format {
        name: "HTML",
        about: "an HTML report, one file for people",
        asked: Asked::ByFlag("report-html"),
        write: html::write,
    },
    Format {
        name: "GitHub",
        about: "annotations for GitHub Actions",
        asked: Asked::ByVariable(IN_ACTIONS),
        write: |report, _, to| github::write(report, to),
    },
    Format {
        name: "GitHub summary",
        about: "a Markdown report on the page of a job of GitHub Actions",
        asked: Asked::ToFileOf("GITHUB_STEP_SUMMARY"),
        write: |report, _, to| github::summary(report, to),
    },
];
