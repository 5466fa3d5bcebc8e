//! Throughput, backlog and latency over time, one below the other on one axis of time, with the faults
//! behind them.

use std::time::Duration;

use super::axis::{Scale, count_words, counts, latencies, log_range};
use super::frame::{self, BAND_LABELS, Entry, LEFT, RIGHT, TIME_AXIS, WIDTH};
use super::svg::{Anchor, Path, Svg};
use crate::figures::series::Lines;
use crate::figures::{Band, Latency, Series};
use crate::report::words;

/// The height of a plot.
const PLOT: f64 = 96.0;
/// The height of the line above it, with its name and its legend.
const HEAD: f64 = 26.0;

/// Draws the chart; nothing where there are no figures over time.
pub(in crate::report::html) fn over_time(series: &Series, bands: &[Band]) -> String {
    let buckets = buckets(&series.all);
    if buckets == 0 || series.width.is_zero() {
        return String::new();
    }
    let until = series.width.saturating_mul(u32::try_from(buckets).unwrap_or(u32::MAX));
    let top = if bands.is_empty() { 4.0 } else { BAND_LABELS };
    let plots = [0.0, 1.0, 2.0].map(|place: f64| {
        let bottom = (place + 1.0).mul_add(HEAD + PLOT, top);
        (bottom - PLOT, bottom)
    });
    let bottom = plots[2].1;
    let title = "Throughput, backlog and latency over time";
    let size = (WIDTH, bottom + TIME_AXIS);
    let mut svg = Svg::new("over-time", size, title, &description(series, until));
    frame::band_names(&mut svg, bands, until);
    for plot in plots {
        frame::bands(&mut svg, bands, until, plot);
        frame::time_grid(&mut svg, until, plot);
    }
    frame::time_axis(&mut svg, until, bottom);
    throughput(&mut svg, series, plots[0]);
    backlog(&mut svg, series, plots[1]);
    latency(&mut svg, series, plots[2]);
    frame::boxed(title, &svg.finish())
}

fn buckets(lines: &Lines) -> usize {
    let counts = [&lines.sent, &lines.acked, &lines.delivered, &lines.backlog].map(Vec::len);
    let latencies = [&lines.ack, &lines.end_to_end].map(Vec::len);
    counts.into_iter().chain(latencies).max().unwrap_or(0)
}

fn description(series: &Series, until: Duration) -> String {
    let lines = &series.all;
    let most = |values: &[u64]| words::number(values.iter().copied().max().unwrap_or(0));
    let a_second = |values: &[u64]| {
        let most = values.iter().copied().max().unwrap_or(0) as f64;
        count_words(most / series.width.as_secs_f64())
    };
    format!(
        "Over {}: at most {} messages sent, {} acked and {} delivered a second; a backlog of at most {}.",
        words::time(until),
        a_second(&lines.sent),
        a_second(&lines.acked),
        a_second(&lines.delivered),
        most(&lines.backlog),
    )
}

fn throughput(svg: &mut Svg, series: &Series, plot: (f64, f64)) {
    let lines = &series.all;
    let seconds = series.width.as_secs_f64();
    let rate = |values: &[u64]| values.iter().map(|own| *own as f64 / seconds).collect::<Vec<_>>();
    let [sent, acked, delivered] =
        [&lines.sent, &lines.acked, &lines.delivered].map(|own| rate(own));
    let most = [&sent, &acked, &delivered].into_iter().flatten().copied().fold(0.0, f64::max);
    let scale = count_axis(svg, most, plot);
    let entries: [Entry; 3] = [
        ("area delivered", true, "delivered"),
        ("line acked", false, "acked"),
        ("line sent", false, "sent"),
    ];
    head(svg, "Messages a second", &entries, plot);
    svg.path("area delivered", &steps_to_ground(&delivered, &scale, plot.1));
    svg.path("line acked", &steps(&acked, &scale));
    svg.path("line sent", &steps(&sent, &scale));
}

fn backlog(svg: &mut Svg, series: &Series, plot: (f64, f64)) {
    let values: Vec<f64> = series.all.backlog.iter().map(|own| *own as f64).collect();
    let scale = count_axis(svg, values.iter().copied().fold(0.0, f64::max), plot);
    head(svg, "Backlog: acked and not yet delivered", &[], plot);
    svg.path("area backlog", &steps_to_ground(&values, &scale, plot.1));
}

