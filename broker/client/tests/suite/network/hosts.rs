//! Several brokers in this process, each of which may fail in its own way.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::Request;
use broker::store::memory::MemoryStore;
use broker::store::{Epoch, Retain};
use broker_client::Client;
use broker_client::transport::{Exchange, Failure, Transport};
use bytes::Bytes;

use super::{answer_with, ask};

/// How a broker is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Lives,
    /// Its process is gone.
    Dead,
    /// Its process is stopped: connections open, and nothing is answered. What was sent is worked on.
    Stopped,
    /// It has lost its database.
    NoStore,
    /// It answers that it does not know what it did, and has done it.
    Unsure,
}

/// Brokers by host, and which of them was asked for what.
#[derive(Clone, Default)]
pub(crate) struct Hosts(Arc<Mutex<BTreeMap<String, Host>>>);

struct Host {
    router: Router,
    state: State,
    asked: Vec<String>,
}

impl Hosts {
    /// Brokers of one store at `a`, `b` and `c`.
    pub(crate) fn three() -> Self {
        let hosts = Self::default();
        let store = store();
        ["a", "b", "c"].iter().for_each(|host| hosts.add(host, &store));
        hosts
    }

    pub(crate) fn add(&self, host: &str, store: &Arc<MemoryStore>) {
        let (limits, signal) = (broker::Limits::default(), broker::Signal::default());
        let router = broker::audited_router(Arc::clone(store) as _, limits, signal);
        let host_of = Host { router, state: State::Lives, asked: Vec::new() };
        self.0.lock().unwrap().insert(host.to_owned(), host_of);
    }

    pub(crate) fn client(&self) -> Client {
        self.client_of("http://a,http://b,http://c")
    }

    pub(crate) fn client_of(&self, addresses: &str) -> Client {
        Client::over(Arc::new(self.clone()), addresses).unwrap()
    }

    pub(crate) fn set(&self, host: &str, state: State) {
        self.0.lock().unwrap().get_mut(host).unwrap().state = state;
    }

    fn state(&self, host: &str) -> State {
        self.0.lock().unwrap()[host].state
    }

    /// What each was asked for since the last call, but for whether it is ready: `a 2 c 1`.
    pub(crate) fn asked(&self) -> String {
        let mut hosts = self.0.lock().unwrap();
        let counts = hosts.iter_mut().filter_map(|(name, host)| {
            let asked = std::mem::take(&mut host.asked);
            let count = asked.iter().filter(|path| *path != "/readyz").count();
            (count > 0).then(|| format!("{name} {count}"))
        });
        counts.collect::<Vec<_>>().join(" ")
    }

    /// How often each was asked whether it is ready since the last call of either.
    pub(crate) fn asked_whether_ready(&self, host: &str) -> usize {
        let mut hosts = self.0.lock().unwrap();
        let asked = std::mem::take(&mut hosts.get_mut(host).unwrap().asked);
        asked.iter().filter(|path| *path == "/readyz").count()
    }
}

impl Transport for Hosts {
    fn send(&self, request: Request<Bytes>) -> Exchange {
        let mut hosts = self.0.lock().unwrap();
        let host = hosts.get_mut(request.uri().host().unwrap()).unwrap();
        host.asked.push(request.uri().path().to_owned());
        let (router, state) = (host.router.clone(), host.state);
        let (hosts, name) = (self.clone(), request.uri().host().unwrap().to_owned());
        Box::pin(async move {
            match state {
                State::Lives => {
                    let answer = ask(router, request).await;
                    if hosts.state(&name) == State::Stopped {
                        std::future::pending::<()>().await;
                    }
                    Ok(answer)
                }
                State::Dead => Err(Failure::NotSent("connection refused".to_owned())),
                State::Stopped => {
                    ask(router, request).await;
                    std::future::pending().await
                }
                State::NoStore => Ok(answer_with(500, NO_STORE)),
                State::Unsure => {
                    ask(router, request).await;
                    Ok(answer_with(500, UNSURE))
                }
            }
        })
    }
}

const NO_STORE: &str = r#"{"status":"failure","message":"no store","code":"unavailable"}"#;
const UNSURE: &str = r#"{"status":"failure","message":"cut","code":"outcome_unknown"}"#;

pub(crate) fn store() -> Arc<MemoryStore> {
    Arc::new(MemoryStore::new(Epoch::random(), Retain::All, None))
}
