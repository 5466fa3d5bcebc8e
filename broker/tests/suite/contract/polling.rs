//! Polls, what wakes them, and the log itself.

use std::num::NonZeroUsize;
use std::sync::Arc;

use broker::store::{Error, Poll, Read, Subscription};

use crate::support::Short;

pub(super) async fn a_subscription_starts_at_the_end(store: Short) {
    let producer = store.producer("A").await;
    store.append("A", producer, None, &["before"]).await.unwrap();
    let subscribed = store.consumer("A").await;
    assert_eq!(subscribed.offset, 1);
    assert_eq!(store.size("A", subscribed.consumer).await, Ok((0, 1)));
    store.append("A", producer, None, &["after"]).await.unwrap();
    assert_eq!(store.take("A", subscribed.consumer, 9).await, ["after"]);
}

pub(super) async fn polls_without_offset_advance(store: Short) {
    let producer = store.producer("A").await;
    let consumer = store.consumer("A").await.consumer;
    store.append("A", producer, None, &["a", "b", "c"]).await.unwrap();
    assert_eq!(store.take("A", consumer, 0).await, [""; 0]);
    assert_eq!(store.size("A", consumer).await, Ok((3, 0)));
    assert_eq!(store.take("A", consumer, 1).await, ["a"]);
    assert_eq!(store.size("A", consumer).await, Ok((2, 1)));
    assert_eq!(store.take("A", consumer, 9).await, ["b", "c"]);
    assert_eq!(store.take("A", consumer, 9).await, [""; 0]);
    assert_eq!(store.size("A", consumer).await, Ok((0, 3)));
}

pub(super) async fn polls_with_offset_acknowledge_and_stay(store: Short) {
    let producer = store.producer("A").await;
    let consumer = store.consumer("A").await.consumer;
    store.append("A", producer, None, &["a", "b", "c"]).await.unwrap();
    for _ in 0..2 {
        let messages = store.poll("A", consumer, Some(1), 1).await.unwrap();
        assert_eq!((messages[0].offset, messages[0].payload.as_str()), (1, "b"));
        assert_eq!(store.size("A", consumer).await, Ok((2, 1)));
    }
    let passed = store.poll("A", consumer, Some(0), 1).await;
    assert_eq!(passed, Err(Error::OffsetPassed { given: 0, position: 1 }));
    let beyond = store.poll("A", consumer, Some(4), 1).await;
    assert_eq!(beyond, Err(Error::OffsetBeyond { given: 4, end: 3 }));
    assert_eq!(store.size("A", consumer).await, Ok((2, 1)));
    assert!(store.poll("A", consumer, Some(2), 0).await.unwrap().is_empty());
    assert_eq!(store.size("A", consumer).await, Ok((1, 2)));
    assert_eq!(store.take("A", consumer, 1).await, ["c"]);
    assert!(store.poll("A", consumer, Some(3), 5).await.unwrap().is_empty());
}

pub(super) async fn a_poll_stops_at_its_size_but_gives_one(store: Short) {
    let producer = store.producer("A").await;
    let consumer = store.consumer("A").await.consumer;
    let large = "x".repeat(1000);
    store.append("A", producer, None, &[large.as_str(); 5]).await.unwrap();
    for (max_bytes, expected) in [(1, 1), (2500, 2), (1_000_000, 5)] {
        let poll = Poll {
            subscription: Subscription { topic: "A", consumer, epoch: None },
            offset: Some(0),
            max: 10,
            max_bytes: NonZeroUsize::new(max_bytes).unwrap(),
            room: NonZeroUsize::MAX,
            waits: false,
        };
        let polled = store.0.poll(poll).await.unwrap();
        assert_eq!((polled.messages.len(), polled.position), (expected, 0), "{max_bytes} bytes");
    }
}

pub(super) async fn a_poll_answers_its_position(store: Short) {
    let producer = store.producer("A").await;
    let consumer = store.consumer("A").await.consumer;
    store.append("A", producer, None, &["a", "b", "c"]).await.unwrap();
    for (offset, max, expected) in
        [(None, 0, 0), (None, 2, 2), (Some(2), 9, 2), (Some(3), 9, 3), (None, 9, 3)]
    {
        let subscription = Subscription { topic: "A", consumer, epoch: None };
        let (max_bytes, room) = (NonZeroUsize::MAX, NonZeroUsize::MAX);
        let poll = Poll { subscription, offset, max, max_bytes, room, waits: false };
        assert_eq!(store.0.poll(poll).await.unwrap().position, expected);
        assert_eq!(store.size("A", consumer).await, Ok((3 - expected, expected)));
    }
}

