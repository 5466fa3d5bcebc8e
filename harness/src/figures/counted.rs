//! What is counted within the part of a run that is measured.

use std::time::Duration;

use super::latency::Latencies;
use super::rate::Rate;
use super::window::Window;
use crate::history::{History, Nanos, Origins, Outcome, Run, Sent, Walk};
use crate::plan::Plan;

/// Of the whole run: to three significant figures.
const FIGURES: u8 = 3;

/// What is counted within a window.
#[derive(Clone)]
pub(super) struct Counted {
    window: Window,
    pub(super) ack: Latencies,
    pub(super) end_to_end: Latencies,
    /// Deliveries.
    delivered: u64,
}

impl Counted {
    /// Nothing yet.
    pub(super) const fn new(window: Window) -> Self {
        Self {
            window,
            ack: Latencies::new(FIGURES),
            end_to_end: Latencies::new(FIGURES),
            delivered: 0,
        }
    }

    /// All of a run.
    pub(super) fn of(plan: &Plan, history: &History, window: Window) -> Self {
        let mut counted = Self::new(window);
        let sends = history.producers.iter().flat_map(|part| &part.sends);
        sends.for_each(|sent| counted.note_request(sent));
        let origins = Origins::new(plan, history);
        let mut walk = Walk::new(plan, &origins);
        for part in &history.consumers {
            walk.runs(part, |run| counted.note_deliveries(&run));
        }
        counted
    }

    pub(super) const fn window(&self) -> &Window {
        &self.window
    }

    pub(super) fn note_request(&mut self, sent: &Sent) {
        let (meant, at) = (sent.intended, sent.completed.at);
        if matches!(sent.outcome, Outcome::Acked { .. }) && self.window.takes(meant, at) {
            self.ack.add(at.saturating_sub(meant), 1);
        }
    }

    pub(super) fn note_deliveries(&mut self, run: &Run<'_>) {
        let at = run.poll.completed.at;
        if self.window.takes(at, at) {
            self.delivered += run.count;
        }
        if let Some(origin) = run.origin.filter(|own| self.window.takes(own.intended, at)) {
            self.end_to_end.add(at.saturating_sub(origin.intended), run.count);
        }
    }

    /// Adds what was counted elsewhere, within the same window.
    pub(super) fn merge(&mut self, other: &Self) {
        self.ack.merge(&other.ack);
        self.end_to_end.merge(&other.end_to_end);
        self.delivered += other.delivered;
    }

    /// Deliveries a second, where the run ended then.
    pub(super) fn rate(&self, end: Nanos) -> Option<Rate> {
        let time = self.window.length(end);
        (time >= Duration::from_millis(1)).then_some(Rate { count: self.delivered, time })
    }
}
