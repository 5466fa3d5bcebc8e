//! Topics and ids: registrations that come together share a transaction, in which ids are counted
//! on in the one row of `store`. Its lock makes them one after the other over all brokers, and
//! deletions of topics with them: so nothing is registered with a topic that is being deleted.

use std::collections::BTreeMap;
use std::sync::Arc;

use broker_client::wire::{ConsumerId, Offset, ProducerId, TopicName};

use super::checkpoint::log_end;
use super::counts::WorkCounts;
use super::database::{Database, column};
use super::failure::Failure;
use super::group_commit::{Attempt, Work};
use super::health::Health;
use super::positions::now;
use super::statements::{Tail, Template, at_most, padded};
use super::transaction::{Statement, Transaction};
use crate::store::{Bounded, Error};

/// The most that share a transaction.
const MOST: usize = 1024;

const FIND: Template = Template {
    head: concat!("SELECT t.name, t.id, ", log_end!(), " FROM topics t WHERE t.name IN ("),
    row: "?",
    between: ",",
    tail: Tail::Text(")"),
};

const TOPICS: Template = Template {
    head: "INSERT INTO topics (id, name) VALUES ",
    row: "(?,?)",
    between: ",",
    tail: Tail::Text(""),
};

const PRODUCERS: Template = Template {
    head: "INSERT INTO producers (id, topic, sent) VALUES ",
    row: concat!("(?,?,", now!(), ")"),
    between: ",",
    tail: Tail::Text(""),
};

const SUBSCRIPTIONS: Template = Template {
    head: "INSERT INTO subscriptions (consumer, topic, `position`, polled) VALUES ",
    row: concat!("(?,?,?,", now!(), ")"),
    between: ",",
    tail: Tail::Text(""),
};

/// Makes and deletes topics, and registers clients.
#[derive(Debug)]
pub(super) struct Registrar {
    pub(super) database: Arc<Database>,
    /// How many topics there may be.
    pub(super) most_topics: usize,
}

/// What is registered.
#[derive(Clone, Debug)]
pub(super) enum RegisterRequest {
    /// A topic, refused where it exists.
    Topic(TopicName),
    /// A producer, and its topic where it is missing.
    Producer(TopicName),
    /// A subscription to a topic, refused where it is missing.
    Consumer(String),
    /// The end of a topic, refused where it is missing. It shares its transaction with nothing.
    Deletion(String),
}

/// What a registration was given.
#[derive(Clone, Debug)]
pub(super) struct Allotted {
    /// The id of the producer or consumer; 0 for a topic, made or deleted.
    pub(super) id: u64,
    /// Its topic.
    pub(super) topic: u32,
    /// The end of the log then.
    pub(super) end: Offset,
}

impl Work for Registrar {
    type Request = RegisterRequest;
    type Reply = Allotted;

    fn counts(&self) -> &WorkCounts {
        &self.database.counts.registrations
    }

    fn health(&self) -> &Health {
        &self.database.connections.health
    }

    fn joins(&self, group: &[RegisterRequest], next: &RegisterRequest) -> bool {
        let deletes = |request: &RegisterRequest| matches!(request, RegisterRequest::Deletion(_));
        group.len() < MOST && !deletes(next) && !group.iter().any(deletes)
    }

    async fn carry_out(
        &self,
        group: &[RegisterRequest],
        attempt: &Attempt,
    ) -> Result<Vec<Result<Allotted, Error>>, Failure> {
        let mut transaction = Transaction::begin(&self.database.connections, attempt).await?;
        let allotted = allot(&mut transaction, group, self.most_topics).await;
        transaction.end(allotted.map_err(Failure::under_lock)).await
    }
}

async fn allot(
    transaction: &mut Transaction<'_>,
    group: &[RegisterRequest],
    most_topics: usize,
) -> Result<Vec<Result<Allotted, Error>>, Failure> {
    let mut allotting = Allotting::begin(transaction, group, most_topics).await?;
    let allotted = group.iter().map(|request| allotting.allot(request)).collect();
    allotting.store(transaction).await?;
    Ok(allotted)
}

