//! Scales and their ticks: from a value to a coordinate, and the round values that an axis names.

use std::time::Duration;

use crate::report::words;

/// A scale from values to coordinates.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    from: f64,
    until: f64,
    low: f64,
    high: f64,
    is_log: bool,
}

impl Scale {
    /// Values `from` to `until` are drawn at `low` to `high`.
    pub(super) fn linear((from, until): (f64, f64), (low, high): (f64, f64)) -> Self {
        Self { from, until, low, high, is_log: false }
    }

    /// The same by the values' logarithms; they are greater than 0.
    pub(super) fn log((from, until): (f64, f64), (low, high): (f64, f64)) -> Self {
        Self { from: from.log10(), until: until.log10(), low, high, is_log: true }
    }

    /// Where a value is drawn; one that is outside of the scale, at its nearer end.
    pub(super) fn at(&self, value: f64) -> f64 {
        let value = if self.is_log { value.max(f64::MIN_POSITIVE).log10() } else { value };
        let all = self.until - self.from;
        let part = if all > 0.0 { ((value - self.from) / all).clamp(0.0, 1.0) } else { 0.0 };
        part.mul_add(self.high - self.low, self.low)
    }
}

/// Round values from 0 to the first that is at least `max`, about so many: 1, 2 or 5 by powers of ten,
/// and at least 1 apart.
pub(super) fn counts(max: f64, about: u32) -> Vec<f64> {
    let step = round_up(max / f64::from(about)).max(1.0);
    let mut ticks = vec![0.0];
    while ticks.len() < 2 || ticks[ticks.len() - 1] < max {
        ticks.push(ticks.len() as f64 * step);
    }
    ticks
}

/// The next 1, 2 or 5 by a power of ten.
fn round_up(value: f64) -> f64 {
    if value <= 0.0 {
        return 1.0;
    }
    let power = 10_f64.powf(value.log10().floor());
    // What is 2 but for rounding is 2.
    let step = [1.0, 2.0, 5.0].into_iter().find(|step| step * power >= value * 0.999_999);
    step.unwrap_or(10.0) * power
}

