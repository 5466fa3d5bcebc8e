//! Several brokers append to one topic, and guess wrongly on purpose. The same stress passes with
//! what the store does and finds each broken form of it: a plain insert, one that locks nothing, a
//! lax `sql_mode`, a checkpoint that is left behind, and one that moves alone.
//!
//! `STRESS_APPENDS` appends a broker (default 40).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use private_database::for_tests;
use sqlx::{Connection, Executor, MySqlConnection};
use tokio::task::JoinSet;
use tokio::time::{Duration, sleep};

use super::known::Guess;
use super::place::place;
use super::write::guessed;
use super::*;
use crate::store::mysql::address::Address;
use crate::store::mysql::connections::Connections;
use crate::store::mysql::group_commit::GroupCommit;
use crate::store::mysql::opener::{Opener, SQL_MODE};
use crate::store::mysql::registration::{RegisterRequest, Registrar};
use crate::store::mysql::setup;
use crate::store::mysql::statements::{Tail, Template};
use crate::store::mysql::tail_cache::CacheLimit;
use crate::store::{Append, Epoch};

/// Longer than a busy machine takes.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How far a checkpoint may be behind here, so that it moves often.
const WITHIN: u64 = 40;

/// What is planted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    PlainInsert,
    NoShareLock,
    LaxMode,
    CheckpointTooOld,
    CheckpointAlone,
}

/// It inserts wherever it is told to.
const PLAIN: Template = Template {
    head: "INSERT INTO messages (topic, `offset`, producer, sequence, first_sequence, payload) \
           VALUES (IF(? < 0, NULL, ?),?,?,?,?,?)",
    ..GUARDED
};

