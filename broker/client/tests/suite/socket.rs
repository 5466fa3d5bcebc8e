//! The client over real sockets, against a real broker and against nobody.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use broker::store::memory::MemoryStore;
use broker::store::{Epoch, Retain};
use broker_client::consumer::PollError;
use broker_client::wire::{Code, TopicName};
use broker_client::{Client, Consumer, Error, Producer, Retry, Subscription, TopicProducer};
use tokio::net::{TcpListener, TcpStream};

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    (listener, address)
}

async fn start() -> Client {
    start_with(broker::Options::default()).await
}

async fn start_with(options: broker::Options) -> Client {
    start_retaining(Retain::All, options).await
}

async fn start_retaining(retain: Retain, options: broker::Options) -> Client {
    let (listener, address) = listen().await;
    let store = Arc::new(MemoryStore::new(Epoch::random(), retain, None));
    tokio::spawn(broker::serve(listener, store, options, pending()));
    Client::new(&address).unwrap()
}

/// The next connection, once the beginning of a request has come over it.
async fn asked(listener: &TcpListener) -> TcpStream {
    let (mut socket, _) = listener.accept().await.unwrap();
    let mut head = [0; 16];
    tokio::io::AsyncReadExt::read_exact(&mut socket, &mut head).await.unwrap();
    socket
}

fn topic() -> TopicName {
    "T1".parse().unwrap()
}

#[tokio::test]
async fn topics_are_created_and_listed_in_their_order() {
    let client = start().await;
    assert_eq!(client.topics().await, Ok(vec![]));
    client.create_topic("b").await.unwrap();
    client.create_topic("a").await.unwrap();
    assert_eq!(client.topics().await, Ok(vec!["b".to_owned(), "a".to_owned()]));
    let error = client.create_topic("a").await.unwrap_err();
    assert_eq!(error.to_string(), "Topic:a already exist (topic_exists)");
}

#[tokio::test]
async fn a_topic_that_is_deleted_is_unknown_and_made_anew_by_who_sends() {
    let client = start().await;
    let (producer, mut consumer) = (Producer::new(&client), Consumer::new(&client));
    let unknown = client.delete_topic("T1").await.unwrap_err();
    assert_eq!(unknown.to_string(), "Topic:T1 does not exist (unknown_topic)");
    assert_eq!(producer.send(&topic(), "old").await, Ok(0));
    consumer.subscribe(&topic()).await.unwrap();
    assert_eq!(producer.send(&topic(), "older").await, Ok(1));
    client.delete_topic("T1").await.unwrap();
    assert_eq!(client.topics().await, Ok(vec![]));
    let over = consumer.poll().await.unwrap_err();
    assert_eq!(over.error.code(), Some(&Code::UnknownConsumer), "{over}");
    assert_eq!(over.deleted, None);
    assert_eq!(producer.send(&topic(), "new").await, Ok(0), "registered anew");
    consumer.subscribe(&topic()).await.unwrap();
    producer.send(&topic(), "newer").await.unwrap();
    let delivery = consumer.poll().await.unwrap();
    assert_eq!(delivery.iter().map(|got| got.payload).collect::<Vec<_>>(), ["newer"]);
    // Whatever is in the name, the path stays one of a topic.
    let strange = client.delete_topic("a/../b c?d#e%f").await.unwrap_err();
    let text = "Topic:a/../b c?d#e%f does not exist (unknown_topic)";
    assert_eq!(strange.to_string(), text);
    for dots in [".", ".."] {
        client.create_topic(dots).await.unwrap();
        client.delete_topic(dots).await.unwrap();
    }
    assert_eq!(client.topics().await, Ok(vec!["T1".to_owned()]));
}

#[tokio::test]
async fn messages_that_retention_deleted_are_reported_once_and_the_consumer_goes_on() {
    let client = start_retaining(Retain::Size(3000), broker::Options::default()).await;
    client.create_topic("T1").await.unwrap();
    let mut consumer = Consumer::new(&client);
    consumer.subscribe(&topic()).await.unwrap();
    let mut alone = Subscription::subscribe(&client, &topic(), &Retry::default()).await.unwrap();
    let producer = Producer::new(&client);
    for number in 0..100 {
        producer.send(&topic(), &format!("{number:0200}")).await.unwrap();
    }
    let PollError { error, deleted, .. } = consumer.poll().await.unwrap_err();
    let deleted = deleted.expect("it says which");
    assert_eq!((deleted.start, error.deleted_before()), (0, Some(deleted.end)));
    assert!((85..99).contains(&deleted.end), "{deleted:?}");
    let delivery = consumer.poll().await.unwrap();
    assert_eq!(delivery.iter().next().unwrap().offset, deleted.end);
    assert_eq!(delivery.iter().last().unwrap().offset, 99);
    assert_eq!(alone.size().await, Ok(100 - deleted.end));
    let error = alone.poll(1000, Duration::ZERO).await.unwrap_err();
    assert_eq!((error.deleted_before(), alone.position()), (Some(deleted.end), deleted.end));
    let left = alone.poll(1000, Duration::ZERO).await.unwrap();
    assert_eq!(left.len() as u64, 100 - deleted.end);
}

