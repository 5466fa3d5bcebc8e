//! How often the database is asked for a scrape; by the log of a server of one's own.

use broker::store::Retain;
use sqlx::{Connection, Executor, MySqlConnection};
use tokio::time::{Duration, sleep};

use crate::support::server::OwnServer;
use crate::support::{Short, open};

/// A server that notes each statement in a table.
const NOTED: [&str; 2] = ["--general-log", "--log-output=TABLE"];

/// How many statements that begin like this were executed.
async fn executed(sql: &mut MySqlConnection, beginning: &str) -> i64 {
    let count = "SELECT COUNT(*) FROM mysql.general_log
                 WHERE command_type = 'Execute' AND argument LIKE CONCAT(?, '%')";
    sqlx::query_scalar(count).bind(beginning).fetch_one(sql).await.unwrap()
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
