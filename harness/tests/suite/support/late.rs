//! Our broker behind a filter that hands one message to each consumer late: half a second after all
//! the others, whether it is asked for one message at a time or for many.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use tokio::time::Instant;
use tower::ServiceExt;

use super::original::{memory_broker, serve};

const LATE: Duration = Duration::from_millis(500);

struct Filter {
    broker: Router,
    /// The message that contains this is the one.
    part: &'static str,
    /// By consumer, when it is to come, until it has.
    kept: Mutex<BTreeMap<String, Option<(Instant, Value)>>>,
}

/// Serves it on a free port, and gives its address.
pub(crate) async fn start(part: &'static str) -> String {
    let filter = Filter { broker: memory_broker(), part, kept: Mutex::default() };
    serve(Router::new().fallback(relay).with_state(Arc::new(filter))).await
}

async fn relay(State(filter): State<Arc<Filter>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let ask = || {
        let request = Request::from_parts(head.clone(), Body::from(body.clone()));
        filter.broker.clone().oneshot(request)
    };
    if head.uri.path() != "/consumer/consume" {
        return ask().await.unwrap();
    }
    let query = head.uri.query().unwrap();
    let id = query.split('&').find(|pair| pair.starts_with("consumer_id=")).unwrap().to_owned();
    loop {
        let answer = ask().await.unwrap();
        let status = answer.status();
        let answer = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        let mut answer: Value = serde_json::from_slice(&answer).unwrap();
        if let Some(messages) = answer["messages"].as_array_mut() {
            messages.retain(|message| !filter.keeps(&id, message));
            messages.extend(filter.due(&id));
        } else if status.is_success() && filter.keeps(&id, &answer) {
            continue;
        } else if !status.is_success()
            && let Some(late) = filter.due(&id)
        {
            return axum::Json(late).into_response();
        }
        return (status, axum::Json(answer)).into_response();
    }
}

impl Filter {
    /// Whether it is the one, and this consumer is to wait for it.
    fn keeps(&self, id: &str, message: &Value) -> bool {
        let is_it = message["message"].as_str().is_some_and(|text| text.contains(self.part));
        if !is_it {
            return false;
        }
        let mut kept = self.kept.lock().unwrap();
        let late = || Some((Instant::now() + LATE, message.clone()));
        kept.entry(id.to_owned()).or_insert_with(late).is_some()
    }

    fn due(&self, id: &str) -> Option<Value> {
        let mut kept = self.kept.lock().unwrap();
        let late = kept.get_mut(id)?;
        late.take_if(|(at, _)| *at <= Instant::now()).map(|(_, message)| message)
    }
}
