//! What each actor did when: a row an actor, with how much it did as an area, and single requests and
//! polls as bars.
//!
//! The plot is a picture within the picture, as wide as the run is long in [`unit()`]s of time, so that
//! one text says where a bar is and lets the script of the page draw it at any magnification. A bar is
//! `h12`: so long; between two is `m30 0`: so far from one's end to the next one's beginning. Without
//! the script the whole run is shown.

use std::fmt::Write;
use std::time::Duration;

use super::frame::{self, BAND_LABELS, Entry, LEFT, LETTER, RIGHT, TIME_AXIS, WIDTH};
use super::svg::{Anchor, Svg, cut, escape};
use crate::figures::timeline::{DENSITY, Focus, Mark, MarkKind, Row};
use crate::figures::{Band, Timeline};
use crate::report::words;

/// The height of the legend, which has two lines.
const HEAD: f64 = 38.0;
/// The height of a row, where they are few and where they are many.
const ROW: (f64, f64) = (20.0, 13.0);
/// More rows are many.
const FEW: usize = 24;
/// So many faults have their names in the chart; the areas are there for all.
const NAMES_MAX: usize = 60;
/// So many letters of a place are on its button.
const BUTTON_MAX: usize = 60;

/// Draws the chart with its buttons; nothing where there are no rows, or no time passed.
pub(in crate::report::html) fn timeline(timeline: &Timeline, bands: &[Band]) -> String {
    if timeline.rows.is_empty() || timeline.until.is_zero() {
        return String::new();
    }
    let chart = Chart::new(timeline, bands);
    let mut html = format!(
        "<div class=\"timeline\" data-until=\"{}\" data-unit=\"{}\">",
        chart.time(timeline.until),
        chart.unit
    );
    buttons(&mut html, &chart);
    html.push_str(&frame::boxed("Timeline", &chart.draw()));
    html.push_str("</div>");
    html
}

struct Chart<'a> {
    timeline: &'a Timeline,
    bands: &'a [Band],
    /// So many nanoseconds are one of the numbers in the text.
    unit: u64,
    /// Where the rows begin, and how high each is.
    top: f64,
    row: f64,
}

impl<'a> Chart<'a> {
    fn new(timeline: &'a Timeline, bands: &'a [Band]) -> Self {
        let has_names = !bands.is_empty();
        let has_arrows = timeline.focuses.iter().any(|focus| focus.is_violation);
        let lines = f64::from(u8::from(has_names) + u8::from(has_arrows));
        let row = if timeline.rows.len() > FEW { ROW.1 } else { ROW.0 };
        Self { timeline, bands, unit: unit(timeline), top: lines.mul_add(BAND_LABELS, HEAD), row }
    }

    /// A time in whole units.
    fn time(&self, time: Duration) -> u64 {
        nanos(time) / self.unit
    }

    fn rows_height(&self) -> f64 {
        // The last row is that of the gaps.
        self.row * (self.timeline.rows.len() + 1) as f64
    }

    fn draw(&self) -> String {
        let bottom = self.top + self.rows_height();
        let size = (WIDTH, bottom + TIME_AXIS);
        let mut svg = Svg::new("timeline-chart", size, "Timeline", &self.description());
        frame::legend_from(&mut svg, &self.legend_of_marks(), (LEFT, 14.0));
        frame::legend_from(&mut svg, &self.legend_of_times(), (LEFT, 31.0));
        svg.group("axis");
        frame::time_grid(&mut svg, self.timeline.until, (self.top, bottom));
        frame::time_axis(&mut svg, self.timeline.until, bottom);
        svg.end();
        for (place, row) in self.timeline.rows.iter().enumerate() {
            let y = (place as f64 + 0.5).mul_add(self.row, self.top + 3.5);
            svg.text("actor", (LEFT - 8.0, y), Anchor::End, &row.actor);
        }
        let y = self.row.mul_add(-0.5, bottom + 3.5);
        svg.text("actor gaps", (LEFT - 8.0, y), Anchor::End, "no one");
        self.plot(&mut svg);
        self.names(&mut svg);
        svg.finish()
    }

    fn description(&self) -> String {
        let Timeline { until, rows, rows_left_out, gaps, focuses, .. } = self.timeline;
        let violations = focuses.iter().filter(|focus| focus.is_violation).count();
        let mut text = format!(
            "{} over {}, {} faults, {violations} violations shown.",
            words::count(rows.len() as u64, "actor"),
            words::time(*until),
            self.bands.len(),
        );
        if *rows_left_out > 0 {
            let _ =
                write!(text, " {} without a row.", words::count(*rows_left_out as u64, "actor"));
        }
        for (from, to) in gaps.iter().take(5) {
            let [from, to] = [from, to].map(|time| words::time(*time));
            let _ = write!(text, " No consumer got anything from {from} to {to}.");
        }
        text
    }

