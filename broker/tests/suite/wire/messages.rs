//! What goes in and out where nothing is amiss.

use axum::body::Body;
use axum::http::Method;
use broker::Limits;
use futures_util::stream;
use serde_json::json;

use super::{failure, produce, started};
use crate::support::{EPOCH, Wire};

#[tokio::test]
async fn registrations_answer_ids_epoch_and_offset() {
    let wire = Wire::new(Limits::default());
    let refused = wire.post("/consumer/register", r#"{"topic":"T9"}"#).await;
    assert_eq!(refused, failure("unknown_topic", "Topic:T9 does not exist"));
    for id in 0..2 {
        let registered = wire.post("/producer/register", r#"{"topic":"T1"}"#).await;
        let expected = json!({ "status": "success", "producer_id": id, "epoch": EPOCH });
        assert_eq!(registered, (200, expected));
    }
    produce(&wire, json!({ "topic": "T1", "producer_id": 1, "message": "x" })).await;
    let registered = wire.post("/consumer/register", r#"{"topic":"T1"}"#).await;
    let expected = json!({ "status": "success", "consumer_id": 0, "epoch": EPOCH, "offset": 1 });
    assert_eq!(registered, (200, expected));
}

#[tokio::test]
async fn one_message_goes_in_and_out() {
    let wire = started().await;
    let sent = produce(&wire, json!({ "topic": "T1", "producer_id": 0, "message": "a\"\n" })).await;
    assert_eq!(sent, (200, json!({ "status": "success", "offset": 0 })));
    // The original's clients send the id as text too, and fields that nobody knows are no error.
    let body = json!({ "topic": "T1", "producer_id": "0", "message": "b", "sequence": 0, "x": 1 });
    assert_eq!(produce(&wire, body).await.0, 200);
    let size = wire.get("/size?topic=T1&consumer_id=0").await;
    assert_eq!(size, (200, json!({ "status": "success", "size": 2, "offset": 0 })));
    let first = wire.get("/consumer/consume?topic=T1&consumer_id=0").await;
    let expected =
        json!({ "status": "success", "message": "a\"\n", "offset": 0, "producer_id": 0 });
    assert_eq!(first, (200, expected));
    let second = wire.get("/consumer/consume?consumer_id=0&topic=T1&x=1").await;
    let expected = json!({
        "status": "success", "message": "b", "offset": 1, "producer_id": 0, "sequence": 0
    });
    assert_eq!(second, (200, expected));
    let empty = wire.get("/consumer/consume?topic=T1&consumer_id=0").await;
    assert_eq!(empty, failure("empty", "Empty logs for Comsumer:0 for Topic:T1"));
    let waited = wire.get("/consumer/consume?topic=T1&consumer_id=0&wait_ms=1").await;
    assert_eq!(waited, failure("empty", "Empty logs for Comsumer:0 for Topic:T1"));
}

#[tokio::test]
async fn batches_go_in_and_out() {
    let wire = started().await;
    let body = json!({
        "topic": "T1", "producer_id": 0, "messages": ["a", "b", "c"], "sequence": 0, "epoch": EPOCH
    });
    for _ in 0..2 {
        let sent = produce(&wire, body.clone()).await;
        assert_eq!(sent, (200, json!({ "status": "success", "offset": 0, "count": 3 })));
    }
    let path = "/consumer/consume?topic=T1&consumer_id=0&epoch=e1";
    let message = |offset: u64, text: &str| json!({ "offset": offset, "producer_id": 0, "sequence": offset, "message": text });
    let polled = wire.get(&format!("{path}&max=2&offset=1")).await;
    let messages = [message(1, "b"), message(2, "c")];
    assert_eq!(polled, (200, json!({ "status": "success", "messages": messages })));
    let nothing = json!({ "status": "success", "messages": [] });
    assert_eq!(wire.get(&format!("{path}&max=0&offset=2")).await, (200, nothing.clone()));
    let polled = wire.get(&format!("{path}&max=5")).await;
    assert_eq!(polled, (200, json!({ "status": "success", "messages": [message(2, "c")] })));
    assert_eq!(wire.get(&format!("{path}&max=5")).await, (200, nothing.clone()));
    assert_eq!(wire.get(&format!("{path}&max=5&wait_ms=1")).await, (200, nothing));
}

#[tokio::test]
async fn a_body_in_parts_is_put_together() {
    let wire = started().await;
    let text = json!({ "topic": "T1", "producer_id": 0, "message": "in parts" }).to_string();
    let parts: Vec<_> =
        text.as_bytes().chunks(7).map(|part| Ok::<_, std::io::Error>(part.to_vec())).collect();
    let sent = wire.post("/producer/produce", Body::from_stream(stream::iter(parts))).await;
    assert_eq!(sent, (200, json!({ "status": "success", "offset": 0 })));
}

#[tokio::test]
async fn a_subscription_ends_on_demand() {
    let wire = started().await;
    let path = "/consumer?topic=T1&consumer_id=0";
    let (status, body) = wire.send(Method::DELETE, path, "").await;
    assert_eq!((status, &body["status"]), (200, &json!("success")));
    let again = wire.send(Method::DELETE, path, "").await;
    assert_eq!(again, failure("unknown_consumer", "Consumer:0 does not exist"));
}
