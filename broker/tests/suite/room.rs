//! Large bodies and answers share so many bytes; what finds no room is refused, and nothing is lost.

use std::num::NonZeroUsize;
use std::pin::pin;

use axum::body::Body;
use axum::http::Method;
use axum::response::Response;
use broker::Limits;
use bytes::Bytes;
use futures_util::{FutureExt, stream};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio::time::Duration;

use crate::support::Wire;
use crate::support::load::GENEROUS;

/// Room for one body and one answer of 200 KiB, which is not waited for.
fn narrow_limits() -> Limits {
    Limits {
        message_bytes: 30_000,
        body_bytes: 200 * 1024,
        answer_bytes: NonZeroUsize::new(200 * 1024).unwrap(),
        in_flight_bytes: 0,
        in_flight_wait: Duration::from_millis(1),
        ..Limits::default()
    }
}

/// The same, with topic T1, producer 0 and consumers 0 and 1.
async fn narrow() -> Wire {
    with_clients(Wire::new(narrow_limits())).await
}

async fn with_clients(wire: Wire) -> Wire {
    wire.post("/producer/register", r#"{"topic":"T1"}"#).await;
    for _ in 0..2 {
        wire.post("/consumer/register", r#"{"topic":"T1"}"#).await;
    }
    wire
}

/// A body of so many messages of 10,000 bytes.
fn batch(count: usize) -> String {
    let messages = vec!["x".repeat(10_000); count];
    json!({ "topic": "T1", "producer_id": 0, "messages": messages }).to_string()
}

const POLL: &str = "/consumer/consume?topic=T1&consumer_id=0&max=100";

async fn poll(wire: &Wire, query: &str) -> Response {
    wire.respond(Method::GET, &format!("{POLL}{query}"), "").await
}

/// The bytes of an answer as they wait for a socket, without the body that they came in.
async fn queued(response: Response) -> Bytes {
    response.into_body().frame().await.unwrap().unwrap().into_data().unwrap()
}

fn count(answer: &[u8]) -> usize {
    let answer: Value = serde_json::from_slice(answer).unwrap();
    answer["messages"].as_array().map_or(0, Vec::len)
}

#[tokio::test]
async fn answers_hold_their_room_until_their_bytes_are_gone() {
    let wire = narrow().await;
    assert_eq!(wire.post("/producer/produce", batch(19)).await.0, 200);
    let first = queued(poll(&wire, "&offset=0").await).await;
    let second = queued(poll(&wire, "&offset=0").await).await;
    assert_eq!((count(&first), count(&second)), (19, 19));
    // What a small answer holds needs no room, so nobody waits for those that do not read.
    let third = queued(poll(&wire, "&offset=0").await).await;
    assert_eq!(count(&third), 6);
    let (status, refused) = wire.post("/producer/produce", batch(10)).await;
    assert_eq!((status, &refused["code"]), (500, &json!("unavailable")));
    assert_eq!(wire.post("/producer/produce", batch(5)).await.0, 200, "it is small");
    drop(first);
    assert_eq!(wire.post("/producer/produce", batch(10)).await.1["offset"], 24);
    assert_eq!(count(&queued(poll(&wire, "&offset=0").await).await), 20);
    drop((second, third));
}

/// A message of 20,000 letters, each of which is six in JSON.
fn large() -> String {
    "\u{1}".repeat(20_000)
}

/// Has 19 messages and a large one there, which is the next that consumer 0 gets, and two answers that
/// leave no room for it.
async fn short_of_room(wire: &Wire) -> [Response; 2] {
    assert_eq!(wire.post("/producer/produce", batch(19)).await.0, 200);
    let body = json!({ "topic": "T1", "producer_id": 0, "message": large() });
    assert_eq!(wire.post("/producer/produce", body.to_string()).await.1["offset"], 19);
    let acknowledged = wire.get(&format!("{POLL}&offset=19")).await;
    assert_eq!(acknowledged.1["messages"].as_array().map(Vec::len), Some(1));
    let other = "/consumer/consume?topic=T1&consumer_id=1&max=19&offset=0";
    [wire.respond(Method::GET, other, "").await, wire.respond(Method::GET, other, "").await]
}

#[tokio::test]
async fn a_large_message_is_answered_once_there_is_room() {
    for query in ["", "&offset=19"] {
        let limits = Limits { in_flight_wait: GENEROUS, ..narrow_limits() };
        let wire = with_clients(Wire::new(limits)).await;
        let held = short_of_room(&wire).await;
        let path = format!("{POLL}{query}");
        let mut polling = pin!(wire.get(&path));
        assert_eq!(polling.as_mut().now_or_never(), None, "it waits for room");
        let size = wire.get("/size?topic=T1&consumer_id=0").await.1;
        assert_eq!((&size["size"], &size["offset"]), (&json!(1), &json!(19)), "and is not taken");
        drop(held);
        let (status, taken) = polling.await;
        assert_eq!((status, &taken["messages"][0]["message"]), (200, &json!(large())));
    }
}

#[tokio::test]
async fn a_large_message_that_finds_no_room_is_not_lost() {
    let wire = narrow().await;
    let held = short_of_room(&wire).await;
    let size = json!({ "status": "success", "size": 1, "offset": 19 });
    for query in ["", "&offset=19"] {
        let (status, refused) = wire.get(&format!("{POLL}{query}")).await;
        assert_eq!((status, &refused["code"]), (500, &json!("unavailable")), "{query}");
        assert_eq!(wire.get("/size?topic=T1&consumer_id=0").await, (200, size.clone()));
    }
    drop(held);
    let (_, taken) = wire.get(POLL).await;
    assert_eq!(taken["messages"][0]["message"], large());
    assert_eq!(wire.get("/size?topic=T1&consumer_id=0").await.1["size"], 0);
}

#[tokio::test]
async fn an_audit_takes_room_only_where_its_answer_is_large() {
    let wire = with_clients(Wire::audited(narrow_limits())).await;
    let held = short_of_room(&wire).await;
    let audit = async |offset: usize| {
        let path = format!("/audit?topic=T1&offset={offset}");
        queued(wire.respond(Method::GET, &path, "").await).await
    };
    // As much of it as is small.
    assert_eq!((count(&audit(0).await), count(&audit(18).await)), (6, 1));
    let refused: Value = serde_json::from_slice(&audit(19).await).unwrap();
    assert_eq!(refused["code"], "unavailable");
    let [first, second] = held;
    drop(first);
    // A single one that is large, and what is large together, hold their room.
    let large = audit(19).await;
    assert_eq!(count(&large), 1);
    drop(second);
    let many = audit(0).await;
    assert_eq!(count(&many), 19);
    assert_eq!(wire.post("/producer/produce", batch(12)).await.1["code"], "unavailable");
    drop((large, many));
    assert_eq!(wire.post("/producer/produce", batch(12)).await.1["offset"], 20);
}

#[tokio::test]
async fn a_body_that_does_not_say_how_long_it_is_takes_room_when_it_is_large() {
    let wire = narrow().await;
    let parts = |count| {
        let body = batch(count).into_bytes();
        let parts: Vec<_> =
            body.chunks(1000).map(|part| Ok::<_, std::io::Error>(part.to_vec())).collect();
        Body::from_stream(stream::iter(parts))
    };
    assert_eq!(wire.post("/producer/produce", parts(19)).await.1["offset"], 0);
    let held = [poll(&wire, "&offset=0").await, poll(&wire, "&offset=0").await];
    let (status, refused) = wire.post("/producer/produce", parts(19)).await;
    assert_eq!((status, &refused["code"]), (500, &json!("unavailable")));
    assert_eq!(wire.post("/producer/produce", parts(5)).await.1["offset"], 19);
    drop(held);
    assert_eq!(wire.post("/producer/produce", parts(19)).await.1["offset"], 24);
    let (status, refused) = wire.post("/producer/produce", parts(21)).await;
    assert_eq!((status, &refused["code"]), (400, &json!("too_large")));
}

#[tokio::test]
async fn a_large_body_that_is_wrong_is_explained_as_a_small_one_is() {
    let wire = narrow().await;
    let long = "x".repeat(30_000);
    let fill = format!(r#""a":"{long}","b":"{long}","c":"{long}""#);
    for (field, says) in [
        (r#""messages":["a",5]"#, "messages[1]: invalid type: integer `5`, expected a string"),
        (r#""producer_id":1.5"#, "producer_id: invalid type: floating point `1.5`"),
        (r#""sequence":-1"#, "sequence: invalid value: integer `-1`"),
        (r#""topic":"a","topic":"b""#, "duplicate field `topic`"),
        (r#""message":"#, "the body is not JSON"),
        (r#""producer_id":0"#, "missing field `topic`"),
    ] {
        for body in [format!("{{{field}}}"), format!("{{{fill},{field}}}")] {
            let (status, refused) = wire.post("/producer/produce", body.clone()).await;
            let message = refused["message"].as_str().unwrap();
            assert_eq!((status, &refused["code"]), (400, &json!("bad_request")));
            assert!(message.contains(says), "{} bytes: {message}", body.len());
        }
    }
}

#[tokio::test]
async fn what_names_things_is_never_large() {
    let wire = narrow().await;
    for path in ["/topics", "/producer/register", "/consumer/register"] {
        let body = json!({ "topic": "T2", "other": "x".repeat(64 * 1024) }).to_string();
        let (status, refused) = wire.post(path, body).await;
        assert_eq!((status, &refused["code"]), (400, &json!("too_large")), "{path}");
        let says = "the body is over the limit of 65536 bytes";
        assert_eq!(refused["message"], says);
    }
}

#[tokio::test]
async fn topics_are_listed_some_at_a_time_and_all_only_where_they_fit() {
    let wire = Wire::new(Limits {
        answer_bytes: NonZeroUsize::new(12).unwrap(),
        batch_messages: 3,
        ..Limits::default()
    });
    let mut all = json!({ "status": "success", "message": ["a", "b", "c"] });
    assert_eq!(wire.get("/topics?max=2").await.1["message"], json!([]));
    for name in ["a", "b", "c"] {
        wire.post("/topics", json!({ "topic_name": name }).to_string()).await;
    }
    assert_eq!(wire.get("/topics").await, (200, all.clone()));
    all["next"] = json!(3);
    assert_eq!(wire.get("/topics?max=3").await, (200, all));
    wire.post("/topics", r#"{"topic_name":"d"}"#).await;
    let (status, refused) = wire.get("/topics").await;
    assert_eq!((status, &refused["code"]), (400, &json!("too_large")));
    let says = "ask for some at a time, by /topics?max=1000 and then /topics?from=NEXT&max=1000";
    assert!(refused["message"].as_str().unwrap().contains(says), "{refused}");
    for (query, names) in [
        ("max=1", json!(["a"])),
        ("after=a&max=2", json!(["b", "c"])),
        ("after=a", json!(["b", "c", "d"])),
        ("after=c&max=3", json!(["d"])),
        ("after=d", json!([])),
        ("from=0", json!(["a", "b", "c"])),
        ("from=3&max=1", json!(["d"])),
        ("from=4", json!([])),
    ] {
        assert_eq!(wire.get(&format!("/topics?{query}")).await.1["message"], names, "{query}");
    }
    for (query, code, says) in [
        ("max=4", "too_large", "max: a batch of 4 is over the limit of 3 topics"),
        ("max=0", "bad_request", "max: 0 was given, at least 1 was expected"),
        ("max=x", "bad_request", "max: \"x\" was given, a whole number from 0 was expected"),
        ("after=e", "unknown_topic", "Topic:e does not exist"),
        ("from=a", "bad_request", "from: \"a\" was given, a whole number from 0 was expected"),
        ("from=0&after=a", "bad_request", "from: give either after or from"),
    ] {
        let (status, refused) = wire.get(&format!("/topics?{query}")).await;
        assert_eq!(
            (status, &refused["code"], &refused["message"]),
            (400, &json!(code), &json!(says))
        );
    }
}
