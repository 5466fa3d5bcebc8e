//! The driver of NATS JetStream against a real server: what it stores, hands out, and says when the
//! server goes away. Where none is installed there is nothing to test.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use harness::capability::{Known, Survival};
use harness::driver::{
    Address, Batch, Client, Delivered, Driver, FailureKind, Identity, Outgoing, Reply, RetryPolicy,
    Route, Sender, Subscriber, connect,
};
use harness::history::{Offset, Outcome};
use harness::input::names::Actor;
use harness::plan::{MessageId, Plan, StreamIndex, TopicIndex};
use harness::recipes::RECIPES;
use harness::scenario::{self, Acknowledge};
use harness::server::{ServerProcess, Wanted};

use crate::support::{connecting, send};

const T1: TopicIndex = TopicIndex(0);
const WAIT: Duration = Duration::from_secs(30);
const MAX: u32 = 100;

/// What must come back byte for byte.
const HOSTILE: [&str; 6] = [
    "",
    " ",
    "\r\n\r\n",
    "MSG x 1 2\r\nhi\r\n\0",
    "\u{feff}\u{1f600}\u{301}",
    "NATS/1.0\r\nharness-message: a1 P1#1\r\n\r\n",
];

/// `P1` and `C1` on one topic; streams are in files, or in memory.
fn plan(messages: usize, storage: &str) -> Arc<Plan> {
    let folder = tempfile::tempdir().unwrap();
    let yaml = format!(
        "broker: {{ driver: nats }}\ntopics: {{ T1: P1 -> C1 }}\n\
         producers:\n  all: {{ generate: {{ messages: {messages} }} }}\n"
    );
    let file = folder.path().join("x.yaml");
    std::fs::write(&file, yaml).unwrap();
    let mut scenario = scenario::load(&file).unwrap();
    scenario.broker.options.topic_config.insert("storage".to_owned(), storage.to_owned());
    Arc::new(Plan::new(scenario).unwrap())
}

/// One that is installed.
async fn server() -> Option<ServerProcess> {
    let row = RECIPES.iter().find(|row| row.word == "nats").unwrap();
    row.program.unwrap().program.find().ok()?;
    let harness = Path::new(env!("CARGO_BIN_EXE_harness"));
    let (name, config) = (row.word.to_owned(), BTreeMap::new());
    let wanted =
        Wanted { harness, name, arguments: &[], store: None, is_cluster: false, config: &config };
    let (recipe, any) = ((row.new)(&wanted).unwrap(), "127.0.0.1:0".parse().unwrap());
    Some(ServerProcess::start(harness, recipe, any).await.unwrap())
}

async fn reach(server: &ServerProcess, plan: &Arc<Plan>) -> Arc<dyn Driver> {
    let driver = connect(connecting(plan, vec![Address::from(server.address())])).await.unwrap();
    driver.create_topic(T1).await.unwrap();
    driver.create_topic(T1).await.expect("it may be there already");
    driver
}

fn consumer() -> Client {
    Client {
        actor: Actor::consumer(1),
        topic: T1,
        stream: None,
        base: 0,
        route: Route(0),
        retries: RetryPolicy::Never,
        acknowledge: Acknowledge::Offset,
    }
}

fn producer(retries: RetryPolicy) -> Client {
    Client { actor: Actor::producer(1), stream: Some(StreamIndex(0)), retries, ..consumer() }
}

fn outgoing(message: u32, payload: &str) -> [Outgoing<'_>; 1] {
    [Outgoing { message: MessageId(message), payload }]
}

async fn store(sender: &mut dyn Sender, message: u32, payload: &str) -> Offset {
    offset(&send(sender, &outgoing(message, payload)).await)
}

fn offset(reply: &Reply) -> Offset {
    match &reply.parts[0].outcome {
        Outcome::Acked { offsets } => offsets.first().unwrap(),
        other => panic!("{other:?}"),
    }
}

fn is_acked(reply: &Reply) -> bool {
    matches!(reply.parts[0].outcome, Outcome::Acked { .. })
}

type Seen = (Offset, bool, u32, String);

/// What one message of an answer is: place, redelivered, number of the planned message, payload.
fn seen(message: Delivered<'_>) -> Seen {
    let Identity::Message(id) = message.identity else { panic!("{message:?}") };
    (message.offset.unwrap(), message.redelivered, id.0, message.payload.to_owned())
}

async fn poll(subscriber: &mut dyn Subscriber, wait: Duration) -> Vec<Seen> {
    let mut batch = Batch::default();
    subscriber.poll(MAX, wait, &mut batch).await.unwrap();
    batch.iter().map(seen).collect()
}

