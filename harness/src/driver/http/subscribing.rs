//! What a registration of a consumer comes to, by what the broker speaks.

use broker_client::Subscription;

use super::connected::{Http, Way};
use super::dialect::Dialect;
use super::failure::retry;
use super::reading::Reading;
use super::routes::Registered;
use super::sessions::View;
use super::{automatic, original, ours};
use crate::driver::client::Client;
use crate::driver::contract::Subscriber;
use crate::driver::failure::Failure;
use crate::scenario::Acknowledge;

/// Which life of a consumer a subscription is used in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    /// The one that made it.
    First,
    /// One after a crash.
    Later,
}

/// A subscription, by what the broker speaks.
pub(super) enum Subscribed {
    Ours(Box<dyn Subscriber>),
    Original(Box<original::Consumer>),
}

impl Http {
    /// What a registration, made now or before a crash, comes to.
    pub(super) fn subscriber(
        &self,
        way: &Way<'_>,
        client: &Client,
        answer: Registered,
        life: Life,
    ) -> Result<Subscribed, Failure> {
        let topic = &self.topics[client.topic.place()];
        let ours = answer.consumer().and_then(|answer| {
            let (id, start, epoch) = (answer.consumer_id, answer.offset, answer.epoch.clone()?);
            let retry = retry(client.retries);
            let subscription = Subscription::registered(&way.client, topic, &retry, answer)?;
            Some((subscription, id, start, epoch))
        });
        let shown = if ours.is_some() { Dialect::Ours } else { Dialect::Original };
        let settled = self.dialect.settle(&way.client, shown)?;
        let view = |epoch: &str| Reading::Sessions(View::new(&self.sessions, &self.plan, epoch));
        let subscriber: Box<dyn Subscriber> = match (settled, ours, client.acknowledge) {
            (Dialect::Ours, Some((subscription, _, _, epoch)), Acknowledge::Offset) => {
                let subscription = match life {
                    Life::First => subscription,
                    Life::Later => subscription.resumed(),
                };
                Box::new(ours::Consumer::new(subscription, view(&epoch)))
            }
            (Dialect::Ours, Some((_, id, start, epoch)), Acknowledge::Automatic) => {
                let (client, topic, reading) = (way.client.clone(), topic.clone(), view(&epoch));
                let claim = automatic::Claim { client, topic, id, epoch, start };
                Box::new(automatic::Consumer::new(claim, reading))
            }
            _ => {
                let registration = self.registration(way.broker, topic, answer.id);
                let consumer = original::Consumer::new(registration, self.original.clone());
                return Ok(Subscribed::Original(Box::new(consumer)));
            }
        };
        Ok(Subscribed::Ours(subscriber))
    }
}
