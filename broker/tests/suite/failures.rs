//! What clients see when the database fails, by a real broker on a real server: every request
//! ends, with a success that stays, a refusal that stays, or a word that it is not known; the
//! broker stays up, says that it cannot serve, and recovers by itself.

use rustix::process::Signal;
use sqlx::{AssertSqlSafe, Connection, Executor, MySqlConnection};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{Duration, Instant, sleep};

use crate::support::process::Process;
use crate::support::scene::{Answer, Scene, password};
use crate::support::server::OwnServer;

/// A pause that is shorter than the time-out of the broker that it goes with.
const SHORT: Duration = Duration::from_millis(300);
const LONG_TIMEOUT: [&str; 2] = ["--store-timeout", "20s"];

#[tokio::test]
async fn a_broker_does_not_start_without_its_database_and_says_why() {
    let Some(server) = OwnServer::start(&["--max-allowed-packet=512K"]).await else { return };
    let secret = password(&server.url());
    let wrong = server.url().replace(&secret, "wr0ng");
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = server.url_at(closed.local_addr().unwrap().port());
    drop(closed);
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent_url = server.url_at(silent.local_addr().unwrap().port());
    let starting = [
        (nobody, "cannot reach mysql://harness:***@127.0.0.1"),
        (silent_url, "no answer within"),
        (wrong, "Access denied"),
        (server.url(), "too small for --max-message 1048576: raise it to"),
    ]
    .map(|(url, expected)| std::thread::spawn(move || (Process::fails(&url, &[]), expected)));
    for one in starting {
        let ((code, said), expected) = one.join().unwrap();
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains(expected), "{said}");
        assert!(!said.contains(&secret) && !said.contains("wr0ng"), "{said}");
    }
    drop(silent);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_nobody_works() {
    let Some(mut scene) = Scene::idle(&[], &[]).await else { return };
    scene.server.kill().await;
    let during = scene.probe.ask().await;
    assert_eq!(during.produce.0, Answer::Unavailable);
    assert!(!during.is_ready);
    scene.server.run_again();
    scene.end("killed while idle", during).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_under_load() {
    let Some(mut scene) = Scene::busy(&[], &[]).await else { return };
    scene.server.kill().await;
    let during = scene.probe.ask().await;
    assert_eq!(during.produce.0, Answer::Unavailable);
    assert!(!during.is_ready);
    scene.server.run_again();
    scene.end("killed under load", during).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn restarted_under_load() {
    let Some(mut scene) = Scene::busy(&[], &[]).await else { return };
    scene.server.end().await;
    let during = scene.probe.ask().await;
    assert_eq!(during.produce.0, Answer::Unavailable);
    assert!(!during.is_ready);
    scene.server.run_again();
    scene.end("shut down and started again", during).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stopped_for_longer_than_the_time_out() {
    let Some(mut scene) = Scene::busy(&[], &[]).await else { return };
    scene.server.signal(Signal::STOP);
    let during = scene.probe.ask().await;
    assert_ne!(during.produce.0, Answer::Success);
    assert!(!during.is_ready);
    scene.server.signal(Signal::CONT);
    scene.end("stopped for longer than the time-out", during).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stopped_for_less_than_the_time_out() {
    let Some(mut scene) = Scene::busy(&[], &LONG_TIMEOUT).await else { return };
    scene.server.signal(Signal::STOP);
    let (during, ()) = tokio::join!(scene.probe.ask(), async {
        sleep(SHORT).await;
        scene.server.signal(Signal::CONT);
    });
    assert_eq!((during.produce.0, during.poll.0), (Answer::Success, Answer::Success));
    scene.end("stopped for less than the time-out", during).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn others_take_all_connections_but_those_of_the_broker() {
    // One that the machine is too busy to be quick with is dropped at the end of a short time-out, and another
    // takes its place.
    let started = Scene::busy(&["--max-connections=12"], &LONG_TIMEOUT).await;
    let Some(mut scene) = started else { return };
    let others = take_all(&scene.server).await;
    for _ in 0..5 {
        let during = scene.probe.ask().await;
        assert_eq!((during.produce.0, during.poll.0), (Answer::Success, Answer::Success));
        assert!(during.is_ready);
    }
    let during = scene.probe.ask().await;
    drop(others);
    scene.end("no further connection to be had", during).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn others_take_all_connections() {
    let Some(mut scene) = Scene::idle(&["--max-connections=12"], &[]).await else { return };
    let mut others = take_all(&scene.server).await;
    // One that is still being opened has no database yet, by which it is found.
    let own = i64::try_from(others.len()).unwrap();
    while status(&mut others[0], "Threads_connected").await > own {
        kill_brokers(&mut others[0]).await;
        sleep(Duration::from_millis(5)).await;
    }
    others.extend(take_all(&scene.server).await);
    // A connection that was killed right after its last use is noticed by using it.
    assert_ne!(scene.probe.ask().await.produce.0, Answer::Success);
    let during = scene.probe.ask().await;
    assert_eq!((during.produce.0, during.poll.0), (Answer::Unavailable, Answer::Unavailable));
    assert!(!during.is_ready);
    drop(others);
    scene.end("no connection to be had", during).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_locks_a_row_for_longer_than_the_time_out() {
    // An append waits for 1 s in the one statement that commits it, and then where nothing is open.
    let Some(mut scene) = Scene::busy(&[], &["--store-timeout", "3s"]).await else { return };
    let mut other = locking(&scene.server).await;
    let during = scene.probe.ask().await;
    assert_eq!((during.produce.0, during.poll.0), (Answer::Unavailable, Answer::Success));
    assert!(during.is_ready, "the others are served");
    other.execute("ROLLBACK").await.unwrap();
    scene.end("a topic's row locked for longer than the time-out", during).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_locks_a_row_for_less_than_the_time_out() {
    let Some(mut scene) = Scene::busy(&[], &LONG_TIMEOUT).await else { return };
    let mut other = locking(&scene.server).await;
    let (during, ()) = tokio::join!(scene.probe.ask(), async {
        until_locked_out(&mut other).await;
        other.execute("ROLLBACK").await.unwrap();
    });
    assert_eq!((during.produce.0, during.poll.0), (Answer::Success, Answer::Success));
    scene.end("a topic's row locked for less than the time-out", during).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadlock_is_tried_again() {
    let Some(mut scene) = Scene::idle(&[], &LONG_TIMEOUT).await else { return };
    assert_eq!(scene.probe.numbered(0).await, Answer::Success);
    let mut other = MySqlConnection::connect(&scene.server.url()).await.unwrap();
    // Whoever has written more goes on.
    other.execute("CREATE TABLE heavy (n INT)").await.unwrap();
    other.execute("BEGIN").await.unwrap();
    other.execute("INSERT INTO heavy SELECT seq FROM seq_1_to_5000").await.unwrap();
    other.execute("SELECT * FROM messages FOR UPDATE").await.unwrap();
    let before = status(&mut other, "Innodb_deadlocks").await;
    let deadlock = async {
        // The broker shares the topic's row by then, and wants that of the last message.
        until_locked_out(&mut other).await;
        other.execute("SELECT * FROM topics FOR UPDATE").await.unwrap();
        other.execute("ROLLBACK").await.unwrap();
    };
    let (answer, ()) = tokio::join!(scene.probe.numbered(1), deadlock);
    assert_eq!(answer, Answer::Success);
    assert_eq!(status(&mut other, "Innodb_deadlocks").await, before + 1);
    let during = scene.probe.ask().await;
    scene.end("a deadlock", during).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_disk_is_full() {
    let disk = |size| format!("--innodb-data-file-path=ibdata1:12M:autoextend:max:{size}");
    let in_it = "--innodb-file-per-table=0";
    let Some(mut scene) = Scene::busy(&[in_it, &disk("64M")], &[]).await else { return };
    // Somebody else has taken much of it; the broker takes the rest.
    let mut other = MySqlConnection::connect(&scene.server.url()).await.unwrap();
    other.execute("CREATE TABLE filler (payload LONGTEXT)").await.unwrap();
    let filling = "INSERT INTO filler SELECT REPEAT('x', 1000000) FROM seq_1_to_20";
    other.execute(filling).await.unwrap();
    for size in [500_000, 20_000] {
        let large = "y".repeat(size);
        let mut taken = 0;
        while scene.probe.produce(&large).await == Answer::Success {
            taken += 1;
            assert!(taken < 200, "there is an end to it");
        }
    }
    let mut during = scene.probe.ask().await;
    // A small message may still find a place; the table is about one that does not.
    let (large, begun) = ("y".repeat(20_000), Instant::now());
    during.produce = (scene.probe.produce(&large).await, begun.elapsed().as_millis());
    assert_ne!(during.produce.0, Answer::Success);
    // MariaDB may have failed an assertion of its own by now: it cannot roll back without space.
    scene.server.run_with(&[in_it, &disk("128M")]).await;
    scene.probe.well().await;
    assert_eq!(scene.probe.produce(&large).await, Answer::Success);
    scene.end("the disk full", during).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_only_reads() {
    let Some(server) = OwnServer::start(&[]).await else { return };
    // Who may do everything may write then, too.
    let mut sql = server.sql().await;
    sql.execute("CREATE DATABASE torture").await.unwrap();
    let user = "CREATE USER plain@localhost IDENTIFIED BY 'pl41n'";
    sql.execute(user).await.unwrap();
    sql.execute("GRANT ALL ON torture.* TO plain@localhost").await.unwrap();
    let login = format!("harness:{}", password(&server.url()));
    let store = server.url().replace(&login, "plain:pl41n");
    let mut scene = Scene::on(server, &store, &[], true).await;
    sql.execute("SET GLOBAL read_only = 1").await.unwrap();
    let during = scene.probe.ask().await;
    assert_eq!(during.produce.0, Answer::Unavailable);
    assert!(!during.is_ready);
    let said = scene.probe.readiness().await;
    assert!(said.contains("--read-only option"), "it says why: {said}");
    let address = scene.broker.address();
    let (code, said) = Process::fails_with(&["--check", &address]);
    assert_eq!(code, Some(1));
    assert!(said.contains("is not ready: ") && said.contains("--read-only option"), "{said}");
    sql.execute("SET GLOBAL read_only = 0").await.unwrap();
    assert!(!scene.broker.said().contains("pl41n"));
    scene.end("a server that only reads", during).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_of_messages_is_gone() {
    let failure = "the table of messages gone";
    let (breaking, mending) = ("RENAME TABLE messages TO away", "RENAME TABLE away TO messages");
    messages_cannot_be_written(failure, breaking, mending, "doesn't exist").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_of_messages_is_locked() {
    let failure = "the table of messages locked for longer than the time-out";
    let (breaking, mending) = ("LOCK TABLES messages WRITE", "UNLOCK TABLES");
    messages_cannot_be_written(failure, breaking, mending, "Lock wait timeout exceeded").await;
}

async fn messages_cannot_be_written(
    failure: &str,
    breaking: &'static str,
    mending: &'static str,
    expected: &str,
) {
    // Longer than a statement waits for a lock, so that the server says what it waited for.
    let Some(mut scene) = Scene::idle(&[], &["--store-timeout", "3s"]).await else { return };
    let mut other = MySqlConnection::connect(&scene.server.url()).await.unwrap();
    other.execute(breaking).await.unwrap();
    let during = scene.probe.ask().await;
    assert_eq!((during.produce.0, during.is_ready), (Answer::Unavailable, false));
    let said = scene.probe.readiness().await;
    let tried = "an append was tried: the database says: ";
    assert!(said.contains(tried) && said.contains(expected), "{said}");
    scene.probe.ask().await;
    let said = scene.broker.said();
    let news = said.lines().filter(|line| line.contains(": the database "));
    assert_eq!(news.count(), 1, "it is said once: {said}");
    other.execute(mending).await.unwrap();
    scene.probe.well().await;
    let left = "SELECT COUNT(*) FROM messages WHERE topic NOT IN (SELECT id FROM topics)";
    let left: i64 = sqlx::query_scalar(left).fetch_one(&mut other).await.unwrap();
    assert_eq!(left, 0, "what was tried is not left behind");
    scene.end(failure, during).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_store_in_the_place_of_ours_gets_nothing() {
    for is_seen in [true, false] {
        let Some(mut scene) = Scene::idle(&[], &[]).await else { return };
        let mut sql = scene.server.sql().await;
        sql.execute("DROP DATABASE torture").await.unwrap();
        if is_seen {
            let during = scene.probe.ask().await;
            assert_eq!(during.produce.0, Answer::Unavailable);
            assert!(!during.is_ready);
        }
        // Another broker makes the database again; ids and offsets begin anew in it.
        let other = Process::start(&scene.server.url(), &[]);
        let client = other.client();
        client.create_topic("innocent").await.unwrap();
        let consumer = client.register_consumer("innocent").await.unwrap().consumer_id;
        client.register_producer("innocent").await.unwrap();
        let during = scene.probe.ask().await;
        assert_eq!((during.produce.0, during.poll.0), (Answer::Unavailable, Answer::Unavailable));
        assert_eq!(during.register.0, Answer::Unavailable);
        assert!(!during.is_ready);
        assert_eq!(crate::support::load::lag(&client, "innocent", consumer).await, 0);
        scene.check_broker();
        println!("| another store in its place | {during:?} |");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_password_is_changed() {
    let Some(mut scene) = Scene::busy(&[], &[]).await else { return };
    let right = password(&scene.server.url());
    let mut sql = scene.server.sql().await;
    let change = |to: &str| format!("ALTER USER harness@localhost IDENTIFIED BY '{to}'");
    sql.execute(AssertSqlSafe(change("other"))).await.unwrap();
    kill_brokers(&mut sql).await;
    let during = scene.probe.ask().await;
    assert_eq!((during.produce.0, during.poll.0), (Answer::Unavailable, Answer::Unavailable));
    assert!(!during.is_ready);
    sql.execute(AssertSqlSafe(change(&right))).await.unwrap();
    scene.end("a password that is wrong now", during).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_packet_is_too_large_for_the_server() {
    let Some(mut scene) = Scene::busy(&[], &[]).await else { return };
    let mut sql = scene.server.sql().await;
    sql.execute("SET GLOBAL max_allowed_packet = 65536").await.unwrap();
    kill_brokers(&mut sql).await;
    scene.probe.well().await;
    assert_eq!(scene.probe.produce(&"x".repeat(200_000)).await, Answer::Unavailable);
    let during = scene.probe.ask().await;
    assert_eq!(during.produce.0, Answer::Success, "small ones are taken");
    sql.execute("SET GLOBAL max_allowed_packet = 16777216").await.unwrap();
    kill_brokers(&mut sql).await;
    scene.probe.well().await;
    assert_eq!(scene.probe.produce(&"x".repeat(200_000)).await, Answer::Success);
    scene.end("max_allowed_packet too small, a small message", during).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_swallows_everything() {
    let Some(server) = OwnServer::start(&[]).await else { return };
    let (port, is_open) = relay(server.port()).await;
    let store = server.url_at(port);
    let mut scene = Scene::on(server, &store, &[], true).await;
    is_open.send_replace(false);
    let during = scene.probe.ask().await;
    assert_ne!(during.produce.0, Answer::Success);
    assert!(!during.is_ready);
    is_open.send_replace(true);
    scene.end("packets that vanish", during).await;
}

/// Passes bytes on to a port while it is open, and holds them back while it is not.
async fn relay(to: u16) -> (u16, watch::Sender<bool>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, is_open) = watch::channel(true);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(("127.0.0.1", to)).await.unwrap();
            let (from_client, to_client) = client.into_split();
            let (from_server, to_server) = server.into_split();
            tokio::spawn(pass_on(from_client, to_server, is_open.clone()));
            tokio::spawn(pass_on(from_server, to_client, is_open.clone()));
        }
    });
    (port, sender)
}

async fn pass_on(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    mut is_open: watch::Receiver<bool>,
) {
    let mut bytes = vec![0; 65536];
    while let Ok(count) = from.read(&mut bytes).await {
        let may_pass = is_open.wait_for(|is_open| *is_open).await.is_ok();
        if count == 0 || !may_pass || to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}

/// Opens connections until there are no more.
async fn take_all(server: &OwnServer) -> Vec<MySqlConnection> {
    let url = server.url().replace("/torture", "/mysql");
    let mut others = Vec::new();
    loop {
        match MySqlConnection::connect(&url).await {
            Ok(other) => others.push(other),
            Err(error) => {
                assert!(error.to_string().contains("Too many connections"), "{error}");
                return others;
            }
        }
    }
}

/// Ends the connections that brokers have.
async fn kill_brokers(sql: &mut MySqlConnection) {
    let ids = "SELECT CAST(id AS SIGNED) FROM information_schema.processlist WHERE db = 'torture'";
    for id in sqlx::query_scalar::<_, i64>(ids).fetch_all(&mut *sql).await.unwrap() {
        // It may have gone by itself.
        let _ = sql.execute(AssertSqlSafe(format!("KILL {id}"))).await;
    }
}

/// A session that has locked the row of the topic that is asked for.
async fn locking(server: &OwnServer) -> MySqlConnection {
    let mut other = MySqlConnection::connect(&server.url()).await.unwrap();
    other.execute("BEGIN").await.unwrap();
    other.execute("SELECT * FROM topics WHERE name = 'probe' FOR UPDATE").await.unwrap();
    other
}

/// Waits until somebody waits for a lock of this session's.
async fn until_locked_out(other: &mut MySqlConnection) {
    while status(other, "Innodb_row_lock_current_waits").await == 0 {
        sleep(Duration::from_millis(5)).await;
    }
}

/// A number that the server counts.
async fn status(sql: &mut MySqlConnection, name: &str) -> i64 {
    let question = "SELECT CAST(variable_value AS SIGNED) FROM information_schema.global_status
                    WHERE variable_name = ?";
    sqlx::query_scalar(question).bind(name).fetch_one(sql).await.unwrap()
}
