//! The drivers against real brokers over real sockets: ours, and one that speaks only the original
//! routes.

use std::sync::Arc;
use std::time::Duration;

use broker_client::wire::TopicName;
use harness::driver::{Batch, Driver, Manner, Reply, Route, Subscriber, connect};
use harness::history::Outcome;
use harness::scenario::Driver as How;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::support::original::{Original, serve, serve_ours};

const WAIT: Duration = Duration::from_secs(30);

fn topic() -> TopicName {
    "T1".parse().unwrap()
}

async fn reach(addresses: &[&str], how: How) -> Arc<dyn Driver> {
    let addresses: Vec<_> = addresses.iter().map(|&address| address.to_owned()).collect();
    connect(&addresses, how).await.unwrap()
}

fn acked(offset: Option<u64>) -> Reply {
    Reply { outcome: Outcome::Acked { offset }, attempts: 1 }
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
    let driver = reach(&[&serve_ours().await], How::Detect).await;
    assert!(!driver.needs_tags());
    driver.create_topic(&topic()).await.unwrap();
    driver.create_topic(&topic()).await.unwrap();
    let mut subscriber = driver.subscribe(Manner::default(), &topic()).await.unwrap();
    let mut sender = driver.register(Manner::default(), &topic()).await.unwrap();
    assert_eq!((driver.needs_tags(), driver.batch_max()), (false, None));
    assert_eq!((subscriber.start(), sender.session().0), (Some(0), Some(0)));
    assert!(sender.session().1.is_some() && sender.session().1 == subscriber.session().1);

    assert_eq!(sender.send(&["a", "b"]).await, acked(Some(0)));
    assert_eq!(sender.send(&["c"]).await, acked(Some(2)));
    let mut batch = Batch::default();
    subscriber.poll(2, WAIT, &mut batch).await.unwrap();
    let seen: Vec<_> =
        batch.iter().map(|m| (m.offset, m.producer, m.sequence, m.payload)).collect();
    let expected = [(Some(0), Some(0), Some(0), "a"), (Some(1), Some(0), Some(1), "b")];
    assert_eq!(seen, expected);
    assert_eq!(poll(&mut *subscriber, 2, WAIT).await, ["c"]);
    assert_eq!(poll(&mut *subscriber, 2, Duration::ZERO).await, [""; 0]);
    assert!(subscriber.can_wait() && subscriber.cancel_safe());
    subscriber.unsubscribe().await.unwrap();
}

#[tokio::test]
async fn after_a_refusal_on_ours_the_sender_is_over_and_says_so() {
    let driver = reach(&[&serve_ours().await], How::Detect).await;
    let mut sender = driver.register(Manner::default(), &topic()).await.unwrap();
    let long = "x".repeat(2 << 20);
    for _ in 0..2 {
        let reply = sender.send(&[&long]).await;
        assert!(matches!(reply.outcome, Outcome::Refused { .. }), "{reply:?}");
        assert!(sender.is_over());
    }
}

#[tokio::test]
async fn a_broker_of_the_original_routes_is_noticed_and_asked_nothing_else() {
    let original = Original::start().await;
    let driver = reach(&[&original.address], How::Detect).await;
    assert!(driver.needs_tags(), "known before the first registration");
    driver.create_topic(&topic()).await.unwrap();
    driver.create_topic(&topic()).await.unwrap();
    let mut subscriber = driver.subscribe(Manner::default(), &topic()).await.unwrap();
    let mut sender = driver.register(Manner::default(), &topic()).await.unwrap();
    assert_eq!((driver.needs_tags(), driver.batch_max()), (true, Some(1)));
    assert_eq!((sender.session(), subscriber.start()), ((Some(0), None), None));

    assert_eq!(poll(&mut *subscriber, 100, WAIT).await, [""; 0], "at once, and no failure");
    assert_eq!(sender.send(&["P1#1:a"]).await, acked(None));
    assert_eq!(sender.send(&["P1#2:b"]).await, acked(None));
    assert_eq!(poll(&mut *subscriber, 100, WAIT).await, ["P1#1:a"]);
    assert_eq!(poll(&mut *subscriber, 100, WAIT).await, ["P1#2:b"]);
    assert_eq!(poll(&mut *subscriber, 100, WAIT).await, [""; 0]);
    assert!(!subscriber.can_wait() && !subscriber.cancel_safe());
    subscriber.unsubscribe().await.unwrap();
    assert_eq!(original.additions(), [""; 0]);
}

#[tokio::test]
async fn an_unexplained_500_of_the_original_is_unknown_and_never_repeated() {
    let original = Original::start().await;
    let driver = reach(&[&original.address], How::Detect).await;
    let mut sender = driver.register(Manner::default(), &topic()).await.unwrap();
    let mut subscriber = driver.subscribe(Manner::default(), &topic()).await.unwrap();
    original.fail_next_produce();
    let reply = sender.send(&["a"]).await;
    let why = "status 500 Internal Server Error: <h1>Internal Server Error</h1>".to_owned();
    assert_eq!(reply, Reply { outcome: Outcome::Unknown { why }, attempts: 1 });
    assert!(!sender.is_over());
    assert_eq!(sender.send(&["b"]).await, acked(None));
    assert_eq!(original.produced().len(), 2);
    assert_eq!(poll(&mut *subscriber, 1, WAIT).await, ["a"], "it had happened");
}

