//! The contract of a store, as functions over any store, run on every store there is.

use std::num::NonZeroUsize;
use std::sync::Arc;

use broker::store::memory::MemoryStore;
use broker::store::mysql::{MysqlStore, Options};
use broker::store::{
    Append, Epoch, Error, List, Listed, Poll, Read, Retain, Start, Store, Subscription,
};
use broker_client::wire::TopicName;
use futures_util::FutureExt;
use tokio::time::Duration;

use crate::support::{Short, memory, mysql, stores};

/// Runs a part of the contract on a new store of every kind.
macro_rules! contract {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[tokio::test]
        async fn $name() {
            for (kind, store) in stores().await {
                eprintln!("store: {kind}");
                parts::$name(Short(store)).await;
            }
        }
    )*};
}

contract! {
    topics_are_listed_in_order_of_creation
    topics_are_listed_some_at_a_time
    a_list_goes_on_whatever_is_deleted
    a_topic_is_created_once
    ids_count_from_zero_over_all_topics
    a_subscription_starts_at_the_end
    a_topic_is_deleted_with_all_that_is_in_it
    a_topic_of_a_deleted_name_is_another_one
    deleting_leaves_other_topics_alone
    a_batch_gets_consecutive_offsets
    payloads_of_every_kind_come_out_as_they_went_in
    polls_without_offset_advance
    polls_with_offset_acknowledge_and_stay
    a_poll_stops_at_its_size_but_gives_one
    refusals_come_in_order
    another_epoch_is_refused_first
    a_repeat_is_answered_and_not_appended
    a_gap_and_an_old_sequence_are_refused
    sends_without_sequence_leave_the_count_alone
    a_refused_append_changes_nothing
    an_ended_subscription_is_unknown
    arrival_looks_at_the_end_and_wakes
    arrival_is_over_with_its_subscription
    arrival_is_over_with_its_topic
    a_poll_answers_its_position
    a_first_message_without_room_stays
    idle_subscriptions_end
    idle_producers_end_and_what_they_sent_stays
    a_long_log_is_read_in_any_steps
    the_log_itself_is_read_whoever_is_subscribed
}

mod parts {
    use super::*;

    pub(super) async fn topics_are_listed_in_order_of_creation(store: Short) {
        assert_eq!(store.0.topics(List::default()).await, Ok(Listed::default()));
        store.0.create_topic("b".parse().unwrap()).await.unwrap();
        store.producer("c").await;
        store.0.create_topic("a".parse().unwrap()).await.unwrap();
        store.producer("b").await;
        assert_eq!(listed(&store, List::default()).await, ("b c a".to_owned(), false));
    }

    /// Their names, joined by blanks, and whether there are more.
    async fn listed(store: &Short, list: List<'_>) -> (String, bool) {
        let Listed { topics, more, .. } = store.0.topics(list).await.unwrap();
        let names: Vec<_> = topics.iter().map(TopicName::as_str).collect();
        (names.join(" "), more)
    }

    pub(super) async fn topics_are_listed_some_at_a_time(store: Short) {
        for name in ["b", "c", "a"] {
            store.0.create_topic(name.parse().unwrap()).await.unwrap();
        }
        let list = |start, max| List { start, max, ..List::default() };
        for (start, max, names, more) in [
            (Start::First, 1, "b", true),
            (Start::First, 3, "b c a", false),
            (Start::After("b"), 1, "c", true),
            (Start::After("b"), 2, "c a", false),
            (Start::After("c"), 9, "a", false),
            (Start::After("a"), 9, "", false),
            (Start::At(0), 9, "b c a", false),
            (Start::At(u64::MAX), 9, "", false),
        ] {
            let expected = (names.to_owned(), more);
            assert_eq!(listed(&store, list(start, max)).await, expected, "{start:?} {max}");
        }
        let short = List { max_bytes: 8, ..List::default() };
        assert_eq!(listed(&store, short).await, ("b c".to_owned(), true));
        for name in ["nix", "no name"] {
            let refused = store.0.topics(list(Start::After(name), 9)).await;
            assert_eq!(refused, Err(Error::UnknownTopic(name.to_owned())));
        }
    }

