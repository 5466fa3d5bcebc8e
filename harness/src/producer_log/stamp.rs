//! Time stamps of logs: a time of day, alone or behind a date, with a fraction and with an offset
//! from UTC, as RFC 3339 and the loggers of many languages write them.

use std::time::Duration;

/// The length of a day, in milliseconds.
const DAY: i64 = 24 * 60 * 60 * 1000;

/// A time stamp as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    /// In days since 1970-01-01, if there is one.
    date: Option<i64>,
    /// Since midnight, in milliseconds; what is finer is cut off.
    time: i64,
    /// How far its clock is before UTC, in milliseconds.
    offset: i64,
}

impl Stamp {
    /// `21:52:23`, `21:52:23,123`, `2026-11-26 21:52:23.123456`, `2026-11-26T21:52:23+01:00`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (date, clock) = match text.split_once(['T', 't', ' ', '\t']) {
            Some((day, clock)) => (Some(date(day)?), clock.trim_start_matches([' ', '\t'])),
            None => (None, text),
        };
        let (clock, zone) = match clock.find(['Z', 'z', '+', '-']) {
            Some(place) => (&clock[..place], zone(&clock[place..])?),
            None => (clock, 0),
        };
        Some(Self { date, time: time_of_day(clock)?, offset: zone })
    }

    /// Whether a text is the date of a stamp, whose time is the next word.
    pub(super) fn is_date(text: &str) -> bool {
        date(text).is_some()
    }

    /// How long after midnight it is, if it is a time of day alone.
    pub(super) fn since_midnight(self) -> Option<Duration> {
        let is_alone = self.date.is_none() && self.offset == 0;
        is_alone.then(|| Duration::from_millis(self.time.unsigned_abs()))
    }
}

/// Puts the stamps of one log on one line of time.
#[derive(Debug, Default)]
pub(super) struct Clock {
    /// Of the first stamp: whether it has a date, and its midnight.
    first: Option<(bool, i64)>,
    /// Of the line above, where stamps have no date: its day, counted from the first, and its time.
    above: (i64, i64),
}

impl Clock {
    /// How long after midnight of the first stamp's day a stamp is; one from before is at midnight.
    ///
    /// # Errors
    /// Where some stamps have a date and others none.
    pub(super) fn place(&mut self, stamp: Stamp) -> Result<Duration, &'static str> {
        let is_dated = stamp.date.is_some();
        let (day, above) = self.above;
        let day = match stamp.date {
            Some(date) => date,
            None if self.first.is_some() && stamp.time + DAY / 2 < above => day + 1,
            None => day,
        };
        self.above = (day, stamp.time);
        let midnight = day * DAY - stamp.offset;
        let (first_is_dated, origin) = *self.first.get_or_insert((is_dated, midnight));
        if first_is_dated != is_dated {
            return Err(if is_dated {
                "it has a date, and the lines above have none"
            } else {
                "it has no date, and the lines above have one"
            });
        }
        let since = midnight + stamp.time - origin;
        Ok(Duration::from_millis(u64::try_from(since).unwrap_or(0)))
    }
}

/// `2026-11-26` or `2026/11/26`, in days since 1970-01-01.
fn date(text: &str) -> Option<i64> {
    let separator = if text.contains('/') { '/' } else { '-' };
    let mut parts = text.split(separator);
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let year = number(year, 4..=4, 10_000)?;
    let month = number(month, 2..=2, 13).filter(|month| *month > 0)?;
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap => 29,
        2 => 28,
        _ => 31,
    };
    let day = number(day, 2..=2, days + 1).filter(|day| *day > 0)?;
    // Years that begin in March have the odd day at their end (the algorithm of H. Hinnant's
    // `days_from_civil`).
    let year = if month > 2 { year } else { year - 1 };
    let since_march = (month + 9) % 12;
    let day_of_year = (153 * since_march + 2) / 5 + day - 1;
    let leaps = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    Some(365 * year + leaps + day_of_year - 719_468)
}

/// `21:52:23`, with a fraction behind a point or a comma.
fn time_of_day(text: &str) -> Option<i64> {
    let (clock, fraction) = match text.split_once(['.', ',']) {
        Some((clock, fraction)) => (clock, Some(fraction)),
        None => (text, None),
    };
    let mut parts = clock.split(':');
    let (hours, minutes, seconds) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let hours = number(hours, 1..=2, 24)?;
    let minutes = number(minutes, 2..=2, 60)?;
    let seconds = number(seconds, 2..=2, 60)?;
    let millis = match fraction {
        None => 0,
        Some(fraction) => {
            number(fraction, 1..=9, 1_000_000_000)?;
            let digits = fraction.bytes().map(|digit| i64::from(digit - b'0'));
            let digits = digits.chain(std::iter::repeat(0)).take(3);
            digits.fold(0, |millis, digit| millis * 10 + digit)
        }
    };
    Some(((hours * 60 + minutes) * 60 + seconds) * 1000 + millis)
}

