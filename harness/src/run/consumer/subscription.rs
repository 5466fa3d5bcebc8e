//! How a consumer gets its subscriptions: at first, after a crash, and in a new life of the broker.

use std::time::Duration;

use tokio::time::sleep;

use crate::driver::{self, Failure, FailureKind, Subscriber};
use crate::history::{Moment, Subscribed};
use crate::plan::{ConsumerIndex, TopicIndex};
use crate::run::RunContext;
use crate::run::drain::{Seen, Start};
use crate::run::signals::Signals;

/// Between an attempt to go on that failed and the next.
const PAUSE: Duration = Duration::from_millis(50);

/// One topic of a consumer: how far it is.
pub(super) struct TopicState {
    pub(super) topic: TopicIndex,
    /// Its subscription now, by place in the history.
    pub(super) subscription: u32,
    pub(super) start: Start,
    pub(super) seen: Seen,
    /// In the last phase: an empty answer came.
    pub(super) finished: bool,
    /// While draining: the last answer was empty, and came when the run had been idle for long
    /// enough. A poll that is still out or pauses says nothing.
    pub(super) quiet: bool,
    /// The broker does not know the subscription any more, and nothing comes of it.
    forgotten: bool,
}

/// What became of a subscription that a consumer goes on with.
pub(super) enum Resumed {
    /// It goes on, or is made anew.
    Under(Box<dyn Subscriber>, Subscribed),
    /// The broker was found to have forgotten it.
    Forgotten(Moment),
}

impl TopicState {
    pub(super) fn new(subscription: u32, subscribed: &Subscribed) -> Self {
        let start = start(subscribed);
        let (seen, topic) = (Seen::default(), subscribed.topic);
        let (finished, quiet, forgotten) = (false, false, false);
        Self { topic, subscription, start, seen, finished, quiet, forgotten }
    }

    /// The subscription now, by place in the history, which the broker has forgotten.
    pub(super) fn forget(&mut self) -> u32 {
        self.forgotten = true;
        self.subscription
    }

    pub(super) fn is_forgotten(&self) -> bool {
        self.forgotten
    }

    /// Goes on under another subscription.
    pub(super) fn claim(&mut self, subscription: u32, subscribed: &Subscribed) {
        (self.subscription, self.start) = (subscription, start(subscribed));
        self.seen.begin_anew();
    }
}

/// Whether a failure shows that the broker has forgotten a subscription: the store's life goes on in
/// which it was made, or, where the broker tells no lives, no process was ended on purpose.
pub(super) fn is_forgotten(failure: &Failure, signals: &Signals) -> bool {
    let FailureKind::SessionOver { in_same_life } = failure.kind else { return false };
    in_same_life.unwrap_or(!signals.has_restarted())
}

/// The subscription as the broker has it, for a consumer that remembers nothing else of it; a new
/// one where the broker began a new life.
///
/// # Errors
/// When it is refused for good.
pub(super) async fn resume(
    context: &RunContext,
    signals: &Signals,
    consumer: ConsumerIndex,
    known: &Subscribed,
) -> Result<Resumed, Failure> {
    let epoch = known.epoch.map(|epoch| context.recorder.epoch_name(epoch));
    let session = driver::Session { id: known.id.clone(), epoch };
    let client = context.consumer_client(consumer, known.topic);
    let mut is_over = session.id.is_none();
    loop {
        let resumed = if is_over {
            subscribe_anew(context, consumer, known.topic).await
        } else {
            let resumed = context.driver.resume(&client, &session).await;
            resumed.map(|subscriber| (subscriber, known.clone()))
        };
        match resumed {
            Ok((subscriber, subscribed)) => return Ok(Resumed::Under(subscriber, subscribed)),
            Err(failure) if !is_over && is_forgotten(&failure, signals) => {
                return Ok(Resumed::Forgotten(context.recorder.now()));
            }
            Err(failure) => match failure.kind {
                FailureKind::MayPass | FailureKind::NotUnderstood { .. } => sleep(PAUSE).await,
                FailureKind::SessionOver { .. } if context.plan.restarts() => is_over = true,
                FailureKind::SessionOver { .. }
                | FailureKind::Final
                | FailureKind::Deleted { .. } => return Err(failure),
            },
        }
    }
}

/// The place of the next subscription.
pub(super) fn place(of: usize) -> u32 {
    u32::try_from(of).expect("a consumer subscribes fewer than 2^32 times")
}

/// Subscribes in a new life of the broker, which may not have the topic either.
pub(super) async fn subscribe_anew(
    context: &RunContext,
    consumer: ConsumerIndex,
    topic: TopicIndex,
) -> Result<(Box<dyn Subscriber>, Subscribed), Failure> {
    context.driver.create_topic(topic).await?;
    subscribe_one(context, consumer, topic).await
}

/// Subscribes for the first time.
pub(super) async fn subscribe_one(
    context: &RunContext,
    consumer: ConsumerIndex,
    topic: TopicIndex,
) -> Result<(Box<dyn Subscriber>, Subscribed), Failure> {
    let client = context.consumer_client(consumer, topic);
    let invoked = context.recorder.now();
    let subscriber = context.driver.subscribe(&client).await?;
    let confirmed = context.recorder.now();
    let session = subscriber.session();
    let subscribed = Subscribed {
        incarnation: 0,
        topic,
        id: session.id.clone(),
        epoch: session.epoch.as_deref().map(|epoch| context.recorder.epoch(epoch)),
        offset: subscriber.start(),
        invoked,
        confirmed: Some(confirmed),
        forgotten: None,
    };
    Ok((subscriber, subscribed))
}

fn start(subscribed: &Subscribed) -> Start {
    let Subscribed { epoch, offset, invoked, .. } = *subscribed;
    let confirmed = subscribed.confirmed.unwrap_or(invoked);
    Start { epoch, offset, invoked: invoked.stamp, confirmed: confirmed.stamp }
}
