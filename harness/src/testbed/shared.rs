//! A server that serves all runs of a call to which no fault of its process belongs: started when it
//! is first needed, and anew where it ended.

use std::sync::Arc;

use tokio::sync::Mutex;

use super::Failure;
use crate::server::ServerProcess;

/// The server, and how it is started.
#[derive(Debug, Default)]
pub struct Shared(Mutex<Option<Arc<ServerProcess>>>);

impl Shared {
    /// The server, up; `start` starts one where there is none.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(super) async fn up(
        &self,
        start: impl Future<Output = Result<ServerProcess, Failure>>,
    ) -> Result<Arc<ServerProcess>, Failure> {
        let mut server = self.0.lock().await;
        if let Some(server) = server.as_ref().filter(|server| server.is_up()) {
            return Ok(Arc::clone(server));
        }
        let started = Arc::new(start.await?);
        *server = Some(Arc::clone(&started));
        Ok(started)
    }

    /// Ends it, if it was started.
    ///
    /// # Errors
    /// When it does not end in good order.
    pub async fn stop(&self) -> Result<(), Failure> {
        match self.0.lock().await.take() {
            Some(server) => server.end().await,
            None => Ok(()),
        }
    }
}