/// Polls until so many messages came; a poll may fail, where a connection has ended.
async fn gather(subscriber: &mut dyn Subscriber, count: usize) -> Vec<Seen> {
    let (mut came, mut batch) = (Vec::new(), Batch::default());
    while came.len() < count {
        match subscriber.poll(MAX, WAIT, &mut batch).await {
            Ok(()) => came.extend(batch.iter().map(seen)),
            Err(failure) => assert_eq!(failure.kind, FailureKind::MayPass, "{failure}"),
        }
    }
    came
}

#[tokio::test]
async fn what_is_stored_comes_back_as_it_was_and_nothing_is_left() {
    let Some(server) = server().await else { return };
    let driver = reach(&server, &plan(HOSTILE.len(), "file")).await;
    assert_eq!(driver.capabilities().survives, Known::Now(Survival::Kill));
    let mut sender = driver.register(&producer(RetryPolicy::Never)).await.unwrap();
    let before = store(&mut *sender, 0, "before").await;
    let mut first = driver.subscribe(&consumer()).await.unwrap();
    let mut second = driver.subscribe(&consumer()).await.unwrap();
    assert_eq!(first.start(), Some(before + 1));
    assert_eq!(sender.session().epoch, first.session().epoch);

    let mut expected: Vec<Seen> = Vec::new();
    for (message, payload) in (1..).zip(&HOSTILE[1..]) {
        let offset = store(&mut *sender, message, payload).await;
        expected.push((offset, false, message, (*payload).to_owned()));
    }
    assert!(expected.iter().map(|seen| seen.0).eq(before + 1..before + 6));
    assert_eq!(store(&mut *sender, 3, "again").await, before + 3, "it is known by its id");
    assert_eq!(poll(&mut *first, WAIT).await, expected);
    assert_eq!(poll(&mut *first, Duration::ZERO).await, []);
    assert_eq!(poll(&mut *second, WAIT).await, expected, "each gets everything");

    let part = driver.read_log(Route(0), T1, before + 1).await.unwrap().unwrap();
    assert_eq!(part.messages.iter().map(seen).collect::<Vec<_>>(), expected);
    assert_eq!((part.end, Some(part.epoch)), (before + 6, sender.session().epoch.clone()));
    let part = driver.read_log(Route(0), T1, before + 6).await.unwrap().unwrap();
    assert!(part.messages.is_empty());

    let session = first.session().clone();
    first.unsubscribe().await.unwrap();
    let Err(failure) = driver.resume(&consumer(), &session).await else { panic!("it is gone") };
    assert_eq!(failure.kind, FailureKind::SessionOver { in_same_life: Some(true) });
    driver.finish().await.unwrap();
    let Err(failure) = driver.resume(&consumer(), &session).await else { panic!("it is gone") };
    assert_eq!(failure.kind, FailureKind::SessionOver { in_same_life: Some(false) });
    driver.finish().await.expect("there is nothing left to be removed");
    server.end().await.unwrap();
}

#[tokio::test]
async fn what_is_issued_is_stored_in_that_order_however_it_is_awaited() {
    const MANY: u32 = 3000;
    let Some(server) = server().await else { return };
    let driver = reach(&server, &plan(MANY as usize, "memory")).await;
    let mut sender = driver.register(&producer(RetryPolicy::Never)).await.unwrap();
    let mut pending = Vec::new();
    for message in 0..MANY {
        pending.push(sender.issue(&outgoing(message, "x")).await);
    }
    pending.reverse();
    let mut offsets: Vec<_> = join_all(pending).await.iter().map(offset).collect();
    offsets.reverse();
    assert!(offsets.into_iter().eq(1..=u64::from(MANY)));
    let (mut from, mut numbers) = (0, Vec::new());
    while let part = driver.read_log(Route(0), T1, from).await.unwrap().unwrap()
        && from < part.end
    {
        for (offset, _, number, _) in part.messages.iter().map(seen) {
            from = offset + 1;
            numbers.push(number);
        }
    }
    assert!(numbers.into_iter().eq(0..MANY));
    server.end().await.unwrap();
}

