//! Brokers on the nodes of a Galera cluster, one on each: what one has done, the others know; of two
//! that meet, one starts over; a node that is cut off does nothing, and says so.
//!
//! `CLUSTER_STARTS` rounds (default 2) of starting three brokers at once on an empty database, and as
//! many on one that an earlier broker made.

use std::collections::BTreeSet;
use std::sync::Arc;

use broker::store::mysql::{MysqlStore, Options};
use broker::store::{Retain, Store};
use broker_client::Client;
use sqlx::mysql::MySqlDatabaseError;
use sqlx::{AssertSqlSafe, Executor};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use crate::support::Short;
use crate::support::audit::audit;
use crate::support::cluster::Nodes;
use crate::support::load::{GENEROUS, Load, Numbered, Plan};
use crate::support::process::Process;
use crate::support::scene::{Answer, Probe};

const TIMEOUT: [&str; 2] = ["--store-timeout", "20s"];

/// Of each client.
const REGISTRATIONS: i64 = 30;

#[tokio::test(flavor = "multi_thread")]
async fn three_brokers_start_at_once_on_three_nodes() {
    let Some(mut nodes) = Nodes::get().await else { return };
    let starts = std::env::var("CLUSTER_STARTS").map_or(2, |text| text.parse().unwrap());
    for round in 0..starts {
        nodes.renew(&format!("starts_{round}"));
        check_one_store(&nodes.brokers(&TIMEOUT)).await;
    }
    for round in 0..starts {
        nodes.renew(&format!("old_{round}"));
        // As a broker of the first release that was killed in the middle of its second migration.
        let mut sql = nodes.sql(round % 3).await;
        for statement in old_store(&format!("old_{round}")) {
            sql.execute(AssertSqlSafe(statement)).await.unwrap();
        }
        check_one_store(&nodes.brokers(&TIMEOUT)).await;
    }
}

/// The statements that leave a store behind whose migration was cut off.
fn old_store(database: &str) -> Vec<String> {
    let done = "19ddfc6ab5e67cc54248fa5b96da3b8846c1e97df0a00a03707274ec79206dfc3a55d96ebb16d81a233db537d7bb9971";
    let begun = "2eeab1f2cd5c5f069660ed631ef58d62fe69978a9d0884699dcf203ecb1c5c97f5ea7b1137de48d885c290a1c2ada149";
    vec![
        format!("CREATE DATABASE {database}"),
        format!("USE {database}"),
        include_str!("../../migrations/0001_store.sql").to_owned(),
        "CREATE TABLE _sqlx_migrations (
             version BIGINT PRIMARY KEY, description TEXT NOT NULL,
             installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, success BOOLEAN NOT NULL,
             checksum BLOB NOT NULL, execution_time BIGINT NOT NULL
         )"
        .to_owned(),
        format!(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
             VALUES (1, 'store', TRUE, X'{done}', 1), (2, 'topics', FALSE, X'{begun}', -1)"
        ),
    ]
}

