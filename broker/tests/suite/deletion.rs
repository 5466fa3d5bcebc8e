//! Topics that are deleted while producers and consumers are at work, on both stores: nothing of a
//! deleted one appears in the next of its name, nothing of that one is lost, and in a database nothing
//! of the old ones is left. Where it is a database, two brokers share it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use broker::store::mysql::{self, MysqlStore};
use broker::store::{Error, Retain, Subscription};
use broker::{Limits, Options};
use broker_client::Client;
use broker_client::transport::{Exchange, Http, Transport, http};
use bytes::Bytes;
use sqlx::{AssertSqlSafe, Connection, MySqlConnection};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::server::{Running, patient};
use crate::support::{Short, Tidying, memory, mysql, open, stores};

/// How often the topic is deleted, and how many producers and consumers there are each time.
const ROUNDS: u32 = 12;
const CLIENTS: usize = 6;

/// Messages that are acknowledged before the topic is deleted under their producers.
const MESSAGES: u64 = 30;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_topic_is_deleted_under_load_and_made_anew() {
    for retain in [Retain::Lag, Retain::All] {
        let store = Arc::new(Short(memory(retain, None)));
        work(&[Arc::clone(&store), store]).await;
        let Some(url) = mysql() else { continue };
        let brokers = [open(&url, retain).await, open(&url, retain).await].map(Short).map(Arc::new);
        let tidying = Tidying::start(&brokers);
        work(&brokers).await;
        tidying.end().await;
        // Whichever broker it is that comes next clears the rest.
        let next = Short(open(&url, retain).await);
        next.0.tidy().await.unwrap();
        let mut sql = MySqlConnection::connect(&url).await.unwrap();
        for table in ["messages", "producers", "subscriptions"] {
            let left =
                format!("SELECT COUNT(*) FROM {table} WHERE topic NOT IN (SELECT id FROM topics)");
            let left: i64 =
                sqlx::query_scalar(AssertSqlSafe(left)).fetch_one(&mut sql).await.unwrap();
            assert_eq!(left, 0, "{table}");
        }
        let producers: i64 =
            sqlx::query_scalar("SELECT COUNT(*) FROM producers").fetch_one(&mut sql).await.unwrap();
        assert_eq!(producers, i64::try_from(CLIENTS).unwrap(), "those of the last one are there");
    }
}

/// What a producer was acknowledged, by offset.
pub(crate) type Acked = BTreeMap<u64, String>;

async fn work(brokers: &[Arc<Short>; 2]) {
    for round in 0..=ROUNDS {
        let is_last = round == ROUNDS;
        // Every consumer is there before the first message.
        brokers[0].0.create_topic("T".parse().unwrap()).await.unwrap();
        let ready = Arc::new(Barrier::new(2 * CLIENTS));
        let (mut producers, mut consumers) = (JoinSet::new(), JoinSet::new());
        for (number, broker) in (0..CLIENTS).zip(brokers.iter().cycle()) {
            let (own, gate) = (Arc::clone(broker), Arc::clone(&ready));
            consumers.spawn(async move {
                let consumer = own.consumer("T").await.consumer;
                gate.wait().await;
                consume(&own, consumer, is_last.then_some(MESSAGES * CLIENTS as u64)).await
            });
            let (own, gate) = (Arc::clone(broker), Arc::clone(&ready));
            producers.spawn(async move {
                let producer = own.producer("T").await;
                gate.wait().await;
                produce(&own, producer, &format!("{round}/{number}"), is_last).await
            });
        }
        if !is_last {
            until_appended(&brokers[0], MESSAGES).await;
            brokers[usize::from(round % 2 == 0)].delete("T").await.unwrap();
        }
        let mut acked = Acked::new();
        for own in producers.join_all().await {
            let count = acked.len() + own.len();
            acked.extend(own);
            assert_eq!(acked.len(), count, "two acknowledged at one offset");
        }
        for got in consumers.join_all().await {
            judge(round, &acked, &got, is_last);
        }
    }
}

async fn until_appended(broker: &Short, count: u64) {
    while broker.read("T", 0, 1).await.unwrap().1 < count {
        tokio::task::yield_now().await;
    }
}

/// Sends until the topic is deleted, or so many.
async fn produce(broker: &Short, producer: i64, name: &str, is_last: bool) -> Acked {
    let mut acked = Acked::new();
    for number in 0.. {
        if is_last && number == MESSAGES {
            break;
        }
        let payload = format!("{name}#{number}");
        match broker.append("T", producer, Some(number), &[&payload]).await {
            Ok(offset) => assert_eq!(acked.insert(offset, payload), None),
            Err(error) => {
                assert_eq!(error, Error::UnknownProducer(producer), "{name}#{number}");
                break;
            }
        }
    }
    acked
}

