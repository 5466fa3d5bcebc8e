//! JUnit XML: one test case a scenario. A broken promise or golden is a failure, a scenario
//! without a verdict an error.

use std::io::{self, Write};

use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};

use super::entry::{Entry, Report};
use super::{sentence, terminal};
use crate::exit::Exit;

/// Writes the report.
pub fn write(report: &Report, to: &mut dyn Write) -> io::Result<()> {
    let mut junit = quick_junit::Report::new("harness");
    junit.set_time(report.duration);
    let mut suite = TestSuite::new("scenarios");
    suite.set_time(report.duration);
    suite.add_test_cases(report.entries.iter().map(test_case));
    junit.add_test_suite(suite);
    junit.serialize(to).map_err(io::Error::other)
}

fn test_case(entry: &Entry) -> TestCase {
    let kind = match entry.exit() {
        Exit::Passed => None,
        Exit::Failed => Some(NonSuccessKind::Failure),
        Exit::Usage | Exit::NoVerdict | Exit::NothingSelected | Exit::Interrupted => {
            Some(NonSuccessKind::Error)
        }
    };
    let mut case = TestCase::new(
        &*entry.name,
        kind.map_or_else(TestCaseStatus::success, |kind| {
            let mut status = TestCaseStatus::non_success(kind);
            status.set_type(kind_of(entry));
            status.set_message(sentence::cause(entry));
            status.set_description(terminal::plain(entry));
            status
        }),
    );
    case.set_classname("scenarios");
    case.set_time(entry.duration);
    case.extra.insert("file".into(), entry.file.to_string_lossy().into_owned().into());
    case
}

/// What is wrong in a word or two: the first broken promise's kind, `golden`, or `no verdict`.
fn kind_of(entry: &Entry) -> &'static str {
    let first = entry.judgement.as_ref().and_then(|judgement| judgement.violations.first());
    match (first, entry.exit()) {
        (Some(finding), _) => finding.kind.as_str(),
        (None, Exit::Usage) => "invalid scenario",
        (None, Exit::Interrupted) => "interrupted",
        (None, Exit::NoVerdict | Exit::NothingSelected) => "no verdict",
        (None, Exit::Failed | Exit::Passed) => "golden",
    }
}