/// It looks at what it goes behind, and does not hold it: so does a `SELECT` at READ COMMITTED.
const LOCKS_NOTHING: Template = Template {
    head: "INSERT INTO messages (topic, `offset`, producer, sequence, first_sequence, payload) \
           SELECT (SELECT t.id FROM topics t JOIN messages p ON p.topic = t.id AND p.`offset` = ? \
           WHERE t.id = ?),?,?,?,?,?",
    row: " UNION ALL SELECT ?,?,?,?,?,?",
    between: "",
    tail: Tail::Text(""),
};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_the_store_does_passes() {
    for brokers in [2, 3] {
        assert_eq!(stress(brokers, None).await, Ok(()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_broken_form_is_found() {
    if for_tests().unwrap_or_else(|error| panic!("{error}")).is_none() {
        return;
    }
    // Which it is depends on who meets it first.
    let hole =
        &["do not tile the log", "not of one interval", "Duplicate entry", "SequenceGap"][..];
    for (flaw, found) in [
        (Flaw::PlainInsert, hole),
        (Flaw::NoShareLock, hole),
        (Flaw::LaxMode, hole),
        (Flaw::CheckpointTooOld, &["behind the end"]),
        (Flaw::CheckpointAlone, &["a repeat"]),
    ] {
        for brokers in [2, 3] {
            let said = stress(brokers, Some(flaw)).await.expect_err(&format!("{flaw:?} passes"));
            assert!(found.iter().any(|text| said.contains(text)), "{flaw:?}: {said}");
        }
    }
}

/// What an append came to: its first offset, and how many messages it has.
type Tile = (Offset, u64);

/// Runs the stress on a new database and says what is wrong there.
async fn stress(brokers: usize, flaw: Option<Flaw>) -> Result<(), String> {
    let Some(server) = for_tests().unwrap_or_else(|error| panic!("{error}")) else { return Ok(()) };
    let url = server.of_database(&format!("broker_stress_{}", Epoch::random()));
    let address: Address = url.parse().unwrap();
    let mut scene = Scene::new(&address, &url, brokers, flaw).await;
    let judged = scene.run().await;
    setup::drop_database(&address).await.unwrap();
    judged
}

struct Scene {
    sql: MySqlConnection,
    url: String,
    address: Address,
    topic: u32,
    producers: Vec<i64>,
    brokers: Vec<Arc<Appender>>,
    flaw: Option<Flaw>,
}

impl Scene {
    async fn new(address: &Address, url: &str, brokers: usize, flaw: Option<Flaw>) -> Self {
        let (mut all, mut producers, mut topic) = (Vec::new(), Vec::new(), 0);
        for _ in 0..brokers {
            let database = Arc::new(database(address, flaw).await);
            let registrar = Registrar { database: Arc::clone(&database), most_topics: usize::MAX };
            let registrar = GroupCommit::new(registrar, TIMEOUT);
            let asked = RegisterRequest::Producer("T".parse().unwrap());
            let allotted = registrar.ask(asked, database.deadline()).await.unwrap();
            topic = allotted.topic;
            producers.push(allotted.producer());
            all.push(appender(database, topic, flaw));
        }
        let sql = MySqlConnection::connect(url).await.unwrap();
        let (url, address) = (url.to_owned(), address.clone());
        Self { sql, url, address, topic, producers, brokers: all, flaw }
    }

    async fn run(&mut self) -> Result<(), String> {
        let tiles = self.write().await?;
        self.judge(tiles).await?;
        self.judge_sequences().await?;
        self.guess_while_rows_pass().await
    }

    /// All brokers append at once, each also where the log does not end, while somebody reads.
    async fn write(&mut self) -> Result<Vec<Tile>, String> {
        let writing = Arc::new(AtomicBool::new(true));
        let reading = read(self.url.clone(), self.topic, Arc::clone(&writing));
        let reading = tokio::spawn(reading);
        let end = Arc::new(AtomicU64::new(0));
        let mut writers = JoinSet::new();
        for (broker, &producer) in self.brokers.iter().zip(&self.producers) {
            writers.spawn(write(Arc::clone(broker), producer, Arc::clone(&end)));
        }
        let written: Result<Vec<_>, String> = writers.join_all().await.into_iter().collect();
        writing.store(false, Ordering::Relaxed);
        let read = reading.await.unwrap();
        // What was acknowledged says more than what a reader met.
        let written = written?.concat();
        tile(&written)?;
        read.map(|()| written)
    }

    /// The log is as long as what was acknowledged, and its checkpoint near its end.
    async fn judge(&mut self, tiles: Vec<Tile>) -> Result<(), String> {
        let acknowledged: u64 = tiles.iter().map(|(_, rows)| rows).sum();
        let (count, end, checkpoint): (i64, u64, u64) = sqlx::query_as(
            "SELECT COUNT(*), MAX(m.`offset`) + 1, t.checkpoint FROM messages m
             JOIN topics t ON t.id = m.topic WHERE t.id = ? GROUP BY t.checkpoint",
        )
        .bind(self.topic)
        .fetch_one(&mut self.sql)
        .await
        .unwrap();
        if (count.unsigned_abs(), end) != (acknowledged, acknowledged) {
            return Err(format!("{count} up to {end} are there of {acknowledged}"));
        }
        // Those that guess wrongly and turn out right pay no heed to it.
        if end > checkpoint + 2 * WITHIN {
            return Err(format!("the checkpoint is {} behind the end", end - checkpoint));
        }
        Ok(())
    }

    /// A broker that has never been there, and one that knows an old state, judge repeats and gaps
    /// as the one does that appended.
    async fn judge_sequences(&mut self) -> Result<(), String> {
        let new = Arc::new(database(&self.address, self.flaw).await);
        let new = appender(new, self.topic, self.flaw);
        let last = sequences();
        for (own, &producer) in self.brokers.iter().zip(&self.producers) {
            let at = append(own, producer, Some(last), 1).await?;
            if self.flaw == Some(Flaw::CheckpointAlone) {
                // Where that append has just moved it, it is that of the next one that shows.
                let alone =
                    "UPDATE topics SET checkpoint = (SELECT MAX(`offset`) + 1 FROM messages)";
                self.sql.execute(alone).await.unwrap();
            }
            let again = append(&new, producer, Some(last), 1).await?;
            if again != at {
                return Err(format!("a repeat of what is at {at:?} came to {again:?}"));
            }
            let gap = append(&new, producer, Some(last + 2), 1).await?;
            let refused = Err(Error::SequenceGap { given: last + 2, expected: last + 1 });
            if gap != refused {
                return Err(format!("a gap came to {gap:?}"));
            }
            let next = append(&new, producer, Some(last + 1), 2).await?;
            let again = append(own, producer, Some(last + 1), 2).await?;
            if again != next {
                return Err(format!("a repeat of what is at {next:?} came to {again:?}"));
            }
        }
        Ok(())
    }

    /// Somebody deletes the messages that an append is about to go behind, and those after them.
    async fn guess_while_rows_pass(&mut self) -> Result<(), String> {
        let last = "SELECT MAX(`offset`) FROM messages";
        let last: u64 = sqlx::query_scalar(last).fetch_one(&mut self.sql).await.unwrap();
        self.sql.execute("BEGIN").await.unwrap();
        let delete = sqlx::query("DELETE FROM messages WHERE topic = ? AND `offset` < ?");
        delete.bind(self.topic).bind(last).execute(&mut self.sql).await.unwrap();
        let (broker, producer) = (Arc::clone(&self.brokers[0]), self.producers[0]);
        let guessing = tokio::spawn(async move { guess(&broker, producer, last - 3, 1).await });
        let waits = "SELECT COUNT(*) FROM information_schema.innodb_trx t
                     JOIN information_schema.processlist p ON p.id = t.trx_mysql_thread_id
                     WHERE p.db = DATABASE() AND t.trx_state = 'LOCK WAIT'";
        while sqlx::query_scalar::<_, i64>(waits).fetch_one(&mut self.sql).await.unwrap() == 0 {
            // The server answers from a cache which it renews after 100 ms without a question.
            sleep(Duration::from_millis(120)).await;
        }
        self.sql.execute("COMMIT").await.unwrap();
        let guessed = guessing.await.unwrap()?;
        let (count, first, last) = interval(&mut self.sql, self.topic).await;
        if last - first + 1 != count {
            return Err(format!("{count} messages from {first} to {last}: not of one interval"));
        }
        if guessed { Err("a message was put before the others".to_owned()) } else { Ok(()) }
    }
}

/// A broker's part of the stress.
async fn write(
    broker: Arc<Appender>,
    producer: i64,
    end: Arc<AtomicU64>,
) -> Result<Vec<Tile>, String> {
    let (mut tiles, mut sequence) = (Vec::new(), 0);
    for number in 0..appends() {
        let rows = 1 + number % 3;
        let at = append(&broker, producer, Some(sequence), rows).await?;
        let at = at.map_err(|error| format!("an append was refused: {error:?}"))?;
        tiles.push((at, rows));
        sequence += rows;
        end.fetch_max(at + rows, Ordering::Relaxed);
        // Too low or too high by a few; it may still turn out right, for the others append too.
        let wrong = (end.load(Ordering::Relaxed) + number % 7).saturating_sub(3).max(1);
        let rows = 1 + number % 2;
        if guess(&broker, producer, wrong, rows).await? {
            tiles.push((wrong, rows));
            end.fetch_max(wrong + rows, Ordering::Relaxed);
        }
    }
    Ok(tiles)
}

/// Looks at the log as consumers do: what is there has no holes, whenever one looks.
async fn read(url: String, topic: u32, writing: Arc<AtomicBool>) -> Result<(), String> {
    let mut sql = MySqlConnection::connect(&url).await.unwrap();
    let mut reads = 0_u64;
    while writing.load(Ordering::Relaxed) {
        let (count, first, last) = interval(&mut sql, topic).await;
        if count > 0 && last - first + 1 != count {
            return Err(format!("{count} messages from {first} to {last}: not of one interval"));
        }
        reads += 1;
    }
    println!("{reads} reads");
    Ok(())
}

/// How many messages there are, and the first and last offset.
async fn interval(sql: &mut MySqlConnection, topic: u32) -> (u64, u64, u64) {
    let query = "SELECT COUNT(*), MIN(`offset`), MAX(`offset`) FROM messages WHERE topic = ?";
    let found: (i64, Option<u64>, Option<u64>) =
        sqlx::query_as(query).bind(topic).fetch_one(sql).await.unwrap();
    (found.0.unsigned_abs(), found.1.unwrap_or(0), found.2.unwrap_or(0))
}

/// Appends as the store does, again after a failure that passes.
async fn append(
    broker: &Appender,
    producer: i64,
    sequence: Option<u64>,
    rows: u64,
) -> Result<Result<Offset, Error>, String> {
    let group = [batch(producer, sequence, rows)];
    loop {
        let attempt = Attempt::new(broker.database.deadline());
        match broker.carry_out(&group, &attempt).await {
            Ok(mut answers) => return Ok(answers.pop().unwrap()),
            Err(failure) if failure.is_passing() => {}
            Err(failure) => return Err(format!("an append failed: {failure}")),
        }
    }
}

/// Appends where it is told to, as one that is wrong about the end of the log, and says whether it
/// could.
async fn guess(broker: &Appender, producer: i64, first: Offset, rows: u64) -> Result<bool, String> {
    let group = [batch(producer, None, rows)];
    let losses = broker.database.connections.losses();
    let guess = Guess { placed: place(&group, first, &BTreeMap::new()), losses };
    loop {
        let attempt = Attempt::new(broker.database.deadline());
        match guessed(&broker.database, &attempt, (broker.guarded, broker.topic), &group, &guess)
            .await
        {
            Ok(done) => return Ok(done),
            Err(failure) if failure.is_passing() => {}
            Err(failure) => return Err(format!("a guess failed: {failure}")),
        }
    }
}

/// What was acknowledged is the log, each message once.
fn tile(tiles: &[Tile]) -> Result<(), String> {
    let mut tiles = tiles.to_vec();
    tiles.sort_unstable();
    let mut end = 0;
    for (first, rows) in tiles {
        if first != end {
            return Err(format!("{first} comes after {end}: the answers do not tile the log"));
        }
        end = first + rows;
    }
    Ok(())
}

fn batch(producer: i64, sequence: Option<u64>, rows: u64) -> Batch {
    let payloads = vec![Cow::from("x"); usize::try_from(rows).unwrap()];
    Batch::new(&Append { topic: "T", producer, epoch: None, sequence, payloads: &payloads })
}

/// How often each broker appends.
fn appends() -> u64 {
    std::env::var("STRESS_APPENDS").map_or(40, |number| number.parse().expect("a number"))
}

/// How many sequences each broker's producer has used by then.
fn sequences() -> u64 {
    (0..appends()).map(|number| 1 + number % 3).sum()
}

async fn database(address: &Address, flaw: Option<Flaw>) -> Database {
    let found = setup::prepare(address, 1 << 20).await.unwrap();
    let opener = Opener {
        address: address.clone(),
        epoch: found.epoch.clone(),
        timeout: TIMEOUT,
        is_node: found.is_node,
        sql_mode: if flaw == Some(Flaw::LaxMode) { "" } else { SQL_MODE },
    };
    Database::new(Connections::new(opener, 8), found.epoch, TIMEOUT, found.packet)
}

fn appender(database: Arc<Database>, topic: u32, flaw: Option<Flaw>) -> Arc<Appender> {
    let tail = TailCache::new(Arc::new(CacheLimit::new(1 << 20)));
    let counts = Arc::new(TopicCounts::new(&database.counts.traffic));
    let mut appender = Appender::new(database, topic, tail, counts);
    appender.checkpoint_within = WITHIN;
    match flaw {
        Some(Flaw::PlainInsert) => appender.guarded = PLAIN,
        Some(Flaw::NoShareLock) => appender.guarded = LOCKS_NOTHING,
        Some(Flaw::CheckpointTooOld) => appender.checkpoint_within = u64::MAX,
        _ => {}
    }
    Arc::new(appender)
}
