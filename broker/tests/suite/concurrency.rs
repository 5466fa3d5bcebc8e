//! The promises under concurrency, with real threads; the original breaks each of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use broker::store::Subscription;
use tokio::task::JoinSet;

use crate::support::{Short, stores};

const TASKS: i64 = 8;

/// Runs `work` in so many tasks at once, and gives their results.
async fn together<F, R>(tasks: i64, mut work: impl FnMut(i64) -> F) -> Vec<R>
where
    F: Future<Output = R> + Send + 'static,
    R: Send + 'static,
{
    let mut set = JoinSet::new();
    for task in 0..tasks {
        set.spawn(work(task));
    }
    set.join_all().await
}

async fn each() -> impl Iterator<Item = Arc<Short>> {
    stores().await.into_iter().map(|(_, store)| Arc::new(Short(store)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ids_have_no_gaps_and_no_repeats() {
    for store in each().await {
        let ids = together(TASKS, |task| {
            let store = Arc::clone(&store);
            async move {
                let mut ids = Vec::new();
                for round in 0..200 {
                    let topic = format!("T{}", (task + round) % 5);
                    let producer = store.producer(&topic).await;
                    let consumer = store.consumer(&topic).await.consumer;
                    // Usable at once: no registration undoes another.
                    store.append(&topic, producer, Some(0), &["x"]).await.unwrap();
                    store.size(&topic, consumer).await.unwrap();
                    ids.push((producer, consumer));
                }
                ids
            }
        })
        .await
        .concat();
        let expected: Vec<i64> = (0..TASKS * 200).collect();
        let (mut producers, mut consumers): (Vec<_>, Vec<_>) = ids.into_iter().unzip();
        producers.sort_unstable();
        consumers.sort_unstable();
        assert_eq!(producers, expected);
        assert_eq!(consumers, expected);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_size_over_zero_means_that_a_poll_gives_one() {
    for store in each().await {
        let producer = store.producer("A").await;
        let done = Arc::new(AtomicBool::new(false));
        let consumers = together(TASKS, |_| {
            let (store, done) = (Arc::clone(&store), Arc::clone(&done));
            async move {
                let consumer = store.consumer("A").await.consumer;
                let mut seen = 0;
                loop {
                    let last = done.load(Ordering::SeqCst);
                    while store.size("A", consumer).await.unwrap().0 > 0 {
                        assert_eq!(store.take("A", consumer, 1).await.len(), 1);
                        seen += 1;
                    }
                    if last {
                        return seen;
                    }
                    tokio::task::yield_now().await;
                }
            }
        });
        let producing = async {
            for _ in 0..2000 {
                store.append("A", producer, None, &["x"]).await.unwrap();
                tokio::task::yield_now().await;
            }
            done.store(true, Ordering::SeqCst);
        };
        let (seen, ()) = tokio::join!(consumers, producing);
        assert!(seen.iter().all(|&count| count <= 2000));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_topic_made_by_many_at_once_keeps_every_acknowledged_message() {
    for store in each().await {
        for round in 0..100 {
            let topic = format!("T{round}");
            let barrier = Arc::new(tokio::sync::Barrier::new(4));
            let ends = together(4, |task| {
                let (store, topic) = (Arc::clone(&store), topic.clone());
                let barrier = Arc::clone(&barrier);
                async move {
                    barrier.wait().await;
                    if task == 3 {
                        // Either is fine, but it must not replace the topic.
                        let _ = store.0.create_topic(topic.parse().unwrap()).await;
                    }
                    let producer = store.producer(&topic).await;
                    let consumer = store.consumer(&topic).await;
                    store.append(&topic, producer, None, &["x"]).await.unwrap();
                    barrier.wait().await;
                    let (lag, position) = store.size(&topic, consumer.consumer).await.unwrap();
                    lag + position
                }
            })
            .await;
            assert_eq!(ends, [4; 4], "{topic}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn polls_with_one_id_never_get_the_same_message() {
    const COUNT: usize = 4000;
    for store in each().await {
        let producer = store.producer("A").await;
        let consumer = store.consumer("A").await.consumer;
        let taken = Arc::new(AtomicU64::new(0));
        let polling = together(TASKS, |task| {
            let (store, taken) = (Arc::clone(&store), Arc::clone(&taken));
            async move {
                let mut seen = Vec::new();
                while taken.load(Ordering::SeqCst) < 4000 {
                    let max = 1 + usize::try_from(task % 3).unwrap();
                    let messages = store.poll("A", consumer, None, max).await.unwrap();
                    taken.fetch_add(u64::try_from(messages.len()).unwrap(), Ordering::SeqCst);
                    seen.extend(messages.into_iter().map(|message| message.offset));
                    tokio::task::yield_now().await;
                }
                seen
            }
        });
        let producing = async {
            for _ in 0..COUNT / 2 {
                store.append("A", producer, None, &["x", "y"]).await.unwrap();
                tokio::task::yield_now().await;
            }
        };
        let (seen, ()) = tokio::join!(polling, producing);
        let mut seen = seen.concat();
        seen.sort_unstable();
        assert_eq!(seen, (0..4000).collect::<Vec<u64>>());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn first_come_is_first_served() {
    for store in each().await {
        // Every append that begins after the greatest acknowledged offset was seen is past it.
        let acked = Arc::new(AtomicU64::new(0));
        together(TASKS, |_| {
            let (store, acked) = (Arc::clone(&store), Arc::clone(&acked));
            async move {
                let producer = store.producer("A").await;
                for number in 0..1000 {
                    let before = acked.load(Ordering::SeqCst);
                    let offset = store.append("A", producer, Some(number), &["x"]).await.unwrap();
                    assert!(offset >= before, "{offset} was given after {before} was acked");
                    acked.fetch_max(offset + 1, Ordering::SeqCst);
                    tokio::task::yield_now().await;
                }
            }
        })
        .await;
        assert_eq!(acked.load(Ordering::SeqCst), 8000);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_acknowledged_is_readable_by_everybody() {
    for store in each().await {
        together(TASKS, |task| {
            let store = Arc::clone(&store);
            async move {
                let producer = store.producer("A").await;
                let consumer = store.consumer("A").await;
                let mut next = consumer.offset;
                for number in 0..300 {
                    let text = format!("{task}:{number}");
                    let offset = store.append("A", producer, None, &[&text]).await.unwrap();
                    let messages =
                        store.poll("A", consumer.consumer, Some(next), 9999).await.unwrap();
                    let own = messages.iter().find(|message| message.offset == offset);
                    assert_eq!(own.map(|message| message.payload.as_str()), Some(text.as_str()));
                    next = offset + 1;
                }
            }
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_wake_up_is_lost() {
    for store in each().await {
        let producer = store.producer("A").await;
        // Each waits for every single message: one missed wake-up, and the test hangs.
        let waiting = together(TASKS, |_| {
            let store = Arc::clone(&store);
            async move {
                let consumer = store.consumer("A").await.consumer;
                let subscription = Subscription { topic: "A", consumer, epoch: None };
                for offset in 0..2000 {
                    store.0.arrival(subscription, offset).await.unwrap();
                }
            }
        });
        let producing = async {
            for _ in 0..2000 {
                store.append("A", producer, None, &["x"]).await.unwrap();
                tokio::task::yield_now().await;
            }
        };
        tokio::join!(waiting, producing);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn twins_are_appended_once() {
    for store in each().await {
        let producer = store.producer("A").await;
        let consumer = store.consumer("A").await.consumer;
        for number in 0..500 {
            let offsets = together(3, |_| {
                let store = Arc::clone(&store);
                async move { store.append("A", producer, Some(number), &["x"]).await }
            })
            .await;
            assert_eq!(offsets, vec![Ok(number); 3]);
        }
        assert_eq!(store.size("A", consumer).await, Ok((500, 0)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn consumers_see_one_order_while_subscriptions_come_and_go() {
    for store in each().await {
        let producers = together(3, |task| {
            let store = Arc::clone(&store);
            async move {
                let producer = store.producer("A").await;
                for number in 0..1000 {
                    let text = format!("{task}:{number}").repeat(20);
                    store.append("A", producer, Some(number), &[&text]).await.unwrap();
                    tokio::task::yield_now().await;
                }
            }
        });
        store.producer("A").await;
        let consumers = together(6, |task| {
            let store = Arc::clone(&store);
            async move {
                let consumer = store.consumer("A").await;
                let mut seen = Vec::new();
                let mut next = consumer.offset;
                let subscription =
                    Subscription { topic: "A", consumer: consumer.consumer, epoch: None };
                while next < 3000 {
                    store.0.arrival(subscription, next).await.unwrap();
                    let max = usize::try_from(task * 20 + 1).unwrap();
                    let messages =
                        store.poll("A", consumer.consumer, Some(next), max).await.unwrap();
                    let last = messages.last().expect("something has arrived");
                    next = last.offset + 1;
                    seen.extend(messages);
                    let passing = store.consumer("A").await.consumer;
                    store.unsubscribe("A", passing).await.unwrap();
                }
                seen
            }
        });
        let (logs, _) = tokio::join!(consumers, producers);
        for log in &logs {
            let first = log[0].offset;
            assert!(log.iter().map(|message| message.offset).eq(first..3000));
        }
        let shared = logs.iter().map(|log| log[0].offset).max().unwrap();
        let tail = |log: &[broker::store::Message]| {
            log.iter().filter(|message| message.offset >= shared).cloned().collect::<Vec<_>>()
        };
        assert!(logs.iter().all(|log| tail(log) == tail(&logs[0])));
    }
}
