//! The server on a real socket: slow and stuck clients, time-outs, and a shutdown in good order.

use std::net::SocketAddr;
use std::sync::Arc;

use broker::store::{Retain, Store};
use broker::{Limits, Options, Signal, serve, serve_with_administration};
use sqlx::{Connection, Executor, MySqlConnection};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::{Duration, Instant, timeout};

use crate::support::load::GENEROUS;
use crate::support::{Short, memory, mysql, open};

/// A server on a free port.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) shutdown: Signal,
    pub(crate) task: JoinHandle<()>,
}

impl Running {
    pub(crate) async fn start(options: Options) -> Self {
        Self::over(memory(Retain::Lag, None), options).await
    }

    pub(crate) async fn over(store: Arc<dyn Store>, options: Options) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = Signal::default();
        let serving = {
            let (store, shutdown) = (Arc::clone(&store), shutdown.clone());
            async move { serve(listener, store, options, shutdown.raised()).await }
        };
        Self { address, store, shutdown, task: tokio::spawn(serving) }
    }

    /// Topic A, with producer 0 and consumer 0.
    pub(crate) async fn with_topic(options: Options) -> Self {
        let running = Self::start(options).await;
        let store = Short(Arc::clone(&running.store));
        store.producer("A").await;
        store.consumer("A").await;
        running
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    pub(crate) async fn stop(self) {
        self.shutdown.raise();
        self.task.await.unwrap();
    }
}

/// Long enough to never matter, but for the one that a test shortens.
pub(crate) fn patient() -> Options {
    let hour = Duration::from_secs(3600);
    Options {
        limits: Limits { wait: hour, body_read: hour, ..Limits::default() },
        header_read: hour,
        idle: hour,
        write_stall: hour,
        grace: hour,
        ..Options::default()
    }
}

pub(crate) const SOON: Duration = Duration::from_millis(30);
pub(crate) const HEALTH: &str = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";

/// Reads one answer.
async fn answer(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut text = Vec::new();
    loop {
        let mut buffer = [0; 4096];
        let count = stream.read(&mut buffer).await.unwrap();
        text.extend_from_slice(&buffer[..count]);
        let read = String::from_utf8_lossy(&text).into_owned();
        if count == 0 || read.ends_with('}') {
            return read;
        }
    }
}

pub(crate) async fn ask(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    request: &str,
) -> String {
    stream.write_all(request.as_bytes()).await.unwrap();
    answer(stream).await
}

/// Reads until the other side closes.
pub(crate) async fn rest(mut stream: impl AsyncRead + Unpin) -> String {
    let mut text = Vec::new();
    // A reset is an end as well: the server may close with bytes of ours unread.
    let _ = stream.read_to_end(&mut text).await;
    String::from_utf8_lossy(&text).into_owned()
}

#[tokio::test]
async fn a_connection_serves_many_requests() {
    let running = Running::start(patient()).await;
    let mut stream = running.connect().await;
    for _ in 0..3 {
        assert!(ask(&mut stream, HEALTH).await.starts_with("HTTP/1.1 200 OK"));
    }
    drop(stream);
    running.stop().await;
}

#[tokio::test]
async fn a_client_with_a_slow_head_is_cut_off_and_others_go_on() {
    let running = Running::start(Options { header_read: SOON, ..patient() }).await;
    let mut other = running.connect().await;
    let mut slow = running.connect().await;
    slow.write_all(b"GET /healthz HT").await.unwrap();
    assert_eq!(rest(slow).await, "");
    // Idle for just as long, and still there.
    assert!(ask(&mut other, HEALTH).await.starts_with("HTTP/1.1 200 OK"));
    drop(other);
    running.stop().await;
}

#[tokio::test]
async fn a_client_with_a_slow_second_head_is_cut_off() {
    let running = Running::start(Options { header_read: SOON, ..patient() }).await;
    let mut slow = running.connect().await;
    ask(&mut slow, HEALTH).await;
    slow.write_all(b"GET /hea").await.unwrap();
    assert_eq!(rest(slow).await, "");
    running.stop().await;
}

#[tokio::test]
async fn a_client_with_a_slow_body_is_told_and_cut_off() {
    let limits = Limits { body_read: SOON, ..Limits::default() };
    let running = Running::start(Options { limits, ..patient() }).await;
    let mut slow = running.connect().await;
    slow.write_all(b"POST /topics HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{")
        .await
        .unwrap();
    let answer = rest(slow).await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert!(answer.contains("request_timeout"), "{answer}");
    running.stop().await;
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let running = Running::start(Options { idle: SOON, ..patient() }).await;
    let mut idle = running.connect().await;
    ask(&mut idle, HEALTH).await;
    assert_eq!(rest(idle).await, "");
    assert_eq!(rest(running.connect().await).await, "", "one that never sent anything too");
    running.stop().await;
}