    /// The kinds of marks that there are.
    fn legend_of_marks(&self) -> Vec<Entry<'static>> {
        let marks = || self.timeline.rows.iter().flat_map(|row| &row.marks);
        let kinds = KINDS.into_iter().filter(|(kind, _)| marks().any(|mark| mark.kind == *kind));
        kinds.map(|(kind, words)| (class(kind), false, words)).collect()
    }

    /// What else there is.
    fn legend_of_times(&self) -> Vec<Entry<'static>> {
        let mut entries: Vec<Entry> = vec![("density", true, "messages sent or delivered")];
        if !self.bands.is_empty() {
            entries.push(("fault", true, "fault"));
        }
        if !self.timeline.gaps.is_empty() {
            entries.push(("mark gap", false, "no one got anything"));
        }
        entries
    }

    /// The picture within.
    fn plot(&self, svg: &mut Svg) {
        let (width, height) = (RIGHT - LEFT, self.rows_height());
        let until = self.time(self.timeline.until);
        let mut text = format!(
            "<svg class=\"plot\" x=\"{LEFT}\" y=\"{}\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {until} {height}\" preserveAspectRatio=\"none\">",
            self.top
        );
        self.densities(&mut text, until);
        let bands = self.bands.iter().map(|band| (band.began, band.ended));
        let until_run = self.timeline.until;
        let bands = bands.filter(|(began, _)| *began < until_run);
        let bands = self.bars(bands.map(|(from, to)| (from, to.min(until_run))));
        if !bands.is_empty() {
            let middle = height / 2.0;
            let _ = write!(
                text,
                "<g transform=\"translate(0 {middle})\" stroke-width=\"{height}\"><path \
                 class=\"mark fault\" d=\"{bands}\"/></g>"
            );
        }
        for (place, row) in self.timeline.rows.iter().enumerate() {
            self.marks(&mut text, place, row);
        }
        let gaps = self.bars(self.timeline.gaps.iter().copied());
        if !gaps.is_empty() {
            let middle = height - self.row / 2.0;
            let _ = write!(
                text,
                "<g transform=\"translate(0 {middle})\"><path class=\"mark gap\" d=\"{gaps}\"/></g>"
            );
        }
        text.push_str("</svg>");
        svg.raw(&text);
    }

    /// How much each did, an area a row; producers are compared with producers, and consumers with
    /// consumers.
    fn densities(&self, text: &mut String, until: u64) {
        let kind = |row: &Row| row.actor.chars().next();
        let most = |of: &Row| {
            let same = self.timeline.rows.iter().filter(|row| kind(row) == kind(of));
            same.flat_map(|row| &row.density).copied().max().unwrap_or(0)
        };
        let scale = until as f64 / DENSITY as f64;
        let _ = write!(text, "<g class=\"densities\" transform=\"scale({scale} 1)\">");
        for (place, row) in self.timeline.rows.iter().enumerate() {
            let area = area(&row.density, most(row), self.row - 3.0);
            if !area.is_empty() {
                let ground = (place as f64 + 1.0).mul_add(self.row, -1.0);
                let _ = write!(text, "<path class=\"density\" d=\"M0 {ground}{area}\"/>");
            }
        }
        text.push_str("</g>");
    }

    fn marks(&self, text: &mut String, place: usize, row: &Row) {
        if row.marks.is_empty() {
            return;
        }
        let middle = (place as f64 + 0.5) * self.row;
        let _ = write!(text, "<g transform=\"translate(0 {middle})\">");
        for (kind, words) in KINDS {
            let own = row.marks.iter().filter(|mark| mark.kind == kind);
            let bars = self.bars(own.map(|Mark { from, until, .. }| (*from, *until)));
            if !bars.is_empty() {
                let (class, actor) = (class(kind), escape(&row.actor));
                let _ = write!(
                    text,
                    "<path class=\"{class}\" d=\"{bars}\"><title>{actor}: {words}</title></path>"
                );
            }
        }
        text.push_str("</g>");
    }

    /// Level lines from here to there, each from where the one before it ends.
    fn bars(&self, times: impl Iterator<Item = (Duration, Duration)>) -> String {
        let mut text = String::new();
        let mut at = 0_i128;
        for (from, until) in times {
            let [from, until] = [from, until].map(|time| i128::from(self.time(time)));
            let (by, long) = (from - at, (until - from).max(0));
            let _ = write!(text, "m{by} 0h{long}");
            at = from + long;
        }
        text
    }

    /// Names the faults, and points at violations, above the rows. The script moves them along, hence
    /// their times.
    fn names(&self, svg: &mut Svg) {
        let scale = frame::time_scale(self.timeline.until);
        let mut free = LEFT;
        let line = self.top - 5.0;
        let has_arrows = self.timeline.focuses.iter().any(|focus| focus.is_violation);
        let names_line = if has_arrows { line - BAND_LABELS } else { line };
        for band in self.bands.iter().filter(|own| own.began < self.timeline.until).take(NAMES_MAX)
        {
            let name = cut(&frame::name(band), frame::BAND_LABEL_MAX);
            let x = scale.at(band.began.as_secs_f64());
            let width = name.chars().count() as f64 * LETTER;
            let begin = x.min(RIGHT - width);
            let fits = begin >= free;
            if fits {
                free = begin + width + LETTER;
            }
            let times = (band.began, band.ended);
            self.moving(svg, "fault-name", (begin, names_line), times, fits, &name);
        }
        for focus in self.timeline.focuses.iter().filter(|focus| focus.is_violation) {
            let x = scale.at(focus.at.as_secs_f64());
            self.moving(svg, "found", (x, line), (focus.at, focus.at), true, "▼");
        }
    }

    fn moving(
        &self,
        svg: &mut Svg,
        class: &str,
        (x, y): (f64, f64),
        (from, until): (Duration, Duration),
        is_shown: bool,
        text: &str,
    ) {
        let hidden = if is_shown { "" } else { " visibility=\"hidden\"" };
        let (from, until) = (self.time(from), self.time(until));
        svg.raw(&format!(
            "<text class=\"moving {class}\" x=\"{x:.1}\" y=\"{y}\" data-a=\"{from}\" \
             data-b=\"{until}\"{hidden}>{}</text>",
            escape(text)
        ));
    }
}

