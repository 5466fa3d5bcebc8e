//! The distribution of latencies as a curve over percentiles, with more room the rarer they are, and a
//! table of the usual ones.

use std::fmt::Write;
use std::time::Duration;

use super::axis::{Scale, latencies, log_range};
use super::frame::{self, Entry, LEFT, RIGHT, WIDTH};
use super::svg::{Anchor, Path, Svg};
use crate::figures::{Distribution, Latency};
use crate::report::words;

const TOP: f64 = 28.0;
const BOTTOM: f64 = 218.0;
const HEIGHT: f64 = BOTTOM + 36.0;

/// A distribution, its name, and the class of its curve.
type Curve<'a> = (&'a Distribution, &'a str, &'a str);

/// Draws both distributions and their table; nothing where neither has a value.
pub(in crate::report::html) fn latency(ack: &Distribution, end_to_end: &Distribution) -> String {
    let all = [(ack, "ack", "curve ack"), (end_to_end, "end to end", "curve end-to-end")];
    let curves: Vec<Curve> = all.into_iter().filter(|(own, ..)| own.latency.count > 0).collect();
    if curves.is_empty() {
        return String::new();
    }
    let chart = frame::boxed("Latency by percentile", &chart(&curves));
    format!("{chart}{}", table(&curves))
}

fn chart(curves: &[Curve]) -> String {
    let description: Vec<String> = curves
        .iter()
        .map(|(own, name, _)| {
            let Latency { p50, p99, max, .. } = own.latency;
            let [p50, p99, max] = [p50, p99, max].map(words::time);
            format!("{name}: half within {p50}, 99 of 100 within {p99}, all within {max}")
        })
        .collect();
    let description = description.join("; ");
    let mut svg =
        Svg::new("latency", (WIDTH, HEIGHT), "Latency by percentile", &format!("{description}."));
    let least = curves.iter().map(|(own, ..)| least(own)).fold(f64::INFINITY, f64::min);
    let greatest = curves.iter().map(|(own, ..)| nanos(own.latency.max)).fold(0.0, f64::max);
    let range = log_range(least, greatest);
    let scale = Scale::log(range, (BOTTOM, TOP));
    let most = curves.iter().map(|(own, ..)| own.latency.count).max().unwrap_or(1);
    let percentiles = percentiles(&mut svg, most);
    let ticks = latencies(range).into_iter().map(|(value, words)| (scale.at(value), words));
    frame::value_axis(&mut svg, ticks, (TOP, BOTTOM));
    svg.text("name", (LEFT, TOP - 12.0), Anchor::Start, "Latency by percentile");
    let entries: Vec<Entry> =
        curves.iter().map(|(_, name, class)| (*class, false, *name)).collect();
    frame::legend(&mut svg, &entries, TOP - 12.0);
    for (own, _, class) in curves {
        svg.path(class, &curve(own, &percentiles, &scale));
        dots(&mut svg, &own.latency, class, &percentiles, &scale);
    }
    svg.finish()
}

fn nanos(time: Duration) -> f64 {
    time.as_nanos() as f64
}

fn least(own: &Distribution) -> f64 {
    own.buckets.first().map_or_else(|| nanos(own.latency.p50), |(value, _)| *value as f64)
}

/// How many nines a part of all has: 0 for none, 1 for nine of ten, 2 for 99 of 100.
fn nines(part: f64) -> f64 {
    -(1.0 - part).log10()
}

