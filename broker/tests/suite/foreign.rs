//! Databases that are somebody else's in part: a table of our names that no version of ours made is
//! named, and nothing is changed; nor is it by a broker that cannot serve.

use broker::store::mysql::{Address, MysqlStore, Options, migrate};
use sqlx::{AssertSqlSafe, Connection, Executor, MySqlConnection};

use crate::support::mysql;
use crate::support::process::Process;

/// A new database, and a connection to it; none where MySQL is left out.
async fn database() -> Option<(Address, MySqlConnection)> {
    let url = mysql()?;
    let name = url.split(['/', '?']).nth(3).unwrap();
    let at_server = url.replacen(name, "mysql", 1);
    let mut sql = MySqlConnection::connect(&at_server).await.unwrap();
    sql.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.unwrap();
    Some((url.parse().unwrap(), MySqlConnection::connect(&url).await.unwrap()))
}

/// All that can be changed: the statements that make the tables again, and what is noted of
/// migrations.
async fn whole(sql: &mut MySqlConnection) -> Vec<String> {
    let names = "SELECT CAST(table_name AS CHAR) FROM information_schema.tables
                 WHERE table_schema = DATABASE() ORDER BY table_name";
    let names: Vec<String> = sqlx::query_scalar(names).fetch_all(&mut *sql).await.unwrap();
    let mut whole = Vec::new();
    for name in names {
        let made = AssertSqlSafe(format!("SHOW CREATE TABLE `{name}`"));
        let (_, made): (String, String) = sqlx::query_as(made).fetch_one(&mut *sql).await.unwrap();
        let rows = AssertSqlSafe(format!("SELECT COUNT(*) FROM `{name}`"));
        let rows: i64 = sqlx::query_scalar(rows).fetch_one(&mut *sql).await.unwrap();
        whole.push(format!("{made} with {rows} rows"));
    }
    whole
}

#[tokio::test]
async fn a_broker_that_cannot_listen_leaves_the_database_as_it_is() {
    let Some((_, mut sql)) = database().await else { return };
    let store: String = sqlx::query_scalar("SELECT DATABASE()").fetch_one(&mut sql).await.unwrap();
    let url = mysql().unwrap();
    let store = url.replacen(url.split(['/', '?']).nth(3).unwrap(), &store, 1);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let (code, said) = Process::fails(&store, &["--admin-listen", &taken]);
    assert_eq!(code, Some(1));
    assert!(said.contains("another program does"), "{said}");
    assert_eq!(whole(&mut sql).await, [""; 0]);
}

#[tokio::test]
async fn a_table_of_somebody_else_is_named_and_left_alone() {
    const NOTES: &str = "CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT \
        NOT NULL, installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, success BOOLEAN NOT \
        NULL, checksum BLOB NOT NULL, execution_time BIGINT NOT NULL)";
    let check = async |statements: &[&'static str], table: &str, odd: &str| {
        let Some((address, mut sql)) = database().await else { return };
        for &statement in statements {
            sql.execute(statement).await.unwrap();
        }
        let before = whole(&mut sql).await;
        let opened = MysqlStore::open(&address, &Options::default()).await.map(drop);
        for refused in [opened, migrate(&address).await.map(drop)] {
            let said = format!("{:#}", refused.expect_err(odd));
            let text = format!(
                "cannot set up {address}: its table `{table}` is not that of a broker: {odd}; \
                 nothing was changed: name another database"
            );
            assert_eq!(said, text);
        }
        assert_eq!(whole(&mut sql).await, before);
    };
    let chat = "CREATE TABLE messages (id INT PRIMARY KEY, body TEXT)";
    check(&[chat], "messages", "it has no column `topic`, or its user may not see it").await;
    let queue = "CREATE TABLE topics (id BIGINT PRIMARY KEY, name VARCHAR(99), checkpoint BIGINT)";
    check(&[queue], "topics", "its column `id` is of the type bigint, not int").await;
    let forum = "CREATE TABLE topics (id INT PRIMARY KEY, name VARCHAR(99))";
    let odd = "it has no column `next_offset` or `checkpoint`, or its user may not see it";
    check(&[forum], "topics", odd).await;
    let shop = "CREATE TABLE deleted_topics (topic INT, deleted TIMESTAMP, reason TEXT)";
    check(&[shop], "deleted_topics", "it has a column `reason`").await;
    let later =
        "CREATE TABLE messages (topic INT, `offset` BIGINT, producer BIGINT, sequence BIGINT,
                 payload LONGTEXT, appended DATETIME)";
    check(&[later], "messages", "its column `appended` is of the type datetime, not timestamp")
        .await;
    let claims = "CREATE TABLE migration_claim (one TINYINT, broker INT)";
    check(&[claims], "migration_claim", "its column `broker` is of the type int, not varchar")
        .await;
    let rails = "CREATE TABLE _sqlx_migrations (version VARCHAR(99))";
    let odd = "its column `version` is of the type varchar, not bigint";
    check(&[rails], "_sqlx_migrations", odd).await;
    // Other programs use sqlx too: by dates, or by numbers as ours are.
    let dated =
        "INSERT INTO _sqlx_migrations VALUES (20260101000000, 'users', NOW(), TRUE, 'x', 1)";
    let odd = "the version 20260101000000 in it is not";
    check(&[NOTES, dated], "_sqlx_migrations", odd).await;
    let first = "INSERT INTO _sqlx_migrations VALUES (1, 'store', NOW(), TRUE, 'x', 1)";
    check(&[NOTES, first], "_sqlx_migrations", "the version 1 in it is not").await;
    let begun = "INSERT INTO _sqlx_migrations VALUES (3, 'users', NOW(), FALSE, 'x', -1)";
    check(&[NOTES, begun], "_sqlx_migrations", "the version 3 in it is not").await;
}
