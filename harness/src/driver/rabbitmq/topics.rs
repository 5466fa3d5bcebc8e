//! The topics of a run as they are on RabbitMQ: each is an exchange that hands its messages to a
//! queue for each consumer, or to one stream for all. And what is to be removed at the end.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lapin::options::{
    ExchangeDeleteOptions, QueueBindOptions, QueueDeclareOptions, QueueDeleteOptions,
};
use lapin::types::FieldTable;
use tokio::time::sleep;

use super::link::{Link, answered};
use super::settings::{Kind, Settings};
use crate::driver::client::Client;
use crate::driver::failure::Failure;
use crate::driver::marks::Marks;
use crate::plan::{Plan, TopicIndex};
use crate::scenario::Start;

/// Twice what RabbitMQ waits for, because it looks that often, and some time to write.
const SETTLED_AFTER: Duration = Duration::from_millis(1500);

pub(super) struct Topics {
    pub(super) plan: Arc<Plan>,
    pub(super) marks: Marks,
    pub(super) settings: Settings,
    left: Mutex<Left>,
}

/// What is on the broker by now.
#[derive(Debug, Default)]
struct Left {
    exchanges: BTreeSet<String>,
    queues: BTreeSet<String>,
    /// How many names were given, to queues and marks.
    named: u64,
}

impl Topics {
    pub(super) fn new(plan: &Arc<Plan>, run: &str, settings: Settings) -> Self {
        let (plan, marks) = (Arc::clone(plan), Marks::new(plan, run));
        Self { plan, marks, settings, left: Mutex::default() }
    }

    /// What a topic's exchange is called, and its stream.
    pub(super) fn name(&self, topic: TopicIndex) -> String {
        self.marks.topic(topic)
    }

    /// Another name for a queue of a consumer.
    pub(super) fn queue(&self, client: &Client) -> String {
        format!("{}-{}-{}", self.name(client.topic), client.actor, self.another())
    }

    /// Another mark for the beginning of a subscription.
    pub(super) fn another_mark(&self) -> String {
        self.another().to_string()
    }

    fn another(&self) -> u64 {
        let mut left = self.left();
        left.named += 1;
        left.named
    }

    /// Whether each message of a topic is due to somebody.
    pub(super) fn awaits_consumers(&self, topic: TopicIndex) -> bool {
        let scenario = &self.plan.scenario;
        let has_consumers = self.plan.consumers.iter().any(|own| own.topics.contains(&topic));
        has_consumers && scenario.start == Start::ConsumersFirst
    }

    /// Makes sure that a topic is there.
    pub(super) async fn declare(&self, link: &Link, topic: TopicIndex) -> Result<(), Failure> {
        let name = self.name(topic);
        self.left().exchanges.insert(name.clone());
        link.declare_exchange(&name, self.settings.durable).await?;
        if self.settings.kind == Kind::Stream {
            self.declare_queue(link, topic, &name).await?;
        }
        Ok(())
    }

    /// Makes sure that a queue is there which gets what is sent to the topic from now on.
    pub(super) async fn declare_queue(
        &self,
        link: &Link,
        topic: TopicIndex,
        queue: &str,
    ) -> Result<(), Failure> {
        self.left().queues.insert(queue.to_owned());
        let Settings { durable, arguments, .. } = &self.settings;
        let options = QueueDeclareOptions { durable: *durable, ..QueueDeclareOptions::default() };
        let (name, arguments) = (queue.into(), arguments.clone());
        answered(link.channel.queue_declare(name, options, arguments)).await?;
        let (exchange, options) = (self.name(topic).into(), QueueBindOptions::default());
        let arguments = FieldTable::default();
        answered(link.channel.queue_bind(queue.into(), exchange, "".into(), options, arguments))
            .await
    }

    /// Waits until RabbitMQ has written down which replicated queues it has: it does so after half a
    /// second without a change (`auto_save` of Ra's directory), and one whose node is killed before
    /// is there and answers nothing for good. A program's queues are older than that when they are
    /// used; a run makes its own a moment before. `settle: false` shows what happens without. Where
    /// producers do not wait for consumers, all would be over by then.
    pub(super) async fn settle(&self) {
        let is_first = self.plan.scenario.start == Start::ConsumersFirst;
        if self.settings.kind != Kind::Classic && self.settings.settle && is_first {
            sleep(SETTLED_AFTER).await;
        }
    }

    /// Whether anything was made.
    pub(super) fn has_any(&self) -> bool {
        let left = self.left();
        !(left.exchanges.is_empty() && left.queues.is_empty())
    }

    /// Removes everything that was made. What is removed already is fine.
    pub(super) async fn remove(&self, link: &Link) -> Result<(), Failure> {
        let queues = self.left().queues.clone();
        for queue in queues {
            let options = QueueDeleteOptions::default();
            answered(link.channel.queue_delete(queue.as_str().into(), options)).await?;
            self.left().queues.remove(&queue);
        }
        let exchanges = self.left().exchanges.clone();
        for exchange in exchanges {
            let options = ExchangeDeleteOptions::default();
            answered(link.channel.exchange_delete(exchange.as_str().into(), options)).await?;
            self.left().exchanges.remove(&exchange);
        }
        Ok(())
    }

    /// What is left on the broker, for people.
    pub(super) fn names_left(&self) -> String {
        let left = self.left();
        let all: Vec<_> = left.queues.union(&left.exchanges).map(String::as_str).collect();
        all.join(", ")
    }

    fn left(&self) -> MutexGuard<'_, Left> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
