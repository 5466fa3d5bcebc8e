//! How long reading a poll's answer takes, a message: the client, from the answer's bytes to its
//! messages, beside serde for a copy of the same bytes, in turn.

#![expect(clippy::unwrap_used, reason = "a bench may panic")]

use std::sync::Arc;

use broker_client::Client;
use broker_client::transport::{Exchange, Transport};
use broker_client::wire::{Batch, Consume, Delivered, Status};
use bytes::Bytes;
use http::{Request, Response};
use tokio::time::{Duration, Instant};

const BATCH: u64 = 500;
const POLLS: u32 = 400;
const ROUNDS: usize = 9;

/// A transport that has the answer already.
struct Fixed(Bytes);

impl Transport for Fixed {
    fn send(&self, _: Request<Bytes>) -> Exchange {
        // A copy, because an answer that came over a socket is the reader's alone.
        let body = Bytes::from(self.0.to_vec());
        Box::pin(async { Ok(Response::new(body)) })
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    println!("payload   client    serde   ratio   (ns a message, batches of {BATCH})");
    for size in [4, 16, 100, 1000] {
        let body = Bytes::from(serde_json::to_vec(&batch(&"x".repeat(size))).unwrap());
        let client = Client::over(Arc::new(Fixed(body.clone())), "http://nobody").unwrap();
        let (mut ours, mut serde) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let start = Instant::now();
            for _ in 0..POLLS {
                read(&client).await;
            }
            ours.push(start.elapsed());
            let start = Instant::now();
            for _ in 0..POLLS {
                let copy = body.to_vec();
                let batch: Batch<'_> = serde_json::from_slice(&copy).unwrap();
                std::hint::black_box(batch);
            }
            serde.push(start.elapsed());
        }
        let (ours, serde) = (median(ours), median(serde));
        println!("{size:7} {ours:8.1} {serde:8.1} {:7.2}", serde / ours);
    }
}

async fn read(client: &Client) {
    let request = Consume {
        topic: "T1",
        consumer_id: 3,
        epoch: Some("0123456789abcdef"),
        offset: Some(1_000_000),
        max: Some(BATCH),
        wait_ms: Some(1000),
    };
    let messages = client.consume(&request).await.unwrap();
    let bytes: usize = messages.iter().map(|message| message.payload.len()).sum();
    std::hint::black_box(bytes);
}

fn batch(payload: &str) -> Batch<'_> {
    let messages = (0..BATCH).map(|number| Delivered {
        offset: Some(1_000_000 + number),
        producer_id: Some(17),
        sequence: Some(50_000 + number),
        message: payload.into(),
    });
    Batch { status: Status::Success, messages: messages.collect() }
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn median(mut rounds: Vec<Duration>) -> f64 {
    rounds.sort();
    rounds[ROUNDS / 2].as_nanos() as f64 / f64::from(POLLS) / BATCH as f64
}