/// The kinds of marks, and their words.
const KINDS: [(MarkKind, &str); 5] = [
    (MarkKind::Acked, "acked"),
    (MarkKind::Refused, "refused"),
    (MarkKind::Unknown, "outcome unknown"),
    (MarkKind::Delivered, "delivered"),
    (MarkKind::Failed, "poll failed"),
];

const fn class(kind: MarkKind) -> &'static str {
    match kind {
        MarkKind::Acked => "mark acked",
        MarkKind::Refused => "mark refused",
        MarkKind::Unknown => "mark unknown",
        MarkKind::Delivered => "mark delivered",
        MarkKind::Failed => "mark failed",
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// The nanoseconds of a unit, a power of ten: fine enough for a closer look at the shortest place, and
/// no finer, because every digit counts.
fn unit(timeline: &Timeline) -> u64 {
    let places = timeline.focuses.iter().map(|focus| focus.until.saturating_sub(focus.from));
    let shortest = places.filter(|time| !time.is_zero()).chain([timeline.until / 10]).min();
    let wanted = nanos(shortest.unwrap_or_default()) / 1_000;
    let mut unit = 1;
    while unit * 10 <= wanted {
        unit *= 10;
    }
    unit
}

/// The commands of an area, from its ground at the left: a step a value, `most` is as high as given.
fn area(values: &[u64], most: u64, high: f64) -> String {
    let mut text = String::new();
    let mut last = 0_i64;
    let mut same = 0_usize;
    let step = |text: &mut String, same: usize| {
        if same > 0 {
            let _ = write!(text, "h{same}");
        }
    };
    for value in values {
        let now = tenths(*value, most, high);
        if now != last {
            step(&mut text, same);
            let _ = write!(text, "v{}", super::svg::number((last - now) as f64 / 10.0));
            (last, same) = (now, 0);
        }
        same += 1;
    }
    if text.is_empty() {
        return text;
    }
    step(&mut text, same);
    let _ = write!(text, "v{}z", super::svg::number(last as f64 / 10.0));
    text
}

/// What is there at all can be seen.
#[expect(clippy::cast_possible_truncation, reason = "at most the height of a row")]
fn tenths(value: u64, most: u64, high: f64) -> i64 {
    let part = value as f64 / most.max(1) as f64;
    if value == 0 { 0 } else { (part * high * 10.0).round().max(10.0) as i64 }
}

/// One button a place, which show it closer; the script of the page takes `hidden` away.
fn buttons(html: &mut String, chart: &Chart) {
    html.push_str("<div class=\"zoom\" role=\"group\" aria-label=\"Zoom\" hidden>");
    let whole = chart.time(chart.timeline.until);
    let _ = write!(
        html,
        "<button type=\"button\" data-a=\"0\" data-b=\"{whole}\" aria-pressed=\"true\">whole \
         run</button>"
    );
    for Focus { from, until, what, is_violation, .. } in &chart.timeline.focuses {
        let class = if *is_violation { "violation" } else { "fault" };
        let (from, until) = (chart.time(*from), chart.time(*until).max(chart.time(*from) + 1));
        let (text, title) = (escape(&cut(what, BUTTON_MAX)), escape(what));
        let _ = write!(
            html,
            "<button type=\"button\" class=\"{class}\" data-a=\"{from}\" data-b=\"{until}\" \
             aria-pressed=\"false\" title=\"{title}\">{text}</button>"
        );
    }
    html.push_str(
        "<span class=\"hint\">Drag to look closer, or press + − ← → 0 in the chart.</span></div>",
    );
}
