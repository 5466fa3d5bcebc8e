//! Several stores on one database, as several brokers have them: what one does, the others know.
//! And the parts of the store that only show when a row is locked or somebody else deletes.

use std::sync::Arc;
use std::time::Duration;

use broker::store::mysql::{MysqlStore, Options};
use broker::store::{Error, Message, Retain, Store};
use sqlx::{Connection, Executor, MySqlConnection};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::support::{Short, mysql, open};

/// Two stores on one new database, and a connection to it; none where MySQL is left out.
struct Two {
    a: Arc<Short>,
    b: Arc<Short>,
    stores: [Arc<MysqlStore>; 2],
    sql: MySqlConnection,
}

/// As their servers do, both tidy, but more often.
async fn two(timeout: Duration, retain: Retain) -> Option<Two> {
    let two = two_left_alone(timeout, retain).await?;
    for store in two.stores.clone() {
        tokio::spawn(async move {
            loop {
                let _ = store.tidy().await;
                sleep(Duration::from_millis(20)).await;
            }
        });
    }
    Some(two)
}

/// Who tidies tries the database too, and that is a beat of a heart.
async fn two_left_alone(timeout: Duration, retain: Retain) -> Option<Two> {
    let url = mysql()?;
    let options = Options { timeout, retain, ..Options::default() };
    let open = async || Arc::new(MysqlStore::open(&url.parse().unwrap(), &options).await.unwrap());
    let stores = [open().await, open().await];
    let [a, b] = stores.clone().map(|store| Arc::new(Short(store)));
    let sql = MySqlConnection::connect(&url).await.unwrap();
    Some(Two { a, b, stores, sql })
}

/// Long enough for a busy machine.
const TIMEOUT: Duration = Duration::from_secs(10);

/// So short that a test can wait for the end of it.
const SHORT: Duration = Duration::from_secs(2);

#[tokio::test]
async fn a_repeat_at_a_broker_that_did_not_see_the_first_is_not_appended() {
    let Some(Two { a, b, .. }) = two(TIMEOUT, Retain::All).await else { return };
    let (moving, other) = (a.producer("T").await, a.producer("T").await);
    a.append("T", moving, Some(0), &["m0"]).await.unwrap();
    a.append("T", other, Some(0), &["o0"]).await.unwrap();
    assert_eq!(b.append("T", moving, Some(1), &["m1"]).await, Ok(2));
    // The first broker learns that the log has grown, by appends of somebody else.
    for sequence in 1..4 {
        a.append("T", other, Some(sequence), &["o"]).await.unwrap();
    }
    assert_eq!(a.append("T", moving, Some(1), &["m1"]).await, Ok(2), "it is there already");
    assert_eq!(a.append("T", moving, Some(2), &["m2"]).await, Ok(6));
}

#[tokio::test]
async fn a_consumer_goes_on_at_a_broker_where_what_it_had_is_deleted() {
    let Some(Two { a, b, mut sql, .. }) = two(TIMEOUT, Retain::Lag).await else { return };
    let producer = a.producer("T").await;
    let consumer = a.consumer("T").await.consumer;
    let payloads: Vec<String> = (0..50).map(|number| number.to_string()).collect();
    let payloads: Vec<&str> = payloads.iter().map(String::as_str).collect();
    a.append("T", producer, None, &payloads).await.unwrap();
    // One broker knows where it stood early, the other has never heard of it.
    assert_eq!(b.take("T", consumer, 5).await.len(), 5);
    assert_eq!(a.take("T", consumer, 35).await.len(), 35);
    until_first_offset_is(&mut sql, 40).await;
    let url = url_of(&mut sql).await;
    let new = Short(open(&url, Retain::Lag).await);
    assert_eq!(b.take("T", consumer, 1).await, ["40"]);
    until_first_offset_is(&mut sql, 41).await;
    assert_eq!(new.take("T", consumer, 1).await, ["41"]);
    assert_eq!(a.take("T", consumer, 100).await.len(), 8);
}

