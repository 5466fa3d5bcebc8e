//! Connections to the database: a bounded number of them, opened when they are needed.
//!
//! sqlx's own pool starts a task for every connection that comes back and asks the server before
//! it hands one out; with transactions this short that is a good part of their time. The store must
//! also learn when a connection is lost, because it then forgets what it remembers of the database.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sqlx::{Executor, MySqlConnection};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep, timeout_at};

use super::failure::Failure;
use super::health::Health;
use super::opener::{Mode, Opener};
use crate::store::locks::lock;

/// A connection that was not used for so long is closed rather than used: the server closes it too,
/// some time later, and at any moment.
const IDLE: Duration = Duration::from_secs(10);

/// A connection that was not used for so long is checked before it is used. Another database may
/// have taken the place of ours, which an open connection does not notice. That takes longer than
/// this: to drop a database, start a broker and make its tables anew took 47 ms at the least, in a
/// debug build on two cores. Connections in steady use pay nothing.
const UNSEEN: Duration = Duration::from_millis(10);

/// Between two tries while the server has no room for one more connection.
const CROWDED_PAUSE: Duration = Duration::from_millis(10);

/// All connections of a store.
#[derive(Debug)]
pub(super) struct Connections {
    opener: Opener,
    /// How many there may be, used or not.
    most: usize,
    permits: Semaphore,
    idle: Mutex<Idle>,
    /// How often a connection was lost.
    losses: AtomicU64,
    /// Whether the database can be used; only for people.
    pub(super) health: Health,
}

#[derive(Debug, Default)]
struct Idle {
    single: Vec<(MySqlConnection, Instant)>,
    transaction: Vec<(MySqlConnection, Instant)>,
}

impl Connections {
    pub(super) fn new(opener: Opener, most: usize) -> Self {
        Self {
            health: Health::new(opener.address.clone()),
            opener,
            most,
            permits: Semaphore::new(most),
            idle: Mutex::default(),
            losses: AtomicU64::new(0),
        }
    }

    /// How many there may be.
    pub(super) fn most(&self) -> usize {
        self.most
    }

    /// How many are in use.
    pub(super) fn used(&self) -> usize {
        self.most - self.permits.available_permits()
    }

    /// How often a connection was lost. What was remembered before it changed is to be forgotten.
    pub(super) fn losses(&self) -> u64 {
        self.losses.load(Ordering::Acquire)
    }