#[tokio::test]
async fn refusals_and_batches_on_the_original_are_definite() {
    let original = Original::start().await;
    let driver = reach(&[&original.address], How::Detect).await;
    let mut sender = driver.register(Manner::default(), &topic()).await.unwrap();
    let reply = sender.send(&["a", "b"]).await;
    let why = "the original routes carry one message a request: set `batch: 1`".to_owned();
    assert_eq!(reply, Reply { outcome: Outcome::Refused { why }, attempts: 1 });
    assert_eq!(original.produced(), [""; 0]);

    let long = "x".repeat(2 << 20);
    let reply = sender.send(&[&long]).await;
    assert!(matches!(reply.outcome, Outcome::Refused { .. }), "{reply:?}");
    let failure = driver.subscribe(Manner::default(), &"T9".parse().unwrap()).await.err().unwrap();
    assert_eq!(failure.to_string(), "subscribing to T9: Topic:T9 does not exist");
}

#[tokio::test]
async fn ours_can_be_spoken_to_as_if_it_were_the_original() {
    let driver = reach(&[&serve_ours().await], How::Original).await;
    assert!(driver.needs_tags());
    let mut sender = driver.register(Manner::default(), &topic()).await.unwrap();
    let mut subscriber = driver.subscribe(Manner::default(), &topic()).await.unwrap();
    assert_eq!((sender.session().1, subscriber.start()), (None, None));
    assert_eq!(sender.send(&["P1#1:a"]).await, acked(None));
    let mut batch = Batch::default();
    subscriber.poll(9, WAIT, &mut batch).await.unwrap();
    let seen: Vec<_> = batch.iter().map(|m| (m.offset, m.producer, m.payload)).collect();
    assert_eq!(seen, [(None, None, "P1#1:a")]);
    assert_eq!(poll(&mut *subscriber, 9, WAIT).await, [""; 0]);
}

#[tokio::test]
async fn detection_leaves_nothing_behind() {
    let ours = serve_ours().await;
    for _ in 0..3 {
        reach(&[&ours], How::Detect).await;
    }
    let driver = reach(&[&ours], How::Detect).await;
    let sender = driver.register(Manner::default(), &topic()).await.unwrap();
    let subscriber = driver.subscribe(Manner::default(), &topic()).await.unwrap();
    assert_eq!((sender.session().0, subscriber.session().0), (Some(0), Some(0)));
}

#[tokio::test]
async fn brokers_that_differ_are_told_apart() {
    let original = Original::start().await;
    let driver = reach(&[&serve_ours().await, &original.address], How::Detect).await;
    driver.register(Manner::default(), &topic()).await.unwrap();
    let second = Manner { route: Route(1), ..Manner::default() };
    let failure = driver.register(second, &topic()).await.err().unwrap();
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
    let driver = reach(&[&one, &two], How::Detect).await;
    let mut epochs = Vec::new();
    for place in [0, 1, 0, 1] {
        let manner = Manner { route: Route(place), ..Manner::default() };
        let sender = driver.register(manner, &topic()).await.unwrap();
        epochs.push(sender.session().1.unwrap().to_owned());
    }
    assert_eq!((&epochs[0], &epochs[1]), (&epochs[2], &epochs[3]));
    assert_ne!(epochs[0], epochs[1]);
    let nowhere = Manner { route: Route(2), ..Manner::default() };
    assert!(driver.register(nowhere, &topic()).await.is_err());
}

#[tokio::test]
async fn an_address_without_a_broker_is_named() {
    let check = async |addresses: &[&str], expected: &str| {
        let addresses: Vec<_> = addresses.iter().map(|&address| address.to_owned()).collect();
        for how in [How::Detect, How::Original] {
            let failure = connect(&addresses, how).await.err().unwrap();
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
    let bad = "\"127.0.0.1:1\" is no broker address: the scheme is missing; did you mean \
               http://127.0.0.1:1?";
    check(&["127.0.0.1:1"], bad).await;
    let other = serve(axum::Router::new()).await;
    let driver = reach(&[&other], How::Detect).await;
    let failure = driver.create_topic(&topic()).await.unwrap_err();
    let text = failure.to_string();
    assert!(text.starts_with("creating topic T1: ") && text.contains("404 Not Found"), "{text}");
}

#[tokio::test]
async fn a_thousand_producers_and_a_thousand_waiting_consumers_fit_in_one_process() {
    allow_many_connections();
    let driver = reach(&[&serve_ours().await], How::Detect).await;
    let topics: Vec<TopicName> = (0..100).map(|i| format!("T{i}").parse().unwrap()).collect();
    for topic in &topics {
        driver.create_topic(topic).await.unwrap();
    }
    let mut consumers = tokio::task::JoinSet::new();
    for number in 0..1000 {
        let mut subscriber =
            driver.subscribe(Manner::default(), &topics[number % 100]).await.unwrap();
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
        let (driver, topic) = (Arc::clone(&driver), topics[number % 100].clone());
        producers.spawn(async move {
            let mut sender = driver.register(Manner::default(), &topic).await.unwrap();
            let reply = sender.send(&["x"]).await;
            assert!(matches!(reply.outcome, Outcome::Acked { .. }), "{reply:?}");
        });
    }
    while let Some(result) = producers.join_next().await {
        result.unwrap();
    }
    while let Some(result) = consumers.join_next().await {
        result.unwrap();
    }
}
