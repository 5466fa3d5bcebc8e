//! A call that writes reports: they are opened before anything else is done, and say what became of
//! the call, also where it could not begin.

use tokio::time::Instant;

use super::last::NotBegun;
use super::refused::Refused;
use super::streams;
use crate::exit::Exit;
use crate::report::terminal::Terminal;
use crate::report::words::count;
use crate::report::{Destinations, Report, Skipped, Trouble};

/// Has `work` fill in the report, shows its end on the terminal, and writes it wherever it is to go.
/// No file keeps the report of an earlier call: the files are emptied first, and what is refused
/// afterwards is in them.
pub(super) fn reporting(
    destinations: &Destinations,
    terminal: &Terminal,
    work: impl FnOnce(&mut Report) -> Result<(), Refused>,
) -> Exit {
    let began = Instant::now();
    let (output, opened) = destinations.open(streams::variable);
    let mut report = Report::default();
    let done = opened.map_err(Refused::usage).and_then(|()| work(&mut report));
    report.duration = began.elapsed();
    match done {
        Ok(()) => terminal.end(&report),
        Err(refused) => note(refused, &mut report),
    }
    if let Err(text) = output.write(&mut report) {
        streams::tell(&format!("error: {text}"));
    }
    report.exit()
}

/// Says on the terminal and in the report why the work was refused.
fn note(refused: Refused, report: &mut Report) {
    let exit = refused.tell();
    let Refused { text, entries, .. } = refused;
    if entries.is_empty() {
        let text = match text.strip_prefix("error: ") {
            _ if text.is_empty() => String::from("ended at once, as the user insisted"),
            Some(plain) => plain.to_owned(),
            None => text,
        };
        report.add_trouble(exit, text);
    }
    report.entries.extend(entries);
}

/// Why runs have no entry although nothing is wrong with them, if there are such. `noun`: what one of
/// them is called.
pub(super) fn not_begun(missing: u64, noun: &str, exit: Exit) -> Option<Trouble> {
    if missing == 0 {
        return None;
    }
    let missing = count(missing, noun);
    let text = match exit {
        Exit::Interrupted => format!("interrupted: {missing} not begun"),
        _ => format!("a thread crashed: {missing} without a result"),
    };
    streams::tell(&text);
    Some(Trouble { exit, text })
}

/// Says which scenarios were not begun because another one did not pass, as this flag asks.
pub(super) fn stopped_by(flag: &str, not_begun: &[NotBegun], report: &mut Report) {
    if not_begun.is_empty() {
        return;
    }
    let names: Vec<_> = not_begun.iter().map(NotBegun::label).collect();
    let missing = count(names.len() as u64, "scenario");
    streams::tell(&format!("stopped by {flag}: {missing} not begun: {}", names.join(", ")));
    report.skipped.extend(not_begun.iter().map(|own| Skipped {
        name: own.label(),
        file: own.file.clone(),
        // Not a cell of a table: what stands there cannot be run.
        on: None,
        reason: format!("it was not begun, for another did not pass and {flag} was given"),
    }));
}
