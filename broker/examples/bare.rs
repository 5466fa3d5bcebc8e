//! What the broker is measured against: bare axum handlers that read the same requests and answer
//! bodies of the same size, but keep nothing.
//!
//!     cargo run --release --package broker --example bare -- 127.0.0.1:5001
//!
//! `broker/benches/*.lua` are the requests, for `wrk`.

use std::borrow::Cow;

use axum::Router;
use axum::body::Bytes;
use axum::extract::Json;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

/// One message, parsed as axum's users would.
#[derive(Deserialize)]
struct One {
    topic: String,
    producer_id: i64,
    message: String,
}

/// A batch, parsed as cheaply as serde can.
#[derive(Deserialize)]
struct Batch<'a> {
    #[serde(borrow)]
    topic: Cow<'a, str>,
    producer_id: i64,
    #[serde(borrow)]
    messages: Vec<&'a str>,
}

#[derive(Serialize)]
struct Answer {
    status: &'static str,
    offset: usize,
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:5001".to_owned());
    let routes = Router::new()
        .route("/producer/produce", post(produce))
        .route("/producer/batch", post(batch))
        .route("/consumer/consume", get(consume));
    let listener = TcpListener::bind(address).await?;
    // With port 0 nobody else knows it.
    println!("{}", listener.local_addr()?);
    axum::serve(listener, routes).await
}

async fn produce(Json(one): Json<One>) -> impl IntoResponse {
    let offset = one.topic.len() + one.message.len() + usize::from(one.producer_id > 0);
    Json(Answer { status: "success", offset })
}

async fn batch(body: Bytes) -> impl IntoResponse {
    match serde_json::from_slice::<Batch<'_>>(&body) {
        Ok(batch) => {
            let answer = format!(
                r#"{{"status":"success","offset":{},"count":{}}}"#,
                batch.producer_id,
                batch.topic.len() + batch.messages.len()
            );
            (StatusCode::OK, [(CONTENT_TYPE, "application/json")], answer)
        }
        Err(error) => (StatusCode::BAD_REQUEST, [(CONTENT_TYPE, "text/plain")], error.to_string()),
    }
}

async fn consume() -> impl IntoResponse {
    const ANSWER: &str = r#"{"status":"success","offset":123456,"producer_id":0,"sequence":123456,"message":"0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"}"#;
    ([(CONTENT_TYPE, "application/json")], ANSWER)
}
