//! Polls that wait, as the server sees them: when it needs the connection of one for somebody else,
//! the poll is answered at once, with nothing.

use std::future::pending;
use std::sync::Arc;

use super::connection::{Connection, current};

/// A poll that waits, until it is dropped.
pub(crate) struct Waiting(Option<Arc<Connection>>);

impl Waiting {
    /// A poll begins to wait in the task of its connection. Without a server there is none.
    pub(crate) fn begin() -> Self {
        let connection = current();
        if let Some(connection) = &connection {
            connection.waits();
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
