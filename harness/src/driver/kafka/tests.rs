//! The driver against the cluster that librdkafka brings for tests. It makes no topics on request, so
//! they are made beside the driver.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::{RDKafkaApiKey as Api, RDKafkaRespErr as Error};
use tempfile::TempDir;

use super::cluster::{Cluster, Log};
use super::consumer::{self, Consumer};
use super::producer::Producer;
use super::settings::Settings;
use super::shared::Alive;
use crate::driver::batch::{Batch, Identity};
use crate::driver::client::{Client, RetryPolicy, Route};
use crate::driver::contract::{Outgoing, Sender as _, Subscriber as _};
use crate::driver::failure::FailureKind;
use crate::driver::marks::Marks;
use crate::driver::{Address, Attempts};
use crate::fixture;
use crate::history::{Moment, Offset, Offsets, Outcome};
use crate::input::names::Actor;
use crate::plan::{MessageId, TopicIndex};
use crate::scenario::Acknowledge;

const TOPIC: &str = "harness-a1-1";

/// One broker with one topic, and what a driver has of it.
struct Bench {
    mock: MockCluster<'static, DefaultProducerContext>,
    settings: Settings,
    cluster: Arc<Cluster>,
    marks: Marks,
    _folder: TempDir,
}

impl Bench {
    fn new() -> Self {
        let mock = MockCluster::new(1).unwrap();
        mock.create_topic(TOPIC, 1, 1).unwrap();
        let servers = mock.bootstrap_servers();
        let (host, port) = servers.rsplit_once(':').unwrap();
        let address = Address::new(host, port.parse().unwrap());
        let alive = Alive::default();
        let settings = Settings::new(&address, &alive).unwrap();
        let cluster = Arc::new(Cluster::new(&settings, &BTreeMap::new(), &alive).unwrap());
        let (folder, plan) = fixture::plan(fixture::SMALL, fixture::SMALL_LOGS);
        let marks = Marks::new(&Arc::new(plan), "a1");
        Self { mock, settings, cluster, marks, _folder: folder }
    }

    async fn producer(&self, retries: RetryPolicy) -> Producer {
        let client = Client {
            actor: Actor::producer(1),
            topic: TopicIndex::new(0),
            stream: None,
            base: 0,
            route: Route(0),
            retries,
            acknowledge: Acknowledge::Offset,
        };
        let marks = self.marks.clone();
        Producer::register(&self.settings, &self.cluster, marks, log(), &client).await.unwrap()
    }

    fn consumer(&self) -> Consumer {
        let group = format!("{TOPIC}-C1");
        Consumer::new(&self.settings, &self.cluster, self.marks.clone(), log(), group)
    }
}

fn log() -> Log {
    Log { name: TOPIC.to_owned(), epoch: "a1-1".to_owned() }
}

async fn send(producer: &mut Producer, message: usize, payload: &str) -> Outcome {
    let clock = || Moment { stamp: 1, at: 1 };
    let mut attempts = Attempts::new(&clock, 1, clock());
    let sent = [Outgoing { message: MessageId::new(message), payload }];
    producer.send(&sent, &mut attempts).await.parts.remove(0).outcome
}

/// What a poll brings: which message, at which offset, and what it says.
async fn poll(consumer: &mut Consumer, max: u32) -> Vec<(Identity, Offset, String)> {
    let mut batch = Batch::default();
    consumer.poll(max, Duration::ZERO, &mut batch).await.unwrap();
    told(&batch)
}

fn told(batch: &Batch) -> Vec<(Identity, Offset, String)> {
    let all = batch.iter();
    all.map(|own| (own.identity, own.offset.unwrap(), own.payload.to_owned())).collect()
}

const PAYLOADS: [&str; 6] = ["plain", "", " \t\n\0", "Ж🦀\u{202e}", "{\"a\":1}", "a1 P1#1"];

