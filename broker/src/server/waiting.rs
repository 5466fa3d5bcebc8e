//! Requests that wait, as the server sees them: when it needs the connection of one for somebody else,
//! a poll that waits for messages is answered at once, with nothing, and one whose body does not come
//! is cut.

use std::future::pending;
use std::sync::Arc;

use super::connection::{Connection, current};

/// A request that waits, until this is dropped.
pub(crate) struct Waiting(Option<Arc<Connection>>);

impl Waiting {
    /// A poll begins to wait in the task of its connection. Without a server there is none.
    pub(crate) fn for_messages() -> Self {
        Self::begin(Connection::waits)
    }

    /// A request begins to wait for more of its body.
    pub(crate) fn for_body() -> Self {
        Self::begin(Connection::receives)
    }

    fn begin(begin: fn(&Connection)) -> Self {
        let connection = current();
        if let Some(connection) = &connection {
            begin(connection);
        }
        Self(connection)
    }

    /// Completes when the connection is to close.
    pub(crate) async fn is_over(&self) {
        match &self.0 {
            Some(connection) => connection.finishes.raised().await,
            None => pending().await,
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(connection) = &self.0 {
            connection.goes_on();
        }
    }
}
