//! A broker that speaks only the six original routes: ours, behind a filter that drops from
//! requests and answers whatever the original does not have.

use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use broker::store::memory::MemoryStore;
use broker::store::{Epoch, Retain};
use serde_json::Value;
use tokio::net::TcpListener;
use tower::ServiceExt;

/// The routes, with the fields that a request and its answer may have.
const ROUTES: [(&str, &str, &[&str], &[&str]); 7] = [
    ("POST", "/topics", &["topic_name"], &[]),
    ("GET", "/topics", &[], &[]),
    ("POST", "/producer/register", &["topic"], &["producer_id"]),
    ("POST", "/consumer/register", &["topic"], &["consumer_id"]),
    ("POST", "/producer/produce", &["topic", "producer_id", "message"], &[]),
    ("GET", "/consumer/consume", &["topic", "consumer_id"], &[]),
    ("GET", "/size", &["topic", "consumer_id"], &["size"]),
];

/// The broker, its address and what it was asked.
pub(crate) struct Original {
    pub(crate) address: String,
    filter: Arc<Filter>,
}

struct Filter {
    broker: Router,
    /// Every request that had something which the original does not know.
    additions: Mutex<Vec<String>>,
    produced: Mutex<Vec<String>>,
    fail_next: AtomicBool,
}

impl Original {
    /// Starts it.
    pub(crate) async fn start() -> Self {
        let filter = Arc::new(Filter {
            broker: memory_broker(),
            additions: Mutex::default(),
            produced: Mutex::default(),
            fail_next: AtomicBool::new(false),
        });
        let router = Router::new().fallback(relay).with_state(Arc::clone(&filter));
        Self { address: serve(router).await, filter }
    }

    /// The next produce takes effect and answers 500 without an explanation.
    pub(crate) fn fail_next_produce(&self) {
        self.filter.fail_next.store(true, Ordering::SeqCst);
    }

    /// The requests that the original would not have understood whole.
    pub(crate) fn additions(&self) -> Vec<String> {
        self.filter.additions.lock().unwrap().clone()
    }

    /// The bodies of all produce requests, in order.
    pub(crate) fn produced(&self) -> Vec<String> {
        self.filter.produced.lock().unwrap().clone()
    }
}

/// Serves a router on a free port, and gives its address.
pub(crate) async fn serve(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// Serves our broker with all that it has, and gives its address.
pub(crate) async fn serve_ours() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let store = Arc::new(MemoryStore::new(Epoch::random(), Retain::Lag, None));
    tokio::spawn(broker::serve(listener, store, broker::Options::default(), pending()));
    address
}

/// Serves our broker with all that it has as one that takes the name `T-1`: to itself it is `T_1`.
pub(crate) async fn serve_hyphenated() -> String {
    let broker = memory_broker();
    let renamed = move |request: Request| {
        let broker = broker.clone();
        async move {
            let (mut head, body) = request.into_parts();
            let body = to_bytes(body, usize::MAX).await.unwrap();
            let body = String::from_utf8(body.to_vec()).unwrap().replace("T-1", "T_1");
            head.uri = head.uri.to_string().replace("T-1", "T_1").parse().unwrap();
            head.headers.remove("content-length");
            broker.oneshot(Request::from_parts(head, Body::from(body))).await.unwrap()
        }
    };
    serve(Router::new().fallback(renamed)).await
}

pub(super) fn memory_broker() -> Router {
    let store = MemoryStore::new(Epoch::random(), Retain::All, None);
    broker::router(Arc::new(store), broker::Limits::default(), broker::Signal::default())
}

async fn relay(State(filter): State<Arc<Filter>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let path = head.uri.path().to_owned();
    let route = ROUTES.iter().find(|route| head.method == route.0 && path == route.1);
    let Some((_, _, known, answered)) = route else {
        let request = format!("{} {path}", head.method);
        filter.additions.lock().unwrap().push(request);
        return StatusCode::NOT_FOUND.into_response();
    };
    let text = String::from_utf8(body.to_vec()).unwrap();
    if path == "/producer/produce" {
        filter.produced.lock().unwrap().push(text.clone());
    }
    let fields = if head.method == Method::GET {
        let query = head.uri.query().unwrap_or_default();
        query.split('&').filter_map(|pair| pair.split('=').next()).map(str::to_owned).collect()
    } else {
        match serde_json::from_str(&text).unwrap() {
            Value::Object(fields) => fields.keys().cloned().collect::<Vec<_>>(),
            other => panic!("not an object: {other}"),
        }
    };
    if fields.iter().any(|field| !field.is_empty() && !known.contains(&field.as_str())) {
        filter.additions.lock().unwrap().push(format!("{path} {fields:?}"));
    }
    let fails = path == "/producer/produce" && filter.fail_next.swap(false, Ordering::SeqCst);
    let request = Request::from_parts(head, Body::from(text));
    let answer = filter.broker.clone().oneshot(request).await.unwrap();
    if fails {
        return (StatusCode::INTERNAL_SERVER_ERROR, "<h1>Internal Server Error</h1>")
            .into_response();
    }
    strip(answer, answered).await
}

/// Leaves only what the original answers.
pub(super) async fn strip(answer: Response, answered: &[&str]) -> Response {
    let (head, body) = answer.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let mut body: Value = serde_json::from_slice(&body).unwrap();
    let kept = |key: &str| key == "status" || key == "message" || answered.contains(&key);
    body.as_object_mut().unwrap().retain(|key, _| kept(key));
    (head.status, axum::Json(body)).into_response()
}