/// A count in a few characters: `0`, `1,500`, `20k`, `1.5M`.
pub(super) fn count_words(count: f64) -> String {
    let short = |value: f64, unit: &str| {
        let text = format!("{value:.1}");
        format!("{}{unit}", text.strip_suffix(".0").unwrap_or(&text))
    };
    match count {
        n if n >= 999_950_000.0 => short(n / 1e9, "G"),
        n if n >= 999_950.0 => short(n / 1e6, "M"),
        n if n >= 9_999.5 => short(n / 1e3, "k"),
        n => words::number(whole(n)),
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it saturates")]
fn whole(value: f64) -> u64 {
    value.max(0.0).round() as u64
}

const SECOND: u64 = 1_000_000_000;

/// Steps of a time axis from a second on, in seconds.
const LONG_STEPS: [u64; 16] =
    [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1_200, 1_800, 3_600, 7_200, 21_600, 86_400];

/// Round times from 0 to at most `until`, about so many, each with its words in one unit.
pub(super) fn times(until: Duration, about: u32) -> Vec<(Duration, String)> {
    let until = u64::try_from(until.as_nanos()).unwrap_or(u64::MAX);
    let wanted = until / u64::from(about.max(1));
    let step = if wanted < SECOND {
        whole(round_up(wanted as f64)).max(1)
    } else {
        let steps = LONG_STEPS.map(|seconds| seconds * SECOND);
        let longest = steps[steps.len() - 1];
        let days = wanted.div_ceil(longest).saturating_mul(longest);
        steps.into_iter().find(|step| *step >= wanted).unwrap_or(days)
    };
    let ticks = (0..=until / step).map(|place| place * step);
    ticks.map(|tick| (Duration::from_nanos(tick), time_words(tick, step, until))).collect()
}

/// `0`, `250 ms`, `1.5 s`, `2:30 min`, `1:30 h`.
fn time_words(tick: u64, step: u64, until: u64) -> String {
    if tick == 0 {
        return "0".to_owned();
    }
    let seconds = tick / SECOND;
    if until >= 2 * 3_600 * SECOND && step >= 60 * SECOND {
        return format!("{}:{:02} h", seconds / 3_600, seconds / 60 % 60);
    }
    if until >= 120 * SECOND && step >= 10 * SECOND {
        return format!("{}:{:02} min", seconds / 60, seconds % 60);
    }
    let (unit, name) = match until {
        n if n >= SECOND => (SECOND, "s"),
        n if n >= 1_000_000 => (1_000_000, "ms"),
        n if n >= 1_000 => (1_000, "µs"),
        _ => (1, "ns"),
    };
    let decimals = (0..9).find(|decimals| step.saturating_mul(10_u64.pow(*decimals)) >= unit);
    let decimals = decimals.unwrap_or(9) as usize;
    format!("{:.decimals$} {name}", tick as f64 / unit as f64)
}

/// A range of latencies, in nanoseconds, from 1, 2 or 5 by a power of ten to another, around these.
pub(super) fn log_range(least: f64, greatest: f64) -> (f64, f64) {
    let least = least.max(1.0);
    let greatest = greatest.max(least);
    let power = 10_f64.powf(least.log10().floor());
    let below = [5.0, 2.0].into_iter().find(|step| step * power <= least).unwrap_or(1.0) * power;
    let above = round_up(greatest);
    if above > below { (below, above) } else { (below, below * 2.0) }
}

/// The values that a log axis of nanoseconds names, each with its words: powers of ten, and 2 and 5 of
/// them where there are few.
pub(super) fn latencies((from, until): (f64, f64)) -> Vec<(f64, String)> {
    let decades = (until / from).log10();
    let steps: &[f64] = match decades {
        d if d <= 1.5 => &[1.0, 2.0, 5.0],
        d if d <= 2.5 => &[1.0, 3.0],
        _ => &[1.0],
    };
    let fits = |value: &f64| (from * 0.999..=until * 1.001).contains(value);
    let powers = (0..=12).map(|power| 10_f64.powi(power));
    let ticks = powers.flat_map(|power| steps.iter().map(move |step| step * power)).filter(fits);
    ticks.map(|tick| (tick, short_time(tick))).collect()
}

/// `1 ns`, `20 µs`, `500 ms`, `10 s`, of a round value.
fn short_time(nanos: f64) -> String {
    let (value, unit) = match nanos {
        n if n >= 0.999e9 => (n / 1e9, "s"),
        n if n >= 0.999e6 => (n / 1e6, "ms"),
        n if n >= 0.999e3 => (n / 1e3, "µs"),
        n => (n, "ns"),
    };
    format!("{value:.0} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_round_and_reach_the_greatest() {
        let check = |max: f64, expected: &[f64]| assert_eq!(counts(max, 4), expected, "{max}");
        check(0.0, &[0.0, 1.0]);
        check(1.0, &[0.0, 1.0]);
        check(7.0, &[0.0, 2.0, 4.0, 6.0, 8.0]);
        check(800.0, &[0.0, 200.0, 400.0, 600.0, 800.0]);
        check(81_000.0, &[0.0, 50_000.0, 100_000.0]);
        let words = [0.0, 1_500.0, 9_999.0, 20_000.0, 999_949.0, 1_500_000.0, 2e9].map(count_words);
        assert_eq!(words, ["0", "1,500", "9,999", "20k", "999.9k", "1.5M", "2G"]);
    }

    #[test]
    fn times_are_in_one_unit() {
        let check = |nanos, expected: &[&str]| {
            let ticks = times(Duration::from_nanos(nanos), 4);
            let words: Vec<_> = ticks.iter().map(|(_, words)| words.as_str()).collect();
            assert_eq!(words, expected, "{nanos}");
        };
        check(0, &["0"]);
        check(3, &["0", "1 ns", "2 ns", "3 ns"]);
        check(17_000_000, &["0", "5 ms", "10 ms", "15 ms"]);
        check(1_100_000_000, &["0", "0.5 s", "1.0 s"]);
        check(9_000_000_000, &["0", "5 s"]);
        check(100_000_000_000, &["0", "30 s", "60 s", "90 s"]);
        check(600_000_000_000, &["0", "5:00 min", "10:00 min"]);
        check(5 * 3_600_000_000_000, &["0", "2:00 h", "4:00 h"]);
        assert!(times(Duration::MAX, 4).len() < 10);
    }

    #[test]
    fn latencies_are_round_and_around_all_values() {
        let words = |from, until| {
            let range = log_range(from, until);
            latencies(range).into_iter().map(|(_, words)| words).collect::<Vec<_>>()
        };
        assert_eq!(words(0.0, 0.0), ["1 ns", "2 ns"]);
        assert_eq!(words(1_000_447.0, 1_000_447.0), ["1 ms", "2 ms"]);
        assert_eq!(words(870.0, 23_000_000.0), ["1 µs", "10 µs", "100 µs", "1 ms", "10 ms"]);
        assert_eq!(words(3e6, 50e6), ["2 ms", "5 ms", "10 ms", "20 ms", "50 ms"]);
        assert_eq!(log_range(3_600e9, 3_600e9), (2e12, 5e12));
    }

    #[test]
    fn a_scale_draws_nothing_outside_of_itself() {
        let linear = Scale::linear((0.0, 10.0), (100.0, 0.0));
        assert_eq!([-1.0, 0.0, 5.0, 20.0].map(|value| linear.at(value)), [100.0, 100.0, 50.0, 0.0]);
        let log = Scale::log((1.0, 100.0), (0.0, 100.0));
        assert_eq!([0.0, 1.0, 10.0, 1e9].map(|value| log.at(value)), [0.0, 0.0, 50.0, 100.0]);
        assert_eq!(Scale::linear((0.0, 0.0), (5.0, 9.0)).at(0.0), 5.0);
    }
}
