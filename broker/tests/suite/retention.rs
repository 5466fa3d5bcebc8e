//! Messages that are kept for a time or up to a size: which go, and what consumers hear that come later.

use std::sync::Arc;

use broker::store::{Error, Message, Retain};
use sqlx::{AssertSqlSafe, Connection, Executor, MySqlConnection};
use tokio::time::Duration;

use crate::support::{Short, memory, mysql, open};

const AGE: Duration = Duration::from_secs(3600);

/// How time passes for a store.
enum Time {
    OfTokio,
    /// It is the database's, whose messages are made older instead.
    Database(Box<MySqlConnection>),
}

impl Time {
    /// More than the age passes.
    async fn passes(&mut self) {
        if let Self::Database(sql) = self {
            let older = "UPDATE messages SET appended = appended - INTERVAL 2 HOUR";
            sql.execute(older).await.unwrap();
        }
        later().await;
    }
}

/// It is time to look again.
async fn later() {
    tokio::time::pause();
    tokio::time::advance(2 * AGE).await;
    tokio::time::resume();
}

/// A store in memory, and two brokers on one database; by the second one all is done that reads.
async fn stores() -> Vec<(Short, Short, Time)> {
    let in_memory = memory(Retain::Age(AGE), None);
    let mut stores = vec![(Short(Arc::clone(&in_memory)), Short(in_memory), Time::OfTokio)];
    if let Some(url) = mysql() {
        let brokers = [open(&url, Retain::Age(AGE)).await, open(&url, Retain::Age(AGE)).await];
        let [a, b] = brokers.map(Short);
        let sql = MySqlConnection::connect(&url).await.unwrap();
        stores.push((a, b, Time::Database(Box::new(sql))));
    }
    stores
}

fn payloads(messages: &[Message]) -> Vec<&str> {
    messages.iter().map(|message| message.payload.as_str()).collect()
}

#[tokio::test]
async fn old_messages_go_and_consumers_behind_them_hear_it() {
    for (a, b, mut time) in stores().await {
        let producer = a.producer("T").await;
        let mut consumers = [0; 4];
        for consumer in &mut consumers {
            *consumer = b.consumer("T").await.consumer;
        }
        let [plain, exact, ahead, gone] = consumers;
        for batch in 0..5 {
            a.append("T", producer, Some(batch * 500), &["old"; 500]).await.unwrap();
        }
        assert_eq!(b.take("T", ahead, 10_000).await.len(), 2500);
        a.0.tidy().await.unwrap();
        assert_eq!(b.take("T", plain, 2).await, ["old"; 2], "they are young yet");
        time.passes().await;
        a.append("T", producer, Some(2500), &["y0", "y1", "y2"]).await.unwrap();
        // The first deletes; the other one, which has them in memory, hears of it.
        a.0.tidy().await.unwrap();
        b.0.tidy().await.unwrap();
        assert_eq!(b.size("T", exact).await, Ok((3, 0)), "what is deleted is not to come");
        let stats = b.0.subscription_stats(None, 9).await.unwrap();
        assert!(stats.iter().all(|stats| stats.lag == 3), "{stats:?}");
        let lag = b.0.observe().await.lag.unwrap();
        assert!(lag.largest.iter().all(|one| one.messages == 3), "{lag:?}");
        for offset in [0, 2499] {
            let deleted = b.poll("T", exact, Some(offset), 9).await;
            assert_eq!(deleted, Err(Error::OffsetDeleted { given: offset, first: 2500 }));
        }
        assert_eq!(b.size("T", exact).await, Ok((3, 0)), "a refusal changes nothing");
        assert_eq!(b.poll("T", exact, Some(7), 0).await, Ok(vec![]), "no message is asked for");
        assert_eq!(b.size("T", exact).await, Ok((3, 7)));
        let passed = b.poll("T", exact, Some(6), 9).await;
        assert_eq!(passed, Err(Error::OffsetPassed { given: 6, position: 7 }));
        let left = b.poll("T", exact, Some(2500), 9).await.unwrap();
        assert_eq!((payloads(&left), left[0].offset), (vec!["y0", "y1", "y2"], 2500));
        assert_eq!(b.take("T", plain, 2).await, ["y0", "y1"]);
        assert_eq!(b.size("T", plain).await, Ok((1, 2502)));
        assert_eq!(b.take("T", ahead, 9).await, ["y0", "y1", "y2"]);
        b.unsubscribe("T", gone).await.unwrap();
        assert_eq!(b.poll("T", gone, Some(0), 9).await, Err(Error::UnknownConsumer(gone)));
        let whole = b.read("T", 0, 9).await.unwrap();
        assert_eq!(whole, (vec!["y0".to_owned(), "y1".to_owned(), "y2".to_owned()], 2503));
        // What was sent is known all the same.
        let repeat = a.append("T", producer, Some(2500), &["y0", "y1", "y2"]).await;
        assert_eq!(repeat, Ok(2500));
        assert_eq!(a.append("T", producer, Some(2503), &["y3"]).await, Ok(2503));
        assert_eq!(b.take("T", plain, 1).await, ["y2"]);
        assert_eq!(b.take("T", plain, 9).await, ["y3"]);
    }
}