/// Registrations on their way into the database.
#[derive(Debug, Default)]
struct Allotting {
    next_topic: u32,
    next_producer: u64,
    next_consumer: u64,
    most_topics: usize,
    /// How many more topics there may be.
    places: usize,
    /// Id and end by name, of those that the group names.
    known: BTreeMap<String, (u32, Offset)>,
    topics: Vec<(u32, String)>,
    producers: Vec<(u64, u32)>,
    consumers: Vec<(u64, u32, Offset)>,
    deleted: Option<u32>,
}

impl Allotting {
    /// Locks the counters and looks up the topics.
    async fn begin(
        transaction: &mut Transaction<'_>,
        group: &[RegisterRequest],
        most_topics: usize,
    ) -> Result<Self, Failure> {
        if let [RegisterRequest::Deletion(name)] = group {
            // It may have to wait for an append, and while it does nobody is to wait for it.
            let query = sqlx::query("SELECT id FROM topics WHERE name = ? FOR UPDATE").bind(name);
            transaction.rows(query).await?;
        }
        let query = sqlx::query(
            "SELECT next_topic, next_producer, next_consumer FROM store WHERE one = 1 FOR UPDATE",
        );
        let row = transaction.row(query).await?;
        let mut allotting = Self {
            next_topic: column(&row, 0)?,
            next_producer: column(&row, 1)?,
            next_consumer: column(&row, 2)?,
            most_topics,
            ..Self::default()
        };
        let names: std::collections::BTreeSet<&str> =
            group.iter().map(RegisterRequest::topic).collect();
        let last = *names.last().expect("a group has a request");
        let (count, rows) = (names.len(), padded(names.len()));
        let repeated = std::iter::repeat_n(last, rows - count);
        let names = names.into_iter().chain(repeated);
        let query = names.fold(FIND.statement(rows), |query, name| query.bind(name.to_owned()));
        for row in transaction.rows(query).await? {
            allotting.known.insert(column(&row, 0)?, (column(&row, 1)?, column(&row, 2)?));
        }
        allotting.places = allotting.places(transaction, count).await?;
        Ok(allotting)
    }

    /// How many more topics there may be, of so many names in the group.
    async fn places(
        &self,
        transaction: &mut Transaction<'_>,
        names: usize,
    ) -> Result<usize, Failure> {
        // No id is given twice, so there are at most as many topics as ids.
        let ever = usize::try_from(self.next_topic).unwrap_or(usize::MAX);
        let free = self.most_topics.saturating_sub(ever);
        let new = names - self.known.len();
        if new <= free {
            return Ok(free);
        }
        let row = transaction.row(sqlx::query("SELECT COUNT(*) FROM topics")).await?;
        let there = usize::try_from(column::<i64>(&row, 0)?).unwrap_or(0);
        Ok(self.most_topics.saturating_sub(there))
    }

    fn allot(&mut self, request: &RegisterRequest) -> Result<Allotted, Error> {
        let name = request.topic();
        let known = self.known.get(name).copied();
        let (topic, end) = match (request, known) {
            (RegisterRequest::Topic(_), Some(_)) => {
                return Err(Error::TopicExists(name.to_owned()));
            }
            (RegisterRequest::Consumer(_) | RegisterRequest::Deletion(_), None) => {
                return Err(Error::UnknownTopic(name.to_owned()));
            }
            (_, Some(known)) => known,
            (_, None) => self.topic(name)?,
        };
        let id = match request {
            RegisterRequest::Topic(_) => 0,
            RegisterRequest::Deletion(_) => {
                self.deleted = Some(topic);
                0
            }
            RegisterRequest::Producer(_) => {
                self.producers.push((self.next_producer, topic));
                count(&mut self.next_producer)
            }
            RegisterRequest::Consumer(_) => {
                self.consumers.push((self.next_consumer, topic, end));
                count(&mut self.next_consumer)
            }
        };
        Ok(Allotted { id, topic, end })
    }

