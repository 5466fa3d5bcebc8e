//! Single values: times, sizes, shares and counts.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use super::diagnostic::{Diagnostic, hint};

/// The longest time that may be asked for.
const TIME_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// The largest payload in bytes; our broker's own limit by default.
pub(crate) const PAYLOAD_MAX: u32 = 1024 * 1024;

pub(crate) type Parsed<T> = Result<T, Diagnostic>;

/// A time as people write it, however fine.
fn any_time(text: &str) -> Parsed<Duration> {
    let bad = || Diagnostic::new(format!("`{text}` is not a time"));
    if text.bytes().all(|byte| byte.is_ascii_digit()) && text != "0" && !text.is_empty() {
        return Err(bad().label(format!("its unit is missing: `{text}ms` or `{text}s`?")));
    }
    humantime::parse_duration(text)
        .map_err(|_| bad().label("expected a number and a unit, such as `5ms` or `1s`"))
}

/// `5ms`, `1s`, `2m 30s`: whole milliseconds, because timers are no finer.
pub(crate) fn time(text: &str) -> Parsed<Duration> {
    let time = any_time(text)?;
    if time > TIME_MAX {
        return Err(Diagnostic::new(format!("`{text}` is too long")).label("at most `24h`"));
    }
    if !time.subsec_nanos().is_multiple_of(1_000_000) {
        return Err(Diagnostic::new(format!("`{text}` is too fine"))
            .label("times are in whole milliseconds"));
    }
    Ok(time)
}

/// A limit of latencies, `500us` or `5ms`. Longer ones than an hour are not told apart.
pub(crate) fn latency(text: &str) -> Parsed<Duration> {
    const HOUR: Duration = Duration::from_secs(60 * 60);
    let time = any_time(text)?;
    if time.is_zero() || time > HOUR {
        let title = format!("`{text}` is no limit of latencies");
        return Err(Diagnostic::new(title).label("above 0 and at most `1h`"));
    }
    Ok(time)
}

/// A time that is not zero.
pub(crate) fn positive_time(text: &str) -> Parsed<Duration> {
    time(text).and_then(|time| {
        if time.is_zero() {
            return Err(Diagnostic::new(format!("`{text}` is too short")).label("at least `1ms`"));
        }
        Ok(time)
    })
}

/// Units of bytes, without blanks between number and unit the longest first.
const UNITS: [(&str, u64); 14] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("kB", 1_000),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("Ki", 1 << 10),
    ("Mi", 1 << 20),
    ("k", 1_000),
    ("K", 1_000),
    ("M", 1_000_000),
    ("B", 1),
    ("", 1),
];

/// `16`, `1k`, `64 KiB`: the number, and its unit as it is written.
fn amount(text: &str) -> Option<(u64, &'static str)> {
    let text = text.trim();
    let (number, unit, bytes) = UNITS
        .into_iter()
        .find_map(|(unit, bytes)| Some((text.strip_suffix(unit)?, unit, bytes)))?;
    let number: u64 = number.trim_end().parse().ok()?;
    Some((number.checked_mul(bytes)?, unit))
}

/// `16`, `1KiB` or `16..256`, inclusive.
pub(crate) fn size(text: &str) -> Parsed<RangeInclusive<u32>> {
    let (min, max) = text.split_once("..").unwrap_or((text, text));
    let bytes = |text: &str| {
        let (bytes, _) = amount(text)?;
        u32::try_from(bytes).ok().filter(|size| (1..=PAYLOAD_MAX).contains(size))
    };
    let (Some(min), Some(max)) = (bytes(min), bytes(max)) else {
        return Err(Diagnostic::new(format!("`{text}` is not a size")).label(format!(
            "expected bytes from 1 to {PAYLOAD_MAX}, such as `16`, `1KiB` or `16..256`"
        )));
    };
    if min > max {
        return Err(reversed(text));
    }
    Ok(min..=max)
}

/// `64KiB/s`, in bytes a second.
pub(crate) fn bandwidth(text: &str) -> Parsed<u64> {
    let rate = text.strip_suffix("/s").and_then(amount);
    let rate = rate.filter(|(bytes, unit)| *bytes > 0 && !unit.is_empty());
    rate.map(|(bytes, _)| bytes).ok_or_else(|| {
        Diagnostic::new(format!("`{text}` is no bandwidth"))
            .label("expected bytes a second, such as `64KiB/s` or `1MB/s`")
    })
}

/// `1%`, from 0 to 1.
pub(crate) fn share(text: &str) -> Parsed<f64> {
    let number = text.strip_suffix('%').and_then(|number| number.trim_end().parse::<f64>().ok());
    number.filter(|number| (0.0..=100.0).contains(number)).map(|number| number / 100.0).ok_or_else(
        || Diagnostic::new(format!("`{text}` is no share")).label("expected `0%` to `100%`"),
    )
}

/// `5ms` or `1ms..20ms`, inclusive.
pub(crate) fn times(text: &str) -> Parsed<(Duration, Duration)> {
    let (min, max) = text.split_once("..").unwrap_or((text, text));
    let (min, max) = (time(min.trim())?, time(max.trim())?);
    if min > max { Err(reversed(text)) } else { Ok((min, max)) }
}

/// `true` or `false`.
pub(crate) fn truth(text: &str) -> Parsed<bool> {
    text.parse().map_err(|_| {
        Diagnostic::new(format!("unknown value `{text}`")).label(hint(text, ["true", "false"]))
    })
}

/// A range whose first end is the greater one.
pub(crate) fn reversed(text: &str) -> Diagnostic {
    Diagnostic::new(format!("the range `{text}` is reversed")).label("the smaller one comes first")
}

/// The digits of a number that is written as people do: `1k`, `1_000`, `1,000`.
fn spelt_out(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(|c| !"_,'".contains(*c)).collect();
    let (number, unit) = amount(&digits)?;
    (!unit.ends_with(['B', 'i'])).then(|| number.to_string())
}

/// One of these words.
pub(crate) fn word<T: Copy>(text: &str, words: &[(&str, T)]) -> Parsed<T> {
    let found = words.iter().find(|(word, _)| *word == text);
    found.map(|(_, value)| *value).ok_or_else(|| {
        let known = words.iter().map(|(word, _)| *word);
        Diagnostic::new(format!("`{text}` is not possible here")).label(hint(text, known))
    })
}

/// A whole number within limits.
pub(crate) fn count<T>(text: &str, limits: RangeInclusive<T>) -> Parsed<T>
where
    T: FromStr + PartialOrd + Display,
{
    text.parse().ok().filter(|number| limits.contains(number)).ok_or_else(|| {
        let (least, most) = (limits.start(), limits.end());
        let meant = spelt_out(text)
            .filter(|digits| digits.parse().is_ok_and(|number: T| limits.contains(&number)));
        let meant = meant.map_or_else(String::new, |digits| format!("; did you mean `{digits}`?"));
        Diagnostic::new(format!("`{text}` is not possible here"))
            .label(format!("expected a whole number from {least} to {most}{meant}"))
    })
}