/// Polls until the topic is deleted, or so many have come; waits in between.
async fn consume(broker: &Short, consumer: i64, most: Option<u64>) -> Vec<(u64, String)> {
    let mut got = Vec::new();
    loop {
        let next = u64::try_from(got.len()).unwrap();
        if most == Some(next) {
            return got;
        }
        let polled = broker.poll("T", consumer, Some(next), 7).await;
        let messages = match polled {
            Ok(messages) => messages,
            Err(error) => {
                assert_eq!(error, Error::UnknownConsumer(consumer));
                return got;
            }
        };
        if messages.is_empty() {
            let subscription = Subscription { topic: "T", consumer, epoch: None };
            let waited = broker.0.arrival(subscription, next).await;
            assert!(matches!(waited, Ok(()) | Err(Error::UnknownConsumer(_))), "{waited:?}");
        }
        got.extend(messages.into_iter().map(|message| (message.offset, message.payload)));
    }
}

/// What a consumer of a topic got, given all that its producers were acknowledged.
pub(crate) fn judge(round: u32, acked: &Acked, got: &[(u64, String)], is_last: bool) {
    let own = format!("{round}/");
    for (place, (offset, payload)) in (0..).zip(got) {
        assert_eq!(*offset, place, "round {round}: offsets without gaps");
        assert!(payload.starts_with(&own), "round {round}: {payload} is of another topic");
        // One whose acknowledgement was overtaken by the deletion may be there, too.
        let told = acked.get(offset);
        assert!(told.is_none_or(|told| told == payload), "round {round}: {payload}, not {told:?}");
    }
    if is_last {
        assert_eq!(got.len(), acked.len(), "everything of the last topic");
    }
}

/// Two brokers on one new database.
async fn two() -> Option<(String, [Arc<MysqlStore>; 2])> {
    let url = mysql()?;
    let options = mysql::Options::default();
    let open = async || Arc::new(MysqlStore::open(&url.parse().unwrap(), &options).await.unwrap());
    let stores = [open().await, open().await];
    Some((url.clone(), stores))
}

#[tokio::test]
async fn other_brokers_forget_a_topic_that_is_deleted() {
    let Some((_, [a, b])) = two().await else { return };
    let [a, b] = [a, b].map(|store| Arc::new(Short(store)));
    let (at_a, at_b) = (a.producer("T").await, b.producer("T").await);
    let consumer = b.consumer("T").await.consumer;
    b.append("T", at_b, Some(0), &["b0"]).await.unwrap();
    a.append("T", at_a, Some(0), &["a0"]).await.unwrap();
    b.append("T", at_b, Some(1), &["b1"]).await.unwrap();
    // It knows the producer, the consumer, and has the messages in memory.
    assert_eq!(b.take("T", consumer, 1).await, ["b0"]);
    let waiting = {
        let b = Arc::clone(&b);
        tokio::spawn(async move {
            let subscription = Subscription { topic: "T", consumer, epoch: None };
            b.0.arrival(subscription, 3).await
        })
    };
    a.delete("T").await.unwrap();
    let gone = Err(Error::UnknownConsumer(consumer));
    assert_eq!(b.poll("T", consumer, None, 9).await.map(|_| ()), gone);
    assert_eq!(b.size("T", consumer).await.map(|_| ()), gone);
    let append = b.append("T", at_b, Some(1), &["b1"]).await;
    assert_eq!(append, Err(Error::UnknownProducer(at_b)), "a repeat, too");
    waiting.await.unwrap().unwrap();
    // Made anew by the one, used by the other.
    let new = a.producer("T").await;
    let next = b.consumer("T").await;
    assert_eq!(next.offset, 0);
    let append = b.append("T", at_b, None, &["old"]).await;
    assert_eq!(append, Err(Error::UnknownProducer(at_b)));
    assert_eq!(b.append("T", new, Some(0), &["new"]).await, Ok(0));
    assert_eq!(a.take("T", next.consumer, 9).await, ["new"]);
    assert_eq!(b.read("T", 0, 9).await, Ok((vec!["new".to_owned()], 1)));
}

