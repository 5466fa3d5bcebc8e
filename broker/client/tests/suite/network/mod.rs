//! A network in this process: hands requests to a broker's router, and does to each what a script
//! says.

pub(crate) mod hosts;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, Response};
use broker::store::memory::MemoryStore;
use broker::store::{Epoch, Retain};
use broker_client::transport::{Exchange, Failure, Transport};
use broker_client::{Client, Retry};
use bytes::Bytes;
use tower::ServiceExt;

/// What happens to one request. After the end of the script, everything arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The broker answers, and the answer arrives.
    Arrive,
    /// The connection cannot be opened.
    NotSent,
    /// It is lost on its way, and the connection breaks.
    LoseRequest,
    /// The broker does its work; the answer is lost, and the connection breaks.
    LoseAnswer,
    /// The broker does its work, and the answer never comes: no connection breaks.
    Silence,
    /// The answer comes so late.
    Delay(Duration),
    /// Something between answers this status without asking the broker.
    Intercept(u16),
    /// The body comes so slowly that the broker does not wait for its end.
    TooSlow,
}

/// A network with one broker. Clones are the same network.
#[derive(Clone)]
pub(crate) struct Network(Arc<Mutex<Inside>>);

struct Inside {
    router: Router,
    script: VecDeque<Fate>,
    paths: Vec<String>,
}

impl Network {
    pub(crate) fn new() -> Self {
        let router = memory_broker();
        let script = VecDeque::new();
        Self(Arc::new(Mutex::new(Inside { router, script, paths: Vec::new() })))
    }

    pub(crate) fn client(&self) -> Client {
        Client::over(Arc::new(self.clone()), "http://broker").unwrap()
    }

    /// Sets what happens to the next requests.
    pub(crate) fn script(&self, fates: &[Fate]) {
        self.0.lock().unwrap().script = fates.iter().copied().collect();
    }

    /// Whether everything of the script has happened.
    pub(crate) fn is_script_over(&self) -> bool {
        self.0.lock().unwrap().script.is_empty()
    }

    /// The paths of the requests since the last call, with their queries.
    pub(crate) fn paths(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap().paths)
    }

    /// The broker ends, and another with an empty store takes its place.
    pub(crate) fn restart(&self) {
        self.0.lock().unwrap().router = memory_broker();
    }
}

impl Transport for Network {
    fn send(&self, request: Request<Bytes>) -> Exchange {
        let mut inside = self.0.lock().unwrap();
        inside.paths.push(request.uri().path_and_query().unwrap().to_string());
        let fate = inside.script.pop_front().unwrap_or(Fate::Arrive);
        let router = inside.router.clone();
        Box::pin(async move {
            let answer = ask(router, request);
            match fate {
                Fate::Arrive => Ok(answer.await),
                Fate::NotSent => Err(Failure::NotSent("connection refused".to_owned())),
                Fate::LoseRequest => Err(Failure::Lost("request lost".to_owned())),
                Fate::LoseAnswer => {
                    answer.await;
                    Err(Failure::Lost("answer lost".to_owned()))
                }
                Fate::Silence => {
                    answer.await;
                    std::future::pending().await
                }
                Fate::Delay(late) => {
                    let answer = answer.await;
                    tokio::time::sleep(late).await;
                    Ok(answer)
                }
                Fate::Intercept(status) => Ok(answer_with(status, "go away")),
                Fate::TooSlow => Ok(answer_with(408, TOO_SLOW)),
            }
        })
    }
}

/// Bounds under which a test sees every attempt.
pub(crate) fn patient() -> Retry {
    Retry { attempts: 4, total: Duration::from_secs(120), ..Retry::default() }
}

/// What our broker says to a body that takes longer than it waits.
const TOO_SLOW: &str = r#"{"status":"failure","message":"too slow","code":"request_timeout"}"#;

fn answer_with(status: u16, body: &'static str) -> Response<Bytes> {
    Response::builder().status(status).body(Bytes::from_static(body.as_bytes())).unwrap()
}

async fn ask(router: Router, request: Request<Bytes>) -> Response<Bytes> {
    let answer = router.oneshot(request.map(Body::from)).await.unwrap();
    let (head, body) = answer.into_parts();
    Response::from_parts(head, to_bytes(body, usize::MAX).await.unwrap())
}

fn memory_broker() -> Router {
    let store = MemoryStore::new(Epoch::random(), Retain::All, None);
    broker::router(Arc::new(store), broker::Limits::default(), broker::Signal::default())
}
