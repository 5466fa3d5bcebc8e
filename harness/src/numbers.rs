//! Numbers and times for people.

use std::time::Duration;

/// `1,234,567`.
pub fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 producer`, `5 producers`, `2 deliveries`.
pub fn count(count: u64, noun: &str) -> String {
    let figures = number(count);
    match noun.strip_suffix('y') {
        _ if count == 1 => format!("{figures} {noun}"),
        Some(stem) => format!("{figures} {stem}ies"),
        None => format!("{figures} {noun}s"),
    }
}

/// Three figures and a unit: `870 µs`, `1.24 ms`, `23.1 s`.
pub fn time(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    // Rounding to three figures may reach the next unit, hence the odd bounds.
    let (value, unit) = match seconds {
        _ if time.is_zero() => return String::from("0 s"),
        s if s >= 119.5 => {
            let whole = time.as_secs() + u64::from(time.subsec_millis() >= 500);
            return format!("{} min {:02} s", whole / 60, whole % 60);
        }
        s if s >= 0.9995 => (s, "s"),
        s if s >= 0.000_999_5 => (s * 1e3, "ms"),
        s => (s * 1e6, "µs"),
    };
    let decimals = if value >= 99.95 { 0 } else { 1 + usize::from(value < 9.995) };
    format!("{value:.decimals$} {unit}")
}

/// So many a second: `12,345/s`, and of less than a hundred with a decimal.
pub fn rate(rate: f64) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "for people")]
    #[expect(clippy::cast_sign_loss, reason = "a rate is not negative")]
    let whole = rate.round() as u64;
    if rate < 99.5 { format!("{rate:.1}/s") } else { format!("{}/s", number(whole)) }
}

/// Whether there is nothing to write of a count.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
pub const fn is_zero(count: &u64) -> bool {
    *count == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_commas() {
        let all = [0, 999, 1_000, 12_345, 1_234_567].map(number);
        assert_eq!(all, ["0", "999", "1,000", "12,345", "1,234,567"]);
    }

    #[test]
    fn rates_have_decimals_where_they_are_small() {
        let all = [0.04, 99.4, 99.5, 12_345.6].map(rate);
        assert_eq!(all, ["0.0/s", "99.4/s", "100/s", "12,346/s"]);
    }

    #[test]
    fn nouns_agree_with_their_numbers() {
        let check = |number, noun, text| assert_eq!(count(number, noun), text);
        check(1, "topic", "1 topic");
        check(0, "topic", "0 topics");
        check(1, "delivery", "1 delivery");
        check(1200, "retry", "1,200 retries");
    }

    #[test]
    fn times_have_three_figures() {
        let check = |nanos, expected: &str| assert_eq!(time(Duration::from_nanos(nanos)), expected);
        check(0, "0 s");
        check(870, "0.87 µs");
        check(9_996, "10.0 µs");
        check(999_400, "999 µs");
        check(999_600, "1.00 ms");
        check(1_240_000, "1.24 ms");
        check(23_100_000, "23.1 ms");
        check(213_000_000, "213 ms");
        check(999_700_000, "1.00 s");
        check(23_140_000_000, "23.1 s");
        check(119_400_000_000, "119 s");
        check(119_600_000_000, "2 min 00 s");
        check(3_725_000_000_000, "62 min 05 s");
    }
}
