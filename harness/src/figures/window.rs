//! Which part of a run is measured: what comes after the warm-up, and perhaps only outside of faults.

use std::time::Duration;

use crate::history::{History, Nanos};
use crate::plan::Plan;

/// The part of a run that is measured.
#[derive(Clone, Debug)]
pub(super) struct Window {
    /// From there on.
    from: Nanos,
    /// Without these: apart from each other and ascending, each with both its ends.
    gaps: Vec<(Nanos, Nanos)>,
}

impl Window {
    /// From the first request on, or from the end of the warm-up where there is one.
    pub(super) fn new(plan: &Plan, history: &History) -> Self {
        let sends = history.producers.iter().flat_map(|part| &part.sends);
        let first = sends.map(|sent| sent.intended).min().unwrap_or_default();
        let warm_up = u64::try_from(plan.scenario.warm_up.as_nanos()).unwrap_or(Nanos::MAX);
        Self { from: first.saturating_add(warm_up), gaps: Vec::new() }
    }

    /// The same without the time of the firings of faults.
    pub(super) fn outside_of_faults(self, history: &History) -> Self {
        let firings = history.faults.iter();
        let mut all: Vec<_> = firings.map(|firing| (firing.began.at, firing.ended.at)).collect();
        all.sort_unstable();
        let mut gaps: Vec<(Nanos, Nanos)> = Vec::with_capacity(all.len());
        for (began, ended) in all {
            match gaps.last_mut() {
                Some(last) if began <= last.1 => last.1 = last.1.max(ended),
                _ => gaps.push((began, ended)),
            }
        }
        Self { gaps, ..self }
    }

    /// Whether what was under way from one moment to another counts.
    pub(super) fn takes(&self, from: Nanos, until: Nanos) -> bool {
        let gap = self.gaps.get(self.gaps.partition_point(|gap| gap.1 < from));
        from >= self.from && gap.is_none_or(|gap| gap.0 > until)
    }

    /// Whether any of the time between two moments counts.
    pub(super) fn meets(&self, from: Nanos, until: Nanos) -> bool {
        let from = from.max(self.from);
        let gap = self.gaps.get(self.gaps.partition_point(|gap| gap.1 < until));
        until >= from && gap.is_none_or(|gap| gap.0 > from)
    }

    /// How long it is, where the run ends there.
    pub(super) fn length(&self, end: Nanos) -> Duration {
        let cut = |at: Nanos| at.clamp(self.from, end.max(self.from));
        let gaps: Nanos = self.gaps.iter().map(|gap| cut(gap.1) - cut(gap.0)).sum();
        Duration::from_nanos(cut(end) - self.from - gaps)
    }
}

#[cfg(test)]
mod tests {
    use super::Window;
    use crate::fixture::{SMALL, SMALL_LOGS, complete, firing, moment, plan};
    use std::time::Duration;

    #[test]
    fn what_a_fault_was_under_way_in_is_outside_and_time_is_counted_once() {
        let (_folder, mut plan) = plan(SMALL, SMALL_LOGS);
        plan.scenario.warm_up = Duration::from_millis(10);
        let mut history = complete(&plan);
        // Two that overlap, one that is over before the window begins, one that reaches over its end.
        history.faults = [(30, 40), (35, 50), (2, 5), (90, 120)]
            .map(|(began, ended)| firing(began, ended))
            .into();
        let window = Window::new(&plan, &history);
        let is = |window: &Window, from: u64, until: u64| {
            window.takes(moment(from).at, moment(until).at)
        };
        let any = |window: &Window, from: u64, until: u64| {
            window.meets(moment(from).at, moment(until).at)
        };
        assert!(any(&window, 10, 10) && any(&window, 3, 11) && !any(&window, 3, 9));
        assert!(is(&window, 10, 45) && !is(&window, 9, 12));
        assert_eq!(window.length(moment(100).at), Duration::from_millis(90));
        let window = window.outside_of_faults(&history);
        assert!(is(&window, 10, 29) && is(&window, 51, 89));
        for (from, until) in [(9, 12), (10, 30), (20, 60), (36, 37), (50, 51), (100, 101)] {
            assert!(!is(&window, from, until), "{from}..{until}");
        }
        assert_eq!(window.length(moment(100).at), Duration::from_millis(60));
        for (from, until) in [(20, 30), (29, 51), (50, 51), (85, 95), (10, 10)] {
            assert!(any(&window, from, until), "{from}..{until}");
        }
        for (from, until) in [(30, 30), (35, 50), (50, 50), (95, 100), (3, 9)] {
            assert!(!any(&window, from, until), "{from}..{until}");
        }
        assert_eq!(window.length(moment(5).at), Duration::ZERO, "it ended during the warm-up");
    }
}
