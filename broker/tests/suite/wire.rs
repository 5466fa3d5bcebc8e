//! What goes over the wire, on the router without a socket: every row of the table of routes,
//! every code, and the order of refusals.

mod asked;
mod bad_requests;
mod messages;
mod refusals;
mod topics;
mod waiting;

use std::num::NonZeroUsize;
use std::time::Duration;

use broker::Limits;
use serde_json::{Value, json};

use crate::support::Wire;

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
