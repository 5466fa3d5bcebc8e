//! What the database does by itself, by the same statements on the same table.

use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sqlx::mysql::MySqlConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Executor, MySqlConnection};
use tokio::task::JoinSet;
use tokio::time::{Duration, Instant};

use crate::{Failed, payload};

/// A topic that no broker has.
const TOPIC: u32 = 4_000_000;

static NEXT: AtomicU64 = AtomicU64::new(0);

async fn connect(url: &str) -> Result<MySqlConnection, Failed> {
    Ok(MySqlConnectOptions::from_str(url)?.disable_statement_logging().connect().await?)
}

/// Rows a second of inserts of `rows` rows each, every one a transaction.
pub(crate) async fn inserts(
    url: &str,
    connections: usize,
    rows: usize,
    time: Duration,
) -> Result<f64, Failed> {
    let done = Arc::new(AtomicU64::new(0));
    let text = format!(
        "INSERT INTO messages (topic, `offset`, producer, sequence, payload) VALUES {}",
        vec!["(?,?,?,?,?)"; rows].join(",")
    );
    let text: Arc<str> = text.into();
    let mut set = JoinSet::new();
    for _ in 0..connections {
        let mut connection = connect(url).await?;
        let (text, done) = (Arc::clone(&text), Arc::clone(&done));
        set.spawn(async move {
            let end = Instant::now() + time;
            while Instant::now() < end {
                let first = NEXT.fetch_add(rows as u64, Ordering::Relaxed);
                let mut insert = sqlx::query(AssertSqlSafe(Arc::clone(&text)));
                for offset in first..first + rows as u64 {
                    insert = insert.bind(TOPIC).bind(offset).bind(0_u64).bind(offset);
                    insert = insert.bind(payload());
                }
                insert.execute(&mut connection).await?;
                done.fetch_add(rows as u64, Ordering::Relaxed);
            }
            Ok::<_, sqlx::Error>(())
        });
    }
    let began = Instant::now();
    while let Some(ended) = set.join_next().await {
        ended??;
    }
    Ok(done.load(Ordering::Relaxed) as f64 / began.elapsed().as_secs_f64())
}

/// Messages a second by the statements of an append, on one connection.
pub(crate) async fn statements(url: &str, sequence: bool, time: Duration) -> Result<f64, Failed> {
    let mut connection = connect(url).await?;
    connection.execute("SET autocommit = 0").await?;
    sqlx::query("INSERT IGNORE INTO topics (id, name) VALUES (?, 'raw')")
        .bind(TOPIC)
        .execute(&mut connection)
        .await?;
    sqlx::query("INSERT IGNORE INTO producers (id, topic) VALUES (?, ?)")
        .bind(TOPIC)
        .bind(TOPIC)
        .execute(&mut connection)
        .await?;
    let next: u64 = sqlx::query_scalar("SELECT next_offset FROM topics WHERE id = ?")
        .bind(TOPIC)
        .fetch_one(&mut connection)
        .await?;
    connection.execute("COMMIT").await?;
    let mut offset = NEXT.load(Ordering::Relaxed);
    sqlx::query("UPDATE topics SET next_offset = ? WHERE id = ? AND next_offset = ?")
        .bind(offset)
        .bind(TOPIC)
        .bind(next)
        .execute(&mut connection)
        .await?;
    let (began, first) = (Instant::now(), offset);
    while began.elapsed() < time {
        append(&mut connection, offset, sequence).await?;
        offset += 1;
    }
    NEXT.store(offset, Ordering::Relaxed);
    Ok((offset - first) as f64 / began.elapsed().as_secs_f64())
}

async fn append(
    connection: &mut MySqlConnection,
    offset: u64,
    sequence: bool,
) -> Result<(), Failed> {
    sqlx::query("UPDATE topics SET next_offset = ? WHERE id = ? AND next_offset = ?")
        .bind(offset + 1)
        .bind(TOPIC)
        .bind(offset)
        .execute(&mut *connection)
        .await?;
    sqlx::query(
        "INSERT INTO messages (topic, `offset`, producer, sequence, payload) VALUES (?,?,?,?,?)",
    )
    .bind(TOPIC)
    .bind(offset)
    .bind(0_u64)
    .bind(offset)
    .bind(payload())
    .execute(&mut *connection)
    .await?;
    if sequence {
        sqlx::query(
            "INSERT INTO producers (id, topic, next_sequence, last_first, last_offset)
             VALUES (?,?,?,?,?) ON DUPLICATE KEY UPDATE next_sequence = VALUES(next_sequence),
             last_first = VALUES(last_first), last_offset = VALUES(last_offset)",
        )
        .bind(TOPIC)
        .bind(TOPIC)
        .bind(offset + 1)
        .bind(offset)
        .bind(offset)
        .execute(&mut *connection)
        .await?;
    }
    connection.execute("COMMIT").await?;
    Ok(())
}
