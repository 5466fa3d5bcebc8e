//! The drivers against real brokers over real sockets: ours, and one that speaks only the original
//! routes.

use std::fmt::Write as _;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use harness::capability::Known;
use harness::driver::{
    Batch, Client, Connecting, Driver, Failure, Identity, Outgoing, Reply, RetryPolicy, Route,
    Session, Subscriber, connect, parse_url,
};
use harness::history::{Offsets, Outcome};
use harness::input::names::Actor;
use harness::plan::{MessageId, Plan, StreamIndex, TopicIndex};
use harness::scenario::{self, Acknowledge};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::original::{Original, serve, serve_ours};
use crate::support::send;

const WAIT: Duration = Duration::from_secs(30);

const T1: TopicIndex = TopicIndex(0);

/// So many topics, `P1` and `C1` on all of them, and nine messages on each.
fn plan(driver: &str, topics: usize) -> Arc<Plan> {
    let folder = tempfile::tempdir().unwrap();
    let mut yaml = format!("broker: {{ driver: {driver} }}\ntopics:\n");
    for topic in 1..=topics {
        writeln!(yaml, "  T{topic}: P1 -> C1").unwrap();
    }
    let messages = topics * 9;
    writeln!(yaml, "producers:\n  all: {{ generate: {{ messages: {messages} }} }}").unwrap();
    let file = folder.path().join("x.yaml");
    std::fs::write(&file, yaml).unwrap();
    Arc::new(scenario::load(&file).and_then(Plan::new).unwrap())
}

async fn try_reach(addresses: &[&str], how: &str) -> Result<Arc<dyn Driver>, Failure> {
    let addresses = addresses.iter().map(|url| parse_url(url).unwrap().1).collect();
    connect(Connecting {
        plan: plan(how, 100),
        addresses,
        alternatives: NonZeroUsize::MIN,
        run: "test".to_owned(),
    })
    .await
}

async fn reach(addresses: &[&str], how: &str) -> Arc<dyn Driver> {
    try_reach(addresses, how).await.unwrap()
}

/// `P1` of a topic.
fn producer(topic: TopicIndex) -> Client {
    let stream = Some(StreamIndex(u32::try_from(topic.place()).unwrap()));
    Client { actor: Actor::producer(1), stream, ..consumer(topic) }
}

/// `C1` of a topic.
fn consumer(topic: TopicIndex) -> Client {
    Client {
        actor: Actor::consumer(1),
        topic,
        stream: None,
        base: 0,
        route: Route(0),
        retries: RetryPolicy::Short,
        acknowledge: Acknowledge::Offset,
    }
}

/// The first messages of `P1` on `T1`, with these payloads.
fn messages<'a>(first: u32, payloads: &[&'a str]) -> Vec<Outgoing<'a>> {
    let ids = (first..).map(MessageId);
    ids.zip(payloads).map(|(message, payload)| Outgoing { message, payload }).collect()
}

fn acked(messages: usize, offset: Option<u64>) -> Reply {
    let offsets = offset.map_or(Offsets::Untold, Offsets::From);
    Reply::whole(messages, Outcome::Acked { offsets }, 1)
}

/// Both ends of every connection are in this process.
fn allow_many_connections() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).unwrap();
}

async fn poll(subscriber: &mut dyn Subscriber, max: u32, wait: Duration) -> Vec<String> {
    let mut batch = Batch::default();
    subscriber.poll(max, wait, &mut batch).await.unwrap();
    batch.iter().map(|message| message.payload.to_owned()).collect()
}

