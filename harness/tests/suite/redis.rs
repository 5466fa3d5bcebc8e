//! The driver of Redis against real servers: what it stores, hands out, and says when a server goes
//! away. Where none is installed there is nothing to test.

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
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{connecting, send};

const T1: TopicIndex = TopicIndex(0);
const WAIT: Duration = Duration::from_secs(30);

/// What must come back byte for byte.
const HOSTILE: [&str; 6] = [
    "",
    " ",
    "a\r\n$3\r\nb\0",
    "*1\r\n$4\r\nPING\r\n",
    "\u{feff}\u{1f600}\u{301}",
    "harness-epoch",
];

/// The settings of a server that keeps what it is sent. With `everysec` it would not always: where the
/// disk is slow it answers before it has written, and a kill then loses what it acknowledged.
const APPENDS: &[(&str, &str)] = &[("appendonly", "yes"), ("appendfsync", "always")];

/// Two topics, `P1` and `C1` on both.
fn plan(messages: usize) -> Arc<Plan> {
    let folder = tempfile::tempdir().unwrap();
    let topics = "broker: { driver: redis }\ntopics: { T1: P1 -> C1, T2: P1 -> C1 }\n";
    let messages = 2 * messages;
    let yaml = format!("{topics}producers:\n  all: {{ generate: {{ messages: {messages} }} }}\n");
    let file = folder.path().join("x.yaml");
    std::fs::write(&file, yaml).unwrap();
    Arc::new(scenario::load(&file).and_then(Plan::new).unwrap())
}

/// Those that are installed, with these settings.
async fn servers(settings: &[(&str, &str)]) -> Vec<ServerProcess> {
    let settings = settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    let config: BTreeMap<_, _> = settings.collect();
    let rows = RECIPES.iter().filter(|row| ["redis", "valkey"].contains(&row.word));
    let installed = rows.filter(|row| row.program.unwrap().program.find().is_ok());
    let mut servers = Vec::new();
    for row in installed {
        let harness = Path::new(env!("CARGO_BIN_EXE_harness"));
        let name = row.word.to_owned();
        let wanted = Wanted {
            harness,
            name,
            arguments: &[],
            store: None,
            is_cluster: false,
            config: &config,
        };
        let recipe = (row.new)(&wanted).unwrap();
        let any = "127.0.0.1:0".parse().unwrap();
        servers.push(ServerProcess::start(harness, recipe, any).await.unwrap());
    }
    servers
}

async fn reach(server: &ServerProcess, plan: &Arc<Plan>) -> Arc<dyn Driver> {
    let addresses = vec![Address::from(server.address())];
    let driver = connect(connecting(plan, addresses)).await.unwrap();
    driver.create_topic(T1).await.unwrap();
    driver
}

/// `C1` of a topic.
fn consumer(topic: TopicIndex) -> Client {
    Client {
        actor: Actor::consumer(1),
        topic,
        stream: None,
        base: 0,
        route: Route(0),
        retries: RetryPolicy::Never,
        acknowledge: Acknowledge::Offset,
    }
}

/// `P1` of a topic.
fn producer(topic: TopicIndex) -> Client {
    let stream = Some(StreamIndex(u32::try_from(topic.place()).unwrap()));
    Client { actor: Actor::producer(1), stream, ..consumer(topic) }
}

async fn store(sender: &mut dyn Sender, message: u32, payload: &str) -> Offset {
    let outgoing = [Outgoing { message: MessageId(message), payload }];
    offset(&send(sender, &outgoing).await)
}

/// Where a message stands that was stored.
fn offset(reply: &Reply) -> Offset {
    match &reply.parts[0].outcome {
        Outcome::Acked { offsets } => offsets.first().unwrap(),
        other => panic!("{other:?}"),
    }
}

type Seen = (Offset, bool, u32, String);

/// What one message of an answer is: place, redelivered, number of the planned message, payload.
fn seen(message: Delivered<'_>) -> Seen {
    let Identity::Message(id) = message.identity else { panic!("{message:?}") };
    (message.offset.unwrap(), message.redelivered, id.0, message.payload.to_owned())
}

async fn poll(subscriber: &mut dyn Subscriber, wait: Duration) -> Vec<Seen> {
    let mut batch = Batch::default();
    subscriber.poll(100, wait, &mut batch).await.unwrap();
    batch.iter().map(seen).collect()
}

