//! A consumer actor: subscribes to its topics, keeps one poll of each in flight, records what
//! comes before it acknowledges it, and writes the consumer's log.

mod answers;
mod comeback;
mod poll;
mod subscription;

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use tokio::sync::mpsc;
use tokio::time::timeout;

use self::poll::{Claimant, Done, Poller};
use self::subscription::{TopicState, place, subscribe_one};
use super::consumer_log::ConsumerLog;
use super::drain::DrainTarget;
use super::signals::Signals;
use super::{Phase, Phases, Report, RunContext, Standing};
use crate::driver::{Failure, Subscriber};
use crate::history::ConsumerHistory;
use crate::plan::ConsumerIndex;
use crate::scenario;

/// The bounds of how long a poll may wait for its first message, where the broker can wait: long
/// enough to cost nothing when idle, shorter than any time-out on the way.
const WAIT_MIN: Duration = Duration::from_millis(10);
const WAIT_MAX: Duration = Duration::from_secs(5);

/// How long ending the subscriptions may take: a broker that does not answer keeps them.
const UNSUBSCRIBED_WITHIN: Duration = Duration::from_secs(5);

/// Everything that a consumer actor owns.
pub struct Actor {
    context: Arc<RunContext>,
    index: ConsumerIndex,
    phases: Phases,
    reports: mpsc::UnboundedSender<Report>,
    signals: Arc<Signals>,
    /// 0 until the actor loses its memory.
    incarnation: u32,
    /// By place in the consumer's topics; a subscriber is out while its poll is in flight.
    topics: Vec<TopicState>,
    log: ConsumerLog,
    history: ConsumerHistory,
}

impl Actor {
    /// Makes the consumer's log and subscribes it to each of its topics.
    ///
    /// # Errors
    /// When the log cannot be written or the broker does not accept a subscription.
    pub async fn subscribe(
        context: Arc<RunContext>,
        index: ConsumerIndex,
        phases: Phases,
        reports: mpsc::UnboundedSender<Report>,
        signals: Arc<Signals>,
    ) -> Result<(Self, Vec<Box<dyn Subscriber>>), Failure> {
        let plan = Arc::clone(&context.plan);
        let consumer = &plan.consumers[index.place()];
        let log = ConsumerLog::create(context.out.as_deref(), consumer.number, context.log_format)?;
        let mut calls = consumer.topics.iter().map(|topic| subscribe_one(&context, index, *topic));
        let all = if plan.scenario.start == scenario::Start::Together {
            // One after the other, as the original's clients do: the producers have begun, and the
            // later the topic, the more of it is over.
            let mut all = Vec::with_capacity(consumer.topics.len());
            for call in calls.by_ref() {
                all.push(call.await);
            }
            all
        } else {
            join_all(calls).await
        };
        let mut topics = Vec::with_capacity(consumer.topics.len());
        let mut subscribers = Vec::with_capacity(consumer.topics.len());
        let mut history = ConsumerHistory::default();
        for (topic, made) in consumer.topics.iter().zip(all) {
            let (subscriber, subscribed) = made.map_err(|failure| {
                let name = &plan.topics[topic.place()].name;
                Failure::new(format!("cannot subscribe C{} to {name}: {failure}", consumer.number))
            })?;
            topics.push(TopicState::new(place(history.subscriptions.len()), &subscribed));
            history.subscriptions.push(subscribed);
            subscribers.push(subscriber);
        }
        let actor =
            Self { context, index, phases, reports, signals, incarnation: 0, topics, log, history };
        Ok((actor, subscribers))
    }

    /// Polls until the run ends.
    ///
    /// # Errors
    /// When the log cannot be written, or a poll is refused for good.
    pub async fn run(
        mut self,
        subscribers: Vec<Box<dyn Subscriber>>,
    ) -> Result<ConsumerHistory, Failure> {
        let mut polls = FuturesUnordered::new();
        for (place, subscriber) in subscribers.into_iter().enumerate() {
            polls.push(self.poll(Poller::new(place, subscriber)));
        }
        let mut idle: Vec<Poller> = Vec::new();
        let mut standing = Standing::Waiting;
        let mut drains = false;
        let signals = Arc::clone(&self.signals);
        let index = self.index;
        // However this ends, a fault must not wait for it to crash.
        let _gone = Gone(&signals, index);
        loop {
            if let Phase::Draining(target) = self.phases.now() {
                if !drains {
                    // Empty answers from before say nothing: more was sent after them.
                    self.topics.iter_mut().for_each(|topic| topic.quiet = false);
                    drains = true;
                }
                let now = self.standing(&target);
                if now != standing {
                    self.report(Report::Standing { from: standing, to: now });
                    standing = now;
                }
            }
            // Every subscriber is back for good: all topics are finished, or the run is stopped. One
            // whose subscriptions are all forgotten stays for the drain, which counts on everybody.
            if polls.is_empty() && matches!(self.phases.now(), Phase::LastPolls | Phase::Stopped) {
                break;
            }
            tokio::select! { biased;
                () = self.phases.changed() => {}
                () = signals.crashed(index) => {
                    // One that waits for acks has not left.
                    let left = if signals.may_poll(index) { polls.len() } else { 0 };
                    signals.notice(index, left);
                    // What was in flight is forgotten, with what it may have brought.
                    polls.clear();
                    for poller in self.come_back().await? {
                        polls.push(self.poll(poller));
                    }
                }
                Some(done) = polls.next() => {
                    let poller = self.take(done)?;
                    let topic = &self.topics[poller.topic];
                    if self.phases.is_stopped() || topic.finished || topic.is_forgotten() {
                        idle.push(poller);
                    } else {
                        polls.push(self.poll(poller));
                    }
                }
            }
        }
        if self.context.unsubscribe {
            // The broker goes on living.
            let all = join_all(idle.into_iter().map(|poller| poller.subscriber.unsubscribe()));
            let _ = timeout(UNSUBSCRIBED_WITHIN, all).await;
        }
        self.log.flush()?;
        Ok(self.history)
    }

    fn poll(&self, poller: Poller) -> impl Future<Output = Done> + Send + use<> {
        let by = Claimant {
            context: Arc::clone(&self.context),
            phases: self.phases.clone(),
            signals: Arc::clone(&self.signals),
            consumer: self.index,
            topic: self.topics[poller.topic].topic,
        };
        poller.poll(by, self.wait())
    }

    fn standing(&mut self, target: &DrainTarget) -> Standing {
        let mut standing = Standing::CaughtUp;
        for own in &mut self.topics {
            if own.is_forgotten() || target.is_reached(own.topic, own.start, &mut own.seen) {
                continue;
            }
            if !own.quiet {
                return Standing::Waiting;
            }
            standing = Standing::Quiet;
        }
        standing
    }

    /// How long a poll may wait for its first message: less than the run may be idle, so that an
    /// idle run has empty answers to show for it.
    fn wait(&self) -> Duration {
        (self.context.plan.scenario.drain.idle / 2).clamp(WAIT_MIN, WAIT_MAX)
    }

    fn report(&self, report: Report) {
        // The conductor stops listening only when the run ends.
        let _ = self.reports.send(report);
    }
}

/// Says that a consumer is gone, when it is.
struct Gone<'a>(&'a Signals, ConsumerIndex);

impl Drop for Gone<'_> {
    fn drop(&mut self) {
        self.0.gone(self.1);
    }
}