pub(super) async fn a_first_message_without_room_stays(store: Short) {
    let producer = store.producer("A").await;
    let consumer = store.consumer("A").await.consumer;
    let large = "x".repeat(1000);
    store.append("A", producer, None, &["small", &large, "small"]).await.unwrap();
    let size = |bytes| NonZeroUsize::new(bytes).unwrap();
    let poll = async |offset, max_bytes, room| {
        let subscription = Subscription { topic: "A", consumer, epoch: None };
        let (max_bytes, room) = (size(max_bytes), size(room));
        let poll = Poll { subscription, offset, max: 9, max_bytes, room, waits: false };
        store.0.poll(poll).await.map(|polled| polled.messages.len())
    };
    assert_eq!(poll(None, 100, 100).await, Ok(1), "the second is not the first");
    for offset in [None, Some(1)] {
        let Err(Error::NoRoom { bytes }) = poll(offset, 100, 1000).await else {
            panic!("there is no room for it");
        };
        assert!((1001..1110).contains(&bytes), "{bytes}");
        assert_eq!(store.size("A", consumer).await, Ok((2, 1)), "nothing was taken");
        assert_eq!(poll(Some(1), 100, bytes).await, Ok(1), "it is given alone");
    }
    assert_eq!(poll(None, 100, 2000).await, Ok(1));
    assert_eq!(poll(None, 100, 100).await, Ok(1));
}

pub(super) async fn arrival_looks_at_the_end_and_wakes(store: Short) {
    let store = Arc::new(store);
    let producer = store.producer("A").await;
    let consumer = store.consumer("A").await.consumer;
    let of = move |topic| Subscription { topic, consumer, epoch: None };
    store.append("A", producer, None, &["a"]).await.unwrap();
    store.0.arrival(of("A"), 0).await.unwrap();
    let waiting = {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.0.arrival(of("A"), 2).await })
    };
    store.append("A", producer, None, &["b"]).await.unwrap();
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished(), "offset 2 has not arrived");
    store.append("A", producer, None, &["c"]).await.unwrap();
    waiting.await.unwrap().unwrap();
    let unknown = store.0.arrival(of("nix"), 0).await;
    assert_eq!(unknown, Err(Error::UnknownTopic("nix".to_owned())));
}

pub(super) async fn the_log_itself_is_read_whoever_is_subscribed(store: Short) {
    let producer = store.producer("A").await;
    let missing = store.read("B", 0, 10).await;
    assert_eq!(missing, Err(Error::UnknownTopic("B".to_owned())));
    assert_eq!(store.read("A", 0, 10).await, Ok((vec![], 0)));
    // With a subscription that has not got it, every store still has it.
    let consumer = store.consumer("A").await.consumer;
    store.append("A", producer, Some(0), &["a", "b", "c"]).await.unwrap();
    store.append("A", producer, None, &["d"]).await.unwrap();
    let texts = |from: &str| from.chars().map(String::from).collect::<Vec<_>>();
    for _ in 0..2 {
        assert_eq!(store.read("A", 0, 10).await, Ok((texts("abcd"), 4)));
        assert_eq!(store.read("A", 1, 2).await, Ok((texts("bc"), 4)));
        assert_eq!(store.read("A", 3, 10).await, Ok((texts("d"), 4)));
        assert_eq!(store.read("A", 4, 10).await, Ok((vec![], 4)));
        assert_eq!(store.read("A", 9, 10).await, Ok((vec![], 4)));
    }
    assert_eq!(store.size("A", consumer).await, Ok((4, 0)), "no position moved");
    let read = Read { topic: "A", offset: 1, max: 10, max_bytes: NonZeroUsize::new(1).unwrap() };
    let part = store.0.read(read).await.unwrap();
    assert_eq!(part.messages.len(), 1, "one is given however large it is");
    let first = part.messages.iter().next().unwrap();
    assert_eq!((first.offset, first.producer, first.sequence), (1, producer, Some(1)));
}

pub(super) async fn a_long_log_is_read_in_any_steps(store: Short) {
    const COUNT: usize = 6_000;
    let producer = store.producer("A").await;
    let payloads: Vec<String> = (0..COUNT).map(|number| format!("{number:050}")).collect();
    let steps = [1, 7, 500, 3000, COUNT];
    let mut consumers = Vec::new();
    for _ in steps {
        consumers.push(store.consumer("A").await.consumer);
    }
    for (index, batch) in payloads.chunks(333).enumerate() {
        let batch: Vec<&str> = batch.iter().map(String::as_str).collect();
        let offset = u64::try_from(index * 333).unwrap();
        assert_eq!(store.append("A", producer, Some(offset), &batch).await, Ok(offset));
    }
    for (step, consumer) in steps.into_iter().zip(consumers) {
        let mut seen = Vec::with_capacity(COUNT);
        while seen.len() < COUNT {
            let some = store.take("A", consumer, step).await;
            assert!(!some.is_empty(), "stuck at {} with steps of {step}", seen.len());
            seen.extend(some);
        }
        assert_eq!(seen, payloads, "steps of {step}");
    }
}
