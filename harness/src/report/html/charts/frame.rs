//! What charts over time share: where their parts are, the axis of time below them, and the faults
//! behind them.

use std::time::Duration;

use super::axis::{Scale, times};
use super::svg::{Anchor, Path, Svg};
use crate::figures::Band;

/// The width of a chart.
pub(super) const WIDTH: f64 = 760.0;
/// Where its plot begins: to the left are the words of its axis.
pub(super) const LEFT: f64 = 56.0;
/// Where it ends.
pub(super) const RIGHT: f64 = WIDTH - 14.0;
/// The height of the line that names faults.
pub(super) const BAND_LABELS: f64 = 18.0;
/// The height of the axis of time.
pub(super) const TIME_AXIS: f64 = 22.0;
/// So wide is a letter of a chart's text, at most on the average.
pub(super) const LETTER: f64 = 6.5;
/// So wide is a digit at most, which is wider than most letters.
const DIGIT: f64 = 7.8;
/// About so many times are named on the axis.
const TIMES: u32 = 7;
/// So many letters of a fault's name are shown.
pub(super) const BAND_LABEL_MAX: usize = 28;
/// A fault is at least so wide, however short it was.
const NARROWEST: f64 = 1.5;

/// The scale of time.
pub(super) fn time_scale(until: Duration) -> Scale {
    Scale::linear((0.0, until.as_secs_f64()), (LEFT, RIGHT))
}

/// Draws the upright lines of the axis of time behind a plot between two heights.
pub(super) fn time_grid(svg: &mut Svg, until: Duration, (top, bottom): (f64, f64)) {
    let scale = time_scale(until);
    let mut grid = Path::default();
    for (time, _) in times(until, TIMES) {
        grid.move_to(scale.at(time.as_secs_f64()), top);
        grid.up_or_down_to(bottom);
    }
    svg.path("grid", &grid);
}

/// Names the times below the lowest plot.
pub(super) fn time_axis(svg: &mut Svg, until: Duration, bottom: f64) {
    let scale = time_scale(until);
    for (time, words) in times(until, TIMES) {
        let x = scale.at(time.as_secs_f64());
        // The last word stays within the picture.
        let half = words.chars().count() as f64 * DIGIT / 2.0;
        svg.text("tick", (x.min(WIDTH - half), bottom + 16.0), Anchor::Middle, &words);
    }
}

/// Draws the level lines of an axis of values behind a plot, each with its words to the left, and the
/// ground below all.
pub(super) fn value_axis(
    svg: &mut Svg,
    ticks: impl Iterator<Item = (f64, String)>,
    (_, bottom): (f64, f64),
) {
    let mut grid = Path::default();
    for (y, words) in ticks {
        grid.move_to(LEFT, y);
        grid.across_to(RIGHT);
        svg.text("tick", (LEFT - 6.0, y + 3.5), Anchor::End, &words);
    }
    svg.path("grid", &grid);
    svg.line("ground", (LEFT, bottom), (RIGHT, bottom));
}

/// Draws the faults behind a plot between two heights.
pub(super) fn bands(svg: &mut Svg, bands: &[Band], until: Duration, (top, bottom): (f64, f64)) {
    let mut areas = Path::default();
    for (from, to, _) in spans(bands, until) {
        areas.move_to(from, top);
        areas.across_to(to);
        areas.up_or_down_to(bottom);
        areas.across_to(from);
        areas.close();
    }
    svg.path("fault", &areas);
}

/// Names the faults above all plots, those for whose names there is room.
pub(super) fn band_names(svg: &mut Svg, bands: &[Band], until: Duration) {
    let mut free = LEFT;
    for (from, _, band) in spans(bands, until) {
        let text = name(band);
        let width = text.chars().count().min(BAND_LABEL_MAX) as f64 * LETTER;
        // What begins near the right end is named to its left.
        let begin = from.min(RIGHT - width);
        if begin >= free {
            let at = (begin, BAND_LABELS - 6.0);
            svg.text_cut("fault-name", at, Anchor::Start, &text, BAND_LABEL_MAX);
            free = begin + width + LETTER;
        }
    }
}

/// `kill broker`.
pub(super) fn name(band: &Band) -> String {
    format!("{} {}", band.key, band.target)
}

/// From where to where the faults are that began within the run, as they began.
fn spans(bands: &[Band], until: Duration) -> impl Iterator<Item = (f64, f64, &Band)> {
    let scale = time_scale(until);
    bands.iter().filter(move |band| band.began < until).map(move |band| {
        let from = scale.at(band.began.as_secs_f64()).min(RIGHT - NARROWEST);
        let to = scale.at(band.ended.as_secs_f64()).max(from + NARROWEST);
        (from, to, band)
    })
}

/// An entry of a legend: the class of its sample, whether that is an area, and its words.
pub(super) type Entry<'a> = (&'a str, bool, &'a str);

/// The width of a legend's sample.
const SAMPLE: f64 = 20.0;

/// Draws a legend that ends at the right of the chart, on this baseline.
pub(super) fn legend(svg: &mut Svg, entries: &[Entry], y: f64) {
    let all: f64 = entries.iter().map(|(.., words)| entry_width(words)).sum();
    legend_from(svg, entries, (RIGHT - all + 14.0, y));
}

/// Draws a legend that begins at a point.
pub(super) fn legend_from(svg: &mut Svg, entries: &[Entry], (mut x, y): (f64, f64)) {
    for (class, is_area, words) in entries {
        if *is_area {
            svg.rect(class, (x, y - 8.0), (SAMPLE, 8.0), "");
        } else {
            svg.line(class, (x, y - 4.0), (x + SAMPLE, y - 4.0));
        }
        svg.text("legend", (x + SAMPLE + 5.0, y), Anchor::Start, words);
        x += entry_width(words);
    }
}

/// With the gap behind it.
fn entry_width(words: &str) -> f64 {
    (words.chars().count() as f64).mul_add(LETTER, SAMPLE + 5.0 + 14.0)
}

/// The chart in a box of its own, which scrolls where it is narrower than the chart can be.
pub(super) fn boxed(name: &str, svg: &str) -> String {
    format!("<div class=\"chart\" role=\"group\" tabindex=\"0\" aria-label=\"{name}\">{svg}</div>")
}
