//! One handler for each endpoint: from a request to what the store is asked for, and to the answer.

use std::future::Future;
use std::num::NonZeroUsize;

use axum::extract::{Request, State};
use axum::http::Method;
use axum::http::request::Parts;
use broker_client::wire::TopicName;

use super::body::Coming;
use super::broker::{Broker, Shared};
use super::failure::{Answer, Failure};
use super::polling::{Taken, poll_waiting};
use super::room::{NoRoom, SMALL};
use super::{answer, body, query};
use crate::metrics::exposition::exposition;
use crate::store::{self, Append, List, Listed, Poll, Read, Start, Subscription};

pub(super) async fn create_topic(State(broker): Shared, request: Request) -> Answer {
    let bytes = body::read_short(Coming::of(request), &broker.limits, &broker.room).await?;
    let body = body::create_topic(&bytes)?;
    let topic = topic_name(&body.topic_name)?;
    let message = format!("Topic:{topic} created successfully");
    broker.store.create_topic(topic).await?;
    Ok(answer::text(&message))
}

pub(super) async fn delete_topic(State(broker): Shared, request: Request) -> Answer {
    let topic = query::topic_in(request.uri().path())?;
    broker.store.delete_topic(&topic).await?;
    Ok(answer::text(&format!("Topic:{topic} deleted successfully")))
}

pub(super) async fn topics(State(broker): Shared, request: Request) -> Answer {
    let limit = broker.limits.answer_bytes;
    let page = query::topics(request.uri().query(), &broker.limits)?;
    let list = |max_bytes| List {
        start: page.as_ref().map_or(Start::First, query::Topics::start),
        max: page.as_ref().map_or(usize::MAX, |page| page.max),
        max_bytes,
    };
    // Its names are in memory twice before it is known how many they are. A short list needs no room.
    let mut reserved = broker.room.try_reserve(limit.get());
    let room = if reserved.is_some() { limit.get() } else { limit.get().min(SMALL) };
    let mut listed = broker.store.topics(list(room)).await?;
    if page.is_none() && listed.more && reserved.is_none() {
        let waited = broker.room.reserve(limit.get()).await;
        reserved = Some(waited.map_err(|NoRoom| Failure::no_room())?);
        listed = broker.store.topics(list(limit.get())).await?;
    }
    let Listed { topics, more, next } = listed;
    match page {
        None if more => Err(Failure::too_many_topics(limit)),
        None if topics.is_empty() => Err(Failure::no_topics()),
        _ => Ok(answer::topics(&topics, page.map(|_| next), reserved)),
    }
}

pub(super) async fn register_producer(State(broker): Shared, request: Request) -> Answer {
    let bytes = body::read_short(Coming::of(request), &broker.limits, &broker.room).await?;
    let body = body::register(&bytes)?;
    let producer = broker.store.register_producer(topic_name(&body.topic)?).await?;
    Ok(answer::producer(producer, broker.store.epoch()))
}

pub(super) async fn register_consumer(State(broker): Shared, request: Request) -> Answer {
    let bytes = body::read_short(Coming::of(request), &broker.limits, &broker.room).await?;
    let body = body::register(&bytes)?;
    let subscribed = broker.store.register_consumer(&body.topic).await?;
    Ok(answer::consumer(subscribed, broker.store.epoch()))
}

