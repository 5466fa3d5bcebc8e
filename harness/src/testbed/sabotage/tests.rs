//! Each trick on a store directly: polls of one message, answers that are asked for again, requests
//! that are repeated or given up, and batches, which the end-to-end table does not reach.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;

use broker::store::memory::MemoryStore;
use broker::store::{Append, Epoch, Error, Poll, Retain, Store, Subscription};
use broker_client::wire::{ConsumerId, Offset, ProducerId, Sequence};
use futures_util::FutureExt as _;
use tempfile::TempDir;

use super::{Injected, Kind, Places, Record, Truth, make, read};
use crate::fixture;

/// What a message is called here: its offset and its payload.
type Seen = Vec<(Offset, String)>;

/// A sabotaged store of the topics T1 and T2.
struct Broken {
    store: Arc<dyn Store>,
    record: PathBuf,
    _folders: (TempDir, TempDir),
}

impl Broken {
    /// Wrong at offset 1 of T1, and there to the topic's second consumer.
    async fn new(kind: Kind) -> Self {
        Self::at(kind, &[("T1", 1, 1)]).await
    }

    async fn at(kind: Kind, places: &[(&'static str, Offset, usize)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let record = folder.path().join("record");
        let (plans, plan) = fixture::plan(fixture::SMALL, fixture::SMALL_LOGS);
        let truth = Truth::new(
            Arc::new(MemoryStore::new(Epoch::new("e1"), Retain::Lag, None)),
            Record::create(kind, &record).unwrap(),
            Places::from_iter(places.iter().copied()),
        );
        let store = make(truth, kind, &Arc::new(plan));
        for topic in ["T1", "T2"] {
            store.create_topic(topic.parse().unwrap()).await.unwrap();
        }
        Self { store, record, _folders: (folder, plans) }
    }

    async fn producer(&self) -> ProducerId {
        self.store.register_producer("T1".parse().unwrap()).await.unwrap()
    }

    async fn consumer(&self, topic: &str) -> ConsumerId {
        self.store.register_consumer(topic).await.unwrap().consumer
    }

    async fn append(
        &self,
        producer: ProducerId,
        sequence: impl Into<Option<Sequence>>,
        payloads: &[&str],
    ) -> Result<Offset, Error> {
        let payloads: Vec<_> = payloads.iter().map(|text| Cow::Borrowed(*text)).collect();
        let (topic, sequence) = ("T1", sequence.into());
        self.store
            .append(Append { topic, producer, epoch: None, sequence, payloads: &payloads })
            .await
    }

    /// Polls from an offset on.
    async fn poll(&self, topic: &str, consumer: ConsumerId, from: Offset, max: usize) -> Seen {
        self.ask(topic, consumer, Some(from), max).await
    }

    async fn ask(
        &self,
        topic: &str,
        consumer: ConsumerId,
        offset: Option<Offset>,
        max: usize,
    ) -> Seen {
        let subscription = Subscription { topic, consumer, epoch: None };
        let poll = Poll { subscription, offset, max, max_bytes: NonZeroUsize::MAX, waits: false };
        let messages = self.store.poll(poll).await.unwrap().messages;
        messages.iter().map(|message| (message.offset, message.payload)).collect()
    }

    fn injected(&self) -> Vec<Injected> {
        read(&self.record).unwrap()
    }

    /// To whom, and at which offset.
    fn places(&self) -> Vec<(Option<ConsumerId>, Offset)> {
        self.injected().iter().map(|injected| (injected.consumer, injected.offset)).collect()
    }

    /// Two consumers, and four messages of one producer in requests of one.
    async fn filled(kind: Kind) -> (Self, ConsumerId, ConsumerId) {
        let broken = Self::new(kind).await;
        let (first, second) = (broken.consumer("T1").await, broken.consumer("T1").await);
        let producer = broken.producer().await;
        for (sequence, payload) in (0..).zip(["a", "b", "c", "d"]) {
            assert_eq!(broken.append(producer, sequence, &[payload]).await, Ok(sequence));
        }
        (broken, first, second)
    }
}

fn seen(messages: &[(Offset, &str)]) -> Seen {
    messages.iter().map(|(offset, payload)| (*offset, (*payload).to_owned())).collect()
}

#[tokio::test]
async fn lose_leaves_it_out_of_every_answer_of_one_consumer() {
    let (broken, honest, chosen) = Broken::filled(Kind::Lose).await;
    assert_eq!(broken.poll("T1", honest, 1, 1).await, seen(&[(1, "b")]));
    for _ in 0..2 {
        let next = broken.poll("T1", chosen, 1, 1).await;
        assert_eq!(next, seen(&[(2, "c")]), "not empty: it would ask from here again");
        let all = broken.poll("T1", chosen, 1, 9).await;
        assert_eq!(all, seen(&[(2, "c"), (3, "d")]));
    }
    assert_eq!(broken.places(), [(Some(chosen), 1)], "once, however often it was asked for");
}

#[tokio::test]
async fn lose_wakes_nobody_for_what_is_left_out() {
    let broken = Broken::new(Kind::Lose).await;
    let (_, chosen) = (broken.consumer("T1").await, broken.consumer("T1").await);
    let producer = broken.producer().await;
    broken.append(producer, 0, &["a"]).await.unwrap();
    let subscription = Subscription { topic: "T1", consumer: chosen, epoch: None };
    let mut arrival = pin!(broken.store.arrival(subscription, 1));
    assert!(arrival.as_mut().now_or_never().is_none());
    broken.append(producer, 1, &["b"]).await.unwrap();
    assert!(arrival.as_mut().now_or_never().is_none(), "whoever wakes would poll in vain");
    assert_eq!(broken.poll("T1", chosen, 1, 9).await, seen(&[]));
    broken.append(producer, 2, &["c"]).await.unwrap();
    arrival.await.unwrap();
    assert_eq!(broken.poll("T1", chosen, 1, 9).await, seen(&[(2, "c")]));
}

#[tokio::test]
async fn duplicate_puts_both_into_one_answer() {
    let (broken, honest, chosen) = Broken::filled(Kind::Duplicate).await;
    let twice = seen(&[(1, "b"), (1, "b")]);
    for _ in 0..2 {
        assert_eq!(broken.poll("T1", chosen, 0, 2).await, seen(&[(0, "a")]), "no room for both");
        assert_eq!(broken.poll("T1", chosen, 0, 3).await[1..], twice);
    }
    assert_eq!(broken.poll("T1", chosen, 1, 1).await, twice, "even where one was asked for");
    assert_eq!(broken.poll("T1", chosen, 2, 9).await, seen(&[(2, "c"), (3, "d")]));
    assert_eq!(broken.poll("T1", honest, 0, 9).await.len(), 4);
    assert_eq!(broken.places(), [(Some(chosen), 1)]);
}

#[tokio::test]
async fn corrupt_changes_it_in_the_same_way_again() {
    let (broken, honest, chosen) = Broken::filled(Kind::Corrupt).await;
    for max in [1, 9, 1] {
        assert_eq!(broken.poll("T1", chosen, 1, max).await[0], (1, "~".to_owned()));
        assert_eq!(broken.poll("T1", honest, 1, max).await[0], (1, "b".to_owned()));
    }
    assert_eq!(broken.places(), [(Some(chosen), 1)]);
}

#[tokio::test]
async fn polls_that_take_are_answered_truly() {
    for kind in [Kind::Lose, Kind::Duplicate, Kind::Corrupt] {
        let (broken, _, chosen) = Broken::filled(kind).await;
        let all = seen(&[(0, "a"), (1, "b"), (2, "c"), (3, "d")]);
        assert_eq!(broken.ask("T1", chosen, None, 9).await, all, "{kind}");
        assert_eq!(broken.injected(), [], "{kind}");
    }
}

#[tokio::test]
async fn a_phantom_stands_before_a_batch_and_comes_once_for_a_repeated_request() {
    let broken = Broken::new(Kind::Phantom).await;
    let consumers = [broken.consumer("T1").await, broken.consumer("T1").await];
    let producer = broken.producer().await;
    assert_eq!(broken.append(producer, 0, &["a", "b"]).await, Ok(0));
    for _ in 0..2 {
        assert_eq!(broken.append(producer, 2, &["c", "d"]).await, Ok(3), "acked where it stands");
    }
    let all = seen(&[(0, "a"), (1, "b"), (2, "c"), (3, "c"), (4, "d")]);
    for consumer in consumers {
        assert_eq!(broken.poll("T1", consumer, 0, 9).await, all);
        assert_eq!(broken.poll("T1", consumer, 2, 1).await, all[2..3]);
    }
    assert_eq!(broken.places(), consumers.map(|consumer| (Some(consumer), 2)));
    assert!(broken.injected().iter().all(|injected| injected.producer != producer));
}

#[tokio::test]
async fn misroute_copies_the_first_of_a_batch_under_its_own_name() {
    let broken = Broken::new(Kind::Misroute).await;
    let (own, other) = (broken.consumer("T1").await, broken.consumer("T2").await);
    let producer = broken.producer().await;
    broken.append(producer, 0, &["a", "b"]).await.unwrap();
    for _ in 0..2 {
        assert_eq!(broken.append(producer, 2, &["c", "d"]).await, Ok(2));
    }
    assert_eq!(broken.poll("T1", own, 0, 9).await.len(), 4, "its own topic is whole");
    for _ in 0..2 {
        assert_eq!(broken.poll("T2", other, 0, 1).await, seen(&[(0, "c")]));
    }
    let [injected] = &broken.injected()[..] else { panic!("{:?}", broken.injected()) };
    assert_eq!((injected.producer, injected.sequence), (producer, Some(2)));
    assert_eq!((injected.topic.as_str(), injected.consumer), ("T2", Some(other)));
}

#[tokio::test]
async fn misroute_leaves_a_topic_alone_that_has_no_other_beside_it() {
    let broken = Broken::new(Kind::Misroute).await;
    let own = broken.consumer("T1").await;
    let producer = broken.producer().await;
    for sequence in 0..3 {
        broken.append(producer, sequence, &["a"]).await.unwrap();
    }
    assert_eq!(broken.poll("T1", own, 0, 9).await.len(), 3);
    assert_eq!(broken.injected(), []);
}

#[tokio::test]
async fn resurrect_refuses_a_batch_for_good_and_hands_it_out() {
    let broken = Broken::new(Kind::Resurrect).await;
    let consumer = broken.consumer("T1").await;
    let producer = broken.producer().await;
    broken.append(producer, 0, &["a"]).await.unwrap();
    for _ in 0..3 {
        assert!(broken.append(producer, 1, &["b", "c"]).await.is_err(), "a repeat does not help");
    }
    for _ in 0..2 {
        let all = broken.poll("T1", consumer, 0, 9).await;
        assert_eq!(all, seen(&[(0, "a"), (1, "b"), (2, "c")]));
    }
    assert_eq!(broken.places(), [(Some(consumer), 1), (Some(consumer), 2)]);
    assert_eq!(broken.append(producer, 3, &["d"]).await, Ok(3), "and goes on");
}

#[tokio::test]
async fn a_stale_ack_is_repeated_to_who_asks_again() {
    let broken = Broken::new(Kind::StaleAck).await;
    let producer = broken.producer().await;
    assert_eq!(broken.append(producer, 0, &["a", "b"]).await, Ok(0));
    for _ in 0..3 {
        assert_eq!(broken.append(producer, 2, &["c"]).await, Ok(0));
    }
    assert_eq!(broken.append(producer, 3, &["d"]).await, Ok(3));
    assert_eq!(broken.places(), [(None, 0)]);
}

#[tokio::test]
async fn without_sequences_acks_are_true() {
    for kind in [Kind::StaleAck, Kind::Resurrect] {
        let broken = Broken::new(kind).await;
        let producer = broken.producer().await;
        for offset in 0..4 {
            assert_eq!(broken.append(producer, None, &["a"]).await, Ok(offset), "{kind}");
        }
        assert_eq!(broken.injected(), [], "{kind}");
    }
}

#[tokio::test]
async fn reorder_keeps_the_first_out_of_sight_until_the_second_is_there() {
    let broken = Broken::new(Kind::Reorder).await;
    let consumers = [broken.consumer("T1").await, broken.consumer("T1").await];
    let producer = broken.producer().await;
    broken.append(producer, 0, &["P1_MSG1"]).await.unwrap();
    for _ in 0..2 {
        // Its own repeat must not wait for its turn.
        assert_eq!(broken.append(producer, 1, &["P1_MSG2"]).await, Ok(1));
    }
    assert_eq!(broken.poll("T1", consumers[0], 0, 9).await, seen(&[(0, "P1_MSG1")]));
    assert_eq!(broken.poll("T1", consumers[0], 1, 9).await, seen(&[]));
    assert_eq!(broken.append(producer, 2, &["P1_MSG3"]).await, Ok(2));
    let swapped = seen(&[(2, "P1_MSG3"), (1, "P1_MSG2")]);
    let before = broken.poll("T1", consumers[1], 0, 2).await;
    assert_eq!(before, seen(&[(0, "P1_MSG1")]), "never one of a pair without the other");
    for consumer in consumers {
        for max in [1, 2, 9, 1] {
            assert_eq!(broken.poll("T1", consumer, 1, max).await, swapped, "both, whatever max");
        }
    }
    assert_eq!(broken.places(), consumers.map(|consumer| (Some(consumer), 1)));
}

#[tokio::test(start_paused = true)]
async fn reorder_gives_a_producer_up_that_does_not_go_on() {
    let broken = Broken::new(Kind::Reorder).await;
    let consumer = broken.consumer("T1").await;
    let (first, second) = (broken.producer().await, broken.producer().await);
    broken.append(first, 0, &["P1_MSG1"]).await.unwrap();
    broken.append(first, 1, &["P1_MSG2"]).await.unwrap();
    assert_eq!(broken.append(second, 0, &["P2_MSG1"]).await, Ok(2), "it waits, and goes on");
    let all = seen(&[(0, "P1_MSG1"), (1, "P1_MSG2"), (2, "P2_MSG1")]);
    assert_eq!(broken.poll("T1", consumer, 0, 9).await, all);
    assert_eq!(broken.injected(), []);
}

#[tokio::test(start_paused = true)]
async fn diverge_swaps_two_concurrent_batches_for_one_consumer() {
    let broken = Broken::new(Kind::Diverge).await;
    let (honest, chosen) = (broken.consumer("T1").await, broken.consumer("T1").await);
    let (first, second) = (broken.producer().await, broken.producer().await);
    broken.append(first, 0, &["a"]).await.unwrap();
    let both =
        tokio::join!(broken.append(first, 1, &["b", "c"]), broken.append(second, 0, &["x", "y"]));
    assert_eq!(both, (Ok(1), Ok(3)));
    let true_order = seen(&[(1, "b"), (2, "c"), (3, "x"), (4, "y")]);
    assert_eq!(broken.poll("T1", honest, 1, 9).await, true_order);
    let swapped = seen(&[(1, "b"), (3, "x"), (2, "c"), (4, "y")]);
    assert_eq!(broken.poll("T1", chosen, 1, 9).await, swapped);
    for _ in 0..2 {
        assert_eq!(broken.poll("T1", chosen, 2, 1).await, swapped[1..3]);
    }
    assert_eq!(broken.places(), [(Some(chosen), 2)]);
    let again =
        tokio::join!(broken.append(first, 1, &["b", "c"]), broken.append(second, 0, &["x", "y"]));
    assert_eq!(again, (Ok(1), Ok(3)), "repeats append nothing");
    assert_eq!(broken.poll("T1", honest, 1, 9).await, true_order);
}

#[tokio::test(start_paused = true)]
async fn diverge_lets_a_lonely_request_go_on_and_takes_one_along_that_was_given_up() {
    let broken = Broken::new(Kind::Diverge).await;
    let (honest, _) = (broken.consumer("T1").await, broken.consumer("T1").await);
    let (first, second) = (broken.producer().await, broken.producer().await);
    broken.append(first, 0, &["a"]).await.unwrap();
    assert_eq!(broken.append(first, 1, &["b"]).await, Ok(1), "nobody came");
    {
        let mut given_up = pin!(broken.append(first, 2, &["c"]));
        assert!(given_up.as_mut().now_or_never().is_none(), "it waits for company");
    }
    assert_eq!(broken.append(second, 0, &["x"]).await, Ok(3));
    assert_eq!(broken.append(first, 2, &["c"]).await, Ok(2), "it had happened");
    let all = seen(&[(0, "a"), (1, "b"), (2, "c"), (3, "x")]);
    assert_eq!(broken.poll("T1", honest, 0, 9).await, all);
}

#[tokio::test(start_paused = true)]
async fn early_acks_only_when_everybody_has_what_was_not_sent_yet() {
    let broken = Broken::new(Kind::Early).await;
    let consumers = [broken.consumer("T1").await, broken.consumer("T1").await];
    let producer = broken.producer().await;
    broken.append(producer, 0, &["P1_MSG1"]).await.unwrap();
    let early = seen(&[(1, "P1_MSG2"), (2, "P1_MSG3")]);
    {
        let mut request = pin!(broken.append(producer, 1, &["P1_MSG2"]));
        for consumer in consumers {
            assert!(request.as_mut().now_or_never().is_none());
            assert_eq!(broken.poll("T1", consumer, 1, 9).await, early);
            assert!(request.as_mut().now_or_never().is_none(), "it has them, not for good yet");
            broken.poll("T1", consumer, 3, 1).await;
        }
        assert_eq!(request.await, Ok(1));
    }
    for _ in 0..2 {
        assert_eq!(broken.append(producer, 2, &["P1_MSG3"]).await, Ok(2), "where it stands");
    }
    let mut places = BTreeMap::new();
    for (consumer, offset) in broken.places() {
        *places.entry((consumer, offset)).or_insert(0) += 1;
    }
    let expected = consumers.map(|consumer| ((Some(consumer), 2), 1));
    assert_eq!(places, BTreeMap::from(expected));
}

#[tokio::test(start_paused = true)]
async fn early_waits_no_longer_than_its_patience_for_who_does_not_ask() {
    let broken = Broken::new(Kind::Early).await;
    broken.consumer("T1").await;
    let producer = broken.producer().await;
    broken.append(producer, 0, &["P1_MSG1"]).await.unwrap();
    assert_eq!(broken.append(producer, 1, &["P1_MSG2"]).await, Ok(1));
    assert_eq!(broken.injected(), [], "nobody is known to have had it early");
}
