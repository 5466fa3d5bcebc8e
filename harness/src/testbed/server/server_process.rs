//! A server that is our child, by its recipe: prepared, started, watched, killed and started again
//! on the same port, and ended.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use private_database::{Folder, Invocation};
use tokio::time::{Instant, sleep};

use super::child::{Child, Ended};
use super::claim::Claim;
use super::readiness::{self, NotReady};
use super::recipe::{Ready, Recipe, Start};
use super::restartable_process::RestartableProcess;
use crate::testbed::Failure;

/// Starts on further ports, where one was taken before the server came to it.
const TRIES: u32 = 5;

/// Between two starts of a server that ends before it is ready.
const RESTARTED_AFTER: Duration = Duration::from_millis(50);

/// A server that was started; killed and reaped when dropped or closed.
pub struct ServerProcess {
    // Dropped first: the process ends before the recipe's folder goes.
    process: RestartableProcess,
    launcher: Launcher,
}

impl ServerProcess {
    /// Prepares the server, starts it and waits until it is ready. `harness` guards it. Port 0
    /// takes a free one.
    ///
    /// # Errors
    /// When it ends before it is ready or is not ready in time, with the last lines that it wrote;
    /// when it does not keep what it promises to.
    pub async fn start(
        harness: &Path,
        recipe: Arc<dyn Recipe>,
        listen: SocketAddr,
    ) -> Result<Self, Failure> {
        let launcher = Launcher { harness: harness.to_owned(), recipe };
        launcher.prepare().await?;
        let tries = if listen.port() == 0 { TRIES } else { 1 };
        let mut attempt = 1;
        let (address, child) = loop {
            let (asked, claim) = claim(listen)?;
            let _claim = claim.and_then(Claim::beside_start);
            match launcher.launch(asked).await {
                Err(NotStarted { lacks_port: true, .. }) if attempt < tries => attempt += 1,
                Err(NotStarted { failure, .. }) => return Err(failure),
                Ok(started) => break started,
            }
        };
        let recipe = &launcher.recipe;
        let process =
            RestartableProcess::new(recipe.name().to_owned(), recipe.ending(), address, child);
        Ok(Self { process, launcher })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.process.address()
    }

    /// The process id of its process now.
    #[must_use]
    pub fn id(&self) -> i32 {
        self.process.id()
    }

    /// Kills it with all of its process group, and waits until it is gone.
    ///
    /// # Errors
    /// When it had ended by itself.
    pub async fn kill(&self) -> Result<(), Failure> {
        self.process.kill().await
    }

    /// Asks it to end, and waits until it has.
    ///
    /// # Errors
    /// When it does not in time, or not in good order.
    pub async fn stop(&self) -> Result<(), Failure> {
        self.process.stop().await
    }

    /// Starts it again after it was killed or stopped, on the same port and the same data, and
    /// waits until it is ready.
    ///
    /// # Errors
    /// As at the first start; when it was ended for good.
    pub async fn start_again(&self) -> Result<(), Failure> {
        self.process.start(self.relaunch()).await
    }

    /// Stops its clock.
    pub fn pause(&self) {
        self.process.pause();
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.process.resume();
    }

    /// Completes, with a line for people, when it has ended although it was not asked to. May be
    /// dropped and called again.
    pub async fn ended(&self) -> String {
        self.process.ended().await
    }

    /// Ends it for good, in good order if it is up.
    ///
    /// # Errors
    /// As [`ServerProcess::stop`].
    pub async fn end(&self) -> Result<(), Failure> {
        self.process.end().await
    }

    /// Kills it for good: a start that is under way fails.
    pub fn close(&self) {
        self.process.close();
    }

    /// A server that ends before it is ready may do so because another fault took away what it
    /// needs. What looks after servers (systemd, say) then starts it again, and so does this.
    async fn relaunch(&self) -> Result<Child, Failure> {
        let until = Instant::now() + self.launcher.recipe.restarted_within();
        loop {
            match self.launcher.launch(self.address()).await {
                Ok((_, child)) => return Ok(child),
                Err(_) if Instant::now() < until => sleep(RESTARTED_AFTER).await,
                Err(NotStarted { failure, .. }) => return Err(failure),
            }
        }
    }
}

/// What a server is started with may hold secrets.
impl fmt::Debug for ServerProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.process, f)
    }
}

/// The port for a first start.
fn claim(listen: SocketAddr) -> Result<(SocketAddr, Option<Claim>), Failure> {
    match Claim::new(listen) {
        Ok(claim) => Ok((claim.address(), Some(claim))),
        // The server says better why it cannot have the port that was asked for.
        Err(_) if listen.port() != 0 => Ok((listen, None)),
        Err(error) => Err(Failure(format!("cannot find a free port: {error}"))),
    }
}

struct Launcher {
    harness: PathBuf,
    recipe: Arc<dyn Recipe>,
}

/// A start that failed.
struct NotStarted {
    failure: Failure,
    /// Whether it did because the port was taken.
    lacks_port: bool,
}

impl From<Failure> for NotStarted {
    fn from(failure: Failure) -> Self {
        Self { failure, lacks_port: false }
    }
}

impl Launcher {
    async fn prepare(&self) -> Result<(), Failure> {
        for command in self.recipe.preparation() {
            let ended = self.child(command)?.ended().await;
            if !ended.status.is_none_or(|status| status.success()) {
                return Err(Failure(format!("setting up {} {ended}", self.recipe.name())));
            }
        }
        Ok(())
    }

    /// Starts it and waits until it is ready.
    async fn launch(&self, listen: SocketAddr) -> Result<(SocketAddr, Child), NotStarted> {
        let Start { run, mut ready } = self.recipe.start(listen)?;
        if let Ready::Command(command) = &mut ready {
            self.mark(command);
        }
        let child = self.child(run)?;
        let within = self.recipe.ready_within();
        match readiness::wait(&child, &ready, listen, within, &self.harness).await {
            Ok(address) => {
                self.check_persistence(address).await?;
                Ok((address, child))
            }
            Err(NotReady::Failed(failure)) => Err(failure.into()),
            Err(NotReady::Ended(ended)) => Err(self.not_started(listen, &ended)),
            Err(NotReady::Late(within)) => Err(self.late(listen, within, &child.output()).into()),
        }
    }

    /// Has the process end with the folder.
    fn mark(&self, run: &mut Invocation) {
        run.environment.extend(self.recipe.folder().map(Folder::mark));
    }

    fn child(&self, mut run: Invocation) -> Result<Child, Failure> {
        self.mark(&mut run);
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
