//! The evidence of one scenario, judged: the entry that the reports read.

use std::fs::{self, File};
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use tokio::time::Instant;

use super::super::conclude::judged;
use super::super::plan::json::value as resolved;
use super::arguments::Arguments;
use super::{arrived, places};
use crate::check::{self, logs};
use crate::exit::Exit;
use crate::golden::{self, Comparison, Mode, Skipped};
use crate::history::{History, json};
use crate::io_error;
use crate::log_format::LogFormat;
use crate::plan::{Consumer, Plan};
use crate::report::{Entry, Evidence, Problem, Trouble};
use crate::shell::shell;
use crate::trial::logged;

/// Evidence that cannot be read: the file, and what people are told.
struct Unreadable(PathBuf, String);

/// Judges a scenario by the evidence that the command line names. `mode` says what may be done to
/// golden files, where they are to be looked at.
pub(super) fn judge(
    plan: &Plan,
    arguments: &Arguments,
    is_alone: bool,
    mode: Option<Mode>,
) -> Entry {
    let began = Instant::now();
    // Nothing is run, so the broker may have been any.
    let resolved = Some(resolved(plan));
    let mut entry = Entry { on: None, brokers: None, resolved, ..Entry::new(&plan.scenario) };
    let name = &plan.scenario.name;
    entry.reproduce = Some(command(plan, arguments));
    entry.logs = arguments.logs.as_deref().map(|given| places::logs(given, name, is_alone));
    let logs = entry.logs.clone();
    let judged = match (&arguments.history, &logs) {
        (Some(given), logs) => {
            entry.evidence = Some(Evidence::History);
            by_history(plan, given, logs.as_deref(), &mut entry).map(Some)
        }
        (None, Some(folder)) => {
            entry.evidence = Some(Evidence::Logs);
            by_logs(plan, folder, arguments.log_format, &mut entry)
        }
        (None, None) => unreachable!("the command line names a history or logs"),
    };
    match judged {
        Ok(history) => compare(plan, arguments, mode, history.as_ref(), &mut entry),
        Err(Unreadable(file, text)) => {
            let line = line_of(&file, &text);
            entry.problems = vec![Problem { file, line, column: None, text: text.clone() }];
            entry.trouble = Some(Trouble { exit: Exit::Usage, text });
        }
    }
    entry.duration = began.elapsed();
    entry
}

fn by_history(
    plan: &Plan,
    given: &Path,
    folder: Option<&Path>,
    entry: &mut Entry,
) -> Result<History, Unreadable> {
    let file = places::history(given, &plan.scenario.name);
    let file = file.map_err(|why| Unreadable(given.to_owned(), why))?;
    let name = file.display();
    let open = File::open(&file).map_err(|error| {
        let why = io_error::reason(&error);
        Unreadable(file.clone(), format!("{name}: cannot read the history: {why}"))
    })?;
    let history = json::read(plan, BufReader::new(open))
        .map_err(|error| Unreadable(file.clone(), format!("{name}: {error}")))?;
    let mut judgement = check::judge(plan, &history);
    let compared = folder.map(|folder| logged::compare(plan, &history, folder));
    for doubt in compared.into_iter().flatten() {
        judgement.mark_inconclusive(doubt);
    }
    judged(entry, plan, &history, judgement);
    entry.history = Some(file);
    Ok(history)
}

/// The history is none where logs cannot say what came.
fn by_logs(
    plan: &Plan,
    folder: &Path,
    format: Option<LogFormat>,
    entry: &mut Entry,
) -> Result<Option<History>, Unreadable> {
    let mut all = Vec::new();
    for consumer in &plan.consumers {
        let path = folder.join(format!("consumer_{}.txt", consumer.number));
        let name = path.display().to_string();
        let bytes = fs::read(&path).map_err(|error| {
            let (number, why) = (consumer.number, io_error::reason(&error));
            Unreadable(path.clone(), format!("{name}: cannot read the log of C{number}: {why}"))
        })?;
        let log = logs::parse_as(plan, name, bytes, format);
        all.push(log.map_err(|why| Unreadable(path, why))?);
    }
    let mut reading = logs::judge(plan, &all);
    for (file, number) in foreign(plan, folder)?.into_iter().rev() {
        let path = folder.join(file);
        let why = format!("{}: the scenario has no C{number}, whose log is this?", path.display());
        reading.judgement.mark_inconclusive(why);
    }
    entry.judgement = Some(reading.judgement);
    entry.notes = reading.notes;
    Ok(arrived::history(plan, &all))
}

/// The logs in the folder that no consumer of the plan is named by, and their numbers, by name.
fn foreign(plan: &Plan, folder: &Path) -> Result<Vec<(String, String)>, Unreadable> {
    let mut found = Vec::new();
    let cannot = |error: io::Error| {
        let (name, why) = (folder.display(), io_error::reason(&error));
        Unreadable(folder.to_owned(), format!("{name}: cannot list the folder: {why}"))
    };
    for entry in fs::read_dir(folder).map_err(cannot)? {
        let name = entry.map_err(cannot)?.file_name();
        let Some(name) = name.to_str() else { continue };
        let number = name.strip_prefix("consumer_").and_then(|rest| rest.strip_suffix(".txt"));
        let Some(number) = number.filter(|number| number.bytes().all(|b| b.is_ascii_digit()))
        else {
            continue;
        };
        let own = |consumer: &Consumer| consumer.number.to_string() == number;
        if !number.is_empty() && !plan.consumers.iter().any(own) {
            found.push((name.to_owned(), number.to_owned()));
        }
    }
    found.sort();
    Ok(found)
}

/// Holds what came against the golden file, where that is wanted.
fn compare(
    plan: &Plan,
    arguments: &Arguments,
    mode: Option<Mode>,
    history: Option<&History>,
    entry: &mut Entry,
) {
    let (Some(folder), Some(mode), Some(judgement)) = (&arguments.golden, mode, &entry.judgement)
    else {
        return;
    };
    let folder = golden::absolute(folder);
    let answer = match history {
        Some(history) => golden::compare_run(&folder, plan, history, judgement.verdict, mode),
        None => Ok(Comparison::Skipped(Skipped::Repeated)),
    };
    entry.compared(plan, &folder, answer);
}

/// The line that a message names behind its file: `FILE:2: ...` or `FILE: line 2: ...`.
fn line_of(file: &Path, text: &str) -> Option<usize> {
    let rest = text.strip_prefix(&*file.to_string_lossy())?.strip_prefix(':')?;
    let rest = rest.strip_prefix(" line ").unwrap_or(rest);
    rest.split_once(':')?.0.parse().ok()
}

/// The command line that judges it again.
fn command(plan: &Plan, arguments: &Arguments) -> String {
    let mut words = format!("harness check {}", shell(&plan.scenario.file.to_string_lossy()));
    let Arguments { history, logs, golden, .. } = arguments;
    for (flag, value) in [("--history", history), ("--logs", logs), ("--golden", golden)] {
        if let Some(value) = value {
            words.push_str(&format!(" {flag} {}", shell(&value.to_string_lossy())));
        }
    }
    if let Some(format) = arguments.log_format {
        words.push_str(&format!(" --log-format {format}"));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_a_message_is_found_behind_its_file() {
        let check = |text, expected| assert_eq!(line_of(Path::new("a:1/c.txt"), text), expected);
        check("a:1/c.txt:2: the scenario has no topic", Some(2));
        check("a:1/c.txt: line 17: this is no history", Some(17));
        check("a:1/c.txt: cannot read the log of C1: no such file", None);
        check("3: something else", None);
    }
}