#[tokio::test]
async fn what_a_crash_took_along_comes_again_before_anything_new() {
    let Some(server) = server().await else { return };
    let driver = reach(&server, &plan(9, "file")).await;
    let mut sender = driver.register(&producer(RetryPolicy::Never)).await.unwrap();
    let mut subscriber = driver.subscribe(&consumer()).await.unwrap();
    let mut batch = Batch::default();
    // A poll that is given up loses nothing of what comes to it.
    let given_up = tokio::time::timeout(Duration::ZERO, subscriber.poll(MAX, WAIT, &mut batch));
    given_up.await.unwrap_err();
    for message in 0..3 {
        assert_eq!(store(&mut *sender, message, "x").await, u64::from(message) + 1);
    }
    let numbers = |seen: &[Seen]| seen.iter().map(|seen| (seen.2, seen.1)).collect::<Vec<_>>();
    let once = gather(&mut *subscriber, 3).await;
    assert_eq!(numbers(&once), [(0, false), (1, false), (2, false)]);
    // That is acknowledged, and these are not.
    assert_eq!(poll(&mut *subscriber, Duration::ZERO).await, []);
    for message in 3..5 {
        store(&mut *sender, message, "x").await;
    }
    gather(&mut *subscriber, 2).await;
    let session = subscriber.session().clone();
    drop(subscriber);
    store(&mut *sender, 5, "x").await;

    let mut subscriber = driver.resume(&consumer(), &session).await.unwrap();
    assert_eq!(subscriber.start(), Some(4));
    let failure = subscriber.poll(MAX, Duration::ZERO, &mut batch).await.unwrap_err();
    assert!(failure.why.contains("comes again"), "an empty answer would be wrong: {failure}");
    let again = gather(&mut *subscriber, 3).await;
    assert_eq!(numbers(&again), [(3, true), (4, true), (5, false)]);
    driver.finish().await.unwrap();
    server.end().await.unwrap();
}

#[tokio::test]
async fn a_server_that_was_killed_goes_on_with_what_is_in_files() {
    let Some(server) = server().await else { return };
    let driver = reach(&server, &plan(9, "file")).await;
    let mut sender = driver.register(&producer(RetryPolicy::Never)).await.unwrap();
    let mut subscriber = driver.subscribe(&consumer()).await.unwrap();
    store(&mut *sender, 0, "a").await;
    server.kill().await.unwrap();

    // The first may meet the end of the connection; by then it is known that nobody is there.
    let reply = send(&mut *sender, &outgoing(1, "b")).await;
    assert!(!is_acked(&reply), "{reply:?}");
    let reply = send(&mut *sender, &outgoing(1, "b")).await;
    let Outcome::Refused { why } = &reply.parts[0].outcome else { panic!("{reply:?}") };
    assert!(why.starts_with("cannot reach the broker at nats://127.0.0.1:"), "{why}");
    let mut batch = Batch::default();
    let failure = subscriber.poll(MAX, WAIT, &mut batch).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::MayPass, "{failure}");

    server.start_again().await.unwrap();
    assert_eq!(store(&mut *sender, 1, "b").await, 2);
    assert!(!sender.is_over());
    let came = gather(&mut *subscriber, 2).await;
    assert_eq!(came, [(1, false, 0, "a".to_owned()), (2, false, 1, "b".to_owned())]);
    driver.finish().await.unwrap();
    server.end().await.unwrap();
}

#[tokio::test]
async fn a_stream_in_memory_begins_another_life_with_the_server() {
    let Some(server) = server().await else { return };
    let driver = reach(&server, &plan(9, "memory")).await;
    assert_eq!(driver.capabilities().survives, Known::Now(Survival::Nothing));
    let mut sender = driver.register(&producer(RetryPolicy::Short)).await.unwrap();
    let mut subscriber = driver.subscribe(&consumer()).await.unwrap();
    store(&mut *sender, 0, "a").await;
    server.kill().await.unwrap();
    server.start_again().await.unwrap();

    let reply = send(&mut *sender, &outgoing(1, "b")).await;
    assert!(!is_acked(&reply) && sender.is_over(), "the stream is not there any more: {reply:?}");
    let mut batch = Batch::default();
    let other_life = FailureKind::SessionOver { in_same_life: Some(false) };
    let mut kinds = Vec::new();
    while kinds.last() != Some(&other_life) {
        kinds.push(subscriber.poll(MAX, WAIT, &mut batch).await.unwrap_err().kind);
    }
    assert!(kinds.len() <= 2, "the first may meet the end of the connection: {kinds:?}");

    driver.create_topic(T1).await.unwrap();
    let anew = driver.register(&producer(RetryPolicy::Never)).await.unwrap();
    assert_ne!(anew.session().epoch, sender.session().epoch);
    // An ack of the new life would say nothing about the old one's log.
    let reply = send(&mut *sender, &outgoing(1, "b")).await;
    assert!(matches!(reply.parts[0].outcome, Outcome::Refused { .. }), "{reply:?}");
    driver.finish().await.unwrap();
    server.end().await.unwrap();
}
