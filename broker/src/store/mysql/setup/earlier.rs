//! A database as an earlier broker left it, which counted the end of each log in
//! `topics.next_offset` and wrote `producers` with every append: what was in it goes on, and such a
//! broker is refused from then on.

use private_database::for_tests;
use sqlx::{AssertSqlSafe, Connection, Executor, MySqlConnection};

use super::migrations::{MIGRATIONS, migrator_of};
use super::{Address, Failure, drop_database};
use crate::store::mysql::{MysqlStore, Options};
use crate::store::{Append, Epoch, Error, Size, Store, Subscription};

/// The migrations that such a broker knew.
const KNOWN: usize = 6;

/// The topic `gone`, of whose 57 messages none is left, and `kept` with its 3; the last request of
/// each topic's producer had 7 and 2 messages.
const LEFT: [&str; 6] = [
    "INSERT INTO store VALUES (1, 'e1', 2, 2, 2)",
    "INSERT INTO topics (id, name, next_offset) VALUES (0, 'gone', 57), (1, 'kept', 3)",
    "INSERT INTO producers VALUES (0, 0, 57, 50, 50), (1, 1, 3, 1, 1)",
    "INSERT INTO subscriptions VALUES (0, 0, 57, 0), (1, 1, 1, 0)",
    "INSERT INTO messages VALUES (1, 0, 1, 0, 'm0'), (1, 1, 1, 1, 'm1'), (1, 2, 1, 2, 'm2')",
    "COMMIT",
];

/// What such a broker begins an append, a registration, a size and a round of deleting with.
const STATEMENTS: [&str; 6] = [
    "UPDATE topics SET next_offset = 4 WHERE id = 1 AND next_offset = 3",
    "SELECT next_offset FROM topics WHERE id = 1 FOR UPDATE",
    "SELECT name, id, next_offset FROM topics WHERE name IN ('kept')",
    "SELECT id, next_offset FROM topics WHERE id IN (1)",
    "SELECT s.`position`, t.next_offset FROM subscriptions s
     JOIN topics t ON t.id = s.topic WHERE s.consumer = 1",
    "SELECT t.id, t.next_offset, MIN(s.`position`) FROM topics t
     LEFT JOIN subscriptions s ON s.topic = t.id GROUP BY t.id, t.next_offset",
];

/// A new database with what was left, and a connection to it; none where MySQL is left out.
async fn left() -> Option<(Address, MySqlConnection)> {
    let server = for_tests().unwrap_or_else(|error| panic!("{error}"))?;
    let name = format!("broker_earlier_{}", Epoch::random());
    let url = server.of_database("mysql");
    let mut sql = MySqlConnection::connect(&url).await.unwrap();
    sql.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.unwrap();
    let url = server.of_database(&name);
    let mut sql = MySqlConnection::connect(&url).await.unwrap();
    migrator_of(&MIGRATIONS[..KNOWN]).run(&mut sql).await.unwrap();
    for statement in LEFT {
        sql.execute(statement).await.unwrap();
    }
    Some((url.parse().unwrap(), sql))
}

#[tokio::test]
async fn what_an_earlier_broker_left_goes_on() {
    let Some((address, _sql)) = left().await else { return };
    let store = MysqlStore::open(&address, &Options::default()).await.unwrap();
    let append = async |topic, producer, first, count| {
        let payloads = vec!["x".into(); count];
        let sequence = Some(first);
        store.append(Append { topic, producer, epoch: None, sequence, payloads: &payloads }).await
    };
    let size = async |topic, consumer| {
        store.size(Subscription { topic, consumer, epoch: None }).await.unwrap()
    };
    assert_eq!(size("gone", 0).await, Size { lag: 0, position: 57 });
    assert_eq!(size("kept", 1).await, Size { lag: 2, position: 1 });
    assert_eq!(store.register_consumer("gone").await.unwrap().offset, 57);
    assert_eq!(append("gone", 0, 50, 7).await, Ok(50), "the last request again");
    let overlaps = Error::SequenceOld { first: 49, last: 51, request: Some((50, 56)) };
    assert_eq!(append("gone", 0, 49, 3).await, Err(overlaps));
    for (first, count) in [(57, 2), (59, 3), (62, 1)] {
        assert_eq!(append("gone", 0, first, count).await, Ok(first));
        assert_eq!(append("gone", 0, first, count).await, Ok(first), "it is there");
    }
    let overlaps = Error::SequenceOld { first: 61, last: 62, request: Some((62, 62)) };
    assert_eq!(append("gone", 0, 61, 2).await, Err(overlaps));
    assert_eq!(append("kept", 1, 2, 1).await, Ok(2), "inside of the last request");
    assert_eq!(append("kept", 1, 3, 1).await, Ok(3));
    assert_eq!(size("gone", 0).await, Size { lag: 6, position: 57 });
    drop_database(&address).await.unwrap();
}

#[tokio::test]
async fn an_earlier_broker_is_refused_and_not_served() {
    const UNKNOWN_COLUMN: u16 = 1054;
    let Some((address, mut sql)) = left().await else { return };
    for statement in STATEMENTS {
        sql.execute(statement).await.expect("it served such a broker");
    }
    MysqlStore::open(&address, &Options::default()).await.unwrap();
    for statement in STATEMENTS {
        let error = sql.execute(statement).await.expect_err(statement);
        assert_eq!(Failure::number(&error), Some(UNKNOWN_COLUMN), "{statement}: {error}");
    }
    drop_database(&address).await.unwrap();
}

#[tokio::test]
async fn a_migration_that_was_cut_off_is_done_over() {
    // As after a kill between a change, which is there for good, and sqlx's note of it.
    for (number, change) in [
        (7, "ALTER TABLE messages ADD COLUMN first_sequence BIGINT UNSIGNED NULL"),
        (8, "ALTER TABLE topics CHANGE COLUMN next_offset checkpoint BIGINT UNSIGNED NOT NULL"),
    ] {
        let Some((address, mut sql)) = left().await else { return };
        migrator_of(&MIGRATIONS[..number - 1]).run(&mut sql).await.unwrap();
        sql.execute(change).await.unwrap();
        let noted = "INSERT INTO _sqlx_migrations (version, description, success, checksum,
                     execution_time) VALUES (?, 'cut off', FALSE, ?, -1)";
        let migrator = migrator_of(&MIGRATIONS[..number]);
        let last = migrator.iter().last().unwrap();
        let noted = sqlx::query(noted).bind(last.version).bind(&*last.checksum);
        noted.execute(&mut sql).await.unwrap();
        let store = MysqlStore::open(&address, &Options::default()).await.unwrap();
        let payloads = ["x".into()];
        let append = Append {
            topic: "kept",
            producer: 1,
            epoch: None,
            sequence: Some(3),
            payloads: &payloads,
        };
        assert_eq!(store.append(append).await, Ok(3));
        drop_database(&address).await.unwrap();
    }
}