#[tokio::test]
async fn our_broker_is_driven_with_all_that_it_has() {
    let driver = reach(&[&serve_ours().await], "detect").await;
    assert_eq!(driver.capabilities().batch_max, Known::Now(None), "known before a registration");
    driver.create_topic(T1).await.unwrap();
    driver.create_topic(T1).await.unwrap();
    let mut subscriber = driver.subscribe(&consumer(T1)).await.unwrap();
    let mut sender = driver.register(&producer(T1)).await.unwrap();
    assert_eq!(driver.capabilities().batch_max, Known::Now(None));
    assert_eq!((subscriber.start(), sender.session().id.as_deref()), (Some(0), Some("0")));
    let epoch = &sender.session().epoch;
    assert!(epoch.is_some() && *epoch == subscriber.session().epoch);

    assert_eq!(send(&mut *sender, &messages(0, &["a", "b"])).await, acked(2, Some(0)));
    assert_eq!(send(&mut *sender, &messages(2, &["c"])).await, acked(1, Some(2)));
    let mut batch = Batch::default();
    subscriber.poll(2, WAIT, &mut batch).await.unwrap();
    let seen: Vec<_> = batch.iter().map(|m| (m.offset, m.identity, m.payload)).collect();
    let identity = |id| Identity::Message(MessageId(id));
    let expected = [(Some(0), identity(0), "a"), (Some(1), identity(1), "b")];
    assert_eq!(seen, expected);
    assert_eq!(poll(&mut *subscriber, 2, WAIT).await, ["c"]);
    assert_eq!(poll(&mut *subscriber, 2, Duration::ZERO).await, [""; 0]);
    assert!(subscriber.can_wait() && subscriber.cancel_safe());
    subscriber.unsubscribe().await.unwrap();
}

#[tokio::test]
async fn after_a_refusal_on_ours_the_sender_is_over_and_says_so() {
    let driver = reach(&[&serve_ours().await], "detect").await;
    let mut sender = driver.register(&producer(T1)).await.unwrap();
    let long = "x".repeat(2 << 20);
    for _ in 0..2 {
        let reply = send(&mut *sender, &messages(0, &[&long])).await;
        assert!(matches!(reply.parts[0].outcome, Outcome::Refused { .. }), "{reply:?}");
        assert!(sender.is_over());
    }
}

#[tokio::test]
async fn a_broker_of_the_original_routes_is_noticed_and_asked_nothing_else() {
    let original = Original::start().await;
    let driver = reach(&[&original.address], "detect").await;
    assert_eq!(driver.capabilities().batch_max, Known::Now(Some(1)), "known before a registration");
    driver.create_topic(T1).await.unwrap();
    driver.create_topic(T1).await.unwrap();
    let mut subscriber = driver.subscribe(&consumer(T1)).await.unwrap();
    let mut sender = driver.register(&producer(T1)).await.unwrap();
    assert_eq!(driver.capabilities().batch_max, Known::Now(Some(1)));
    let session = Session { id: Some("0".to_owned()), epoch: None };
    assert_eq!((sender.session(), subscriber.start()), (&session, None));

    assert_eq!(poll(&mut *subscriber, 100, WAIT).await, [""; 0], "at once, and no failure");
    assert_eq!(send(&mut *sender, &messages(0, &["a"])).await, acked(1, None));
    assert_eq!(send(&mut *sender, &messages(1, &["b"])).await, acked(1, None));
    assert_eq!(poll(&mut *subscriber, 100, WAIT).await, ["a"]);
    assert_eq!(poll(&mut *subscriber, 100, WAIT).await, ["b"]);
    assert_eq!(poll(&mut *subscriber, 100, WAIT).await, [""; 0]);
    assert!(!subscriber.can_wait() && !subscriber.cancel_safe());
    subscriber.unsubscribe().await.unwrap();
    assert_eq!(original.additions(), [""; 0]);
}

#[tokio::test]
async fn an_unexplained_500_of_the_original_is_unknown_and_never_repeated() {
    let original = Original::start().await;
    let driver = reach(&[&original.address], "detect").await;
    let mut sender = driver.register(&producer(T1)).await.unwrap();
    let mut subscriber = driver.subscribe(&consumer(T1)).await.unwrap();
    original.fail_next_produce();
    let reply = send(&mut *sender, &messages(0, &["a"])).await;
    let why = "status 500 Internal Server Error: <h1>Internal Server Error</h1>".to_owned();
    assert_eq!(reply, Reply::whole(1, Outcome::Unknown { why }, 1));
    assert!(!sender.is_over());
    assert_eq!(send(&mut *sender, &messages(1, &["b"])).await, acked(1, None));
    assert_eq!(original.produced().len(), 2);
    assert_eq!(poll(&mut *subscriber, 1, WAIT).await, ["a"], "it had happened");
}

