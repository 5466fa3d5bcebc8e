//! The driver of MQTT against a real Mosquitto. Where none is installed, nothing is tested and a line
//! says so.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use harness::driver::{
    Address, Batch, Client, Driver, FailureKind, Identity, Outgoing, Reply, RetryPolicy, Route,
    Subscriber, connect,
};
use harness::history::{Offsets, Outcome};
use harness::input::names::Actor;
use harness::plan::{MessageId, Plan, StreamIndex, TopicIndex};
use harness::recipes::{RECIPES, mosquitto::recipe};
use harness::scenario::{self, Acknowledge};
use harness::server::{Recipe, ServerProcess, Wanted};

use crate::support::{Folder, connecting, send};

/// Far longer than anything here takes.
const WAIT: Duration = Duration::from_secs(60);

const HOSTILE: [&str; 5] = ["", "P1#2:x", "a\0b\r\n", "\u{fc}\u{1f600}", "  P1aa#1:"];

/// A server, and the recipe with its folder.
struct Mosquitto {
    server: ServerProcess,
    recipe: Arc<dyn Recipe>,
}

fn is_there() -> bool {
    let row = RECIPES.iter().find(|row| row.word == "mosquitto").unwrap();
    let found = row.program.unwrap().program.find();
    if let Err(missing) = &found {
        eprintln!("not tested: {missing}");
    }
    found.is_ok()
}

async fn start(config: &[(&str, &str)]) -> Mosquitto {
    let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    let config: BTreeMap<String, String> = config.iter().map(owned).collect();
    let harness = Path::new(env!("CARGO_BIN_EXE_harness"));
    let name = "Mosquitto".to_owned();
    let wanted =
        Wanted { harness, name, arguments: &[], store: None, is_cluster: false, config: &config };
    let recipe = recipe(&wanted).unwrap();
    let listen = "127.0.0.1:0".parse().unwrap();
    let server = ServerProcess::start(harness, Arc::clone(&recipe), listen).await.unwrap();
    Mosquitto { server, recipe }
}

/// `P1` sends a thousand messages to `C1`.
fn plan(topic_config: &[(&str, &str)]) -> Arc<Plan> {
    let folder = Folder::new();
    folder.write(
        "x.yaml",
        "broker: { driver: mqtt }\ntopics: { T1: P1 -> C1 }\n\
         producers: { all: { generate: { messages: 1000 } } }\n",
    );
    let mut scenario = scenario::load(&folder.join("x.yaml")).unwrap();
    let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    scenario.broker.options.topic_config = topic_config.iter().map(owned).collect();
    Arc::new(Plan::new(scenario).unwrap())
}

async fn reach(mosquitto: &Mosquitto, qos: &str) -> Arc<dyn Driver> {
    let address = Address::from(mosquitto.server.address());
    connect(connecting(&plan(&[("qos", qos)]), vec![address])).await.unwrap()
}

fn client(actor: Actor) -> Client {
    Client {
        actor,
        topic: TopicIndex(0),
        stream: (actor == Actor::producer(1)).then_some(StreamIndex(0)),
        base: 0,
        route: Route(0),
        retries: RetryPolicy::Short,
        acknowledge: Acknowledge::Offset,
    }
}

fn acked() -> Reply {
    Reply::whole(1, Outcome::Acked { offsets: Offsets::Untold }, 1)
}

/// Sends these payloads as the first messages of `P1`, one by one.
async fn send_all(driver: &dyn Driver, payloads: &[&str]) {
    let mut sender = driver.register(&client(Actor::producer(1))).await.unwrap();
    for (message, payload) in (0..).map(MessageId).zip(payloads) {
        assert_eq!(send(sender.as_mut(), &[Outgoing { message, payload }]).await, acked());
    }
}

/// Message, payload, and whether it came again.
type Seen = (u32, String, bool);