#[tokio::test]
async fn a_message_of_another_broker_is_handed_out_only_after_a_commit_of_ones_own() {
    let alone = two_left_alone(SHORT, Retain::All).await;
    let Some(Two { a, b, mut sql, .. }) = alone else { return };
    let producer = a.producer("T").await;
    let (at_a, at_b) = (a.consumer("T").await.consumer, b.consumer("T").await.consumer);
    a.append("T", producer, None, &["first"]).await.unwrap();
    assert_eq!(beats(&mut sql).await, 0);
    assert_eq!(b.take("T", at_b, 9).await, ["first"]);
    assert_eq!(beats(&mut sql).await, 1, "the commit that proves it");
    // No broker can write a durability barrier now.
    sql.execute("BEGIN").await.unwrap();
    sql.execute("SELECT * FROM heartbeats FOR UPDATE").await.unwrap();
    a.append("T", producer, None, &["second"]).await.unwrap();
    let unproven = b.poll("T", at_b, None, 9).await;
    assert!(matches!(unproven, Err(Error::Unavailable(_))), "{unproven:?}");
    let own = a.take("T", at_a, 9).await;
    assert_eq!(own, ["first", "second"], "what it appended itself needs no proof");
    sql.execute("ROLLBACK").await.unwrap();
    assert_eq!(b.take("T", at_b, 9).await, ["second"]);
}

/// As on a cluster, where the row of another node may come after the look at the counter.
#[tokio::test]
async fn an_id_that_somebody_else_just_took_is_tried_again() {
    let Some(Two { a, mut sql, .. }) = two(TIMEOUT, Retain::All).await else { return };
    assert_eq!(a.producer("T").await, 0);
    sql.execute("INSERT INTO producers (id, topic) SELECT 1, topic FROM producers").await.unwrap();
    let rollbacks = async |sql: &mut MySqlConnection| {
        let status = "SHOW GLOBAL STATUS LIKE 'Com_rollback'";
        let (_, count): (String, String) = sqlx::query_as(status).fetch_one(sql).await.unwrap();
        count.parse::<u64>().unwrap()
    };
    let before = rollbacks(&mut sql).await;
    let (second, ()) = tokio::join!(a.producer("T"), async {
        while rollbacks(&mut sql).await < before + 2 {
            tokio::task::yield_now().await;
        }
        sql.execute("DELETE FROM producers WHERE id = 1").await.unwrap();
    });
    assert_eq!(second, 1);
}

/// Polls that come at once move their positions by one statement.
#[tokio::test]
async fn who_shares_a_commit_with_one_that_is_gone_or_elsewhere_gets_what_is_due() {
    let Some(Two { a, b, .. }) = two(TIMEOUT, Retain::All).await else { return };
    let producer = a.producer("T").await;
    let mut consumers = [0; 4];
    for consumer in &mut consumers {
        *consumer = a.consumer("T").await.consumer;
    }
    let [good, gone, elsewhere, later] = consumers;
    a.append("T", producer, None, &["m0", "m1", "m2"]).await.unwrap();
    let at_once = async |consumers: [i64; 3]| {
        let [one, two, three] = consumers.map(|consumer| a.poll("T", consumer, None, 1));
        let payload =
            |polled: Result<Vec<Message>, Error>| polled.map(|got| got[0].payload.clone());
        let (one, two, three) = tokio::join!(one, two, three);
        [one, two, three].map(payload)
    };
    b.unsubscribe("T", gone).await.unwrap();
    assert_eq!(
        at_once([good, gone, later]).await,
        [Ok("m0".to_owned()), Err(Error::UnknownConsumer(gone)), Ok("m0".to_owned())]
    );
    assert_eq!(b.take("T", elsewhere, 1).await, ["m0"]);
    b.unsubscribe("T", later).await.unwrap();
    assert_eq!(
        at_once([good, elsewhere, later]).await,
        [Ok("m1".to_owned()), Ok("m1".to_owned()), Err(Error::UnknownConsumer(later))]
    );
    for consumer in [good, elsewhere] {
        assert_eq!(b.size("T", consumer).await, Ok((1, 2)));
        assert_eq!(b.take("T", consumer, 9).await, ["m2"], "nothing twice and nothing left out");
    }
}

#[tokio::test]
async fn in_a_group_only_those_whose_time_is_over_are_refused() {
    let Some(Two { a, mut sql, .. }) = two(SHORT, Retain::All).await else { return };
    let producer = a.producer("T").await;
    sql.execute("BEGIN").await.unwrap();
    sql.execute("SELECT * FROM topics FOR UPDATE").await.unwrap();
    // The first is on its way alone; the others gather behind it, with other deadlines.
    let mut appends = Vec::new();
    for payload in ["alone", "early", "late"] {
        let a = Arc::clone(&a);
        appends.push(tokio::spawn(async move { a.append("T", producer, None, &[payload]).await }));
        sleep(SHORT / 4).await;
    }
    let [alone, early, late] = appends.try_into().unwrap();
    for refused in [alone.await.unwrap(), early.await.unwrap()] {
        assert!(matches!(refused, Err(Error::Unavailable(_))), "{refused:?}");
    }
    sql.execute("ROLLBACK").await.unwrap();
    assert_eq!(late.await.unwrap(), Ok(0), "it shared a transaction with one that was refused");
    let next = a.append("T", producer, None, &["next"]).await;
    assert_eq!(next, Ok(1), "nothing that was refused is there");
}

