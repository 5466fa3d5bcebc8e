//! What `harness run` and `harness compare` share: the reports that a state is known by, and when a
//! difference fails the call.

use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::refused::Refused;
use crate::baseline::rule::{BY, BY_MAX};
use crate::baseline::{Comparison, Side, compare};
use crate::io_error;
use crate::report::{Report, json};

/// What is worse fails the call from so much on: `worse`, `worse:10%`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FailOn(f64);

impl FromStr for FailOn {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || "expected worse, or how much so: worse:10%".to_owned();
        let Some(by) = text.strip_prefix("worse") else { return Err(expected()) };
        if by.is_empty() {
            return Ok(Self(BY));
        }
        let percent = by.strip_prefix(':').and_then(|by| by.strip_suffix('%'));
        let percent: f64 = percent.and_then(|by| by.trim().parse().ok()).ok_or_else(expected)?;
        if percent > 0.0 && percent <= BY_MAX * 100.0 {
            Ok(Self(percent / 100.0))
        } else {
            Err(format!("expected more than 0 % and at most {} %", BY_MAX * 100.0))
        }
    }
}

/// What `harness run` takes for it.
#[derive(Clone, Debug, clap::Args)]
pub struct Baseline {
    /// Compare the figures with those of an earlier JSON report, or a folder of such
    #[arg(long, value_name = "FILE|DIR")]
    pub baseline: Option<PathBuf>,

    /// End with 1 where a figure is worse than in the baseline, as in worse:10%
    #[arg(long, value_name = "worse[:PERCENT]", requires = "baseline")]
    pub fail_on: Option<FailOn>,
}

impl Baseline {
    /// Reads the baseline now: a report of this call may be written to the same file.
    pub(super) fn read(&self) -> Result<Option<Side>, Refused> {
        let side = self.baseline.as_ref().map(|path| side(path)).transpose();
        side.map_err(|why| Refused::usage(format_args!("--baseline {why}")))
    }

    /// Compares what a call came to.
    pub(super) fn compare(&self, before: &Side, report: &Report) -> Result<Comparison, Refused> {
        let mut text = Vec::new();
        let mut after = Side::new("this run");
        let written = json::write(report, &mut text).map_err(|error| error.to_string());
        written
            .and_then(|()| after.add(&text))
            .map_err(|why| Refused::no_verdict(format_args!("cannot compare this run: {why}")))?;
        Ok(compared(before, &after, self.fail_on))
    }
}

/// Compares two states.
pub(super) fn compared(before: &Side, after: &Side, fail_on: Option<FailOn>) -> Comparison {
    compare(before, after, fail_on.map(|FailOn(by)| by))
}

/// Reads a report, or every `*.json` of a folder.
pub(super) fn side(path: &Path) -> Result<Side, String> {
    let mut side = Side::new(path.display().to_string());
    let files = if path.is_dir() { reports(path)? } else { vec![path.to_owned()] };
    for file in files {
        let name = file.display();
        let text = fs::read(&file).map_err(|error| {
            format!("{name}: cannot read the report: {}", io_error::reason(&error))
        })?;
        side.add(&text).map_err(|why| format!("{name}: {why}"))?;
    }
    Ok(side)
}

fn reports(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let name = folder.display();
    let cannot = |error| format!("{name}: cannot list the folder: {}", io_error::reason(&error));
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(cannot)? {
        let path = entry.map_err(cannot)?.path();
        files.extend(path.extension().is_some_and(|end| end == "json").then_some(path));
    }
    files.sort();
    if files.is_empty() {
        return Err(format!("{name}: there is no report *.json in this folder"));
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::FailOn;

    #[test]
    fn how_much_worse_is_a_percentage() {
        assert_eq!("worse".parse(), Ok(FailOn(0.1)));
        assert_eq!("worse:25%".parse(), Ok(FailOn(0.25)));
        assert_eq!("worse:2.5%".parse(), Ok(FailOn(0.025)));
        for bad in ["", "better", "worse:", "worse:10", "worse10%", "worse:x%"] {
            assert!(bad.parse::<FailOn>().unwrap_err().contains("worse:10%"), "{bad}");
        }
        for bad in ["worse:0%", "worse:-1%", "worse:NaN%", "worse:2000%"] {
            assert!(bad.parse::<FailOn>().unwrap_err().contains("at most 1000 %"), "{bad}");
        }
    }
}
