//! What a consumer gets when the network fails, against a real broker behind a network that fails
//! on purpose.

use std::time::Duration;

use broker_client::consumer::{Delivery, Options};
use broker_client::wire::{Code, TopicName};
use broker_client::{Client, Consumer, Error, Producer, Retry, Subscription};
use tokio::time::timeout;

use crate::network::Fate::{
    Arrive, Delay, Intercept, LoseAnswer, LoseRequest, NotSent, Silence, TooSlow,
};
use crate::network::{Network, patient};

fn topic(name: &str) -> TopicName {
    name.parse().unwrap()
}

/// A network, and a consumer of these topics that takes one message at a time.
async fn start(topics: &[&str]) -> (Network, Client, Consumer) {
    start_with(topics, patient()).await
}

async fn start_with(topics: &[&str], retry: Retry) -> (Network, Client, Consumer) {
    let network = Network::new();
    let client = network.client();
    let options = Options { max: 1, retry, ..Options::default() };
    let mut consumer = Consumer::with_options(&client, options);
    for name in topics {
        client.create_topic(name).await.unwrap();
        consumer.subscribe(&topic(name)).await.unwrap();
    }
    (network, client, consumer)
}

async fn send(client: &Client, name: &str, payloads: &[&str]) {
    Producer::new(client).send_batch(&topic(name), payloads).await.unwrap();
}

fn show(delivery: &Delivery) -> String {
    let payloads: Vec<_> = delivery.iter().map(|message| message.payload).collect();
    format!("{} {}", delivery.topic, payloads.join(" "))
}