#[tokio::test]
async fn refusals_and_batches_on_the_original_are_definite() {
    let original = Original::start().await;
    let driver = reach(&[&original.address], "detect").await;
    let mut sender = driver.register(&producer(T1)).await.unwrap();
    let reply = send(&mut *sender, &messages(0, &["a", "b"])).await;
    let why = "the original routes carry one message a request: set `batch: 1`".to_owned();
    assert_eq!(reply, Reply::whole(2, Outcome::Refused { why }, 1));
    assert_eq!(original.produced(), [""; 0]);

    let long = "x".repeat(2 << 20);
    let reply = send(&mut *sender, &messages(0, &[&long])).await;
    assert!(matches!(reply.parts[0].outcome, Outcome::Refused { .. }), "{reply:?}");
    let failure = driver.subscribe(&consumer(TopicIndex(8))).await.err().unwrap();
    assert_eq!(failure.to_string(), "subscribing to T9: Topic:T9 does not exist");
}

#[tokio::test]
async fn ours_can_be_spoken_to_as_if_it_were_the_original() {
    let driver = reach(&[&serve_ours().await], "original").await;
    assert_eq!(driver.capabilities().batch_max, Known::Now(Some(1)));
    let mut sender = driver.register(&producer(T1)).await.unwrap();
    let mut subscriber = driver.subscribe(&consumer(T1)).await.unwrap();
    assert_eq!((&sender.session().epoch, subscriber.start()), (&None, None));
    assert_eq!(send(&mut *sender, &messages(0, &["a"])).await, acked(1, None));
    let mut batch = Batch::default();
    subscriber.poll(9, WAIT, &mut batch).await.unwrap();
    let seen: Vec<_> = batch.iter().map(|m| (m.offset, m.identity, m.payload)).collect();
    assert_eq!(seen, [(None, Identity::Message(MessageId(0)), "a")]);
    assert_eq!(poll(&mut *subscriber, 9, WAIT).await, [""; 0]);
}

#[tokio::test]
async fn detection_leaves_nothing_behind() {
    let ours = serve_ours().await;
    for _ in 0..3 {
        reach(&[&ours], "detect").await;
    }
    let driver = reach(&[&ours], "detect").await;
    let sender = driver.register(&producer(T1)).await.unwrap();
    let subscriber = driver.subscribe(&consumer(T1)).await.unwrap();
    let first = Some("0".to_owned());
    assert_eq!((&sender.session().id, &subscriber.session().id), (&first, &first));
}

#[tokio::test]
async fn brokers_that_differ_are_told_apart() {
    let original = Original::start().await;
    let driver = reach(&[&serve_ours().await, &original.address], "detect").await;
    driver.register(&producer(T1)).await.unwrap();
    let second = Client { route: Route(1), ..producer(T1) };
    let failure = driver.register(&second).await.err().unwrap();
    let expected = format!(
        "the broker at {} speaks only the original routes, unlike one asked before; set `driver: \
         original` to speak so to all of them",
        original.address
    );
    assert_eq!(failure.to_string(), expected);
}

#[tokio::test]
async fn an_actor_speaks_to_the_address_that_its_route_says() {
    let (one, two) = (serve_ours().await, serve_ours().await);
    let driver = reach(&[&one, &two], "detect").await;
    let mut epochs = Vec::new();
    for place in [0, 1, 0, 1] {
        let client = Client { route: Route(place), ..producer(T1) };
        let sender = driver.register(&client).await.unwrap();
        epochs.push(sender.session().epoch.clone().unwrap());
    }
    assert_eq!((&epochs[0], &epochs[1]), (&epochs[2], &epochs[3]));
    assert_ne!(epochs[0], epochs[1]);
    let nowhere = Client { route: Route(2), ..producer(T1) };
    assert!(driver.register(&nowhere).await.is_err());
}

#[tokio::test]
async fn an_address_without_a_broker_is_named() {
    let check = async |addresses: &[&str], expected: &str| {
        for how in ["detect", "original"] {
            let failure = try_reach(addresses, how).await.err().unwrap();
            assert_eq!(failure.to_string(), expected);
        }
    };
    let ours = serve_ours().await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let refused = format!("cannot reach the broker at {nobody}: connection refused");
    check(&[&ours, &nobody], &refused).await;
    check(&[], "no broker address is given").await;
    let other = serve(axum::Router::new()).await;
    let driver = reach(&[&other], "detect").await;
    let failure = driver.create_topic(T1).await.unwrap_err();
    let text = failure.to_string();
    assert!(text.starts_with("creating topic T1: ") && text.contains("404 Not Found"), "{text}");
}