    pub(super) async fn a_list_goes_on_whatever_is_deleted(store: Short) {
        for name in ["b", "c", "a", "d"] {
            store.0.create_topic(name.parse().unwrap()).await.unwrap();
        }
        let list = |start| List { start, max: 2, ..List::default() };
        let Listed { next, .. } = store.0.topics(list(Start::First)).await.unwrap();
        for name in ["b", "c"] {
            store.delete(name).await.unwrap();
        }
        assert_eq!(listed(&store, list(Start::At(next))).await, ("a d".to_owned(), false));
        // It stands behind all others now.
        store.0.create_topic("c".parse().unwrap()).await.unwrap();
        assert_eq!(listed(&store, list(Start::At(next))).await, ("a d".to_owned(), true));
        let Listed { next, .. } = store.0.topics(list(Start::At(next))).await.unwrap();
        assert_eq!(listed(&store, list(Start::At(next))).await, ("c".to_owned(), false));
        let Listed { next: end, .. } = store.0.topics(list(Start::At(next))).await.unwrap();
        let none = Listed { next: end, ..Listed::default() };
        assert_eq!(store.0.topics(list(Start::At(end))).await, Ok(none));
    }

    pub(super) async fn a_topic_is_created_once(store: Short) {
        store.0.create_topic("T1".parse().unwrap()).await.unwrap();
        let again = store.0.create_topic("T1".parse().unwrap()).await;
        assert_eq!(again, Err(Error::TopicExists("T1".to_owned())));
    }

    pub(super) async fn ids_count_from_zero_over_all_topics(store: Short) {
        assert_eq!(store.producer("A").await, 0);
        assert_eq!(store.producer("B").await, 1);
        assert_eq!(store.producer("A").await, 2);
        assert_eq!(store.consumer("B").await.consumer, 0);
        assert_eq!(store.consumer("A").await.consumer, 1);
        let refused = store.0.register_consumer("C").await;
        assert_eq!(refused, Err(Error::UnknownTopic("C".to_owned())));
        assert_eq!(store.consumer("A").await.consumer, 2);
    }

    pub(super) async fn a_subscription_starts_at_the_end(store: Short) {
        let producer = store.producer("A").await;
        store.append("A", producer, None, &["before"]).await.unwrap();
        let subscribed = store.consumer("A").await;
        assert_eq!(subscribed.offset, 1);
        assert_eq!(store.size("A", subscribed.consumer).await, Ok((0, 1)));
        store.append("A", producer, None, &["after"]).await.unwrap();
        assert_eq!(store.take("A", subscribed.consumer, 9).await, ["after"]);
    }

    pub(super) async fn a_topic_is_deleted_with_all_that_is_in_it(store: Short) {
        let unknown = Err(Error::UnknownTopic("A".to_owned()));
        assert_eq!(store.delete("A").await, unknown);
        let producer = store.producer("A").await;
        let consumer = store.consumer("A").await.consumer;
        store.append("A", producer, Some(0), &["a", "b"]).await.unwrap();
        assert_eq!(store.take("A", consumer, 1).await, ["a"]);
        store.delete("A").await.unwrap();
        for _ in 0..2 {
            assert_eq!(store.0.topics(List::default()).await, Ok(Listed::default()));
            // Also a repeat of what was acknowledged.
            for sequence in [None, Some(0), Some(2)] {
                let append = store.append("A", producer, sequence, &["a", "b"]).await;
                assert_eq!(append, Err(Error::UnknownProducer(producer)));
            }
            let gone = Err(Error::UnknownConsumer(consumer));
            for offset in [None, Some(1), Some(99)] {
                assert_eq!(store.poll("A", consumer, offset, 9).await.map(|_| ()), gone);
            }
            assert_eq!(store.size("A", consumer).await.map(|_| ()), gone);
            assert_eq!(store.unsubscribe("A", consumer).await, gone);
            assert_eq!(store.read("A", 0, 9).await.map(|_| ()), unknown);
            assert_eq!(store.0.register_consumer("A").await.map(|_| ()), unknown);
            assert_eq!(store.delete("A").await, unknown);
            assert_eq!(store.0.end_idle(Duration::ZERO).await, Ok(0));
            store.0.tidy().await.unwrap();
        }
        let none = Err(Error::UnknownTopic("no-name".to_owned()));
        assert_eq!(store.delete("no-name").await, none);
    }

