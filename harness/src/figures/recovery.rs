//! How long it took after each fault until consumers were no further behind than when it began.

use std::time::Duration;

use crate::history::{End, Firing, History, Moment, Nanos};
use crate::numbers::{number, time};
use crate::plan::Plan;

/// What came after a fault.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Recovery {
    /// The backlog was back.
    After {
        /// From the end of the fault.
        time: Duration,
        /// For people: `after { at: 1s, kill: broker, for: 1s }`.
        fault: String,
    },
    /// It was not back, and the limit is passed.
    Never {
        /// In place of a time: `never`, `more than 5.00 s`.
        words: String,
        /// For people.
        why: String,
    },
    /// It was not back, and the run ended before the limit was passed.
    Unknown(String),
}

/// The worst of all firings, none where there are none. `backlog` is that over time, with the
/// beginning and the end of each firing in it.
pub(super) fn worst(
    plan: &Plan,
    history: &History,
    backlog: &[(Moment, u64)],
    at_most: Duration,
) -> Option<Recovery> {
    // What is the least from each step on: a recovery that never comes is not looked for.
    let mut least: Vec<u64> = backlog.iter().map(|(_, level)| *level).collect();
    for place in (1..least.len()).rev() {
        least[place - 1] = least[place - 1].min(least[place]);
    }
    let run = Run { plan, history, backlog, least, at_most };
    let all = history.faults.iter().map(|firing| run.after(firing));
    all.reduce(
        |worst, other| if rank(&other, at_most) > rank(&worst, at_most) { other } else { worst },
    )
}

/// The worse the greater: what is missed for sure is worse than what is not known.
fn rank(recovery: &Recovery, at_most: Duration) -> (u8, Duration) {
    match recovery {
        Recovery::After { time, .. } if *time <= at_most => (0, *time),
        Recovery::Unknown(_) => (1, Duration::ZERO),
        Recovery::After { time, .. } => (2, *time),
        Recovery::Never { .. } => (3, Duration::ZERO),
    }
}

struct Run<'a> {
    plan: &'a Plan,
    history: &'a History,
    backlog: &'a [(Moment, u64)],
    least: Vec<u64>,
    at_most: Duration,
}

impl Run<'_> {
    fn after(&self, firing: &Firing) -> Recovery {
        let place =
            |moment: Moment| self.backlog.partition_point(|(step, _)| step.stamp < moment.stamp);
        let before = self.backlog[place(firing.began)].1;
        let end = place(firing.ended);
        let fault = self.name(firing);
        if self.least[end] <= before {
            let back = self.backlog[end..].iter().find(|(_, level)| *level <= before);
            let (back, _) = back.expect("the least of them is");
            let time = Duration::from_nanos(back.at.saturating_sub(firing.ended.at));
            return Recovery::After { time, fault };
        }
        let last = self.backlog.last().map_or(0, |(_, level)| *level);
        let levels =
            format!("the backlog was {} before, and {} at the end", number(before), number(last));
        let seen = Duration::from_nanos(self.end().saturating_sub(firing.ended.at));
        match self.history.end {
            // What is missing now is lost, or was passed over.
            End::Drained | End::Idle => {
                Recovery::Never { words: "never".to_owned(), why: format!("{fault}: {levels}") }
            }
            End::Deadline | End::Interrupted if seen > self.at_most => {
                let words = format!("more than {}", time(seen));
                Recovery::Never { words, why: format!("{fault}: {levels}") }
            }
            End::Deadline | End::Interrupted => Recovery::Unknown(format!(
                "the run ended {} after the fault{}: {levels}",
                time(seen),
                fault.strip_prefix("after").unwrap_or_default()
            )),
        }
    }

    /// `after { every: 200ms, cut: any, for: 50ms }, which began at 1.20 s`: the time where it fires
    /// again and again.
    fn name(&self, firing: &Firing) -> String {
        let fault = self.plan.scenario.faults.get(firing.fault as usize);
        let fault = fault.map_or_else(|| firing.whom.clone(), ToString::to_string);
        let same = self.history.faults.iter().filter(|other| other.fault == firing.fault);
        let began = match same.count() {
            1 => String::new(),
            _ => format!(", which began at {}", time(Duration::from_nanos(firing.began.at))),
        };
        format!("after {fault}{began}")
    }

    /// When the last that is known of the run was.
    fn end(&self) -> Nanos {
        let sends = self.history.producers.iter().flat_map(|part| &part.sends);
        let polls = self.history.consumers.iter().flat_map(|part| &part.polls);
        let ends = sends.map(|sent| sent.completed.at).chain(polls.map(|poll| poll.completed.at));
        ends.max().unwrap_or_default()
    }
}