/// `Z`, `+01:00`, `-0530` or `+01`.
fn zone(text: &str) -> Option<i64> {
    if text.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let (sign, digits) = match text.strip_prefix('+') {
        Some(digits) => (1, digits),
        None => (-1, text.strip_prefix('-')?),
    };
    let (hours, minutes) = match digits.split_once(':') {
        Some(both) => both,
        None => digits.split_at_checked(2)?,
    };
    let hours = number(hours, 2..=2, 24)?;
    let minutes = if minutes.is_empty() { 0 } else { number(minutes, 2..=2, 60)? };
    Some(sign * (hours * 60 + minutes) * 60 * 1000)
}

fn number(digits: &str, len: std::ops::RangeInclusive<usize>, below: i64) -> Option<i64> {
    let good = len.contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    good.then(|| digits.parse().ok()).flatten().filter(|number| *number < below)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(stamp: &str) -> Option<(Option<i64>, i64, i64)> {
        Stamp::parse(stamp).map(|Stamp { date, time, offset }| (date, time, offset))
    }

    #[test]
    fn stamps_are_read_in_every_form() {
        let clock = 78_743_000;
        assert_eq!(check("21:52:23"), Some((None, clock, 0)));
        for fraction in [".123", ",123", ".123456", ",123456789"] {
            assert_eq!(check(&format!("21:52:23{fraction}")), Some((None, clock + 123, 0)));
        }
        assert_eq!(check("0:00:01.5"), Some((None, 1500, 0)));
        assert_eq!(check("1970-01-02 21:52:23"), Some((Some(1), clock, 0)));
        assert_eq!(check("1970/01/02 21:52:23,123"), Some((Some(1), clock + 123, 0)));
        assert_eq!(check("2000-02-29T21:52:23Z"), Some((Some(11_016), clock, 0)));
        assert_eq!(check("2026-11-26t21:52:23.5z"), Some((Some(20_783), clock + 500, 0)));
        let hour = 3_600_000;
        for (zone, offset) in [("+01:00", hour), ("+0100", hour), ("+01", hour)] {
            let stamp = format!("2026-11-26T21:52:23.123{zone}");
            assert_eq!(check(&stamp), Some((Some(20_783), clock + 123, offset)));
        }
        let west = check("2026-11-26T21:52:23-05:30");
        assert_eq!(west, Some((Some(20_783), clock, -5 * hour - hour / 2)));
    }

    #[test]
    fn what_is_no_stamp_is_refused() {
        for none in [
            "",
            "x",
            "25:00:00",
            "21:60:00",
            "21:52:60",
            "21:52",
            "1:2:3",
            "21:52:23.",
            "21:52:23;1",
            "21:52:23.1234567890",
            "21:52:23 01",
            "2026-11-26",
            "2026-13-01T00:00:00Z",
            "2026-02-29T00:00:00Z",
            "26-11-26 21:52:23",
            "2026-11-26T21:52:23+1",
            "2026-11-26T",
            "2026-11-26T21:52:23+24:00",
            "2026-11-26T21:52:23Zulu",
            "21:52:23.é",
        ] {
            assert_eq!(check(none), None, "{none}");
        }
    }

    fn times(stamps: &[&str]) -> Vec<Result<u128, &'static str>> {
        let mut clock = Clock::default();
        let place = |stamp: &&str| clock.place(Stamp::parse(stamp).unwrap());
        stamps.iter().map(place).map(|placed| placed.map(|time| time.as_millis())).collect()
    }

    #[test]
    fn stamps_of_one_log_are_on_one_line_of_time() {
        let of_day = times(&["12:00:00", "11:59:59", "23:59:59", "00:00:00"]);
        assert_eq!(of_day, [43_200_000, 43_199_000, 86_399_000, 86_400_000].map(Ok));
        let dated = ["2026-12-31 23:59:59", "2027-01-01 00:00:00.5", "2027-01-01 13:00:00"];
        assert_eq!(times(&dated), [86_399_000, 86_400_500, 133_200_000].map(Ok));
        let zones = ["2026-11-26T21:00:00+01:00", "2026-11-26T20:00:01Z"];
        assert_eq!(times(&zones), [75_600_000, 75_601_000].map(Ok));
        // One from before the first day is as early as can be.
        assert_eq!(times(&["2026-11-26 01:00:00", "2026-11-25 01:00:00"])[1], Ok(0));
        let mixed = times(&["2026-11-26 21:52:23", "21:52:24"]);
        assert_eq!(mixed[1], Err("it has no date, and the lines above have one"));
        let mixed = times(&["21:52:23", "2026-11-26 21:52:24"]);
        assert_eq!(mixed[1], Err("it has a date, and the lines above have none"));
    }
}