    pub(super) async fn a_topic_of_a_deleted_name_is_another_one(store: Short) {
        for round in 0..4 {
            assert_eq!(store.producer("A").await, round * 2);
            let producer = store.producer("A").await;
            let subscribed = store.consumer("A").await;
            assert_eq!((subscribed.consumer, subscribed.offset), (round, 0));
            let payloads = [format!("{round} a"), format!("{round} b")];
            let [first, second] = payloads.each_ref().map(String::as_str);
            assert_eq!(store.append("A", producer, Some(0), &[first, second]).await, Ok(0));
            if let Some(old) = round.checked_sub(1) {
                let append = store.append("A", old * 2 + 1, Some(2), &["x"]).await;
                assert_eq!(append, Err(Error::UnknownProducer(old * 2 + 1)));
                let poll = store.poll("A", old, None, 9).await;
                assert_eq!(poll, Err(Error::UnknownConsumer(old)));
            }
            assert_eq!(store.take("A", subscribed.consumer, 1).await, [first]);
            assert_eq!(store.take("A", subscribed.consumer, 9).await, [second]);
            assert_eq!(store.size("A", subscribed.consumer).await, Ok((0, 2)));
            store.delete("A").await.unwrap();
            if round % 2 == 0 {
                store.0.tidy().await.unwrap();
                store.0.create_topic("A".parse().unwrap()).await.unwrap();
            }
        }
    }

    pub(super) async fn deleting_leaves_other_topics_alone(store: Short) {
        let mut kept = Vec::new();
        for topic in ["A", "B", "C"] {
            let producer = store.producer(topic).await;
            let consumer = store.consumer(topic).await.consumer;
            store.append(topic, producer, Some(0), &[topic]).await.unwrap();
            kept.push((topic, producer, consumer));
        }
        let (_, producer, consumer) = kept.remove(1);
        store.delete("B").await.unwrap();
        assert_eq!(listed(&store, List::default()).await, ("A C".to_owned(), false));
        // Where the id is unknown, that is what is said, whatever the topic.
        for topic in ["A", "B"] {
            let append = store.append(topic, producer, None, &["x"]).await;
            assert_eq!(append, Err(Error::UnknownProducer(producer)));
            let size = store.size(topic, consumer).await;
            assert_eq!(size, Err(Error::UnknownConsumer(consumer)));
        }
        store.0.tidy().await.unwrap();
        for (topic, producer, consumer) in kept {
            assert_eq!(store.append(topic, producer, Some(0), &[topic]).await, Ok(0), "a repeat");
            assert_eq!(store.append(topic, producer, Some(1), &["1"]).await, Ok(1));
            assert_eq!(store.take(topic, consumer, 9).await, [topic, "1"]);
            let unknown = Err(Error::UnknownTopic("B".to_owned()));
            assert_eq!(store.append("B", producer, None, &["x"]).await, unknown);
            assert_eq!(store.poll("B", consumer, None, 9).await.map(|_| 0), unknown);
        }
    }

    pub(super) async fn a_batch_gets_consecutive_offsets(store: Short) {
        let producer = store.producer("A").await;
        let consumer = store.consumer("A").await.consumer;
        assert_eq!(store.append("A", producer, None, &["a", "b"]).await, Ok(0));
        assert_eq!(store.append("A", producer, Some(0), &["c", "d"]).await, Ok(2));
        let messages = store.poll("A", consumer, None, 9).await.unwrap();
        let seen: Vec<_> = messages
            .iter()
            .map(|m| (m.offset, m.producer, m.sequence, m.payload.as_str()))
            .collect();
        let expected = [
            (0, producer, None, "a"),
            (1, producer, None, "b"),
            (2, producer, Some(0), "c"),
            (3, producer, Some(1), "d"),
        ];
        assert_eq!(seen, expected);
    }