#[tokio::test]
async fn what_is_sent_comes_back_byte_for_byte_and_again_after_a_crash() {
    let bench = Bench::new();
    let mut producer = bench.producer(RetryPolicy::Short).await;
    let mut consumer = bench.consumer();
    consumer.begin_at_end().await.unwrap();
    assert_eq!(consumer.start(), Some(0));
    let mut expected = Vec::new();
    for (place, payload) in PAYLOADS.into_iter().enumerate() {
        let outcome = send(&mut producer, place, payload).await;
        assert_eq!(outcome, Outcome::Acked { offsets: Offsets::From(place as Offset) });
        let identity = Identity::Message(MessageId::new(place));
        expected.push((identity, place as Offset, payload.to_owned()));
    }
    // This cluster answers a fetch with one batch.
    assert_eq!(poll(&mut consumer, 2).await, expected[..1]);
    assert_eq!(poll(&mut consumer, 2).await, expected[1..2]);
    drop(consumer);

    let mut consumer = bench.consumer();
    consumer.begin_at_committed().await.unwrap();
    assert_eq!(consumer.start(), Some(1), "the second poll acknowledged the first");
    for place in 1..expected.len() {
        assert_eq!(poll(&mut consumer, 100).await, expected[place..=place]);
    }
    assert_eq!(poll(&mut consumer, 100).await, []);
    Box::new(consumer).unsubscribe().await.unwrap();

    let mut late = bench.consumer();
    late.begin_at_end().await.unwrap();
    assert_eq!(poll(&mut late, 100).await, [], "all was sent before");
    let (end, messages) =
        consumer::read_log(&bench.settings, &bench.marks, &log(), 1).await.unwrap();
    assert_eq!((end, told(&messages)), (6, expected[1..2].to_vec()));
}

#[tokio::test]
async fn requests_that_are_issued_without_waiting_are_stored_in_their_order() {
    for retries in [RetryPolicy::Never, RetryPolicy::Short] {
        let bench = Bench::new();
        let mut producer = bench.producer(retries).await;
        let mut under_way = Vec::new();
        for message in 0..6 {
            let sent = [Outgoing { message: MessageId::new(message), payload: "x" }];
            under_way.push(producer.issue(&sent).await);
        }
        for (place, pending) in under_way.into_iter().enumerate() {
            let outcome = pending.await.parts.remove(0).outcome;
            assert_eq!(outcome, Outcome::Acked { offsets: Offsets::From(place as Offset) });
        }
    }
}

/// Checks what becomes of a message that the broker answers with this error, sent once.
async fn check(error: Error, is_refused: bool) {
    let bench = Bench::new();
    let mut producer = bench.producer(RetryPolicy::Never).await;
    bench.mock.request_errors(Api::Produce, &[error]);
    let outcome = send(&mut producer, 0, "x").await;
    assert_eq!(matches!(outcome, Outcome::Refused { .. }), is_refused, "{outcome:?}");
    assert_eq!(matches!(outcome, Outcome::Unknown { .. }), !is_refused, "{outcome:?}");
    assert!(!producer.is_over());
}

#[tokio::test]
async fn an_error_of_the_broker_is_a_refusal_only_where_nothing_can_be_stored() {
    check(Error::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, true).await;
    check(Error::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, true).await;
    check(Error::RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, false).await;
    check(Error::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND, false).await;
    check(Error::RD_KAFKA_RESP_ERR__TRANSPORT, false).await;
}

#[tokio::test]
async fn an_idempotent_producer_sends_again_what_had_no_answer() {
    let bench = Bench::new();
    let mut producer = bench.producer(RetryPolicy::Short).await;
    bench.mock.request_errors(Api::Produce, &[Error::RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT]);
    let outcome = send(&mut producer, 0, "x").await;
    assert!(matches!(outcome, Outcome::Acked { .. }), "{outcome:?}");
}

#[tokio::test]
async fn a_position_that_the_broker_does_not_have_ends_the_subscription() {
    let bench = Bench::new();
    let failure = bench.consumer().begin_at_committed().await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::SessionOver { in_same_life: Some(true) });
}

#[tokio::test]
async fn a_topic_that_is_gone_is_told_from_a_broker_that_is_away() {
    let bench = Bench::new();
    let missing = Log { name: "harness-a1-2".to_owned(), epoch: "a1-1".to_owned() };
    bench.mock.topic_error(&missing.name, Error::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART).unwrap();
    let failure = bench.cluster.must_have(&missing).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::SessionOver { in_same_life: None });
    bench.cluster.must_have(&log()).await.unwrap();

    let mut consumer = bench.consumer();
    consumer.begin_at_end().await.unwrap();
    bench.mock.broker_down(1).unwrap();
    let mut batch = Batch::default();
    let polled = consumer.poll(1, Duration::ZERO, &mut batch).await;
    assert_eq!(polled.unwrap_err().kind, FailureKind::MayPass);
    bench.mock.broker_up(1).unwrap();
    assert_eq!(poll(&mut consumer, 1).await, []);
}
