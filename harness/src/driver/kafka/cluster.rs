//! The broker as a whole: topics are made, looked for and removed here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::RDKafkaErrorCode as Code;
use tokio::time::{Duration, Instant, sleep, timeout};

use super::connection::ANSWERED_WITHIN;
use super::failure::{failed, is_no_topic, refused};
use super::links::{self, Place};
use super::settings::Settings;
use super::shared::{Alive, Shared};
use crate::driver::failure::{Failure, FailureKind};
use crate::lock::lock;

/// A key that is no configuration of a topic in Kafka, and is said beside it when one is made.
const REPLICATION: &str = "replication.factor";

/// Kafka's word for the broker's own number of replicas, and that of brokers which do not know it.
const BROKERS_OWN: i32 = -1;

/// How long a topic may take until it is there and has a leader.
const MADE_WITHIN: Duration = Duration::from_secs(30);

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(50);

/// A broker that has just started may not know its topics yet: one is gone that is not there so many
/// times in a row, with a pause between them.
const LOOKS: u32 = 3;
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(200);

/// How long removing what the run made may take.
const REMOVED_WITHIN: Duration = Duration::from_secs(10);

/// A topic in one life of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Log {
    /// What it is called on the broker.
    pub(super) name: String,
    /// The life.
    pub(super) epoch: String,
}

pub(super) struct Cluster {
    /// None once the run is over.
    admin: Mutex<Option<Admin>>,
    alive: Alive,
    settings: Settings,
    replicas: i32,
    topic_config: BTreeMap<String, String>,
    groups: Mutex<BTreeSet<String>>,
}

type Admin = Shared<AdminClient<DefaultClientContext>>;

impl Cluster {
    pub(super) fn new(
        settings: &Settings,
        topic_config: &BTreeMap<String, String>,
        alive: &Alive,
    ) -> Result<Self, Failure> {
        let mut topic_config = topic_config.clone();
        let replicas = topic_config.remove(REPLICATION).map_or(Ok(BROKERS_OWN), |given| {
            given.parse().ok().filter(|replicas| *replicas > 0).ok_or_else(|| {
                let why = format!("{REPLICATION} is a number from 1, and {given:?} is none");
                Failure { kind: FailureKind::Final, ..Failure::new(why) }
            })
        })?;
        let admin = Mutex::new(Some(settings.client(settings.admin().create())?));
        let (alive, groups) = (alive.clone(), Mutex::default());
        let settings = settings.clone();
        Ok(Self { admin, alive, settings, replicas, topic_config, groups })
    }

    /// Fails where it does not speak Kafka, or does not answer.
    pub(super) async fn answers(&self, run: &str) -> Result<(), Failure> {
        self.look(&format!("harness-{run}")).await.map(|_| ())
    }

    /// Makes a topic of one partition, and waits until it can be used.
    pub(super) async fn create(&self, log: &Log) -> Result<(), Failure> {
        let doing = format!("creating topic {}", log.name);
        let replication = TopicReplication::Fixed(self.replicas);
        let topic = NewTopic::new(&log.name, 1, replication);
        let topic =
            self.topic_config.iter().fold(topic, |topic, (key, value)| topic.set(key, value));
        let until = Instant::now() + MADE_WITHIN;
        loop {
            let failure = match self.make(&doing, &topic).await {
                Ok(()) => match self.look(&log.name).await {
                    Ok(Place::At(_)) => return Ok(()),
                    Ok(Place::Coming(code)) => refused(&doing, code),
                    Ok(Place::Missing) => refused(&doing, Code::UnknownTopicOrPartition),
                    Err(failure) => failure,
                },
                Err(failure) => failure,
            };
            if failure.kind == FailureKind::Final || Instant::now() >= until {
                return Err(failure);
            }
            sleep(PAUSE).await;
        }
    }

    async fn make(&self, doing: &str, topic: &NewTopic<'_>) -> Result<(), Failure> {
        let made = self.admin()?.create_topics([topic], &options()).await;
        let made = made.map_err(|error| failed(doing, &error))?;
        match made.into_iter().next() {
            // By an attempt that was not answered: nobody else has its name.
            Some(Ok(_) | Err((_, Code::TopicAlreadyExists))) => Ok(()),
            Some(Err((_, code))) => Err(refused(doing, code)),
            None => Err(Failure::new(format!("{doing}: the broker's answer does not name it"))),
        }
    }

