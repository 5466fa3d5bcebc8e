//! What a producer may conclude when the network fails, against a real broker behind a network
//! that fails on purpose.

use std::time::Duration;

use broker_client::wire::{Code, TopicName};
use broker_client::{Client, Error, Producer, Progress, Retry, Subscription, TopicProducer};

use crate::network::Fate::{
    Arrive, Delay, Intercept, LoseAnswer, LoseRequest, NotSent, Silence, TooSlow,
};
use crate::network::{Fate, Network, patient};

fn topic() -> TopicName {
    "T1".parse().unwrap()
}

/// A network, a subscription that was there first, and a producer.
async fn start() -> (Network, Subscription, TopicProducer) {
    let network = Network::new();
    let client = network.client();
    client.create_topic("T1").await.unwrap();
    let subscription = Subscription::subscribe(&client, &topic(), &patient()).await.unwrap();
    let producer = TopicProducer::register(&client, &topic(), &patient()).await.unwrap();
    (network, subscription, producer)
}

async fn log(subscription: &mut Subscription) -> Vec<String> {
    let messages = subscription.poll(1000, Duration::ZERO).await.unwrap();
    messages.iter().map(|message| message.payload.to_owned()).collect()
}

/// Sends one message under this script: the outcome, the attempts, and how often it was appended.
async fn check(script: &[Fate]) -> (Result<u64, Error>, u32, usize) {
    let (network, mut subscription, mut producer) = start().await;
    network.script(script);
    let sent = producer.send(&["a"]).await;
    assert!(network.is_script_over(), "{script:?}");
    (sent.outcome, sent.attempts, log(&mut subscription).await.len())
}

#[tokio::test(start_paused = true)]
async fn a_message_is_appended_once_however_often_it_is_tried() {
    assert_eq!(check(&[]).await, (Ok(0), 1, 1));
    assert_eq!(check(&[Delay(Duration::from_secs(9))]).await, (Ok(0), 1, 1));
    assert_eq!(check(&[NotSent]).await, (Ok(0), 2, 1));
    assert_eq!(check(&[LoseRequest]).await, (Ok(0), 2, 1));
    assert_eq!(check(&[LoseAnswer]).await, (Ok(0), 2, 1));
    assert_eq!(check(&[Silence]).await, (Ok(0), 2, 1));
    assert_eq!(check(&[Intercept(500)]).await, (Ok(0), 2, 1));
    assert_eq!(check(&[TooSlow]).await, (Ok(0), 2, 1));
    assert_eq!(check(&[LoseAnswer, Silence, LoseRequest]).await, (Ok(0), 4, 1));
}

