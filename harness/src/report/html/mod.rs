//! The HTML report: one file for people, which needs nothing else: no network, no fonts, no other file.
//!
//! [`page`] is the frame; [`section`] is one scenario; [`steps`] is what a section may have, and [`room`]
//! decides how much of it there is room for. What a
//! section shows is a file here each, from the entry to what its template prints: plain values, or an
//! SVG as text. The templates are in `templates/`; [`templates`] escapes all that they print.

mod brokers;
mod charts;
mod context;
mod environment;
mod facts;
mod faults;
mod findings;
mod golden;
mod graph;
mod links;
mod names;
mod page;
mod room;
mod section;
mod shares;
mod space_time;
mod state;
mod steps;
mod sweep;
mod templates;
#[cfg(test)]
mod tests;
mod thresholds;

use std::io::{self, Write};
use std::path::Path;

use super::entry::Report;

/// Writes the report. `file` is where it goes, if that is a file: links are relative to it.
pub fn write(report: &Report, file: Option<&Path>, to: &mut dyn Write) -> io::Result<()> {
    let text = page::render(report, file).map_err(io::Error::other)?;
    writeln!(to, "{}", text.trim_end())
}
