//! Topics of a broker of the original routes: created, in whatever words, and asked for nothing.

use broker_client::wire::TopicName;

use super::connected::{Broker, Http};
use super::failure::{failed, retry};
use super::original;
use super::routes::{Failed, Role};
use crate::driver::client::RetryPolicy;
use crate::driver::failure::Failure;

impl Http {
    /// Learns how the broker says that there is nothing, where consumers and producers start together:
    /// by a subscription of its own to a topic, before any of them starts.
    pub(super) async fn learn_empty(&self, broker: &Broker, topic: &TopicName) {
        let learn = async {
            let answer = broker.original.register(Role::Consumer, topic.as_str()).await;
            // A broker that cannot be registered with is named when the consumers try.
            if let Ok(answer) = answer
                && answer.consumer().is_none()
            {
                let registration = self.registration(broker, topic, answer.id);
                original::Consumer::new(registration, self.original.clone()).learn_empty().await;
            }
        };
        self.learnt.get_or_init(|| learn).await;
    }

    /// Creates a topic on a broker of the original routes, which may have it already and may say so in
    /// other words. Where it does not create it, a registration of a producer does, or says why not.
    pub(super) async fn create_original(
        &self,
        broker: &Broker,
        topic: &TopicName,
    ) -> Result<(), Failure> {
        let create = async || match broker.original.create_topic(topic.as_str()).await {
            Err(Failed { answer: Some(answer), .. }) => Ok(Err(answer)),
            Err(Failed { error, answer: None }) => Err(error),
            Ok(()) => Ok(Ok(())),
        };
        let retry = retry(RetryPolicy::Short);
        let created = retry.repeat(0, create).await;
        let answer = match created.map_err(|error| failed("creating topic", topic, &error))? {
            Err(answer) if !answer.says_exists() => answer,
            _ => return Ok(()),
        };
        let register = || broker.original.register(Role::Producer, topic.as_str());
        let registered = retry.repeat(0, register).await.map(drop);
        registered.map_err(|error| {
            let failure = failed("creating topic", topic, &answer.failure());
            let why = format!(
                "{failure}; and registering a producer with it, which creates it on some brokers: \
                 {error}; if the broker calls the field or the routes otherwise, say so in the \
                 scenario's `broker: {{ driver: original, wire: {{ ... }} }}`"
            );
            Failure { why, ..failure }
        })
    }
}
