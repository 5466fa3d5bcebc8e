//! The words of a comparison, for every report that people read.

use std::time::Duration;

use super::words::{count, time};
use crate::baseline::Comparison;
use crate::baseline::comparison::{Pair, Row, State};
use crate::baseline::read::Figure;
use crate::baseline::sample::Sample;

/// Above the cells of a figure.
pub const HEADING: [&str; 6] = ["", "before", "noise", "after", "noise", "ratio"];

/// `before.json (1 report) and this run (1 report)`.
pub fn title(comparison: &Comparison) -> String {
    let side = |state: &State| format!("{} ({})", state.name, count(state.reports, "report"));
    format!("{}, before, and {}, after", side(&comparison.before), side(&comparison.after))
}

/// `5p3c on memory: 20 runs before, 20 after`.
pub fn pair(pair: &Pair) -> String {
    let before = count(pair.runs_before, "run");
    format!("{}: {before} before, {} after", pair.name(), pair.runs_after)
}

/// What a figure is: its name, the median before and its noise, the same after, and the ratio.
pub fn cells(row: &Row) -> [String; 6] {
    let median = |sample: &Sample| value(row.figure, sample.median);
    let noise = |sample: &Sample| format!("{:.1} %", sample.noise() * 100.0);
    [
        row.figure.name().to_owned(),
        median(&row.before),
        noise(&row.before),
        median(&row.after),
        noise(&row.after),
        row.ratio.map(|ratio| format!("x{ratio:.2}")).unwrap_or_default(),
    ]
}

fn value(figure: Figure, value: f64) -> String {
    match figure {
        Figure::Throughput => crate::numbers::rate(value),
        _ => time(Duration::from_secs_f64(value / 1e9)),
    }
}
