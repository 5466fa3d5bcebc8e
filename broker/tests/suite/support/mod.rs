//! What several tests share: stores to test, short forms of requests, and a client without a
//! socket.

pub(crate) mod audit;
#[cfg(feature = "tls-tests")]
pub(crate) mod certificates;
pub(crate) mod cluster;
mod database;
mod figures;
pub(crate) mod load;
mod openapi;
pub(crate) mod process;
pub(crate) mod rounds;
pub(crate) mod scene;
pub(crate) mod server;

use std::borrow::Cow;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use axum::response::Response;
use broker::store::memory::MemoryStore;
use broker::store::mysql::{MysqlStore, Options};
use broker::store::{
    Append, Epoch, Error, Message, Poll, Read, Retain, Store, Subscribed, Subscription,
};
use broker::{Limits, Signal, router};
use http_body_util::BodyExt;
use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::{Duration, sleep};
use tower::ServiceExt;

pub(crate) use database::mysql;
pub(crate) use figures::Figures;

/// The epoch of every store here.
pub(crate) const EPOCH: &str = "e1";

/// Every store that must keep the contract, each new and empty.
pub(crate) async fn stores() -> Vec<(&'static str, Arc<dyn Store>)> {
    let mut stores =
        vec![("memory", memory(Retain::Lag, None)), ("memory, all", memory(Retain::All, None))];
    for (kind, retain) in [("mysql", Retain::All), ("mysql, lag", Retain::Lag)] {
        if let Some(url) = mysql() {
            stores.push((kind, open(&url, retain).await));
        }
    }
    stores
}

/// The store in a database.
pub(crate) async fn open(url: &str, retain: Retain) -> Arc<dyn Store> {
    let options = Options { retain, ..Options::default() };
    Arc::new(MysqlStore::open(&url.parse().unwrap(), &options).await.unwrap())
}

/// A store in memory.
pub(crate) fn memory(retain: Retain, max_memory: Option<u64>) -> Arc<dyn Store> {
    Arc::new(MemoryStore::new(Epoch::new(EPOCH), retain, max_memory))
}

/// Short forms of a store's requests.
pub(crate) struct Short(pub(crate) Arc<dyn Store>);

impl Short {
    pub(crate) async fn producer(&self, topic: &str) -> i64 {
        self.0.register_producer(topic.parse().unwrap()).await.unwrap()
    }

    pub(crate) async fn consumer(&self, topic: &str) -> Subscribed {
        self.0.register_consumer(topic).await.unwrap()
    }

    pub(crate) async fn append(
        &self,
        topic: &str,
        producer: i64,
        sequence: Option<u64>,
        payloads: &[&str],
    ) -> Result<u64, Error> {
        let payloads: Vec<Cow<'_, str>> = payloads.iter().map(|text| (*text).into()).collect();
        let append = Append { topic, producer, epoch: None, sequence, payloads: &payloads };
        self.0.append(append).await
    }

    pub(crate) async fn poll(
        &self,
        topic: &str,
        consumer: i64,
        offset: Option<u64>,
        max: usize,
    ) -> Result<Vec<Message>, Error> {
        let subscription = Subscription { topic, consumer, epoch: None };
        let (max_bytes, room) = (NonZeroUsize::MAX, NonZeroUsize::MAX);
        let poll = Poll { subscription, offset, max, max_bytes, room, waits: false };
        Ok(self.0.poll(poll).await?.messages.iter().collect())
    }

    /// Payloads of the log from an offset on, and its end.
    pub(crate) async fn read(
        &self,
        topic: &str,
        offset: u64,
        max: usize,
    ) -> Result<(Vec<String>, u64), Error> {
        let read = Read { topic, offset, max, max_bytes: NonZeroUsize::MAX };
        let part = self.0.read(read).await?;
        Ok((part.messages.iter().map(|message| message.payload).collect(), part.end))
    }

