//! Topics that are deleted through one of three brokers on the nodes of a Galera cluster, while producers
//! and consumers are at work through all of them, and while a node is killed: everybody hears of it, the
//! name is free, and nothing of the old topic is left on any node.

use std::sync::Arc;

use broker_client::wire::{Code, ConsumerId, Produce, ProducerId, Subscription};
use broker_client::{Client, Error};
use sqlx::{AssertSqlSafe, Executor};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Duration, sleep, timeout};

use crate::deletion::{Acked, judge};
use crate::support::cluster::Nodes;
use crate::support::load::{GENEROUS, poll};

/// How often the topic is deleted; every other time a node is killed.
const ROUNDS: u32 = 4;

/// Producers, and as many consumers, at each broker.
const CLIENTS: usize = 2;

/// Messages that are acknowledged before the topic is deleted under their producers; of the last topic,
/// each producer's.
const MESSAGES: u64 = 60;

/// Longer than it takes until a lost node is left out, and shorter than [`GENEROUS`].
const TIMEOUT: [&str; 2] = ["--store-timeout", "20s"];

/// So long a poll waits for a message that never comes.
const WAIT: u64 = 25_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_topic_is_deleted_at_all_brokers_and_on_all_nodes() {
    let Some(mut nodes) = Nodes::get().await else { return };
    let brokers = nodes.brokers(&[&TIMEOUT[..], &["--max-wait", "30s"]].concat());
    let clients: Vec<Client> =
        brokers.iter().map(|broker| broker.client().with_timeout(GENEROUS)).collect();
    for round in 0..=ROUNDS {
        let all = one_round(&mut nodes, &clients, round);
        timeout(3 * GENEROUS, all).await.unwrap_or_else(|_| panic!("round {round} does not end"));
    }
    timeout(GENEROUS, until_cleared(&nodes)).await.expect("all of it is cleared");
    drop(brokers);
    nodes.assert_equal().await;
    let mut sql = nodes.seeing_all(0).await;
    for (table, kept) in [("producers", 3 * CLIENTS), ("subscriptions", 3 * CLIENTS), ("topics", 1)]
    {
        let count = format!("SELECT COUNT(*) FROM {table}");
        let count: i64 =
            sqlx::query_scalar(AssertSqlSafe(count)).fetch_one(&mut sql).await.unwrap();
        assert_eq!(count, i64::try_from(kept).unwrap(), "{table}: those of the last one");
    }
}

async fn one_round(nodes: &mut Nodes, clients: &[Client], round: u32) {
    let is_last = round == ROUNDS;
    let here = round as usize % 3;
    let [there, elsewhere] = [1, 2].map(|next| (here + next) % 3);
    clients[here].create_topic("T").await.unwrap_or_else(|error| panic!("{round}: {error}"));
    clients[here].create_topic("quiet").await.unwrap_or_else(|error| panic!("{round}: {error}"));
    let (mut producing, mut consuming, mut waiting) =
        (JoinSet::new(), JoinSet::new(), JoinSet::new());
    let mut producers = Vec::new();
    for client in clients {
        for _ in 0..CLIENTS {
            let consumer = client.register_consumer("T").await.unwrap();
            assert_eq!(consumer.offset, Some(0), "{round}: it begins anew");
            let most = is_last.then_some(MESSAGES * (3 * CLIENTS) as u64);
            consuming.spawn(consume(client.clone(), consumer.consumer_id, most));
            producers.push((client, client.register_producer("T").await.unwrap().producer_id));
        }
        let consumer = client.register_consumer("quiet").await.unwrap().consumer_id;
        waiting.spawn(wait(client.clone(), consumer));
    }
    let acked = Arc::new(watch::Sender::new(0));
    for (number, &(client, producer)) in producers.iter().enumerate() {
        let (client, name) = (client.clone(), format!("{round}/{number}"));
        let most = is_last.then_some(MESSAGES);
        producing.spawn(produce(client, producer, name, most, Arc::clone(&acked)));
    }
    if !is_last {
        acked.subscribe().wait_for(|acked| *acked >= MESSAGES).await.unwrap();
        let kills = round % 2 == 1;
        if kills {
            nodes.kill(elsewhere).await;
        }
        delete(&clients[here], "T").await;
        // The name is free at once, at another broker too.
        clients[there].create_topic("T").await.unwrap_or_else(|error| panic!("{round}: {error}"));
        delete(&clients[there], "T").await;
        if kills {
            nodes.run_again(elsewhere);
        }
    }
    delete(&clients[here], "quiet").await;
    waiting.join_all().await;
    let mut all = Acked::new();
    for own in producing.join_all().await {
        let count = all.len() + own.len();
        all.extend(own);
        assert_eq!(all.len(), count, "{round}: two acknowledged at one offset");
    }
    for got in consuming.join_all().await {
        judge(round, &all, &got, is_last);
    }
}

