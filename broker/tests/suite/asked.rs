//! How often the database is asked in the background, and for a scrape; by the log of a server of one's
//! own.

use broker::store::Retain;
use sqlx::{AssertSqlSafe, Connection, Executor, MySqlConnection};
use tokio::time::{Duration, advance, pause, resume, sleep};

use crate::support::server::OwnServer;
use crate::support::{Short, open};

/// A server that notes each statement in a table.
const NOTED: [&str; 2] = ["--general-log", "--log-output=TABLE"];

const AGE: Duration = Duration::from_secs(3200);

/// How many statements that begin like this were executed.
async fn executed(sql: &mut MySqlConnection, beginning: &str) -> i64 {
    let count = "SELECT COUNT(*) FROM mysql.general_log
                 WHERE command_type = 'Execute' AND argument LIKE CONCAT(?, '%')";
    sqlx::query_scalar(count).bind(beginning).fetch_one(sql).await.unwrap()
}

#[tokio::test]
async fn what_is_old_is_looked_for_as_often_as_is_of_use_for_the_age() {
    let Some(server) = OwnServer::start(&NOTED).await else { return };
    let store = Short(open(&server.url(), Retain::Age(AGE)).await);
    let mut sql = server.sql().await;
    for (passed, looks) in [(0, 1), (0, 1), (99, 1), (2, 2), (0, 2)] {
        pause();
        advance(Duration::from_secs(passed)).await;
        resume();
        store.0.tidy().await.unwrap();
        assert_eq!(executed(&mut sql, "SELECT t.id, t.kept_from").await, looks);
    }
}

#[tokio::test]
async fn what_is_old_is_written_down_once_and_takes_no_memory() {
    let Some(server) = OwnServer::start(&NOTED).await else { return };
    let store = Short(open(&server.url(), Retain::Age(AGE)).await);
    let mut sql = MySqlConnection::connect(&server.url()).await.unwrap();
    let producer = store.producer("T").await;
    for _ in 0..8 {
        store.append("T", producer, None, &["x"; 1000]).await.unwrap();
    }
    let used = async || store.0.observe().await.budgets[0].used;
    let before = used().await;
    assert!(before > 8000);
    sql.execute("UPDATE messages SET appended = NOW() - INTERVAL 2 HOUR").await.unwrap();
    store.0.tidy().await.unwrap();
    let first = "SELECT CAST(MIN(`offset`) AS SIGNED) FROM messages";
    assert_eq!(sqlx::query_scalar::<_, i64>(first).fetch_one(&mut sql).await.unwrap(), 7999);
    assert!(executed(&mut sql, "DELETE FROM messages").await >= 8);
    assert_eq!(executed(&mut sql, "UPDATE topics SET kept_from").await, 1);
    assert!(used().await < before / 2);
}

#[tokio::test]
async fn what_another_broker_deletes_puts_off_no_look_and_goes_from_memory() {
    let Some(server) = OwnServer::start(&[]).await else { return };
    let url = server.url();
    let [ours, other] = [open(&url, Retain::Age(AGE)).await, open(&url, Retain::Age(AGE)).await];
    let ours = Short(ours);
    let mut sql = MySqlConnection::connect(&url).await.unwrap();
    let producer = ours.producer("T").await;
    for _ in 0..8 {
        ours.append("T", producer, None, &["x"; 1000]).await.unwrap();
    }
    let used = async || ours.0.observe().await.budgets[0].used;
    let before = used().await;
    // It has looked, and does not for a while.
    ours.0.tidy().await.unwrap();
    sql.execute("UPDATE messages SET appended = NOW() - INTERVAL 2 HOUR").await.unwrap();
    // Another one is deleting: what that leaves is due a moment later.
    let name = "CONCAT('broker retain ', MD5(DATABASE()))";
    let lock = AssertSqlSafe(format!("DO GET_LOCK({name}, 0)"));
    sql.execute(lock).await.unwrap();
    other.tidy().await.unwrap();
    sql.execute(AssertSqlSafe(format!("DO RELEASE_LOCK({name})"))).await.unwrap();
    other.tidy().await.unwrap();
    let first = "SELECT CAST(MIN(`offset`) AS SIGNED) FROM messages";
    assert_eq!(sqlx::query_scalar::<_, i64>(first).fetch_one(&mut sql).await.unwrap(), 7999);
    ours.0.tidy().await.unwrap();
    assert!(used().await < before / 2);
}

#[tokio::test]
async fn a_scrape_that_is_broken_off_leaves_its_query_to_the_next_one() {
    let Some(server) = OwnServer::start(&NOTED).await else { return };
    let store = Short(open(&server.url(), Retain::All).await);
    let _producer = store.producer("T").await;
    let _consumer = store.consumer("T").await;
    // Whoever reads subscriptions waits for a lock.
    let mut sql = MySqlConnection::connect(&server.url()).await.unwrap();
    for statement in [
        "RENAME TABLE subscriptions TO subscribed",
        "CREATE VIEW subscriptions AS SELECT * FROM subscribed
         WHERE GET_LOCK('gate', 60) = 1 AND RELEASE_LOCK('gate') = 1",
        "DO GET_LOCK('gate', 0)",
    ] {
        sql.execute(statement).await.unwrap();
    }
    tokio::select! {
        biased;
        _ = store.0.observe() => panic!("it does not wait"),
        () = until_somebody_waits(&mut sql) => {}
    }
    sql.execute("DO RELEASE_LOCK('gate')").await.unwrap();
    let lag = store.0.observe().await.lag.unwrap();
    assert!(lag.is_current && lag.subscriptions == 1, "{lag:?}");
    assert_eq!(executed(&mut sql, "/*M! SET STATEMENT").await, 1);
}

async fn until_somebody_waits(sql: &mut MySqlConnection) {
    let waiting = "SELECT COUNT(*) FROM information_schema.processlist WHERE state = 'User lock'";
    while sqlx::query_scalar::<_, i64>(waiting).fetch_one(&mut *sql).await.unwrap() == 0 {
        sleep(Duration::from_millis(2)).await;
    }
}
