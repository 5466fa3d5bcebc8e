//! Our own brokers as child processes, each on a free port, started by running the harness's binary
//! again (its hidden `broker` subcommand) and ended with the run. Several of them serve one store.
//!
//! On Linux nothing is left behind even when the harness is killed by SIGKILL. Elsewhere that one
//! way of ending leaves the broker running, because no parent-death signal exists there.

mod broker;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::future::{join_all, select_all, try_join_all};

use self::broker::{Broker, Start};
use super::database::{Database, Server};
use super::{Failure, Testbed};
use crate::driver::Pending;

/// How to start brokers.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The harness's own binary, which is the broker's too. A library cannot know it: in a test,
    /// the running binary is the test.
    pub harness: PathBuf,
    /// Where the first one is to listen; port 0 takes a free one. The others take free ones of the
    /// same address.
    pub listen: SocketAddr,
    /// What else the `broker` subcommand is given: limits, sabotage.
    pub arguments: Vec<OsString>,
    /// How many; in memory, more than one are strangers to each other.
    pub count: NonZeroU32,
    /// The server that their store is in; none is memory.
    pub server: Option<Arc<Server>>,
}

impl Settings {
    /// One broker in memory, on a free port of the loopback address, and nothing else said.
    #[must_use]
    pub fn new(harness: &Path) -> Self {
        Self {
            harness: harness.to_owned(),
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            arguments: Vec::new(),
            count: NonZeroU32::MIN,
            server: None,
        }
    }
}

/// Brokers that are our children.
#[derive(Debug)]
pub struct Process {
    brokers: Vec<Broker>,
    addresses: Vec<String>,
    /// The server of their store, which may end too.
    server: Option<Arc<Server>>,
}

impl Process {
    /// Starts the brokers, all at once, and waits until each listens. Their store is `database`,
    /// which is theirs alone and which they create; none is memory.
    ///
    /// # Errors
    /// When one cannot be started, ends before it listens (with the last lines it wrote: a port in
    /// use, an unknown flag), or does not listen within 30 s; when a private server does not come
    /// up.
    pub async fn start(settings: &Settings, database: Option<&Database>) -> Result<Self, Failure> {
        let store = match database {
            Some(database) => Some(database.url().await?),
            None => None,
        };
        let Settings { harness, listen, arguments, count, .. } = settings;
        let starts = (1..=count.get()).map(|number| Start {
            harness: harness.clone(),
            name: match count.get() {
                1 => "the broker".to_owned(),
                count => format!("broker {number} of {count}"),
            },
            listen: SocketAddr::new(listen.ip(), if number == 1 { listen.port() } else { 0 }),
            arguments: arguments.clone(),
            store: store.clone(),
        });
        let starts: Vec<Start> = starts.collect();
        let brokers = try_join_all(starts.iter().map(Broker::start)).await?;
        let addresses = brokers.iter().map(Broker::address).collect();
        let server = database.map(|database| Arc::clone(database.server()));
        Ok(Self { brokers, addresses, server })
    }

    /// The brokers' process ids.
    #[must_use]
    pub fn ids(&self) -> Vec<i32> {
        self.brokers.iter().map(Broker::id).collect()
    }
}

impl Testbed for Process {
    fn addresses(&self) -> &[String] {
        &self.addresses
    }

    fn ended(&mut self) -> Pending<'_, String> {
        Box::pin(async {
            let brokers = self.brokers.iter().map(|broker| Box::pin(broker.ended()));
            let server = async {
                match &self.server {
                    Some(server) => server.ended().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! { biased;
                // Brokers may end because of it.
                why = server => why,
                (why, ..) = select_all(brokers) => why,
            }
        })
    }

    fn stop(self: Box<Self>) -> Pending<'static, Result<(), Failure>> {
        Box::pin(async move {
            let stopped = join_all(self.brokers.iter().map(Broker::stop)).await;
            stopped.into_iter().collect()
        })
    }
}
