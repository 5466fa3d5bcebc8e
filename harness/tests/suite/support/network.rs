//! A rule over the simulated network: what it says happens to each request, on top of the delays
//! that come from the seed.

use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use axum::http::{Request, Response};
use broker_client::transport::{Exchange, Failure, Transport};
use bytes::Bytes;
use harness::driver::Address;
use harness::plan::Plan;
use harness::testbed::Testbed as _;
use harness::testbed::simulated::Simulated;
use serde_json::Value;
use tokio::sync::oneshot;
use tokio::time::sleep;

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
    seed: u64,
    inside: Mutex<Inside>,
    below: OnceLock<Arc<dyn Transport>>,
}

struct Inside {
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
        let inside = Mutex::new(Inside { rule: Box::new(rule), paths: Vec::new() });
        Self { seed, inside, below: OnceLock::new() }
    }

    /// Starts the broker, and answers the address that all actors share.
    pub(crate) fn start(&self, plan: &Plan) -> Vec<Address> {
        let testbed = Simulated::seeded(plan, None, self.seed);
        assert!(self.below.set(testbed.transport()).is_ok(), "a network is for one run");
        testbed.addresses().to_vec()
    }

    /// Method and path of every request so far.
    pub(crate) fn paths(&self) -> Vec<String> {
        self.inside.lock().unwrap().paths.clone()
    }

    fn fate(&self, request: &Request<Bytes>) -> Fate {
        let mut inside = self.inside.lock().unwrap();
        let path = request.uri().path_and_query().unwrap().to_string();
        let body = String::from_utf8(request.body().to_vec()).unwrap();
        let asked = Asked { nth: inside.paths.len(), path: path.clone(), body };
        inside.paths.push(format!("{} {path}", request.method()));
        (inside.rule)(&asked)
    }
}

impl Transport for Network {
    fn send(&self, request: Request<Bytes>) -> Exchange {
        let fate = self.fate(&request);
        let below = Arc::clone(self.below.get().unwrap());
        let (tell, told) = oneshot::channel();
        // A task of its own: a client that gives up does not recall what it sent.
        tokio::spawn(async move {
            let _ = tell.send(carry(&*below, request, fate).await);
        });
        Box::pin(async move { told.await.expect("the exchange ends by telling") })
    }
}

async fn carry(
    below: &dyn Transport,
    request: Request<Bytes>,
    fate: Fate,
) -> Result<Response<Bytes>, Failure> {
    match fate {
        Fate::Arrive => below.send(request).await,
        Fate::Late(late) => {
            sleep(late).await;
            below.send(request).await
        }
        Fate::LoseAnswer => {
            below.send(request).await?;
            Err(Failure::Lost("the answer is lost".to_owned()))
        }
        Fate::Intercept(status) => {
            let body = Bytes::from_static(b"go away");
            Ok(Response::builder().status(status).body(body).unwrap())
        }
        Fate::Without(payload) => Ok(without(&below.send(request).await?, payload)),
    }
}

fn without(answer: &Response<Bytes>, payload: &str) -> Response<Bytes> {
    let mut body: Value = serde_json::from_slice(answer.body()).unwrap();
    if let Some(messages) = body["messages"].as_array_mut() {
        messages.retain(|message| message["message"] != payload);
    }
    Response::builder().status(answer.status()).body(body.to_string().into()).unwrap()
}