/// Deletes it; where that was not answered, until it is known to be gone.
async fn delete(client: &Client, topic: &str) {
    let mut is_sure = true;
    loop {
        match client.delete_topic(topic).await {
            Ok(()) => return,
            Err(error) if !is_sure && error.code() == Some(&Code::UnknownTopic) => return,
            Err(error) => pass(&error).await,
        }
        is_sure = false;
    }
}

/// A failure of a broker that has lost its node, or of the cluster while it leaves one out.
async fn pass(error: &Error) {
    assert!(error.may_pass(), "{error}");
    sleep(Duration::from_millis(20)).await;
}

/// Sends until the topic is deleted, or so many.
async fn produce(
    client: Client,
    producer: ProducerId,
    name: String,
    most: Option<u64>,
    acked: Arc<watch::Sender<u64>>,
) -> Acked {
    let mut own = Acked::new();
    for number in 0..most.unwrap_or(u64::MAX) {
        let payload = format!("{name}#{number}");
        let produce = Produce {
            topic: "T",
            producer_id: producer,
            message: Some(&payload),
            messages: None,
            sequence: Some(number),
            epoch: None,
        };
        let offset = loop {
            match client.produce(&produce).await {
                Ok(produced) => break produced.offset.unwrap(),
                Err(error) if error.code() == Some(&Code::UnknownProducer) => return own,
                Err(error) => pass(&error).await,
            }
        };
        assert_eq!(own.insert(offset, payload), None);
        acked.send_modify(|acked| *acked += 1);
    }
    own
}

/// Polls until the topic is deleted, or so many have come.
async fn consume(client: Client, consumer: ConsumerId, most: Option<u64>) -> Vec<(u64, String)> {
    let mut got = Vec::new();
    while most != Some(got.len() as u64) {
        match poll(&client, "T", consumer, got.len() as u64, 200).await {
            Ok(more) => got.extend(more.into_iter().map(|one| (one.offset, one.payload))),
            Err(error) if error.code() == Some(&Code::UnknownConsumer) => return got,
            Err(error) => pass(&error).await,
        }
    }
    got
}

/// Polls where nothing comes, until it is told that the topic is deleted.
async fn wait(client: Client, consumer: ConsumerId) {
    loop {
        match poll(&client, "quiet", consumer, 0, WAIT).await {
            Ok(got) => panic!("it is not woken: {got:?}"),
            Err(error) if error.code() == Some(&Code::UnknownConsumer) => break,
            Err(error) => pass(&error).await,
        }
    }
    let named = Subscription { topic: "quiet", consumer_id: consumer, epoch: None };
    let gone = client.size(&named).await.unwrap_err();
    assert_eq!(gone.code(), Some(&Code::UnknownConsumer), "{gone}");
}

/// Waits until nothing of the deleted topics is left on any node, and nothing that could come late.
async fn until_cleared(nodes: &Nodes) {
    let aged = "UPDATE deleted_topics SET deleted = deleted - INTERVAL 2 MINUTE";
    nodes.seeing_all(0).await.execute(aged).await.unwrap();
    for node in 0..3 {
        let mut sql = nodes.seeing_all(node).await;
        let noted = "SELECT COUNT(*) FROM deleted_topics";
        while sqlx::query_scalar::<_, i64>(noted).fetch_one(&mut sql).await.unwrap() > 0 {
            sleep(Duration::from_millis(50)).await;
        }
        for table in ["messages", "producers", "subscriptions"] {
            let left =
                format!("SELECT COUNT(*) FROM {table} WHERE topic NOT IN (SELECT id FROM topics)");
            let left: i64 =
                sqlx::query_scalar(AssertSqlSafe(left)).fetch_one(&mut sql).await.unwrap();
            assert_eq!(left, 0, "{table}, node {node}");
        }
    }
}