/// A broker counts by what the database says is kept, and hands out by what it has in memory.
#[tokio::test]
async fn what_a_broker_does_not_count_any_more_it_does_not_hand_out() {
    let Some(url) = mysql() else { return };
    let [a, b] =
        [open(&url, Retain::Age(AGE)).await, open(&url, Retain::Age(AGE)).await].map(Short);
    let (producer, consumer) = (a.producer("T").await, b.consumer("T").await.consumer);
    a.append("T", producer, None, &["old"; 10]).await.unwrap();
    assert_eq!(b.poll("T", consumer, Some(0), 10).await.unwrap().len(), 10, "it has them now");
    Time::Database(Box::new(MySqlConnection::connect(&url).await.unwrap())).passes().await;
    a.0.tidy().await.unwrap();
    assert_eq!(b.size("T", consumer).await, Ok((1, 0)), "the last one stays");
    let deleted = b.poll("T", consumer, Some(0), 10).await;
    assert_eq!(deleted, Err(Error::OffsetDeleted { given: 0, first: 9 }));
}

/// More than one step looks for the first young one, and than one round deletes.
#[tokio::test]
async fn a_long_log_is_deleted_in_pieces_and_holds_up_no_other() {
    let Some(url) = mysql() else { return };
    let store = Short(open(&url, Retain::Age(AGE)).await);
    let mut sql = MySqlConnection::connect(&url).await.unwrap();
    let (long, short) = (store.producer("long").await, store.producer("short").await);
    for _ in 0..12 {
        store.append("long", long, None, &["old"; 9_000]).await.unwrap();
    }
    store.append("short", short, None, &["old"; 10]).await.unwrap();
    Time::Database(Box::new(MySqlConnection::connect(&url).await.unwrap())).passes().await;
    store.0.tidy().await.unwrap();
    let left = async |sql: &mut MySqlConnection, topic: &str| {
        let left =
            "SELECT COUNT(*) FROM messages m JOIN topics t ON t.id = m.topic WHERE t.name = ?";
        sqlx::query_scalar::<_, i64>(left).bind(topic).fetch_one(sql).await.unwrap()
    };
    let first_round = left(&mut sql, "long").await;
    assert!((2..108_000).contains(&first_round), "{first_round}");
    assert_eq!(left(&mut sql, "short").await, 1, "the next topic has its turn");
    while left(&mut sql, "long").await > 1 {
        store.0.tidy().await.unwrap();
    }
}

