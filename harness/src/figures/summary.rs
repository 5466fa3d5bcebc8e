//! The numbers of a run: how much, how fast, how late.

mod on_disk;

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use crate::golden;
use crate::history::{History, backlogs};
use crate::plan::Plan;

use super::latency::{Latency, nanos};
use super::tally::{SentCounts, Tally};

pub use on_disk::{Flipped, OnDisk};

/// Counts and latencies of one run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Summary {
    /// Producers in the plan.
    pub producers: usize,
    /// Consumers in the plan.
    pub consumers: usize,
    /// Topics in the plan.
    pub topics: usize,
    /// Messages that the plan sends.
    pub planned: u64,
    /// Messages of requests that were made, whatever became of them.
    pub sent: u64,
    /// Of these: acknowledged.
    pub acked: u64,
    /// Of these: refused for sure.
    pub refused: u64,
    /// Of these: the broker was never asked, because it could not be reached.
    pub never_left: u64,
    /// Of these: it may have happened or not.
    pub unknown: u64,
    /// Attempts of requests beyond the first.
    pub retries: u64,
    /// Deliveries if every planned message reaches every consumer of its topic once.
    pub expected: u64,
    /// Whether fewer are as good: consumers may start late, or messages be lost or not acked.
    #[serde(skip)]
    pub fewer_may_come: bool,
    /// Deliveries over all consumers, as they came.
    pub delivered: u64,
    /// What was done to the run on purpose, in the scenario's order.
    pub faults: Vec<Fault>,
    /// From the beginning of the run to the last outcome or delivery.
    #[serde(rename = "active_ns", serialize_with = "nanos")]
    #[schemars(with = "u64")]
    pub active: Duration,
    /// From when the plan wanted a request sent to its ack, a value a request.
    pub ack: Latency,
    /// From when the plan wanted a message sent to its delivery, a value a delivery.
    pub end_to_end: Latency,
}

/// What came of a fault.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Fault {
    /// As the scenario has it: `{ at: 1s, pause: broker, for: 500ms }`.
    #[serde(rename = "fault")]
    pub text: String,
    /// How often it fired.
    pub fired: u64,
    /// How much traffic it met, over all firings.
    pub met: u64,
    /// How far consumers were behind when it took effect: pairs of a message and a consumer that it
    /// was due to, acked and not delivered. The greatest of all firings; none where no firing tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backlog: Option<u64>,
    /// What it did to the disk, where it is a fault of the storage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_disk: Option<OnDisk>,
}

/// The numbers of a run. Linear in requests and deliveries, a few nanoseconds each.
pub fn summarise(plan: &Plan, history: &History) -> Summary {
    of(plan, history, &Tally::of(plan, history), &backlogs(plan, history))
}

/// The same of what is counted already; `backlogs` is by firing.
pub(super) fn of(
    plan: &Plan,
    history: &History,
    tally: &Tally,
    backlogs: &[Option<u64>],
) -> Summary {
    let sum = |count: fn(&SentCounts) -> u64| tally.sent.iter().map(count).sum();
    Summary {
        producers: plan.producers.len(),
        consumers: plan.consumers.len(),
        topics: plan.topics.len(),
        planned: plan.messages.len() as u64,
        sent: sum(|own| own.sent),
        acked: sum(|own| own.acked),
        refused: sum(|own| own.refused),
        never_left: sum(|own| own.never_left),
        unknown: sum(|own| own.unknown),
        retries: tally.retries,
        expected: plan.delivered_total(),
        fewer_may_come: plan.fewer_may_come() || golden::found_helpless(plan, history),
        delivered: tally.got.iter().map(|own| own.got).sum(),
        faults: faults(plan, history, backlogs),
        active: Duration::from_nanos(tally.active),
        ack: tally.ack.finish(),
        end_to_end: tally.end_to_end.finish(),
    }
}

fn faults(plan: &Plan, history: &History, backlogs: &[Option<u64>]) -> Vec<Fault> {
    let faults = plan.scenario.faults.iter();
    let mut faults: Vec<Fault> =
        faults.map(|fault| Fault { text: fault.to_string(), ..Fault::default() }).collect();
    for (firing, backlog) in history.faults.iter().zip(backlogs) {
        if let Some(fault) = faults.get_mut(firing.fault as usize) {
            fault.fired += 1;
            fault.met += firing.met;
            fault.backlog = fault.backlog.max(*backlog);
            let effect = &plan.scenario.faults[firing.fault as usize].action.effect;
            if let Some(own) = &firing.on_disk {
                fault.on_disk.get_or_insert_default().add(plan, effect, own);
            }
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{self, SMALL, SMALL_LOGS, complete, moment, plan};
    use crate::history::{Delivery, Outcome};

    /// A latency in whole milliseconds, as the histogram's three figures round it.
    fn is(time: Duration, millis: u64) -> bool {
        time.as_secs_f64().mul_add(1000.0, -(millis as f64)).abs() < 0.001 * millis as f64 + 1e-9
    }

    #[test]
    fn latencies_count_from_when_the_plan_wanted_it_sent() {
        let (_folder, plan) = plan(SMALL, SMALL_LOGS);
        let mut history = complete(&plan);
        // Sends begin at 0, 2, .. 10 ms and take 1; both polls end at 17. The last one started late.
        history.producers[1].sends[2].intended = moment(4).at;
        let summary = summarise(&plan, &history);
        assert_eq!((summary.ack.count, summary.end_to_end.count), (6, 12));
        assert!(is(summary.ack.p50, 1) && is(summary.ack.max, 7), "{:?}", summary.ack);
        assert!(is(summary.end_to_end.max, 17), "{:?}", summary.end_to_end);
        assert!(is(summary.end_to_end.p50, 13), "{:?}", summary.end_to_end);
        assert_eq!(summary.active, Duration::from_millis(17));
    }

    #[test]
    fn every_outcome_and_every_delivery_is_counted() {
        let (_folder, plan) = plan(SMALL, SMALL_LOGS);
        let mut history = fixture::history(&plan, |_, _, mut all| {
            all.truncate(5);
            all
        });
        history.producers[0].sends[1].outcome = Outcome::Refused { why: String::new() };
        history.producers[0].sends[2].outcome = Outcome::Unknown { why: String::new() };
        history.producers[1].sends.pop();
        history.consumers[0].deliveries[0] = Delivery::new(None, None);
        let summary = summarise(&plan, &history);
        assert_eq!((summary.planned, summary.sent, summary.acked), (6, 5, 3));
        assert_eq!((summary.refused, summary.never_left, summary.unknown), (1, 0, 1));
        assert_eq!((summary.expected, summary.delivered), (12, 10));
        assert_eq!(summary.end_to_end.count, 9, "a phantom has no beginning");
        let why = "cannot reach the broker at http://127.0.0.1:9: connection refused".to_owned();
        history.producers[0].sends[1].outcome = Outcome::Refused { why };
        let summary = summarise(&plan, &history);
        assert_eq!((summary.refused, summary.never_left), (0, 1));
    }

    #[test]
    fn a_run_in_which_nothing_happened_has_no_latencies() {
        let (_folder, plan) = plan(SMALL, SMALL_LOGS);
        let summary = summarise(&plan, &History::default());
        assert_eq!((summary.ack, summary.end_to_end), Default::default());
        assert_eq!((summary.planned, summary.expected, summary.sent), (6, 12, 0));
    }
}