/// Draws the axis of percentiles, as far as so many values tell them apart, and answers its scale, which
/// is of [`nines`].
fn percentiles(svg: &mut Svg, count: u64) -> Scale {
    let last = (count as f64).log10().max(1.0) + 0.25;
    let scale = Scale::linear((0.0, last), (LEFT, RIGHT));
    let mut ticks = vec![(0.0, "0 %".to_owned()), (nines(0.5), "50 %".to_owned())];
    ticks.extend((1..=9).map(|nines| (f64::from(nines), percent(nines))));
    let mut grid = Path::default();
    for (nines, words) in ticks.into_iter().filter(|(nines, _)| *nines <= last) {
        let x = scale.at(nines);
        grid.move_to(x, TOP);
        grid.up_or_down_to(BOTTOM);
        svg.text("tick", (x, BOTTOM + 16.0), Anchor::Middle, &words);
    }
    svg.path("grid", &grid);
    let middle = f64::midpoint(LEFT, RIGHT);
    svg.text("tick", (middle, BOTTOM + 31.0), Anchor::Middle, "percentile");
    scale
}

/// `90 %`, `99 %`, `99.9 %`.
fn percent(nines: u32) -> String {
    match nines {
        1 => "90 %".to_owned(),
        2 => "99 %".to_owned(),
        more => format!("99.{} %", "9".repeat(more as usize - 2)),
    }
}

/// The curve: to the right of a part of all is the least value that is not among it. Points that fall
/// together are left out.
fn curve(own: &Distribution, percentiles: &Scale, scale: &Scale) -> Path {
    let all: u64 = own.buckets.iter().map(|(_, count)| count).sum();
    let mut path = Path::default();
    let mut before = 0_u64;
    let mut last = (LEFT, f64::INFINITY);
    for (value, count) in &own.buckets {
        let x = percentiles.at(nines(before as f64 / all as f64));
        // What a bucket stands for may be a little more than its greatest value.
        let y = scale.at((*value as f64).min(nanos(own.latency.max)));
        if before == 0 {
            path.move_to(x, y);
            last = (x, y);
        } else if x - last.0 >= 1.0 || (last.1 - y).abs() >= 1.0 {
            path.across_to(x);
            path.up_or_down_to(y);
            last = (x, y);
        }
        before += count;
    }
    if all > 0 {
        path.across_to(percentiles.at(nines((all as f64 - 1.0) / all as f64) + 0.25));
        path.up_or_down_to(scale.at(nanos(own.latency.max)));
    }
    path
}

/// Marks percentiles of the table on the curve, where there are enough values to tell them apart.
fn dots(svg: &mut Svg, own: &Latency, class: &str, percentiles: &Scale, scale: &Scale) {
    let marked = [(0.5, own.p50, "p50"), (0.9, own.p90, "p90"), (0.99, own.p99, "p99")];
    let marked = marked.into_iter().chain([(0.999, own.p99_9, "p99.9")]);
    let last = nines(1.0 - 1.0 / own.count as f64).max(0.302);
    for (part, value, name) in marked.filter(|(part, ..)| nines(*part) <= last) {
        let (x, y) = (percentiles.at(nines(part)), scale.at(nanos(value)));
        let class = class.replace("curve", "dot");
        let title = format!("{name}: {}", words::time(value));
        svg.rect(&class, (x - 3.0, y - 3.0), (6.0, 6.0), &title);
    }
}

fn table(curves: &[Curve]) -> String {
    let mut html = String::from(
        "<div class=\"chart\" role=\"group\" tabindex=\"0\" aria-label=\"Percentiles\">\
         <table class=\"percentiles\"><caption>Latency, from when the plan wanted it sent</caption>\
         <thead><tr><th scope=\"col\">of</th>",
    );
    for head in ["count", "p50", "p90", "p95", "p99", "p99.9", "max", "mean"] {
        let _ = write!(html, "<th scope=\"col\">{head}</th>");
    }
    html.push_str("</tr></thead><tbody>");
    for (own, name, _) in curves {
        let own = &own.latency;
        let count = words::number(own.count);
        let _ = write!(html, "<tr><th scope=\"row\">{name}</th><td>{count}</td>");
        for time in [own.p50, own.p90, own.p95, own.p99, own.p99_9, own.max, own.mean] {
            let _ = write!(html, "<td>{}</td>", words::time(time));
        }
        html.push_str("</tr>");
    }
    html.push_str("</tbody></table></div>");
    html
}
