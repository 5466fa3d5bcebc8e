//! What `expect` asks of the figures, and what came of it: one line where all of it was met, else a
//! line each.

use std::io::{self, Write};

use super::style::Style;
use crate::figures::Threshold;
use crate::figures::threshold::State;

pub(super) fn thresholds(
    thresholds: &[Threshold],
    style: Style,
    to: &mut dyn Write,
) -> io::Result<()> {
    if thresholds.is_empty() {
        return Ok(());
    }
    if thresholds.iter().all(|own| own.state == State::Met) {
        let met: Vec<String> = thresholds.iter().map(Threshold::brief).collect();
        return writeln!(to, "{}", style.faint(&format!("      met: {}", met.join(", "))));
    }
    for threshold in thresholds {
        let note = threshold.note.as_ref().map(|note| format!(": {note}")).unwrap_or_default();
        let line = format!("{}{note}", threshold.brief());
        match threshold.state {
            State::Missed => writeln!(to, "      {}  {line}", style.bad("missed "))?,
            State::NoData => writeln!(to, "      {}  {line}", style.warn("no data"))?,
            State::Met => writeln!(to, "{}", style.faint(&format!("      met      {line}")))?,
        }
    }
    Ok(())
}
