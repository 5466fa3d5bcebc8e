//! What becomes of a consumer's subscriptions: it loses its memory and comes back, the broker begins
//! a new life, or forgets one.

use futures_util::future::join_all;

use super::Actor;
use super::poll::Poller;
use super::subscription::{Resumed, place, resume};
use crate::driver::Failure;
use crate::history::{Moment, Subscribed};

impl Actor {
    /// Goes on under another subscription than before.
    pub(super) fn claim(&mut self, topic: usize, mut subscribed: Subscribed) {
        subscribed.incarnation = self.incarnation;
        self.topics[topic].claim(place(self.history.subscriptions.len()), &subscribed);
        self.history.subscriptions.push(subscribed);
    }

    /// Notes that the broker does not know a subscription any more, although nobody ended it. It is
    /// polled no more, nor made anew: what is due to it stays due.
    pub(super) fn forget(&mut self, topic: usize, at: Moment) {
        let subscription = self.topics[topic].forget();
        self.history.subscriptions[subscription as usize].forgotten = Some(at);
    }

    /// Without a memory of its own, waits until it may come back, and goes on with its subscriptions
    /// from where the broker has them. Nothing comes of it when the run is stopped before.
    pub(super) async fn come_back(&mut self) -> Result<Vec<Poller>, Failure> {
        self.incarnation += 1;
        let (signals, phases) = (self.signals.clone(), self.phases.clone());
        let resumed = loop {
            let resuming = async {
                signals.revived(self.index).await;
                self.resume_all().await
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
        let mut pollers = Vec::with_capacity(resumed.len());
        for (topic, made) in resumed {
            let resumed = made.map_err(|failure| {
                let number = self.context.plan.consumers[self.index.place()].number;
                Failure::new(format!("C{number} cannot come back: {failure}"))
            })?;
            match resumed {
                Resumed::Under(subscriber, subscribed) => {
                    self.claim(topic, subscribed);
                    self.topics[topic].quiet = false;
                    pollers.push(Poller::new(topic, subscriber));
                }
                Resumed::Forgotten(at) => self.forget(topic, at),
            }
        }
        Ok(pollers)
    }

    /// By topic, what the broker has not forgotten so far.
    async fn resume_all(&self) -> Vec<(usize, Result<Resumed, Failure>)> {
        let topics = self.topics.iter().enumerate().filter(|(_, topic)| !topic.is_forgotten());
        let calls = topics.map(async |(place, topic)| {
            let known = &self.history.subscriptions[topic.subscription as usize];
            (place, resume(&self.context, &self.signals, self.index, known).await)
        });
        join_all(calls).await
    }
}