fn latency(svg: &mut Svg, series: &Series, plot: (f64, f64)) {
    let lines = &series.all;
    let all = || lines.ack.iter().chain(&lines.end_to_end).filter(|own| own.count > 0);
    let least = all().map(|own| nanos(own.p50)).fold(f64::INFINITY, f64::min);
    let most = all().map(|own| nanos(own.max)).fold(0.0, f64::max);
    let entries: [Entry; 4] = [
        ("area ack", true, "ack, p50 to p99"),
        ("line ack", false, "max"),
        ("area end-to-end", true, "end to end, p50 to p99"),
        ("line end-to-end", false, "max"),
    ];
    head(svg, "Latency", &entries, plot);
    if least > most {
        svg.text(
            "tick",
            (LEFT + 8.0, plot.1 - 8.0),
            Anchor::Start,
            "nothing was acked or delivered",
        );
        return;
    }
    let range = log_range(least, most);
    let scale = Scale::log(range, (plot.1, plot.0));
    let ticks = latencies(range).into_iter().map(|(value, words)| (scale.at(value), words));
    frame::value_axis(svg, ticks, plot);
    for (values, area, line) in [
        (&lines.end_to_end, "area end-to-end", "line end-to-end"),
        (&lines.ack, "area ack", "line ack"),
    ] {
        svg.path(area, &spread(values, &scale));
        let max = values.iter().map(|own| if own.count > 0 { nanos(own.max) } else { f64::NAN });
        svg.path(line, &steps(&max.collect::<Vec<_>>(), &scale));
    }
}

fn nanos(time: Duration) -> f64 {
    time.as_nanos() as f64
}

/// The line above a plot.
fn head(svg: &mut Svg, name: &str, legend: &[Entry], plot: (f64, f64)) {
    svg.text("name", (LEFT, plot.0 - 8.0), Anchor::Start, name);
    frame::legend(svg, legend, plot.0 - 8.0);
}

/// An axis of counts from 0.
fn count_axis(svg: &mut Svg, most: f64, plot: (f64, f64)) -> Scale {
    let ticks = counts(most, 3);
    let scale = Scale::linear((0.0, ticks.last().copied().unwrap_or(1.0)), (plot.1, plot.0));
    frame::value_axis(svg, ticks.into_iter().map(|own| (scale.at(own), count_words(own))), plot);
    scale
}

/// Where a bucket begins.
fn x(bucket: usize, buckets: usize) -> f64 {
    (bucket as f64 / buckets as f64).mul_add(RIGHT - LEFT, LEFT)
}

/// A line with a step between buckets, and none where there is no value.
fn steps(values: &[f64], scale: &Scale) -> Path {
    let mut path = Path::default();
    let mut is_down = false;
    for (bucket, value) in values.iter().enumerate() {
        if value.is_nan() {
            is_down = false;
            continue;
        }
        let y = scale.at(*value);
        let is_same = bucket > 0 && values[bucket - 1] == *value;
        match is_down {
            true if is_same => {}
            true => path.up_or_down_to(y),
            false => path.move_to(x(bucket, values.len()), y),
        }
        is_down = true;
        path.across_to(x(bucket + 1, values.len()));
    }
    path
}

/// The area below such a line.
fn steps_to_ground(values: &[f64], scale: &Scale, ground: f64) -> Path {
    let mut path = Path::default();
    if values.is_empty() {
        return path;
    }
    path.move_to(LEFT, ground);
    for (bucket, value) in values.iter().enumerate() {
        path.up_or_down_to(scale.at(*value));
        path.across_to(x(bucket + 1, values.len()));
    }
    path.up_or_down_to(ground);
    path.close();
    path
}

/// The areas from the median to the 99th percentile; none in buckets without values.
fn spread(values: &[Latency], scale: &Scale) -> Path {
    let mut path = Path::default();
    let mut bucket = 0;
    while bucket < values.len() {
        let run = values[bucket..].iter().take_while(|own| own.count > 0).count();
        let buckets = bucket..bucket + run;
        if run > 0 {
            path.move_to(x(bucket, values.len()), scale.at(nanos(values[bucket].p50)));
        }
        for own in buckets.clone() {
            path.up_or_down_to(scale.at(nanos(values[own].p99)));
            path.across_to(x(own + 1, values.len()));
        }
        for own in buckets.rev() {
            path.up_or_down_to(scale.at(nanos(values[own].p50)));
            path.across_to(x(own, values.len()));
        }
        if run > 0 {
            path.close();
        }
        bucket += run.max(1);
    }
    path
}
