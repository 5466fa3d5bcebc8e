//! What was done to the run on purpose: the faults as the scenario has them, and when they were.

use minijinja::Error;
use serde::Serialize;

use super::charts::svg::cut;
use super::context::Context;
use super::templates::values;
use crate::figures::Band;
use crate::report::sentence;
use crate::report::words::{number, time};

/// So many faults and so many firings are shown; the JSON report has more.
const ROWS_MAX: usize = 30;

/// So many characters of what a firing was about are shown.
const TARGET_MAX: usize = 120;

#[derive(Serialize)]
struct Firing {
    what: String,
    began: String,
    ended: String,
    lasted: String,
    met: String,
    backlog: String,
}

/// The piece of an entry whose run had faults.
pub(super) fn render(own: &Context<'_>) -> Result<Option<String>, Error> {
    let faults = own.entry.summary.as_ref().map(|summary| summary.faults.as_slice());
    let faults = faults.unwrap_or_default();
    if faults.is_empty() {
        return Ok(None);
    }
    let rows: Vec<(&str, String)> = faults
        .iter()
        .take(ROWS_MAX)
        .map(|fault| (fault.text.as_str(), sentence::fault(fault)))
        .collect();
    let figures = own.entry.figures.as_ref();
    let bands = figures.map_or(&[][..], |figures| figures.bands.as_slice());
    let not_kept = figures.map_or(0, |figures| figures.bands_left_out);
    let beyond = bands.len().saturating_sub(ROWS_MAX) as u64;
    let values = values! { rows => rows, faults_left_out => faults.len().saturating_sub(ROWS_MAX), firings => bands.iter().take(ROWS_MAX).map(firing).collect::<Vec<_>>(), firings_left_out => number(not_kept + beyond), are_left_out => not_kept + beyond > 0 };
    own.templates.render("faults.html", values).map(Some)
}

fn firing(band: &Band) -> Firing {
    Firing {
        what: cut(&format!("{} {}", band.key, band.target), TARGET_MAX),
        began: time(band.began),
        ended: time(band.ended),
        lasted: time(band.ended.saturating_sub(band.began)),
        met: number(band.met),
        backlog: band.backlog.map(number).unwrap_or_default(),
    }
}
