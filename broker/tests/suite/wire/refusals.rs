//! Requests that are understood and refused: by which code, and in which order.

use axum::body::Body;
use axum::http::Method;
use broker::Limits;
use broker::store::Retain;
use futures_util::stream;
use serde_json::{Value, json};

use super::{failure, produce, started};
use crate::support::{Wire, memory};

#[tokio::test]
async fn a_sequence_past_the_last_number_is_refused() {
    let wire = Wire::new(Limits::default());
    wire.post("/producer/register", r#"{"topic":"T1"}"#).await;
    // A large batch is rendered before its place is known.
    for size in [1, 70_000] {
        let messages = ["x".repeat(size), "y".to_owned()];
        let body = json!({ "topic": "T1", "producer_id": 0, "messages": messages,
                           "sequence": u64::MAX });
        let (status, refused) = produce(&wire, body).await;
        let message = "sequence: no number is left for what follows it";
        assert_eq!((status, &refused["message"]), (400, &json!(message)));
    }
}

#[tokio::test]
async fn sequences_and_offsets_are_refused_with_what_would_do() {
    let wire = started().await;
    let send = async |sequence: u64| {
        produce(
            &wire,
            json!({ "topic": "T1", "producer_id": 0, "message": "x", "sequence": sequence }),
        )
        .await
    };
    for sequence in 0..3 {
        assert_eq!(send(sequence).await.0, 200);
    }
    let (status, gap) = send(5).await;
    assert_eq!((status, &gap["code"], &gap["expected"]), (400, &json!("sequence_gap"), &json!(3)));
    let (status, old) = send(1).await;
    assert_eq!((status, &old["code"]), (400, &json!("sequence_old")));
    let poll = async |offset: u64| {
        wire.get(&format!("/consumer/consume?topic=T1&consumer_id=0&max=1&offset={offset}")).await
    };
    assert_eq!(poll(2).await.0, 200);
    let (status, passed) = poll(1).await;
    assert_eq!(
        (status, &passed["code"], &passed["position"]),
        (400, &json!("offset_passed"), &json!(2))
    );
    let (status, beyond) = poll(4).await;
    assert_eq!(
        (status, &beyond["code"], &beyond["end"]),
        (400, &json!("offset_beyond"), &json!(3))
    );
}

#[tokio::test]
async fn refusals_come_in_order() {
    let wire = started().await;
    let send = async |topic: &str, id: Value| {
        produce(&wire, json!({ "topic": topic, "producer_id": id, "message": "x" })).await
    };
    let unknown = |text: &str| failure("unknown_producer", text);
    assert_eq!(send("T9", json!(7)).await, unknown("Producer:7 does not exist"));
    assert_eq!(send("T1", json!(-1)).await, unknown("Producer:-1 does not exist"));
    assert_eq!(send("T1", json!("-1")).await, unknown("Producer:-1 does not exist"));
    let topic = send("T9", json!(0)).await;
    assert_eq!(topic, failure("unknown_topic", "Topic:T9 does not exist"));
    let topic = send("T-9", json!(0)).await;
    assert_eq!(topic, failure("unknown_topic", "Topic:T-9 does not exist"));
    let other = send("T2", json!("0")).await;
    assert_eq!(other, failure("not_registered", "Producer:0 is not registered with Topic:T2"));

    for path in ["/consumer/consume", "/size"] {
        let get = async |topic: &str, id: &str| {
            wire.get(&format!("{path}?topic={topic}&consumer_id={id}")).await
        };
        let unknown = |text: &str| failure("unknown_consumer", text);
        assert_eq!(get("T9", "3").await, unknown("Consumer:3 does not exist"));
        assert_eq!(get("T1", "-1").await, unknown("Consumer:-1 does not exist"));
        let topic = get("T%209", "0").await;
        assert_eq!(topic, failure("unknown_topic", "Topic:T 9 does not exist"));
        let other = get("T2", "0").await;
        assert_eq!(other, failure("not_registered", "Consumer:0 is not registered with Topic:T2"));
    }
}

#[tokio::test]
async fn another_epoch_is_refused() {
    let wire = started().await;
    let body = json!({ "topic": "T1", "producer_id": 0, "message": "x", "epoch": "e0" });
    for (status, body) in [
        produce(&wire, body).await,
        wire.get("/size?topic=T1&consumer_id=0&epoch=e0").await,
        wire.get("/consumer/consume?topic=T1&consumer_id=0&epoch=e0").await,
        wire.send(Method::DELETE, "/consumer?topic=T1&consumer_id=0&epoch=e0", "").await,
    ] {
        assert_eq!((status, &body["code"]), (400, &json!("wrong_epoch")));
    }
}

#[tokio::test]
async fn what_is_over_a_limit_is_refused() {
    let wire = started().await;
    let too_large = |message: &str| failure("too_large", message);
    let (fits, over) = ("x".repeat(100), "x".repeat(101));
    let body = json!({ "topic": "T1", "producer_id": 0, "message": fits });
    assert_eq!(produce(&wire, body).await.0, 200);
    let body = json!({ "topic": "T1", "producer_id": 0, "message": over });
    let message = "message: 101 bytes are over the limit of 100 bytes";
    assert_eq!(produce(&wire, body).await, too_large(message));
    let body = json!({ "topic": "T1", "producer_id": 0, "messages": ["x", over] });
    let message = "messages[1]: 101 bytes are over the limit of 100 bytes";
    assert_eq!(produce(&wire, body).await, too_large(message));
    let body = json!({ "topic": "T1", "producer_id": 0, "messages": vec!["x"; 6] });
    let message = "messages: a batch of 6 is over the limit of 5 messages";
    assert_eq!(produce(&wire, body).await, too_large(message));
    // What is past the limit is counted and not kept, whatever it is.
    let body = json!({ "topic": "T1", "producer_id": 0, "messages": ["", "", "", "", "", 5, []] });
    let message = "messages: a batch of 7 is over the limit of 5 messages";
    assert_eq!(produce(&wire, body).await, too_large(message));
    let polled = wire.get("/consumer/consume?topic=T1&consumer_id=0&max=6").await;
    assert_eq!(polled, too_large("max: a batch of 6 is over the limit of 5 messages"));
    let message = "the body is over the limit of 1000 bytes";
    assert_eq!(wire.post("/topics", "x".repeat(1001)).await, too_large(message));
    let chunks = (0..3).map(|_| Ok::<_, std::io::Error>("x".repeat(400)));
    let unsized_body = Body::from_stream(stream::iter(chunks));
    assert_eq!(wire.post("/topics", unsized_body).await, too_large(message));
    let size = wire.get("/size?topic=T1&consumer_id=0").await;
    assert_eq!(size.1["size"], 1, "nothing of a refused batch is appended");
}

#[tokio::test]
async fn a_full_store_refuses_and_consumers_go_on() {
    let wire = Wire::over(memory(Retain::Lag, Some(300)), Limits::default());
    wire.post("/producer/register", r#"{"topic":"T1"}"#).await;
    wire.post("/consumer/register", r#"{"topic":"T1"}"#).await;
    let body = json!({ "topic": "T1", "producer_id": 0, "message": "x".repeat(150) });
    assert_eq!(produce(&wire, body.clone()).await.0, 200);
    let (status, refused) = produce(&wire, body.clone()).await;
    assert_eq!((status, &refused["code"]), (400, &json!("full")));
    assert_eq!(wire.get("/consumer/consume?topic=T1&consumer_id=0").await.0, 200);
    assert_eq!(produce(&wire, body).await.0, 200);
}
