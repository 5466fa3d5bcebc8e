//! A client with several addresses: brokers of one store, each of which may fail in its own way.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use broker_client::wire::{self, TopicName};
use broker_client::{Client, Consumer, Error, Producer, Retry, Subscription, TopicProducer};
use tokio::time::{Instant, advance, timeout};

use crate::network::hosts::{Hosts, State, store};
use crate::network::patient;

fn topic() -> TopicName {
    TOPIC.parse().unwrap()
}

/// A topic that prefers its brokers in this order.
const TOPIC: &str = "shop";
const FIRST: &str = "a";
const SECOND: &str = "b";
const THIRD: &str = "c";

async fn log(client: &Client) -> Vec<String> {
    let part = client.audit(TOPIC, 0).await.unwrap();
    part.messages.iter().map(|message| message.payload.to_owned()).collect()
}

#[tokio::test]
async fn every_client_takes_the_same_broker_for_a_topic_and_the_next_where_that_is_dead() {
    let hosts = Hosts::three();
    for (dead, takes) in [(None, FIRST), (Some(FIRST), SECOND), (Some(SECOND), THIRD)] {
        if let Some(host) = dead {
            hosts.set(host, State::Dead);
        }
        for addresses in ["http://a,http://b,http://c", "http://c,http://a,http://b"] {
            let client = hosts.client_of(addresses);
            // Also its first request succeeds.
            client.register_producer(TOPIC).await.unwrap();
            hosts.asked();
            client.register_producer(TOPIC).await.unwrap();
            assert_eq!(hosts.asked(), format!("{takes} 1"));
        }
    }
    hosts.set(THIRD, State::Dead);
    let client = hosts.client();
    let all = "cannot reach the broker at http://a: connection refused; cannot reach the broker at \
               http://b: connection refused; cannot reach the broker at http://c: connection refused";
    for _ in 0..2 {
        let error = client.register_producer(TOPIC).await.unwrap_err();
        assert_eq!(error, Error::NotSent(all.to_owned()));
    }
}

#[tokio::test]
async fn names_decide_where_addresses_differ() {
    let hosts = Hosts::three();
    let names = ["http://c", "http://b", "http://a"];
    let client = hosts.client().with_names(&names);
    client.register_producer(TOPIC).await.unwrap();
    assert_eq!(hosts.asked(), "c 1");
}

/// Sends three messages, the second while the first broker is so, and says who was asked for each.
async fn check(state: State) -> (Vec<String>, Vec<String>) {
    let hosts = Hosts::three();
    let client = hosts.client();
    let mut producer = TopicProducer::register(&client, &topic(), &patient()).await.unwrap();
    hosts.asked();
    let mut asked = Vec::new();
    for (payload, state) in [("1", State::Lives), ("2", state), ("3", state)] {
        hosts.set(FIRST, state);
        let sent = producer.send(&[payload]).await;
        assert!(sent.outcome.is_ok(), "{payload}: {sent:?}");
        asked.push(hosts.asked());
    }
    (asked, log(&hosts.client_of("http://c")).await)
}

