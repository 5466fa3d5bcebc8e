//! A consumer actor: subscribes to its topics, keeps one poll of each in flight, records what
//! comes before it acknowledges it, and writes the consumer's log.

mod poll;
mod subscribing;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use tokio::sync::mpsc;
use tokio::time::timeout;

use self::poll::{Done, Line};
use self::subscribing::{begun, place, subscribe_one};
use super::consumer_log::ConsumerLog;
use super::drain::{Begun, Goal, Seen};
use super::identity;
use super::recorder::Identities;
use super::signals::Signals;
use super::{Phase, Phases, Report, Stage, Standing};
use crate::driver::{Batch, Failure, Subscriber};
use crate::history::{Answer, ConsumerHistory, Delivery, Moment, Oddity, Polled};
use crate::plan::{ConsumerIndex, TopicIndex};
use crate::scenario::Start;

/// The bounds of how long a poll may wait for its first message, where the broker can wait: long
/// enough to cost nothing when idle, shorter than any time-out on the way.
const WAIT_MIN: Duration = Duration::from_millis(10);
const WAIT_MAX: Duration = Duration::from_secs(5);

/// Between an empty answer and the next poll, where the broker cannot wait.
const EMPTY_PAUSE: Duration = Duration::from_millis(5);

/// How long ending the subscriptions may take: a broker that does not answer keeps them.
const UNSUBSCRIBED_WITHIN: Duration = Duration::from_secs(5);

/// Between a failed poll and the next.
const FAILED_PAUSE: Duration = Duration::from_millis(50);

/// Everything that a consumer actor owns.
pub struct Actor {
    stage: Arc<Stage>,
    index: ConsumerIndex,
    phases: Phases,
    reports: mpsc::UnboundedSender<Report>,
    signals: Arc<Signals>,
    /// 0 until the actor loses its memory.
    incarnation: u32,
    /// By place in the consumer's topics; a subscriber is out while its poll is in flight.
    lanes: Vec<Lane>,
    identities: Identities,
    log: ConsumerLog,
    history: ConsumerHistory,
}

/// One topic of the consumer.
struct Lane {
    topic: TopicIndex,
    /// Its subscription now, by place in the history.
    subscription: u32,
    begun: Begun,
    seen: Seen,
    /// In the last phase: an empty answer came.
    finished: bool,
    /// While draining: the last answer was empty, and came when the run had been idle for long
    /// enough. A poll that is still out or pauses says nothing.
    quiet: bool,
}

