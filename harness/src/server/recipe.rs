//! What is particular about one kind of server: its program and arguments, how it is prepared, how
//! it shows that it is ready, and how it is ended.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use private_database::{Folder, Invocation};
use rustix::process::Signal;
use tempfile::TempDir;

use super::failure::Failure;
use futures_util::future::BoxFuture;

/// A server of one kind, with its folder and settings. It listens on one port, in the foreground.
pub trait Recipe: Send + Sync {
    /// How messages call it: `the private MySQL server`.
    fn name(&self) -> &str;

    /// What follows its address in the message that it did not start: ` with mysql://...`.
    fn detail(&self) -> String {
        String::new()
    }

    /// Where it keeps what it writes. Processes that it started and that left its process group are
    /// ended when the folder goes. None for a server that leaves neither files nor such processes.
    fn folder(&self) -> Option<&Folder> {
        None
    }

    /// The folder that it keeps its data in, which a disk of the harness's own can be put below; none
    /// where there is no such folder. It is below [`Recipe::folder`], and need not be there yet.
    fn data(&self) -> Option<Data> {
        None
    }

    /// Whether the first start is prepared by a copy of what an earlier preparation left. `durable`: the
    /// copy has to survive a power cut. It works on files for a while, on a thread of its own.
    ///
    /// # Errors
    /// Where the copy cannot be written.
    fn copy_prepared(&self, _durable: bool) -> Result<bool, Failure> {
        Ok(false)
    }

    /// Keeps what the preparation left, for [`Recipe::copy_prepared`] of the next such server, if it
    /// can. On a thread of its own, too.
    fn keep_prepared(&self) {}

    /// What prepares the first start otherwise, such as the set-up of a data folder. Each command runs to its
    /// end, in this order, and must end with 0.
    fn preparation(&self) -> Vec<Invocation> {
        Vec::new()
    }

    /// What starts it at this address, whose port is never 0. Called before each start, so that
    /// files which name the port are written here.
    ///
    /// # Errors
    /// Where such a file cannot be written.
    fn start(&self, listen: SocketAddr) -> Result<Start, Failure>;

    /// Whether these last lines of one that ended say that its port was taken. It is then started
    /// on another port, unless this one was asked for.
    fn lacks_port(&self, output: &[String]) -> bool {
        output.iter().any(|line| line.contains("ddress already in use"))
    }

    /// How long it may take to be ready, on a machine that is very busy.
    fn ready_within(&self) -> Duration {
        Duration::from_secs(60)
    }

    /// What to do where it was not ready by then, if there is anything.
    fn late_cure(&self) -> Option<&str> {
        None
    }

    /// How long it is started again and again after a fault, where it ends before it is ready.
    fn restarted_within(&self) -> Duration {
        Duration::ZERO
    }

    /// Whether it really keeps what it promises to keep. Asked after each start, once it is ready:
    /// some servers go on without their files where these cannot be written.
    ///
    /// # Errors
    /// Why it does not.
    fn check_persistence(&self, _listens: SocketAddr) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(std::future::ready(Ok(())))
    }

    /// How it is asked to end, and what a good end is.
    fn ending(&self) -> Ending {
        Ending::default()
    }
}

/// Where a server keeps its data.
#[derive(Clone, Debug)]
pub struct Data {
    /// The folder.
    pub folder: PathBuf,
    /// Files in it that a server writes and does not need, such as logs: a power cut that forgot only
    /// of these proves nothing. Each is a name, or the end of one behind a `*`.
    pub noise: &'static [&'static str],
}

/// A start of a server.
#[derive(Debug)]
pub struct Start {
    /// What runs it.
    pub run: Invocation,
    /// How it shows that it is ready.
    pub ready: Ready,
}

/// How a server shows that it is ready.
#[derive(Debug)]
pub enum Ready {
    /// Its port accepts a connection.
    Port,
    /// A connection to its port is greeted by five bytes of which this is true.
    Greeting(fn(&[u8; 5]) -> bool),
    /// It has written a line that contains this text.
    Line(Cow<'static, str>),
    /// It has written the port on which it listens, and an end of line, to a file of this name in
    /// the folder, which is removed once that is read.
    PortFile(TempDir, &'static str),
}

/// How a server is ended in good order.
#[derive(Clone, Copy, Debug)]
pub struct Ending {
    /// What it is asked by.
    pub signal: Signal,
    /// How long it may take before it is killed.
    pub grace: Duration,
    /// Which exit status is that of a good end.
    pub is_good: fn(&ExitStatus) -> bool,
}

impl Default for Ending {
    /// SIGTERM, a minute, and exit code 0.
    fn default() -> Self {
        let grace = Duration::from_secs(60);
        Self { signal: Signal::TERM, grace, is_good: ExitStatus::success }
    }
}

/// What a recipe is made from.
#[derive(Clone, Debug)]
pub struct Wanted<'a> {
    /// The harness's own program, which is our broker's too.
    pub harness: &'a Path,
    /// How messages call the server, where several of one kind are told apart.
    pub name: String,
    /// What else the server is to be told.
    pub arguments: &'a [OsString],
    /// The URL of the store that it is to use, which is a secret; none is its own.
    pub store: Option<&'a str>,
    /// Whether that is a cluster, which takes longer to come back.
    pub is_cluster: bool,
    /// Its configuration, in its own words, on top of what the recipe needs.
    pub config: &'a BTreeMap<String, String>,
}

/// Makes a recipe: finds the program, and makes the folder. An error says what to install.
pub type NewRecipe = fn(&Wanted<'_>) -> Result<Arc<dyn Recipe>, Failure>;