#[tokio::test(start_paused = true)]
async fn a_message_is_repeated_at_the_next_broker_under_its_sequence() {
    for state in [State::Dead, State::Stopped, State::NoStore, State::Unsure] {
        let (asked, log) = check(state).await;
        assert_eq!(asked, ["a 1", "a 1 b 1", "b 1"], "{state:?}");
        assert_eq!(log, ["1", "2", "3"], "{state:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_has_no_number_is_not_repeated_where_it_may_have_left() {
    for (state, is_acked) in [(State::Dead, true), (State::Stopped, false), (State::Unsure, false)]
    {
        let hosts = Hosts::three();
        let client = hosts.client();
        let id = client.register_producer(TOPIC).await.unwrap().producer_id;
        hosts.set(FIRST, state);
        let request = wire::Produce {
            topic: TOPIC,
            producer_id: id,
            message: Some("1"),
            messages: None,
            sequence: None,
            epoch: None,
        };
        let produced = client.produce(&request).await;
        assert_eq!(produced.is_ok(), is_acked, "{state:?}: {produced:?}");
        assert_eq!(log(&hosts.client_of("http://c")).await, ["1"], "{state:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_is_the_store_s_moves_nobody() {
    let hosts = Hosts::three();
    let client = hosts.client();
    let error = client.register_consumer(TOPIC).await.unwrap_err();
    assert_eq!(error.code(), Some(&wire::Code::UnknownTopic));
    client.create_topic(TOPIC).await.unwrap();
    assert!(client.create_topic(TOPIC).await.is_err());
    assert_eq!(hosts.asked(), "a 3");
}

#[tokio::test(start_paused = true)]
async fn a_stopped_broker_costs_one_time_out_and_is_asked_beside_the_requests() {
    let hosts = Hosts::three();
    let client = hosts.client();
    let producer = Producer::with_retry(&client, patient());
    producer.send(&topic(), "0").await.unwrap();
    hosts.set(FIRST, State::Stopped);
    let begun = Instant::now();
    for number in 1..1000 {
        producer.send(&topic(), &number.to_string()).await.unwrap();
        advance(Duration::from_millis(20)).await;
    }
    let took = begun.elapsed() - Duration::from_millis(20) * 999;
    assert!(took < Duration::from_secs(11), "{took:?}");
    let asked = hosts.asked_whether_ready(FIRST);
    assert!((4..12).contains(&asked), "asked {asked} times in 20 s");
}

#[tokio::test(start_paused = true)]
async fn clients_return_to_the_broker_that_lives_again() {
    let hosts = Hosts::three();
    let client = hosts.client();
    let producer = Producer::with_retry(&client, patient());
    hosts.set(FIRST, State::Dead);
    producer.send(&topic(), "1").await.unwrap();
    hosts.asked();
    hosts.set(FIRST, State::Lives);
    for number in 0..10 {
        advance(Duration::from_secs(1)).await;
        producer.send(&topic(), &number.to_string()).await.unwrap();
        tokio::task::yield_now().await;
    }
    hosts.asked();
    producer.send(&topic(), "last").await.unwrap();
    assert_eq!(hosts.asked(), "a 1");
}

#[tokio::test(start_paused = true)]
async fn a_consumer_goes_on_at_the_same_position_whatever_becomes_of_its_broker() {
    for state in [State::Dead, State::Stopped, State::NoStore, State::Unsure] {
        let hosts = Hosts::three();
        let client = hosts.client();
        client.create_topic(TOPIC).await.unwrap();
        let mut consumer = Consumer::new(&client);
        consumer.subscribe(&topic()).await.unwrap();
        let producer = Producer::new(&hosts.client_of("http://c"));
        let mut seen = Vec::new();
        for (number, failing) in [(0, None), (1, Some(FIRST)), (2, Some(SECOND)), (3, None)] {
            if let Some(host) = failing {
                hosts.set(host, state);
            }
            producer.send(&topic(), &number.to_string()).await.unwrap();
            while seen.len() <= number {
                let delivery = consumer.poll().await.unwrap();
                seen.extend(delivery.iter().map(|message| message.payload.to_owned()));
            }
        }
        assert_eq!(seen, ["0", "1", "2", "3"], "{state:?}");
        consumer.unsubscribe().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_poll_that_waits_at_a_stopped_broker_moves_on_before_its_time_is_over() {
    let hosts = Hosts::three();
    let client = hosts.client();
    client.create_topic(TOPIC).await.unwrap();
    let mut consumer = Consumer::new(&client);
    consumer.subscribe(&topic()).await.unwrap();
    // The poll is under way.
    assert!(timeout(Duration::from_secs(1), consumer.poll()).await.is_err());
    hosts.set(FIRST, State::Stopped);
    Producer::new(&hosts.client_of("http://c")).send(&topic(), "1").await.unwrap();
    let begun = Instant::now();
    assert_eq!(consumer.poll().await.unwrap().len(), 1);
    assert!(begun.elapsed() < Duration::from_secs(9), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn an_idle_poll_at_a_broker_that_lives_waits_as_long_as_it_was_told_to() {
    let hosts = Hosts::three();
    let client = hosts.client();
    client.create_topic(TOPIC).await.unwrap();
    let mut subscription = Subscription::subscribe(&client, &topic(), &patient()).await.unwrap();
    hosts.asked();
    let begun = Instant::now();
    assert!(subscription.poll(1, Duration::from_secs(20)).await.unwrap().is_empty());
    assert_eq!(begun.elapsed(), Duration::from_secs(20));
    assert_eq!(hosts.asked(), "a 1");
}

#[tokio::test(start_paused = true)]
async fn brokers_of_different_stores_are_told_apart_and_nothing_goes_astray() {
    let hosts = Hosts::default();
    let stores = [store(), store()];
    ["a", "b"].iter().zip(&stores).for_each(|(host, store)| hosts.add(host, store));
    let client = hosts.client_of("http://a,http://b");
    let producer = Producer::with_retry(&client, patient());
    producer.send(&topic(), "1").await.unwrap();
    let mut consumer = Consumer::new(&client);
    consumer.subscribe(&topic()).await.unwrap();
    hosts.set(FIRST, State::Dead);
    let words = "serve different stores";
    let error = producer.send(&topic(), "2").await.unwrap_err();
    assert!(error.is_definite() && error.to_string().contains(words), "{error}");
    let error = consumer.poll().await.unwrap_err();
    assert_eq!(error.error.code(), Some(&wire::Code::WrongEpoch));
    let error = consumer.subscribe(&topic()).await;
    assert!(matches!(&error, Err(why) if why.to_string().contains(words)), "{error:?}");
    assert!(log(&hosts.client_of("http://b")).await.is_empty());
    // The one whose store it is lives again.
    hosts.set(FIRST, State::Lives);
    advance(Duration::from_secs(10)).await;
    while producer.send(&topic(), "3").await.is_err() {
        advance(Duration::from_millis(100)).await;
    }
    assert_eq!(log(&hosts.client_of("http://a")).await, ["1", "3"]);
}

#[tokio::test(start_paused = true)]
async fn a_client_tells_which_broker_it_goes_to() {
    let hosts = Hosts::three();
    let place = Arc::new(AtomicUsize::new(usize::MAX));
    let told = Arc::clone(&place);
    let client = hosts.client().telling(Arc::new(move |to| told.store(to, Ordering::Relaxed)));
    client.register_producer(TOPIC).await.unwrap();
    assert_eq!(place.load(Ordering::Relaxed), 0);
    hosts.set(FIRST, State::Dead);
    client.register_producer(TOPIC).await.unwrap();
    assert_eq!(place.load(Ordering::Relaxed), 1);
}

/// One address is as it always was: no questions beside the requests, and the same words.
#[tokio::test(start_paused = true)]
async fn a_client_of_one_broker_asks_nothing_else() {
    let hosts = Hosts::three();
    let client = hosts.client_of("http://a");
    hosts.set("a", State::Dead);
    let retry = Retry { attempts: 3, ..patient() };
    let error = TopicProducer::register(&client, &topic(), &retry).await.unwrap_err();
    let why = "cannot reach the broker at http://a: connection refused".to_owned();
    assert_eq!(error, Error::NotSent(why));
    advance(Duration::from_secs(60)).await;
    hosts.set("a", State::Lives);
    TopicProducer::register(&client, &topic(), &retry).await.unwrap();
    assert_eq!(hosts.asked_whether_ready("a"), 0);
}
