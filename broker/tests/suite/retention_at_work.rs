//! Messages that are kept for a time, while producers and consumers are at work: on both stores, and by
//! brokers on a cluster of databases.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use broker::store::mysql::{MysqlStore, Options};
use broker::store::{Error, Message, Retain};
use broker_client::consumer::PollError;
use broker_client::{Consumer, Producer};
use sqlx::{Connection, Executor, MySqlConnection};
use tokio::task::JoinSet;
use tokio::time::{Duration, Instant, sleep, timeout};

use crate::support::cluster::Nodes;
use crate::support::process::Process;
use crate::support::{Short, Tidying, memory, mysql, open, passes};

/// So many messages of each producer, and how many there are of these.
const MESSAGES: u64 = 1000;
const PRODUCERS: usize = 4;

/// In this time all old messages are deleted.
const GENEROUS: Duration = Duration::from_secs(60);

/// Long enough for a cluster that has lost a node.
const TIMEOUT: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn in_memory_what_is_old_goes_and_nothing_that_is_young() {
    let age = Duration::from_millis(200);
    let store = Arc::new(Short(memory(Retain::Age(age), None)));
    work(&[Arc::clone(&store), store], age, async {}).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn in_a_database_what_is_old_goes_and_nothing_that_is_young() {
    let Some(url) = mysql() else { return };
    let age = Duration::from_secs(1);
    let brokers = [open(&url, Retain::Age(age)).await, open(&url, Retain::Age(age)).await];
    work(&brokers.map(Short).map(Arc::new), age, async {}).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn so_it_is_on_a_cluster_of_which_a_node_is_killed() {
    let Some(mut nodes) = Nodes::get().await else { return };
    let age = Duration::from_secs(1);
    let mut brokers = Vec::new();
    for node in 0..3 {
        let options = Options { retain: Retain::Age(age), timeout: TIMEOUT, ..Options::default() };
        let store = MysqlStore::open(&nodes.url(node).parse().unwrap(), &options).await.unwrap();
        brokers.push(Arc::new(Short(Arc::new(store))));
    }
    let killed = async {
        // The slow consumer is at the broker of another node, and so is the one that comes last.
        nodes.kill(2).await;
        // It commits only once it is left out.
        brokers[0].producer("other").await;
        nodes.run_again(2);
    };
    work(&brokers, age, killed).await;
    drop(brokers);
    nodes.assert_equal().await;
    for node in 0..3 {
        let mut sql = nodes.seeing_all(node).await;
        let left: i64 =
            sqlx::query_scalar("SELECT COUNT(*) FROM messages").fetch_one(&mut sql).await.unwrap();
        assert_eq!(left, 1, "the last one, on node {node}");
    }
}

/// As of a broker in memory, which the library's own tests have.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_the_library_hears_what_a_database_has_deleted() {
    let Some(url) = mysql() else { return };
    // So long that what is young stays, and so short that it looks every few seconds.
    let mut broker = Process::start(&url, &["--retain", "2min"]);
    let client = broker.client();
    client.create_topic("T").await.unwrap();
    let (topic, producer) = ("T".parse().unwrap(), Producer::new(&client));
    let mut consumer = Consumer::new(&client);
    consumer.subscribe(&topic).await.unwrap();
    for number in 0..10 {
        assert_eq!(producer.send(&topic, "old").await, Ok(number));
    }
    let mut sql = MySqlConnection::connect(&url).await.unwrap();
    sql.execute("UPDATE messages SET appended = appended - INTERVAL 2 HOUR").await.unwrap();
    let left = "SELECT COUNT(*) FROM messages";
    while sqlx::query_scalar::<_, i64>(left).fetch_one(&mut sql).await.unwrap() > 1 {
        sleep(Duration::from_millis(20)).await;
    }
    // One that runs may hand out for a second what it has in memory.
    broker.kill();
    broker.run_again();
    assert_eq!(producer.send(&topic, "young").await, Ok(10));
    let PollError { error, deleted, .. } = consumer.poll().await.unwrap_err();
    assert_eq!((deleted, error.deleted_before()), (Some(0..9), Some(9)), "all but the last one");
    let mut got = Vec::new();
    while got.len() < 2 {
        let delivery = consumer.poll().await.unwrap();
        got.extend(delivery.iter().map(|one| (one.offset, one.payload.to_owned())));
    }
    assert_eq!(got, [(9, "old".to_owned()), (10, "young".to_owned())]);
}

/// What everybody sees of brokers that keep messages for so long: each message comes, or is said to be
/// deleted, and then it is older than that; and in the end all that is old is deleted.
async fn work(brokers: &[Arc<Short>], age: Duration, meanwhile: impl Future<Output = ()>) {
    brokers[0].0.create_topic("T".parse().unwrap()).await.unwrap();
    let tidying = Tidying::start(brokers);
    let (mut following, mut producing) = (JoinSet::new(), JoinSet::new());
    let total = MESSAGES * PRODUCERS as u64;
    let late = brokers[1].consumer("T").await.consumer;
    for (pause, broker) in [0, 1, 50, 900].into_iter().zip(brokers.iter().cycle()) {
        let (own, consumer) = (Arc::clone(broker), broker.consumer("T").await.consumer);
        let pause = Duration::from_millis(pause);
        following.spawn(async move { follow(&own, consumer, total, pause).await });
    }
    for (number, broker) in (0..PRODUCERS).zip(brokers.iter().cycle()) {
        let (own, producer) = (Arc::clone(broker), broker.producer("T").await);
        producing.spawn(async move { produce(&own, producer, number).await });
    }
    meanwhile.await;
    let begun: BTreeMap<u64, Instant> = producing.join_all().await.into_iter().flatten().collect();
    assert_eq!(begun.len() as u64, total, "each at an offset of its own");
    for followed in following.join_all().await {
        followed.judge(&begun, age);
    }
    // One that comes when all is over finds that nearly all is, in the end.
    let ending = async {
        while !matches!(brokers[1].size("T", late).await, Ok((0 | 1, 0))) {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(GENEROUS, ending).await.expect("what is old is deleted");
    let followed = follow(&brokers[1], late, total, Duration::ZERO).await;
    followed.judge(&begun, age);
    assert!(followed.got.len() <= 1, "a database keeps the last one");
    tidying.end().await;
}

/// Sends each message until it is acknowledged; answers at which offset it is, and since when it may be.
async fn produce(broker: &Short, producer: i64, number: usize) -> Vec<(u64, Instant)> {
    let mut begun = Vec::new();
    for sequence in 0..MESSAGES {
        let (payload, now) = (format!("{number}#{sequence}"), Instant::now());
        let offset = loop {
            match broker.append("T", producer, Some(sequence), &[&payload]).await {
                Ok(offset) => break offset,
                Err(error) => assert!(passes(&error), "{error}"),
            }
            sleep(Duration::from_millis(20)).await;
        };
        begun.push((offset, now));
        sleep(Duration::from_millis(2)).await;
    }
    begun
}

/// What a consumer heard.
struct Followed {
    got: Vec<Message>,
    /// The offsets that were said to be deleted, and when.
    deleted: Vec<(Range<u64>, Instant)>,
}

impl Followed {
    fn deleted(&self) -> u64 {
        self.deleted.iter().map(|(offsets, _)| offsets.end - offsets.start).sum()
    }

    /// Each message came or was deleted, and then not before its time; those of each producer ascend,
    /// and none comes twice.
    fn judge(&self, begun: &BTreeMap<u64, Instant>, age: Duration) {
        let count = self.got.len() as u64 + self.deleted();
        assert_eq!(count, begun.len() as u64, "each came, or was said to be deleted");
        for (offsets, told) in &self.deleted {
            for offset in offsets.clone() {
                let kept = *told - begun[&offset];
                assert!(kept >= age, "{offset} was deleted {kept:?} after it was sent, or sooner");
            }
        }
        let mut last = BTreeMap::new();
        for message in &self.got {
            let (producer, number) = message.payload.split_once('#').unwrap();
            let number: u64 = number.parse().unwrap();
            let before = last.insert(producer, number);
            assert!(before.is_none_or(|before| before < number), "{}", message.payload);
        }
    }
}

/// Polls until it is past so many messages, and goes on where it is told that some are deleted.
async fn follow(broker: &Short, consumer: i64, total: u64, pause: Duration) -> Followed {
    let (mut next, mut got, mut deleted) = (0, Vec::new(), Vec::new());
    while next < total {
        match broker.poll("T", consumer, Some(next), 200).await {
            Ok(messages) => {
                assert!(messages.first().is_none_or(|first| first.offset == next));
                next += messages.len() as u64;
                got.extend(messages);
            }
            Err(Error::OffsetDeleted { given, first }) => {
                assert_eq!(given, next);
                deleted.push((next..first, Instant::now()));
                next = first;
            }
            Err(error) => assert!(passes(&error), "{error}"),
        }
        // A slow one sleeps; the others only let go.
        sleep(pause.max(Duration::from_millis(1))).await;
    }
    Followed { got, deleted }
}
