//! Small brokers that speak the original routes as other people's do: each in a style of its own, right
//! or with one bug, over real sockets.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::original::serve;

/// A status and a body, which is JSON or any other text.
pub(crate) type Said = (u16, String);

/// How a broker speaks.
#[derive(Clone, Copy)]
pub(crate) struct Style {
    /// What the request that creates a topic calls the name.
    pub(crate) topic_field: &'static str,
    /// Whether GET has its fields in the body, and POST in the query.
    pub(crate) swapped: bool,
    /// How paths without a slash at the end are redirected to those with one; none takes them.
    pub(crate) redirect: Option<u16>,
    /// Whether it has the route that says how much a consumer has not got yet.
    pub(crate) has_size: bool,
    /// The id of the so-manyth actor of a topic.
    pub(crate) id: fn(&str, usize) -> Value,
    /// The answer to what succeeded.
    pub(crate) success: fn(Map<String, Value>) -> Said,
    /// The answer to what failed, in these words.
    pub(crate) failure: fn(&str) -> Said,
    /// The answer where a `Producer` or a `Consumer` with this id is not known.
    pub(crate) unknown: fn(&str, &str) -> Said,
    /// The answer where there is nothing, to a consumer of a topic that got so many messages.
    pub(crate) empty: fn(&str, &Value, usize) -> Said,
}

/// What a broker does wrong, to its first consumer of each topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bug {
    Nothing,
    /// The message at this place never comes.
    Lose(usize),
    /// It comes twice.
    Repeat(usize),
    /// The one behind it comes before it.
    Swap(usize),
    /// What is older than the subscription comes too; to every consumer.
    Old,
    /// It says that there is nothing while the message at this place is still to come.
    Stop(usize),
    /// It is forgotten when it has got so many messages.
    Forget(usize),
    /// The producer is forgotten whose message brings a topic to so many.
    ForgetProducer(usize),
}

/// With FastAPI: UUIDs, no status, errors in a `detail`, 307 to the path with a slash, 201.
pub(crate) const UUIDS: Style = Style {
    topic_field: "topic_name",
    swapped: false,
    redirect: Some(307),
    has_size: true,
    id: |_, count| json!(format!("5f0c6b1e-0a5e-4f7e-9d55-{count:012x}")),
    success: |fields| (201, Value::Object(fields).to_string()),
    failure: |why| (409, json!({ "detail": { "reason": why } }).to_string()),
    unknown: |actor, id| {
        let code = format!("unknown_{}", actor.to_lowercase());
        (404, json!({ "detail": { "reason": format!("who is {id}?"), "code": code } }).to_string())
    },
    empty: |topic, id, _| {
        let why = format!("no more for {} on {topic}", id.as_str().unwrap());
        (404, json!({ "detail": { "message": why } }).to_string())
    },
};

/// With Flask: ids such as `C_T0#0`, `Success` and `Failure`, always 200.
pub(crate) const WORDS: Style = Style {
    topic_field: "topic_name",
    swapped: false,
    redirect: Some(308),
    has_size: true,
    id: |topic, count| json!(format!("C_{topic}#{count}")),
    success: |mut fields| {
        fields.insert("status".to_owned(), "Success".into());
        (200, Value::Object(fields).to_string())
    },
    failure: |why| (200, json!({ "status": "Failure", "message": why }).to_string()),
    unknown: |actor, id| (WORDS.failure)(&format!("{actor}:{id} does not exist")),
    empty: |_, _, _| (200, json!({ "status": "Failure", "message": "Queue is empty" }).to_string()),
};

/// With Go: ids such as `"14"`, `name`, GET with a body, POST with a query, 204.
pub(crate) const SWAPPED: Style = Style {
    topic_field: "name",
    swapped: true,
    redirect: None,
    has_size: true,
    id: |_, count| json!((count + 14).to_string()),
    success: |fields| (200, Value::Object(fields).to_string()),
    failure: |why| (500, why.to_owned()),
    unknown: |_, id| (410, format!("who is {id}?")),
    empty: |_, _, _| (204, String::new()),
};

/// A broker, its address and what it was asked.
pub(crate) struct Foreign {
    pub(crate) address: String,
    state: Arc<Mutex<Store>>,
}

struct Store {
    style: Style,
    bug: Bug,
    topics: BTreeMap<String, Vec<String>>,
    producers: usize,
    /// The ids of producers that are not known any more, as JSON.
    forgotten: BTreeSet<String>,
    /// By their ids as JSON.
    consumers: BTreeMap<String, Consumer>,
    asked: Vec<String>,
}

struct Consumer {
    topic: String,
    /// What it has still to get, as places of its topic; what is appended is behind them.
    next: Vec<usize>,
    end: usize,
    got: usize,
    is_first: bool,
}

impl Foreign {
    pub(crate) async fn start(style: Style, bug: Bug) -> Self {
        let (topics, consumers, forgotten) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
        let asked = Vec::new();
        let store = Store { style, bug, topics, producers: 0, forgotten, consumers, asked };
        let state = Arc::new(Mutex::new(store));
        let router = Router::new().fallback(answer).with_state(Arc::clone(&state));
        Self { address: serve(router).await, state }
    }

