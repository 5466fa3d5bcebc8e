//! Our own broker as a child process on a free port, started by running the harness's binary again
//! (its hidden `broker` subcommand) and ended with the run.
//!
//! On Linux nothing is left behind even when the harness is killed by SIGKILL. Elsewhere that one
//! way of ending leaves the broker running, because no parent-death signal exists there.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Signal;
use tokio::time::timeout;

use super::child::{Child, Ended};
use super::{Failure, Testbed};
use crate::driver::Pending;

/// A broker that is not up by then never will be; a loaded machine gets there in well under a
/// second.
const STARTED_WITHIN: Duration = Duration::from_secs(30);

/// How long a broker may finish what is in flight after SIGTERM, before SIGKILL; its own limit is
/// 10 s.
const STOPPED_WITHIN: Duration = Duration::from_secs(15);

/// Between two looks at the port file. Cheap, and far below what a start takes.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// How to start a broker.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The harness's own binary, which is the broker's too. A library cannot know it: in a test,
    /// the running binary is the test.
    pub harness: PathBuf,
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// What else the `broker` subcommand is given: the store, limits, sabotage.
    pub arguments: Vec<OsString>,
}

impl Settings {
    /// A free port on the loopback address, and nothing else said.
    #[must_use]
    pub fn new(harness: &Path) -> Self {
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        Self { harness: harness.to_owned(), listen, arguments: Vec::new() }
    }
}

/// A broker that is our child.
#[derive(Debug)]
pub struct Process {
    child: Child,
    addresses: Vec<String>,
}

impl Process {
    /// Starts a broker and waits until it listens.
    ///
    /// # Errors
    /// When it cannot be started, ends before it listens (with the last lines it wrote: a port in
    /// use, an unknown flag), or does not listen within 30 s.
    pub async fn start(settings: &Settings) -> Result<Self, Failure> {
        let folder = tempfile::Builder::new()
            .prefix("harness-")
            .tempdir()
            .map_err(|error| Failure(format!("cannot make a temporary folder: {error}")))?;
        let port_file = folder.path().join("port");
        let mut arguments: Vec<OsString> = vec!["broker".into()];
        arguments.extend(["--listen".into(), settings.listen.to_string().into()]);
        arguments.extend(["--port-file".into(), port_file.clone().into()]);
        arguments.extend_from_slice(&settings.arguments);
        let harness = &settings.harness;
        let mut child = Child::start(harness, harness, &arguments).map_err(|error| {
            Failure(format!("cannot start the broker by {}: {error}", harness.display()))
        })?;
        let address = listening(&mut child, &port_file, settings.listen).await?;
        // Gone as soon as it has served, so that a harness that is killed leaves no files either.
        drop(folder);
        Ok(Self { child, addresses: vec![format!("http://{address}")] })
    }

    /// The broker's process id.
    #[must_use]
    pub fn id(&self) -> i32 {
        self.child.id()
    }
}

impl Testbed for Process {
    fn addresses(&self) -> &[String] {
        &self.addresses
    }

    fn ended(&mut self) -> Pending<'_, String> {
        Box::pin(async { format!("the broker {}", self.child.ended().await) })
    }

    fn stop(self: Box<Self>) -> Pending<'static, Result<(), Failure>> {
        Box::pin(async move {
            let (ended, by) = self.child.stop(STOPPED_WITHIN).await;
            judge_end(&ended, by)
        })
    }
}

/// The address that the broker wrote down; it does so once it listens.
async fn listening(
    child: &mut Child,
    port_file: &Path,
    asked: SocketAddr,
) -> Result<SocketAddr, Failure> {
    let looking = async {
        loop {
            if let Some(port) = read_port(port_file)? {
                return Ok(SocketAddr::new(asked.ip(), port));
            }
            if let Ok(ended) = timeout(LOOK_EVERY, child.ended()).await {
                return Err(Failure(format!("the broker did not start on {asked}: it {ended}")));
            }
        }
    };
    if let Ok(found) = timeout(STARTED_WITHIN, looking).await {
        return found;
    }
    let (waited, wrote) = (STARTED_WITHIN.as_secs(), child.output().join("\n    "));
    let why = format!("the broker does not listen on {asked} after {waited} s; it wrote last:");
    Err(Failure(format!("{why}\n    {wrote}")))
}

/// The port in the file: none while there is no whole line in it.
fn read_port(file: &Path) -> Result<Option<u16>, Failure> {
    let failure = |why: String| Failure(format!("port file {}: {why}", file.display()));
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failure(error.to_string())),
    };
    let Some(line) = text.strip_suffix('\n') else { return Ok(None) };
    line.parse().map(Some).map_err(|_| failure(format!("{line:?} is no port")))
}

/// Whether a broker that was asked to end did so as it should.
fn judge_end(ended: &Ended, by: Signal) -> Result<(), Failure> {
    if by == Signal::KILL {
        let grace = STOPPED_WITHIN.as_secs();
        return Err(Failure(format!(
            "the broker did not end within {grace} s of SIGTERM and was killed: it {ended}"
        )));
    }
    if ended.status.is_none_or(|status| status.success()) {
        return Ok(());
    }
    Err(Failure(format!("the broker did not end in good order: it {ended}")))
}
