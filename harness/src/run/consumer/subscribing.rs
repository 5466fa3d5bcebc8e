//! How a consumer actor gets its subscriptions: at first, after a crash, and in a new life of the
//! broker.

use std::sync::Arc;

use futures_util::future::join_all;
use tokio::time::sleep;

use super::poll::Line;
use super::{Actor, FAILED_PAUSE, Lane};
use crate::driver::{Failure, Subscriber};
use crate::history::Subscribed;
use crate::plan::{ConsumerIndex, TopicIndex};
use crate::run::Stage;
use crate::run::drain::Begun;
use crate::run::recorder::Identities;

impl Actor {
    /// Goes on under another subscription than before.
    pub(super) fn claim(&mut self, lane: usize, mut subscribed: Subscribed) {
        subscribed.incarnation = self.incarnation;
        let lane = &mut self.lanes[lane];
        lane.subscription = place(self.history.subscriptions.len());
        lane.begun = begun(&subscribed);
        self.history.subscriptions.push(subscribed);
    }

    /// Without a memory of its own, waits until it may come back, and goes on with its subscriptions
    /// from where the broker has them. Nothing comes of it when the run is stopped before.
    pub(super) async fn come_back(&mut self) -> Result<Vec<Line>, Failure> {
        self.incarnation += 1;
        self.identities = Identities::default();
        let (signals, phases) = (Arc::clone(&self.signals), self.phases.clone());
        let resumed = loop {
            let resuming = async {
                signals.revived(self.index).await;
                join_all((0..self.lanes.len()).map(|lane| self.resume(lane))).await
            };
            tokio::select! { biased;
                () = phases.stopped() => return Ok(Vec::new()),
                // It crashes once more while it is down, or half way up.
                () = signals.crashed(self.index) => {}
                resumed = resuming => break resumed,
            }
            self.incarnation += 1;
            signals.notice(self.index, 0);
        };
        let mut lines = Vec::with_capacity(resumed.len());
        for (lane, made) in resumed.into_iter().enumerate() {
            let (subscriber, subscribed) = made.map_err(|failure| {
                let number = self.stage.plan.consumers[self.index.place()].number;
                Failure::new(format!("C{number} cannot come back: {failure}"))
            })?;
            self.claim(lane, subscribed);
            self.lanes[lane].quiet = false;
            lines.push(Line::new(lane, subscriber));
        }
        Ok(lines)
    }

    /// The subscription of a lane as the broker has it; a new one where the broker has none.
    async fn resume(&self, lane: usize) -> Result<(Box<dyn Subscriber>, Subscribed), Failure> {
        let Lane { topic, subscription, .. } = self.lanes[lane];
        let known = &self.history.subscriptions[subscription as usize];
        let epoch = known.epoch.map(|epoch| self.stage.recorder.epoch_name(epoch));
        let manner = self.stage.consumer_manner(self.index, topic);
        let name = &self.stage.plan.topics[topic.place()].name;
        let mut is_over = false;
        loop {
            let resumed = match known.id {
                Some(id) if !is_over => {
                    let session = (id, epoch.as_deref());
                    let resumed = self.stage.driver.resume(manner, name, session).await;
                    resumed.map(|subscriber| (subscriber, known.clone()))
                }
                _ => subscribe_anew(&self.stage, self.index, topic).await,
            };
            match resumed {
                Err(failure) if failure.is_session_over => is_over = true,
                Err(failure) if !failure.is_final => sleep(FAILED_PAUSE).await,
                result => return result,
            }
        }
    }
}

/// Where a subscription began.
pub(super) fn begun(subscribed: &Subscribed) -> Begun {
    Begun { epoch: subscribed.epoch, offset: subscribed.offset, invoked: subscribed.invoked.stamp }
}

/// The place of the next subscription.
pub(super) fn place(of: usize) -> u32 {
    u32::try_from(of).expect("a consumer subscribes fewer than 2^32 times")
}

/// Subscribes in a new life of the broker, which may not have the topic either.
pub(super) async fn subscribe_anew(
    stage: &Stage,
    consumer: ConsumerIndex,
    topic: TopicIndex,
) -> Result<(Box<dyn Subscriber>, Subscribed), Failure> {
    stage.driver.create_topic(&stage.plan.topics[topic.place()].name).await?;
    subscribe_one(stage, consumer, topic).await
}

/// Subscribes for the first time.
pub(super) async fn subscribe_one(
    stage: &Stage,
    consumer: ConsumerIndex,
    topic: TopicIndex,
) -> Result<(Box<dyn Subscriber>, Subscribed), Failure> {
    let name = &stage.plan.topics[topic.place()].name;
    let manner = stage.consumer_manner(consumer, topic);
    let invoked = stage.recorder.now();
    let subscriber = stage.driver.subscribe(manner, name).await?;
    let confirmed = stage.recorder.now();
    let (id, epoch) = subscriber.session();
    let subscribed = Subscribed {
        incarnation: 0,
        topic,
        id,
        epoch: epoch.map(|epoch| stage.recorder.epoch(epoch)),
        offset: subscriber.start(),
        invoked,
        confirmed: Some(confirmed),
    };
    Ok((subscriber, subscribed))
}