#[tokio::test]
async fn a_poll_that_waits_is_not_idle() {
    let running = Running::with_topic(Options { idle: SOON, header_read: SOON, ..patient() }).await;
    let mut polling = running.connect().await;
    let poll = "GET /consumer/consume?topic=A&consumer_id=0&max=9&wait_ms=60000 HTTP/1.1\r\nHost: x\r\n\r\n";
    polling.write_all(poll.as_bytes()).await.unwrap();
    // This one is closed for idling, so by then the other had the time as well.
    assert_eq!(rest(running.connect().await).await, "");
    let store = Short(Arc::clone(&running.store));
    store.append("A", 0, None, &["after the wait"]).await.unwrap();
    assert!(answer(&mut polling).await.contains("after the wait"));
    drop(polling);
    running.stop().await;
}

#[tokio::test]
async fn a_client_that_does_not_read_is_cut_off() {
    let running = Running::with_topic(Options { write_stall: SOON, ..patient() }).await;
    let store = Short(Arc::clone(&running.store));
    let payload = "x".repeat(1 << 20);
    for _ in 0..8 {
        store.append("A", 0, None, &[&payload]).await.unwrap();
    }
    let mut stuck = running.connect().await;
    // Several answers of 8 MiB are more than the buffers of both sides hold.
    let poll =
        "GET /consumer/consume?topic=A&consumer_id=0&max=9&offset=0 HTTP/1.1\r\nHost: x\r\n\r\n";
    for _ in 0..8 {
        stuck.write_all(poll.as_bytes()).await.unwrap();
    }
    running.shutdown.raise();
    // The shutdown waits for an hour, so it ends only because the stuck client was cut off.
    running.task.await.unwrap();
    drop(stuck);
}