    fn topic(&mut self, name: &str) -> Result<(u32, Offset), Error> {
        if self.places == 0 {
            return Err(Error::TooMany { what: Bounded::Topics, limit: self.most_topics });
        }
        self.places -= 1;
        let id = self.next_topic;
        self.next_topic += 1;
        self.topics.push((id, name.to_owned()));
        self.known.insert(name.to_owned(), (id, 0));
        Ok((id, 0))
    }

    async fn store(self, transaction: &mut Transaction<'_>) -> Result<(), Failure> {
        if let Some(topic) = self.deleted {
            return delete(transaction, topic).await;
        }
        if self.topics.is_empty() && self.producers.is_empty() && self.consumers.is_empty() {
            return Ok(());
        }
        let statement = sqlx::query(
            "UPDATE store SET next_topic = ?, next_producer = ?, next_consumer = ? WHERE one = 1",
        );
        let statement =
            statement.bind(self.next_topic).bind(self.next_producer).bind(self.next_consumer);
        transaction.execute(statement).await?;
        insert(transaction, TOPICS, &self.topics, |s, (id, name)| s.bind(*id).bind(name.clone()))
            .await?;
        insert(transaction, PRODUCERS, &self.producers, |s, (id, topic)| s.bind(*id).bind(*topic))
            .await?;
        insert(transaction, SUBSCRIPTIONS, &self.consumers, |s, (id, topic, position)| {
            s.bind(*id).bind(*topic).bind(*position)
        })
        .await
    }
}

/// Takes a topic away. An append shares the topic's row until it is committed, so it comes before
/// this or finds no topic. What is left of the topic is cleared afterwards, but for its
/// subscriptions, of which brokers ask nothing more than whether they are there: where there are more
/// than so many, another broker may serve one of the others for a moment yet.
async fn delete(transaction: &mut Transaction<'_>, topic: u32) -> Result<(), Failure> {
    // On a cluster, what a registration on another node conflicts with.
    let counted = "UPDATE store SET deletions = deletions + 1 WHERE one = 1";
    transaction.execute(sqlx::query(counted)).await?;
    for statement in [
        "DELETE FROM topics WHERE id = ?",
        "INSERT INTO deleted_topics (topic) VALUES (?)",
        "DELETE FROM subscriptions WHERE topic = ? ORDER BY consumer LIMIT 1000",
    ] {
        transaction.execute(sqlx::query(statement).bind(topic)).await?;
    }
    Ok(())
}

async fn insert<T>(
    transaction: &mut Transaction<'_>,
    template: Template,
    rows: &[T],
    bind: impl Fn(Statement<'static>, &T) -> Statement<'static>,
) -> Result<(), Failure> {
    let mut rest = rows;
    while !rest.is_empty() {
        let (part, others) = rest.split_at(at_most(rest.len()));
        rest = others;
        transaction.execute(part.iter().fold(template.statement(part.len()), &bind)).await?;
    }
    Ok(())
}

impl RegisterRequest {
    fn topic(&self) -> &str {
        match self {
            Self::Topic(name) | Self::Producer(name) => name.as_str(),
            Self::Consumer(name) | Self::Deletion(name) => name,
        }
    }
}

impl Allotted {
    /// The id of a producer.
    pub(super) fn producer(&self) -> ProducerId {
        ProducerId::try_from(self.id).expect("fewer ids than i64 has")
    }

    /// The id of a consumer.
    pub(super) fn consumer(&self) -> ConsumerId {
        ConsumerId::try_from(self.id).expect("fewer ids than i64 has")
    }
}

fn count(next: &mut u64) -> u64 {
    *next += 1;
    *next - 1
}
