//! One broker as a child: started on a port that stays its own, and ended.

use std::ffi::OsString;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use broker_client::wire::masked;
use tokio::time::{Instant, sleep, timeout};

use crate::driver::Address;
use crate::testbed::Failure;
use crate::testbed::child::Child;
use crate::testbed::life::Life;

/// A broker that is not up by then never will be; a loaded machine gets there in well under a
/// second.
const STARTED_WITHIN: Duration = Duration::from_secs(30);

/// How long a broker may finish what is in flight after SIGTERM, before SIGKILL; its own limit is
/// 10 s.
const STOPPED_WITHIN: Duration = Duration::from_secs(15);

/// How long a broker is started again and again that does not come up because its database is away.
const RESTARTED_WITHIN: Duration = Duration::from_secs(10);

/// Between two such starts.
const RESTARTED_AFTER: Duration = Duration::from_millis(50);

/// Between two looks at the port file. Cheap, and far below what a start takes.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// What one broker is started with.
#[derive(Clone)]
pub(super) struct Start {
    /// The harness's binary.
    pub(super) harness: PathBuf,
    /// How it is called in messages.
    pub(super) name: String,
    /// Where to listen; once it does, the port is fixed.
    pub(super) listen: SocketAddr,
    /// For the `broker` subcommand, beside where to listen.
    pub(super) arguments: Vec<OsString>,
    /// The URL of its store, which is a secret; none is memory.
    pub(super) store: Option<String>,
}

/// A broker that is our child.
pub(super) struct Broker {
    start: Start,
    life: Life,
}

impl Broker {
    /// Starts it and waits until it listens.
    pub(super) async fn start(mut start: Start) -> Result<Self, Failure> {
        let (address, child) = launch(&start).await?;
        start.listen = address;
        let life = Life::new(start.name.clone(), address, child);
        Ok(Self { start, life })
    }

    /// Where it listens.
    pub(super) fn address(&self) -> Address {
        self.life.address().into()
    }

    /// Its process id.
    pub(super) fn id(&self) -> i32 {
        self.life.id()
    }

    /// Its lives.
    pub(super) fn life(&self) -> &Life {
        &self.life
    }

    /// Starts it again, on the same port and the same store.
    pub(super) async fn start_again(&self) -> Result<(), Failure> {
        self.life.start(async { Ok(self.relaunch().await?.1) }).await
    }

    /// A broker that finds its database away ends. Whatever looks after brokers (systemd, say) then
    /// starts it again, and so does this: another fault may have taken the database down.
    async fn relaunch(&self) -> Result<(SocketAddr, Child), Failure> {
        let patient_until = Instant::now() + RESTARTED_WITHIN;
        loop {
            match launch(&self.start).await {
                Err(_) if self.start.store.is_some() && Instant::now() < patient_until => {
                    sleep(RESTARTED_AFTER).await;
                }
                done => return done,
            }
        }
    }

    /// Asks it to end and waits until it has.
    pub(super) async fn stop(&self) -> Result<(), Failure> {
        self.life.stop(STOPPED_WITHIN).await
    }

    /// Ends it for good and waits until it is gone.
    pub(super) async fn end(&self) -> Result<(), Failure> {
        self.life.end(STOPPED_WITHIN).await
    }
}

/// What it is started with is not for everybody's eyes.
impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.life, f)
    }
}

/// Starts a broker and waits until it listens.
async fn launch(start: &Start) -> Result<(SocketAddr, Child), Failure> {
    let Start { harness, name, listen, arguments: more, store } = start;
    let folder = tempfile::Builder::new()
        .prefix("harness-")
        .tempdir()
        .map_err(|error| Failure(format!("cannot make a temporary folder: {error}")))?;
    let port_file = folder.path().join("port");
    let mut arguments: Vec<OsString> = vec!["broker".into()];
    arguments.extend(["--listen".into(), listen.to_string().into()]);
    arguments.extend(["--port-file".into(), port_file.clone().into()]);
    arguments.extend_from_slice(more);
    // Everybody on the machine sees arguments, and the store's URL has a password in it.
    let store = store.as_ref().map(|url| ("BROKER_STORE", url.as_str()));
    let child =
        Child::start_with(harness, harness, &arguments, store.as_slice()).map_err(|error| {
            Failure(format!("cannot start {name} by {}: {error}", harness.display()))
        })?;
    let address = listening(&child, start, &port_file).await?;
    // Gone as soon as it has served, so that a harness that is killed leaves no files either.
    drop(folder);
    Ok((address, child))
}

/// The address that the broker wrote down; it does so once it listens.
async fn listening(child: &Child, start: &Start, port_file: &Path) -> Result<SocketAddr, Failure> {
    let Start { name, listen: asked, store, .. } = start;
    let on = store.as_ref().map_or_else(String::new, |url| format!(" with {}", masked(url)));
    let looking = async {
        loop {
            if let Some(port) = read_port(port_file)? {
                return Ok(SocketAddr::new(asked.ip(), port));
            }
            if let Ok(ended) = timeout(LOOK_EVERY, child.ended()).await {
                return Err(Failure(format!("{name} did not start on {asked}{on}: it {ended}")));
            }
        }
    };
    if let Ok(found) = timeout(STARTED_WITHIN, looking).await {
        return found;
    }
    let (waited, lines) = (STARTED_WITHIN.as_secs(), child.output());
    let wrote = match lines.as_slice() {
        [] => "it wrote nothing".to_owned(),
        lines => format!("it wrote last:\n    {}", lines.join("\n    ")),
    };
    Err(Failure(format!("{name} does not listen on {asked}{on} after {waited} s; {wrote}")))
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
