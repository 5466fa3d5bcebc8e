//! Thresholds: what `expect` asks of the figures of a run, and whether it was met.
//!
//! What cannot be measured is neither met nor missed: a figure that is not there, or of too few
//! values, never makes a run pass.

use std::cell::OnceCell;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use super::counted::Counted;
use super::kept::shortest;
use super::latency::Latencies;
use super::recovery::{Recovery, worst};
use super::tally::active;
use super::window::Window;
use crate::history::{End, History, Moment, backlog_over_time};
use crate::numbers::{self, number, time};
use crate::plan::Plan;
use crate::scenario::threshold::{Latencies as Of, Statistic, Threshold as Asked};

/// A threshold and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Threshold {
    /// As it is written: `ack p99`, `end_to_end p99.9`, `throughput`, `recovery`, `backlog`,
    /// `kept`; with `outside of faults` behind it where that is asked.
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
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
            Asked::Latency { at_most: limit, .. }
            | Asked::Recovery { at_most: limit }
            | Asked::Kept { at_least: limit } => (Unit::Ns, nanos(limit)),
            Asked::Throughput { at_least, .. } => (Unit::PerSecond, *at_least),
            Asked::Backlog { at_most, .. } => (Unit::Messages, *at_most),
        };
        let is_least = matches!(asked, Asked::Throughput { .. } | Asked::Kept { .. });
        let is_within = |got| if is_least { got >= limit } else { got <= limit };
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
            Asked::Kept { .. } => match shortest(self.plan, self.history) {
                Ok((kept, which)) => Found::Value(kept, Some(which)),
                Err(why) => Found::Nothing(why.to_owned()),
            },
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{SMALL_LOGS, complete, firing, plan};
    use crate::history::{Answer, EpochIndex, Offsets, Outcome};

    /// The small scenario with a fault and these thresholds.
    fn small(expect: &str) -> String {
        format!(
            "
topics: {{ T1: P1 P2 -> C1 C2 }}
producers: {{ all: {{ log: 'p{{id}}.txt' }} }}
faults: [{{ at: 1s, pause: broker, for: 1ms }}]
expect: {{ {expect} }}
"
        )
    }

    /// Sends leave at 1, 3, .. 11 ms, after the subscriptions, and take 1; both polls end at 17 and bring
    /// all. So the backlog grows by 2 at 2, 4, .. 12 and is 12 until 17.
    fn run(plan: &Plan) -> History {
        let mut history = complete(plan);
        for sent in history.producers.iter_mut().flat_map(|part| &mut part.sends) {
            for moment in [&mut sent.invoked, &mut sent.completed] {
                (moment.stamp, moment.at) = (moment.stamp + 1, moment.at + 1_000_000);
            }
            sent.intended += 1_000_000;
        }
        history
    }

    fn judged(expect: &str, change: impl Fn(&mut Plan, &mut History)) -> Threshold {
        let (_folder, mut plan) = plan(&small(expect), SMALL_LOGS);
        let mut history = run(&plan);
        change(&mut plan, &mut history);
        let judged = judge(&plan, &history);
        assert_eq!(judged.len(), 1, "{judged:?}");
        judged.into_iter().next().unwrap()
    }

    fn check(expect: &str, change: impl Fn(&mut Plan, &mut History), state: State, words: &str) {
        let own = judged(expect, change);
        let note = own.note.as_ref().map(|note| format!(": {note}")).unwrap_or_default();
        assert_eq!((own.state, format!("{}{note}", own.brief()).as_str()), (state, words));
    }

    const AS_IT_IS: fn(&mut Plan, &mut History) = |_, _| {};

    #[test]
    fn a_latency_is_met_at_its_limit_and_missed_above_it() {
        check("ack: { max: 1ms }", AS_IT_IS, State::Met, "ack max 1.00 ms (at most 1ms)");
        check("ack: { p50: 999us }", AS_IT_IS, State::Missed, "ack p50 1.00 ms (at most 999us)");
        // Deliveries are 16, 14, .. 6 ms behind what was meant.
        let words = "end_to_end mean 11.0 ms (at most 11ms)";
        check("end_to_end: { mean: 11ms }", AS_IT_IS, State::Met, words);
        let words = "end_to_end p50 10.0 ms (at most 9ms)";
        check("end_to_end: { p50: 9ms }", AS_IT_IS, State::Missed, words);
        let late = |_: &mut Plan, history: &mut History| {
            history.producers[0].sends[0].intended = 0;
        };
        check("ack: { max: 1ms }", late, State::Missed, "ack max 2.00 ms (at most 1ms)");
    }

    #[test]
    fn a_percentile_of_too_few_values_and_a_figure_of_none_are_no_verdict() {
        let words = "ack p99 (at most 1h): 6 acks, and p99 needs 100";
        check("ack: { p99: 1h }", AS_IT_IS, State::NoData, words);
        let words = "ack max (at most 1h): no ack was counted";
        let refused = |_: &mut Plan, history: &mut History| {
            for sent in history.producers.iter_mut().flat_map(|part| &mut part.sends) {
                sent.outcome = Outcome::Refused { why: String::new() };
            }
        };
        check("ack: { max: 1h }", refused, State::NoData, words);
        let nothing = |_: &mut Plan, history: &mut History| *history = History::default();
        for (expect, words) in [
            ("throughput: 1/s", "throughput (at least 1/s): less than a millisecond was measured"),
            ("backlog: 0", "backlog (at most 0): nothing was acked or delivered"),
            ("recovery: 1s", "recovery (at most 1s): no fault fired"),
        ] {
            check(expect, nothing, State::NoData, words);
        }
    }

    #[test]
    fn the_warm_up_is_left_out() {
        let warm = |millis| {
            move |plan: &mut Plan, _: &mut History| {
                plan.scenario.warm_up = Duration::from_millis(millis);
            }
        };
        // It begins with the first request, at 1 ms; what was sent at 9 and 11 ms is left.
        let words = "end_to_end max 8.00 ms (at most 8ms)";
        check("end_to_end: { max: 8ms }", warm(8), State::Met, words);
        // 12 deliveries from 9 to 17 ms.
        let words = "throughput 1,500/s (at least 1,500/s)";
        check("throughput: 1500/s", warm(8), State::Met, words);
        let words = "ack max (at most 8ms): no ack was counted after the warm-up of 20ms";
        check("ack: { max: 8ms }", warm(20), State::NoData, words);
        let words = "backlog (at most 1): nothing was acked or delivered after the warm-up of 20ms";
        check("backlog: 1", warm(20), State::NoData, words);
    }

    #[test]
    fn what_is_outside_of_faults_is_told_apart() {
        let fault = |_: &mut Plan, history: &mut History| history.faults = vec![firing(4, 15)];
        // The first two requests are over before it.
        let outside = "ack: { max: 1ms, outside_of_faults: true }";
        check(outside, fault, State::Met, "ack max outside of faults 1.00 ms (at most 1ms)");
        let outside = "end_to_end: { max: 1ms, outside_of_faults: true }";
        let words = "end_to_end max outside of faults (at most 1ms): no delivery was counted outside of faults";
        check(outside, fault, State::NoData, words);
        // 12 deliveries in 1..4 and 15..17 ms.
        let outside = "throughput: { at_least: 2401/s, outside_of_faults: true }";
        let words = "throughput outside of faults 2,400/s (at least 2,401/s)";
        check(outside, fault, State::Missed, words);
        // The backlog is still there when the fault is over, and gone when this one is.
        let outside = "backlog: { at_most: 11, outside_of_faults: true }";
        let words = "backlog outside of faults 12 (at most 11): at 15.0 ms";
        check(outside, fault, State::Missed, words);
        let fault = |_: &mut Plan, history: &mut History| history.faults = vec![firing(4, 17)];
        check(outside, fault, State::Met, "backlog outside of faults 2 (at most 11)");
    }

    #[test]
    fn a_backlog_is_the_greatest_of_all_moments() {
        check("backlog: 12", AS_IT_IS, State::Met, "backlog 12 (at most 12)");
        check("backlog: 11", AS_IT_IS, State::Missed, "backlog 12 (at most 11): at 12.0 ms");
    }

    #[test]
    fn what_was_deleted_was_kept_from_when_it_left_to_when_that_was_told() {
        let words = "kept (at least 1ms): no consumer missed anything by it";
        check("kept: 1ms", AS_IT_IS, State::NoData, words);
        // The message at offset 1 left at 3 ms, and the one at 2 at 5.
        let deleted = |_: &mut Plan, history: &mut History| {
            let sends = history.producers.iter_mut().flat_map(|part| &mut part.sends);
            for (offset, sent) in (0..).zip(sends) {
                sent.outcome = Outcome::Acked { offsets: Offsets::From(offset) };
            }
            history.consumers[1].polls[0].answer = Answer::Deleted(0..2);
        };
        check("kept: 14ms", deleted, State::Met, "kept 14.0 ms (at least 14ms)");
        let words = "kept 14.0 ms (at least 15ms): offset 1 of T1, as C2 was told at 17.0 ms";
        check("kept: 15ms", deleted, State::Missed, words);
        let other_life = |plan: &mut Plan, history: &mut History| {
            deleted(plan, history);
            history.consumers[1].subscriptions[0].epoch = Some(EpochIndex(7));
        };
        let words = "kept (at least 1ms): nothing that was acknowledged in this run was deleted";
        check("kept: 1ms", other_life, State::NoData, words);
    }

    #[test]
    fn recovery_is_until_the_backlog_is_back_at_what_it_was() {
        let fault = |_: &mut Plan, history: &mut History| history.faults = vec![firing(5, 10)];
        check("recovery: 7ms", fault, State::Met, "recovery 7.00 ms (at most 7ms)");
        let after = "after { at: 1s, pause: broker, for: 1ms }";
        let words = format!("recovery 7.00 ms (at most 6ms): {after}");
        check("recovery: 6ms", fault, State::Missed, &words);
        // At 13 ms it is 12 already, and so it is afterwards.
        let late = |_: &mut Plan, history: &mut History| history.faults = vec![firing(13, 14)];
        check("recovery: 1ms", late, State::Met, "recovery 0 s (at most 1ms)");
        // Of several the worst counts, and is told by its time.
        let both = |_: &mut Plan, history: &mut History| {
            history.faults = vec![firing(13, 14), firing(5, 10)];
        };
        let words = format!("recovery 7.00 ms (at most 6ms): {after}, which began at 5.00 ms");
        check("recovery: 6ms", both, State::Missed, &words);
    }

    #[test]
    fn a_backlog_that_does_not_come_back_is_missed_unless_the_run_ended_before() {
        let lost = |end| {
            move |_: &mut Plan, history: &mut History| {
                history.faults = vec![firing(5, 10)];
                history.end = end;
                history.consumers[1].polls.clear();
                history.consumers[1].deliveries.clear();
            }
        };
        let after = "after { at: 1s, pause: broker, for: 1ms }";
        let levels = "the backlog was 4 before, and 6 at the end";
        let never = format!("recovery never (at most 1h): {after}: {levels}");
        for end in [End::Drained, End::Idle] {
            check("recovery: 1h", lost(end), State::Missed, &never);
        }
        let words = format!("recovery more than 7.00 ms (at most 6ms): {after}: {levels}");
        check("recovery: 6ms", lost(End::Deadline), State::Missed, &words);
        let unknown = format!(
            "recovery (at most 7ms): the run ended 7.00 ms after the fault {{ at: 1s, pause: broker, \
             for: 1ms }}: {levels}"
        );
        for end in [End::Deadline, End::Interrupted] {
            check("recovery: 7ms", lost(end), State::NoData, &unknown);
        }
    }

    #[test]
    fn an_interrupted_run_meets_nothing_and_misses_what_it_missed() {
        let end = |_: &mut Plan, history: &mut History| history.end = End::Interrupted;
        let words = "ack max 1.00 ms (at most 1ms): the run was interrupted";
        check("ack: { max: 1ms }", end, State::NoData, words);
        check("backlog: 11", end, State::Missed, "backlog 12 (at most 11): at 12.0 ms");
    }
}