#[tokio::test]
async fn what_is_left_of_a_topic_is_cleared_in_small_transactions_after_a_restart_too() {
    let Some((url, [a, b])) = two().await else { return };
    let short = Short(a.clone());
    let kept = short.producer("kept").await;
    short.append("kept", kept, None, &["1", "2"]).await.unwrap();
    let producer = short.producer("T").await;
    let consumer = short.consumer("T").await.consumer;
    for _ in 0..5 {
        short.append("T", producer, None, &["x"; 500]).await.unwrap();
    }
    let mut sql = MySqlConnection::connect(&url).await.unwrap();
    // More registrations than one transaction takes.
    for more in [
        "INSERT INTO subscriptions SELECT seq + 100, topic, 0, polled FROM subscriptions,
             seq_1_to_2300",
        "INSERT INTO producers (id, topic) SELECT seq + 100, topic FROM producers, seq_1_to_1100
         WHERE id = 1",
        "CREATE TABLE cleared (at DATETIME(6) PRIMARY KEY, deleted INT)",
        "CREATE TRIGGER counting AFTER DELETE ON messages FOR EACH ROW
             INSERT INTO cleared VALUES (NOW(6), 1) ON DUPLICATE KEY UPDATE deleted = deleted + 1",
    ] {
        sqlx::query(more).execute(&mut sql).await.unwrap();
    }
    short.delete("T").await.unwrap();
    let mut count = async |question: &'static str| -> i64 {
        sqlx::query_scalar(question).fetch_one(&mut sql).await.unwrap()
    };
    assert_eq!(count("SELECT COUNT(*) FROM messages").await, 2502, "it is not cleared at once");
    assert_eq!(count("SELECT COUNT(*) FROM subscriptions").await, 1301, "but for a thousand");
    for id in [consumer, 2000] {
        let gone = Err(Error::UnknownConsumer(id));
        assert_eq!(short.poll("T", id, None, 1).await.map(|_| ()), gone);
    }
    // The broker that deleted it is gone.
    drop((short, a));
    let (b, new) = (Short(b), Short(open(&url, Retain::All).await));
    new.0.tidy().await.unwrap();
    b.0.tidy().await.unwrap();
    assert_eq!(count("SELECT COUNT(*) FROM messages").await, 2);
    assert_eq!(count("SELECT COUNT(*) FROM producers").await, 1);
    assert_eq!(count("SELECT COUNT(*) FROM subscriptions").await, 0);
    assert_eq!(count("SELECT CAST(SUM(deleted) AS SIGNED) FROM cleared").await, 2500);
    assert!(count("SELECT MAX(deleted) FROM cleared").await <= 1000);
    // Its id stays known for a while, and is then forgotten.
    assert_eq!(count("SELECT COUNT(*) FROM deleted_topics").await, 1);
    let late = "INSERT INTO messages (topic, `offset`, producer, payload) VALUES (1, 9, 1, 'late')";
    let mut late_sql = MySqlConnection::connect(&url).await.unwrap();
    sqlx::query(late).execute(&mut late_sql).await.unwrap();
    let aged = "UPDATE deleted_topics SET deleted = deleted - INTERVAL 2 MINUTE";
    sqlx::query(aged).execute(&mut late_sql).await.unwrap();
    b.0.tidy().await.unwrap();
    assert_eq!(count("SELECT COUNT(*) FROM deleted_topics").await, 0);
    assert_eq!(count("SELECT COUNT(*) FROM messages").await, 2, "what came late is cleared, too");
    let next = new.producer("next").await;
    assert!(next >= 2, "no id is given twice");
    let id = count("SELECT CAST(id AS SIGNED) FROM topics WHERE name = 'next'").await;
    assert_eq!(id, 2, "nor that of a topic");
    assert_eq!(new.append("kept", kept, None, &["3"]).await, Ok(2));
}

/// A network on which topics are deleted between the requests of one that lists them.
struct Meanwhile {
    http: Arc<Http>,
    store: Arc<Short>,
    sent: AtomicUsize,
}

impl Transport for Meanwhile {
    fn send(&self, request: http::Request<Bytes>) -> Exchange {
        let sent = self.sent.fetch_add(1, Ordering::Relaxed);
        let (http, store) = (Arc::clone(&self.http), Arc::clone(&self.store));
        Box::pin(async move {
            match sent {
                // The first was for all at once, the next one was answered with a and b.
                2 => store.delete("b").await.unwrap(),
                // Then with c and d.
                3 => {
                    store.delete("d").await.unwrap();
                    store.0.create_topic("d".parse().unwrap()).await.unwrap();
                }
                _ => {}
            }
            http.send(request).await
        })
    }
}

#[tokio::test]
async fn a_client_lists_all_topics_that_were_there_all_the_time_and_each_once() {
    for (kind, store) in stores().await {
        let answer_bytes = 9.try_into().unwrap();
        let limits = Limits { answer_bytes, ..patient().limits };
        let running = Running::over(store, Options { limits, ..patient() }).await;
        let store = Arc::new(Short(Arc::clone(&running.store)));
        for name in ["a", "b", "c", "d", "e", "f"] {
            store.0.create_topic(name.parse().unwrap()).await.unwrap();
        }
        let (http, sent) = (Arc::new(http()), AtomicUsize::new(0));
        let transport = Arc::new(Meanwhile { http, store, sent });
        let client = Client::over(transport, &format!("http://{}", running.address)).unwrap();
        let topics = client.topics().await.unwrap();
        // The second was deleted after it was listed.
        assert_eq!(topics.concat(), "abcefd", "{kind}");
        drop(client);
        running.stop().await;
    }
}