impl Actor {
    /// Makes the consumer's log and subscribes it to each of its topics.
    ///
    /// # Errors
    /// When the log cannot be written or the broker does not accept a subscription.
    pub async fn subscribe(
        stage: Arc<Stage>,
        index: ConsumerIndex,
        phases: Phases,
        reports: mpsc::UnboundedSender<Report>,
        signals: Arc<Signals>,
    ) -> Result<(Self, Vec<Box<dyn Subscriber>>), Failure> {
        let plan = Arc::clone(&stage.plan);
        let consumer = &plan.consumers[index.place()];
        let log = ConsumerLog::create(stage.out.as_deref(), consumer.number)?;
        let mut calls = consumer.topics.iter().map(|topic| subscribe_one(&stage, index, *topic));
        let all = if plan.scenario.start == Start::Together {
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
        let mut lanes = Vec::with_capacity(consumer.topics.len());
        let mut subscribers = Vec::with_capacity(consumer.topics.len());
        let mut history = ConsumerHistory::default();
        for (topic, made) in consumer.topics.iter().zip(all) {
            let (subscriber, subscribed) = made.map_err(|failure| {
                let name = &plan.topics[topic.place()].name;
                Failure::new(format!("cannot subscribe C{} to {name}: {failure}", consumer.number))
            })?;
            lanes.push(Lane {
                topic: *topic,
                subscription: place(history.subscriptions.len()),
                begun: begun(&subscribed),
                seen: Seen::default(),
                finished: false,
                quiet: false,
            });
            history.subscriptions.push(subscribed);
            subscribers.push(subscriber);
        }
        let actor = Self {
            stage,
            index,
            phases,
            reports,
            signals,
            incarnation: 0,
            lanes,
            identities: Identities::default(),
            log,
            history,
        };
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
        for (lane, subscriber) in subscribers.into_iter().enumerate() {
            polls.push(self.poll(Line::new(lane, subscriber)));
        }
        let mut idle: Vec<Line> = Vec::new();
        let mut standing = Standing::Waiting;
        let mut drains = false;
        let signals = Arc::clone(&self.signals);
        let index = self.index;
        // However this ends, nobody is to wait for it to crash.
        let _gone = Gone(&signals, index);
        loop {
            if let Phase::Draining(goal) = &self.phases.now() {
                if !drains {
                    // Empty answers from before say nothing: more was sent after them.
                    self.lanes.iter_mut().for_each(|lane| lane.quiet = false);
                    drains = true;
                }
                let now = self.standing(goal);
                if now != standing {
                    self.report(Report::Standing { from: standing, to: now });
                    standing = now;
                }
            }
            // Every subscriber is back for good: all topics are finished, or the run is stopped.
            if polls.is_empty() {
                break;
            }
            tokio::select! { biased;
                () = self.phases.changed() => {}
                () = signals.crashed(index) => {
                    signals.notice(index, polls.len());
                    // What was in flight is forgotten, with what it may have brought.
                    polls.clear();
                    for line in self.come_back().await? {
                        polls.push(self.poll(line));
                    }
                }
                Some(done) = polls.next() => {
                    let line = self.take(done)?;
                    if self.phases.is_stopped() || self.lanes[line.lane].finished {
                        idle.push(line);
                    } else {
                        polls.push(self.poll(line));
                    }
                }
            }
        }
        if self.stage.unsubscribe {
            // The broker goes on living.
            let all = join_all(idle.into_iter().map(|line| line.subscriber.unsubscribe()));
            let _ = timeout(UNSUBSCRIBED_WITHIN, all).await;
        }
        self.log.finish()?;
        Ok(self.history)
    }

    /// Records what a poll brought, and logs it.
    fn take(&mut self, done: Done) -> Result<Line, Failure> {
        let Done { mut line, subscribed, last, answer } = done;
        if let Some(subscribed) = subscribed {
            self.claim(line.lane, subscribed);
        }
        let Some((invoked, completed, result)) = answer else {
            line.pause = Duration::ZERO;
            return Ok(line);
        };
        let answer = match result {
            Ok(()) if line.batch.is_empty() => {
                let can_wait = line.subscriber.can_wait();
                line.pause = if can_wait { Duration::ZERO } else { EMPTY_PAUSE };
                let idle = self.stage.plan.scenario.drain.idle;
                let lane = &mut self.lanes[line.lane];
                lane.finished = last;
                lane.quiet = self.stage.recorder.is_idle(completed, idle);
                Answer::Delivered(0)
            }
            Ok(()) => {
                line.pause = Duration::ZERO;
                self.stage.recorder.active(completed);
                self.lanes[line.lane].quiet = false;
                self.record(line.lane, &line.batch)?
            }
            Err(failure) if failure.is_session_over && self.stage.plan.restarts() => {
                line.is_over = true;
                self.failed(line.lane, completed);
                Answer::Failed(failure.why)
            }
            Err(failure) if failure.is_final => {
                let number = self.stage.plan.consumers[self.index.place()].number;
                return Err(Failure::new(format!("C{number} cannot go on: {failure}")));
            }
            Err(failure) => {
                line.pause = FAILED_PAUSE;
                self.failed(line.lane, completed);
                Answer::Failed(failure.why)
            }
        };
        let subscription = self.lanes[line.lane].subscription;
        self.history.polls.push(Polled { subscription, invoked, completed, answer });
        Ok(line)
    }

    /// Takes note of a poll that failed.
    fn failed(&mut self, lane: usize, completed: Moment) {
        self.stage.recorder.active(completed);
        self.lanes[lane].quiet = false;
    }

    fn record(&mut self, lane: usize, batch: &Batch) -> Result<Answer, Failure> {
        let Lane { topic, begun, seen, .. } = &mut self.lanes[lane];
        let plan = &self.stage.plan;
        let topic_name = plan.topics[topic.place()].name.as_str();
        let tagged = self.stage.driver.needs_tags();
        let mut end = None;
        for delivered in batch.iter() {
            let (message, payload) = if tagged {
                identity::from_tag(plan, delivered.payload)
            } else {
                let named = delivered.producer.zip(delivered.sequence);
                let message = named.and_then(|(id, sequence)| {
                    let key = (begun.epoch, id);
                    self.identities.message(&self.stage.recorder, plan, key, sequence)
                });
                (message, delivered.payload)
            };
            self.log.line(topic_name, payload);
            if message.is_none_or(|id| plan.messages.payload(id) != payload) {
                let place = self.history.deliveries.len() as u64;
                self.history.oddities.insert(
                    place,
                    Oddity {
                        payload: payload.to_owned(),
                        producer: delivered.producer,
                        sequence: delivered.sequence,
                    },
                );
            }
            if let Some(offset) = delivered.offset {
                end = end.max(Some(offset));
            } else if let Some(id) = message {
                let stream = plan.messages.stream(id);
                let number = id.0 - plan.streams[stream.place()].first.0;
                let greatest = seen.streams.entry(stream.0).or_insert(number);
                *greatest = number.max(*greatest);
            }
            self.history.deliveries.push(Delivery::new(message, delivered.offset));
        }
        if let Some(end) = end {
            let known = seen.ends.entry(begun.epoch).or_insert(end);
            *known = end.max(*known);
        }
        self.log.flush()?;
        let count = u32::try_from(batch.len()).expect("a poll asks for at most u32::MAX messages");
        self.stage.recorder.counters.delivered.fetch_add(u64::from(count), Ordering::Relaxed);
        self.signals.delivered(self.index, count);
        Ok(Answer::Delivered(count))
    }

    fn standing(&self, goal: &Goal) -> Standing {
        let reached = |lane: &Lane| goal.is_reached(lane.topic, lane.begun, &lane.seen);
        if self.lanes.iter().all(reached) {
            Standing::CaughtUp
        } else if self.lanes.iter().all(|lane| lane.quiet || reached(lane)) {
            Standing::Quiet
        } else {
            Standing::Waiting
        }
    }

    /// How long a poll may wait for its first message: less than the run may be idle, so that an
    /// idle run has empty answers to show for it.
    fn wait(&self) -> Duration {
        (self.stage.plan.scenario.drain.idle / 2).clamp(WAIT_MIN, WAIT_MAX)
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