    /// A connection that is not in use, or a new one.
    pub(super) async fn take(&self, mode: Mode, until: Instant) -> Result<Lease<'_>, Failure> {
        let permit = match timeout_at(until, self.permits.acquire()).await {
            Ok(Ok(permit)) => permit,
            Ok(Err(_)) => unreachable!("the semaphore is never closed"),
            Err(_) => return Err(Failure::not_done("every connection to the database is busy")),
        };
        let connection = loop {
            if let Some(kept) = self.kept(mode, until).await {
                break kept;
            }
            match self.open_until(mode, until).await {
                Err(failure) if failure.is_crowded() && Instant::now() + CROWDED_PAUSE < until => {
                    sleep(CROWDED_PAUSE).await;
                    // An idle connection serves now, whatever mode it is in.
                    if let Some(switched) = self.switched(mode, until).await {
                        break switched;
                    }
                }
                opened => break opened?,
            }
        };
        Ok(Lease { connections: self, mode, connection: Some(connection), _permit: permit })
    }

    /// A connection that is not in use and can be used.
    async fn kept(&self, mode: Mode, until: Instant) -> Option<MySqlConnection> {
        match self.idle(mode, Vec::pop) {
            Some((kept, since)) => self.seen(kept, since, until).await,
            None if self.are_all_open() => self.switched(mode, until).await,
            None => None,
        }
    }

    /// A connection that is not in use, of those for the other mode.
    async fn switched(&self, mode: Mode, until: Instant) -> Option<MySqlConnection> {
        let (kept, since) = self.idle(mode.other(), Vec::pop)?;
        let mut kept = self.seen(kept, since, until).await?;
        let switched = timeout_at(until, self.opener.enter(&mut kept, mode)).await;
        matches!(switched, Ok(Ok(_))).then_some(kept)
    }

    /// The connection, if it is fit for use.
    async fn seen(
        &self,
        mut kept: MySqlConnection,
        since: Instant,
        until: Instant,
    ) -> Option<MySqlConnection> {
        let unused = since.elapsed();
        if unused >= IDLE {
            return None;
        }
        if unused >= UNSEEN {
            // Not all the time that there is: if there is no answer here, a new connection may get one.
            let by = until.min(Instant::now() + self.opener.timeout / 4);
            let looked = timeout_at(by, self.opener.check_epoch(&mut kept)).await;
            match looked {
                Ok(Ok(())) => {}
                Ok(Err(failure)) => {
                    self.lost(&failure);
                    return None;
                }
                Err(_) => {
                    self.silent();
                    return None;
                }
            }
        }
        Some(kept)
    }

    /// Whether no further one may be opened.
    fn are_all_open(&self) -> bool {
        // The caller has a permit and no connection yet.
        let idle = lock(&self.idle);
        self.used() + idle.single.len() + idle.transaction.len() > self.most
    }

    async fn open_until(&self, mode: Mode, until: Instant) -> Result<MySqlConnection, Failure> {
        let Ok(opened) = timeout_at(until, self.opener.open(mode)).await else {
            return Err(self.silent());
        };
        opened.inspect_err(|failure| {
            if failure.is_crowded() {
                // Those that are open are as good as before, and there would be no others.
                self.health.doubt();
            } else {
                self.lost(failure);
            }
        })
    }

    /// A connection was lost or could not be opened: the others are suspect too.
    fn lost(&self, why: &Failure) {
        self.forget();
        self.health.lost(why);
    }

    /// There was no answer in time: the same.
    fn silent(&self) -> Failure {
        let why = Failure::not_done("the database does not answer");
        self.forget();
        self.health.silent(&why);
        why
    }

    /// Forgets the connections that are not in use.
    fn forget(&self) {
        self.losses.fetch_add(1, Ordering::AcqRel);
        self.idle(Mode::Single, std::mem::take);
        self.idle(Mode::Transaction, std::mem::take);
    }

    fn idle<T>(
        &self,
        mode: Mode,
        act: impl FnOnce(&mut Vec<(MySqlConnection, Instant)>) -> T,
    ) -> T {
        let mut idle = lock(&self.idle);
        match mode {
            Mode::Single => act(&mut idle.single),
            Mode::Transaction => act(&mut idle.transaction),
        }
    }
}

/// A connection in use. It goes back by [`Lease::give_back`]; dropped, it is closed, and the
/// server rolls back what was not committed.
pub(super) struct Lease<'a> {
    connections: &'a Connections,
    mode: Mode,
    connection: Option<MySqlConnection>,
    _permit: SemaphorePermit<'a>,
}

impl Lease<'_> {
    pub(super) fn raw(&mut self) -> &mut MySqlConnection {
        self.connection.as_mut().expect("it is there until it is given back")
    }

    /// Ends the use of a connection on which no statement is half done and no transaction open.
    pub(super) fn give_back(mut self) {
        if let Some(connection) = self.connection.take() {
            let entry = (connection, Instant::now());
            self.connections.idle(self.mode, |idle| idle.push(entry));
        }
    }

    /// What an error of sqlx on this connection means. After one that leaves the connection
    /// usable, the open transaction is still to be rolled back.
    pub(super) fn failed(&mut self, error: &sqlx::Error) -> Failure {
        let failure = Failure::executing(error);
        if failure.is_lost() {
            self.connection = None;
            self.connections.lost(&failure);
        } else if failure.ends_connection() {
            self.connection = None;
        }
        failure
    }

    /// Closes the connection, of whose last answer the rest was not read.
    pub(super) fn abandon(&mut self) {
        self.connection = None;
    }

    /// Whether the connection is still there.
    pub(super) fn is_there(&self) -> bool {
        self.connection.is_some()
    }

    /// Rolls back and gives back; a connection that cannot is closed.
    pub(super) async fn roll_back(mut self) {
        if self.is_there() && self.raw().execute("ROLLBACK").await.is_ok() {
            self.give_back();
        }
    }
}
