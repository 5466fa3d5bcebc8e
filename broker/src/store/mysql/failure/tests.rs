//! What the numbers mean, brought about on a real server where it can be: each answers a statement
//! that is its own commit, and afterwards nothing of it is there.

use private_database::{Options, WITHOUT, Watched};
use sqlx::{AssertSqlSafe, Connection, Executor, MySqlConnection};

use super::{Failure, Kind, numbers};

/// A server of this test alone, for its settings are changed.
struct Broken {
    server: Watched,
    /// Sets up the failures, and may do everything.
    other: MySqlConnection,
}

impl Broken {
    async fn start() -> Option<Self> {
        if std::env::var(WITHOUT).is_ok_and(|value| value == "1") {
            return None;
        }
        let server = Watched::start(Options::default()).unwrap_or_else(|error| panic!("{error}"));
        let url = server.url().of_database("mysql");
        let mut other = MySqlConnection::connect(&url).await.unwrap();
        for statement in [
            "CREATE DATABASE d",
            "CREATE TABLE d.t (n INT NOT NULL PRIMARY KEY, text LONGTEXT NULL) ENGINE = InnoDB",
            "INSERT INTO d.t VALUES (1, NULL), (2, NULL)",
            "CREATE USER plain@localhost",
            "GRANT ALL ON d.* TO plain@localhost",
        ] {
            other.execute(statement).await.unwrap();
        }
        Some(Self { server, other })
    }

    /// A connection like those of the store, of a user who may write and no more.
    async fn connect(&self) -> MySqlConnection {
        let socket = self.server.server().socket();
        let options = sqlx::mysql::MySqlConnectOptions::new().socket(socket);
        let options = options.username("plain").database("d");
        let mut connection = MySqlConnection::connect_with(&options).await.unwrap();
        let limits = "SET SESSION innodb_lock_wait_timeout = 1, SESSION lock_wait_timeout = 1, \
                      SESSION sql_mode = 'STRICT_ALL_TABLES'";
        connection.execute(limits).await.unwrap();
        connection
    }

    /// Executes a statement on this connection, which fails by the number and is known not to have
    /// been done.
    async fn fails(&mut self, on: &mut MySqlConnection, statement: &str, number: u16) -> Failure {
        let error = sqlx::query(AssertSqlSafe(statement.to_owned())).execute(on).await;
        let error = error.expect_err(&statement[..statement.len().min(80)]);
        assert_eq!(Failure::number(&error), Some(number), "{statement:.80}: {error}");
        let failure = Failure::executing(&error).of_commit();
        assert!(!failure.is_unknown(), "{number}: {failure}");
        failure
    }

    async fn run(&mut self, statement: &str) {
        self.other.execute(AssertSqlSafe(statement.to_owned())).await.expect(statement);
    }

    /// Nothing was done by any of them.
    async fn check_untouched(&mut self) {
        let rows = "SELECT CAST(n AS SIGNED) FROM d.t ORDER BY n";
        let rows: Vec<i64> = sqlx::query_scalar(rows).fetch_all(&mut self.other).await.unwrap();
        assert_eq!(rows, [1, 2]);
    }
}

