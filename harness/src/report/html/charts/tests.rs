//! Charts of whatever a run may be: nothing in them is no number, and nothing is outside.

use std::time::Duration;

use super::*;
use crate::figures::series::Lines;
use crate::figures::timeline::{DENSITY, Focus, MARKS_MAX, Mark, MarkKind, ROWS_MAX, Row};
use crate::figures::{Band, Distribution, Latency, Series, Timeline};

const MICRO: Duration = Duration::from_micros(1);
const HOUR: Duration = Duration::from_secs(3_600);

fn latency_of(count: u64, time: Duration) -> Latency {
    Latency {
        count,
        p50: time,
        p90: time * 2,
        p95: time * 2,
        p99: time * 3,
        p99_9: time * 3,
        max: time * 4,
        mean: time,
    }
}

fn series(width: Duration, buckets: usize, value: impl Fn(usize) -> u64) -> Series {
    let counts: Vec<u64> = (0..buckets).map(&value).collect();
    let latencies: Vec<_> = counts.iter().map(|count| latency_of(*count, MICRO * 70)).collect();
    let all = Lines {
        sent: counts.clone(),
        acked: counts.clone(),
        delivered: counts.iter().map(|count| count * 3).collect(),
        backlog: counts,
        ack: latencies.clone(),
        end_to_end: latencies,
    };
    Series { width, all, topics: Vec::new() }
}

fn distribution(values: &[(u64, u64)]) -> Distribution {
    let count = values.iter().map(|(_, count)| count).sum();
    let last = values.last().map_or(0, |(value, _)| *value);
    let time = Duration::from_nanos(last / 4);
    let latency = if count == 0 { Latency::default() } else { latency_of(count, time) };
    Distribution { latency, buckets: values.to_vec() }
}

fn band(began: Duration, ended: Duration) -> Band {
    let (key, target) = ("kill".to_owned(), "broker <&\"> \u{202e}".to_owned());
    Band { fault: 0, key, target, began, ended, met: 1, backlog: None }
}

fn row(actor: &str, marks: Vec<Mark>, density: impl Fn(usize) -> u64) -> Row {
    Row { actor: actor.to_owned(), marks, density: (0..DENSITY).map(density).collect() }
}

/// So many marks, one behind the other, over the whole time.
fn marks(count: u32, until: Duration, kind: MarkKind) -> Vec<Mark> {
    let at = |place: u32| until / count * place;
    (0..count).map(|place| Mark { from: at(place), until: at(place) + at(1) / 2, kind }).collect()
}

/// Fails where a number of an element is none, or is outside of the picture; lines of the picture
/// within are the matter of `bars_can_be_read_back`.
fn check(html: &str) {
    for word in ["NaN", "inf", "\u{202e}", "<&"] {
        assert!(!html.contains(word), "{word} in {html}");
    }
    let Some(size) = html.split("viewBox=\"0 0 ").nth(1) else { return };
    let mut size = size.split(['"', ' ']).map(|own| own.parse::<f64>().unwrap());
    let (width, height) = (size.next().unwrap(), size.next().unwrap());
    let outer = match html.split_once("<svg class=\"plot\"") {
        Some((before, after)) => format!("{before}{}", after.split_once("</svg>").unwrap().1),
        None => html.to_owned(),
    };
    for (key, most) in [(" x=\"", width), (" y=\"", height)] {
        for text in outer.split(key).skip(1) {
            let value: f64 = text.split('"').next().unwrap().parse().unwrap();
            assert!((0.0..=most).contains(&value), "{key}{value} in {outer}");
        }
    }
    for d in outer.split(" d=\"").skip(1).map(|text| text.split('"').next().unwrap()) {
        for (x, y) in points(d) {
            assert!((0.0..=width).contains(&x) && (0.0..=height).contains(&y), "{x} {y} in {d}");
        }
    }
}

/// Where the pen of a path gets.
fn points(d: &str) -> Vec<(f64, f64)> {
    let (mut at, mut start, mut points) = ((0.0, 0.0), (0.0, 0.0), Vec::new());
    for command in d.split_inclusive(['m', 'l', 'h', 'v', 'z']).collect::<Vec<_>>().windows(2) {
        let letter = command[0].chars().last().unwrap();
        let numbers = command[1].trim_end_matches(['m', 'l', 'h', 'v', 'z']).replace('-', " -");
        let numbers: Vec<f64> =
            numbers.split_whitespace().map(|own| own.parse::<f64>().unwrap()).collect();
        match letter {
            'h' => at.0 += numbers[0],
            'v' => at.1 += numbers[0],
            'z' => at = start,
            _ => at = (at.0 + numbers[0], at.1 + numbers[1]),
        }
        if letter == 'm' {
            start = at;
        }
        // What is added up from tenths is a tenth but for rounding.
        points.push(((at.0 * 10.0_f64).round() / 10.0, (at.1 * 10.0_f64).round() / 10.0));
    }
    points
}

#[test]
fn nothing_is_drawn_of_nothing() {
    assert_eq!(over_time(&Series::default(), &[]), "");
    assert_eq!(latency(&Distribution::default(), &Distribution::default()), "");
    assert_eq!(timeline(&Timeline::default(), &[]), "");
    let no_time = Timeline { rows: vec![row("P1", Vec::new(), |_| 0)], ..Timeline::default() };
    assert_eq!(timeline(&no_time, &[]), "");
}

