//! Our broker behind a filter in which something is forgotten: the subscription of the consumer with
//! id 0, the topic, the life of the store, or who sent a message.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use tower::ServiceExt;

use super::original::{memory_broker, serve, strip};

/// What is forgotten, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Forgets {
    /// The subscription, when its first message was handed out.
    Subscription,
    /// The subscription, when it is asked where it stands.
    Resumed,
    /// Everything at once, when the first message was handed out: a new life of the store.
    Life,
    /// Who sent a message: always.
    Senders,
    /// The same for the first message that contains this alone.
    SenderOf(&'static str),
    /// Where the answer before ended: the offsets of each begin with 0.
    Offsets,
}

struct Filter {
    broker: Mutex<Router>,
    forgets: Forgets,
    /// Whether answers have only what the original answers.
    strips: bool,
    has_forgotten: AtomicBool,
}

/// Serves it on a free port, and gives its address.
pub(crate) async fn start(forgets: Forgets, strips: bool) -> String {
    let (broker, has_forgotten) = (Mutex::new(memory_broker()), AtomicBool::new(false));
    let filter = Arc::new(Filter { broker, forgets, strips, has_forgotten });
    serve(Router::new().fallback(relay).with_state(filter)).await
}

async fn relay(State(filter): State<Arc<Filter>>, request: Request) -> Response {
    let uri = request.uri().clone();
    let is_first_consumers = uri.query().is_some_and(|query| query.contains("consumer_id=0"));
    if filter.forgets == Forgets::Resumed && uri.path() == "/size" && is_first_consumers {
        filter.forget(uri.query().unwrap()).await;
    }
    let answer = filter.ask(request).await;
    if uri.path() != "/consumer/consume" || !answer.status().is_success() {
        return if filter.strips {
            strip(answer, &["producer_id", "consumer_id"]).await
        } else {
            answer
        };
    }
    let body = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
    let mut body: Value = serde_json::from_slice(&body).unwrap();
    let batch = body["messages"].as_array().map(Vec::len);
    match filter.forgets {
        Forgets::Subscription if is_first_consumers && batch != Some(0) => {
            filter.forget(uri.query().unwrap()).await;
        }
        Forgets::Life if batch != Some(0) && !filter.has_forgotten.swap(true, Ordering::SeqCst) => {
            *filter.broker.lock().unwrap() = memory_broker();
        }
        Forgets::Offsets => {
            for (offset, message) in body["messages"].as_array_mut().unwrap().iter_mut().enumerate()
            {
                message["offset"] = offset.into();
            }
        }
        Forgets::Senders => filter.hide(&mut body, ""),
        Forgets::SenderOf(part) => filter.hide(&mut body, part),
        _ => {}
    }
    let answer = axum::Json(body).into_response();
    if filter.strips { strip(answer, &[]).await } else { answer }
}

impl Filter {
    async fn ask(&self, request: Request) -> Response {
        let broker = self.broker.lock().unwrap().clone();
        broker.oneshot(request).await.unwrap()
    }

    /// Ends the subscription that these parameters name, once.
    async fn forget(&self, parameters: &str) {
        if self.has_forgotten.swap(true, Ordering::SeqCst) {
            return;
        }
        let named = |pair: &&str| pair.starts_with("topic=") || pair.starts_with("consumer_id=");
        let named: Vec<_> = parameters.split('&').filter(named).collect();
        let uri = format!("/consumer?{}", named.join("&"));
        let request = Request::delete(uri).body(Body::empty()).unwrap();
        assert!(self.ask(request).await.status().is_success());
    }

    /// Takes their senders from messages that contain this, all of them or the first one.
    fn hide(&self, body: &mut Value, part: &str) {
        let messages = match body.get_mut("messages") {
            Some(messages) => messages.as_array_mut().unwrap().iter_mut().collect(),
            None => vec![body],
        };
        for message in messages {
            let is_it = message["message"].as_str().is_some_and(|text| text.contains(part));
            let is_due =
                part.is_empty() || is_it && !self.has_forgotten.swap(true, Ordering::SeqCst);
            if is_it && is_due {
                let fields = message.as_object_mut().unwrap();
                fields.remove("producer_id");
                fields.remove("sequence");
            }
        }
    }
}