#[tokio::test]
async fn a_number_of_the_table_says_that_nothing_was_done() {
    let Some(mut broken) = Broken::start().await else { return };
    let mut on = broken.connect().await;
    let insert = "INSERT INTO t VALUES (3, NULL)";

    let several = "INSERT INTO t VALUES (3, NULL), (2, NULL)";
    assert!(broken.fails(&mut on, several, 1062).await.is_misplaced());
    let missing =
        "INSERT INTO t VALUES (3, NULL), ((SELECT n FROM (SELECT 9 n) x WHERE n = 1), '')";
    assert!(broken.fails(&mut on, missing, 1048).await.is_misplaced());
    broken.fails(&mut on, "INSERT INTO t (n, other) VALUES (3, 3)", 1054).await;

    broken.run("BEGIN").await;
    broken.run("INSERT INTO d.t VALUES (4, NULL)").await;
    let locked = "INSERT INTO t VALUES (3, NULL), (4, NULL)";
    assert!(broken.fails(&mut on, locked, 1205).await.is_passing());
    broken.run("ROLLBACK").await;
    // A backup holds up every commit.
    broken.run("FLUSH TABLES WITH READ LOCK").await;
    assert!(broken.fails(&mut on, insert, 1205).await.is_passing());
    broken.run("UNLOCK TABLES").await;

    broken.run("SET GLOBAL read_only = 1").await;
    assert!(broken.fails(&mut on, insert, 1290).await.is_lost());
    broken.run("SET GLOBAL read_only = 0").await;
    on.execute("SET SESSION TRANSACTION READ ONLY").await.unwrap();
    assert!(broken.fails(&mut on, insert, 1792).await.is_lost());

    broken.run("SET GLOBAL max_prepared_stmt_count = 0").await;
    let mut on = broken.connect().await;
    assert!(broken.fails(&mut on, insert, 1461).await.is_lost());
    broken.run("SET GLOBAL max_prepared_stmt_count = 16382").await;

    let large = format!("INSERT INTO t VALUES (3, '{}')", "x".repeat(100_000));
    broken.run("SET GLOBAL max_allowed_packet = 65536").await;
    let mut on = broken.connect().await;
    broken.fails(&mut on, &large, 1153).await;
    broken.run("SET GLOBAL max_allowed_packet = 16777216").await;

    broken.check_untouched().await;
    broken.run("REVOKE INSERT ON d.* FROM plain@localhost").await;
    // What a user may do in a database is looked up once a connection.
    let mut on = broken.connect().await;
    broken.fails(&mut on, insert, 1142).await;
    broken.check_untouched().await;

    broken.run("GRANT INSERT ON d.* TO plain@localhost").await;
    let mut on = broken.connect().await;
    broken.run("DROP TABLE d.t").await;
    assert!(broken.fails(&mut on, insert, 1146).await.is_lost());
    broken.run("DROP DATABASE d").await;
    assert!(broken.fails(&mut on, insert, 1146).await.is_lost());
}

#[tokio::test]
async fn of_two_in_a_deadlock_one_knows_that_it_did_nothing() {
    let Some(mut broken) = Broken::start().await else { return };
    let mut on = broken.connect().await;
    // Whoever has written more goes on.
    broken.run("CREATE TABLE d.heavy (n INT)").await;
    broken.run("SET SESSION innodb_lock_wait_timeout = 20").await;
    on.execute("SET SESSION innodb_lock_wait_timeout = 20").await.unwrap();
    broken.run("BEGIN").await;
    broken.run("INSERT INTO d.heavy SELECT seq FROM mysql.seq_1_to_5000").await;
    broken.run("INSERT INTO d.t VALUES (4, NULL)").await;
    let both = "INSERT INTO t VALUES (3, NULL), (4, NULL)";
    let statement = async {
        let error = sqlx::query(both).execute(&mut on).await.expect_err("it is the victim");
        assert_eq!(Failure::number(&error), Some(1213), "{error}");
        let failure = Failure::executing(&error).of_commit();
        assert!(failure.is_passing() && !failure.is_unknown());
    };
    let other = async {
        let waits = "SELECT CAST(variable_value AS SIGNED) FROM information_schema.global_status
                     WHERE variable_name = 'Innodb_row_lock_current_waits'";
        while sqlx::query_scalar::<_, i64>(waits).fetch_one(&mut broken.other).await.unwrap() == 0 {
            tokio::task::yield_now().await;
        }
        broken.other.execute("INSERT INTO d.t VALUES (3, NULL)").await.unwrap();
        broken.other.execute("ROLLBACK").await.unwrap();
    };
    tokio::join!(statement, other);
    broken.check_untouched().await;
}

#[test]
fn numbers_of_other_servers_are_known_too() {
    let check = |number, kind, is_definite| {
        let meaning = numbers::meaning(number);
        assert_eq!((meaning.kind, meaning.is_definite), (kind, is_definite), "{number}");
    };
    // A conflict found at the COMMIT, by Group Replication and by Galera.
    check(3101, Kind::Passing, true);
    check(1213, Kind::Passing, true);
    // A node that lost its cluster, and InnoDB told to only read.
    check(1047, Kind::Lost, true);
    check(1836, Kind::Lost, true);
    // A full table: `broker/tests/suite/failures.rs` fills one, after which a server may end.
    check(1114, Kind::NotDone, true);
    // MySQL takes no statement that reads the table it inserts into.
    check(1093, Kind::NotDone, true);
}

#[test]
fn every_other_number_leaves_a_commit_open() {
    // The disk, the log, the engine, an error during a commit, what was cut off, what nobody knows.
    for number in
        [1021, 1026, 1030, 1031, 1053, 1105, 1180, 1181, 1317, 1598, 1927, 3100, 4031, 9999]
    {
        assert!(!numbers::meaning(number).is_definite, "{number}");
    }
    // And so does a connection that ends without a word.
    let lost = Failure::executing(&sqlx::Error::Io(std::io::ErrorKind::UnexpectedEof.into()));
    assert!(lost.is_lost() && lost.of_commit().is_unknown());
}