#[tokio::test(start_paused = true)]
async fn it_is_refused_only_if_every_attempt_was() {
    let (outcome, attempts, appended) = check(&[NotSent; 4]).await;
    let why = "cannot reach the broker at http://broker: connection refused".to_owned();
    assert_eq!((outcome, attempts, appended), (Err(Error::NotSent(why)), 4, 0));

    let (outcome, attempts, appended) = check(&[Intercept(400)]).await;
    assert!(matches!(outcome, Err(Error::Refused(_))), "{outcome:?}");
    assert_eq!((attempts, appended), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_stays_too_slow_is_refused() {
    let (outcome, attempts, appended) = check(&[TooSlow; 4]).await;
    assert_eq!(outcome.unwrap_err().code(), Some(&Code::RequestTimeout));
    assert_eq!((attempts, appended), (4, 0));
}

#[tokio::test(start_paused = true)]
async fn it_is_unknown_if_any_attempt_was_and_none_was_acked() {
    for (script, appended) in [
        ([LoseRequest; 4], 0),
        ([LoseAnswer; 4], 1),
        ([Silence; 4], 1),
        ([Intercept(503); 4], 0),
        ([NotSent, LoseAnswer, NotSent, NotSent], 1),
        ([NotSent, LoseRequest, NotSent, Intercept(400)], 0),
    ] {
        let (outcome, attempts, found) = check(&script).await;
        assert!(matches!(outcome, Err(Error::Unknown(_))), "{script:?}: {outcome:?}");
        assert_eq!((attempts, found), (4, appended), "{script:?}");
    }
}

/// What a watch is told: a word for each attempt.
fn tell(told: &mut Vec<&'static str>, progress: Progress<'_>) {
    match progress {
        Progress::Began => told.push("acked"),
        Progress::Failed(error) => {
            *told.last_mut().unwrap() = match error {
                Error::Refused(_) => "refused",
                Error::NotSent(_) => "not sent",
                Error::Unknown(_) => "unknown",
            };
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_watch_is_told_what_became_of_each_attempt() {
    for (script, expected) in [
        (&[][..], &["acked"][..]),
        (&[NotSent, LoseAnswer], &["not sent", "unknown", "acked"]),
        (&[LoseRequest, Intercept(400)], &["unknown", "refused"]),
    ] {
        let (network, _, mut producer) = start().await;
        network.script(script);
        let mut told = Vec::new();
        let watch = &mut |progress: Progress<'_>| tell(&mut told, progress);
        let sent = producer.send_watched(&["a"], watch).await;
        assert_eq!((&told[..], sent.attempts as usize), (expected, expected.len()), "{script:?}");
    }
    // A registration is watched in the same way.
    let network = Network::new();
    network.script(&[NotSent, Silence]);
    let (client, mut told) = (network.client(), Vec::new());
    let watch = &mut |progress: Progress<'_>| tell(&mut told, progress);
    let registered = patient().repeat_watched(0, || client.register_producer("T1"), watch).await;
    assert!(registered.is_ok());
    assert_eq!(told, ["not sent", "unknown", "acked"]);
}

#[tokio::test(start_paused = true)]
async fn after_an_unknown_outcome_the_producer_registers_anew_and_counts_from_0() {
    let (network, mut subscription, _) = start().await;
    let producer = Producer::with_retry(&network.client(), patient());
    assert_eq!(producer.send(&topic(), "a").await, Ok(0));
    network.script(&[LoseAnswer; 4]);
    assert!(matches!(producer.send(&topic(), "b").await, Err(Error::Unknown(_))));
    assert_eq!(producer.send(&topic(), "c").await, Ok(2));

    let messages = subscription.poll(10, Duration::ZERO).await.unwrap();
    let seen: Vec<_> = messages.iter().map(|m| (m.producer_id, m.sequence, m.payload)).collect();
    let expected = [(Some(1), Some(0), "a"), (Some(1), Some(1), "b"), (Some(2), Some(0), "c")];
    assert_eq!(seen, expected);
}

#[tokio::test(start_paused = true)]
async fn a_registration_ends_with_an_unknown_outcome_or_a_dropped_send() {
    let (network, mut subscription, mut producer) = start().await;
    network.script(&[LoseAnswer; 4]);
    assert!(producer.send(&["a"]).await.outcome.is_err());
    assert!(producer.is_over());
    let sent = producer.send(&["b"]).await;
    assert!(matches!(sent.outcome, Err(Error::NotSent(_))), "{:?}", sent.outcome);
    assert_eq!(log(&mut subscription).await, ["a"]);

    let mut producer =
        TopicProducer::register(&network.client(), &topic(), &patient()).await.unwrap();
    network.script(&[Silence]);
    let given_up = tokio::time::timeout(Duration::from_secs(1), producer.send(&["c"])).await;
    assert!(given_up.is_err());
    assert!(producer.is_over(), "or the next message would be taken for a repeat of this one");
}

#[tokio::test(start_paused = true)]
async fn a_refused_message_uses_up_no_sequence() {
    let (_network, mut subscription, mut producer) = start().await;
    let long = "x".repeat(2 << 20);
    let sent = producer.send(&["a", &long]).await;
    assert_eq!(sent.outcome.unwrap_err().code(), Some(&Code::TooLarge));
    assert_eq!((producer.next_sequence(), producer.is_over()), (0, false));
    assert!(producer.send(&[]).await.outcome.is_err());
    assert_eq!(producer.send(&["b", "c"]).await.outcome, Ok(0));
    assert_eq!(producer.next_sequence(), 2);
    assert_eq!(log(&mut subscription).await, ["b", "c"]);
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_appended_as_a_whole_and_once() {
    let (network, mut subscription, mut producer) = start().await;
    network.script(&[LoseAnswer]);
    assert_eq!(producer.send(&["a", "b", "c"]).await.outcome, Ok(0));
    assert_eq!(producer.send(&["d"]).await.outcome, Ok(3));
    assert_eq!(log(&mut subscription).await, ["a", "b", "c", "d"]);
}

#[tokio::test(start_paused = true)]
async fn after_a_restart_what_was_refused_is_sent_again_and_what_is_unknown_is_not() {
    let (network, _, _) = start().await;
    let producer = Producer::with_retry(&network.client(), patient());
    producer.send(&topic(), "a").await.unwrap();
    network.restart();
    assert_eq!(producer.send(&topic(), "b").await, Ok(0), "it is in no log, so it may go again");

    network.script(&[LoseRequest]);
    network.restart();
    let outcome = producer.send(&topic(), "c").await;
    assert!(matches!(outcome, Err(Error::Unknown(_))), "the old life may have it: {outcome:?}");
    assert_eq!(producer.send(&topic(), "d").await, Ok(0));
}

#[tokio::test(start_paused = true)]
async fn a_failed_registration_means_that_nothing_was_sent() {
    let network = Network::new();
    let producer = Producer::with_retry(&network.client(), patient());
    network.script(&[LoseAnswer, Silence, LoseRequest, Intercept(500)]);
    let outcome = producer.send(&topic(), "a").await;
    assert!(matches!(outcome, Err(Error::NotSent(_))), "{outcome:?}");
    assert!(network.paths().iter().all(|path| path == "/producer/register"));
    assert_eq!(producer.send(&topic(), "a").await, Ok(0));
}

#[tokio::test(start_paused = true)]
async fn sends_to_one_topic_keep_the_order_of_the_calls_and_other_topics_go_on() {
    let (network, mut subscription, _) = start().await;
    let producer = Producer::with_retry(&network.client(), patient());
    let (one, two) = (topic(), "T2".parse().unwrap());
    producer.send(&one, "0").await.unwrap();
    network.script(&[Delay(Duration::from_secs(5)), Arrive]);
    let (first, second, other) = tokio::join!(
        biased;
        producer.send(&one, "1"),
        producer.send(&one, "2"),
        producer.send(&two, "x"),
    );
    assert_eq!((first, second, other), (Ok(1), Ok(2), Ok(0)));
    assert_eq!(log(&mut subscription).await, ["0", "1", "2"]);
    let order: Vec<_> = network.paths().into_iter().rev().take(4).collect();
    // The newest first: the poll, then `2`, which waited for `1` longer than T2 took for both.
    assert_eq!(order[1..], ["/producer/produce", "/producer/produce", "/producer/register"]);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_tried_again_where_that_is_asked_for() {
    let network = Network::new();
    let client: Client = network.client();
    let mut producer = TopicProducer::register(&client, &topic(), &Retry::never()).await.unwrap();
    network.script(&[LoseAnswer]);
    assert_eq!(producer.send(&["a"]).await.attempts, 1);
}
