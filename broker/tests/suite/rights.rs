//! What a broker needs to be allowed in its database: to read and to write, and to change tables only
//! where there is something to change.

use std::process::Output;

use sqlx::{AssertSqlSafe, Connection, Executor, MySqlConnection};

use crate::support::process::{Process, program};
use crate::support::scene::{Answer, Probe, password};
use crate::support::server::OwnServer;

/// What docs/deploy.md grants to the user of a broker: the rights, and to what.
fn documented() -> Vec<(&'static str, &'static str)> {
    let lines = include_str!("../../../docs/deploy.md").lines();
    let grants = lines.filter_map(|line| {
        let grant = line.trim().strip_prefix("GRANT ")?.strip_suffix(" TO 'broker'@'%';")?;
        grant.split_once(" ON broker.").filter(|(rights, _)| *rights != "ALL")
    });
    grants.collect()
}

/// A server, a user of it who may change everything, and one who may not change tables.
struct Rights {
    server: OwnServer,
    sql: MySqlConnection,
    /// The URLs of one database, as either user.
    all: String,
    plain: String,
}

async fn rights() -> Option<Rights> {
    let server = OwnServer::start(&[]).await?;
    let mut sql = server.sql().await;
    let (granted, to) = documented()[0];
    assert_eq!(to, "*");
    for statement in [
        "CREATE DATABASE torture",
        "CREATE USER plain@localhost IDENTIFIED BY 'pl41n'",
        &format!("GRANT {granted} ON torture.* TO plain@localhost"),
    ] {
        sql.execute(AssertSqlSafe(statement.to_owned())).await.unwrap();
    }
    let all = server.url();
    let plain = all.replace(&format!("harness:{}", password(&all)), "plain:pl41n");
    sql = MySqlConnection::connect(&all).await.unwrap();
    Some(Rights { server, sql, all, plain })
}

/// What `broker migrate` says, and how it ends.
fn migrate(store: &str) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } =
        program().arg("migrate").env("BROKER_STORE", store).output().unwrap();
    (status.code(), String::from_utf8([stdout, stderr].concat()).unwrap())
}

/// A start that is expected to fail, and what it says.
fn refused(store: &str) -> String {
    let (code, said) = Process::fails(store, &[]);
    assert_eq!(code, Some(1), "{said}");
    assert!(!said.contains("pl41n") && !said.contains(&password(store)), "{said}");
    said
}

impl Rights {
    async fn newest(&mut self) -> i64 {
        let query = "SELECT MAX(version) FROM _sqlx_migrations";
        sqlx::query_scalar(query).fetch_one(&mut self.sql).await.unwrap()
    }

    async fn run(&mut self, statement: &str) {
        self.sql.execute(AssertSqlSafe(statement.to_owned())).await.unwrap();
    }

