//! Thresholds: what `expect` asks of the figures of a run, and whether it was met.
//!
//! What cannot be measured is neither met nor missed: a figure that is not there, or of too few
//! values, never makes a run pass.

use std::cell::OnceCell;
use std::time::Duration;

use serde::Serialize;

use super::counted::Counted;
use super::latency::Latencies;
use super::recovery::{Recovery, worst};
use super::tally::active;
use super::window::Window;
use crate::history::{End, History, Moment, backlog_over_time};
use crate::numbers::{self, number, time};
use crate::plan::Plan;
use crate::scenario::threshold::{Latencies as Of, Statistic, Threshold as Asked};

/// A threshold and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Threshold {
    /// As it is written: `ack p99`, `end_to_end p99.9`, `throughput`, `recovery`, `backlog`; with
    /// `outside of faults` behind it where that is asked.
    pub name: String,
    /// With its comparison: `at most 5ms`, `at least 10,000/s`.
    pub limit: String,
    /// What was measured; none where nothing was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub measured: Option<String>,
    /// What came of it.
    pub state: State,
    /// Why there is no verdict, or where it was missed: `after { at: 1s, kill: broker, for: 1s }`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// What the two numbers count.
    pub unit: Unit,
    /// The limit.
    pub asked: u64,
    /// What was measured; none where nothing was, or it never came to an end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub got: Option<u64>,
}

/// What came of a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The figures are within the limit.
    Met,
    /// They are not.
    Missed,
    /// There are none, or too few.
    NoData,
}

/// What the numbers of a threshold count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Nanoseconds.
    Ns,
    /// Deliveries a second.
    PerSecond,
    /// Pairs of a message and a consumer that it is due to.
    Messages,
}

/// Holds what the scenario asks for against the figures of its run.
#[must_use]
pub fn judge(plan: &Plan, history: &History) -> Vec<Threshold> {
    let figures = Figures {
        plan,
        history,
        all: OnceCell::new(),
        outside: OnceCell::new(),
        backlog: OnceCell::new(),
    };
    let mut judged: Vec<_> =
        plan.scenario.expect.thresholds.iter().map(|asked| figures.judge(asked)).collect();
    if history.end == End::Interrupted {
        // What was missed is missed, and the rest of the run could have missed the others.
        for threshold in judged.iter_mut().filter(|own| own.state == State::Met) {
            threshold.state = State::NoData;
            threshold.note = Some("the run was interrupted".to_owned());
        }
    }
    judged
}

/// What the scenario asks for, of evidence that does not say when anything came.
#[must_use]
pub fn not_measured(plan: &Plan, why: &str) -> Vec<Threshold> {
    let asked = plan.scenario.expect.thresholds.iter();
    asked.map(|asked| Found::Nothing(why.to_owned()).of(asked)).collect()
}

impl Threshold {
    /// In a few words: `ack p99 7.12 ms (at most 5ms)`.
    #[must_use]
    pub fn brief(&self) -> String {
        let measured = self.measured.as_ref().map(|measured| format!(" {measured}"));
        format!("{}{} ({})", self.name, measured.unwrap_or_default(), self.limit)
    }
}

/// What is known of a figure.
enum Found {
    /// This, and where it was the worst.
    Value(u64, Option<String>),
    /// Nothing that is within any limit: for people, and why.
    Beyond(String, String),
    /// Nothing can be said, and why.
    Nothing(String),
}

impl Found {
    fn of(self, asked: &Asked) -> Threshold {
        let nanos = |time: &Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let (unit, limit) = match asked {
            Asked::Latency { at_most, .. } | Asked::Recovery { at_most } => {
                (Unit::Ns, nanos(at_most))
            }
            Asked::Throughput { at_least, .. } => (Unit::PerSecond, *at_least),
            Asked::Backlog { at_most, .. } => (Unit::Messages, *at_most),
        };
        let is_within = |got| if unit == Unit::PerSecond { got >= limit } else { got <= limit };
        let (state, got, measured, note) = match self {
            Self::Value(got, note) => {
                let state = if is_within(got) { State::Met } else { State::Missed };
                let note = note.filter(|_| state == State::Missed);
                (state, Some(got), Some(unit.words(got)), note)
            }
            Self::Beyond(measured, why) => (State::Missed, None, Some(measured), Some(why)),
            Self::Nothing(why) => (State::NoData, None, None, Some(why)),
        };
        let (name, limit_text) = (asked.to_string(), asked.limit());
        Threshold { name, limit: limit_text, measured, state, note, unit, asked: limit, got }
    }
}

impl Unit {
    fn words(self, value: u64) -> String {
        match self {
            Self::Ns => time(Duration::from_nanos(value)),
            Self::PerSecond => format!("{}/s", number(value)),
            Self::Messages => number(value),
        }
    }
}