#[tokio::test]
async fn a_producer_whose_messages_are_all_old_goes_on_where_it_was() {
    for (a, b, mut time) in stores().await {
        let (producer, other) = (a.producer("T").await, a.producer("T").await);
        let consumer = b.consumer("T").await.consumer;
        a.append("T", producer, Some(0), &["a", "b"]).await.unwrap();
        a.append("T", other, None, &["c"; 30]).await.unwrap();
        time.passes().await;
        a.0.tidy().await.unwrap();
        // By a broker that has never heard of it.
        assert_eq!(b.append("T", producer, Some(1), &["b"]).await, Ok(1), "a repeat");
        let gap = b.append("T", producer, Some(3), &["d"]).await;
        assert_eq!(gap, Err(Error::SequenceGap { given: 3, expected: 2 }));
        assert_eq!(b.append("T", producer, Some(2), &["d"]).await, Ok(32));
        // A database keeps the last one that was old, for appends go behind it.
        let left = a.take("T", consumer, 99).await;
        assert!(left == ["d"] || left == ["c", "d"], "{left:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_quiet_topic_in_memory_gives_back_what_is_old_while_it_goes_on() {
    let store = Short(memory(Retain::Age(AGE), Some(40_000)));
    let (producer, consumer) = (store.producer("T").await, store.consumer("T").await.consumer);
    // A message each minute: without end it would be refused.
    for number in 0..1000 {
        let payload = format!("{number:0500}");
        assert_eq!(store.append("T", producer, None, &[&payload]).await, Ok(number));
        tokio::time::advance(Duration::from_secs(60)).await;
        store.0.tidy().await.unwrap();
    }
    let kept = store.take("T", consumer, 1000).await;
    assert!((60..=68).contains(&kept.len()), "an hour, and an eighth of it: {}", kept.len());
    let last = format!("{:0500}", 999);
    assert_eq!(kept.last(), Some(&last));
    tokio::time::advance(2 * AGE).await;
    store.0.tidy().await.unwrap();
    assert_eq!(store.size("T", consumer).await, Ok((0, 1000)));
    let all = "x".repeat(39_000);
    assert_eq!(store.append("T", producer, None, &[&all]).await, Ok(1000), "all memory is free");
}

#[tokio::test]
async fn by_size_the_latest_are_kept_and_nothing_is_refused() {
    const SIZE: u64 = 200_000;
    let store = Short(memory(Retain::Size(SIZE), Some(SIZE)));
    let (busy, quiet) = (store.producer("busy").await, store.producer("quiet").await);
    let at_busy = store.consumer("busy").await.consumer;
    let at_quiet = store.consumer("quiet").await.consumer;
    store.append("quiet", quiet, None, &["first"]).await.unwrap();
    for number in 0..2000 {
        let payload = format!("{number:0400}");
        assert_eq!(store.append("busy", busy, None, &[&payload]).await, Ok(number));
    }
    // It was the oldest of all.
    assert_eq!(store.size("quiet", at_quiet).await, Ok((0, 0)));
    store.append("quiet", quiet, None, &["second"]).await.unwrap();
    let deleted = store.poll("quiet", at_quiet, Some(0), 1).await;
    assert_eq!(deleted, Err(Error::OffsetDeleted { given: 0, first: 1 }));
    assert_eq!(store.take("quiet", at_quiet, 9).await, ["second"]);
    let kept = store.take("busy", at_busy, 2000).await;
    // A message counts some bytes more than its payload.
    assert!((400..500).contains(&kept.len()), "{}", kept.len());
    let numbers = (0..).zip(kept.iter().rev());
    assert!(numbers.into_iter().all(|(back, payload)| *payload == format!("{:0400}", 1999 - back)));
    // One that is larger than all that is kept drives out everything else.
    let large = "x".repeat(199_000);
    store.append("busy", busy, None, &[&large]).await.unwrap();
    assert_eq!(store.size("quiet", at_quiet).await, Ok((0, 2)));
    assert_eq!(store.take("busy", at_busy, 9).await, [large]);
    // So does one that is larger than may be kept, until the next one comes.
    let too_large = "x".repeat(300_000);
    store.append("busy", busy, None, &[&too_large]).await.unwrap();
    assert_eq!(store.take("busy", at_busy, 9).await, [too_large]);
    store.append("busy", busy, None, &["last"]).await.unwrap();
    assert_eq!(store.read("busy", 0, 9).await.unwrap().0, ["last"]);
}

/// A connection to a new database, and a broker on it.
async fn one() -> Option<(String, Short, MySqlConnection)> {
    let url = mysql()?;
    let store = Short(open(&url, Retain::Age(AGE)).await);
    let sql = MySqlConnection::connect(&url).await.unwrap();
    Some((url, store, sql))
}

async fn count(sql: &mut MySqlConnection, question: &'static str) -> i64 {
    sqlx::query_scalar(question).fetch_one(sql).await.unwrap()
}

#[tokio::test]
async fn in_a_database_old_messages_go_in_small_transactions_up_to_the_first_young_one() {
    let Some((_, store, mut sql)) = one().await else { return };
    sql.execute("CREATE TABLE cleared (at DATETIME(6) PRIMARY KEY, deleted INT)").await.unwrap();
    let counting = "CREATE TRIGGER counting AFTER DELETE ON messages FOR EACH ROW
        INSERT INTO cleared VALUES (NOW(6), 1) ON DUPLICATE KEY UPDATE deleted = deleted + 1";
    sql.execute(counting).await.unwrap();
    let producer = store.producer("T").await;
    for _ in 0..8 {
        store.append("T", producer, None, &["x"; 1000]).await.unwrap();
    }
    let mut deleted = 0;
    for (old, first) in [(1, 1), (999, 999), (1000, 1000), (1001, 1001), (5432, 5432), (8000, 7999)]
    {
        let older = "UPDATE messages SET appended = NOW() - INTERVAL 2 HOUR WHERE `offset` < ?";
        sqlx::query(older).bind(old).execute(&mut sql).await.unwrap();
        later().await;
        store.0.tidy().await.unwrap();
        assert_eq!(
            count(&mut sql, "SELECT CAST(MIN(`offset`) AS SIGNED) FROM messages").await,
            first
        );
        let kept = "SELECT CAST(kept_from AS SIGNED) FROM topics";
        assert_eq!(count(&mut sql, kept).await, first);
        let behind = "SELECT CAST(checkpoint AS SIGNED) - CAST(kept_from AS SIGNED) FROM topics";
        assert!(count(&mut sql, behind).await >= 0, "nothing past the checkpoint");
        deleted = first;
    }
    assert_eq!(count(&mut sql, "SELECT MAX(deleted) FROM cleared").await, 1000);
    let all = "SELECT CAST(SUM(deleted) AS SIGNED) FROM cleared";
    assert_eq!(count(&mut sql, all).await, deleted);
    assert_eq!(store.append("T", producer, None, &["y"]).await, Ok(8000));
}

/// So an upgrade is over at once, however many messages there are. The migration itself does not insist.
#[tokio::test]
async fn the_column_with_the_time_is_added_without_a_copy_of_the_table() {
    let Some((_, store, mut sql)) = one().await else { return };
    let producer = store.producer("T").await;
    store.append("T", producer, None, &["x"; 100]).await.unwrap();
    let migration = include_str!("../../migrations/0014_appended.sql");
    let mut quoted = migration.split('\'').filter(|text| text.starts_with("ALTER TABLE"));
    let statement = quoted.next().unwrap();
    sql.execute("ALTER TABLE messages DROP COLUMN appended").await.unwrap();
    sql.execute(AssertSqlSafe(format!("{statement}, ALGORITHM=INSTANT"))).await.unwrap();
    let young = "SELECT COUNT(*) FROM messages WHERE appended > NOW() - INTERVAL 1 HOUR";
    assert_eq!(count(&mut sql, young).await, 100, "what was there counts from now on");
}

#[tokio::test]
async fn what_is_missing_and_was_not_deleted_is_no_matter_of_retention() {
    let Some((url, store, mut sql)) = one().await else { return };
    let producer = store.producer("T").await;
    let consumer = store.consumer("T").await.consumer;
    store.append("T", producer, None, &["x"; 100]).await.unwrap();
    sql.execute("UPDATE messages SET appended = NOW() - INTERVAL 2 HOUR WHERE `offset` < 10")
        .await
        .unwrap();
    store.0.tidy().await.unwrap();
    // Somebody else deletes, at the start and in the middle.
    sql.execute("DELETE FROM messages WHERE `offset` < 20 OR `offset` = 50").await.unwrap();
    let new = Short(open(&url, Retain::Age(AGE)).await);
    for offset in [None, Some(3), Some(10), Some(20)] {
        let error = new.poll("T", consumer, offset, 99).await.unwrap_err();
        let Error::Unavailable(why) = &error else { panic!("{offset:?}: {error}") };
        assert!(why.contains("the database lacks messages"), "{offset:?}: {why}");
    }
}

#[tokio::test]
async fn a_deletion_that_was_broken_off_is_finished() {
    let Some((url, store, mut sql)) = one().await else { return };
    let producer = store.producer("T").await;
    let consumer = store.consumer("T").await.consumer;
    store.append("T", producer, None, &["x"; 100]).await.unwrap();
    // As after a crash between the two: it is written down, and not all of it is gone.
    sql.execute("UPDATE topics SET kept_from = 60, checkpoint = 100").await.unwrap();
    sql.execute("DELETE FROM messages WHERE `offset` < 30").await.unwrap();
    let new = Short(open(&url, Retain::All).await);
    let deleted = new.poll("T", consumer, Some(0), 9).await;
    assert_eq!(deleted, Err(Error::OffsetDeleted { given: 0, first: 60 }));
    assert_eq!(new.take("T", consumer, 99).await.len(), 40);
    store.0.tidy().await.unwrap();
    assert_eq!(count(&mut sql, "SELECT CAST(MIN(`offset`) AS SIGNED) FROM messages").await, 60);
}
