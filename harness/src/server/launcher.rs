//! One start of a server by its recipe: its process, until it is ready or it is known why not.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use private_database::{Folder, Invocation};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout};

use super::child::{Child, Ended};
use super::failure::Failure;
use super::recipe::{Ready, Recipe, Start};
use super::storage::Storage;
use crate::fault::Medium;

/// Between two starts of a server that ends before it is ready.
const RESTARTED_AFTER: Duration = Duration::from_millis(50);

/// How soon one has ended that cannot be asked any more because it is about to.
const ENDED_WITHIN: Duration = Duration::from_millis(500);

/// Between two looks: far below what a quick start takes, and cheap during a slow one.
const LOOK_EVERY: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(100));

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
    /// Puts a disk of the harness's own below the folder of the server's data.
    pub(super) async fn mount(&self, medium: Medium) -> Result<Storage, Failure> {
        let missing = || Failure(format!("{} keeps its data in no folder", self.recipe.name()));
        let folder = self.recipe.folder().ok_or_else(missing)?;
        let data = self.recipe.data().ok_or_else(missing)?;
        let Medium { directories, fsync, settled: _ } = medium;
        Storage::start(&self.harness, folder, &data, directories, fsync).await
    }

    /// Prepares the first start; what it leaves is to survive a power cut where it is to be `durable`.
    pub(super) async fn prepare(&self, durable: bool) -> Result<(), Failure> {
        if self.on_thread(move |recipe| recipe.copy_prepared(durable)).await?? {
            return Ok(());
        }
        for command in self.recipe.preparation() {
            let ended = self.child(command)?.ended().await;
            if !ended.status.is_none_or(|status| status.success()) {
                return Err(Failure(format!("setting up {} {ended}", self.recipe.name())));
            }
        }
        self.on_thread(|recipe| recipe.keep_prepared()).await
    }

    /// Runs a command to its end, whatever that is.
    pub(super) async fn run(&self, command: Invocation) -> Result<(), Failure> {
        self.child(command)?.ended().await;
        Ok(())
    }

    /// Work on files that would keep others from theirs: a run may be under way.
    async fn on_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Recipe) -> T + Send + 'static,
    ) -> Result<T, Failure> {
        let (tell, told) = oneshot::channel();
        let recipe = Arc::clone(&self.recipe);
        let work = move || drop(tell.send(work(&*recipe)));
        let started = thread::Builder::new().name("preparation".to_owned()).spawn(work);
        let failure = |why: String| Failure(format!("preparing {}: {why}", self.recipe.name()));
        started.map_err(|error| failure(error.to_string()))?;
        told.await.map_err(|_| failure("it crashed".to_owned()))
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
            waited = timeout(within, wait(&child, &ready, listen)) => match waited {
                Ok(address) => address?,
                Err(_) => return Err(self.late(listen, &ready, within, &child.output()).into()),
            },
        };
        if let Err(failure) = self.check_persistence(address).await {
            // One that ends while it reads its files says better why.
            return Err(match timeout(ENDED_WITHIN, child.ended()).await {
                Ok(ended) => self.not_started(listen, &ended),
                Err(_) => failure.into(),
            });
        }
        Ok((address, child))
    }

    /// A server that ends before it is ready may do so because another fault took away what it
    /// needs. What looks after servers (systemd, say) then starts it again, and so does this.
    pub(super) async fn relaunch(&self, listen: SocketAddr) -> Result<Child, NotStarted> {
        let until = Instant::now() + self.recipe.restarted_within();
        loop {
            match self.launch(listen).await {
                Ok((_, child)) => return Ok(child),
                Err(_) if Instant::now() < until => sleep(RESTARTED_AFTER).await,
                Err(not_started) => return Err(not_started),
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

    fn late(
        &self,
        listen: SocketAddr,
        ready: &Ready,
        waited: Duration,
        output: &[String],
    ) -> Failure {
        let (name, detail) = (self.recipe.name(), self.recipe.detail());
        let wrote = match output {
            [] => "it wrote nothing".to_owned(),
            lines => format!("it wrote last:\n    {}", lines.join("\n    ")),
        };
        let waited = waited.as_secs_f64();
        let what = match ready {
            Ready::Line(text) => format!("has written no line with `ready: {text:?}`"),
            _ => format!("does not listen on {listen}"),
        };
        let cure = self.recipe.late_cure().map(|cure| format!("; {cure}")).unwrap_or_default();
        Failure(format!("{name} {what}{detail} after {waited} s; {wrote}{cure}"))
    }
}

/// Waits until the child is ready, and says where it listens. Does not notice its end.
async fn wait(child: &Child, ready: &Ready, listen: SocketAddr) -> Result<SocketAddr, Failure> {
    let began = Instant::now();
    let (least, most) = LOOK_EVERY;
    loop {
        if let Some(address) = look(child, ready, listen).await? {
            return Ok(address);
        }
        sleep((began.elapsed() / 20).clamp(least, most)).await;
    }
}

/// Where it listens, if it is ready.
async fn look(
    child: &Child,
    ready: &Ready,
    listen: SocketAddr,
) -> Result<Option<SocketAddr>, Failure> {
    let is_ready = match ready {
        Ready::Port => TcpStream::connect(listen).await.is_ok(),
        Ready::Greeting(is_greeting) => match greeting(listen).await {
            Some(head) => is_greeting(&head),
            None => false,
        },
        Ready::Line(text) => child.has_written(text),
        Ready::PortFile(folder, name) => {
            let port = read_port(&folder.path().join(name))?;
            return Ok(port.map(|port| SocketAddr::new(listen.ip(), port)));
        }
    };
    Ok(is_ready.then_some(listen))
}

/// The first bytes that a connection brings.
async fn greeting(address: SocketAddr) -> Option<[u8; 5]> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    let mut head = [0; 5];
    stream.read_exact(&mut head).await.ok()?;
    Some(head)
}

/// The port in the file: none while there is no whole line in it.
fn read_port(file: &Path) -> Result<Option<u16>, Failure> {
    let failure = |why: String| Failure(format!("port file {}: {why}", file.display()));
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failure(error.to_string())),
    };
    let Some(line) = text.strip_suffix('\n') else { return Ok(None) };
    line.parse().map(Some).map_err(|_| failure(format!("{line:?} is no port")))
}