    /// Has a broker of the one who may do less do its work.
    async fn are_enough(&mut self) {
        let more = ["--retain", "lag", "--subscription-idle", "2s", "--producer-idle", "2s"];
        let broker = Process::start(&self.plain, &more);
        let state = Probe::at(&broker, "probe").await.ask().await;
        assert!(state.is_ready);
        let answers = [state.produce.0, state.poll.0, state.register.0];
        assert_eq!(answers, [Answer::Success; 3]);
        broker.client().delete_topic("probe").await.unwrap();
        let left = "SELECT (SELECT COUNT(*) FROM messages) + (SELECT COUNT(*) FROM producers)
                    + (SELECT COUNT(*) FROM subscriptions)";
        while sqlx::query_scalar::<_, i64>(left).fetch_one(&mut self.sql).await.unwrap() > 0 {
            tokio::task::yield_now().await;
        }
        let said = broker.said();
        assert!(!said.contains("WARN") && !said.contains("denied"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_may_not_change_tables_starts_a_broker_on_those_that_are_there() {
    let Some(mut rights) = rights().await else { return };
    let (all, plain) = (rights.all.clone(), rights.plain.clone());
    let said = refused(&plain);
    assert!(said.contains("from version 0 to version"), "{said}");
    assert!(said.contains("run `broker migrate` as one who may"), "{said}");
    let (code, said) = migrate(&plain);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("CREATE command denied"), "{said}");
    let (code, said) = migrate(&all);
    let newest = rights.newest().await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.ends_with(&format!("is brought from version 0 to version {newest}\n")), "{said}");
    for store in [&all, &plain] {
        let (code, said) = migrate(store);
        assert_eq!(code, Some(0), "{said}");
        assert!(said.ends_with(&format!("is up to date: version {newest}\n")), "{said}");
    }
    let more = ["--retain", "lag", "--subscription-idle", "100ms"];
    let broker = Process::start(&plain, &more);
    let mut probe = Probe::at(&broker, "probe").await;
    let state = probe.ask().await;
    assert!(state.is_ready);
    let answers = [state.produce.0, state.poll.0, state.register.0];
    assert_eq!(answers, [Answer::Success; 3]);
    // Ending what is idle and deleting what is passed need no more.
    let client = broker.client();
    client.create_topic("T").await.unwrap();
    let consumer = client.register_consumer("T").await.unwrap().consumer_id;
    let counting = "SELECT COUNT(*) FROM subscriptions WHERE consumer = ?";
    while sqlx::query_scalar::<_, i64>(counting)
        .bind(consumer)
        .fetch_one(&mut rights.sql)
        .await
        .unwrap()
        > 0
    {
        tokio::task::yield_now().await;
    }
    let said = broker.said();
    assert!(!said.contains("WARN") && !said.contains("denied"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_that_a_broker_needs_is_named_where_it_is_missing() {
    let Some(mut rights) = rights().await else { return };
    assert_eq!(migrate(&rights.all).0, Some(0));
    let plain = rights.plain.clone();
    let (all, tables) =
        documented().split_first().map(|(all, tables)| (*all, tables.to_vec())).unwrap();
    rights.run(&format!("REVOKE {} ON torture.* FROM plain@localhost", all.0)).await;
    for (granted, table) in &tables {
        rights.run(&format!("GRANT {granted} ON torture.{table} TO plain@localhost")).await;
    }
    rights.are_enough().await;
    for (granted, table) in &tables {
        for right in granted.split(", ") {
            rights.run(&format!("REVOKE {right} ON torture.{table} FROM plain@localhost")).await;
            let said = refused(&plain);
            let ours = format!(
                "its user may not do all that a broker does: grant it {right} on `{table}`\n"
            );
            // What is read before that the server names.
            let servers = format!(
                "{right} command denied to user 'plain'@'localhost' for table `torture`.`{table}`\n"
            );
            assert!(
                said.ends_with(&ours) || right == "SELECT" && said.ends_with(&servers),
                "{right}: {said}"
            );
            rights.run(&format!("GRANT {right} ON torture.{table} TO plain@localhost")).await;
        }
    }
    // And where a backup holds up all that is written.
    rights.run("REVOKE DELETE ON torture.messages FROM plain@localhost").await;
    rights.run("REVOKE UPDATE ON torture.topics FROM plain@localhost").await;
    rights.run("FLUSH TABLES WITH READ LOCK").await;
    let said = refused(&plain);
    assert!(said.ends_with(": grant it UPDATE on `topics`, DELETE on `messages`\n"), "{said}");
    rights.run("UNLOCK TABLES").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_to_the_columns_that_a_broker_writes_are_enough_and_each_is_needed() {
    // None that is only read, or written by its default.
    const WRITTEN: [(&str, &str, &str); 11] = [
        ("UPDATE", "store", "next_topic, next_producer, next_consumer, deletions"),
        ("INSERT", "topics", "id, name"),
        ("UPDATE", "topics", "checkpoint, kept_from"),
        ("INSERT", "messages", "topic, `offset`, producer, sequence, first_sequence, payload"),
        ("INSERT", "producers", "id, topic, sent"),
        ("UPDATE", "producers", "next_sequence, last_first, last_offset, sent"),
        ("INSERT", "subscriptions", "consumer, topic, `position`, polled"),
        ("UPDATE", "subscriptions", "`position`, polled"),
        ("INSERT", "heartbeats", "broker, beats, beaten"),
        ("UPDATE", "heartbeats", "broker, beats, beaten"),
        ("INSERT", "deleted_topics", "topic"),
    ];
    let Some(mut rights) = rights().await else { return };
    assert_eq!(migrate(&rights.all).0, Some(0));
    let plain = rights.plain.clone();
    rights.run("REVOKE INSERT, UPDATE ON torture.* FROM plain@localhost").await;
    for (right, table, columns) in WRITTEN {
        let granted = format!("{right} ({columns}) ON torture.{table}");
        rights.run(&format!("GRANT {granted} TO plain@localhost")).await;
    }
    rights.are_enough().await;
    for (right, table, columns) in WRITTEN {
        let refusal = format!(": grant it {right} on `{table}`\n");
        for column in columns.split(", ") {
            let revoked = format!("{right} ({column}) ON torture.{table}");
            rights.run(&format!("REVOKE {revoked} FROM plain@localhost")).await;
            let said = refused(&plain);
            assert!(said.ends_with(&refusal), "{right} {column}: {said}");
            rights.run(&format!("GRANT {revoked} TO plain@localhost")).await;
        }
    }
    // What is read: one column is not all.
    rights.run("REVOKE SELECT, DELETE ON torture.* FROM plain@localhost").await;
    for (granted, table) in &documented()[1..] {
        for right in granted.split(", ").filter(|right| ["SELECT", "DELETE"].contains(right)) {
            rights.run(&format!("GRANT {right} ON torture.{table} TO plain@localhost")).await;
        }
    }
    rights.run("REVOKE SELECT ON torture.messages FROM plain@localhost").await;
    rights.run("GRANT SELECT (topic) ON torture.messages TO plain@localhost").await;
    let said = refused(&plain);
    assert!(said.ends_with(": grant it SELECT on `messages`\n"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_that_are_behind_or_ahead_of_the_broker_or_gone_are_named() {
    let Some(mut rights) = rights().await else { return };
    assert_eq!(migrate(&rights.all).0, Some(0));
    let (all, plain) = (rights.all.clone(), rights.plain.clone());
    let newest = rights.newest().await;
    rights.run(&format!("DELETE FROM _sqlx_migrations WHERE version = {newest}")).await;
    let said = refused(&plain);
    let step = format!("from version {} to version {newest}, and its user may not", newest - 1);
    assert!(said.contains(&step), "{said}");
    assert!(migrate(&all).1.ends_with(&format!("to version {newest}\n")));
    rights.run("RENAME TABLE messages TO away").await;
    for store in [&all, &plain] {
        let said = refused(store);
        assert!(said.contains("cannot use mysql://") && said.contains(": `messages`; "), "{said}");
    }
    rights.run("RENAME TABLE away TO messages").await;
    let newer = newest + 3;
    rights
        .run(&format!(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
             VALUES ({newer}, 'of tomorrow', TRUE, '', 0)"
        ))
        .await;
    for store in [&all, &plain] {
        let said = refused(store);
        assert!(said.contains("is older than the database: it knows its tables up to"), "{said}");
        assert!(said.contains(&format!("brought them to version {newer}")), "{said}");
    }
    assert!(migrate(&all).1.contains("is older than the database"));
    rights.run(&format!("DELETE FROM _sqlx_migrations WHERE version = {newer}")).await;
    drop(Process::start(&plain, &[]));
    drop(rights.server);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_reads_the_sql_of_others_is_used_all_the_same() {
    let Some(mut rights) = rights().await else { return };
    for mode in ["ORACLE", "ANSI", "MSSQL"] {
        rights.run(&format!("SET GLOBAL sql_mode = '{mode}'")).await;
        rights.run("DROP DATABASE torture").await;
        // Made anew, and then on tables that are there.
        for store in [&rights.all, &rights.plain] {
            let broker = Process::start(store, &[]);
            let topic = if *store == rights.all { "made" } else { "found" };
            let state = Probe::at(&broker, topic).await.ask().await;
            assert!(state.is_ready, "{mode}");
            assert_eq!((state.produce.0, state.poll.0), (Answer::Success, Answer::Success));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_not_there_and_a_wrong_password_are_told_apart() {
    let Some(rights) = rights().await else { return };
    let absent = rights.plain.replace("/torture", "/absent");
    let none = ": there is no such database, or its user may not use it: ";
    for said in [refused(&absent), migrate(&absent).1] {
        assert!(said.contains(none), "{said}");
    }
    let wrong = rights.plain.replace("pl41n", "wr0ng");
    let said = refused(&wrong);
    assert!(said.contains("Access denied for user 'plain'@'localhost'"), "{said}");
    assert!(!said.contains(none), "{said}");
}