#[tokio::test]
async fn a_shutdown_answers_the_polls_that_wait_and_finishes_what_is_in_flight() {
    let running = Running::with_topic(patient()).await;
    let store = Short(Arc::clone(&running.store));
    store.append("A", 0, None, &["acknowledged by the poll"]).await.unwrap();
    let mut polling = running.connect().await;
    let poll = "GET /consumer/consume?topic=A&consumer_id=0&max=9&offset=1&wait_ms=60000 HTTP/1.1\r\nHost: x\r\n\r\n";
    polling.write_all(poll.as_bytes()).await.unwrap();
    while store.size("A", 0).await != Ok((0, 1)) {
        tokio::task::yield_now().await;
    }
    let mut sending = running.connect().await;
    let body = r#"{"topic":"A","producer_id":0,"message":"in flight"}"#;
    let length = body.len();
    let head = format!(
        "POST /producer/produce HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\nExpect: 100-continue\r\n\r\n"
    );
    sending.write_all(head.as_bytes()).await.unwrap();
    // The server asks for the body once the handler reads it: from then on it is in flight.
    let mut go_on = [0; 25];
    sending.read_exact(&mut go_on).await.unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    let idle = running.connect().await;
    running.shutdown.raise();
    assert!(rest(polling).await.ends_with(r#""messages":[]}"#));
    assert_eq!(rest(idle).await, "");
    sending.write_all(body.as_bytes()).await.unwrap();
    assert!(rest(sending).await.ends_with(r#"{"status":"success","offset":1}"#));
    let address = running.address;
    running.task.await.unwrap();
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn a_shutdown_is_bounded() {
    let running = Running::start(Options { grace: SOON, ..patient() }).await;
    let mut stuck = running.connect().await;
    let head =
        "POST /topics HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n";
    stuck.write_all(head.as_bytes()).await.unwrap();
    let mut go_on = [0; 25];
    stuck.read_exact(&mut go_on).await.unwrap();
    running.stop().await;
    assert_eq!(rest(stuck).await, "");
}

/// In simulated time: an administrator's connection has what clients' connections leave of it.
#[tokio::test]
async fn the_connections_of_both_listeners_share_the_time_of_a_shutdown() {
    let grace = Duration::from_secs(600);
    let [clients, administration] = [
        TcpListener::bind("127.0.0.1:0").await.unwrap(),
        TcpListener::bind("127.0.0.1:0").await.unwrap(),
    ];
    let addresses = [&clients, &administration].map(|listener| listener.local_addr().unwrap());
    let (store, options) = (memory(Retain::Lag, None), Options { grace, ..patient() });
    let shutdown = Signal::default();
    let raised = shutdown.clone();
    let serving = tokio::spawn(async move {
        let administration = Some(administration);
        serve_with_administration(clients, administration, store, options, raised.raised()).await;
    });
    let mut stuck = Vec::new();
    for address in addresses {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head =
            "POST /topics HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.read_exact(&mut [0; 25]).await.unwrap();
        stuck.push(stream);
    }
    tokio::time::pause();
    let begun = Instant::now();
    shutdown.raise();
    serving.await.unwrap();
    let took = begun.elapsed();
    assert!(took >= grace && took < grace + Duration::from_secs(1), "{took:?}");
}

#[tokio::test]
async fn an_idle_subscription_ends_but_not_one_that_waits() {
    let idle = Some(SOON * 10);
    let running = Running::with_topic(Options { subscription_idle: idle, ..patient() }).await;
    let store = Short(Arc::clone(&running.store));
    store.consumer("A").await;
    let mut polling = running.connect().await;
    let poll = "GET /consumer/consume?topic=A&consumer_id=0&max=9&wait_ms=60000 HTTP/1.1\r\nHost: x\r\n\r\n";
    polling.write_all(poll.as_bytes()).await.unwrap();
    while store.size("A", 1).await.is_ok() {
        tokio::task::yield_now().await;
    }
    store.append("A", 0, None, &["still there"]).await.unwrap();
    assert!(answer(&mut polling).await.contains("still there"));
    drop(polling);
    running.stop().await;
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let running = Running::start(patient()).await;
    for (length, status) in [(60_000, "200"), (200_000, "431")] {
        let mut stream = running.connect().await;
        let head = format!(
            "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX: {}\r\n\r\n",
            "x".repeat(length)
        );
        // It may be refused before all of it is sent.
        let _ = stream.write_all(head.as_bytes()).await;
        let mut first = [0; 12];
        stream.read_exact(&mut first).await.unwrap();
        assert_eq!(String::from_utf8_lossy(&first), format!("HTTP/1.1 {status}"));
    }
    running.stop().await;
}

/// With so many connections, and a clock that ticks every 10 ms.
fn crowded(connections: usize) -> Options {
    let connections = connections.try_into().unwrap();
    Options { connections, write_stall: Duration::from_millis(100), ..patient() }
}

#[tokio::test]
async fn past_the_most_connections_the_oldest_poll_is_answered_and_its_connection_closed() {
    let running = Running::with_topic(crowded(2)).await;
    let store = Short(Arc::clone(&running.store));
    store.consumer("A").await;
    store.append("A", 0, None, &["acknowledged by the polls"]).await.unwrap();
    let mut polls = Vec::new();
    for consumer in 0..2 {
        let mut poll = running.connect().await;
        let head = format!(
            "GET /consumer/consume?topic=A&consumer_id={consumer}&max=9&offset=1&wait_ms=60000 HTTP/1.1\r\nHost: x\r\n\r\n"
        );
        poll.write_all(head.as_bytes()).await.unwrap();
        while store.size("A", consumer).await != Ok((0, 1)) {
            tokio::task::yield_now().await;
        }
        polls.push(poll);
    }
    let mut health = running.connect().await;
    assert!(ask(&mut health, HEALTH).await.starts_with("HTTP/1.1 200 OK"));
    let mut polls = polls.into_iter();
    let (oldest, mut other) = (polls.next().unwrap(), polls.next().unwrap());
    let answer_of_oldest = rest(oldest).await;
    assert!(answer_of_oldest.ends_with(r#""messages":[]}"#), "{answer_of_oldest}");
    assert!(answer_of_oldest.contains("connection: close"), "{answer_of_oldest}");
    store.append("A", 0, None, &["for the other one"]).await.unwrap();
    assert!(answer(&mut other).await.contains("for the other one"));
    drop((health, other));
    running.stop().await;
}

/// Requests of which no more will come.
const UNFINISHED: [&str; 3] = [
    "GET /healthz HT",
    "POST /topics HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{",
    "POST /topics HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
];

#[tokio::test]
async fn neither_idle_connections_nor_unfinished_requests_lock_anybody_out() {
    for sent in [""].into_iter().chain(UNFINISHED) {
        let running = Running::start(crowded(4)).await;
        let mut streams = Vec::new();
        for _ in 0..50 {
            let mut stream = running.connect().await;
            // The system accepts it first, and the server may close it by now.
            let _ = stream.write_all(sent.as_bytes()).await;
            streams.push(stream);
        }
        let mut health = running.connect().await;
        let answered = timeout(GENEROUS, ask(&mut health, HEALTH)).await;
        let answered = answered.unwrap_or_else(|_| panic!("locked out by {sent:?}"));
        assert!(answered.starts_with("HTTP/1.1 200 OK"), "{sent:?}: {answered}");
        drop((health, streams));
        running.stop().await;
    }
}

#[tokio::test]
async fn a_request_that_is_carried_out_is_not_cut_for_one_that_stalls() {
    let Some(url) = mysql() else { return };
    let store = open(&url, Retain::All).await;
    let running = Running::over(store, crowded(1)).await;
    let store = Short(Arc::clone(&running.store));
    store.producer("A").await;
    let mut other = MySqlConnection::connect(&url).await.unwrap();
    other.execute("BEGIN").await.unwrap();
    other.execute("SELECT * FROM topics FOR UPDATE").await.unwrap();
    let body = r#"{"topic":"A","producer_id":0,"message":"m"}"#;
    let head = format!(
        "POST /producer/produce HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let mut sending = running.connect().await;
    sending.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    let appends = "SELECT COUNT(*) FROM information_schema.processlist
                   WHERE db = DATABASE() AND info LIKE 'SELECT checkpoint FROM topics%'";
    while sqlx::query_scalar::<_, i64>(appends).fetch_one(&mut other).await.unwrap() == 0 {}
    let mut stalled = running.connect().await;
    stalled.write_all(head.as_bytes()).await.unwrap();
    assert_eq!(rest(stalled).await, "", "there is a place for one alone");
    other.execute("ROLLBACK").await.unwrap();
    assert!(answer(&mut sending).await.ends_with(r#"{"status":"success","offset":0}"#));
    drop(sending);
    running.stop().await;
}

#[tokio::test]
async fn bodies_that_stall_take_the_room_of_large_ones_and_small_ones_go_on() {
    let limits = Limits {
        body_bytes: 300_000,
        message_bytes: 1000,
        answer_bytes: 300_000.try_into().unwrap(),
        in_flight_bytes: 0,
        in_flight_wait: SOON,
        ..patient().limits
    };
    let running = Running::with_topic(Options { limits, ..patient() }).await;
    let produce = |length: usize| {
        format!(
            "POST /producer/produce HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\nExpect: 100-continue\r\n\r\n"
        )
    };
    let mut stalled = Vec::new();
    for _ in 0..2 {
        let mut stream = running.connect().await;
        stream.write_all(produce(280_000).as_bytes()).await.unwrap();
        // It is asked for once there is room for it.
        let mut go_on = [0; 25];
        stream.read_exact(&mut go_on).await.unwrap();
        stalled.push(stream);
    }
    let messages = vec!["x".repeat(900); 290];
    let large = serde_json::json!({ "topic": "A", "producer_id": 0, "messages": messages });
    let large = large.to_string();
    let send = async |body: &str| {
        let mut stream = running.connect().await;
        let head = produce(body.len()).replace("Expect: 100-continue", "X: x");
        ask(&mut stream, &format!("{head}{body}")).await
    };
    let refused = send(&large).await;
    assert!(refused.starts_with("HTTP/1.1 500") && refused.contains("unavailable"), "{refused}");
    let small = send(r#"{"topic":"A","producer_id":0,"message":"a"}"#).await;
    assert!(small.ends_with(r#""offset":0}"#), "{small}");
    drop(stalled);
    // Their ends are seen a moment later.
    let mut sent = refused;
    while sent.contains("unavailable") {
        sent = send(&large).await;
    }
    assert!(sent.ends_with(r#""offset":1,"count":290}"#), "{sent}");
    running.stop().await;
}

#[tokio::test]
async fn a_large_body_that_is_begun_beside_the_workers_is_one_request_like_any_other() {
    let running = Running::with_topic(patient()).await;
    let mut stream = running.connect().await;
    let messages = vec!["x".repeat(1000); 5000];
    let body = serde_json::json!({
        "topic": "A", "producer_id": 0, "sequence": 0, "messages": messages
    });
    for (body, says) in [
        (body.to_string(), r#""offset":0,"count":5000}"#),
        (body.to_string(), r#""offset":0,"count":5000}"#),
        (body.to_string().replace("],", ",7],"), "messages[5000]"),
        (format!("{body}x"), "the body is not JSON"),
    ] {
        let length = body.len();
        let head = format!(
            "POST /producer/produce HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n"
        );
        let answer = ask(&mut stream, &format!("{head}{body}")).await;
        assert!(answer.contains(says), "{answer}");
    }
    let poll = "GET /consumer/consume?topic=A&consumer_id=0&max=9000 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    stream.write_all(poll.as_bytes()).await.unwrap();
    let answer = rest(stream).await;
    let body = answer.split("\r\n\r\n").nth(1).unwrap();
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["messages"].as_array().map(Vec::len), Some(5000));
    running.stop().await;
}
