//! The server: accepts connections, watches over their time-outs, and ends them in good order.
//!
//! One task owns all of it and every task it starts, so that dropping [`serve`] drops everything.

mod clock;
mod connection;
mod options;
mod shortage;
#[cfg_attr(not(feature = "tls"), path = "server/no_tls.rs")]
mod tls;
mod upkeep;
mod waiting;
mod watched;

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::{Arc, OnceLock};

use axum::Router;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{Id, JoinSet};
use tokio::time::{Duration, Instant, MissedTickBehavior, interval, timeout_at};
use tracing::{debug, warn};

use self::clock::{Clock, Deadlines};
use self::connection::{Connection, serving};
pub use self::options::Options;
use self::shortage::{MOST_OPEN, Shortage};
pub use self::tls::Tls;
pub use self::upkeep::keep_tidy;
pub(crate) use self::waiting::Waiting;
use crate::http::{Broker, LargeWork, Part, only_encrypted, routes};
use crate::signal::Signal;
use crate::store::Store;

/// Serves `store` on `listener` until `shutdown` completes. Then it accepts no more connections,
/// answers the polls that wait, finishes what is in flight, for at most `options.grace`, and
/// returns.
pub async fn serve(
    listener: TcpListener,
    store: Arc<dyn Store>,
    options: Options,
    shutdown: impl Future<Output = ()>,
) {
    serve_with_administration(listener, None, store, options, shutdown).await;
}

/// The same; where there is a listener for administration, `/metrics`, `/stats` and `/audit` are there
/// and not with the clients. It serves until the clients' requests are finished.
pub async fn serve_with_administration(
    listener: TcpListener,
    administration: Option<TcpListener>,
    store: Arc<dyn Store>,
    options: Options,
    shutdown: impl Future<Output = ()>,
) {
    let closing = Signal::default();
    let mut background = JoinSet::new();
    background.spawn(keep_tidy(Arc::clone(&store)));
    if let Some(idle) = options.subscription_idle {
        background.spawn(upkeep::end_idle(Arc::clone(&store), idle));
    }
    if let Some(idle) = options.producer_idle {
        background.spawn(upkeep::end_idle_producers(Arc::clone(&store), idle));
    }
    // Often enough that a subscription whose poll waits is not ended as idle.
    let poll_again = options.subscription_idle.map(|idle| idle / 3);
    let mut broker = Broker::new(store, options.limits.clone(), closing.clone());
    broker.large = LargeWork::off_workers();
    broker.poll_again = poll_again;
    broker.tokens = options.tokens.clone();
    if let Some(tokens) = options.tokens.clone() {
        background.spawn(async move { tokens.follow().await });
    }
    if let Some(tls) = options.tls.clone() {
        background.spawn(async move { tls.follow().await });
    }
    let broker = Arc::new(broker);
    let finished = Signal::default();
    // Both have it from when the clients' connections are to end.
    let until = OnceLock::new();
    let clients = async {
        let part = if administration.is_some() { Part::Clients } else { Part::Whole };
        let mut connections = Connections::new(&broker, part, &options);
        connections.accept_until(&listener, shutdown).await;
        drop(listener);
        closing.raise();
        connections.finish(*until.get_or_init(|| Instant::now() + options.grace)).await;
        finished.raise();
    };
    let administered = async {
        if let Some(listener) = &administration {
            let mut connections = Connections::new(&broker, Part::Administration, &options);
            connections.most = connections.most.min(ADMINISTRATORS);
            connections.accept_until(listener, finished.raised()).await;
            // What is left of the time, and enough for those that are idle to be closed.
            let until = *until.get_or_init(|| Instant::now() + options.grace);
            connections.finish(until.max(Instant::now() + LAST)).await;
        }
    };
    tokio::join!(biased; clients, administered);
}

/// The time for administrators' connections after those of clients took all there was.
const LAST: Duration = Duration::from_millis(100);

/// The most connections of administrators. They are of the open files that clients' connections leave.
const ADMINISTRATORS: usize = 16;

/// Connections past the most, for as long as others take to close.
const PAST_MOST: usize = 16;

/// The connections of a server.
struct Connections {
    router: Router,
    /// With what answers plain text.
    tls: Option<(Arc<Tls>, Router)>,
    broker: Arc<Broker>,
    clock: Clock,
    deadlines: Deadlines,
    /// The most that there may be.
    most: usize,
    tasks: JoinSet<()>,
    by_task: BTreeMap<Id, Arc<Connection>>,
}