#[test]
fn figures_over_time_stay_inside() {
    for (width, buckets) in [(MICRO / 1_000, 1), (MICRO, 100), (HOUR, 1), (HOUR, 100)] {
        let until = width * u32::try_from(buckets).unwrap();
        let bands = [
            band(Duration::ZERO, Duration::ZERO),
            band(until / 2, until * 5),
            band(until - width / 2, until),
            band(until * 2, until * 3),
        ];
        check(&over_time(&series(width, buckets, |_| 0), &bands));
        check(&over_time(&series(width, buckets, |place| (place % 7) as u64 * 1_000), &bands));
        check(&over_time(&series(width, buckets, |place| u64::from(place == 0)), &[]));
        check(&over_time(&series(width, buckets, |_| u64::MAX / 1_000), &[]));
    }
}

#[test]
fn buckets_without_latencies_are_gaps() {
    let html = over_time(&series(HOUR, 3, |place| u64::from(place != 1)), &[]);
    let line = html.split("<path class=\"line ack\" d=\"").last().unwrap().split('"').next();
    assert_eq!(line.unwrap().matches('m').count(), 2, "{line:?}");
    let area = html.split("<path class=\"area ack\" d=\"").last().unwrap().split('"').next();
    assert_eq!(area.unwrap().matches('z').count(), 2, "{area:?}");
}

#[test]
fn distributions_stay_inside() {
    let one = distribution(&[(1_000, 1)]);
    let zero = distribution(&[(0, 5)]);
    let wide: Vec<_> = (0..40).map(|power| (1_u64 << power, 1_u64 << (40 - power))).collect();
    let wide = distribution(&wide);
    for (ack, end_to_end) in [(&one, &one), (&zero, &wide), (&wide, &zero), (&one, &wide)] {
        check(&latency(ack, end_to_end));
    }
    let only = latency(&one, &Distribution::default());
    assert!(only.contains(">ack<") && !only.contains("end to end"), "{only}");
}

#[test]
fn a_timeline_stays_inside() {
    let kinds = [MarkKind::Acked, MarkKind::Refused, MarkKind::Unknown];
    for until in [MICRO / 1_000, MICRO, Duration::from_millis(17), HOUR] {
        let rows = kinds.map(|kind| row("P1", marks(10, until, kind), |place| place as u64));
        let focus = |from, until, is_violation| Focus {
            from,
            until,
            at: until,
            what: "lost: <&\" \u{202e}".to_owned(),
            is_violation,
        };
        let focuses = vec![focus(until / 3, until / 2, true), focus(until, until, false)];
        let gaps = vec![(until / 2, until)];
        let own = Timeline { until, rows: rows.to_vec(), rows_left_out: 3, focuses, gaps };
        let bands =
            [band(Duration::ZERO, until * 2), band(until, until), band(until * 2, until * 3)];
        check(&timeline(&own, &bands));
        check(&timeline(&own, &[]));
    }
}

#[test]
fn bars_can_be_read_back() {
    let ms = Duration::from_millis;
    let mark = |from, until| Mark { from: ms(from), until: ms(until), kind: MarkKind::Acked };
    // The second begins before the first is over.
    let marks = vec![mark(1_000, 3_000), mark(2_000, 2_500), mark(9_000, 10_000)];
    let rows = vec![row("P1", marks, |_| 0)];
    let own = Timeline { until: ms(10_000), rows, ..Timeline::default() };
    let html = timeline(&own, &[]);
    assert!(html.contains("data-until=\"10000\" data-unit=\"1000000\""), "{html}");
    assert!(html.contains("d=\"m1000 0h2000m-1000 0h500m6500 0h1000\""), "{html}");
}

#[test]
fn the_greatest_charts_are_small() {
    let until = Duration::from_secs(60);
    let each = u32::try_from(MARKS_MAX / ROWS_MAX).unwrap();
    let rows = (0..ROWS_MAX).map(|number| {
        let own = marks(each, until, MarkKind::Acked);
        row(&format!("P{number}"), own, |place| (place * number % 17) as u64)
    });
    let mut own = Timeline { until, rows: rows.collect(), ..Timeline::default() };
    let focus = |place: u32| Focus {
        from: until / 50 * place,
        at: until / 50 * place,
        until: until / 50 * place + Duration::from_millis(5),
        what: "x".repeat(200),
        is_violation: place.is_multiple_of(2),
    };
    own.focuses = (0..40).map(focus).collect();
    let bands: Vec<_> = (0..200).map(|at| band(until / 200 * at, until / 200 * at)).collect();
    let html = timeline(&own, &bands);
    let marks: usize =
        html.split("class=\"mark acked\" d=\"").skip(1).map(|text| text.find('"').unwrap()).sum();
    assert!(marks < 40_000, "{marks}");
    assert!(html.len() < 120_000, "{}", html.len());
    let over_time = over_time(&series(MICRO, 100, |place| (place * 7_919 % 1_000) as u64), &bands);
    assert!(over_time.len() < 20_000, "{}", over_time.len());
    let values: Vec<_> = (1..700).map(|place| (place * place * 1_000, 1 + 700 / place)).collect();
    let latency = latency(&distribution(&values), &distribution(&values));
    assert!(latency.len() < 16_000, "{}", latency.len());
}
