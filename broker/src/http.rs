//! The wire: one handler per endpoint. What a request must look like is in [`mod@query`] and
//! [`mod@body`], every failure and its status in [`mod@failure`], the limits in [`Limits`].

mod access;
mod answer;
mod body;
mod failure;
mod head;
mod large;
mod limits;
mod number;
mod polling;
mod query;
mod room;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::Method;
use axum::response::Response;
use axum::routing::{delete, get, post};
use broker_client::wire::TopicName;
use tokio::time::Duration;

pub(crate) use self::access::guarded;
use self::failure::Failure;
pub(crate) use self::head::refused;
pub(crate) use self::large::LargeWork;
pub use self::limits::Limits;
use self::polling::{Taken, poll_waiting};
use self::room::{NoRoom, Room};
use crate::signal::Signal;
use crate::store::{self, Append, List, Listed, Poll, Read, Store, Subscription};

/// What every handler gets.
struct Broker {
    store: Arc<dyn Store>,
    limits: Limits,
    room: Room,
    large: LargeWork,
    closing: Signal,
    poll_again: Option<Duration>,
}

type Shared = State<Arc<Broker>>;
type Answer = Result<Response, Failure>;

/// The routes over a store, without a socket. Once `closing` is raised, polls that wait answer
/// that there is nothing.
pub fn router(store: Arc<dyn Store>, limits: Limits, closing: Signal) -> Router {
    routes(store, limits, closing, LargeWork::in_place(), None, false)
}

/// The same, with the route that reads the logs themselves.
pub fn audited_router(store: Arc<dyn Store>, limits: Limits, closing: Signal) -> Router {
    routes(store, limits, closing, LargeWork::in_place(), None, true)
}

/// Either, where subscriptions that are not polled are ended: a poll that waits is repeated after
/// `poll_again`.
pub(crate) fn routes(
    store: Arc<dyn Store>,
    limits: Limits,
    closing: Signal,
    large: LargeWork,
    poll_again: Option<Duration>,
    audit: bool,
) -> Router {
    let room = Room::new(&limits);
    let routes = Router::new()
        .route("/topics", post(create_topic).get(topics))
        .route("/topics/{name}", delete(delete_topic))
        .route("/producer/register", post(register_producer))
        .route("/producer/produce", post(produce))
        .route("/consumer/register", post(register_consumer))
        // A HEAD that took a message would lose it, for it has no body to answer with.
        .route("/consumer/consume", get(consume).head(wrong_method))
        .route("/consumer", delete(unsubscribe))
        .route("/size", get(size))
        .route("/healthz", get(alive))
        .route("/readyz", get(ready));
    let routes = if audit { routes.route("/audit", get(read_log)) } else { routes };
    routes
        .fallback(no_route)
        .method_not_allowed_fallback(wrong_method)
        .with_state(Arc::new(Broker { store, limits, room, large, closing, poll_again }))
}

/// What a client hears that sends plain text to where TLS is spoken.
pub(crate) fn only_encrypted() -> Router {
    Router::new().fallback(async || Failure::only_encrypted())
}

async fn create_topic(State(broker): Shared, request: Request) -> Answer {
    let bytes = body::read_short(request, &broker.limits, &broker.room).await?;
    let body = body::create_topic(&bytes)?;
    let topic = topic_name(&body.topic_name)?;
    let message = format!("Topic:{topic} created successfully");
    broker.store.create_topic(topic).await?;
    Ok(answer::text(&message))
}

async fn delete_topic(State(broker): Shared, request: Request) -> Answer {
    let topic = query::topic_in(request.uri().path())?;
    broker.store.delete_topic(&topic).await?;
    Ok(answer::text(&format!("Topic:{topic} deleted successfully")))
}

async fn topics(State(broker): Shared, request: Request) -> Answer {
    let limit = broker.limits.answer_bytes;
    let page = query::topics(request.uri().query(), &broker.limits)?;
    // Its names are in memory twice before it is known how many they are.
    let reserved = broker.room.reserve(limit.get()).await.map_err(|NoRoom| Failure::no_room())?;
    let list = List {
        after: page.as_ref().and_then(|page| page.after.as_deref()),
        max: page.as_ref().map_or(usize::MAX, |page| page.max),
        max_bytes: limit.get(),
    };
    let Listed { topics, more } = broker.store.topics(list).await?;
    match page {
        None if more => Err(Failure::too_many_topics(limit)),
        None if topics.is_empty() => Err(Failure::no_topics()),
        _ => Ok(answer::topics(&topics, reserved)),
    }
}

