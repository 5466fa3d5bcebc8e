//! Polls that wait.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Method, Request};
use broker::store::Retain;
use broker::{Limits, Signal, router};
use serde_json::json;
use tokio::time::{Duration, Instant};
use tower::ServiceExt;

use super::{failure, produce};
use crate::support::{Wire, memory};

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