    /// Method and path of every request, in order.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.state.lock().unwrap().asked.clone()
    }

    /// Appends a message that no harness sent.
    pub(crate) fn append(&self, topic: &str, message: &str) {
        let mut store = self.state.lock().unwrap();
        store.topics.entry(topic.to_owned()).or_default().push(message.to_owned());
    }
}

async fn answer(State(state): State<Arc<Mutex<Store>>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let mut store = state.lock().unwrap();
    store.asked.push(format!("{} {}", head.method, head.uri.path()));
    let path = head.uri.path();
    if let Some(status) = store.style.redirect.filter(|_| !path.ends_with('/')) {
        let to = head.uri.to_string().replacen(path, &format!("{path}/"), 1);
        let to = HeaderValue::try_from(to).unwrap();
        return (StatusCode::from_u16(status).unwrap(), [(header::LOCATION, to)]).into_response();
    }
    let in_query = (head.method == "GET") != store.style.swapped;
    let fields =
        if in_query { query(&head.uri) } else { serde_json::from_slice(&body).unwrap_or_default() };
    let route = format!("{} {}", head.method, path.trim_end_matches('/'));
    let (status, text) = store.answer(&route, &fields);
    (StatusCode::from_u16(status).unwrap(), text).into_response()
}

/// Undoes `%20`; a `+` is none.
fn query(uri: &Uri) -> Map<String, Value> {
    let url = format!("http://x{uri}").replace('+', "%2B");
    let url = url::Url::parse(&url).unwrap();
    url.query_pairs().map(|(key, value)| (key.into_owned(), value.into_owned().into())).collect()
}

impl Store {
    fn answer(&mut self, route: &str, fields: &Map<String, Value>) -> Said {
        let style = self.style;
        let text = |name: &str| fields.get(name).and_then(Value::as_str).map(str::to_owned);
        let Some(topic) = text("topic").or_else(|| text(style.topic_field)) else {
            return (422, json!({ "detail": [{ "msg": "a field is missing" }] }).to_string());
        };
        let success = |name: &str, value: Value| {
            (style.success)([(name.to_owned(), value)].into_iter().collect())
        };
        // A text stays a text, in a query without its quotes.
        let id = |name: &str| fields.get(name).cloned().unwrap_or_default();
        match route {
            "POST /topics" if self.topics.contains_key(&topic) => (style.failure)("taken"),
            "POST /topics" => {
                self.topics.insert(topic, Vec::new());
                success("message", "made".into())
            }
            "POST /producer/register" => {
                self.topics.entry(topic.clone()).or_default();
                self.producers += 1;
                success("producer_id", (style.id)(&topic, self.producers - 1))
            }
            "POST /producer/produce" => {
                let (message, id) = (text("message").unwrap(), id("producer_id"));
                if self.forgotten.contains(&id.to_string()) {
                    return (style.unknown)("Producer", id.as_str().unwrap());
                }
                let log = self.topics.get_mut(&topic).unwrap();
                log.push(message);
                if self.bug == Bug::ForgetProducer(log.len()) {
                    self.forgotten.insert(id.to_string());
                }
                success("message", "kept".into())
            }
            "POST /consumer/register" => {
                let Some(log) = self.topics.get(&topic) else { return (style.failure)("no topic") };
                let id = (style.id)(&topic, self.consumers.len());
                let is_first = self.consumers.values().all(|other| other.topic != topic);
                let end = if self.bug == Bug::Old { 0 } else { log.len() };
                let consumer = Consumer { topic, next: Vec::new(), end, got: 0, is_first };
                self.consumers.insert(id.to_string(), consumer);
                success("consumer_id", id)
            }
            "GET /consumer/consume" | "GET /size" => {
                let id = id("consumer_id");
                let consumer = self.consumers.get_mut(&id.to_string()).unwrap();
                let log = &self.topics[&topic];
                let bug = if consumer.is_first { self.bug } else { Bug::Nothing };
                if bug == Bug::Forget(consumer.got) {
                    return (style.unknown)("Consumer", id.as_str().unwrap());
                }
                if route == "GET /size" {
                    if !style.has_size {
                        return (404, "404 page not found".to_owned());
                    }
                    let ahead =
                        if matches!(bug, Bug::Stop(_)) { 0 } else { log.len() - consumer.end };
                    return success("size", (consumer.next.len() + ahead).into());
                }
                match consumer.take(log.len(), bug) {
                    Some(place) => success("message", log[place].clone().into()),
                    None => (style.empty)(&topic, &id, consumer.got),
                }
            }
            _ => (404, "404 page not found".to_owned()),
        }
    }
}

impl Consumer {
    /// The place of the message that it gets now.
    fn take(&mut self, end: usize, bug: Bug) -> Option<usize> {
        for place in self.end..end {
            match bug {
                Bug::Lose(wrong) if place == wrong => {}
                Bug::Repeat(wrong) if place == wrong => self.next.extend([place, place]),
                Bug::Swap(wrong) if place == wrong + 1 => self.next.extend([place, wrong]),
                Bug::Swap(wrong) if place == wrong => {}
                Bug::Stop(wrong) if place >= wrong => {}
                _ => self.next.push(place),
            }
        }
        self.end = end;
        let taken = (!self.next.is_empty()).then(|| self.next.remove(0));
        self.got += usize::from(taken.is_some());
        taken
    }
}