    pub(super) async fn payloads_of_every_kind_come_out_as_they_went_in(store: Short) {
        let producer = store.producer("A").await;
        let consumer = store.consumer("A").await.consumer;
        let payloads = ["", "\"", "\\", "\u{0}\u{1f}\u{7f}", "é\u{2028}🦀", "a\nb\tc", "{\"a\":1}"];
        store.append("A", producer, None, &payloads).await.unwrap();
        assert_eq!(store.take("A", consumer, 99).await, payloads);
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
            assert_eq!(
                (polled.messages.len(), polled.position),
                (expected, 0),
                "{max_bytes} bytes"
            );
        }
    }

    pub(super) async fn refusals_come_in_order(store: Short) {
        let producer = store.producer("A").await;
        store.producer("B").await;
        let consumer = store.consumer("A").await.consumer;
        let append = async |topic, producer| store.append(topic, producer, None, &["x"]).await;
        for id in [-1, 7, i64::MIN, i64::MAX] {
            assert_eq!(append("nix", id).await, Err(Error::UnknownProducer(id)));
            assert_eq!(append("A", id).await, Err(Error::UnknownProducer(id)));
            assert_eq!(store.size("nix", id).await, Err(Error::UnknownConsumer(id)));
            let polled = store.poll("A", id, None, 1).await;
            assert_eq!(polled, Err(Error::UnknownConsumer(id)));
        }
        let unknown = Err(Error::UnknownTopic("nix".to_owned()));
        assert_eq!(append("nix", producer).await, unknown);
        assert_eq!(store.poll("nix", consumer, None, 1).await.map(|_| 0), unknown);
        let topic = "B".to_owned();
        let elsewhere = Error::ProducerNotRegistered { producer, topic: topic.clone() };
        assert_eq!(append("B", producer).await, Err(elsewhere));
        let elsewhere = Error::ConsumerNotRegistered { consumer, topic };
        assert_eq!(store.poll("B", consumer, Some(9), 1).await, Err(elsewhere.clone()));
        assert_eq!(store.size("B", consumer).await, Err(elsewhere.clone()));
        assert_eq!(store.unsubscribe("B", consumer).await, Err(elsewhere));
    }

    pub(super) async fn another_epoch_is_refused_first(store: Short) {
        let producer = store.producer("A").await;
        let append = |epoch, producer| Append {
            topic: "nix",
            producer,
            epoch,
            sequence: None,
            payloads: &[],
        };
        let wrong = store.0.append(append(Some("e0"), 99)).await;
        let (given, current) = ("e0".to_owned(), store.0.epoch().to_string());
        assert_eq!(wrong, Err(Error::WrongEpoch { given, current: current.clone() }));
        let right = store.0.append(append(Some(&current), producer)).await;
        assert_eq!(right, Err(Error::UnknownTopic("nix".to_owned())));
        let subscription = Subscription { topic: "nix", consumer: 9, epoch: Some("") };
        assert!(matches!(store.0.size(subscription).await, Err(Error::WrongEpoch { .. })));
        assert!(matches!(store.0.unsubscribe(subscription).await, Err(Error::WrongEpoch { .. })));
    }

    pub(super) async fn a_repeat_is_answered_and_not_appended(store: Short) {
        let producer = store.producer("A").await;
        let consumer = store.consumer("A").await.consumer;
        let append = async |sequence, payloads: &[&str]| {
            store.append("A", producer, Some(sequence), payloads).await
        };
        assert_eq!(append(0, &["a"]).await, Ok(0));
        assert_eq!(append(0, &["a"]).await, Ok(0));
        store.append("A", producer, None, &["between"]).await.unwrap();
        assert_eq!(append(1, &["b", "c", "d"]).await, Ok(2));
        assert_eq!(append(1, &["b", "c", "d"]).await, Ok(2));
        assert_eq!(append(2, &["c"]).await, Ok(3));
        assert_eq!(append(3, &["d"]).await, Ok(4));
        assert_eq!(append(4, &["e"]).await, Ok(5));
        assert_eq!(store.take("A", consumer, 99).await, ["a", "between", "b", "c", "d", "e"]);
    }

    pub(super) async fn a_gap_and_an_old_sequence_are_refused(store: Short) {
        let producer = store.producer("A").await;
        let append = async |sequence, count| {
            store.append("A", producer, Some(sequence), &vec!["x"; count]).await
        };
        assert_eq!(append(1, 1).await, Err(Error::SequenceGap { given: 1, expected: 0 }));
        append(0, 2).await.unwrap();
        append(2, 3).await.unwrap();
        assert_eq!(
            append(u64::MAX, 2).await,
            Err(Error::SequenceGap { given: u64::MAX, expected: 5 })
        );
        for (first, count) in [(0, 1), (0, 2), (1, 2), (1, 4), (2, 4), (4, 2), (0, 9)] {
            let last = first + u64::try_from(count).unwrap() - 1;
            let refused = Err(Error::SequenceOld { first, last, request: Some((2, 4)) });
            assert_eq!(append(first, count).await, refused);
        }
        assert_eq!(append(5, 1).await, Ok(5));
    }

    pub(super) async fn sends_without_sequence_leave_the_count_alone(store: Short) {
        let producer = store.producer("A").await;
        let other = store.producer("A").await;
        store.append("A", producer, Some(0), &["a"]).await.unwrap();
        store.append("A", producer, None, &["b"]).await.unwrap();
        assert_eq!(store.append("A", other, Some(0), &["c"]).await, Ok(2));
        assert_eq!(store.append("A", producer, Some(0), &["a"]).await, Ok(0));
        assert_eq!(store.append("A", producer, Some(1), &["d"]).await, Ok(3));
    }

    pub(super) async fn a_refused_append_changes_nothing(store: Short) {
        let producer = store.producer("A").await;
        let consumer = store.consumer("A").await.consumer;
        store.append("A", producer, Some(0), &["a"]).await.unwrap();
        store.append("A", producer, Some(9), &["x", "y"]).await.unwrap_err();
        store.append("A", 99, None, &["x"]).await.unwrap_err();
        assert_eq!(store.size("A", consumer).await, Ok((1, 0)));
        assert_eq!(store.append("A", producer, Some(1), &["b"]).await, Ok(1));
        assert_eq!(store.take("A", consumer, 9).await, ["a", "b"]);
    }

    pub(super) async fn an_ended_subscription_is_unknown(store: Short) {
        let producer = store.producer("A").await;
        let (slow, quick) =
            (store.consumer("A").await.consumer, store.consumer("A").await.consumer);
        store.append("A", producer, None, &["a", "b"]).await.unwrap();
        assert_eq!(store.take("A", quick, 1).await, ["a"]);
        store.unsubscribe("A", slow).await.unwrap();
        let unknown = Err(Error::UnknownConsumer(slow));
        assert_eq!(store.unsubscribe("A", slow).await, unknown);
        assert_eq!(store.poll("A", slow, None, 1).await.map(|_| ()), unknown);
        assert_eq!(store.size("A", slow).await.map(|_| ()), unknown);
        assert_eq!(store.take("A", quick, 9).await, ["b"]);
        store.unsubscribe("A", quick).await.unwrap();
        store.append("A", producer, None, &["c"]).await.unwrap();
        let next = store.consumer("A").await;
        assert_eq!((next.consumer, next.offset), (2, 3));
        store.append("A", producer, None, &["d"]).await.unwrap();
        assert_eq!(store.take("A", next.consumer, 9).await, ["d"]);
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

    pub(super) async fn arrival_is_over_with_its_subscription(store: Short) {
        let store = Arc::new(store);
        store.producer("A").await;
        for ended_as_idle in [true, false] {
            let consumer = store.consumer("A").await.consumer;
            let waiting = {
                let store = Arc::clone(&store);
                let subscription = Subscription { topic: "A", consumer, epoch: None };
                tokio::spawn(async move { store.0.arrival(subscription, 0).await })
            };
            let other = store.consumer("A").await.consumer;
            store.unsubscribe("A", other).await.unwrap();
            tokio::task::yield_now().await;
            assert!(!waiting.is_finished(), "another one ended");
            if ended_as_idle {
                assert_eq!(store.0.end_idle(Duration::ZERO).await, Ok(1));
            } else {
                store.unsubscribe("A", consumer).await.unwrap();
            }
            waiting.await.unwrap().unwrap();
        }
    }

    pub(super) async fn arrival_is_over_with_its_topic(store: Short) {
        let store = Arc::new(store);
        store.producer("A").await;
        let consumer = store.consumer("A").await.consumer;
        let subscription = Subscription { topic: "A", consumer, epoch: None };
        let waiting = {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.0.arrival(subscription, 0).await })
        };
        store.producer("B").await;
        store.delete("B").await.unwrap();
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished(), "another one was deleted");
        store.delete("A").await.unwrap();
        // It may have been before it had begun to wait.
        let _ = waiting.await.unwrap();
        let polled = store.poll("A", consumer, None, 9).await;
        assert_eq!(polled, Err(Error::UnknownConsumer(consumer)));
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

    pub(super) async fn idle_producers_end_and_what_they_sent_stays(store: Short) {
        let hour = Duration::from_secs(3600);
        let (first, second) = (store.producer("A").await, store.producer("B").await);
        let consumer = store.consumer("A").await.consumer;
        store.append("A", first, Some(0), &["a"]).await.unwrap();
        assert_eq!(store.0.end_idle_producers(hour).await, Ok(0));
        assert_eq!(store.append("A", first, Some(0), &["a"]).await, Ok(0), "it is still known");
        assert_eq!(store.0.end_idle_producers(Duration::ZERO).await, Ok(2));
        for (topic, producer) in [("A", first), ("B", second)] {
            let refused = store.append(topic, producer, Some(0), &["a"]).await;
            assert_eq!(refused, Err(Error::UnknownProducer(producer)));
        }
        assert_eq!(store.0.end_idle_producers(Duration::ZERO).await, Ok(0));
        let third = store.producer("A").await;
        assert_eq!(third, 2, "no id is given twice");
        assert_eq!(store.append("A", third, Some(0), &["b"]).await, Ok(1));
        assert_eq!(store.take("A", consumer, 9).await, ["a", "b"]);
    }

    pub(super) async fn idle_subscriptions_end(store: Short) {
        let hour = Duration::from_secs(3600);
        store.producer("A").await;
        store.producer("B").await;
        let (first, second) =
            (store.consumer("A").await.consumer, store.consumer("B").await.consumer);
        assert_eq!(store.0.end_idle(hour).await, Ok(0));
        assert_eq!(store.size("A", first).await, Ok((0, 0)));
        assert_eq!(store.0.end_idle(Duration::ZERO).await, Ok(2));
        assert_eq!(store.size("A", first).await, Err(Error::UnknownConsumer(first)));
        assert_eq!(store.size("B", second).await, Err(Error::UnknownConsumer(second)));
        assert_eq!(store.consumer("A").await.consumer, 2);
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
        let read =
            Read { topic: "A", offset: 1, max: 10, max_bytes: NonZeroUsize::new(1).unwrap() };
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
}

