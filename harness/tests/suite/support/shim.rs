//! Our broker behind something that can go wrong: answers that never come, messages that are
//! dropped on their way or come twice.

use std::future::pending;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::Uri;
use axum::response::Response;
use broker::store::memory::MemoryStore;
use broker::store::{Epoch, Retain};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tower::ServiceExt;

/// What is wrong with answers to consumes without an offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    Nothing,
    /// A message with this name (`P1#3`) in its tag is taken from the broker and never arrives.
    Drop(&'static str),
    /// The first message with this name comes a second time to who got it.
    Repeat(&'static str),
}

/// Whether a text has a tag with this name, whatever run it is of.
fn has_tag(text: &str, name: &str) -> bool {
    let (producer, line) = name.split_once('#').unwrap();
    let (begins, line) = (format!("\"{producer}"), format!("#{line}:"));
    text.match_indices(&begins).map(|(at, tag)| &text[at + tag.len()..]).any(|rest| {
        rest.starts_with(&line) || rest.get(2..).is_some_and(|rest| rest.starts_with(&line))
    })
}

/// The broker and what is in front of it.
pub(crate) struct Shim {
    pub(crate) address: String,
    inside: Arc<Inside>,
}

struct Inside {
    broker: Router,
    wrong: Wrong,
    /// What is to come again, and to whom.
    again: Mutex<Option<(Uri, Vec<u8>)>>,
    repeated: Mutex<bool>,
    hangs: watch::Sender<bool>,
    /// Every request that hangs.
    hanging: watch::Sender<Vec<String>>,
    asked: Mutex<Vec<String>>,
}

impl Shim {
    pub(crate) async fn start() -> Self {
        Self::wrong(Wrong::Nothing).await
    }

    pub(crate) async fn wrong(wrong: Wrong) -> Self {
        let store = MemoryStore::new(Epoch::random(), Retain::Lag, None);
        let limits = broker::Limits::default();
        let inside = Arc::new(Inside {
            broker: broker::router(Arc::new(store), limits, broker::Signal::default()),
            wrong,
            again: Mutex::default(),
            repeated: Mutex::default(),
            hangs: watch::Sender::default(),
            hanging: watch::Sender::default(),
            asked: Mutex::default(),
        });
        let router = Router::new().fallback(relay).with_state(Arc::clone(&inside));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, inside }
    }

    /// From now on no request is answered.
    pub(crate) fn hang(&self) {
        self.inside.hangs.send_replace(true);
    }

    /// Waits until a request for this path hangs.
    pub(crate) async fn is_asked(&self, path: &str) {
        let mut hanging = self.inside.hanging.subscribe();
        let asked = |all: &Vec<String>| all.iter().any(|request| request.contains(path));
        hanging.wait_for(asked).await.unwrap();
    }

    /// Method and path of every request, in order.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.inside.asked.lock().unwrap().clone()
    }
}

async fn relay(State(inside): State<Arc<Inside>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let name = format!("{} {}", head.method, head.uri);
    inside.asked.lock().unwrap().push(name.clone());
    if *inside.hangs.borrow() {
        inside.hanging.send_modify(|all| all.push(name));
        return pending().await;
    }
    let uri = head.uri.clone();
    let ask = || Request::from_parts(head.clone(), Body::from(body.clone()));
    if uri.path() != "/consumer/consume" || inside.wrong == Wrong::Nothing {
        return inside.broker.clone().oneshot(ask()).await.unwrap();
    }
    if let Some(again) = inside.again.lock().unwrap().take_if(|(whose, _)| *whose == uri) {
        return Response::new(Body::from(again.1));
    }
    loop {
        let answer = inside.broker.clone().oneshot(ask()).await.unwrap();
        let (parts, answer) = answer.into_parts();
        let answer = to_bytes(answer, usize::MAX).await.unwrap();
        let text = String::from_utf8_lossy(&answer);
        match inside.wrong {
            Wrong::Drop(name) if has_tag(&text, name) => continue,
            Wrong::Repeat(name) if has_tag(&text, name) => {
                let mut repeated = inside.repeated.lock().unwrap();
                if !std::mem::replace(&mut *repeated, true) {
                    *inside.again.lock().unwrap() = Some((uri, answer.to_vec()));
                }
            }
            _ => {}
        }
        return Response::from_parts(parts, Body::from(answer));
    }
}