/// The figures that thresholds ask for, each found out once and only where one does.
struct Figures<'a> {
    plan: &'a Plan,
    history: &'a History,
    all: OnceCell<Counted>,
    outside: OnceCell<Counted>,
    backlog: OnceCell<Vec<(Moment, u64)>>,
}

impl Figures<'_> {
    fn judge(&self, asked: &Asked) -> Threshold {
        let found = match asked {
            Asked::Latency { of, statistic, .. } => {
                self.latency(*of, *statistic, asked.is_outside_of_faults())
            }
            Asked::Throughput { .. } => self.throughput(asked.is_outside_of_faults()),
            Asked::Recovery { at_most } => self.recovery(*at_most),
            Asked::Backlog { .. } => self.greatest_backlog(asked.is_outside_of_faults()),
        };
        found.of(asked)
    }

    fn window(&self, outside: bool) -> Window {
        let window = Window::new(self.plan, self.history);
        if outside { window.outside_of_faults(self.history) } else { window }
    }

    fn counted(&self, outside: bool) -> &Counted {
        let once = if outside { &self.outside } else { &self.all };
        once.get_or_init(|| Counted::of(self.plan, self.history, self.window(outside)))
    }

    fn latency(&self, of: Of, statistic: Statistic, outside: bool) -> Found {
        let counted = self.counted(outside);
        let (latencies, what) = match of {
            Of::Ack => (&counted.ack, "ack"),
            Of::EndToEnd => (&counted.end_to_end, "delivery"),
        };
        let (there, needed) = (latencies.count(), statistic.needs());
        if there < needed {
            let part = self.part(outside);
            return Found::Nothing(match there {
                0 => format!("no {what} was counted{part}"),
                _ => format!(
                    "{}{part}, and {statistic} needs {}",
                    numbers::count(there, what),
                    number(needed)
                ),
            });
        }
        let value = value(latencies, statistic);
        Found::Value(u64::try_from(value.as_nanos()).unwrap_or(u64::MAX), None)
    }

    fn throughput(&self, outside: bool) -> Found {
        match self.counted(outside).rate(active(self.history)) {
            #[expect(clippy::cast_possible_truncation, reason = "whole deliveries a second")]
            #[expect(clippy::cast_sign_loss, reason = "a rate is not negative")]
            Some(rate) => Found::Value(rate.per_second() as u64, None),
            None => Found::Nothing(format!(
                "less than a millisecond was measured{}",
                self.part(outside)
            )),
        }
    }

    fn recovery(&self, at_most: Duration) -> Found {
        match worst(self.plan, self.history, self.backlog(), at_most) {
            None => Found::Nothing("no fault fired".to_owned()),
            Some(Recovery::After { time, fault }) => {
                Found::Value(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX), Some(fault))
            }
            Some(Recovery::Never { words, why }) => Found::Beyond(words, why),
            Some(Recovery::Unknown(why)) => Found::Nothing(why),
        }
    }

    fn greatest_backlog(&self, outside: bool) -> Found {
        let (window, backlog) = (self.window(outside), self.backlog());
        let until =
            |place: usize| backlog.get(place + 1).or(backlog.last()).map_or(0, |(at, _)| at.at);
        let steps = backlog.iter().enumerate();
        let counts = steps.filter(|(place, (from, _))| window.meets(from.at, until(*place)));
        // The first of equal ones.
        match counts.map(|(_, step)| step).rev().max_by_key(|(_, level)| *level) {
            Some((moment, level)) => {
                let at = time(Duration::from_nanos(moment.at));
                Found::Value(*level, Some(format!("at {at}")))
            }
            None => Found::Nothing(format!("nothing was acked or delivered{}", self.part(outside))),
        }
    }

    fn backlog(&self) -> &[(Moment, u64)] {
        self.backlog.get_or_init(|| backlog_over_time(self.plan, self.history))
    }

    /// Where nothing was found: what is left out of the run.
    fn part(&self, outside: bool) -> String {
        let warm_up = self.plan.scenario.warm_up;
        let warm_up = (!warm_up.is_zero())
            .then(|| format!(" after the warm-up of {}", humantime::format_duration(warm_up)));
        let outside = if outside { " outside of faults" } else { "" };
        format!("{}{outside}", warm_up.unwrap_or_default())
    }
}

fn value(latencies: &Latencies, statistic: Statistic) -> Duration {
    match statistic {
        Statistic::Percentile(part) => {
            latencies.surely(f64::from(part) / f64::from(Statistic::WHOLE))
        }
        Statistic::Max => latencies.finish().max,
        Statistic::Mean => latencies.finish().mean,
    }
}
