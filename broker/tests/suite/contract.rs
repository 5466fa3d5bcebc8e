//! The contract of a store, as functions over any store, run on every store there is.

mod appending;
mod ending;
mod polling;
mod topics;

use std::sync::Arc;

use broker::store::memory::MemoryStore;
use broker::store::mysql::{MysqlStore, Options};
use broker::store::{Bounded, Epoch, Error, List, Retain, Store};
use futures_util::FutureExt;
use sqlx::{Connection, Executor, MySqlConnection};
use tokio::time::Duration;

use crate::support::{Short, memory, mysql, stores};

/// Runs the parts of the contract, each on a new store of every kind.
macro_rules! contract {
    ($($group:ident { $($name:ident)* })*) => {$($(
        #[tokio::test]
        async fn $name() {
            for (kind, store) in stores().await {
                eprintln!("store: {kind}");
                $group::$name(Short(store)).await;
            }
        }
    )*)*};
}

contract! {
    topics {
        topics_are_listed_in_order_of_creation
        topics_are_listed_some_at_a_time
        a_list_goes_on_whatever_is_deleted
        a_topic_is_created_once
        ids_count_from_zero_over_all_topics
        a_topic_is_deleted_with_all_that_is_in_it
        a_topic_of_a_deleted_name_is_another_one
        deleting_leaves_other_topics_alone
    }
    appending {
        a_batch_gets_consecutive_offsets
        payloads_of_every_kind_come_out_as_they_went_in
        refusals_come_in_order
        another_epoch_is_refused_first
        a_repeat_is_answered_and_not_appended
        a_gap_and_an_old_sequence_are_refused
        sends_without_sequence_leave_the_count_alone
        a_refused_append_changes_nothing
    }
    polling {
        a_subscription_starts_at_the_end
        polls_without_offset_advance
        polls_with_offset_acknowledge_and_stay
        a_poll_stops_at_its_size_but_gives_one
        a_poll_answers_its_position
        a_first_message_without_room_stays
        arrival_looks_at_the_end_and_wakes
        the_log_itself_is_read_whoever_is_subscribed
        a_long_log_is_read_in_any_steps
    }
    ending {
        an_ended_subscription_is_unknown
        arrival_is_over_with_its_subscription
        arrival_is_over_with_its_topic
        idle_subscriptions_end
        idle_producers_end_and_what_they_sent_stays
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
        let refused = Error::TooMany { what: Bounded::Topics, limit: 2 };
        assert_eq!(create("c").await, Err(refused.clone()));
        assert_eq!(register("c").await, Err(refused));
        assert_eq!(create("a").await, Err(Error::TopicExists("a".to_owned())));
        assert_eq!(register("b").await, Ok(1), "no id is used up");
        assert_eq!(store.topics(List::default()).await.unwrap().topics.len(), 2);
    }
}

#[tokio::test]
async fn past_the_most_registrations_memory_takes_no_more_until_some_end() {
    let store = MemoryStore::new(Epoch::new("e"), Retain::Lag, None).with_most_registrations(2);
    let store = Short(Arc::new(store));
    let topic = |name: &str| name.parse().unwrap();
    let refused = |what| Error::TooMany { what, limit: 2 };
    for id in 0..2 {
        assert_eq!(store.0.register_producer(topic("A")).await, Ok(id));
        assert_eq!(store.consumer("A").await.consumer, id);
    }
    let producer = store.0.register_producer(topic("new")).await;
    assert_eq!(producer, Err(refused(Bounded::Producers)));
    assert_eq!(
        store.0.topics(List::default()).await.unwrap().topics,
        [topic("A")],
        "nothing is done"
    );
    let consumer = store.0.register_consumer("A").await;
    assert_eq!(consumer, Err(refused(Bounded::Subscriptions)));
    store.unsubscribe("A", 0).await.unwrap();
    assert_eq!(store.consumer("A").await.consumer, 2, "no id is used up");
    assert_eq!(store.0.end_idle_producers(Duration::ZERO).await, Ok(2));
    assert_eq!(store.producer("A").await, 2);
}

#[tokio::test]
async fn a_broker_remembers_so_many_registrations_and_looks_up_the_others() {
    let Some(url) = mysql() else { return };
    let options = Options { registrations: 2, ..Options::default() };
    let store = MysqlStore::open(&url.parse().unwrap(), &options).await.unwrap();
    let store = Short(Arc::new(store));
    for id in 0..5 {
        assert_eq!(store.producer("A").await, id);
        assert_eq!(store.consumer("A").await.consumer, id);
        assert!(store.append("A", id, Some(0), &["x"]).await.is_ok());
    }
    for sequence in 1..4 {
        store.0.tidy().await.unwrap();
        let observed = store.0.observe().await;
        assert_eq!((observed.producers, observed.subscriptions), (2, 2));
        for id in 0..5 {
            let sent = store.append("A", id, Some(sequence), &["x"]).await;
            let offset = sent.expect("it is no other producer than before");
            assert_eq!(store.append("A", id, Some(sequence), &["x"]).await, Ok(offset));
        }
    }
    // Where idle ones are ended, none is forgotten before it is written down that it has sent.
    let idle = Duration::from_secs(3600);
    assert_eq!(store.0.end_idle_producers(idle).await, Ok(0));
    let mut sql = MySqlConnection::connect(&url).await.unwrap();
    sql.execute("UPDATE producers SET sent = 1").await.unwrap();
    for id in 0..5 {
        assert!(store.append("A", id, Some(4), &["x"]).await.is_ok(), "{id}");
    }
    store.0.tidy().await.unwrap();
    assert_eq!(store.0.end_idle_producers(idle).await, Ok(0));
    store.0.tidy().await.unwrap();
    assert_eq!(store.0.observe().await.producers, 2);
    for consumer in 0..5 {
        // Each came when one more had been sent than before.
        let left = 25 - usize::try_from(consumer).unwrap();
        assert_eq!(store.take("A", consumer, 100).await.len(), left);
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
