//! What goes over the wire, on the router without a socket: every row of the table of routes,
//! every code, and the order of refusals.

use std::num::NonZeroUsize;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{Method, Request};
use broker::store::Retain;
use broker::{Limits, Signal, router};
use futures_util::stream;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio::time::{Duration, Instant};
use tower::ServiceExt;

use crate::support::{EPOCH, Wire, memory};

fn failure(code: &str, message: &str) -> (u16, Value) {
    (400, json!({ "status": "failure", "message": message, "code": code }))
}

/// A router with topic T1, producer 0 and consumer 0 on it, and T2 with producer 1.
async fn started() -> Wire {
    let wire = Wire::new(Limits {
        message_bytes: 100,
        body_bytes: 1000,
        batch_messages: 5,
        answer_bytes: NonZeroUsize::new(10_000).unwrap(),
        wait: Duration::from_millis(20),
        ..Limits::default()
    });
    wire.post("/producer/register", r#"{"topic":"T1"}"#).await;
    wire.post("/producer/register", r#"{"topic":"T2"}"#).await;
    wire.post("/consumer/register", r#"{"topic":"T1"}"#).await;
    wire
}

async fn produce(wire: &Wire, body: Value) -> (u16, Value) {
    wire.post("/producer/produce", body.to_string()).await
}

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
async fn a_subscription_ends_on_demand() {
    let wire = started().await;
    let path = "/consumer?topic=T1&consumer_id=0";
    let (status, body) = wire.send(Method::DELETE, path, "").await;
    assert_eq!((status, &body["status"]), (200, &json!("success")));
    let again = wire.send(Method::DELETE, path, "").await;
    assert_eq!(again, failure("unknown_consumer", "Consumer:0 does not exist"));
}

#[tokio::test]
async fn bad_bodies_are_explained() {
    let wire = started().await;
    for (body, message) in [
        ("", "the body is not JSON: EOF while parsing a value at line 1 column 0"),
        ("{", "the body is not JSON: EOF while parsing an object at line 1 column 1"),
        ("[1]", "the body is not a JSON object"),
        (r#"["T1",0,"a",null,null,null]"#, "the body is not a JSON object"),
        ("5", "the body is not a JSON object"),
        ("null", "the body is not a JSON object"),
        ("{}", "missing field `topic` at line 1 column 2"),
        (
            r#"{"topic":5}"#,
            "topic: invalid type: integer `5`, expected a string at line 1 column 10",
        ),
        (r#"{"topic":"T1"}"#, "missing field `producer_id` at line 1 column 14"),
        (
            r#"{"topic":"T1","producer_id":"x1","message":"x"}"#,
            "producer_id: invalid value: string \"x1\", expected a whole number of 64 bits, or its digits in a string at line 1 column 32",
        ),
        (
            r#"{"topic":"T1","producer_id":1.5,"message":"x"}"#,
            "producer_id: invalid type: floating point `1.5`, expected a whole number of 64 bits, or its digits in a string at line 1 column 31",
        ),
        (
            r#"{"topic":"T1","producer_id":9223372036854775808,"message":"x"}"#,
            "producer_id: invalid value: integer `9223372036854775808`, expected a whole number of 64 bits, or its digits in a string at line 1 column 47",
        ),
        (
            r#"{"topic":"T1","producer_id":1.50e00,"message":"x"}"#,
            "producer_id: invalid type: floating point `1.5`, expected a whole number of 64 bits, or its digits in a string at line 1 column 35",
        ),
        (
            r#"{"topic":"T1","producer_id":-0,"message":"x"}"#,
            "producer_id: invalid type: floating point `-0.0`, expected a whole number of 64 bits, or its digits in a string at line 1 column 30",
        ),
        (
            r#"{"topic":"T1","producer_id":0,"message":"x","sequence":18446744073709551616}"#,
            "sequence: invalid type: floating point `1.8446744073709552e+19`, expected u64 at line 1 column 75",
        ),
        (
            r#"{"topic":"T1","producer_id":0,"message":"\ud800"}"#,
            "the body is not JSON: unexpected end of hex escape at line 1 column 48",
        ),
        (r#"{"topic":"T1","producer_id":0}"#, "message: it is missing"),
        (
            r#"{"topic":"T1","producer_id":0,"message":["x"]}"#,
            "message: invalid type: sequence, expected a string at line 1 column 40",
        ),
        (
            r#"{"topic":"T1","producer_id":0,"messages":"x"}"#,
            "messages: invalid type: string \"x\", expected a list of strings at line 1 column 44",
        ),
        (
            r#"{"topic":"T1","producer_id":0,"messages":["x",2]}"#,
            "messages[1]: invalid type: integer `2`, expected a string at line 1 column 47",
        ),
        (
            r#"{"topic":"T1","producer_id":0,"messages":[]}"#,
            "messages: it is empty, at least one is needed",
        ),
        (
            r#"{"topic":"T1","producer_id":0,"message":"x","messages":["x"]}"#,
            "messages: give either message or messages",
        ),
        (
            r#"{"topic":"T1","producer_id":0,"message":"x","sequence":-1}"#,
            "sequence: invalid value: integer `-1`, expected u64 at line 1 column 57",
        ),
        (
            r#"{"topic":"T1","producer_id":0,"message":"x","message":"y"}"#,
            "duplicate field `message` at line 1 column 58",
        ),
    ] {
        let refused = wire.post("/producer/produce", body).await;
        assert_eq!(refused, failure("bad_request", message), "{body}");
    }
    let (status, body) = wire.post("/producer/produce", b"\"\xff\"".to_vec()).await;
    assert_eq!((status, &body["code"]), (400, &json!("bad_request")));
    for path in ["/topics", "/producer/register", "/consumer/register"] {
        let listed = wire.post(path, r#" ["T1"]"#).await;
        assert_eq!(listed, failure("bad_request", "the body is not a JSON object"), "{path}");
    }
    let named = wire.post("/topics", r#"{"title":"T1"}"#).await;
    assert_eq!(named, failure("bad_request", "missing field `topic_name` at line 1 column 14"));
    let named = wire.post("/topics", r#"{"topic":5}"#).await;
    assert_eq!(
        named,
        failure(
            "bad_request",
            "topic: invalid type: integer `5`, expected a string at line 1 column 10"
        )
    );
}

#[tokio::test]
async fn bad_queries_are_explained() {
    let wire = started().await;
    for (query, message) in [
        ("", "topic: it is missing"),
        ("?topic=T1", "consumer_id: it is missing"),
        ("?consumer_id=0", "topic: it is missing"),
        ("?topic=T1&consumer_id=x", "consumer_id: \"x\" was given, a whole number was expected"),
        ("?topic=T1&topic=T1&consumer_id=0", "topic: it is given twice"),
        ("?topic=%zz&consumer_id=0", "query: \"%zz\" is not percent-encoded UTF-8"),
        (
            "?topic=T1&consumer_id=0&offset=-1",
            "offset: \"-1\" was given, a whole number from 0 was expected",
        ),
        (
            "?topic=T1&consumer_id=0&max=18446744073709551616",
            "max: \"18446744073709551616\" was given, a whole number from 0 was expected",
        ),
        (
            "?topic=T1&consumer_id=0&wait_ms=1s",
            "wait_ms: \"1s\" was given, a whole number from 0 was expected",
        ),
    ] {
        let refused = wire.get(&format!("/consumer/consume{query}")).await;
        assert_eq!(refused, failure("bad_request", message), "{query}");
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
async fn a_body_in_parts_is_put_together() {
    let wire = started().await;
    let text = json!({ "topic": "T1", "producer_id": 0, "message": "in parts" }).to_string();
    let parts: Vec<_> =
        text.as_bytes().chunks(7).map(|part| Ok::<_, std::io::Error>(part.to_vec())).collect();
    let sent = wire.post("/producer/produce", Body::from_stream(stream::iter(parts))).await;
    assert_eq!(sent, (200, json!({ "status": "success", "offset": 0 })));
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

#[tokio::test]
async fn unknown_routes_and_methods_come_in_the_same_envelope() {
    let wire = started().await;
    let (status, body) = wire.get("/nix").await;
    assert_eq!(
        (status, &body["code"], &body["status"]),
        (404, &json!("not_found"), &json!("failure"))
    );
    let (status, body) = wire.send(Method::PUT, "/topics", "").await;
    assert_eq!((status, &body["code"]), (405, &json!("method_not_allowed")));
    // It would take a message and have no body to hand it over in.
    let (status, _) = wire.send(Method::HEAD, "/consumer/consume?topic=T1&consumer_id=0", "").await;
    assert_eq!(status, 405);
}

#[tokio::test]
async fn a_body_that_does_not_arrive_times_out() {
    let wire = Wire::new(Limits { body_read: Duration::from_millis(5), ..Limits::default() });
    let never = Body::from_stream(stream::pending::<Result<Vec<u8>, std::io::Error>>());
    let (status, body) = wire.post("/topics", never).await;
    assert_eq!((status, &body["code"]), (400, &json!("request_timeout")));
}

#[tokio::test]
async fn health_is_told() {
    let closing = Signal::default();
    let routes = router(memory(Retain::Lag, None), Limits::default(), closing.clone());
    let get = async |path: &str| {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = routes.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice::<Value>(&bytes).unwrap())
    };
    assert_eq!(get("/healthz").await.0, 200);
    assert_eq!(get("/readyz").await.0, 200);
    closing.raise();
    assert_eq!(get("/healthz").await.0, 200);
    let (status, body) = get("/readyz").await;
    assert_eq!((status, &body["code"]), (500, &json!("unavailable")));
}

#[tokio::test]
async fn a_waiting_poll_is_woken_by_the_append() {
    let wire = Wire::new(Limits::default());
    wire.post("/producer/register", r#"{"topic":"T1"}"#).await;
    wire.post("/consumer/register", r#"{"topic":"T1"}"#).await;
    let paths = ["&max=5", "&max=5&offset=0", ""];
    for (place, path) in (0_u64..).zip(paths) {
        let path = path.replace("offset=0", &format!("offset={place}"));
        let waiting = tokio::spawn({
            let (wire, path) = (wire.clone(), path.clone());
            async move {
                wire.get(&format!("/consumer/consume?topic=T1&consumer_id=0&wait_ms=60000{path}"))
                    .await
            }
        });
        tokio::task::yield_now().await;
        produce(&wire, json!({ "topic": "T1", "producer_id": 0, "message": "x" })).await;
        let (status, body) = waiting.await.unwrap();
        assert_eq!(status, 200);
        let offset = body.get("offset").unwrap_or(&body["messages"][0]["offset"]);
        assert_eq!(offset, &json!(place));
        let next = place + 1;
        wire.get(&format!("/consumer/consume?topic=T1&consumer_id=0&max=0&offset={next}")).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_waiting_poll_gathers_what_follows_and_one_for_a_single_message_does_not() {
    let hour = Duration::from_secs(3600);
    let wire = Wire::new(Limits { wait: 2 * hour, gather: hour, ..Limits::default() });
    wire.post("/producer/register", r#"{"topic":"T1"}"#).await;
    for (max, count) in [(10, 3), (1, 1)] {
        let consumer =
            wire.post("/consumer/register", r#"{"topic":"T1"}"#).await.1["consumer_id"].clone();
        let query = format!("topic=T1&consumer_id={consumer}&max={max}&wait_ms=7200000");
        let path = format!("/consumer/consume?{query}");
        let began = Instant::now();
        let (polled, ()) = tokio::join!(wire.get(&path), async {
            for _ in 0..3 {
                tokio::task::yield_now().await;
                wire.post("/producer/produce", r#"{"topic":"T1","producer_id":0,"message":"x"}"#)
                    .await;
            }
        });
        assert_eq!(polled.1["messages"].as_array().map(Vec::len), Some(count), "max={max}");
        let expected = if max == 1 { Duration::ZERO } else { hour };
        assert_eq!(began.elapsed().as_secs(), expected.as_secs(), "max={max}");
    }
}

#[tokio::test]
async fn an_offset_is_acknowledged_before_the_wait() {
    let wire = Wire::new(Limits::default());
    wire.post("/producer/register", r#"{"topic":"T1"}"#).await;
    wire.post("/consumer/register", r#"{"topic":"T1"}"#).await;
    produce(&wire, json!({ "topic": "T1", "producer_id": 0, "message": "x" })).await;
    let wire = Arc::new(wire);
    let waiting = tokio::spawn({
        let wire = Arc::clone(&wire);
        async move {
            wire.get("/consumer/consume?topic=T1&consumer_id=0&max=5&offset=1&wait_ms=60000").await
        }
    });
    loop {
        let size = wire.get("/size?topic=T1&consumer_id=0").await.1;
        if size["offset"] == 1 {
            break;
        }
        tokio::task::yield_now().await;
    }
    assert!(!waiting.is_finished());
    waiting.abort();
}

#[tokio::test(start_paused = true)]
async fn a_waiting_poll_is_told_at_once_that_its_subscription_ended() {
    for by_route in [true, false] {
        let store = memory(Retain::Lag, None);
        let wire = Wire::over(Arc::clone(&store), Limits::default());
        wire.post("/producer/register", r#"{"topic":"T1"}"#).await;
        wire.post("/consumer/register", r#"{"topic":"T1"}"#).await;
        let waiting = tokio::spawn({
            let wire = wire.clone();
            let path = "/consumer/consume?topic=T1&consumer_id=0&wait_ms=60000";
            async move { wire.get(path).await }
        });
        tokio::task::yield_now().await;
        let before = Instant::now();
        if by_route {
            wire.send(Method::DELETE, "/consumer?topic=T1&consumer_id=0", "").await;
        } else {
            assert_eq!(store.end_idle(Duration::ZERO).await, Ok(1));
        }
        let told = waiting.await.unwrap();
        assert_eq!(told, failure("unknown_consumer", "Consumer:0 does not exist"));
        assert_eq!(before.elapsed(), Duration::ZERO, "of the paused clock");
    }
}

#[tokio::test]
async fn a_refusal_repeats_only_some_of_what_it_was_sent() {
    let wire = started().await;
    let long = "x".repeat(60_000);
    for (status, body) in [
        wire.get(&format!("/{long}")).await,
        wire.get(&format!("/size?topic={long}&consumer_id=0")).await,
        wire.get(&format!("/size?topic=T1&consumer_id={long}")).await,
        wire.get(&format!("/size?topic=T1&consumer_id=0&epoch={long}")).await,
        wire.get(&format!("/size?topic=%zz{long}&consumer_id=0")).await,
        Wire::new(Limits::default()).post("/topics", format!("{{\"topic\":\"{long}\"}}")).await,
    ] {
        assert!([400, 404].contains(&status));
        let message = body["message"].as_str().unwrap();
        assert!(message.len() < 1000 && message.contains("x...x"), "{message}");
    }
    let (_, body) = wire.get(&format!("/size?topic={long}&consumer_id=0")).await;
    let message = body["message"].as_str().unwrap();
    assert!(message.starts_with("Topic:xxx") && message.ends_with("xxx does not exist"));
}

#[tokio::test]
async fn closing_wakes_the_polls_that_wait() {
    let closing = Signal::default();
    let routes = router(memory(Retain::Lag, None), Limits::default(), closing.clone());
    let send = |method: Method, path: &str, body: &'static str| {
        let request = Request::builder().method(method).uri(path);
        routes.clone().oneshot(request.body(Body::from(body)).unwrap())
    };
    send(Method::POST, "/producer/register", r#"{"topic":"T1"}"#).await.unwrap();
    send(Method::POST, "/consumer/register", r#"{"topic":"T1"}"#).await.unwrap();
    let path = "/consumer/consume?topic=T1&consumer_id=0&wait_ms=60000&max=1";
    let waiting = tokio::spawn(send(Method::GET, path, ""));
    tokio::task::yield_now().await;
    closing.raise();
    assert_eq!(waiting.await.unwrap().unwrap().status(), 200);
}

#[tokio::test]
async fn an_audit_reads_the_log_itself_and_moves_nothing() {
    let limits = Limits { batch_messages: 3, ..Limits::default() };
    let wire = Wire::audited(limits);
    wire.post("/producer/register", r#"{"topic":"T1"}"#).await;
    let sent = r#"{"topic":"T1","producer_id":0,"sequence":0,"messages":["a","b","c"]}"#;
    wire.post("/producer/produce", sent).await;
    wire.post("/producer/produce", r#"{"topic":"T1","producer_id":0,"message":"d"}"#).await;
    let answer = |messages: Value| {
        (200, json!({ "status": "success", "epoch": EPOCH, "end": 4, "messages": messages }))
    };
    let message = |offset: u64, text: &str| json!({ "offset": offset, "producer_id": 0, "sequence": offset, "message": text });
    let first = answer(json!([message(0, "a"), message(1, "b"), message(2, "c")]));
    for _ in 0..2 {
        assert_eq!(wire.get("/audit?topic=T1").await, first);
    }
    let last = json!([{ "offset": 3, "producer_id": 0, "message": "d" }]);
    assert_eq!(wire.get("/audit?topic=T1&offset=3&max=2").await, answer(last));
    assert_eq!(wire.get("/audit?topic=T1&offset=4").await, answer(json!([])));
    let missing = failure("unknown_topic", "Topic:T9 does not exist");
    assert_eq!(wire.get("/audit?topic=T9").await, missing);
    let missing = failure("bad_request", "topic: it is missing");
    assert_eq!(wire.get("/audit").await, missing);
    let (status, refused) = wire.get("/audit?topic=T1&max=4").await;
    assert_eq!((status, &refused["code"]), (400, &json!("too_large")));
    let (status, refused) = wire.post("/audit?topic=T1", "").await;
    assert_eq!((status, &refused["code"]), (405, &json!("method_not_allowed")));
}

#[tokio::test]
async fn without_an_audit_there_is_no_such_route() {
    let wire = started().await;
    let (status, refused) = wire.get("/audit?topic=T1").await;
    assert_eq!((status, &refused["code"]), (404, &json!("not_found")));
    let said = "there is no /audit here: a broker has it that is started with --audit";
    assert_eq!(refused["message"], said);
}