    /// Payloads of a poll without offset.
    pub(crate) async fn take(&self, topic: &str, consumer: i64, max: usize) -> Vec<String> {
        let messages = self.poll(topic, consumer, None, max).await.unwrap();
        messages.into_iter().map(|message| message.payload).collect()
    }

    /// Lag and position.
    pub(crate) async fn size(&self, topic: &str, consumer: i64) -> Result<(u64, u64), Error> {
        let size = self.0.size(Subscription { topic, consumer, epoch: None }).await?;
        Ok((size.lag, size.position))
    }

    pub(crate) async fn delete(&self, topic: &str) -> Result<(), Error> {
        self.0.delete_topic(topic).await
    }

    pub(crate) async fn unsubscribe(&self, topic: &str, consumer: i64) -> Result<(), Error> {
        self.0.unsubscribe(Subscription { topic, consumer, epoch: None }).await
    }
}

/// Stores that are tidied.
pub(crate) struct Tidying {
    is_over: Arc<AtomicBool>,
    tasks: JoinSet<()>,
}

impl Tidying {
    /// As servers do it, but more often; what cannot be done now is done later.
    pub(crate) fn start(brokers: &[Arc<Short>]) -> Self {
        let (is_over, mut tasks) = (Arc::<AtomicBool>::default(), JoinSet::new());
        for broker in brokers.iter().cloned() {
            let is_over = Arc::clone(&is_over);
            tasks.spawn(async move {
                while !is_over.load(Ordering::Relaxed) {
                    let tidied = broker.0.tidy().await;
                    assert!(tidied.as_ref().err().is_none_or(passes), "{tidied:?}");
                    sleep(Duration::from_millis(10)).await;
                }
            });
        }
        Self { is_over, tasks }
    }

    /// Lets all finish what they are at; none has failed.
    pub(crate) async fn end(self) {
        self.is_over.store(true, Ordering::Relaxed);
        self.tasks.join_all().await;
    }
}

/// Whether it may go well a moment later, as where a node of a cluster is lost.
pub(crate) fn passes(error: &Error) -> bool {
    matches!(error, Error::Unavailable(_) | Error::OutcomeUnknown(_))
}

/// A client of a router, without a socket.
#[derive(Clone)]
pub(crate) struct Wire(Router);

impl Wire {
    pub(crate) fn new(limits: Limits) -> Self {
        Self::over(memory(Retain::Lag, None), limits)
    }

    pub(crate) fn over(store: Arc<dyn Store>, limits: Limits) -> Self {
        Self(router(store, limits, Signal::default()))
    }

    /// One that serves the logs themselves as well.
    pub(crate) fn audited(limits: Limits) -> Self {
        let store = memory(Retain::All, None);
        Self(broker::audited_router(store, limits, Signal::default()))
    }

    pub(crate) async fn post(&self, path: &str, body: impl Into<Body>) -> (u16, Value) {
        self.send(Method::POST, path, body).await
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        self.send(Method::GET, path, "").await
    }

    /// The answer with its body as it is on its way to a socket.
    pub(crate) async fn respond(
        &self,
        method: Method,
        path: &str,
        body: impl Into<Body>,
    ) -> Response {
        let request = Request::builder().method(method).uri(path).body(body.into()).unwrap();
        self.0.clone().oneshot(request).await.unwrap()
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        body: impl Into<Body>,
    ) -> (u16, Value) {
        let response = self.respond(method.clone(), path, body).await;
        let status: StatusCode = response.status();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let body =
            if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() };
        openapi::check(&method, path, status.as_u16(), &body);
        (status.as_u16(), body)
    }

    /// The figures for Prometheus.
    pub(crate) async fn figures(&self) -> Figures {
        let request = Request::get("/metrics").body(Body::empty()).unwrap();
        let response = self.0.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        Figures::read(std::str::from_utf8(&bytes).unwrap())
    }
}
