//! The broker as a whole: topics are made, looked for and removed here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::{KafkaResult, RDKafkaErrorCode as Code};
use tokio::time::{Duration, Instant, sleep, timeout};

use super::apart::{Alive, Shared, apart};
use super::failure::{failed, is_no_topic, refused};
use super::lives::Log;
use super::settings::{ANSWERED_WITHIN, Settings};
use crate::driver::failure::{Failure, FailureKind};

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

pub(super) struct Cluster {
    admin: Shared<AdminClient<DefaultClientContext>>,
    alive: Alive,
    replicas: i32,
    topic_config: BTreeMap<String, String>,
    groups: Mutex<BTreeSet<String>>,
}

/// How the broker has a topic.
enum Seen {
    Ready,
    Missing,
    /// There, but not to be used yet.
    Coming(Code),
}

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
        let admin = settings.client(settings.admin().create())?;
        let (alive, groups) = (alive.clone(), Mutex::default());
        Ok(Self { admin, alive, replicas, topic_config, groups })
    }

    /// Fails where it does not speak Kafka, or does not answer.
    pub(super) async fn answers(&self, run: &str) -> Result<(), Failure> {
        self.look(format!("harness-{run}")).await.map(|_| ())
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
                Ok(()) => match self.look(log.name.clone()).await {
                    Ok(Seen::Ready) => return Ok(()),
                    Ok(Seen::Coming(code)) => refused(&doing, code),
                    Ok(Seen::Missing) => refused(&doing, Code::UnknownTopicOrPartition),
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
        let made = self.admin.create_topics([topic], &options()).await;
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
        Ok(!matches!(self.look(log.name.clone()).await?, Seen::Missing))
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

    async fn look(&self, name: String) -> Result<Seen, Failure> {
        let admin = self.admin.clone();
        let doing = format!("looking for topic {name}");
        let look = move || -> KafkaResult<Seen> {
            let answer = admin.inner().fetch_metadata(Some(&name), ANSWERED_WITHIN)?;
            let Some(topic) = answer.topics().first() else { return Ok(Seen::Missing) };
            let partition = topic.partitions().first();
            let error = topic.error().or_else(|| partition.and_then(|own| own.error()));
            Ok(match error.map(Code::from) {
                Some(code) if is_no_topic(code) => Seen::Missing,
                Some(code) => Seen::Coming(code),
                None if partition.is_none_or(|own| own.leader() < 0) => {
                    Seen::Coming(Code::LeaderNotAvailable)
                }
                None => Seen::Ready,
            })
        };
        apart(look).await?.map_err(|error| failed(&doing, &error))
    }

    /// Notes a group that is to be removed in the end.
    pub(super) fn add_group(&self, group: &str) {
        self.lock().insert(group.to_owned());
    }

    /// Waits until the senders and subscribers of the run have ended, the threads of their clients
    /// included, which go on working for a while.
    ///
    /// librdkafka 2.12 crashes where it fetches from a topic that is removed meanwhile
    /// (<https://github.com/confluentinc/librdkafka/issues/5280>).
    async fn all_ended(&self, ours: usize) {
        let until = Instant::now() + REMOVED_WITHIN;
        while self.alive.others() > ours && Instant::now() < until {
            sleep(PAUSE).await;
        }
    }

    /// Removes these topics, as far as they are there, and all groups.
    pub(super) async fn remove(&self, topics: &[String], ours: usize) -> Result<(), Failure> {
        self.all_ended(ours).await;
        let groups: Vec<_> = self.lock().iter().cloned().collect();
        let removing = async {
            let options = options();
            let topics: Vec<_> = topics.iter().map(String::as_str).collect();
            let groups: Vec<_> = groups.iter().map(String::as_str).collect();
            let mut left = Vec::new();
            if !groups.is_empty() {
                left.extend(self.admin.delete_groups(&groups, &options).await?);
            }
            if !topics.is_empty() {
                left.extend(self.admin.delete_topics(&topics, &options).await?);
            }
            Ok(left)
        };
        let removed = timeout(REMOVED_WITHIN, removing).await;
        let all = || format!("the topics {} and their groups", topics.join(", "));
        let (what, why) = match removed {
            Ok(Ok(results)) => match results.into_iter().filter_map(Result::err).find(is_left) {
                None => return Ok(()),
                Some((name, code)) => (name, code.to_string()),
            },
            Ok(Err(error)) => (all(), rdkafka::error::KafkaError::to_string(&error)),
            Err(_) => (all(), format!("no answer within {REMOVED_WITHIN:?}")),
        };
        Err(Failure::new(format!("left on the broker: {what}: {why}; remove what is named so")))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeSet<String>> {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
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
