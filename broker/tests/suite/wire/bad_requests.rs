//! What is no request of this wire, and what is said of it.

use axum::body::Body;
use axum::http::Method;
use broker::Limits;
use futures_util::stream;
use serde_json::json;
use tokio::time::Duration;

use super::{failure, started};
use crate::support::Wire;

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
