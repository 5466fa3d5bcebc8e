//! What the answer to a poll means: it is recorded and logged before the next one acknowledges it,
//! and says whether the topic has more.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Actor;
use super::poll::{Done, Poller};
use super::subscription::{TopicState, is_forgotten};
use crate::driver::{Batch, Failure, FailureKind, Identity};
use crate::history::{Answer, Delivery, Moment, Oddity, Polled};
use crate::run::Phase;
use crate::run::drain::Passing;

/// Between an empty answer and the next poll, where the broker cannot wait.
const EMPTY_PAUSE: Duration = Duration::from_millis(5);

/// Between a failed poll and the next.
const FAILED_PAUSE: Duration = Duration::from_millis(50);

impl Actor {
    /// Takes in what became of a poll.
    ///
    /// # Errors
    /// When the log cannot be written, or the poll is refused for good.
    pub(super) fn take(&mut self, done: Done) -> Result<Poller, Failure> {
        let Done { mut poller, subscribed, last, answer } = done;
        if let Some(subscribed) = subscribed {
            self.claim(poller.topic, subscribed);
        }
        let Some((invoked, completed, result)) = answer else {
            poller.pause = Duration::ZERO;
            return Ok(poller);
        };
        let answer = match result {
            Ok(()) if poller.batch.is_empty() => {
                let can_wait = poller.subscriber.can_wait();
                poller.pause = if can_wait { Duration::ZERO } else { EMPTY_PAUSE };
                let is_idle = self.is_idle(completed);
                let topic = &mut self.topics[poller.topic];
                (topic.finished, topic.quiet) = (last, is_idle);
                Answer::Delivered(0)
            }
            Ok(()) => {
                poller.pause = Duration::ZERO;
                self.active(poller.topic, completed);
                self.record(poller.topic, &poller.batch)?
            }
            Err(failure) => self.failed(&mut poller, last, completed, failure)?,
        };
        let subscription = self.topics[poller.topic].subscription;
        self.history.polls.push(Polled { subscription, invoked, completed, answer });
        Ok(poller)
    }

    /// What a failed poll leaves to be done.
    fn failed(
        &mut self,
        poller: &mut Poller,
        last: bool,
        completed: Moment,
        failure: Failure,
    ) -> Result<Answer, Failure> {
        let topic = poller.topic;
        let kind = failure.kind;
        if !matches!(kind, FailureKind::NotUnderstood { .. } | FailureKind::Deleted { .. }) {
            self.signals.pulse.bad();
        }
        match failure.kind {
            FailureKind::NotUnderstood { at_end } => {
                poller.pause = if at_end { EMPTY_PAUSE } else { FAILED_PAUSE };
                let has_all = at_end && self.has_all(topic);
                let is_idle = self.is_idle(completed);
                let own = &mut self.topics[topic];
                // The run does not wait for an answer that it may never understand.
                (own.finished, own.quiet) = (last && (has_all || is_idle), is_idle);
                if has_all {
                    return Ok(Answer::Delivered(0));
                }
            }
            FailureKind::Deleted { from, to } => {
                poller.pause = Duration::ZERO;
                self.active(topic, completed);
                // Nobody waits for it: as a delivery behind it would, it passes it over.
                let TopicState { start, seen, .. } = &mut self.topics[topic];
                seen.reach(start.epoch, to - 1);
                return Ok(Answer::Deleted(from..to));
            }
            FailureKind::MayPass => {
                poller.pause = FAILED_PAUSE;
                self.active(topic, completed);
            }
            FailureKind::SessionOver { .. } if is_forgotten(&failure, &self.signals) => {
                self.forget(topic, completed);
            }
            FailureKind::SessionOver { .. } if self.context.plan.restarts() => {
                poller.is_over = true;
                self.active(topic, completed);
            }
            FailureKind::SessionOver { .. } | FailureKind::Final => {
                let number = self.context.plan.consumers[self.index.place()].number;
                return Err(Failure::new(format!("C{number} cannot go on: {failure}")));
            }
        }
        Ok(Answer::Failed(failure.why))
    }

    /// Whether nothing that is due is missing, so that a broker is believed that it has nothing more.
    fn has_all(&mut self, topic: usize) -> bool {
        let own = &mut self.topics[topic];
        match self.phases.now() {
            Phase::Draining(target) => target.is_reached(own.topic, own.start, &mut own.seen),
            // It begins when every consumer has everything.
            Phase::LastPolls => true,
            Phase::Gathering | Phase::Producing(_) | Phase::Stopped => false,
        }
    }

    /// Whether nothing has come for long enough when a poll was answered.
    fn is_idle(&self, completed: Moment) -> bool {
        self.context.recorder.is_idle(completed, self.context.plan.scenario.drain.idle)
    }

    /// A topic may have more.
    fn active(&mut self, topic: usize, completed: Moment) {
        self.context.recorder.active(completed);
        self.topics[topic].quiet = false;
    }

    fn record(&mut self, topic: usize, batch: &Batch) -> Result<Answer, Failure> {
        let TopicState { topic, start, seen, .. } = &mut self.topics[topic];
        let plan = &self.context.plan;
        let passing = Passing::of(plan, self.context.driver.capabilities().compares_offsets());
        let topic_name = plan.topics[topic.place()].name.as_str();
        let mut end = None;
        for delivered in batch.iter() {
            let (message, payload) = (delivered.identity.message(), delivered.payload);
            self.log.line(topic_name, payload)?;
            if message.is_none_or(|id| plan.messages.payload(id) != payload) {
                let (producer, sequence) = match delivered.identity {
                    Identity::Stranger { id, sequence } => (Some(id), sequence),
                    Identity::Message(_) | Identity::EarlierRun | Identity::None => (None, None),
                };
                let place = self.history.deliveries.len() as u64;
                let earlier_run = delivered.identity == Identity::EarlierRun;
                let payload = payload.to_owned();
                let oddity = Oddity { payload, producer, sequence, earlier_run };
                self.history.oddities.insert(place, oddity);
            }
            match (passing, delivered.offset) {
                (Passing::Offsets, Some(offset)) => end = end.max(Some(offset)),
                _ => seen.note(plan, passing, message),
            }
            self.history.deliveries.push(Delivery::new(message, delivered.offset));
        }
        if let Some(end) = end {
            seen.reach(start.epoch, end);
        }
        self.log.flush()?;
        let count = u32::try_from(batch.len()).expect("a poll asks for at most u32::MAX messages");
        self.context.recorder.counters.delivered.fetch_add(u64::from(count), Ordering::Relaxed);
        let before = self.history.deliveries.len() - batch.len();
        self.signals.delivered(self.index, &self.history.deliveries[before..]);
        Ok(Answer::Delivered(count))
    }
}
