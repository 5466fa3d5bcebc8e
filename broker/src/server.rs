//! The server: accepts connections, watches over their time-outs, and ends them in good order.
//!
//! One task owns all of it and every task it starts, so that dropping [`serve`] drops everything.

mod clock;
mod connection;
mod options;

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;

use axum::Router;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{Id, JoinSet};
use tokio::time::{Duration, Instant, MissedTickBehavior, interval, sleep_until, timeout_at};
use tracing::{debug, warn};

use self::clock::{Clock, Deadlines};
use self::connection::Connection;
pub use self::options::Options;
use crate::http::routes;
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
    let closing = Signal::default();
    let mut background = JoinSet::new();
    if let Some(idle) = options.subscription_idle {
        background.spawn(end_idle(Arc::clone(&store), idle));
    }
    // Often enough that a subscription whose poll waits is not ended as idle.
    let poll_again = options.subscription_idle.map(|idle| idle / 3);
    let limits = options.limits.clone();
    let router = routes(store, limits, closing.clone(), poll_again, options.audit);
    let mut connections = Connections::new(router, &options);
    connections.accept_until(&listener, shutdown).await;
    drop(listener);
    closing.raise();
    connections.finish(options.grace).await;
}

/// The connections of a server.
struct Connections {
    router: Router,
    clock: Clock,
    deadlines: Deadlines,
    tasks: JoinSet<()>,
    by_task: BTreeMap<Id, Arc<Connection>>,
}

impl Connections {
    fn new(router: Router, options: &Options) -> Self {
        let (clock, deadlines) = Clock::for_deadlines(options);
        Self { router, clock, deadlines, tasks: JoinSet::new(), by_task: BTreeMap::new() }
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
                _ = ticks.tick() => self.check_deadlines(),
                Some(ended) = self.tasks.join_next_with_id() => {
                    self.forget(ended);
                    shortage.pause = None;
                }
                () = shortage.paused(), if shortage.pause.is_some() => shortage.pause = None,
                accepted = listener.accept(), if shortage.pause.is_none() => match accepted {
                    Ok((stream, _)) => self.open(stream),
                    Err(error) => self.refused(&error, &mut shortage),
                },
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
        let idle = self.by_task.values().filter_map(|open| Some((open.idle_since()?, open)));
        if let Some((_, longest)) = idle.min_by_key(|&(since, _)| since) {
            longest.finish();
        }
    }

    async fn finish(&mut self, grace: Duration) {
        let deadline = Instant::now() + grace;
        for connection in self.by_task.values() {
            connection.finish();
        }
        let mut ticks = interval(self.clock.tick());
        while !self.tasks.is_empty() {
            tokio::select! {
                biased;
                _ = ticks.tick() => self.check_deadlines(),
                ended = timeout_at(deadline, self.tasks.join_next_with_id()) => match ended {
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
        let connection = Arc::new(Connection::new(self.clock.clone()));
        let serving = connection::serve(stream, self.router.clone(), Arc::clone(&connection));
        let id = self.tasks.spawn(serving).id();
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
    }
}

/// Connections that cannot be accepted.
#[derive(Default)]
struct Shortage {
    /// Until when none is to be accepted, if none is closed before.
    pause: Option<Instant>,
    last: Option<Instant>,
}

impl Shortage {
    /// One more. It is logged only if there was none within a minute, for there may be thousands.
    fn note(&mut self, error: &io::Error) {
        let now = Instant::now();
        if self.last.is_none_or(|last| now - last > Duration::from_secs(60)) {
            warn!(%error, "cannot accept a connection; the one that is idle longest is closed");
        }
        self.last = Some(now);
        self.pause = Some(now + Duration::from_millis(100));
    }

    async fn paused(&self) {
        if let Some(end) = self.pause {
            sleep_until(end).await;
        }
    }
}

async fn end_idle(store: Arc<dyn Store>, idle: Duration) {
    let mut ticks = interval((idle / 4).max(Duration::from_millis(10)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match store.end_idle(idle).await {
            Ok(0) => {}
            Ok(ended) => tracing::info!(ended, "ended subscriptions that nobody polled"),
            Err(error) => warn!(%error, "cannot end idle subscriptions"),
        }
    }
}
