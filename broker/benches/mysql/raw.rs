//! What the database does by itself: a hand-written loop of the statement that ships, on the same
//! table. Each connection has a topic of its own, so none waits for another's lock.

use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use broker::store::mysql::measured;
use sqlx::mysql::MySqlConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Executor, MySqlConnection};
use tokio::sync::Barrier;
use tokio::task::JoinSet;
use tokio::time::{Duration, Instant};

use crate::{Failed, payload};

/// Topics from here on are no broker's.
static NEXT_TOPIC: AtomicU32 = AtomicU32::new(4_000_000);

/// When a loop ends.
#[derive(Clone, Copy)]
pub(crate) enum Until {
    /// After this time.
    Passed(Duration),
    /// After so many appends on each connection.
    Done(u64),
}

/// Messages, and the seconds that they took.
pub(crate) struct Took {
    pub(crate) messages: u64,
    pub(crate) seconds: f64,
}

/// A connection in the state that the broker's are in.
pub(crate) async fn connect(url: &str) -> Result<MySqlConnection, Failed> {
    let options = MySqlConnectOptions::from_str(url)?.disable_statement_logging();
    let mut connection = options.connect().await?;
    for statement in measured::session() {
        connection.execute(AssertSqlSafe(statement)).await?;
    }
    Ok(connection)
}

/// Appends of `rows` messages, one after the other on each connection.
pub(crate) async fn appends(
    url: &str,
    connections: usize,
    rows: u64,
    until: Until,
) -> Result<Took, Failed> {
    let mut set = JoinSet::new();
    let begin = Arc::new(Barrier::new(connections + 1));
    for _ in 0..connections {
        let mut connection = connect(url).await?;
        let topic = new_topic(&mut connection).await?;
        let begin = Arc::clone(&begin);
        set.spawn(async move {
            let text: Arc<str> = measured::append(usize::try_from(rows)?).into();
            begin.wait().await;
            let (began, mut done) = (Instant::now(), 0);
            while match until {
                Until::Passed(time) => began.elapsed() < time,
                Until::Done(appends) => done < appends,
            } {
                append(&mut connection, &text, topic, 1 + done * rows, rows).await?;
                done += 1;
            }
            Ok::<_, Failed>(done * rows)
        });
    }
    begin.wait().await;
    let began = Instant::now();
    let mut messages = 0;
    while let Some(ended) = set.join_next().await {
        messages += ended??;
    }
    Ok(Took { messages, seconds: began.elapsed().as_secs_f64() })
}

async fn append(
    on: &mut MySqlConnection,
    text: &Arc<str>,
    topic: u32,
    first: u64,
    rows: u64,
) -> Result<(), Failed> {
    let mut append = sqlx::query(AssertSqlSafe(Arc::clone(text))).bind(first - 1);
    for offset in first..first + rows {
        append = append.bind(topic).bind(offset).bind(0_u64);
        append = append.bind(offset).bind(first).bind(payload());
    }
    append.execute(on).await?;
    Ok(())
}

/// A topic with one message, behind which others can go.
async fn new_topic(on: &mut MySqlConnection) -> Result<u32, Failed> {
    let topic = NEXT_TOPIC.fetch_add(1, Ordering::Relaxed);
    let insert = sqlx::query("INSERT INTO topics (id, name) VALUES (?, ?)");
    insert.bind(topic).bind(format!("raw{topic}")).execute(&mut *on).await?;
    let insert = "INSERT INTO messages (topic, `offset`, producer, payload) VALUES (?, 0, 0, ?)";
    sqlx::query(insert).bind(topic).bind(payload()).execute(on).await?;
    Ok(topic)
}
