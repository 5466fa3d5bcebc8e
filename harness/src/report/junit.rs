//! JUnit XML: one test case a scenario. Where several brokers were named or runs repeated, each broker is a
//! suite and a class of its own, and the names of cases say which run it was. A broken promise or golden is a failure, a scenario
//! without a verdict an error. What kept the call from running any is a case of its own.

use std::io::{self, Write};
use std::path::Path;

use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};

use super::entry::{Entry, Problem, Report, Skipped, Trouble};
use super::tally::Tally;
use super::{sentence, terminal, words};
use crate::baseline::{Comparison, Outcome};
use crate::exit::Exit;
use crate::figures::threshold::State;

/// The class of every case that no broker is one for, and its suite's name.
const CLASS: &str = "scenarios";

/// Writes the report.
pub fn write(report: &Report, to: &mut dyn Write) -> io::Result<()> {
    let mut junit = quick_junit::Report::new("harness");
    junit.set_time(report.duration);
    let mut suites: Vec<(&str, TestSuite)> = Vec::new();
    let mut add = |class, case| match suites.iter_mut().find(|(name, _)| *name == class) {
        Some((_, suite)) => {
            suite.add_test_case(case);
        }
        None => {
            let mut suite = TestSuite::new(class);
            suite.add_test_case(case);
            suites.push((class, suite));
        }
    };
    let class = |on| if report.is_matrix { on } else { None }.unwrap_or(CLASS);
    for entry in &report.entries {
        let class = class(entry.on.as_ref().map(|on| on.word.as_str()));
        let flaky = report.repetition_of(entry).filter(|tally| tally.is_flaky());
        add(class, test_case(entry, class, flaky));
    }
    for own in &report.skipped {
        let class = class(own.on.as_deref());
        add(class, skipped(own, class));
    }
    report.comparison.iter().for_each(|own| add(CLASS, comparison(own)));
    report.trouble.iter().for_each(|own| add(CLASS, trouble(own)));
    if suites.is_empty() {
        suites.push((CLASS, TestSuite::new(CLASS)));
    }
    for (name, mut suite) in suites {
        let own = |entry: &&Entry| entry.on.as_ref().is_some_and(|on| on.word == name);
        let took = report.entries.iter().filter(own).map(|entry| entry.duration).sum();
        suite.set_time(if name == CLASS { report.duration } else { took });
        junit.add_test_suite(suite);
    }
    junit.serialize(to).map_err(io::Error::other)
}

/// `flaky`: how the runs ended of which it is one, where some of them passed and others failed.
fn test_case(entry: &Entry, class: &str, flaky: Option<&Tally>) -> TestCase {
    let kind = match entry.exit() {
        Exit::Passed => None,
        Exit::Failed => Some(NonSuccessKind::Failure),
        Exit::Usage | Exit::NoVerdict | Exit::NothingSelected | Exit::Interrupted => {
            Some(NonSuccessKind::Error)
        }
    };
    let name = match entry.turn {
        0 => entry.name.clone(),
        turn => format!("{} (run {turn})", entry.name),
    };
    let mut case = TestCase::new(
        name,
        kind.map_or_else(TestCaseStatus::success, |kind| {
            let mut status = TestCaseStatus::non_success(kind);
            status.set_type(kind_of(entry));
            let cause = sentence::cause(entry);
            status.set_message(match flaky {
                Some(tally) => format!("flaky, {tally}: {cause}"),
                None => cause,
            });
            status.set_description(terminal::plain(entry));
            status
        }),
    );
    case.set_time(entry.duration);
    in_file(&mut case, class, &entry.file);
    let here = |problem: &&Problem| problem.file == entry.file;
    if let Some(line) = entry.problems.iter().find(here).and_then(|problem| problem.line) {
        case.extra.insert("line".into(), line.to_string().into());
    }
    if let Some(told) = told(entry) {
        case.set_system_out(told);
    }
    if let Some(tally) = flaky {
        case.add_property(("flaky", tally.to_string().as_str()));
    }
    case
}