/// A request that has waited for others has less time than a lock may take.
#[tokio::test]
async fn of_a_row_that_stays_locked_it_is_always_known_what_was_done() {
    let Some(Two { a, mut sql, .. }) = two(SHORT, Retain::All).await else { return };
    let producer = a.producer("T").await;
    let consumer = a.consumer("T").await.consumer;
    a.append("T", producer, None, &["first"]).await.unwrap();
    sql.execute("BEGIN").await.unwrap();
    sql.execute("SELECT * FROM topics, subscriptions FOR UPDATE").await.unwrap();
    let mut waiting = JoinSet::new();
    for _ in 0..8 {
        let (appending, polling) = (Arc::clone(&a), Arc::clone(&a));
        waiting.spawn(async move { appending.append("T", producer, None, &["x"]).await.err() });
        waiting.spawn(async move { polling.poll("T", consumer, None, 1).await.err() });
        sleep(SHORT / 8).await;
    }
    for refused in waiting.join_all().await {
        assert!(matches!(refused, Some(Error::Unavailable(_))), "{refused:?}");
    }
    sql.execute("ROLLBACK").await.unwrap();
    assert_eq!(a.take("T", consumer, 9).await, ["first"], "nothing that was refused is done");
}

#[tokio::test]
async fn what_is_passed_is_deleted_in_small_transactions_by_one_broker_at_a_time() {
    let Some(Two { a, stores, mut sql, .. }) = two(TIMEOUT, Retain::Lag).await else { return };
    sql.execute("CREATE TABLE deletions (at DATETIME(6) PRIMARY KEY, deleted INT)").await.unwrap();
    // `NOW` is when the statement began, and each is a transaction of its own.
    let counting = "CREATE TRIGGER counting AFTER DELETE ON messages FOR EACH ROW
        INSERT INTO deletions VALUES (NOW(6), 1) ON DUPLICATE KEY UPDATE deleted = deleted + 1";
    sql.execute(counting).await.unwrap();
    // As a broker does that is deleting.
    let locked: i64 =
        sqlx::query_scalar("SELECT GET_LOCK(CONCAT('broker retain ', MD5(DATABASE())), 60)")
            .fetch_one(&mut sql)
            .await
            .unwrap();
    assert_eq!(locked, 1);
    let producer = a.producer("T").await;
    for _ in 0..5 {
        a.append("T", producer, None, &["x"; 500]).await.unwrap();
    }
    for store in &stores {
        store.tidy().await.unwrap();
    }
    assert_eq!(count(&mut sql, "SELECT COUNT(*) FROM messages").await, 2500);
    sql.execute("DO RELEASE_LOCK(CONCAT('broker retain ', MD5(DATABASE())))").await.unwrap();
    // All but the last, behind which the next append goes.
    until(&mut sql, "SELECT MIN(`offset`) = 2499 FROM messages").await;
    assert_eq!(count(&mut sql, "SELECT MAX(deleted) FROM deletions").await, 1000);
    let all = "SELECT CAST(SUM(deleted) AS SIGNED) FROM deletions";
    assert_eq!(count(&mut sql, all).await, 2499);
}

#[tokio::test]
async fn what_the_original_cannot_store_comes_out_of_the_database_as_it_went_in() {
    let Some(Two { a, mut sql, .. }) = two(TIMEOUT, Retain::All).await else { return };
    let (longer, large) = ("x".repeat(33), "\u{1F600}".repeat(1 << 18));
    let payloads = [
        longer.as_str(),
        "it's a quote",
        "a'), (0,'b",
        "\\' OR 1=1 --",
        "e",
        "\u{e9}",
        "e\u{301}",
        "blanks   ",
        "blanks",
        "",
        "\0NUL\0",
        "\u{10FFFF}",
        "Case",
        "case",
        large.as_str(),
    ];
    // Names that a careless collation takes for one.
    for (place, topic) in ["T", "t", "T.", "T_"].iter().enumerate() {
        let producer = a.producer(topic).await;
        let consumer = a.consumer(topic).await.consumer;
        for (offset, payload) in (0..).zip(&payloads) {
            assert_eq!(a.append(topic, producer, None, &[payload]).await, Ok(offset));
        }
        // By a broker that has nothing in memory.
        let new = Short(open(&url_of(&mut sql).await, Retain::All).await);
        let mut taken = Vec::new();
        while taken.len() < payloads.len() {
            let more = new.take(topic, consumer, 100).await;
            assert!(!more.is_empty(), "{topic}: {} are missing", payloads.len() - taken.len());
            taken.extend(more);
        }
        assert_eq!(taken, payloads, "{topic}");
        let topics = "SELECT COUNT(*) FROM topics";
        assert_eq!(count(&mut sql, topics).await, i64::try_from(place + 1).unwrap());
    }
}

