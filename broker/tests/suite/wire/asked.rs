//! What is asked of the broker itself: its health, and an audit of a topic.

use axum::body::Body;
use axum::http::Request;
use broker::store::Retain;
use broker::{Limits, Signal, router};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::{failure, started};
use crate::support::{EPOCH, Wire, memory};

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
