//! Large bodies of requests that are refused: their clients hear why, and not that the connection broke.

use broker::{Limits, Options};
use broker_client::wire::Code;
use broker_client::{Client, Producer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Duration;

use crate::server::{HEALTH, Running, SOON, ask, patient, rest};

/// More than a connection takes that nobody reads from.
const LARGE: usize = 8 << 20;

fn options() -> Options {
    let patient = patient();
    Options { limits: Limits { body_bytes: 2_100_000, ..patient.limits }, ..patient }
}

fn head(request: &str, more: &str) -> String {
    format!("{request} HTTP/1.1\r\nHost: x\r\nContent-Length: {LARGE}\r\n{more}\r\n")
}

const PRODUCE: &str = "POST /producer/produce";

#[tokio::test]
async fn a_client_of_the_library_hears_why_a_large_batch_is_refused() {
    let running = Running::start(options()).await;
    let client = Client::new(&format!("http://{}", running.address)).unwrap();
    let (producer, topic) = (Producer::new(&client), "A".parse().unwrap());
    assert_eq!(producer.send(&topic, "small").await, Ok(0));
    let message = "x".repeat(1000);
    let batch = vec![message.as_str(); LARGE / 1100];
    let refused = producer.send_batch(&topic, &batch).await.unwrap_err();
    assert_eq!(refused.code(), Some(&Code::TooLarge), "{refused}");
    assert_eq!(producer.send(&topic, "small").await, Ok(1), "and goes on");
    running.stop().await;
}

#[tokio::test]
async fn the_connection_goes_on_after_a_large_body_that_is_refused() {
    let running = Running::with_topic(options()).await;
    let mut stream = running.connect().await;
    for (request, why) in [
        (PRODUCE, "over the limit"),
        ("POST /topics", "over the limit"),
        ("POST /nowhere", "there is no /nowhere here"),
        ("PUT /topics", "PUT is not for /topics"),
        ("POST /audit", "--audit"),
    ] {
        stream.write_all(head(request, "").as_bytes()).await.unwrap();
        stream.write_all(&vec![b'x'; LARGE - 1]).await.unwrap();
        let answer = ask(&mut stream, "x").await;
        assert!(answer.starts_with("HTTP/1.1 40") && answer.contains(why), "{request}: {answer}");
        assert!(ask(&mut stream, HEALTH).await.contains("alive"), "{request}");
    }
    drop(stream);
    running.stop().await;
}

#[tokio::test]
async fn a_body_of_unknown_length_is_read_to_its_end_too() {
    let running = Running::with_topic(options()).await;
    let mut stream = running.connect().await;
    let head = format!("{PRODUCE} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let chunk = format!("100000\r\n{}\r\n", "x".repeat(1 << 20));
    for _ in 0..8 {
        stream.write_all(chunk.as_bytes()).await.unwrap();
    }
    let answer = ask(&mut stream, "0\r\n\r\n").await;
    assert!(answer.contains("over the limit of 2100000 bytes"), "{answer}");
    assert!(ask(&mut stream, HEALTH).await.contains("alive"));
    drop(stream);
    running.stop().await;
}

/// There is an end to what is read for nothing.
#[tokio::test]
async fn a_body_that_is_far_too_large_is_not_read() {
    let running = Running::with_topic(options()).await;
    let mut stream = running.connect().await;
    let head = format!("{PRODUCE} HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let answer = rest(stream).await;
    assert!(answer.contains("over the limit of 2100000 bytes"), "{answer}");
    assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
    running.stop().await;
}

/// It would send all of it for nothing.
#[tokio::test]
async fn a_body_that_is_held_back_is_not_asked_for_to_be_refused() {
    let running = Running::with_topic(options()).await;
    for request in [PRODUCE, "POST /nowhere"] {
        let mut stream = running.connect().await;
        let head = head(request, "Expect: 100-continue\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let answer = rest(stream).await;
        assert!(answer.starts_with("HTTP/1.1 40"), "{request}: {answer}");
        assert!(answer.contains("\r\nconnection: close\r\n"), "{request}: {answer}");
    }
    running.stop().await;
}

#[tokio::test]
async fn a_body_that_is_refused_has_its_time_and_no_more() {
    let mut options = options();
    options.limits.body_read = SOON;
    let running = Running::with_topic(options).await;
    let mut stream = running.connect().await;
    stream.write_all(head(PRODUCE, "").as_bytes()).await.unwrap();
    stream.write_all(&[b'x'; 1000]).await.unwrap();
    let mut answer = String::new();
    let read = stream.read_to_string(&mut answer);
    tokio::time::timeout(Duration::from_secs(60), read).await.expect("it closes").unwrap();
    assert!(answer.contains("over the limit"), "{answer}");
    assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
    running.stop().await;
}