#[tokio::test]
async fn a_thousand_producers_and_a_thousand_waiting_consumers_fit_in_one_process() {
    allow_many_connections();
    let driver = reach(&[&serve_ours().await], "detect").await;
    let topics: Vec<_> = (0..100).map(TopicIndex::new).collect();
    for topic in &topics {
        driver.create_topic(*topic).await.unwrap();
    }
    let mut consumers = tokio::task::JoinSet::new();
    for number in 0..1000 {
        let mut subscriber = driver.subscribe(&consumer(topics[number % 100])).await.unwrap();
        consumers.spawn(async move {
            let (mut batch, mut seen) = (Batch::default(), 0);
            while seen < 10 {
                subscriber.poll(100, WAIT, &mut batch).await.unwrap();
                seen += batch.len();
            }
            assert_eq!(seen, 10);
        });
    }
    let mut producers = tokio::task::JoinSet::new();
    for number in 0..1000 {
        let (driver, topic) = (Arc::clone(&driver), topics[number % 100]);
        producers.spawn(async move {
            let mut sender = driver.register(&producer(topic)).await.unwrap();
            let reply = send(&mut *sender, &messages(0, &["x"])).await;
            assert_eq!(reply.parts.len(), 1);
            assert!(matches!(reply.parts[0].outcome, Outcome::Acked { .. }), "{reply:?}");
        });
    }
    while let Some(result) = producers.join_next().await {
        result.unwrap();
    }
    while let Some(result) = consumers.join_next().await {
        result.unwrap();
    }
}

/// Answers the first request of each connection, and says when the client has closed one.
async fn closes(
    name: &'static str,
    closed: tokio::sync::mpsc::UnboundedSender<&'static str>,
) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.unwrap();
        let mut asked = Vec::new();
        while !asked.ends_with(b"\r\n\r\n") {
            let byte = connection.read_u8().await.unwrap();
            asked.push(byte);
        }
        let answer = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n";
        connection.write_all(answer).await.unwrap();
        assert!(connection.read_u8().await.is_err(), "nothing more is asked");
        let _ = closed.send(name);
    });
    address
}

#[tokio::test]
async fn idle_connections_are_closed_sooner_on_the_original_wire() {
    let (closed, mut closings) = tokio::sync::mpsc::unbounded_channel();
    // The other one is idle for longer when both are.
    let ours = closes("detect", closed.clone()).await;
    let _ours = reach(&[&ours], "detect").await;
    let original = closes("original", closed).await;
    let _original = reach(&[&original], "original").await;
    assert_eq!(closings.recv().await, Some("original"));
}

#[tokio::test]
async fn a_message_with_the_tag_of_another_run_is_of_an_earlier_run() {
    let broker = serve_ours().await;
    let run = async |name: &str| {
        let addresses = vec![parse_url(&broker).unwrap().1];
        // Few enough lines that a tag has room for the run.
        let plan = plan("original", 2);
        connect(Connecting {
            plan,
            addresses,
            alternatives: NonZeroUsize::MIN,
            run: name.to_owned(),
        })
        .await
        .unwrap()
    };
    let (one, other) = (run("one").await, run("other").await);
    let mut sender = one.register(&producer(T1)).await.unwrap();
    let mut subscribers = [
        one.subscribe(&consumer(T1)).await.unwrap(),
        other.subscribe(&consumer(T1)).await.unwrap(),
    ];
    assert_eq!(send(&mut *sender, &messages(0, &["a"])).await, acked(1, None));
    let mut batch = Batch::default();
    let mut seen = Vec::new();
    for subscriber in &mut subscribers {
        subscriber.poll(1, WAIT, &mut batch).await.unwrap();
        seen.extend(batch.iter().map(|message| (message.identity, message.payload.to_owned())));
    }
    assert_eq!(seen[0], (Identity::Message(MessageId(0)), "a".to_owned()));
    let (identity, whole) = &seen[1];
    assert_eq!(*identity, Identity::EarlierRun);
    assert!(whole.starts_with('P') && whole.ends_with("#1:a"), "it is whole: {whole}");
}
