//! One poll of one topic, as a future of its own.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::subscription::subscribe_anew;
use crate::driver::{Batch, Failure, Subscriber};
use crate::history::{Moment, Subscribed};
use crate::plan::{ConsumerIndex, TopicIndex};
use crate::run::signals::Signals;
use crate::run::{Phase, Phases, RunContext};

/// A subscriber between its polls, with what its next poll needs.
pub(super) struct Poller {
    /// Its topic's place among the consumer's.
    pub(super) topic: usize,
    pub(super) subscriber: Box<dyn Subscriber>,
    pub(super) batch: Batch,
    pub(super) pause: Duration,
    /// The broker does not know the subscription any more: it began a new life.
    pub(super) is_over: bool,
}

pub(super) struct Claimant {
    pub(super) context: Arc<RunContext>,
    pub(super) phases: Phases,
    pub(super) signals: Arc<Signals>,
    pub(super) consumer: ConsumerIndex,
    pub(super) topic: TopicIndex,
}

pub(super) struct Done {
    pub(super) poller: Poller,
    /// Made anew, before the poll, because the one before was over.
    pub(super) subscribed: Option<Subscribed>,
    /// Whether it left in the phase of the last polls: only then does an empty answer end a topic.
    pub(super) last: bool,
    /// None when the poll was given up to hurry.
    pub(super) answer: Option<(Moment, Moment, Result<(), Failure>)>,
}

impl Poller {
    /// One whose first poll is due now.
    pub(super) fn new(topic: usize, subscriber: Box<dyn Subscriber>) -> Self {
        let (batch, pause) = (Batch::default(), Duration::ZERO);
        Self { topic, subscriber, batch, pause, is_over: false }
    }

    /// The next poll, after its pause; it waits up to `wait` for its first message.
    pub(super) fn poll(
        mut self,
        by: Claimant,
        wait: Duration,
    ) -> impl Future<Output = Done> + Send + use<> {
        let Claimant { context, phases, signals, consumer, topic } = by;
        let settings = &context.plan.scenario.consumers[consumer.place()];
        let max = settings.batch.get();
        let last = matches!(phases.now(), Phase::LastPolls);
        let wait = if last { Duration::ZERO } else { wait };
        let pause = if last { self.pause } else { settings.pause.max(self.pause) };
        async move {
            let done = |poller, subscribed, answer| Done { poller, subscribed, last, answer };
            if !signals.may_poll(consumer) {
                // Whatever is not acked by then never is.
                tokio::select! { biased;
                    () = signals.polls(consumer) => {}
                    () = phases.sent() => {}
                }
            }
            if !pause.is_zero() {
                tokio::select! { biased;
                    () = phases.no_longer_wanted(last) => return done(self, None, None),
                    () = sleep(pause) => {}
                }
            }
            let mut subscribed = None;
            if self.is_over {
                let asked = context.recorder.now();
                let made = tokio::select! { biased;
                    () = phases.stopped() => return done(self, None, None),
                    made = subscribe_anew(&context, consumer, topic) => made,
                };
                match made {
                    Ok((subscriber, made)) => {
                        (self.subscriber, self.is_over) = (subscriber, false);
                        subscribed = Some(made);
                    }
                    Err(failure) => {
                        // It is tried again after a pause, as a poll is.
                        let failure = Failure::new(failure.why);
                        let answer = (asked, context.recorder.now(), Err(failure));
                        return done(self, None, Some(answer));
                    }
                }
            }
            let invoked = context.recorder.now();
            let cancel_safe = self.subscriber.cancel_safe();
            let result = tokio::select! { biased;
                result = self.subscriber.poll(max, wait, &mut self.batch) => result,
                // Where a dropped poll may lose a message, only a stop is worth that.
                () = phases.no_longer_wanted(last || !cancel_safe) => {
                    return done(self, subscribed, None);
                }
            };
            let completed = context.recorder.now();
            done(self, subscribed, Some((invoked, completed, result)))
        }
    }
}