#[tokio::test]
async fn past_the_most_topics_no_more_are_created() {
    let memory = MemoryStore::new(Epoch::new("e"), Retain::Lag, None).with_most_topics(2);
    let mut stores: Vec<Arc<dyn Store>> = vec![Arc::new(memory)];
    if let Some(url) = mysql() {
        let options = Options { topics: 2, ..Options::default() };
        let store = MysqlStore::open(&url.parse().unwrap(), &options).await;
        stores.push(Arc::new(store.unwrap()));
    }
    for store in stores {
        let create = async |name: &str| store.create_topic(name.parse().unwrap()).await;
        let register = async |name: &str| store.register_producer(name.parse().unwrap()).await;
        assert_eq!(create("a").await, Ok(()));
        assert_eq!(register("b").await, Ok(0));
        let refused = Error::TooManyTopics { limit: 2 };
        assert_eq!(create("c").await, Err(refused.clone()));
        assert_eq!(register("c").await, Err(refused));
        assert_eq!(create("a").await, Err(Error::TopicExists("a".to_owned())));
        assert_eq!(register("b").await, Ok(1), "no id is used up");
        assert_eq!(store.topics(List::default()).await.unwrap().topics.len(), 2);
    }
}

#[tokio::test]
async fn a_full_store_refuses_and_recovers() {
    let store = Short(memory(Retain::Lag, Some(2000)));
    let producer = store.producer("A").await;
    let large = "x".repeat(500);
    for number in 0..20 {
        let sent = store.append("A", producer, Some(number), &[&large]).await;
        assert_eq!(sent, Ok(number), "a topic without subscriptions retains nothing");
    }
    let consumer = store.consumer("A").await.consumer;
    let mut next = 20;
    for _ in 0..3 {
        let mut sent = 0;
        let full = loop {
            match store.append("A", producer, Some(next), &[&large]).await {
                Ok(_) => (sent, next) = (sent + 1, next + 1),
                Err(refusal) => break refusal,
            }
        };
        assert_eq!((full, sent), (Error::Full { limit: 2000 }, 3));
        assert_eq!(store.take("A", consumer, 9).await.len(), 3);
    }
    let other = store.producer("B").await;
    assert_eq!(store.append("B", other, None, &[&large.repeat(9)]).await, Ok(0));
}