    /// Whether the topic is there.
    pub(super) async fn has(&self, log: &Log) -> Result<bool, Failure> {
        Ok(!matches!(self.look(&log.name).await?, Place::Missing))
    }

    /// Whether the topic, which was made, is not there any more.
    pub(super) async fn is_gone(&self, log: &Log) -> Result<bool, Failure> {
        for look in 0..LOOKS {
            if look > 0 {
                sleep(LOOK_AGAIN_AFTER).await;
            }
            if self.has(log).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// # Errors
    /// Where the topic is gone: the session is over, and whether its life of the store is cannot be
    /// known from that.
    pub(super) async fn must_have(&self, log: &Log) -> Result<(), Failure> {
        if !self.is_gone(log).await? {
            return Ok(());
        }
        let kind = FailureKind::SessionOver { in_same_life: None };
        let doing = format!("the broker has no topic {} any more", log.name);
        Err(Failure { kind, ..refused(&doing, Code::UnknownTopicOrPartition) })
    }

    async fn look(&self, name: &str) -> Result<Place, Failure> {
        links::place(&self.settings, name, name).await
    }

    /// Notes a group that is to be removed in the end.
    pub(super) fn add_group(&self, group: &str) {
        lock(&self.groups).insert(group.to_owned());
    }

    /// Waits until no more than so many clients are left: they go on working for a while when nobody
    /// has them any more.
    async fn clients_ended(&self, but: usize) {
        let until = Instant::now() + REMOVED_WITHIN;
        while self.alive.count() > but && Instant::now() < until {
            sleep(PAUSE).await;
        }
    }

    /// Removes these topics, as far as they are there, and all groups, and ends.
    pub(super) async fn finish(&self, topics: &[String]) -> Result<(), Failure> {
        let own = 1;
        self.clients_ended(own).await;
        let removed = match timeout(REMOVED_WITHIN, self.remove(topics)).await {
            Ok(removed) => removed,
            Err(_) => Err(Failure::new(format!("no answer within {REMOVED_WITHIN:?}"))),
        };
        // Some brokers wait for their clients to go before they end themselves.
        drop(lock(&self.admin).take());
        self.clients_ended(0).await;
        removed.map_err(|failure| {
            let topics = topics.join(", ");
            Failure::new(format!(
                "on the broker may be left the topics {topics} and groups that begin so: {failure}; \
                 remove them"
            ))
        })
    }

    async fn remove(&self, topics: &[String]) -> Result<(), Failure> {
        let (admin, options) = (self.admin()?, options());
        let groups = lock(&self.groups).clone();
        let groups: Vec<_> = groups.iter().map(String::as_str).collect();
        let topics: Vec<_> = topics.iter().map(String::as_str).collect();
        let mut removed = Vec::new();
        if !groups.is_empty() {
            let asked = admin.delete_groups(&groups, &options).await;
            removed.extend(asked.map_err(|error| failed("removing groups", &error))?);
        }
        if !topics.is_empty() {
            let asked = admin.delete_topics(&topics, &options).await;
            removed.extend(asked.map_err(|error| failed("removing topics", &error))?);
        }
        match removed.into_iter().filter_map(Result::err).find(is_left) {
            Some((name, code)) => Err(refused(&format!("removing {name}"), code)),
            None => Ok(()),
        }
    }

    fn admin(&self) -> Result<Admin, Failure> {
        lock(&self.admin).clone().ok_or_else(|| Failure::new("the run is over"))
    }
}

/// Whether what could not be removed is there.
fn is_left((_, code): &(String, Code)) -> bool {
    !is_no_topic(*code) && *code != Code::GroupIdNotFound
}

fn options() -> AdminOptions {
    AdminOptions::new()
        .request_timeout(Some(ANSWERED_WITHIN))
        .operation_timeout(Some(ANSWERED_WITHIN))
}
