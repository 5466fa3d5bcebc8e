//! A simulated network in this process: hands each request to the router that the real broker
//! serves, after a delay that comes from a seed, and does to it what the test's rule says. On a
//! runtime with a paused clock a whole run takes no time and comes out the same every time.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http;
use broker::store::Epoch;
use broker::store::memory::{MemoryStore, Retain};
use broker_client::transport::{Exchange, Failure, Transport};
use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::{Rng, SeedableRng};
use reqwest::{Request, Response};
use serde_json::Value;
use tokio::sync::oneshot;
use tokio::time::sleep;
use tower::ServiceExt;

/// The longest way of a request or an answer, in milliseconds; the shortest is 1.
const FARTHEST: u64 = 10;

/// What happens to one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The broker answers, and the answer arrives.
    Arrive,
    /// It arrives so much later.
    Late(Duration),
    /// The broker does its work; the answer is lost, and the connection breaks.
    LoseAnswer,
    /// Something between answers this status without asking the broker.
    Intercept(u16),
    /// The answer comes without the messages of this payload.
    Without(&'static str),
}

/// A request as a rule sees it.
pub(crate) struct Asked {
    /// How many requests were made before it.
    pub(crate) nth: usize,
    /// `/consumer/consume?topic=T1&consumer_id=0`
    pub(crate) path: String,
    pub(crate) body: String,
}

type Rule = dyn FnMut(&Asked) -> Fate + Send;

/// A network with one broker on it.
pub(crate) struct Network {
    router: Router,
    inside: Mutex<Inside>,
}

struct Inside {
    chance: Pcg64Mcg,
    rule: Box<Rule>,
    paths: Vec<String>,
}

impl Network {
    /// A network whose delays come from `seed`, where everything arrives.
    pub(crate) fn new(seed: u64) -> Self {
        Self::with_rule(seed, |_| Fate::Arrive)
    }

    /// The same where `rule` says what happens to each request.
    pub(crate) fn with_rule(seed: u64, rule: impl FnMut(&Asked) -> Fate + Send + 'static) -> Self {
        let store = MemoryStore::new(Epoch::new("life-1"), Retain::Lag, None);
        let limits = broker::Limits::default();
        let router = broker::router(Arc::new(store), limits, broker::Signal::default());
        let chance = Pcg64Mcg::seed_from_u64(seed);
        let inside = Inside { chance, rule: Box::new(rule), paths: Vec::new() };
        Self { router, inside: Mutex::new(inside) }
    }

    /// Method and path of every request so far.
    pub(crate) fn paths(&self) -> Vec<String> {
        self.inside.lock().unwrap().paths.clone()
    }
}

impl Inside {
    fn way(&mut self) -> Duration {
        Duration::from_millis(1 + self.chance.next_u64() % FARTHEST)
    }
}

impl Transport for Network {
    fn send(&self, request: Request) -> Exchange {
        let mut inside = self.inside.lock().unwrap();
        let path = request.url().as_str().trim_start_matches("http://broker").to_owned();
        let body = request.body().and_then(reqwest::Body::as_bytes).unwrap_or_default();
        let body = String::from_utf8(body.to_vec()).unwrap();
        let asked = Asked { nth: inside.paths.len(), path: path.clone(), body };
        inside.paths.push(format!("{} {path}", request.method()));
        let fate = (inside.rule)(&asked);
        let (there, back) = (inside.way(), inside.way());
        drop(inside);
        let router = self.router.clone();
        let (tell, told) = oneshot::channel();
        // A task of its own: a client that gives up does not recall what it sent.
        tokio::spawn(async move {
            sleep(there).await;
            let answer = carry(router, request, fate).await;
            sleep(back).await;
            let _ = tell.send(answer);
        });
        Box::pin(async move { told.await.expect("the exchange ends by telling") })
    }
}

async fn carry(router: Router, request: Request, fate: Fate) -> Result<Response, Failure> {
    match fate {
        Fate::Arrive => Ok(ask(router, request).await),
        Fate::Late(late) => {
            sleep(late).await;
            Ok(ask(router, request).await)
        }
        Fate::LoseAnswer => {
            ask(router, request).await;
            Err(Failure::Lost("the answer is lost".to_owned()))
        }
        Fate::Intercept(status) => {
            let answer = http::Response::builder().status(status).body("go away").unwrap();
            Ok(answer.into())
        }
        Fate::Without(payload) => Ok(without(ask(router, request).await, payload).await),
    }
}

async fn ask(router: Router, request: Request) -> Response {
    let request = http::Request::<reqwest::Body>::try_from(request).unwrap().map(Body::new);
    let (head, body) = router.oneshot(request).await.unwrap().into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    http::Response::from_parts(head, body).into()
}

async fn without(answer: Response, payload: &str) -> Response {
    let status = answer.status();
    let mut body: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    if let Some(messages) = body["messages"].as_array_mut() {
        messages.retain(|message| message["message"] != payload);
    }
    http::Response::builder().status(status).body(body.to_string()).unwrap().into()
}