#[tokio::test]
async fn no_more_connections_are_open_than_allowed() {
    let Some(url) = mysql() else { return };
    let options = Options { connections: 3, ..Options::default() };
    let store = MysqlStore::open(&url.parse().unwrap(), &options).await.unwrap();
    let store = Arc::new(Short(Arc::new(store)));
    let mut working = JoinSet::new();
    for worker in 0..16 {
        let store = Arc::clone(&store);
        working.spawn(async move {
            let topic = format!("T{worker}");
            let producer = store.producer(&topic).await;
            let consumer = store.consumer(&topic).await.consumer;
            for _ in 0..20 {
                store.append(&topic, producer, None, &["x"]).await.unwrap();
                store.size(&topic, consumer).await.unwrap();
                assert_eq!(store.take(&topic, consumer, 9).await, ["x"]);
            }
        });
    }
    working.join_all().await;
    let mut sql = MySqlConnection::connect(&url).await.unwrap();
    let open = "SELECT COUNT(*) FROM information_schema.processlist
                WHERE db = DATABASE() AND id <> CONNECTION_ID()";
    let open = count(&mut sql, open).await;
    assert!((1..=3).contains(&open), "{open}");
}

async fn url_of(sql: &mut MySqlConnection) -> String {
    let name: String = sqlx::query_scalar("SELECT DATABASE()").fetch_one(sql).await.unwrap();
    private_database::for_tests().unwrap().unwrap().of_database(&name)
}

async fn until_first_offset_is(sql: &mut MySqlConnection, offset: u64) {
    until(sql, &format!("SELECT MIN(`offset`) = {offset} FROM messages")).await;
}

/// Asks until the answer is true.
async fn until(sql: &mut MySqlConnection, question: &str) {
    let question = Arc::<str>::from(question);
    loop {
        let query = sqlx::query_scalar(sqlx::AssertSqlSafe(Arc::clone(&question)));
        let answer: Option<i64> = query.fetch_one(&mut *sql).await.unwrap();
        if answer == Some(1) {
            return;
        }
        sleep(Duration::from_millis(10)).await;
    }
}

async fn count(sql: &mut MySqlConnection, question: &'static str) -> i64 {
    sqlx::query_scalar(question).fetch_one(sql).await.unwrap()
}

async fn beats(sql: &mut MySqlConnection) -> i64 {
    count(sql, "SELECT CAST(COALESCE(SUM(beats), 0) AS SIGNED) FROM heartbeats").await
}

#[tokio::test]
async fn messages_that_are_larger_than_those_before_are_read() {
    let Some(Two { a, b, .. }) = two(TIMEOUT, Retain::All).await else { return };
    let producer = a.producer("T").await;
    let consumer = b.consumer("T").await.consumer;
    let small = vec!["small"; 2000];
    a.append("T", producer, None, &small).await.unwrap();
    let large = "x".repeat(1 << 20);
    for _ in 0..20 {
        a.append("T", producer, None, &[&large, &large]).await.unwrap();
    }
    assert_eq!(b.take("T", consumer, 2000).await.len(), 2000);
    for _ in 0..4 {
        let taken = b.take("T", consumer, 10).await;
        assert!(taken.iter().all(|payload| payload.len() == large.len()));
        assert_eq!(taken.len(), 10);
    }
}

