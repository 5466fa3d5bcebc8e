//! Topics: their order, their names and the end of one.

use broker::store::{Error, List, Listed, Start};
use broker_client::wire::TopicName;
use tokio::time::Duration;

use crate::support::Short;

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