async fn check_one_store(brokers: &[Process]) {
    let mut epochs = BTreeSet::new();
    let mut given = Vec::new();
    for broker in brokers {
        let registered = broker.client().register_producer("T").await.unwrap();
        epochs.insert(registered.epoch.unwrap());
        given.push(registered.producer_id);
    }
    assert_eq!(epochs.len(), 1, "one life for all of them");
    assert_eq!(given, (0..3).collect::<Vec<_>>(), "what one gave, the others know");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_may_stand_still_for_long_is_warned_of() {
    let Some(nodes) = Nodes::get().await else { return };
    let mut sql = nodes.sql(1).await;
    let (before,): (u64,) = sqlx::query_as("SELECT @@GLOBAL.innodb_lock_wait_timeout")
        .fetch_one(&mut sql)
        .await
        .unwrap();
    sql.execute("SET GLOBAL innodb_lock_wait_timeout = 50").await.unwrap();
    let brokers = nodes.brokers(&TIMEOUT);
    let restored = format!("SET GLOBAL innodb_lock_wait_timeout = {before}");
    sql.execute(AssertSqlSafe(restored)).await.unwrap();
    let warned: Vec<_> = brokers
        .iter()
        .map(|broker| broker.said().contains("innodb_lock_wait_timeout is more than 5 s"))
        .collect();
    assert_eq!(warned, [false, true, false]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_broker_did_others_know_at_once() {
    let Some(nodes) = Nodes::get().await else { return };
    let brokers = nodes.brokers(&TIMEOUT);
    let clients: Vec<Client> = brokers.iter().map(Process::client).collect();
    for round in 0..60 {
        let [here, there] = [&clients[round % 3], &clients[(round + 1) % 3]];
        let topic = format!("T{round}");
        let producer = here.register_producer(&topic).await.unwrap().producer_id;
        // The next of a producer's messages goes to another broker each time.
        let send = async |at: &Client, sequence| {
            let produce = broker_client::wire::Produce {
                topic: &topic,
                producer_id: producer,
                message: Some("m"),
                messages: None,
                sequence: Some(sequence),
                epoch: None,
            };
            at.produce(&produce).await.unwrap_or_else(|error| panic!("{round}: {error}"))
        };
        send(there, 0).await;
        send(here, 1).await;
        send(there, 2).await;
        let consumer = here.register_consumer(&topic).await.unwrap();
        assert_eq!(consumer.offset, Some(3), "{round}");
        send(here, 3).await;
        let got = crate::support::load::poll(there, &topic, consumer.consumer_id, 3, 0).await;
        assert_eq!(got.unwrap().len(), 1, "{round}");
    }
}

/// Each node has locks of its own, so two brokers may count on from the same id.
#[tokio::test(flavor = "multi_thread")]
async fn who_registers_at_three_brokers_at_once_gets_an_id_of_its_own() {
    let Some(nodes) = Nodes::get().await else { return };
    let brokers = nodes.brokers(&TIMEOUT);
    let mut registering = JoinSet::new();
    for broker in &brokers {
        for _ in 0..4 {
            let client = broker.client();
            registering.spawn(async move {
                let mut given = Vec::new();
                for _ in 0..REGISTRATIONS {
                    given.push(client.register_producer("T").await.unwrap().producer_id);
                }
                given
            });
        }
    }
    let mut given = registering.join_all().await.concat();
    given.sort_unstable();
    assert_eq!(given, (0..12 * REGISTRATIONS).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_behind_refuses_nobody() {
    let Some(nodes) = Nodes::get().await else { return };
    let brokers = nodes.brokers(&TIMEOUT);
    let [ahead, behind] = [&brokers[0], &brokers[2]].map(Process::client);
    let mut sql = nodes.sql(2).await;
    // It holds up what comes from the other nodes.
    sql.execute("FLUSH TABLES WITH READ LOCK").await.unwrap();
    let producer = ahead.register_producer("T").await.unwrap().producer_id;
    let producers = format!("SELECT COUNT(*) FROM {}.producers", nodes.database());
    let known = sqlx::query_scalar::<_, i64>(AssertSqlSafe(producers)).fetch_one(&mut sql).await;
    assert_eq!(known.unwrap(), 0, "it is behind");
    let produce = broker_client::wire::Produce {
        topic: "T",
        producer_id: producer,
        message: Some("m"),
        messages: None,
        sequence: Some(0),
        epoch: None,
    };
    let releasing = async {
        // The broker asks who the producer is, and waits for the answer; or it has it at once.
        let asks = "SELECT COUNT(*) FROM information_schema.processlist
                    WHERE command = 'Execute' AND info LIKE '%FROM producers%'";
        while sqlx::query_scalar::<_, i64>(asks).fetch_one(&mut sql).await.unwrap() == 0 {
            tokio::task::yield_now().await;
        }
        sql.execute("UNLOCK TABLES").await.unwrap();
        std::future::pending::<()>().await;
    };
    tokio::select! {
        produced = behind.produce(&produce) => assert_eq!(produced.unwrap().offset, Some(0)),
        () = releasing => unreachable!("it waits for the answer"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn brokers_that_append_to_the_same_topics_have_one_order() {
    let Some(nodes) = Nodes::get().await else { return };
    let brokers = nodes.brokers(&TIMEOUT);
    let clients: Vec<Client> = brokers.iter().map(Process::client).collect();
    let load = Load::start(Plan {
        topics: vec!["A".to_owned(), "B".to_owned()],
        producers: 12,
        numbered: Numbered::Yes,
        appending: &clients,
        following: &clients,
        is_moving: true,
    })
    .await;
    load.until_acked(600).await;
    let seen = timeout(GENEROUS, load.finish()).await.expect("everybody ends");
    assert_eq!(seen.unknown, 0, "a conflict is a rollback, and tried again");
    let counts = audit(&clients[0], &seen, Numbered::Yes).await;
    assert!(counts.messages >= 600, "{counts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_begins_before_a_deletion_on_another_node_or_after_it() {
    let Some(nodes) = Nodes::get().await else { return };
    let options = Options { retain: Retain::Lag, ..Options::default() };
    let stores = [0, 1].map(|node| {
        let (address, options) = (nodes.url(node).parse().unwrap(), options.clone());
        async move { MysqlStore::open(&address, &options).await.unwrap() }
    });
    let [here, there] = stores;
    let (here, there) = (Short(Arc::new(here.await)), Arc::new(there.await));
    let producer = here.producer("T").await;
    let first = here.consumer("T").await.consumer;
    here.append("T", producer, None, &["0", "1", "2"]).await.unwrap();
    // A registration as a broker makes it, between its reading of the end and its commit.
    let mut registering = nodes.sql(0).await;
    let database = nodes.database().to_owned();
    registering.execute(AssertSqlSafe(format!("USE {database}"))).await.unwrap();
    registering.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED").await.unwrap();
    registering.execute("START TRANSACTION").await.unwrap();
    registering.execute("UPDATE store SET next_consumer = next_consumer + 1").await.unwrap();
    let subscribing = "INSERT INTO subscriptions (consumer, topic, `position`, polled)
                       SELECT 77, topic, 0, polled FROM subscriptions";
    registering.execute(subscribing).await.unwrap();
    // Meanwhile the only other subscription moves on, and on another node all of it is deleted.
    assert_eq!(here.take("T", first, 3).await.len(), 3);
    there.tidy().await.unwrap();
    let mut sql = nodes.sql(1).await;
    sql.execute("SET SESSION wsrep_sync_wait = 1").await.unwrap();
    let least = format!("SELECT CAST(MIN(`offset`) AS SIGNED) FROM {database}.messages");
    let least: i64 = sqlx::query_scalar(AssertSqlSafe(least)).fetch_one(&mut sql).await.unwrap();
    assert_eq!(least, 2, "all but the last message are deleted");
    let error = registering.execute("COMMIT").await.expect_err("what it begins with is gone");
    let number = error.as_database_error().unwrap().downcast_ref::<MySqlDatabaseError>().number();
    assert_eq!(number, 1213, "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_on_a_node_that_is_cut_off_does_nothing_and_says_so() {
    let Some(nodes) = Nodes::get().await else { return };
    let brokers = nodes.brokers(&["--store-timeout", "1s"]);
    // The one that is to be cut off has connections in use, the other takes what comes.
    let (mut here, mut cut) =
        (Probe::at(&brokers[0], "here").await, Probe::at(&brokers[2], "cut").await);
    cut.well().await;
    nodes.isolate(2, true).await;
    let during = cut.ask().await;
    assert_eq!((during.produce.0, during.poll.0), (Answer::Unavailable, Answer::Unavailable));
    assert!(!during.is_ready);
    here.well().await;
    let (code, said) = Process::fails(&nodes.url(2), &[]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("not been part of its cluster"), "{said}");
    nodes.isolate(2, false).await;
    let begun = Instant::now();
    cut.well().await;
    println!("{}", during.row("a node cut off from its cluster", begun.elapsed().as_millis(), 0));
    cut.audit().await;
    here.audit().await;
}
