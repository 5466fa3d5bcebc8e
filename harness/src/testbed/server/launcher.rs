//! One start of a server by its recipe: its process, until it is ready or it is known why not.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use private_database::{Folder, Invocation};
use tokio::time::{Instant, sleep, timeout};

use super::child::{Child, Ended};
use super::readiness;
use super::recipe::{Recipe, Start};
use crate::testbed::Failure;

/// Between two starts of a server that ends before it is ready.
const RESTARTED_AFTER: Duration = Duration::from_millis(50);

/// Starts one server, any number of times; `harness` guards it.
pub(super) struct Launcher {
    pub(super) harness: PathBuf,
    pub(super) recipe: Arc<dyn Recipe>,
}

pub(super) struct NotStarted {
    pub(super) failure: Failure,
    pub(super) lacks_port: bool,
}

impl From<Failure> for NotStarted {
    fn from(failure: Failure) -> Self {
        Self { failure, lacks_port: false }
    }
}

impl Launcher {
    /// Prepares the first start.
    pub(super) async fn prepare(&self) -> Result<(), Failure> {
        for command in self.recipe.preparation() {
            let ended = self.child(command)?.ended().await;
            if !ended.status.is_none_or(|status| status.success()) {
                return Err(Failure(format!("setting up {} {ended}", self.recipe.name())));
            }
        }
        Ok(())
    }

    pub(super) async fn launch(
        &self,
        listen: SocketAddr,
    ) -> Result<(SocketAddr, Child), NotStarted> {
        let Start { run, ready } = self.recipe.start(listen)?;
        let child = self.child(run)?;
        let within = self.recipe.ready_within();
        let address = tokio::select! { biased;
            ended = child.ended() => return Err(self.not_started(listen, &ended)),
            ready = timeout(within, readiness::wait(&child, &ready, listen)) => match ready {
                Ok(address) => address?,
                Err(_) => return Err(self.late(listen, within, &child.output()).into()),
            },
        };
        self.check_persistence(address).await?;
        Ok((address, child))
    }

    /// A server that ends before it is ready may do so because another fault took away what it
    /// needs. What looks after servers (systemd, say) then starts it again, and so does this.
    pub(super) async fn relaunch(&self, listen: SocketAddr) -> Result<Child, Failure> {
        let until = Instant::now() + self.recipe.restarted_within();
        loop {
            match self.launch(listen).await {
                Ok((_, child)) => return Ok(child),
                Err(_) if Instant::now() < until => sleep(RESTARTED_AFTER).await,
                Err(NotStarted { failure, .. }) => return Err(failure),
            }
        }
    }

    fn child(&self, mut run: Invocation) -> Result<Child, Failure> {
        // Has it end with the folder.
        run.environment.extend(self.recipe.folder().map(Folder::mark));
        Child::start(&self.harness, &run).map_err(|error| {
            let (name, harness) = (self.recipe.name(), self.harness.display());
            Failure(format!("cannot start {name} by {harness}: {error}"))
        })
    }

    async fn check_persistence(&self, address: SocketAddr) -> Result<(), Failure> {
        self.recipe.check_persistence(address).await.map_err(|why| {
            Failure(format!("{} does not keep what it is sent: {why}", self.recipe.name()))
        })
    }

    fn not_started(&self, listen: SocketAddr, ended: &Ended) -> NotStarted {
        let (name, detail) = (self.recipe.name(), self.recipe.detail());
        let failure = Failure(format!("{name} did not start on {listen}{detail}: it {ended}"));
        NotStarted { failure, lacks_port: self.recipe.lacks_port(&ended.output) }
    }

    fn late(&self, listen: SocketAddr, waited: Duration, output: &[String]) -> Failure {
        let (name, detail) = (self.recipe.name(), self.recipe.detail());
        let wrote = match output {
            [] => "it wrote nothing".to_owned(),
            lines => format!("it wrote last:\n    {}", lines.join("\n    ")),
        };
        let waited = waited.as_secs();
        Failure(format!("{name} does not listen on {listen}{detail} after {waited} s; {wrote}"))
    }
}