#[tokio::test]
async fn what_a_registration_under_way_is_due_is_not_deleted() {
    let Some(Two { a, b, mut sql, .. }) = two(TIMEOUT, Retain::Lag).await else { return };
    let producer = a.producer("T").await;
    a.append("T", producer, None, &["before"]).await.unwrap();
    // As a registration does it: it has read the end, and commits a moment later.
    sql.execute("BEGIN").await.unwrap();
    sql.execute("SELECT next_consumer FROM store WHERE one = 1 FOR UPDATE").await.unwrap();
    a.append("T", producer, None, &["due 1", "due 2"]).await.unwrap();
    // A broker that is about to delete waits for the registration.
    let waiting = "SELECT COUNT(*) = 1 FROM information_schema.processlist
        WHERE db = DATABASE() AND info LIKE 'UPDATE store SET deletions%'";
    until(&mut sql, waiting).await;
    sql.execute("INSERT INTO subscriptions SELECT 0, id, 1, ~0 >> 20 FROM topics").await.unwrap();
    sql.execute("UPDATE store SET next_consumer = 1").await.unwrap();
    sql.execute("COMMIT").await.unwrap();
    assert_eq!(b.take("T", 0, 9).await, ["due 1", "due 2"]);
}

#[tokio::test]
async fn a_poll_that_waits_keeps_its_subscription() {
    let Some(Two { a, .. }) = two(TIMEOUT, Retain::All).await else { return };
    a.producer("T").await;
    let consumer = a.consumer("T").await.consumer;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let idle = Some(Duration::from_secs(1));
    let options = broker::Options { subscription_idle: idle, ..broker::Options::default() };
    let serving = broker::serve(listener, Arc::clone(&a.0), options, std::future::pending());
    let asking = async {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let path = format!("/consumer/consume?topic=T&consumer_id={consumer}&max=9&wait_ms=4000");
        let request = format!("GET {path} HTTP/1.1\r\nhost: b\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    };
    let answer =
        tokio::select! { () = serving => panic!("it serves on"), answer = asking => answer };
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.ends_with("\"messages\":[]}"), "{answer}");
}

#[tokio::test]
async fn producers_that_send_by_any_broker_stay_and_idle_ones_end_at_all() {
    let Some(Two { a, b, mut sql, .. }) = two(TIMEOUT, Retain::All).await else { return };
    let hour = Duration::from_secs(3600);
    let (at_a, at_b, idle) = (a.producer("T").await, a.producer("T").await, a.producer("T").await);
    assert_eq!(b.append("T", idle, Some(0), &["sent once"]).await, Ok(0));
    // Each broker writes down what it knows.
    assert_eq!(a.0.end_idle_producers(hour).await, Ok(0));
    assert_eq!(b.0.end_idle_producers(hour).await, Ok(0));
    let age = async |sql: &mut MySqlConnection, sent: u64| {
        let statement = sqlx::query("UPDATE producers SET sent = ?");
        statement.bind(sent).execute(sql).await.unwrap();
    };
    age(&mut sql, 1000).await;
    assert_eq!(a.append("T", at_a, Some(0), &["a"]).await, Ok(1));
    assert_eq!(b.append("T", at_b, Some(0), &["b"]).await, Ok(2));
    // Both write down who has sent, and only then is it looked who has not.
    age(&mut sql, 0).await;
    assert_eq!(a.0.end_idle_producers(hour).await, Ok(0), "those of long ago are dated first");
    let statement = sqlx::query("UPDATE producers SET sent = 1000 WHERE id = ?");
    statement.bind(idle).execute(&mut sql).await.unwrap();
    assert_eq!(a.0.end_idle_producers(hour).await, Ok(1));
    let unknown = Err(Error::UnknownProducer(idle));
    assert_eq!(a.append("T", idle, Some(1), &["x"]).await, unknown);
    // The other broker may believe in it until its next round, and never after it.
    let sent = b.append("T", idle, Some(0), &["sent once"]).await;
    assert_eq!(sent, Ok(0), "what repeats is not appended");
    assert_eq!(b.0.end_idle_producers(hour).await, Ok(0));
    assert_eq!(b.append("T", idle, Some(1), &["x"]).await, unknown);
    assert_eq!(a.append("T", at_a, Some(1), &["a"]).await, Ok(3));
    assert_eq!(b.append("T", at_b, Some(1), &["b"]).await, Ok(4));
    // The checkpoint passes what the ended one sent, which does not bring it back.
    for _ in 0..5 {
        a.append("T", at_a, None, &["x"; 1000]).await.unwrap();
    }
    assert!(count(&mut sql, "SELECT CAST(checkpoint AS SIGNED) FROM topics").await > 0);
    assert_eq!(b.append("T", idle, Some(1), &["x"]).await, unknown);
    assert_eq!(a.append("T", idle, Some(1), &["x"]).await, unknown);
}
