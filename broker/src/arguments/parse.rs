//! The values of flags: addresses, counts, sizes, times and levels, and what to write instead of a
//! wrong one.

use std::net::SocketAddr;
use std::num::NonZeroUsize;

use tokio::time::Duration;
use tracing_subscriber::filter::{LevelFilter, Targets};

use crate::store::Retain;

pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    const EXPECTED: &str = "expected an IP address and a port, such as 127.0.0.1:5000";
    text.parse().map_err(|_| match text.strip_prefix("localhost:") {
        Some(port) => format!("{EXPECTED}; did you mean 127.0.0.1:{port}?"),
        None => EXPECTED.to_owned(),
    })
}

pub(super) fn count(text: &str) -> Result<NonZeroUsize, String> {
    up_to(MOST, text)
}

/// More would not start: each is a thread of the system from the beginning.
pub(super) fn threads(text: &str) -> Result<NonZeroUsize, String> {
    up_to(1024, text)
}

/// More of anything no broker has, and sums of such numbers still fit.
const MOST: usize = 1_000_000_000;

fn up_to(most: usize, text: &str) -> Result<NonZeroUsize, String> {
    match text.parse::<NonZeroUsize>() {
        Ok(count) if count.get() <= most => Ok(count),
        _ => Err(format!("expected a whole number, 1 to {most}")),
    }
}

pub(super) fn log_level(text: &str) -> Result<Targets, String> {
    const EXPECTED: &str = "expected a level, such as info, or directives, such as broker=debug";
    // A word alone would name a module, so that a misspelt level silences the log.
    let is_known = |part: &str| part.contains('=') || part.parse::<LevelFilter>().is_ok();
    match text.parse() {
        Ok(levels) if text.split(',').all(is_known) => Ok(levels),
        _ => Err(EXPECTED.to_owned()),
    }
}

/// `64MiB`, `1GiB`, `500kB` or plain bytes.
fn size(text: &str) -> Result<u64, String> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let factor = match unit.trim_start().to_ascii_lowercase().as_str() {
        "" | "b" => Some(1),
        "kb" => Some(1000),
        "mb" => Some(1000 * 1000),
        "gb" => Some(1000 * 1000 * 1000),
        "k" | "kib" => Some(1 << 10),
        "m" | "mib" => Some(1 << 20),
        "g" | "gib" => Some(1 << 30),
        _ => None,
    };
    let bytes = factor.and_then(|factor| number.parse::<u64>().ok()?.checked_mul(factor));
    bytes.ok_or_else(|| "expected bytes, such as 65536, 64KiB, 1MiB or 2GiB".to_owned())
}

/// The same, and not nothing.
pub(super) fn some_size(text: &str) -> Result<u64, String> {
    match size(text)? {
        0 => Err("at least one byte is needed".to_owned()),
        bytes => Ok(bytes),
    }
}

pub(super) fn memory_size(text: &str) -> Result<NonZeroUsize, String> {
    let bytes = usize::try_from(some_size(text)?).map_err(|_| "more than memory has".to_owned())?;
    Ok(NonZeroUsize::new(bytes).expect("it is not nothing"))
}

/// The shortest time for which messages are kept by their age.
const LEAST_AGE: Duration = Duration::from_secs(1);

/// `lag`, `all`, a time or a size.
pub(super) fn retain(text: &str) -> Result<Retain, String> {
    const EXPECTED: &str = "expected lag, all, a time, such as 24h, or a size, such as 512MiB";
    match text {
        "lag" => return Ok(Retain::Lag),
        "all" => return Ok(Retain::All),
        _ => {}
    }
    // A number alone says neither, and `5m` says both.
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    match (humantime::parse_duration(text), size(text)) {
        (Ok(_), Ok(_)) if !is_number => {
            let number = text.trim_end_matches(|c: char| !c.is_ascii_digit());
            Err(format!("it can be a time or a size: write {number}min or {number}MiB"))
        }
        (Ok(age), Err(_)) if age < LEAST_AGE => {
            Err("at least 1s is needed, for messages are looked at once a second".to_owned())
        }
        (Ok(_), Err(_)) => duration(text).map(Retain::Age),
        (Err(_), Ok(_)) if !is_number => some_size(text).map(Retain::Size),
        _ => Err(EXPECTED.to_owned()),
    }
}

/// The longest time that may be given.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(time) if time < Duration::from_millis(1) => Err("at least 1ms is needed".to_owned()),
        // Far longer ones do not fit a point in time any more.
        Ok(time) if time > LONGEST => Err("it may be at most a year, 365days".to_owned()),
        Ok(time) => Ok(time),
        Err(_) => Err("expected a time, such as 500ms, 30s or 5min".to_owned()),
    }
}

pub(super) fn duration_or_none(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(Duration::ZERO) => Ok(Duration::ZERO),
        _ => duration(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_retained_is_a_word_a_time_or_a_size() {
        let check = |text, expected| assert_eq!(retain(text), Ok(expected), "{text}");
        check("lag", Retain::Lag);
        check("all", Retain::All);
        check("24h", Retain::Age(Duration::from_secs(24 * 3600)));
        check("90s", Retain::Age(Duration::from_secs(90)));
        check("1day 12h", Retain::Age(Duration::from_secs(36 * 3600)));
        check("512MiB", Retain::Size(512 << 20));
        check("500kB", Retain::Size(500_000));
        check("1000b", Retain::Size(1000));
        for text in ["5m", "5M"] {
            let why = "it can be a time or a size: write 5min or 5MiB".to_owned();
            assert_eq!(retain(text), Err(why), "{text}");
        }
        for text in ["", "0", "0b", "1000", "Lag", "some", "2years", "24 hours ago", "-1h"] {
            assert!(retain(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_are_read_with_their_units() {
        let check = |text, bytes| assert_eq!(size(text).ok(), bytes, "{text}");
        check("0", Some(0));
        check("65536", Some(65536));
        check("64KiB", Some(65536));
        check("64k", Some(65536));
        check("2 GiB", Some(2 << 30));
        check("3MB", Some(3_000_000));
        check("", None);
        check("MiB", None);
        check("1.5MiB", None);
        check("-1", None);
        check("1TiB", None);
        check("99999999999GiB", None);
    }
}