/// What the test case has no attribute for: the simulated time, how the seeds ended, what each
/// fault met, and what came of each threshold.
fn told(entry: &Entry) -> Option<String> {
    let simulated = entry.simulated.map(|time| format!("{} of simulated time", words::time(time)));
    let sweep = entry.sweep.as_ref().map(|sweep| {
        let named = sweep.named().map(|named| format!("\n{named}")).unwrap_or_default();
        format!("{sweep}{named}")
    });
    let faults = entry.summary.iter().flat_map(|summary| &summary.faults);
    let faults = faults.map(|fault| format!("{}  {}", fault.text, sentence::fault(fault)));
    let thresholds = entry.thresholds.iter().map(|own| {
        let state = match own.state {
            State::Met => "met",
            State::Missed => "missed",
            State::NoData => "no data",
        };
        format!("{state}: {}", own.brief())
    });
    let head = [simulated, sweep].into_iter().flatten();
    let lines: Vec<_> = head.chain(faults).chain(thresholds).collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

fn skipped(skipped: &Skipped, class: &str) -> TestCase {
    let mut status = TestCaseStatus::skipped();
    status.set_message(&*skipped.reason);
    let mut case = TestCase::new(&*skipped.name, status);
    in_file(&mut case, class, &skipped.file);
    case
}

/// A case for what no scenario is to blame for: many readers take a report without an error for a
/// pass.
fn trouble(trouble: &Trouble) -> TestCase {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    status.set_type(match trouble.exit {
        Exit::Usage => "invalid call",
        Exit::NothingSelected => "nothing selected",
        Exit::Interrupted => "interrupted",
        Exit::NoVerdict | Exit::Failed | Exit::Passed => "no verdict",
    });
    status.set_message(trouble.text.lines().next().unwrap_or_default());
    status.set_description(&*trouble.text);
    let mut case = TestCase::new("harness", status);
    case.set_classname(CLASS);
    case
}

/// A case for a comparison: worse is a failure, and no verdict an error.
fn comparison(comparison: &Comparison) -> TestCase {
    let kind = match comparison.exit() {
        Exit::Passed => None,
        Exit::Failed => Some(NonSuccessKind::Failure),
        _ => Some(NonSuccessKind::Error),
    };
    let status = kind.map_or_else(TestCaseStatus::success, |kind| {
        let mut status = TestCaseStatus::non_success(kind);
        status.set_type(comparison.outcome().map_or("no verdict", Outcome::word));
        status.set_message(comparison.sentence());
        status
    });
    let mut case = TestCase::new("comparison", status);
    case.set_classname(CLASS);
    case.set_system_out(comparison.sentence());
    case
}

fn in_file(case: &mut TestCase, class: &str, file: &Path) {
    case.set_classname(class);
    case.extra.insert("file".into(), file.to_string_lossy().into_owned().into());
}

/// What is wrong in a word or two: the first broken promise's kind, `threshold`, `golden`, or `no
/// verdict`. What
/// was judged and is invalid all the same has a golden file or a history that cannot be used.
fn kind_of(entry: &Entry) -> &'static str {
    let first = entry.judgement.as_ref().and_then(|judgement| judgement.violations.first());
    let is_missed = entry.thresholds.iter().any(|own| own.state == State::Missed);
    match (first, entry.exit()) {
        (Some(finding), _) => finding.kind.as_str(),
        (None, Exit::Usage) if entry.judgement.is_some() => "invalid file",
        (None, Exit::Usage) if entry.evidence.is_some() => "invalid evidence",
        (None, Exit::Usage) => "invalid scenario",
        (None, Exit::Interrupted) => "interrupted",
        (None, Exit::NoVerdict | Exit::NothingSelected) => "no verdict",
        (None, Exit::Failed) if is_missed => "threshold",
        (None, Exit::Failed | Exit::Passed) => "golden",
    }
}
