//! `slow`: bytes take their time, in each direction. Met: times that something was held up.

use std::fmt::Write as _;
use std::time::Duration;

use humantime::format_duration;

use crate::chance;
use crate::fault::definition::{Definition, Form, Lasts, Setting, Takes};
use crate::fault::effect::Effect;
use crate::fault::link_fault::{Delay, LinkFault, Portion};
use crate::fault::settings::Settings;
use crate::fault::symptom::Symptom;
use crate::input::diagnostic::Diagnostic;
use crate::input::names::Kind;
use crate::input::values;

/// The row.
pub static SLOW: Definition = Definition {
    key: "slow",
    about: "Bytes take their time: actors, `any`, `all` or `database`.",
    takes: Takes::Links { actors: &[Kind::Producer, Kind::Consumer], database: true },
    settings: &[
        Setting {
            key: "latency",
            about: "Of `slow`: added to each direction, such as `20ms`.",
            form: Form::Text,
        },
        Setting {
            key: "jitter",
            about: "Of `slow`: how much the latency varies up and down, such as `5ms`.",
            form: Form::Text,
        },
        Setting { key: "bandwidth", about: "Of `slow`: such as `64KiB/s`.", form: Form::Text },
    ],
    lasts: Lasts::OrToTheEnd,
    causes: &[Symptom::NoAnswer],
    read,
};

/// How slow a link is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slow {
    /// Added to each direction.
    pub latency: Duration,
    /// The latency varies by as much up and down, evenly; never more than it.
    pub jitter: Duration,
    /// Bytes a second in each direction; none is no bound.
    pub bandwidth: Option<u64>,
}

fn read(settings: &mut Settings<'_, '_>) -> Option<Effect> {
    let latency = settings.read("latency", values::positive_time);
    let jitter = settings.read("jitter", values::time);
    let bandwidth = settings.read("bandwidth", values::bandwidth);
    let (latency, jitter, bandwidth) = (latency.ok()?, jitter.ok()?, bandwidth.ok()?);
    if latency.is_none() && bandwidth.is_none() {
        let label = "add `latency: 20ms` or `bandwidth: 64KiB/s`, or both";
        settings.refuse_all(Diagnostic::new("`slow` does not say how slow").label(label));
        return None;
    }
    let (latency, jitter) = (latency.unwrap_or_default(), jitter.unwrap_or_default());
    if jitter > latency {
        settings.refuse("jitter", |given| {
            Diagnostic::new(format!("`{given}` of jitter is more than the latency")).label(
                match latency {
                    Duration::ZERO => "there is no `latency:` for it to vary".to_owned(),
                    latency => format!("at most {}", format_duration(latency)),
                },
            )
        });
        return None;
    }
    Some(Effect::link(Slow { latency, jitter, bandwidth }))
}

impl LinkFault for Slow {
    fn begin(&self) -> Box<dyn LinkFault> {
        Box::new(*self)
    }

    fn settings(&self) -> String {
        let mut words = String::new();
        for (key, time) in [("latency", self.latency), ("jitter", self.jitter)] {
            if !time.is_zero() {
                let _ = write!(words, ", {key}: {}", format_duration(time));
            }
        }
        let _ = match self.bandwidth {
            Some(bytes) if bytes % 1024 == 0 => {
                write!(words, ", bandwidth: {}KiB/s", bytes / 1024)
            }
            Some(bytes) => write!(words, ", bandwidth: {bytes}B/s"),
            None => Ok(()),
        };
        words
    }

    fn delays(&self) -> bool {
        true
    }

    fn delay(&mut self, portion: Portion) -> Option<Delay> {
        let Portion { bytes, chance, tick, .. } = portion;
        let tick = tick.as_nanos();
        let ticks = |time: Duration| u64::try_from(time.as_nanos() / tick).unwrap_or(u64::MAX / 4);
        let time = |ticks: u128| {
            Duration::from_nanos(u64::try_from(ticks.saturating_mul(tick)).unwrap_or(u64::MAX))
        };
        let jitter = ticks(self.jitter);
        let shift = chance::below(chance, 2 * jitter + 1);
        let latency = (ticks(self.latency) + shift).saturating_sub(jitter);
        let second = 1_000_000_000 / tick;
        let carried = self.bandwidth.map_or(0, |rate| {
            (bytes as u128).saturating_mul(second).div_ceil(u128::from(rate.max(1)))
        });
        Some(Delay { latency: time(latency.into()), transmission: time(carried) })
    }

    fn bandwidth(&self) -> Option<u64> {
        self.bandwidth
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::link_fault::Way;

    #[test]
    fn slowness_is_latency_and_jitter_and_a_rate_in_whole_ticks() {
        let ms = Duration::from_millis;
        let check = |latency, jitter, bandwidth, chance, bytes, expected: (Duration, Duration)| {
            let mut slow = Slow { latency: ms(latency), jitter: ms(jitter), bandwidth };
            for tick in [ms(1), Duration::from_nanos(1)] {
                let portion = Portion { way: Way::There, bytes, chance, tick };
                let Delay { latency, transmission } = slow.delay(portion).unwrap();
                assert_eq!((latency, transmission), expected, "{slow:?}, {portion:?}");
            }
        };
        check(20, 0, None, u64::MAX, 5000, (ms(20), ms(0)));
        check(20, 5, None, 0, 0, (ms(15), ms(0)));
        check(20, 5, None, u64::MAX, 0, (ms(25), ms(0)));
        check(0, 0, Some(1000), 0, 1500, (ms(0), ms(1500)));
        check(0, 0, Some(1), 0, 0, (ms(0), ms(0)));
    }
}