/// Polls until so many came; nothing of it is acknowledged but by the polls in between.
async fn poll(subscriber: &mut dyn Subscriber, count: usize) -> Vec<Seen> {
    let mut seen = Vec::new();
    let mut batch = Batch::default();
    while seen.len() < count {
        let most = u32::try_from(count - seen.len()).unwrap();
        subscriber.poll(most, WAIT, &mut batch).await.unwrap();
        assert!(!batch.is_empty(), "after {WAIT:?}: {seen:?}");
        seen.extend(batch.iter().map(|own| {
            let Identity::Message(message) = own.identity else { panic!("{own:?}") };
            (message.0, own.payload.to_owned(), own.redelivered)
        }));
    }
    seen
}

fn as_sent(payloads: &[&str], redelivered: bool) -> Vec<Seen> {
    (0..).zip(payloads).map(|(id, own)| (id, (*own).to_owned(), redelivered)).collect()
}

#[tokio::test]
async fn what_a_consumer_did_not_acknowledge_comes_again_and_nothing_else_does() {
    if !is_there() {
        return;
    }
    let mosquitto = start(&[]).await;
    for qos in ["1", "2"] {
        let driver = reach(&mosquitto, qos).await;
        let mut first = driver.subscribe(&client(Actor::consumer(1))).await.unwrap();
        send_all(driver.as_ref(), &HOSTILE).await;
        let session = first.session().clone();

        assert_eq!(poll(first.as_mut(), HOSTILE.len()).await, as_sent(&HOSTILE, false));
        drop(first);
        let mut second = driver.resume(&client(Actor::consumer(1)), &session).await.unwrap();
        assert_eq!(poll(second.as_mut(), HOSTILE.len()).await, as_sent(&HOSTILE, true));

        let other = driver.subscribe(&client(Actor::consumer(1))).await.unwrap();
        send_all(driver.as_ref(), &["new"]).await;
        assert_eq!(poll(second.as_mut(), 1).await, as_sent(&["new"], false), "QoS {qos}");
        second.unsubscribe().await.unwrap();
        other.unsubscribe().await.unwrap();
        driver.finish().await.unwrap();
    }
    mosquitto.server.end().await.unwrap();
}

#[tokio::test]
async fn messages_that_are_under_way_together_are_stored_in_the_order_of_their_issue() {
    if !is_there() {
        return;
    }
    let mosquitto = start(&[]).await;
    let payloads: Vec<String> = (0..500).map(|number| format!("payload {number}")).collect();
    let payloads: Vec<&str> = payloads.iter().map(String::as_str).collect();
    for qos in ["1", "2"] {
        let driver = reach(&mosquitto, qos).await;
        let mut consumer = driver.subscribe(&client(Actor::consumer(1))).await.unwrap();
        let mut sender = driver.register(&client(Actor::producer(1))).await.unwrap();
        for part in 0..50_u32 {
            let mut pending = Vec::new();
            for number in part * 10..part * 10 + 10 {
                let message = MessageId(number);
                let payload = payloads[number as usize];
                pending.push(sender.issue(&[Outgoing { message, payload }]).await);
            }
            // Whatever the order in which they are awaited.
            for reply in pending.into_iter().rev() {
                assert_eq!(reply.await, acked());
            }
        }
        let seen = poll(consumer.as_mut(), payloads.len()).await;
        assert_eq!(seen, as_sent(&payloads, false), "QoS {qos}");
        driver.finish().await.unwrap();
    }
    mosquitto.server.end().await.unwrap();
}

