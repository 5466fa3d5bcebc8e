//! A call that writes reports: they are opened before anything else is done, and say what became of
//! the call, also where it could not begin.

use tokio::time::Instant;

use super::environment::environment;
use super::refused::Refused;
use super::streams;
use crate::exit::Exit;
use crate::report::terminal::Terminal;
use crate::report::words::count;
use crate::report::{Destinations, Report, Trouble};

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
    let mut report = Report { environment: environment(), ..Report::default() };
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

/// Why scenarios have no entry although nothing is wrong with them, if there are such.
pub(super) fn not_begun(selected: usize, report: &Report, exit: Exit) -> Option<Trouble> {
    let missing = selected.checked_sub(report.entries.len()).filter(|missing| *missing > 0)?;
    let noun = if report.is_matrix { "run" } else { "scenario" };
    let missing = count(missing as u64, noun);
    let text = match exit {
        Exit::Interrupted => format!("interrupted: {missing} not begun"),
        _ => format!("a thread crashed: {missing} without a result"),
    };
    streams::tell(&text);
    Some(Trouble { exit, text })
}