pub(super) fn produce(State(broker): Shared, request: Request) -> impl Future<Output = Answer> {
    // Of the request no more is kept than is of use: what is smaller is quicker.
    let body = Coming::of(request);
    async move {
        let bytes = body::read(body, &broker.limits, &broker.room).await?;
        match broker.large.elsewhere(bytes.len()) {
            None => append(&broker, &bytes).await,
            Some(elsewhere) => elsewhere.begin(async move { append(&broker, &bytes).await }).await,
        }
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

pub(super) fn consume(State(broker): Shared, request: Request) -> impl Future<Output = Answer> {
    let (Parts { uri, .. }, _) = request.into_parts();
    async move {
        let query = query::consume(uri.query(), &broker.limits)?;
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
            true => answer::batch(&messages, bytes, held),
            false => answer::message(&messages, bytes, held),
        };
        match broker.large.elsewhere(bytes) {
            None => Ok(render()),
            Some(elsewhere) => elsewhere.begin(async move { Ok(render()) }).await,
        }
    }
}

pub(super) async fn size(State(broker): Shared, request: Request) -> Answer {
    let query = query::subscription(request.uri().query())?;
    Ok(answer::size(broker.store.size(query.named()).await?))
}

pub(super) async fn read_log(State(broker): Shared, request: Request) -> Answer {
    let query = query::audit(request.uri().query(), &broker.limits)?;
    let mut reserved = broker.room.try_reserve(broker.room.answer);
    let room = reserved.as_ref().map_or(SMALL, |reserved| reserved.bytes);
    let room = NonZeroUsize::new(room).unwrap_or(NonZeroUsize::MIN);
    let max_bytes = broker.limits.answer_bytes.min(room);
    let read = Read { topic: &query.topic, offset: query.offset, max: query.max, max_bytes };
    let mut part = broker.store.read(read).await?;
    let mut bytes = part.messages.json_len();
    if reserved.is_none() && bytes > SMALL {
        // A single message. What waits for room takes none meanwhile, so it is read again.
        drop(part);
        let waited = broker.room.reserve(bytes).await;
        reserved = Some(waited.map_err(|NoRoom| Failure::no_room())?);
        part = broker.store.read(read).await?;
        bytes = part.messages.json_len();
    }
    let held = reserved.and_then(|reserved| reserved.keep(bytes));
    Ok(answer::part(&part, bytes, broker.store.epoch(), held))
}

pub(super) async fn unsubscribe(State(broker): Shared, request: Request) -> Answer {
    let query = query::subscription(request.uri().query())?;
    let Subscription { topic, consumer, .. } = query.named();
    broker.store.unsubscribe(query.named()).await?;
    Ok(answer::text(&format!("Consumer:{consumer} is no longer registered with Topic:{topic}")))
}

pub(super) async fn metrics(State(broker): Shared, _: Request) -> Answer {
    let mut observed = broker.store.observe().await;
    observed.budgets.push(broker.room.now());
    let text = exposition(&broker.metrics, broker.store.epoch(), &observed);
    Ok(answer::exposition(text))
}

pub(super) async fn open_api(_: Shared, _: Request) -> Answer {
    Ok(answer::fixed(include_str!("openapi.json")))
}

pub(super) async fn alive(_: Shared, _: Request) -> Answer {
    Ok(answer::text("alive"))
}

pub(super) async fn ready(State(broker): Shared, _: Request) -> Answer {
    if broker.closing.is_raised() {
        return Err(store::Error::Unavailable("shutting down".to_owned()).into());
    }
    broker.store.ready().await?;
    Ok(answer::text("ready"))
}

pub(super) async fn no_route(broker: Shared, request: Request) -> Answer {
    let why = match request.uri().authority() {
        // It names a server, and has no path.
        Some(to) if request.method() == Method::CONNECT => Failure::no_proxy(to.as_str()),
        _ => Failure::no_route(request.uri().path()),
    };
    refuse(&broker, request, why).await
}

pub(super) async fn at_admin(broker: Shared, request: Request) -> Answer {
    let why = Failure::not_here(request.uri().path(), "it is at the address of --admin-listen");
    refuse(&broker, request, why).await
}

pub(super) async fn no_audit(broker: Shared, request: Request) -> Answer {
    let who = "a broker has it that is started with --audit";
    let why = Failure::not_here(request.uri().path(), who);
    refuse(&broker, request, why).await
}

pub(super) async fn wrong_method(broker: Shared, request: Request) -> Answer {
    let why = Failure::wrong_method(request.method(), request.uri().path());
    refuse(&broker, request, why).await
}

/// Answers a request that is not carried out, whatever is in its body.
pub(super) async fn refuse(broker: &Broker, request: Request, why: Failure) -> Answer {
    Err(Coming::of(request).refuse(why, &broker.limits).await)
}

fn topic_name(text: &str) -> Result<TopicName, Failure> {
    text.parse().map_err(|why| Failure::bad_topic_name(text, &why))
}