#[tokio::test]
async fn a_session_that_the_broker_has_forgotten_is_over() {
    if !is_there() {
        return;
    }
    let mosquitto = start(&[]).await;
    let driver = reach(&mosquitto, "1").await;
    let consumer = client(Actor::consumer(1));
    let removed = driver.subscribe(&consumer).await.unwrap().session().clone();
    driver.finish().await.unwrap();
    let Err(failure) = driver.resume(&consumer, &removed).await else { panic!("it was removed") };
    assert_eq!(failure.kind, FailureKind::SessionOver { in_same_life: None }, "{failure}");

    let mut subscriber = driver.subscribe(&consumer).await.unwrap();
    mosquitto.server.kill().await.unwrap();
    let mut kinds = Vec::new();
    let mut batch = Batch::default();
    for is_up in [false, false, true, true] {
        if is_up && kinds.len() == 2 {
            mosquitto.server.start_again().await.unwrap();
        }
        kinds.push(subscriber.poll(1, WAIT, &mut batch).await.unwrap_err().kind);
    }
    let over = FailureKind::SessionOver { in_same_life: None };
    // Once more at the end: the session that the broker has by then is another one.
    assert_eq!(kinds, [FailureKind::MayPass, FailureKind::MayPass, over, over]);
    mosquitto.server.end().await.unwrap();
}

#[tokio::test]
async fn a_persistent_server_is_known_to_be_one_and_keeps_a_backlog() {
    if !is_there() {
        return;
    }
    let mosquitto = start(&[("persistence", "true")]).await;
    let database = mosquitto.recipe.data().unwrap().folder.join("mosquitto.db");
    assert!(database.is_file(), "nobody has sent anything, and it has shown that it can write");

    let driver = reach(&mosquitto, "1").await;
    let consumer = client(Actor::consumer(1));
    let session = driver.subscribe(&consumer).await.unwrap().session().clone();
    send_all(driver.as_ref(), &HOSTILE).await;
    mosquitto.server.stop().await.unwrap();
    mosquitto.server.start_again().await.unwrap();
    let mut subscriber = driver.resume(&consumer, &session).await.unwrap();
    let seen = poll(subscriber.as_mut(), HOSTILE.len()).await;
    let seen: Vec<_> = seen.into_iter().map(|(message, payload, _)| (message, payload)).collect();
    let sent: Vec<_> = (0..).zip(HOSTILE.map(str::to_owned)).collect();
    assert_eq!(seen, sent);
    driver.finish().await.unwrap();
    mosquitto.server.end().await.unwrap();
}

#[test]
fn an_answer_that_is_lost_leaves_a_message_unknown_and_is_not_asked_for_again() {
    if !is_there() {
        return;
    }
    let folder = Folder::new();
    folder.write(
        "lossy.yaml",
        "topics: { T1: P1 -> C1 }\n\
         producers: { all: { generate: { messages: 100 } } }\n\
         broker: { on: mosquitto }\n\
         faults: [{ after: 20 acked, drop_ack: P1, count: 3 }]\n\
         expect: { acked: any }\n\
         golden: none\n",
    );
    folder.passes(&["run", "lossy.yaml", "--report-json", "report.json"]);
    let summary = folder.report("report.json")["summary"].clone();
    let counts = ["acked", "unknown", "retries", "delivered"].map(|key| summary[key].clone());
    assert_eq!(counts, [97, 3, 0, 100]);
}

#[tokio::test]
async fn a_setting_that_a_topic_does_not_have_is_refused() {
    for (setting, part) in [(("qos", "0"), "`qos: 0` cannot be judged"), (("qo", "1"), "`qo`")] {
        let address = Address::new("127.0.0.1", 1);
        let Err(failure) = connect(connecting(&plan(&[setting]), vec![address])).await else {
            panic!("{setting:?} is refused")
        };
        assert!(failure.why.contains(part), "{failure}");
        assert_eq!(failure.kind, FailureKind::Final);
    }
}

#[test]
fn a_key_that_the_recipe_sets_is_refused() {
    let config = BTreeMap::from([("listener".to_owned(), "1883".to_owned())]);
    let name = "Mosquitto".to_owned();
    let harness = Path::new("harness");
    let wanted =
        Wanted { harness, name, arguments: &[], store: None, is_cluster: false, config: &config };
    let Err(failure) = recipe(&wanted) else { panic!("it is refused") };
    let expected = "the configuration of Mosquitto sets `listener`, which the harness sets itself: \
                    leave it out";
    assert_eq!(failure.to_string(), expected);
}