async fn register_producer(State(broker): Shared, request: Request) -> Answer {
    let bytes = body::read_short(request, &broker.limits, &broker.room).await?;
    let body = body::register(&bytes)?;
    let producer = broker.store.register_producer(topic_name(&body.topic)?).await?;
    Ok(answer::producer(producer, broker.store.epoch()))
}

async fn register_consumer(State(broker): Shared, request: Request) -> Answer {
    let bytes = body::read_short(request, &broker.limits, &broker.room).await?;
    let body = body::register(&bytes)?;
    let subscribed = broker.store.register_consumer(&body.topic).await?;
    Ok(answer::consumer(subscribed, broker.store.epoch()))
}

async fn produce(State(broker): Shared, request: Request) -> Answer {
    let bytes = body::read(request, &broker.limits, &broker.room).await?;
    match broker.large.elsewhere(bytes.len()) {
        None => append(&broker, &bytes).await,
        Some(elsewhere) => elsewhere.begin(async move { append(&broker, &bytes).await }).await,
    }
}

async fn append(broker: &Broker, bytes: &[u8]) -> Answer {
    let body = body::produce(bytes, &broker.limits)?;
    let append = Append {
        topic: &body.topic,
        producer: body.producer,
        epoch: body.epoch.as_deref(),
        sequence: body.sequence,
        payloads: body.payloads(),
    };
    let offset = broker.store.append(append).await?;
    Ok(answer::produced(offset, body.count()))
}

async fn consume(State(broker): Shared, request: Request) -> Answer {
    let query = query::consume(request.uri().query(), &broker.limits)?;
    let subscription = query.subscription.named();
    let poll = Poll {
        subscription,
        offset: query.offset,
        max: query.max.unwrap_or(1),
        max_bytes: broker.limits.answer_bytes,
        room: broker.limits.answer_bytes,
        waits: false,
    };
    let Taken { messages, held, bytes, .. } = poll_waiting(&broker, poll, query.wait).await?;
    let is_batch = query.max.is_some();
    if messages.is_empty() && !is_batch {
        return Err(Failure::empty(subscription));
    }
    let render = move || match is_batch {
        true => answer::batch(&messages, held),
        false => answer::message(&messages, held),
    };
    match broker.large.elsewhere(bytes) {
        None => Ok(render()),
        Some(elsewhere) => elsewhere.begin(async move { Ok(render()) }).await,
    }
}

async fn size(State(broker): Shared, request: Request) -> Answer {
    let query = query::subscription(request.uri().query())?;
    Ok(answer::size(broker.store.size(query.named()).await?))
}

async fn read_log(State(broker): Shared, request: Request) -> Answer {
    let query = query::audit(request.uri().query(), &broker.limits)?;
    let reserved = broker.room.reserve(broker.room.answer).await;
    let reserved = reserved.map_err(|NoRoom| Failure::no_room())?;
    let read = Read {
        topic: &query.topic,
        offset: query.offset,
        max: query.max,
        max_bytes: broker.limits.answer_bytes,
    };
    let part = broker.store.read(read).await?;
    let held = reserved.keep(part.messages.json_len());
    Ok(answer::part(&part, broker.store.epoch(), held))
}

async fn unsubscribe(State(broker): Shared, request: Request) -> Answer {
    let query = query::subscription(request.uri().query())?;
    let Subscription { topic, consumer, .. } = query.named();
    broker.store.unsubscribe(query.named()).await?;
    Ok(answer::text(&format!("Consumer:{consumer} is no longer registered with Topic:{topic}")))
}

async fn alive() -> Response {
    answer::text("alive")
}

async fn ready(State(broker): Shared) -> Answer {
    if broker.closing.is_raised() {
        return Err(store::Error::Unavailable("shutting down".to_owned()).into());
    }
    broker.store.ready().await?;
    Ok(answer::text("ready"))
}

async fn no_route(request: Request) -> Failure {
    match request.uri().authority() {
        // It names a server, and has no path.
        Some(to) if request.method() == Method::CONNECT => Failure::no_proxy(to.as_str()),
        _ => Failure::no_route(request.uri().path()),
    }
}

async fn wrong_method(request: Request) -> Failure {
    Failure::wrong_method(request.method(), request.uri().path())
}

fn topic_name(text: &str) -> Result<TopicName, Failure> {
    text.parse().map_err(|why| Failure::bad_topic_name(text, &why))
}