/// What a server answers to a request on one line.
async fn ask(server: &ServerProcess, line: &str) -> String {
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    stream.write_all(format!("{line}\r\nQUIT\r\n").as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn what_is_stored_comes_back_as_it_was_and_nothing_is_left() {
    for server in servers(&[]).await {
        let driver = reach(&server, &plan(HOSTILE.len())).await;
        assert_eq!(driver.capabilities().survives, Known::Now(Survival::Nothing));
        let mut sender = driver.register(&producer(T1)).await.unwrap();
        let before = store(&mut *sender, 0, "before").await;
        let mut first = driver.subscribe(&consumer(T1)).await.unwrap();
        let mut second = driver.subscribe(&consumer(T1)).await.unwrap();
        assert_eq!(first.start(), Some(before + 1));
        assert_eq!(sender.session().epoch, first.session().epoch);

        let mut expected: Vec<Seen> = Vec::new();
        for (message, payload) in (0..).zip(HOSTILE) {
            let offset = store(&mut *sender, message, payload).await;
            assert!(expected.last().is_none_or(|(last, ..)| *last < offset));
            expected.push((offset, false, message, payload.to_owned()));
        }
        assert_eq!(poll(&mut *first, WAIT).await, expected);
        assert_eq!(poll(&mut *first, Duration::ZERO).await, []);
        assert_eq!(poll(&mut *second, WAIT).await, expected, "each gets everything");

        let part = driver.read_log(Route(0), T1, before + 1).await.unwrap().unwrap();
        assert_eq!(part.messages.iter().map(seen).collect::<Vec<_>>(), expected);
        assert_eq!(Some(part.epoch), sender.session().epoch);
        assert_eq!(part.end, expected.last().unwrap().0 + 1);
        let all = driver.read_log(Route(0), T1, 0).await.unwrap().unwrap();
        assert_eq!(all.messages.len(), HOSTILE.len() + 1, "the first entry is no message");

        first.unsubscribe().await.unwrap();
        driver.finish().await.unwrap();
        assert!(ask(&server, "DBSIZE").await.starts_with(":0\r\n"));
        server.end().await.unwrap();
    }
}

#[tokio::test]
async fn what_is_issued_is_stored_in_that_order_however_it_is_awaited() {
    const MANY: u32 = 3000;
    for server in servers(&[]).await {
        let driver = reach(&server, &plan(MANY as usize)).await;
        let mut sender = driver.register(&producer(T1)).await.unwrap();
        let mut pending = Vec::new();
        for message in (0..MANY).map(MessageId) {
            pending.push(sender.issue(&[Outgoing { message, payload: "x" }]).await);
        }
        pending.reverse();
        let mut offsets: Vec<_> = join_all(pending).await.iter().map(offset).collect();
        offsets.reverse();
        assert!(offsets.is_sorted());
        let (mut from, mut numbers) = (0, Vec::new());
        while let part = driver.read_log(Route(0), T1, from).await.unwrap().unwrap()
            && from < part.end
        {
            let found = part.messages.iter().map(seen);
            numbers.extend(found.map(|(offset, _, number, _)| {
                from = offset + 1;
                number
            }));
        }
        assert!(numbers.into_iter().eq(0..MANY));
        server.end().await.unwrap();
    }
}

#[tokio::test]
async fn what_a_dropped_poll_or_a_crash_took_along_comes_again_and_says_so() {
    for server in servers(&[]).await {
        let driver = reach(&server, &plan(9)).await;
        let mut sender = driver.register(&producer(T1)).await.unwrap();
        let mut subscriber = driver.subscribe(&consumer(T1)).await.unwrap();
        let mut batch = Batch::default();
        // The read waits at the server when it is dropped.
        let polling = subscriber.poll(100, WAIT, &mut batch);
        tokio::select! { biased;
            polled = polling => panic!("{polled:?}"),
            () = is_blocked(&server) => {}
        }
        let first = store(&mut *sender, 0, "a").await;
        let once = poll(&mut *subscriber, WAIT).await;
        assert_eq!(once.len(), 1);
        assert_eq!(
            (once[0].0, once[0].2),
            (first, 0),
            "it was handed out to the dropped poll or not"
        );

        let second = store(&mut *sender, 1, "b").await;
        assert_eq!(poll(&mut *subscriber, WAIT).await, [(second, false, 1, "b".to_owned())]);
        // The consumer crashes before it acknowledges that.
        let session = subscriber.session().clone();
        drop(subscriber);
        let mut subscriber = driver.resume(&consumer(T1), &session).await.unwrap();
        assert_eq!(subscriber.start(), Some(second));
        assert_eq!(poll(&mut *subscriber, WAIT).await, [(second, true, 1, "b".to_owned())]);
        assert_eq!(poll(&mut *subscriber, Duration::ZERO).await, []);
        let subscriber = driver.resume(&consumer(T1), &session).await.unwrap();
        assert_eq!(subscriber.start(), Some(second + 1));

        subscriber.unsubscribe().await.unwrap();
        let Err(failure) = driver.resume(&consumer(T1), &session).await else { panic!("no group") };
        assert_eq!(failure.kind, FailureKind::SessionOver { in_same_life: None });
        server.end().await.unwrap();
    }
}

/// Completes when a client waits for an entry.
async fn is_blocked(server: &ServerProcess) {
    while !ask(server, "INFO clients").await.contains("blocked_clients:1") {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_server_that_forgets_everything_begins_another_life() {
    for server in servers(&[]).await {
        let driver = reach(&server, &plan(9)).await;
        let mut sender = driver.register(&producer(T1)).await.unwrap();
        let mut subscriber = driver.subscribe(&consumer(T1)).await.unwrap();
        store(&mut *sender, 0, "a").await;
        server.kill().await.unwrap();

        let outgoing = [Outgoing { message: MessageId(1), payload: "b" }];
        let reply = send(&mut *sender, &outgoing).await;
        let outcome = &reply.parts[0].outcome;
        assert!(
            matches!(outcome, Outcome::Refused { .. } | Outcome::Unknown { .. }),
            "{outcome:?}"
        );
        // By now it is known that nobody is there.
        let reply = send(&mut *sender, &outgoing).await;
        let Outcome::Refused { why } = &reply.parts[0].outcome else { panic!("{reply:?}") };
        assert!(why.starts_with("cannot reach the broker at 127.0.0.1:"), "{why}");
        let mut batch = Batch::default();
        let failure = subscriber.poll(9, WAIT, &mut batch).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::MayPass, "{failure}");

        server.start_again().await.unwrap();
        assert!(!sender.is_over());
        let reply = send(&mut *sender, &outgoing).await;
        assert!(matches!(reply.parts[0].outcome, Outcome::Refused { .. }), "{reply:?}");
        assert!(sender.is_over(), "the topic is not there any more");
        let other_life = FailureKind::SessionOver { in_same_life: Some(false) };
        let mut kinds = Vec::new();
        while kinds.last() != Some(&other_life) {
            kinds.push(subscriber.poll(9, WAIT, &mut batch).await.unwrap_err().kind);
        }
        assert!(kinds.len() <= 2, "{kinds:?}");
        let anew = driver.register(&producer(T1)).await.unwrap();
        assert_ne!(anew.session().epoch, sender.session().epoch);
        let subscriber = driver.subscribe(&consumer(T1)).await.unwrap();
        assert_eq!(anew.session().epoch, subscriber.session().epoch);
        driver.finish().await.unwrap();
        server.end().await.unwrap();
    }
}

#[tokio::test]
async fn a_server_that_writes_everything_down_goes_on_where_it_was() {
    for server in servers(APPENDS).await {
        let driver = reach(&server, &plan(9)).await;
        assert_eq!(driver.capabilities().survives, Known::Now(Survival::PowerCut));
        let mut sender = driver.register(&producer(T1)).await.unwrap();
        let mut subscriber = driver.subscribe(&consumer(T1)).await.unwrap();
        let first = store(&mut *sender, 0, "a").await;
        assert_eq!(poll(&mut *subscriber, WAIT).await, [(first, false, 0, "a".to_owned())]);
        let second = store(&mut *sender, 1, "b").await;
        server.kill().await.unwrap();
        server.start_again().await.unwrap();

        let outgoing = [Outgoing { message: MessageId(2), payload: "c" }];
        let mut third = send(&mut *sender, &outgoing).await;
        if !matches!(third.parts[0].outcome, Outcome::Acked { .. }) {
            // It met the end of the old connection.
            third = send(&mut *sender, &outgoing).await;
        }
        let third = offset(&third);
        assert!(first < second && second < third && !sender.is_over());
        let mut came: Vec<Seen> = Vec::new();
        let mut batch = Batch::default();
        while came.last().is_none_or(|(offset, ..)| *offset < third) {
            // The first may fail: it meets the end of the old connection too.
            match subscriber.poll(9, WAIT, &mut batch).await {
                Ok(()) => came.extend(batch.iter().map(seen)),
                Err(failure) => assert_eq!(failure.kind, FailureKind::MayPass, "{failure}"),
            }
        }
        let new = [(second, false, 1, "b".to_owned()), (third, false, 2, "c".to_owned())];
        // What was delivered before was acknowledged by no poll that is known to have come through.
        assert!(came == new || came[0] == (first, true, 0, "a".to_owned()) && came[1..] == new);
        driver.finish().await.unwrap();
        server.end().await.unwrap();
    }
}
