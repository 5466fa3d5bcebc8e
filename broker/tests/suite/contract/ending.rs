//! The end of subscriptions and of producers.

use std::sync::Arc;

use broker::store::{Error, Subscription};
use futures_util::{StreamExt, stream};
use tokio::time::Duration;

use crate::support::Short;

pub(super) async fn an_ended_subscription_is_unknown(store: Short) {
    let producer = store.producer("A").await;
    let (slow, quick) = (store.consumer("A").await.consumer, store.consumer("A").await.consumer);
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

pub(super) async fn idle_subscriptions_end(store: Short) {
    let hour = Duration::from_secs(3600);
    store.producer("A").await;
    store.producer("B").await;
    let (first, second) = (store.consumer("A").await.consumer, store.consumer("B").await.consumer);
    assert_eq!(store.0.end_idle(hour).await, Ok(0));
    assert_eq!(store.size("A", first).await, Ok((0, 0)));
    assert_eq!(store.0.end_idle(Duration::ZERO).await, Ok(2));
    assert_eq!(store.size("A", first).await, Err(Error::UnknownConsumer(first)));
    assert_eq!(store.size("B", second).await, Err(Error::UnknownConsumer(second)));
    assert_eq!(store.consumer("A").await.consumer, 2);
    // More than a database ends at a time.
    let more = (0..1100).map(|_| store.consumer("B"));
    let more = stream::iter(more).buffer_unordered(16);
    assert_eq!(more.count().await, 1100);
    assert_eq!(store.0.end_idle(Duration::ZERO).await, Ok(1101));
    assert_eq!(store.0.end_idle(Duration::ZERO).await, Ok(0));
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