async fn next(consumer: &mut Consumer) -> String {
    show(&consumer.poll().await.unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_loses_nothing_and_repeats_nothing() {
    let (network, client, mut consumer) = start(&["T1"]).await;
    send(&client, "T1", &["a", "b", "c", "d"]).await;
    network.script(&[
        LoseAnswer,
        Arrive,
        Silence,
        LoseRequest,
        NotSent,
        Arrive,
        TooSlow,
        Intercept(500),
    ]);
    let mut seen = Vec::new();
    for _ in 0..4 {
        seen.push(next(&mut consumer).await);
    }
    assert_eq!(seen, ["T1 a", "T1 b", "T1 c", "T1 d"]);
    assert!(network.is_script_over());
    let more = timeout(Duration::from_secs(60), consumer.poll()).await;
    assert!(more.is_err(), "{more:?}");
}

#[tokio::test(start_paused = true)]
async fn a_delivery_says_where_each_message_stands() {
    let (_network, client, mut consumer) = start(&["T1"]).await;
    send(&client, "T1", &["a", "b"]).await;
    for expected in [(0, Some(0), Some(0), "a"), (1, Some(0), Some(1), "b")] {
        let delivery = consumer.poll().await.unwrap();
        let found: Vec<_> =
            delivery.iter().map(|m| (m.offset, m.producer_id, m.sequence, m.payload)).collect();
        assert_eq!((delivery.len(), found), (1, vec![expected]));
    }
}

#[tokio::test(start_paused = true)]
async fn a_poll_that_is_given_up_loses_nothing() {
    let (network, client, mut consumer) = start(&["T1", "T2"]).await;
    let second = Duration::from_secs(1);
    assert!(timeout(second, consumer.poll()).await.is_err());
    send(&client, "T1", &["a", "b"]).await;
    send(&client, "T2", &["c", "d"]).await;
    network.script(&[Delay(3 * second); 8]);
    let (mut seen, mut given_up) = (Vec::new(), 0);
    while seen.len() < 4 {
        match timeout(second, consumer.poll()).await {
            Ok(delivery) => seen.push(show(&delivery.unwrap())),
            Err(_) => given_up += 1,
        }
    }
    assert!(given_up > 0);
    seen.sort();
    assert_eq!(seen, ["T1 a", "T1 b", "T2 c", "T2 d"]);
}

#[tokio::test(start_paused = true)]
async fn topics_take_turns_however_much_one_of_them_has() {
    let (_network, client, mut consumer) = start(&["T1", "T2", "T3"]).await;
    let many: Vec<_> = (0..30).map(|number| number.to_string()).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    send(&client, "T1", &many).await;
    send(&client, "T2", &many[..3]).await;
    send(&client, "T3", &many[..2]).await;
    let mut seen = Vec::new();
    for _ in 0..8 {
        seen.push(next(&mut consumer).await);
    }
    let expected = ["T1 0", "T2 0", "T3 0", "T1 1", "T2 1", "T3 1", "T1 2", "T2 2"];
    assert_eq!(seen, expected);
}

#[tokio::test(start_paused = true)]
async fn a_quiet_topic_is_heard_while_another_waits() {
    let (network, client, mut consumer) = start(&["T1", "T2"]).await;
    let waiting = tokio::spawn(async move { next(&mut consumer).await });
    tokio::time::sleep(Duration::from_secs(5)).await;
    network.paths();
    send(&client, "T2", &["late"]).await;
    assert_eq!(waiting.await.unwrap(), "T2 late");
    let polls = network.paths().iter().filter(|path| path.contains("consume?")).count();
    assert_eq!(polls, 0, "the poll that waited was answered, nobody had to ask again");
}

#[tokio::test(start_paused = true)]
async fn what_was_handed_out_is_acknowledged_by_the_next_poll_and_not_before() {
    let (network, client, mut consumer) = start(&["T1"]).await;
    send(&client, "T1", &["a", "b"]).await;
    next(&mut consumer).await;
    assert_eq!(size(&consumer).await, 2);
    next(&mut consumer).await;
    assert_eq!(size(&consumer).await, 1);
    consumer.acknowledge().await.unwrap();
    assert_eq!(size(&consumer).await, 0);
    network.script(&[LoseAnswer, Silence]);
    consumer.acknowledge().await.unwrap();
    consumer.unsubscribe().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn acknowledging_fails_where_nobody_is_reached() {
    let (network, client, mut consumer) = start(&["T1"]).await;
    send(&client, "T1", &["a", "b"]).await;
    next(&mut consumer).await;
    network.script(&[NotSent; 100]);
    let given_up = timeout(Duration::from_millis(5), consumer.poll()).await;
    assert!(given_up.is_err(), "a request is under way, and has acknowledged nothing");
    let failure = consumer.acknowledge().await.unwrap_err();
    assert!(matches!(failure.error, Error::NotSent(_)), "{failure}");

    network.script(&[]);
    assert_eq!(size(&consumer).await, 2);
    consumer.acknowledge().await.unwrap();
    assert_eq!(size(&consumer).await, 1);
    assert_eq!(next(&mut consumer).await, "T1 b");
}

async fn size(consumer: &Consumer) -> u64 {
    consumer.subscriptions().next().unwrap().size().await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn unsubscribing_ends_every_subscription_whatever_is_lost() {
    let (network, client, mut consumer) = start(&["T1", "T2"]).await;
    let _ = timeout(Duration::from_secs(1), consumer.poll()).await;
    let ids: Vec<_> = consumer.subscriptions().map(|s| (s.topic().clone(), s.id())).collect();
    network.script(&[LoseAnswer, Arrive, LoseRequest]);
    consumer.unsubscribe().await.unwrap();
    for (topic, consumer_id) in ids {
        let topic = topic.as_str();
        let request = broker_client::wire::Subscription { topic, consumer_id, epoch: None };
        let error = client.size(&request).await.unwrap_err();
        assert_eq!(error.code(), Some(&Code::UnknownConsumer), "{topic}");
    }
}

#[tokio::test(start_paused = true)]
async fn subscribing_anew_ends_the_subscription_before() {
    let (network, client, mut consumer) = start(&["T1"]).await;
    send(&client, "T1", &["before"]).await;
    let consumer_id = consumer.subscriptions().next().unwrap().id();
    network.script(&[LoseAnswer]);
    consumer.subscribe(&topic("T1")).await.unwrap();

    let request = broker_client::wire::Subscription { topic: "T1", consumer_id, epoch: None };
    let error = client.size(&request).await.unwrap_err();
    assert_eq!(error.code(), Some(&Code::UnknownConsumer));
    assert_eq!(consumer.subscriptions().count(), 1);
    send(&client, "T1", &["after"]).await;
    assert_eq!(next(&mut consumer).await, "T1 after");
}

#[tokio::test(start_paused = true)]
async fn a_restart_is_told_at_once_and_subscribing_anew_goes_on() {
    let (network, client, mut consumer) = start(&["T1", "T2"]).await;
    network.restart();
    client.create_topic("T1").await.unwrap();
    let failure = consumer.poll().await.unwrap_err();
    assert_eq!(failure.topic, topic("T1"));
    assert_eq!(failure.error.code(), Some(&Code::WrongEpoch));
    let text = failure.to_string();
    assert!(text.starts_with("polling T1: ") && text.ends_with("(wrong_epoch)"), "{text}");

    consumer.subscribe(&topic("T1")).await.unwrap();
    assert_eq!(consumer.subscriptions().count(), 2);
    send(&client, "T1", &["new life"]).await;
    let mut seen = Vec::new();
    for _ in 0..2 {
        seen.push(consumer.poll().await.map_or_else(|e| e.topic.to_string(), |d| show(&d)));
    }
    seen.sort();
    assert_eq!(seen, ["T1 new life", "T2"]);
}

#[tokio::test(start_paused = true)]
async fn a_program_that_takes_its_time_sees_no_failure_and_every_message_once() {
    let (network, client, mut consumer) = start_with(&["T1", "T2"], Retry::default()).await;
    network.script(&[Arrive, LoseAnswer]);
    assert!(timeout(Duration::from_secs(1), consumer.poll()).await.is_err());
    send(&client, "T1", &["a"]).await;
    assert_eq!(next(&mut consumer).await, "T1 a");
    // The program handles it. In the meantime T2's answer is lost, and the next one brings nothing.
    tokio::time::sleep(Duration::from_secs(60)).await;
    send(&client, "T2", &["b"]).await;
    assert_eq!(next(&mut consumer).await, "T2 b");
    send(&client, "T1", &["c"]).await;
    assert_eq!(next(&mut consumer).await, "T1 c");
    let more = timeout(Duration::from_secs(60), consumer.poll()).await;
    assert!(more.is_err(), "{more:?}");
}

#[tokio::test(start_paused = true)]
async fn an_outage_while_the_program_was_elsewhere_is_old_news_once() {
    let (network, client, mut consumer) = start(&["T1", "T2"]).await;
    network.script(&[Arrive, LoseAnswer, Arrive, Arrive, NotSent, NotSent, NotSent]);
    assert!(timeout(Duration::from_secs(1), consumer.poll()).await.is_err());
    send(&client, "T1", &["a"]).await;
    assert_eq!(next(&mut consumer).await, "T1 a");
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(network.is_script_over(), "T2's request has failed for good by now");
    send(&client, "T1", &["b"]).await;
    network.script(&[Arrive, NotSent, NotSent, NotSent, NotSent]);
    assert_eq!(next(&mut consumer).await, "T1 b");

    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(network.is_script_over(), "and once more");
    let shown = timeout(Duration::from_secs(60), consumer.poll()).await;
    let failure = shown.unwrap().unwrap_err();
    assert_eq!(failure.topic, topic("T2"), "two outages in a row are news");
    send(&client, "T2", &["c"]).await;
    assert_eq!(next(&mut consumer).await, "T2 c");
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_lasts_is_shown_and_the_other_topic_goes_on() {
    let (network, client, mut consumer) = start(&["T1", "T2"]).await;
    network.script(&[NotSent, Arrive, NotSent, NotSent, NotSent]);
    let failure = consumer.poll().await.unwrap_err();
    assert_eq!(failure.topic, topic("T1"));
    assert!(matches!(failure.error, Error::NotSent(_)), "{failure}");
    send(&client, "T2", &["x"]).await;
    assert_eq!(next(&mut consumer).await, "T2 x");
}

#[tokio::test(start_paused = true)]
async fn a_subscription_starts_at_the_end_of_the_log() {
    let (_network, client, _) = start(&["T1"]).await;
    send(&client, "T1", &["before"]).await;
    let mut subscription =
        Subscription::subscribe(&client, &topic("T1"), &patient()).await.unwrap();
    assert_eq!((subscription.start(), subscription.position()), (1, 1));
    send(&client, "T1", &["after"]).await;
    let messages = subscription.poll(10, Duration::ZERO).await.unwrap();
    assert_eq!(messages.iter().map(|m| m.payload).collect::<Vec<_>>(), ["after"]);
    assert_eq!((subscription.start(), subscription.position()), (1, 2));
    let nothing = subscription.poll(10, Duration::from_secs(5)).await.unwrap();
    assert!(nothing.is_empty());

    let error = Subscription::subscribe(&client, &topic("T9"), &patient()).await.unwrap_err();
    assert_eq!(error.to_string(), "Topic:T9 does not exist (unknown_topic)");
}

#[tokio::test(start_paused = true)]
async fn after_a_crash_a_late_acknowledgement_of_the_life_before_is_followed() {
    let network = Network::new();
    let client = network.client();
    let name = topic("T1");
    client.create_topic("T1").await.unwrap();
    let mut before = Subscription::subscribe(&client, &name, &patient()).await.unwrap();
    send(&client, "T1", &["a", "b", "c"]).await;
    before.poll(2, Duration::ZERO).await.unwrap();
    let again = |position| {
        let answer = broker_client::wire::ConsumerRegistered {
            status: broker_client::wire::Status::Success,
            consumer_id: before.id(),
            epoch: Some(before.epoch().to_owned()),
            offset: Some(position),
        };
        Subscription::registered(&client, &name, &patient(), answer).unwrap()
    };
    let (mut resumed, mut other) = (again(0).resumed(), again(0));
    // What was on its way when the consumer crashed.
    before.acknowledge().await.unwrap();
    let polled = resumed.poll(9, Duration::ZERO).await.unwrap();
    assert_eq!(polled.iter().map(|message| message.payload).collect::<Vec<_>>(), ["c"]);
    let refused = other.poll(9, Duration::ZERO).await.unwrap_err();
    assert_eq!(refused.code(), Some(&Code::OffsetPassed), "nobody else goes on past it");
}
