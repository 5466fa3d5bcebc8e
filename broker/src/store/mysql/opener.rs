//! Opens connections to the database, each set up for its use and led to the right store.

use std::time::Duration;

use sqlx::{AssertSqlSafe, ConnectOptions, Executor, MySqlConnection};

use super::address::Address;
use super::failure::Failure;
use crate::store::Epoch;

/// After so many seconds without a statement the server ends a connection, and with it a
/// transaction whose broker is out of reach, which holds up all others until then. Longer than
/// this broker keeps an idle one.
const SERVER_IDLE: u64 = 20;

/// The statements that a connection keeps prepared. More than there are: preparing again, and
/// closing what was prepared, costs far more than the statements themselves.
const STATEMENTS: usize = 4096;

/// A read first waits until the node has what any node of its cluster had committed by then, such as
/// the producer that another broker has just registered; and so does an update, for one that finds no
/// row, or changes none, conflicts with nothing. What inserts does conflict. It costs nothing where
/// there is no cluster.
pub(super) const SEES_ALL: &str = "SET SESSION wsrep_sync_wait = 3";

/// Every read sees what is committed by then, and locks leave no gaps.
pub(super) const ISOLATION: &str = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED";

/// What statements mean, and that a value which a column does not take is an error: without it a
/// null among several rows is stored as 0, and the guard of an append would guard nothing.
pub(super) const SQL_MODE: &str = "STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION";

/// So many seconds a statement that is its own commit waits for a lock; no server takes less. If it
/// waited until the request's time is over, nobody would know whether it was done; so the rest of the
/// time is waited in a transaction.
pub(super) const SINGLE_WAIT: u64 = 1;

/// The two ways in which connections are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Each statement is a transaction.
    Single,
    /// A transaction begins by itself and ends by `COMMIT` or `ROLLBACK`.
    Transaction,
}

impl Mode {
    pub(super) fn other(self) -> Self {
        match self {
            Self::Single => Self::Transaction,
            Self::Transaction => Self::Single,
        }
    }
}

/// How the connections of a store are opened.
#[derive(Debug)]
pub(super) struct Opener {
    pub(super) address: Address,
    /// The life of the store that the connections must lead to.
    pub(super) epoch: Epoch,
    /// How long a request may take, and so the longest wait for a lock within the database.
    pub(super) timeout: Duration,
    /// Whether the server can be a node of a Galera cluster.
    pub(super) is_node: bool,
    /// The session's `sql_mode`.
    pub(super) sql_mode: &'static str,
}

impl Opener {
    /// Opens a connection, and refuses a database that holds another store.
    pub(super) async fn open(&self, mode: Mode) -> Result<MySqlConnection, Failure> {
        let options = self.address.options().statement_cache_capacity(STATEMENTS);
        // sqlx's own log of statements is for programs that have few of them.
        let options = options.disable_statement_logging();
        let mut connection =
            options.connect().await.map_err(|error| Failure::connecting(&error))?;
        self.settle(&mut connection, mode).await.map_err(|error| Failure::connecting(&error))?;
        self.check_epoch(&mut connection).await?;
        Ok(connection)
    }

    async fn settle(&self, to: &mut MySqlConnection, mode: Mode) -> Result<(), sqlx::Error> {
        sqlx::query(ISOLATION).execute(&mut *to).await?;
        // Numbers as text: not every server takes parameters here.
        let session = format!(
            "SET SESSION wait_timeout = {SERVER_IDLE}, SESSION sql_mode = '{}'",
            self.sql_mode
        );
        to.execute(AssertSqlSafe(session)).await?;
        if self.is_node {
            to.execute(SEES_ALL).await?;
        }
        self.enter(to, mode).await
    }

    /// Puts a connection into a mode.
    pub(super) async fn enter(
        &self,
        on: &mut MySqlConnection,
        mode: Mode,
    ) -> Result<(), sqlx::Error> {
        let (autocommit, wait) = match mode {
            Mode::Single => (1, SINGLE_WAIT),
            Mode::Transaction => (0, self.timeout.as_secs().max(1)),
        };
        let entering = format!(
            "SET SESSION autocommit = {autocommit}, SESSION innodb_lock_wait_timeout = {wait}, \
             SESSION lock_wait_timeout = {wait}"
        );
        on.execute(AssertSqlSafe(entering)).await.map(drop)
    }

    /// Refuses a database that holds another store by now.
    pub(super) async fn check_epoch(&self, on: &mut MySqlConnection) -> Result<(), Failure> {
        let found: Result<Option<String>, _> =
            sqlx::query_scalar("SELECT epoch FROM store WHERE one = 1").fetch_optional(on).await;
        match found {
            Ok(Some(found)) if found == self.epoch.as_str() => Ok(()),
            Ok(_) => {
                Err(Failure::not_done("the database holds another store now: restart the broker"))
            }
            Err(error) => Err(Failure::connecting(&error)),
        }
    }
}