#[tokio::test]
async fn topics_that_do_not_fit_one_answer_are_listed_in_parts() {
    let limits = broker::Limits {
        answer_bytes: std::num::NonZeroUsize::new(20).unwrap(),
        ..broker::Limits::default()
    };
    let client = start_with(broker::Options { limits, ..broker::Options::default() }).await;
    let names: Vec<String> = (0..12).map(|number| format!("T{number}")).collect();
    for name in &names {
        client.create_topic(name).await.unwrap();
    }
    assert_eq!(client.topics().await, Ok(names));
}

#[tokio::test]
async fn every_payload_arrives_as_it_was_sent() {
    let client = start().await;
    let retry = Retry::never();
    let mut producer = TopicProducer::register(&client, &topic(), &retry).await.unwrap();
    let mut subscription = Subscription::subscribe(&client, &topic(), &retry).await.unwrap();
    let large = "L".repeat(1_000_000);
    let sent = ["", "INFO", "a\"b\\c\n\r\t\u{0}\u{7f}", "ü😀 \u{2028}", "{\"x\":[1]}", &large];
    for batch in [&sent[..1], &sent[1..2], &sent[2..]] {
        assert!(producer.send(batch).await.outcome.is_ok());
    }
    let messages = subscription.poll(100, Duration::from_secs(5)).await.unwrap();
    let seen: Vec<_> = messages.iter().map(|message| message.payload).collect();
    assert!(seen == sent, "{} messages", seen.len());
    let numbers: Vec<_> = messages.iter().map(|m| (m.offset, m.sequence)).collect();
    let expected: Vec<_> = (0..6).map(|number| (Some(number), Some(number))).collect();
    assert_eq!(numbers, expected);
    assert_eq!(messages.iter().next().unwrap().producer_id, Some(producer.id()));
}

#[tokio::test]
async fn an_audited_log_is_read_part_by_part_and_without_an_audit_there_is_none() {
    let options = broker::Options { audit: true, ..broker::Options::default() };
    let client = start_with(options).await;
    let mut producer = TopicProducer::register(&client, &topic(), &Retry::never()).await.unwrap();
    assert!(producer.send(&["a", "\"b\"\n", "c"]).await.outcome.is_ok());
    let part = client.audit("T1", 1).await.unwrap();
    assert_eq!((part.epoch.as_str(), part.end), (producer.epoch(), 3));
    let seen: Vec<_> =
        part.messages.iter().map(|m| (m.offset, m.producer_id, m.sequence, m.payload)).collect();
    let id = Some(producer.id());
    assert_eq!(seen, [(Some(1), id, Some(1), "\"b\"\n"), (Some(2), id, Some(2), "c")]);
    assert!(client.audit("T1", 3).await.unwrap().messages.is_empty());

    let error = start().await.audit("T1", 0).await.unwrap_err();
    assert_eq!(error.code(), Some(&Code::NotFound));
}

#[tokio::test]
async fn a_long_poll_is_woken_by_the_message() {
    let client = start().await;
    let retry = Retry::never();
    let mut producer = TopicProducer::register(&client, &topic(), &retry).await.unwrap();
    let mut subscription = Subscription::subscribe(&client, &topic(), &retry).await.unwrap();
    let (messages, sent) = tokio::join!(
        biased;
        subscription.poll(1, Duration::from_secs(60)),
        producer.send(&["a"]),
    );
    assert_eq!((messages.unwrap().len(), sent.outcome), (1, Ok(0)));
}

#[tokio::test]
async fn nobody_listening_is_known_not_to_have_been_sent() {
    let (listener, address) = listen().await;
    drop(listener);
    let client = Client::new(&address).unwrap();
    let error = client.create_topic("T1").await.unwrap_err();
    let why = format!("cannot reach the broker at {address}: connection refused");
    assert_eq!(error, Error::NotSent(why));
}

#[tokio::test]
async fn a_connection_that_closes_without_an_answer_leaves_the_outcome_unknown() {
    let (listener, address) = listen().await;
    let closing = async {
        asked(&listener).await;
    };
    let client = Client::new(&address).unwrap();
    let (result, ()) = tokio::join!(client.create_topic("T1"), closing);
    assert!(matches!(result, Err(Error::Unknown(_))), "{result:?}");
}

#[tokio::test]
async fn a_silent_broker_and_a_body_that_stops_run_into_the_time_out() {
    for beginning in ["", "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"status\""] {
        let (listener, address) = listen().await;
        let silent = async {
            let mut socket = asked(&listener).await;
            tokio::io::AsyncWriteExt::write_all(&mut socket, beginning.as_bytes()).await.unwrap();
            pending::<()>().await;
        };
        let client = Client::new(&address).unwrap().with_timeout(Duration::from_millis(50));
        let result = tokio::select! {
            biased;
            () = silent => unreachable!("it never answers"),
            result = client.topics() => result,
        };
        let why = format!("no answer from {address} within 50ms");
        assert_eq!(result, Err(Error::Unknown(why)));
    }
}
