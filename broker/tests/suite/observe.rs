//! What a broker tells of itself: `/metrics`, read by a parser, `/stats`, the ids of requests, and the
//! listener for administration.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::num::NonZeroUsize;
use std::sync::Arc;

use axum::http::Method;
use broker::store::{LARGEST, Retain};
use broker::{COMMIT, Limits, VERSION};
use futures_util::future::join_all;
use serde_json::json;
use sqlx::{Connection, Executor, MySqlConnection};
use tokio::time::{Duration, timeout};

use crate::support::load::{GENEROUS, Load, Numbered, Plan};
use crate::support::process::Process;
use crate::support::{Figures, Short, Wire, memory, mysql, open, stores};

const REQUESTS: &str = "broker_requests_total";
const TIMES: &str = "broker_request_duration_seconds";

#[tokio::test]
async fn requests_are_counted_by_route_and_code() {
    let wire = Wire::new(Limits::default());
    wire.post("/producer/register", r#"{"topic":"T1"}"#).await;
    wire.post("/consumer/register", r#"{"topic":"T1"}"#).await;
    for _ in 0..3 {
        wire.post("/producer/produce", r#"{"topic":"T1","producer_id":0,"message":"x"}"#).await;
    }
    wire.post("/producer/produce", r#"{"topic":"T1","producer_id":7,"message":"x"}"#).await;
    let poll = "/consumer/consume?topic=T1&consumer_id=0";
    wire.get(poll).await;
    wire.get(&format!("{poll}&max=1&wait_ms=5")).await;
    wire.get(&format!("{poll}&wait_ms=5")).await;
    wire.get(&format!("{poll}&wait_ms=5")).await;
    wire.get("/nix").await;
    wire.send(Method::PUT, "/topics", "").await;
    // It would take a message, and is not counted as a consume.
    wire.send(Method::HEAD, poll, "").await;
    let figures = wire.figures().await;
    let count = |route, code| figures.of(REQUESTS, &[("route", route), ("code", code)]);
    assert_eq!(count("POST /producer/produce", "success"), Some(3.0));
    assert_eq!(count("POST /producer/produce", "unknown_producer"), Some(1.0));
    assert_eq!(count("GET /consumer/consume", "success"), Some(1.0));
    assert_eq!(count("GET /consumer/consume?wait_ms", "success"), Some(2.0));
    assert_eq!(count("GET /consumer/consume?wait_ms", "empty"), Some(1.0));
    assert_eq!(count("none", "not_found"), Some(1.0));
    assert_eq!(count("none", "method_not_allowed"), Some(2.0));
    assert_eq!(figures.all(REQUESTS).len(), 9, "and nothing else");
    let times = |route| figures.of(TIMES, &[("route", route)]);
    assert_eq!(times("POST /producer/produce"), Some(4.0));
    assert_eq!(times("GET /size"), None);
    // A scrape counts itself once it is answered.
    assert_eq!(wire.figures().await.of(TIMES, &[("route", "GET /metrics")]), Some(1.0));
}

#[tokio::test]
async fn every_store_tells_what_goes_through_topics_and_who_is_behind() {
    for (kind, store) in stores().await {
        let wire = Wire::over(Arc::clone(&store), Limits::default());
        let short = Short(store);
        let (first, other) = (short.producer("A").await, short.producer("B").await);
        let near = short.consumer("A").await.consumer;
        let far = short.consumer("A").await.consumer;
        short.append("A", first, Some(0), &["one", "two", "é"]).await.unwrap();
        // A repeat adds nothing.
        short.append("A", first, Some(0), &["one", "two", "é"]).await.unwrap();
        short.append("B", other, None, &["x"]).await.unwrap();
        assert_eq!(short.take("A", near, 2).await.len(), 2);
        let figures = wire.figures().await;
        let topic = |name, topic| figures.of(name, &[("topic", topic)]);
        assert_eq!(figures.alone("broker_topics"), 2.0, "{kind}");
        assert_eq!(figures.alone("broker_appended_messages_total"), 4.0, "{kind}");
        assert_eq!(figures.alone("broker_appended_bytes_total"), 9.0, "{kind}");
        assert_eq!(figures.alone("broker_delivered_messages_total"), 2.0, "{kind}");
        assert_eq!(topic("broker_topic_appended_messages_total", "A"), Some(3.0), "{kind}");
        assert_eq!(topic("broker_topic_appended_bytes_total", "A"), Some(8.0), "{kind}");
        assert_eq!(topic("broker_topic_delivered_messages_total", "B"), Some(0.0), "{kind}");
        let lag = |consumer: i64| {
            let labels = [("topic", "A"), ("consumer", &*consumer.to_string())];
            figures.of("broker_subscription_lag_messages", &labels)
        };
        assert_eq!((lag(near), lag(far)), (Some(1.0), Some(3.0)), "{kind}");
        assert_eq!(figures.alone("broker_lag_messages"), 4.0, "{kind}");
        assert_eq!(figures.alone("broker_subscriptions"), 2.0, "{kind}");
        assert_eq!(figures.alone("broker_lag_is_current"), 1.0, "{kind}");
        let is_mysql = kind.starts_with("mysql");
        let commits = figures.of("broker_store_commits_total", &[("work", "append")]);
        assert_eq!(commits.is_some(), is_mysql, "{kind}");
        if let Some(commits) = commits {
            assert!(commits >= 2.0, "{commits}");
            assert_eq!(figures.alone("broker_store_up"), 1.0);
            let groups = figures.of("broker_store_group_requests", &[("work", "append")]);
            assert!(groups >= Some(2.0), "{groups:?}");
        }
    }
}

#[tokio::test]
async fn a_figure_of_all_topics_is_told_for_the_largest_alone() {
    const TOPICS: usize = 10_000;
    let store = memory(Retain::Lag, None);
    let wire = Wire::over(Arc::clone(&store), Limits::default());
    let short = Short(store);
    for number in 0..TOPICS {
        let topic = format!("T{number}");
        let producer = short.producer(&topic).await;
        let consumer = short.consumer(&topic).await.consumer;
        // The later, the more.
        let payloads = vec!["x"; 1 + number / 2000];
        short.append(&topic, producer, None, &payloads).await.unwrap();
        if number + 1 == TOPICS {
            short.append(&topic, producer, None, &["x"; 50]).await.unwrap();
            short.take(&topic, consumer, 5).await;
        }
    }
    check_largest(&wire, TOPICS, 2000 * (1 + 2 + 3 + 4 + 5) + 50, 5.0).await;
}

#[tokio::test]
async fn so_it_is_on_a_database() {
    const TOPICS: usize = 250;
    let Some(url) = mysql() else { return };
    let store = open(&url, Retain::All).await;
    let wire = Wire::over(Arc::clone(&store), Limits::default());
    let short = Short(store);
    let appended = join_all((0..TOPICS).map(async |number| {
        let topic = format!("T{number}");
        let producer = short.producer(&topic).await;
        let consumer = short.consumer(&topic).await.consumer;
        let payloads = vec!["x"; 1 + number / 50];
        short.append(&topic, producer, None, &payloads).await.unwrap();
        if number + 1 == TOPICS {
            short.append(&topic, producer, None, &["x"; 50]).await.unwrap();
            short.take(&topic, consumer, 5).await;
        }
    }));
    appended.await;
    check_largest(&wire, TOPICS, 50 * (1 + 2 + 3 + 4 + 5) + 50, 4.0).await;
}

/// The last topic has most, and 5 of it were delivered; the least that is told of a topic is `least`.
async fn check_largest(wire: &Wire, topics: usize, messages: u32, least: f64) {
    let figures = wire.figures().await;
    assert_eq!(figures.alone("broker_topics"), figure(topics));
    assert_eq!(figures.alone("broker_appended_messages_total"), f64::from(messages));
    assert_eq!(figures.alone("broker_lag_messages"), f64::from(messages - 5));
    for name in [
        "broker_topic_appended_messages_total",
        "broker_topic_appended_bytes_total",
        "broker_topic_delivered_messages_total",
        "broker_subscription_lag_messages",
    ] {
        assert_eq!(figures.all(name).len(), LARGEST, "{name}");
    }
    let last = format!("T{}", topics - 1);
    let most = figures.of("broker_topic_appended_messages_total", &[("topic", &last)]);
    assert_eq!(most, Some(55.0));
    let told = figures.all("broker_topic_appended_messages_total").into_values();
    assert_eq!(told.fold(f64::INFINITY, f64::min), least, "those with fewer are left out");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scrape_under_load_tells_what_was_acknowledged() {
    let mut stores = vec!["memory".to_owned()];
    stores.extend(mysql());
    for store in stores {
        let broker = Process::start(&store, &[]);
        let clients = [broker.client()];
        let load = Load::start(Plan {
            topics: ["A", "B"].map(str::to_owned).into(),
            producers: 8,
            numbered: Numbered::No,
            appending: &clients,
            following: &clients,
            is_moving: false,
        });
        let load = load.await;
        let mut before = Figures::read(&get(&broker.address(), "/metrics").1).counters();
        for _ in 0..10 {
            load.until_acked(30).await;
            let now = Figures::read(&get(&broker.address(), "/metrics").1).counters();
            for (name, value) in &before {
                assert!(now.get(name) >= Some(value), "{name} of {store} fell from {value}");
            }
            before = now;
        }
        let seen = load.finish().await;
        let acked = figure(seen.sent.len());
        let figures = Figures::read(&get(&broker.address(), "/metrics").1);
        assert_eq!(figures.alone("broker_appended_messages_total"), acked, "{store}");
        let produced = [("route", "POST /producer/produce"), ("code", "success")];
        assert_eq!(figures.of(REQUESTS, &produced), Some(acked));
        let handed: usize = seen.handed.iter().map(|(_, got)| got.len()).sum();
        assert_eq!(figures.alone("broker_delivered_messages_total"), figure(handed));
        // The auditors have polled nothing. On a database it is looked up once a second.
        let lag = async || {
            let figures = Figures::read(&get(&broker.address(), "/metrics").1);
            tokio::task::yield_now().await;
            figures.alone("broker_lag_messages")
        };
        until(async || lag().await == acked).await;
        let accepted = figures.alone("broker_connections_accepted_total");
        assert!(accepted > 20.0 && figures.alone("broker_connections") < accepted, "{accepted}");
        assert!(figures.alone("process_resident_memory_bytes") > 1e6);
        assert!(figures.alone("process_open_fds") < figures.alone("process_max_fds"));
    }
}

#[tokio::test]
async fn a_scrape_does_not_fail_where_the_database_is_locked() {
    let Some(url) = mysql() else { return };
    let store = open(&url, Retain::All).await;
    let wire = Wire::over(Arc::clone(&store), Limits::default());
    let short = Short(store);
    let producer = short.producer("A").await;
    short.consumer("A").await;
    short.append("A", producer, None, &["x", "y"]).await.unwrap();
    let lag = async || {
        let figures = wire.figures().await;
        let is_current = figures.alone("broker_lag_is_current") == 1.0;
        (is_current, figures.alone("broker_lag_messages"))
    };
    assert_eq!(lag().await, (true, 2.0));
    let mut sql = MySqlConnection::connect(&url).await.unwrap();
    sql.execute("LOCK TABLES subscriptions WRITE").await.unwrap();
    // For a second the last answer is told as it is, and then that it is old.
    until(async || lag().await == (false, 2.0)).await;
    let figures = wire.figures().await;
    assert_eq!(figures.alone("broker_appended_messages_total"), 2.0, "what needs no question");
    sql.execute("UNLOCK TABLES").await.unwrap();
    until(async || lag().await == (true, 2.0)).await;
}

/// A count, as a parser gives it.
fn figure(count: usize) -> f64 {
    u32::try_from(count).unwrap().into()
}

/// Asks again until it is so.
async fn until(is_so: impl AsyncFn() -> bool) {
    let asking = async { while !is_so().await {} };
    assert!(timeout(GENEROUS, asking).await.is_ok(), "it does not come to be so");
}

#[tokio::test]
async fn every_store_tells_what_it_holds() {
    for (kind, store) in stores().await {
        let epoch = store.epoch().to_string();
        let wire = Wire::over(Arc::clone(&store), Limits::default());
        let short = Short(store);
        let producer = short.producer("B").await;
        short.producer("A").await;
        let ended = short.consumer("B").await.consumer;
        let consumer = short.consumer("B").await.consumer;
        short.unsubscribe("B", ended).await.unwrap();
        short.append("B", producer, None, &["x", "y", "z"]).await.unwrap();
        short.poll("B", consumer, Some(1), 1).await.unwrap();
        let (status, mut told) = wire.get("/stats").await;
        assert_eq!(status, 200, "{told}");
        let in_memory = kind.starts_with("memory");
        let mut taken = |pointer: &str, field: &str| {
            let fields = told.pointer_mut(pointer).unwrap().as_object_mut().unwrap();
            fields.remove(field).map(|value| value.as_u64().unwrap())
        };
        // A test does not take an hour.
        let is_recent = |time: Option<u64>| time.is_some_and(|time| time < 3_600_000);
        assert!(is_recent(taken("", "uptime_ms")), "{kind}");
        assert!(is_recent(taken("/subscriptions/0", "last_poll_ms")), "{kind}");
        assert!(is_recent(taken("/producers/0", "last_send_ms")), "{kind}");
        assert!(is_recent(taken("/producers/1", "last_send_ms")), "{kind}");
        for place in ["/topics/0", "/topics/1"] {
            assert_eq!(taken(place, "bytes").is_some(), in_memory, "{kind}");
        }
        let kept =
            if kind == "mysql, lag" { told["topics"][1]["messages"].clone() } else { json!(3) };
        let mut expected = json!({
            "status": "success", "version": VERSION, "epoch": epoch,
            "topics": [
                { "topic": "A", "end": 0, "messages": 0 },
                { "topic": "B", "end": 3, "messages": kept },
            ],
            "subscriptions": [
                { "consumer_id": consumer, "topic": "B", "position": 1, "lag": 2 },
            ],
            "producers": [
                { "producer_id": 0, "topic": "B" }, { "producer_id": 1, "topic": "A" },
            ],
        });
        if let Some(commit) = COMMIT {
            expected["commit"] = commit.into();
        }
        assert_eq!(told, expected, "{kind}");
    }
}

#[tokio::test]
async fn what_the_store_holds_is_told_part_by_part() {
    for (kind, store) in stores().await {
        let answer_bytes = NonZeroUsize::new(600).unwrap();
        let wire = Wire::over(Arc::clone(&store), Limits { answer_bytes, ..Limits::default() });
        let short = Short(store);
        let names = ["B", "A", "Z.9", "a", "_"];
        for name in names.into_iter().cycle().take(20) {
            short.producer(name).await;
            short.consumer(name).await;
        }
        let (mut topics, mut consumers, mut producers) = (Vec::new(), Vec::new(), Vec::new());
        let (mut path, mut parts) = ("/stats".to_owned(), 0);
        loop {
            let (status, told) = wire.get(&path).await;
            assert_eq!(status, 200, "{kind}: {told}");
            let list = |part: &str| told[part].as_array().unwrap().clone();
            topics
                .extend(list("topics").iter().map(|one| one["topic"].as_str().unwrap().to_owned()));
            consumers.extend(list("subscriptions").iter().map(|one| one["consumer_id"].as_i64()));
            producers.extend(list("producers").iter().map(|one| one["producer_id"].as_i64()));
            parts += 1;
            let Some(next) = told["next"].as_str() else { break };
            path = format!("/stats?after={next}");
        }
        assert!(parts > 5, "{kind}: {parts}");
        let sorted = BTreeSet::from(names).into_iter().collect::<Vec<_>>();
        assert_eq!(topics, sorted, "{kind}");
        let ids: Vec<_> = (0..20).map(Some).collect();
        assert_eq!((consumers, producers), (ids.clone(), ids), "{kind}");
    }
    let wire = Wire::new(Limits::default());
    for wrong in ["T1", "messages:3", "producers:x", "subscriptions:-1"] {
        let (status, refused) = wire.get(&format!("/stats?after={wrong}")).await;
        assert_eq!((status, &refused["code"]), (400, &json!("bad_request")), "{wrong}");
        assert!(refused["message"].as_str().unwrap().contains("topics:NAME"), "{refused}");
    }
}

#[test]
fn a_request_has_its_id_back_and_in_the_log() {
    let quiet = Process::start("memory", &[]);
    let talking =
        Process::start("memory", &["--log-level", "warn,broker::http=debug,broker::run=info"]);
    let long = "x".repeat(129);
    for (broker, given, id) in [
        (&quiet, "X-Request-Id: order-17/a", Some("order-17/a")),
        (&quiet, "Other: x", None),
        (&quiet, "X-Request-Id: two words", None),
        (&quiet, &*format!("X-Request-Id: {long}"), None),
        (&talking, "X-Request-Id: order-18", Some("order-18")),
    ] {
        let (head, _) = ask(&broker.address(), "GET", "/size", given);
        assert_eq!(request_id(&head), id, "{given}");
    }
    let (head, _) = ask(&talking.address(), "GET", "/healthz", "Other: x");
    let made = request_id(&head).unwrap().to_owned();
    let (head, _) = ask(&talking.address(), "GET", "/healthz", "X-Request-Id: two words");
    assert_ne!(request_id(&head), Some(&*made));
    let line = |id: &str| {
        loop {
            // It is read by another thread.
            let said = talking.said();
            if let Some(line) = said.lines().find(|line| line.contains(&format!("id={id} "))) {
                return line.to_owned();
            }
            std::thread::yield_now();
        }
    };
    let refused = line("order-18");
    assert!(refused.contains(r#"route="GET /size" code="bad_request""#), "{refused}");
    assert!(line(&made).contains(r#"route="GET /healthz" code="success""#));
    assert!(!quiet.said().contains("order-17"));
}

fn request_id(head: &str) -> Option<&str> {
    head.lines().find_map(|line| line.strip_prefix("x-request-id: "))
}

#[test]
fn administration_has_a_listener_of_its_own_where_it_is_asked_for() {
    let broker = Process::start("memory", &["--audit", "--admin-listen", "127.0.0.1:0"]);
    let said = broker.said();
    let admin = said.split("admin=").nth(1).unwrap().split_whitespace().next().unwrap();
    let admin = format!("http://{admin}");
    let status =
        |address: &str, path: &str| get(address, path).0.split(' ').nth(1).unwrap().to_owned();
    for (path, of_clients, of_admin) in [
        ("/metrics", "404", "200"),
        ("/stats", "404", "200"),
        ("/audit?topic=T1", "404", "400"),
        ("/topics", "400", "404"),
        ("/healthz", "200", "200"),
        ("/readyz", "200", "200"),
        ("/openapi.json", "200", "200"),
    ] {
        let statuses = (status(&broker.address(), path), status(&admin, path));
        assert_eq!(statuses, (of_clients.to_owned(), of_admin.to_owned()), "{path}");
    }
    for path in ["/metrics", "/stats", "/audit"] {
        let (_, said) = get(&broker.address(), path);
        let where_it_is =
            format!("there is no {path} here: it is at the address of --admin-listen");
        assert!(said.contains(&where_it_is), "{said}");
    }
    // Both are counted together.
    let figures = Figures::read(&get(&admin, "/metrics").1);
    let count = |code| figures.of(REQUESTS, &[("route", "none"), ("code", code)]);
    assert_eq!(count("not_found"), Some(7.0));
    let alone = Process::start("memory", &[]);
    assert_eq!(status(&alone.address(), "/metrics"), "200");
}

#[test]
fn an_address_for_administration_that_is_taken_is_said() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, said) = Process::fails("memory", &["--admin-listen", &address]);
    assert_eq!(code, Some(1));
    let why = format!("cannot listen on {address} (--admin-listen): another program does");
    assert!(said.contains(&why), "{said}");
    let (code, said) = Process::fails("memory", &["--admin-listen", "localhost:1"]);
    assert_eq!(code, Some(2));
    assert!(said.contains("did you mean 127.0.0.1:1?"), "{said}");
}

#[tokio::test]
async fn the_document_is_served() {
    let (status, document) = Wire::new(Limits::default()).get("/openapi.json").await;
    assert_eq!((status, &document["openapi"]), (200, &json!("3.1.0")));
}

/// Head and body of the answer to a GET.
fn get(address: &str, path: &str) -> (String, String) {
    ask(address, "GET", path, "Other: x")
}

fn ask(address: &str, method: &str, path: &str, header: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address.trim_start_matches("http://")).unwrap();
    // No measure of anything: a broker that does not answer must not hold up all tests.
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let head =
        format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{header}\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}