impl Connections {
    fn new(broker: &Arc<Broker>, part: Part, options: &Options) -> Self {
        let (clock, deadlines) = Clock::for_deadlines(options);
        let router = routes(Arc::clone(broker), part, options.audit);
        let tls = options.tls.clone().map(|tls| (tls, only_encrypted(router.clone(), broker)));
        let most = options.connections.get();
        let (broker, tasks, by_task) = (Arc::clone(broker), JoinSet::new(), BTreeMap::new());
        Self { router, tls, broker, clock, deadlines, most, tasks, by_task }
    }

    async fn accept_until(&mut self, listener: &TcpListener, shutdown: impl Future<Output = ()>) {
        let mut shutdown = pin!(shutdown);
        let mut ticks = interval(self.clock.tick());
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut shortage = Shortage::default();
        loop {
            tokio::select! {
                biased;
                () = &mut shutdown => return,
                _ = ticks.tick() => {
                    self.check_deadlines();
                    self.give_way(&mut shortage);
                }
                Some(ended) = self.tasks.join_next_with_id() => {
                    self.forget(ended);
                    shortage.pause = None;
                }
                () = shortage.paused(), if shortage.pause.is_some() => shortage.pause = None,
                accepted = listener.accept(), if shortage.pause.is_none() && self.has_place() => {
                    match accepted {
                        Ok((stream, _)) => {
                            self.open(stream);
                            self.give_way(&mut shortage);
                        }
                        Err(error) => self.refused(&error, &mut shortage),
                    }
                }
            }
        }
    }

    /// What to do about a connection that could not be accepted.
    fn refused(&self, error: &io::Error, shortage: &mut Shortage) {
        use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
        if matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
            return;
        }
        // Most likely out of file descriptors: it fails again at once, until a connection closes.
        shortage.note(error);
        shortage.pause();
        self.spare_one();
    }

    /// Whether one more may be accepted: past the most there is a little room for those that come
    /// while others close.
    fn has_place(&self) -> bool {
        self.by_task.len() < self.most + PAST_MOST
    }

    /// Closes connections that can be spared until there are no more than the most.
    fn give_way(&self, shortage: &mut Shortage) {
        let past = self.by_task.len().saturating_sub(self.most);
        if past == 0 {
            return;
        }
        shortage.note(&MOST_OPEN);
        let closing = self.by_task.values().filter(|open| open.is_closing()).count();
        (closing..past).take_while(|_| self.spare_one()).for_each(drop);
    }

    /// Closes the connection that is the easiest to spare, if there is one.
    fn spare_one(&self) -> bool {
        let spares = self.by_task.values().filter_map(|open| Some((open.spare()?, open)));
        let first = spares.min_by_key(|&(spare, _)| spare);
        first.inspect(|(_, open)| open.give_way()).is_some()
    }

    async fn finish(&mut self, until: Instant) {
        for connection in self.by_task.values() {
            connection.finish();
        }
        let mut ticks = interval(self.clock.tick());
        while !self.tasks.is_empty() {
            tokio::select! {
                biased;
                _ = ticks.tick() => self.check_deadlines(),
                ended = timeout_at(until, self.tasks.join_next_with_id()) => match ended {
                    Ok(Some(ended)) => self.forget(ended),
                    Ok(None) => return,
                    Err(_) => break,
                },
            }
        }
        let left = self.tasks.len();
        if left > 0 {
            warn!(connections = left, "cut off: they were not finished in time");
            self.tasks.shutdown().await;
        }
    }

    fn open(&mut self, stream: TcpStream) {
        // Without it, small answers wait for the client's delayed acknowledgements.
        if let Err(error) = stream.set_nodelay(true) {
            debug!(%error, "cannot set TCP_NODELAY");
        }
        self.broker.metrics.connections.accept();
        let connection = Arc::new(Connection::new(self.clock.clone()));
        let (router, connection_too) = (self.router.clone(), Arc::clone(&connection));
        let task = match self.tls.clone() {
            None => self.tasks.spawn(serving::serve(stream, router, connection_too)),
            Some(tls) => {
                self.tasks.spawn(serving::serve_encrypted(stream, tls, router, connection_too))
            }
        };
        let id = task.id();
        self.by_task.insert(id, connection);
    }

    fn check_deadlines(&self) {
        self.clock.advance();
        for connection in self.by_task.values() {
            connection.check(&self.deadlines);
        }
    }

    fn forget(&mut self, ended: Result<(Id, ()), tokio::task::JoinError>) {
        let id = match ended {
            Ok((id, ())) => id,
            Err(error) => {
                tracing::error!(%error, "a connection's task failed");
                error.id()
            }
        };
        self.by_task.remove(&id);
        self.broker.metrics.connections.close();
    }
}
