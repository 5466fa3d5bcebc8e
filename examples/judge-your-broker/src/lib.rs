//! A small broker over HTTP: the six routes of docs/wire.md, and nothing beside them. It stands for
//! yours; what is to be looked at is tests/promises.rs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use url::form_urlencoded;

/// What the broker does wrong, so that the tests can show how that is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// It acknowledges every tenth message without keeping it.
    Forgets,
    /// It hands out the newest message first.
    Reverses,
}

/// A broker that keeps its promises.
pub fn router() -> Router {
    with(None)
}

/// The same with a bug.
pub fn broken(bug: Bug) -> Router {
    with(Some(bug))
}

fn with(bug: Option<Bug>) -> Router {
    Router::new()
        .route("/topics", post(create_topic).get(topics))
        .route("/producer/register", post(register_producer))
        .route("/producer/produce", post(produce))
        .route("/consumer/register", post(register_consumer))
        .route("/consumer/consume", get(consume))
        .route("/size", get(size))
        .with_state(Arc::new(Mutex::new(Broker { bug, ..Broker::default() })))
}

#[derive(Default)]
struct Broker {
    /// The log of each topic.
    topics: BTreeMap<String, Vec<String>>,
    producers: usize,
    /// What each consumer has yet to get: places in the log of its topic.
    consumers: Vec<(String, Vec<usize>)>,
    acked: usize,
    bug: Option<Bug>,
}

type Shared = State<Arc<Mutex<Broker>>>;
type Answer = (StatusCode, Json<Value>);

fn yes(fields: Value) -> Answer {
    let mut answer = json!({ "status": "success" });
    if let (Value::Object(all), Value::Object(fields)) = (&mut answer, fields) {
        all.extend(fields);
    }
    (StatusCode::OK, Json(answer))
}

fn no(why: &str) -> Answer {
    (StatusCode::BAD_REQUEST, Json(json!({ "status": "failure", "message": why })))
}

/// Runs a request to its end before the next one: so a message is read only once it is there.
fn one_at_a_time(State(broker): &Shared, act: impl FnOnce(&mut Broker) -> Answer) -> Answer {
    act(&mut broker.lock().unwrap_or_else(PoisonError::into_inner))
}

fn text(body: &Value, field: &str) -> String {
    body[field].as_str().unwrap_or_default().to_owned()
}

async fn create_topic(broker: Shared, Json(body): Json<Value>) -> Answer {
    let name = text(&body, "topic_name");
    one_at_a_time(&broker, |broker| {
        if broker.topics.contains_key(&name) {
            return no(&format!("Topic:{name} already exist"));
        }
        broker.topics.insert(name, Vec::new());
        yes(json!({}))
    })
}

async fn topics(broker: Shared) -> Answer {
    one_at_a_time(&broker, |broker| {
        yes(json!({ "message": broker.topics.keys().collect::<Vec<_>>() }))
    })
}

async fn register_producer(broker: Shared, Json(body): Json<Value>) -> Answer {
    one_at_a_time(&broker, |broker| {
        broker.topics.entry(text(&body, "topic")).or_default();
        broker.producers += 1;
        yes(json!({ "producer_id": broker.producers - 1 }))
    })
}

async fn produce(broker: Shared, Json(body): Json<Value>) -> Answer {
    let topic = text(&body, "topic");
    one_at_a_time(&broker, |broker| {
        let Some(log) = broker.topics.get_mut(&topic) else { return no("no such topic") };
        broker.acked += 1;
        if broker.bug == Some(Bug::Forgets) && broker.acked.is_multiple_of(10) {
            return yes(json!({}));
        }
        let place = log.len();
        log.push(text(&body, "message"));
        let subscribed = broker.consumers.iter_mut().filter(|(own, _)| *own == topic);
        subscribed.for_each(|(_, waiting)| waiting.push(place));
        yes(json!({}))
    })
}

async fn register_consumer(broker: Shared, Json(body): Json<Value>) -> Answer {
    one_at_a_time(&broker, |broker| {
        broker.consumers.push((text(&body, "topic"), Vec::new()));
        yes(json!({ "consumer_id": broker.consumers.len() - 1 }))
    })
}

/// What the consumer that a query names has yet to get.
fn waiting<'a>(broker: &'a mut Broker, query: &RawQuery) -> Option<&'a mut (String, Vec<usize>)> {
    let RawQuery(Some(query)) = query else { return None };
    let (_, id) = form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == "consumer_id")?;
    broker.consumers.get_mut(id.parse::<usize>().ok()?)
}

async fn consume(broker: Shared, query: RawQuery) -> Answer {
    one_at_a_time(&broker, |broker| {
        let bug = broker.bug;
        let Some((topic, waiting)) = waiting(broker, &query) else { return no("no such consumer") };
        let next = match bug {
            Some(Bug::Reverses) => waiting.pop(),
            _ => (!waiting.is_empty()).then(|| waiting.remove(0)),
        };
        let (topic, next) = (topic.clone(), next);
        match next {
            Some(place) => yes(json!({ "message": broker.topics[&topic][place] })),
            None => no("There are no messages"),
        }
    })
}

async fn size(broker: Shared, query: RawQuery) -> Answer {
    one_at_a_time(&broker, |broker| match waiting(broker, &query) {
        Some((_, waiting)) => yes(json!({ "size": waiting.len() })),
        None => no("no such consumer"),
    })
}
