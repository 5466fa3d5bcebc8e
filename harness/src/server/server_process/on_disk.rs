//! What is done to the disk below a server's data, and with the server meanwhile.

use std::time::Duration;

use super::ServerProcess;
use crate::fault::Keep;
use crate::history::Forgotten;
use crate::server::storage::Storage;
use crate::server::{Ending, Failure};
use crate::storage::protocol::Trouble;

/// How long one that takes nothing any more may take to end when it is asked to.
const ENDS_WITHIN: Duration = Duration::from_secs(3);

impl ServerProcess {
    /// The disk of the harness's own below its data.
    ///
    /// # Errors
    /// Where it has none.
    pub fn storage(&self) -> Result<&Storage, Failure> {
        let missing = || Failure(format!("{} is on no disk of the harness's own", self.name()));
        self.storage.as_ref().ok_or_else(missing)
    }

    /// Kills it with all of its process group at the moment of its next sync, and forgets what was not
    /// synced. One that is down is not killed.
    ///
    /// # Errors
    /// When it had ended by itself, and no fault explains that; when the disk fails.
    pub async fn cut(&self, keep: Keep, seed: u64) -> Result<Forgotten, Failure> {
        let storage = self.storage()?;
        if !self.is_up() {
            return storage.cut(keep, seed, || ()).await;
        }
        let mut killed = None;
        let forgotten = storage
            .cut(keep, seed, || {
                let child = self.expect_end();
                child.kill();
                killed = Some(child);
            })
            .await?;
        // Only now: while a sync of it was held, it could not end.
        if let Some(child) = killed {
            self.await_kill(&child).await?;
        }
        Ok(forgotten)
    }

    /// Something is wrong with its disk from now on. Its own end is not reported any more.
    ///
    /// # Errors
    /// When the disk fails.
    pub async fn trouble(&self, id: u64, trouble: Trouble) -> Result<(), Failure> {
        self.tolerate(true);
        self.storage()?.begin(id, trouble).await
    }

    /// Ends it in whatever way, soon, and starts it again.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn restart(&self) -> Result<(), Failure> {
        let child = self.expect_end();
        let Ending { signal, .. } = self.ending();
        child.stop(signal, ENDS_WITHIN).await;
        self.claim_port();
        self.start_again().await
    }

    /// How it ended, or what it wrote last, where it could not be started again.
    pub fn gone(&self) -> Option<String> {
        self.state.lock().gone.clone()
    }

    /// Has the disk let go what waits for it, for good: even one that is killed ends only then.
    pub(super) fn leave_storage(&self) {
        if let Some(storage) = &self.storage {
            storage.leave();
        }
    }

    /// It does not start; its port stays what it was.
    pub(super) fn be_gone(&self, why: &Failure) {
        self.claim_port();
        self.state.change(|state| {
            // Whatever there is of it has ended.
            state.on_purpose = true;
            state.gone = Some(why.0.clone());
        });
    }

    /// Whether something explains its own end.
    pub(super) fn is_tolerated(&self) -> bool {
        self.state.lock().tolerated
    }
}
