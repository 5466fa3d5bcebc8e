//! What the log and the figures say of a database in trouble: what is the matter, once, and when it is
//! over.

use sqlx::{Connection, Executor, MySqlConnection};
use tokio::time::{Duration, sleep, timeout};

use crate::support::load::GENEROUS;
use crate::support::process::Process;
use crate::support::scene::{Answer, Scene, password};
use crate::support::server::OwnServer;

const READ_ONLY: &str = "the database is read-only: reads are answered, writes refused";
const LOST: &str = "the database is lost";
const UNFIT: &str = "the database cannot be used";
const BACK: &str = "the database is back";

/// How many lines have this.
fn lines(broker: &Process, text: &str) -> usize {
    broker.said().lines().filter(|line| line.contains(text)).count()
}

async fn until_said(broker: &Process, text: &str, times: usize) {
    let saying = async {
        while lines(broker, text) < times {
            sleep(Duration::from_millis(5)).await;
        }
    };
    let said = timeout(GENEROUS, saying).await;
    assert!(said.is_ok(), "it does not say {times} times {text:?}: {}", broker.said());
}

/// The figure by which an operator sees it.
async fn is_up(scene: &Scene) -> bool {
    let answer = scene.probe.get("/metrics").await;
    let up = answer.lines().find_map(|line| line.strip_prefix("broker_store_up "));
    up.unwrap_or_else(|| panic!("{answer}")) == "1"
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_only_reads_is_said_to_do_that() {
    let Some(server) = OwnServer::start(&[]).await else { return };
    // Who may do everything may write then, too.
    let mut sql = server.sql().await;
    for statement in [
        "CREATE DATABASE torture",
        "CREATE USER plain@localhost IDENTIFIED BY 'pl41n'",
        "GRANT ALL ON torture.* TO plain@localhost",
    ] {
        sql.execute(statement).await.unwrap();
    }
    let login = format!("harness:{}", password(&server.url()));
    let store = server.url().replace(&login, "plain:pl41n");
    let mut scene = Scene::on(server, &store, &[], false).await;
    assert!(is_up(&scene).await);
    sql.execute("SET GLOBAL read_only = 1").await.unwrap();
    let client = scene.broker.client();
    for _ in 0..3 {
        let during = scene.probe.ask().await;
        assert_eq!((during.produce.0, during.is_ready), (Answer::Unavailable, false));
        assert_eq!(client.topics().await.unwrap(), ["probe"]);
        assert!(!is_up(&scene).await);
    }
    assert_eq!([READ_ONLY, LOST, BACK].map(|text| lines(&scene.broker, text)), [1, 0, 0]);
    // One that starts meanwhile tries it before anybody asks.
    let other = Process::start(&store, &[]);
    until_said(&other, READ_ONLY, 1).await;
    sql.execute("SET GLOBAL read_only = 0").await.unwrap();
    until_said(&other, BACK, 1).await;
    until_said(&scene.broker, BACK, 1).await;
    assert!(is_up(&scene).await);
    scene.probe.well().await;
    for broker in [&scene.broker, &other] {
        assert_eq!([READ_ONLY, LOST, BACK].map(|text| lines(broker, text)), [1, 0, 1]);
    }
    scene.check_broker();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_in_every_round_is_said_once() {
    const FAILS: &str = "cannot delete what is not to be kept any longer";
    let more = ["--store-timeout", "1s", "--log-level", "debug"];
    let Some(mut scene) = Scene::idle(&[], &more).await else { return };
    scene.server.kill().await;
    until_said(&scene.broker, FAILS, 3).await;
    let is_warning = |line: &&str| line.contains(" WARN ") && line.contains(FAILS);
    assert_eq!(scene.broker.said().lines().filter(is_warning).count(), 1);
    assert!(!is_up(&scene).await);
    scene.server.run_again();
    until_said(&scene.broker, "works again: delete what is not to be kept any longer", 1).await;
    until_said(&scene.broker, BACK, 1).await;
    assert!(is_up(&scene).await);
    assert_eq!([LOST, BACK].map(|text| lines(&scene.broker, text)), [1, 1]);
    scene.check_broker();
}

/// Nobody asks `/readyz` from here on, and no connection is lost.
#[tokio::test(flavor = "multi_thread")]
async fn what_only_a_producer_meets_is_found_out() {
    // Longer than a statement waits for a lock.
    let Some(mut scene) = Scene::idle(&[], &["--store-timeout", "3s"]).await else { return };
    let mut sql = MySqlConnection::connect(&scene.server.url()).await.unwrap();
    sql.execute("LOCK TABLES messages WRITE").await.unwrap();
    assert_eq!(scene.probe.produce("x").await, Answer::Unavailable);
    until_said(&scene.broker, UNFIT, 1).await;
    assert!(!is_up(&scene).await);
    assert_eq!(scene.probe.produce("x").await, Answer::Unavailable);
    assert!(!is_up(&scene).await);
    assert_eq!([UNFIT, LOST, BACK].map(|text| lines(&scene.broker, text)), [1, 0, 0]);
    sql.execute("UNLOCK TABLES").await.unwrap();
    until_said(&scene.broker, BACK, 1).await;
    assert!(is_up(&scene).await);
    assert_eq!([UNFIT, LOST, BACK].map(|text| lines(&scene.broker, text)), [1, 0, 1]);
    scene.check_broker();
}

#[tokio::test(flavor = "multi_thread")]
async fn another_cause_is_said_too() {
    let Some(mut scene) = Scene::idle(&[], &[]).await else { return };
    let mut sql = MySqlConnection::connect(&scene.server.url()).await.unwrap();
    let trigger = "CREATE TRIGGER refusing BEFORE INSERT ON messages FOR EACH ROW
                   SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not today'";
    sql.execute(trigger).await.unwrap();
    assert_ne!(scene.probe.produce("x").await, Answer::Success);
    until_said(&scene.broker, UNFIT, 1).await;
    scene.server.kill().await;
    until_said(&scene.broker, LOST, 1).await;
    scene.server.run_again();
    until_said(&scene.broker, UNFIT, 2).await;
    assert_eq!(lines(&scene.broker, "not today"), 2, "{}", scene.broker.said());
    assert!(!is_up(&scene).await);
    let mut sql = MySqlConnection::connect(&scene.server.url()).await.unwrap();
    sql.execute("DROP TRIGGER refusing").await.unwrap();
    until_said(&scene.broker, BACK, 1).await;
    assert_eq!([UNFIT, LOST, BACK].map(|text| lines(&scene.broker, text)), [2, 1, 1]);
    scene.check_broker();
}
