//! Topics: their names, their lists, and what is left of them.

use std::sync::Arc;

use axum::http::Method;
use broker::Limits;
use broker::store::Retain;
use serde_json::json;
use tokio::time::Duration;

use super::{failure, produce, started};
use crate::support::{Wire, memory};

#[tokio::test]
async fn topics_are_created_and_listed() {
    let wire = Wire::new(Limits::default());
    assert_eq!(wire.get("/topics").await, failure("no_topics", "No Topic found"));
    let created = wire.post("/topics", r#"{"topic_name":"T1"}"#).await;
    let message = "Topic:T1 created successfully";
    assert_eq!(created, (200, json!({ "status": "success", "message": message })));
    let again = wire.post("/topics", r#"{"topic_name":"T1"}"#).await;
    assert_eq!(again, failure("topic_exists", "Topic:T1 already exist"));
    wire.post("/topics", r#"{"topic_name":"A.b_3"}"#).await;
    // As some versions of the original client write it.
    for body in [r#"{"topic":"T4"}"#, r#"{"name":"T5"}"#] {
        assert_eq!(wire.post("/topics", body).await.0, 200, "{body}");
    }
    let listed = wire.get("/topics").await;
    let names = ["T1", "A.b_3", "T4", "T5"];
    assert_eq!(listed, (200, json!({ "status": "success", "message": names })));
}

#[tokio::test]
async fn a_topic_is_deleted_by_its_path() {
    let wire = started().await;
    let delete = async |path: &str| wire.send(Method::DELETE, path, "").await;
    let message = "Topic:T1 deleted successfully";
    // Decoded, as a client may encode any letter.
    let deleted = delete("/topics/%541").await;
    assert_eq!(deleted, (200, json!({ "status": "success", "message": message })));
    let unknown = failure("unknown_topic", "Topic:T1 does not exist");
    assert_eq!(delete("/topics/T1").await, unknown);
    let body = json!({ "topic": "T1", "producer_id": 0, "message": "x" });
    let unknown = failure("unknown_producer", "Producer:0 does not exist");
    assert_eq!(produce(&wire, body).await, unknown);
    let unknown = failure("unknown_consumer", "Consumer:0 does not exist");
    assert_eq!(wire.get("/consumer/consume?topic=T1&consumer_id=0").await, unknown);
    let listed = wire.get("/topics").await;
    assert_eq!(listed, (200, json!({ "status": "success", "message": ["T2"] })));
    let none = failure("unknown_topic", "Topic:a+b c does not exist");
    assert_eq!(delete("/topics/a+b%20c").await, none);
    let encoded = failure("bad_request", "path: \"%ff\" is not percent-encoded UTF-8");
    assert_eq!(delete("/topics/%ff").await, encoded);
    assert_eq!(delete("/topics/").await.0, 404);
    assert_eq!(delete("/topics/T2/x").await.0, 404);
    assert_eq!(delete("/topics").await.0, 405);
    assert_eq!(wire.get("/topics/T2").await.0, 405);
}

#[tokio::test]
async fn bad_topic_names_are_refused_with_the_reason() {
    let wire = Wire::new(Limits::default());
    let long = "x".repeat(256);
    for (name, why) in [
        ("T-1", "'-' is not allowed, only letters, digits, '_' and '.'"),
        ("", "it is empty"),
        ("subl", "the name is reserved"),
        ("publ", "the name is reserved"),
        ("é", "'é' is not allowed, only letters, digits, '_' and '.'"),
        (&long, "it has 256 bytes, at most 255 fit"),
    ] {
        let expected =
            failure("bad_topic_name", &format!("Topic:{name} is not a valid name: {why}"));
        let body = json!({ "topic_name": name }).to_string();
        assert_eq!(wire.post("/topics", body).await, expected);
        let body = json!({ "topic": name }).to_string();
        assert_eq!(wire.post("/producer/register", body).await, expected);
    }
    let consumer = wire.post("/consumer/register", r#"{"topic":"T-1"}"#).await;
    assert_eq!(consumer, failure("unknown_topic", "Topic:T-1 does not exist"));
}

#[tokio::test(start_paused = true)]
async fn a_consumer_behind_what_is_deleted_hears_where_messages_are_left() {
    let store = memory(Retain::Age(Duration::from_secs(60)), None);
    let wire = Wire::over(Arc::clone(&store), Limits::default());
    wire.post("/producer/register", r#"{"topic":"T1"}"#).await;
    wire.post("/consumer/register", r#"{"topic":"T1"}"#).await;
    wire.post("/consumer/register", r#"{"topic":"T1"}"#).await;
    let send = async |messages: &[&str]| {
        produce(&wire, json!({ "topic": "T1", "producer_id": 0, "messages": messages })).await
    };
    send(&["a", "b", "c"]).await;
    tokio::time::advance(Duration::from_secs(120)).await;
    store.tidy().await.unwrap();
    send(&["d"]).await;
    let (_, size) = wire.get("/size?topic=T1&consumer_id=0").await;
    assert_eq!(size, json!({ "status": "success", "size": 1, "offset": 0 }));
    let poll = "/consumer/consume?topic=T1&max=9&consumer_id=";
    let deleted = json!({
        "status": "failure",
        "message": "offset 1 is deleted: the first one that is left is 3",
        "code": "offset_deleted",
        "first": 3
    });
    assert_eq!(wire.get(&format!("{poll}0&offset=1")).await, (400, deleted));
    let left = json!([{ "offset": 3, "producer_id": 0, "message": "d" }]);
    for rest in ["0&offset=3", "1"] {
        let (status, body) = wire.get(&format!("{poll}{rest}")).await;
        assert_eq!((status, &body["messages"]), (200, &left), "{rest}");
    }
}