#[tokio::test]
async fn a_large_lag_is_freed_when_its_subscription_ends() {
    let store = Short(memory(Retain::Lag, Some(8 << 20)));
    let producer = store.producer("A").await;
    let payload = "x".repeat(900);
    for _ in 0..2 {
        let consumer = store.consumer("A").await.consumer;
        let mut sent = 0;
        while store.append("A", producer, None, &[payload.as_str(); 10]).await.is_ok() {
            sent += 10;
        }
        assert!(sent > 8000, "{sent} messages of 1 KB fit 8 MiB");
        store.unsubscribe("A", consumer).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_passed_is_freed_though_its_caller_goes_away() {
    for ends in [true, false] {
        let store = Short(memory(Retain::Lag, Some(8 << 20)));
        let producer = store.producer("A").await;
        let consumer = store.consumer("A").await.consumer;
        let payload = "x".repeat(900);
        let fill = async || {
            let mut sent = 0;
            while store.append("A", producer, None, &[payload.as_str(); 10]).await.is_ok() {
                sent += 10;
            }
            sent
        };
        let sent = fill().await;
        assert!(sent > 8000, "{sent} messages of 1 KB fit 8 MiB");
        // As a server does whose client disconnects: it looks once, and drops the rest.
        if ends {
            let _ = store.unsubscribe("A", consumer).now_or_never();
            store.consumer("A").await;
        } else {
            let _ = store.poll("A", consumer, Some(sent), 0).now_or_never();
        }
        assert!(fill().await > 8000, "nothing of the first {sent} is left, ended: {ends}");
    }
}

#[tokio::test]
async fn a_store_can_be_wrapped() {
    let plain: Arc<dyn Store> = memory(Retain::Lag, None);
    let messages = {
        let store = Short(Arc::clone(&plain));
        let producer = store.producer("A").await;
        let consumer = store.consumer("A").await.consumer;
        store.append("A", producer, None, &["a", "b"]).await.unwrap();
        store.poll("A", consumer, Some(0), 9).await.unwrap()
    };
    let twice: broker::store::Messages = messages.iter().chain(&messages).cloned().collect();
    assert_eq!(twice.len(), 4);
}
