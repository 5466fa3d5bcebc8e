//! One poll of one topic, as a future of its own.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::Actor;
use super::subscribing::subscribe_anew;
use crate::driver::{Batch, Failure, Subscriber};
use crate::history::{Moment, Subscribed};
use crate::run::Phase;

/// A subscriber between its polls, with what its next poll needs.
pub(super) struct Line {
    pub(super) lane: usize,
    pub(super) subscriber: Box<dyn Subscriber>,
    pub(super) batch: Batch,
    pub(super) pause: Duration,
    /// The broker does not know the subscription any more: it began a new life.
    pub(super) is_over: bool,
}

/// A poll that is over.
pub(super) struct Done {
    pub(super) line: Line,
    /// Made anew, before the poll, because the one before was over.
    pub(super) subscribed: Option<Subscribed>,
    /// Whether it left in the phase of the last polls: only then does an empty answer end a topic.
    pub(super) last: bool,
    /// None when the poll was given up to hurry.
    pub(super) answer: Option<(Moment, Moment, Result<(), Failure>)>,
}

impl Line {
    /// A line whose first poll is due now.
    pub(super) fn new(lane: usize, subscriber: Box<dyn Subscriber>) -> Self {
        let (batch, pause) = (Batch::default(), Duration::ZERO);
        Self { lane, subscriber, batch, pause, is_over: false }
    }
}

impl Actor {
    /// The line's next poll, after its pause.
    pub(super) fn poll(&self, mut line: Line) -> impl Future<Output = Done> + Send + use<> {
        let stage = Arc::clone(&self.stage);
        let phases = self.phases.clone();
        let index = self.index;
        let topic = self.lanes[line.lane].topic;
        let consumer = &stage.plan.consumers[index.place()];
        let max = consumer.batch;
        let last = matches!(phases.now(), Phase::LastPolls);
        let wait = if last { Duration::ZERO } else { self.wait() };
        let pause = if last { line.pause } else { consumer.pause.max(line.pause) };
        async move {
            if !pause.is_zero() {
                tokio::select! { biased;
                    () = phases.no_longer_wanted(last) => {
                        return Done { line, subscribed: None, last, answer: None };
                    }
                    () = sleep(pause) => {}
                }
            }
            let mut subscribed = None;
            if line.is_over {
                let asked = stage.recorder.now();
                let made = tokio::select! { biased;
                    () = phases.stopped() => {
                        return Done { line, subscribed, last, answer: None };
                    }
                    made = subscribe_anew(&stage, index, topic) => made,
                };
                match made {
                    Ok((subscriber, made)) => {
                        (line.subscriber, line.is_over) = (subscriber, false);
                        subscribed = Some(made);
                    }
                    Err(failure) => {
                        // It is tried again after a pause, as a poll is.
                        let failure = Failure::new(failure.why);
                        let answer = Some((asked, stage.recorder.now(), Err(failure)));
                        return Done { line, subscribed, last, answer };
                    }
                }
            }
            let invoked = stage.recorder.now();
            let cancel_safe = line.subscriber.cancel_safe();
            let result = tokio::select! { biased;
                result = line.subscriber.poll(max, wait, &mut line.batch) => result,
                // Where a dropped poll may lose a message, only a stop is worth that.
                () = phases.no_longer_wanted(last || !cancel_safe) => {
                    return Done { line, subscribed, last, answer: None };
                }
            };
            let completed = stage.recorder.now();
            Done { line, subscribed, last, answer: Some((invoked, completed, result)) }
        }
    }
}
