//! The wire: one handler per endpoint. What a request must look like is in [`mod@query`] and
//! [`mod@body`], every failure and its status in [`mod@failure`], the limits in [`Limits`].

mod answer;
mod body;
mod failure;
mod limits;
mod query;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::{delete, get, post};
use broker_client::wire::TopicName;
use tokio::time::{Duration, Instant, sleep_until, timeout_at};

use self::failure::Failure;
pub use self::limits::Limits;
use crate::signal::Signal;
use crate::store::{self, Append, Messages, Poll, Read, Store, Subscription};

/// What every handler gets.
struct Broker {
    store: Arc<dyn Store>,
    limits: Limits,
    closing: Signal,
    poll_again: Option<Duration>,
}

type Shared = State<Arc<Broker>>;
type Answer = Result<Response, Failure>;

/// The routes over a store, without a socket. Once `closing` is raised, polls that wait answer
/// that there is nothing.
pub fn router(store: Arc<dyn Store>, limits: Limits, closing: Signal) -> Router {
    routes(store, limits, closing, None, false)
}

/// The same, with the route that reads the logs themselves.
pub fn audited_router(store: Arc<dyn Store>, limits: Limits, closing: Signal) -> Router {
    routes(store, limits, closing, None, true)
}

/// Either, where subscriptions that are not polled are ended: a poll that waits is repeated after
/// `poll_again`.
pub(crate) fn routes(
    store: Arc<dyn Store>,
    limits: Limits,
    closing: Signal,
    poll_again: Option<Duration>,
    audit: bool,
) -> Router {
    let routes = Router::new()
        .route("/topics", post(create_topic).get(topics))
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
        .with_state(Arc::new(Broker { store, limits, closing, poll_again }))
}

async fn create_topic(State(broker): Shared, request: Request) -> Answer {
    let bytes = body::read(request, &broker.limits).await?;
    let body = body::create_topic(&bytes)?;
    let topic = topic_name(&body.topic_name)?;
    let message = format!("Topic:{topic} created successfully");
    broker.store.create_topic(topic).await?;
    Ok(answer::text(&message))
}

async fn topics(State(broker): Shared) -> Answer {
    let topics = broker.store.topics().await?;
    if topics.is_empty() { Err(Failure::no_topics()) } else { Ok(answer::topics(&topics)) }
}

async fn register_producer(State(broker): Shared, request: Request) -> Answer {
    let bytes = body::read(request, &broker.limits).await?;
    let body = body::register(&bytes)?;
    let producer = broker.store.register_producer(topic_name(&body.topic)?).await?;
    Ok(answer::producer(producer, broker.store.epoch()))
}

async fn register_consumer(State(broker): Shared, request: Request) -> Answer {
    let bytes = body::read(request, &broker.limits).await?;
    let body = body::register(&bytes)?;
    let subscribed = broker.store.register_consumer(&body.topic).await?;
    Ok(answer::consumer(subscribed, broker.store.epoch()))
}

async fn produce(State(broker): Shared, request: Request) -> Answer {
    let bytes = body::read(request, &broker.limits).await?;
    let body = body::produce(&bytes, &broker.limits)?;
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
    let poll = Poll {
        subscription: query.subscription.named(),
        offset: query.offset,
        max: query.max.unwrap_or(1),
        max_bytes: broker.limits.answer_bytes,
        waits: false,
    };
    let messages = poll_waiting(&broker, poll, query.wait).await?;
    if query.max.is_some() {
        Ok(answer::batch(&messages))
    } else if messages.is_empty() {
        Err(Failure::empty(poll.subscription))
    } else {
        Ok(answer::message(&messages))
    }
}

async fn size(State(broker): Shared, request: Request) -> Answer {
    let query = query::subscription(request.uri().query())?;
    Ok(answer::size(broker.store.size(query.named()).await?))
}

async fn read_log(State(broker): Shared, request: Request) -> Answer {
    let query = query::audit(request.uri().query(), &broker.limits)?;
    let read = Read {
        topic: &query.topic,
        offset: query.offset,
        max: query.max,
        max_bytes: broker.limits.answer_bytes,
    };
    let part = broker.store.read(read).await?;
    Ok(answer::part(&part, broker.store.epoch()))
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
    Failure::no_route(request.uri().path())
}

async fn wrong_method(request: Request) -> Failure {
    Failure::wrong_method(request.method(), request.uri().path())
}

/// Polls, and where there is nothing waits for a message and polls again, until `wait` is over or
/// the broker closes.
async fn poll_waiting(
    broker: &Broker,
    mut poll: Poll<'_>,
    wait: Duration,
) -> Result<Messages, store::Error> {
    poll.waits = poll.max > 0 && !wait.is_zero();
    let mut polled = broker.store.poll(poll).await?;
    if !polled.messages.is_empty() || !poll.waits {
        return Ok(polled.messages);
    }
    let begun = Instant::now();
    let deadline = begun + wait;
    loop {
        let arrival = broker.store.arrival(poll.subscription, polled.position);
        let again = broker.poll_again.map(|time| Instant::now() + time);
        let again = again.map_or(deadline, |again| again.min(deadline));
        let in_time = tokio::select! {
            biased;
            () = broker.closing.raised() => return Ok(Messages::default()),
            arrived = timeout_at(again, arrival) => arrived.map_or(Ok(false), |end| end.map(|()| true))?,
        };
        // On a busy topic the poll has only just begun; the messages that follow come with the
        // first one then, and one answer does for all of them.
        let gathered = deadline.min(begun + broker.limits.gather);
        if poll.max > 1 && Instant::now() < gathered {
            tokio::select! {
                biased;
                () = broker.closing.raised() => {}
                () = sleep_until(gathered) => {}
            }
        }
        // Where time has passed, the store shall hear that the consumer is still there.
        poll.waits = in_time && Instant::now() < deadline;
        polled = broker.store.poll(poll).await?;
        if !polled.messages.is_empty() || Instant::now() >= deadline {
            return Ok(polled.messages);
        }
        // Another poll of this id was quicker. The others must not be held up by their race.
        tokio::task::yield_now().await;
    }
}

fn topic_name(text: &str) -> Result<TopicName, Failure> {
    text.parse().map_err(|why| Failure::bad_topic_name(text, &why))
}
