//! A private MySQL server as a guarded child.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use private_database::{Installed, Options, Url, is_greeting};
use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;
use tokio::time::timeout;

use crate::report::words::shell;
use crate::testbed::Failure;
use crate::testbed::child::{Child, Ended};
use crate::testbed::life::Life;

/// A server that is not up by then never will be; usually it takes 0.2 s.
const STARTED_WITHIN: Duration = Duration::from_secs(60);

/// Writing down what is in memory takes a while.
const STOPPED_WITHIN: Duration = Duration::from_secs(60);

/// Between two looks at the socket.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// How it is called in messages.
const NAME: &str = "the private MySQL server";

/// Starts on further ports, where one was taken before the server came to it.
const TRIES: u32 = 5;

/// How to start a private server.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    /// The harness's binary, which guards its children.
    pub(super) harness: PathBuf,
    /// The programs.
    pub(super) installed: Installed,
    /// What it is like.
    pub(super) options: Options,
}

/// A private server that runs.
#[derive(Debug)]
pub(super) struct Private {
    // Dropped first: the server ends before its folder goes.
    life: Life,
    files: private_database::Server,
    harness: PathBuf,
    keep: Option<PathBuf>,
}

impl Private {
    /// Sets up a data folder, starts the server on it and waits until it greets.
    pub(super) async fn start(settings: &Settings) -> Result<Self, Failure> {
        let Settings { harness, installed, options } = settings;
        let failed = |error: private_database::Error| Failure(error.to_string());
        let keep = options.keep.clone();
        let mut files =
            private_database::Server::new(installed.clone(), options.clone()).map_err(failed)?;
        let set_up = Self::child(harness, &files.set_up())?.ended().await;
        if !set_up.status.is_none_or(|status| status.success()) {
            return Err(Failure(format!("setting up a private MySQL server {set_up}")));
        }
        let mut attempt = 1;
        loop {
            let child = Self::child(harness, &files.run())?;
            match ready(&child, &files).await {
                Ok(()) => {
                    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, files.port()));
                    let life = Life::new(NAME.to_owned(), address, child);
                    return Ok(Self { life, files, harness: harness.clone(), keep });
                }
                Err(Some(ended)) if attempt < TRIES && lacks_port(&ended) => {
                    files.change_port().map_err(failed)?;
                }
                Err(ended) => return Err(not_ready(&child, ended)),
            }
            attempt += 1;
        }
    }

    /// Starts it again, on the same data and the same port.
    pub(super) async fn start_again(&self) -> Result<(), Failure> {
        let start = async {
            let child = Self::child(&self.harness, &self.files.run())?;
            match ready(&child, &self.files).await {
                Ok(()) => Ok(child),
                Err(ended) => Err(not_ready(&child, ended)),
            }
        };
        self.life.start(start).await
    }

    /// Asks it to end in good order, as a fault.
    pub(super) async fn stop_on_purpose(&self) -> Result<(), Failure> {
        self.life.stop(STOPPED_WITHIN).await
    }

    /// Its lives.
    pub(super) fn life(&self) -> &Life {
        &self.life
    }

    /// Where it is, by TCP.
    pub(super) fn tcp_url(&self) -> Url {
        self.files.tcp_url()
    }

    fn child(harness: &Path, command: &private_database::Invocation) -> Result<Child, Failure> {
        Child::start(harness, &command.program, &command.arguments).map_err(|error| {
            Failure(format!("cannot start {}: {error}", command.program.display()))
        })
    }

    pub(super) fn url(&self) -> Url {
        self.files.url()
    }

    /// Ends it in good order where its data is kept, and says how to look at that.
    pub(super) async fn stop(&self) -> Option<String> {
        let keep = self.keep.as_ref()?.display().to_string();
        if let Err(Failure(why)) = self.life.end(STOPPED_WITHIN).await {
            return Some(format!("{keep} holds the data of a MySQL server: {why}"));
        }
        let run = self.files.run();
        let mut words = vec![run.program.to_string_lossy().into_owned()];
        let arguments = run.arguments.iter().map(|argument| argument.to_string_lossy());
        let needed = ["--no-defaults", "--datadir=", "--user="];
        words.extend(arguments.filter_map(|argument| {
            let is_needed = needed.iter().any(|name| argument.starts_with(name));
            is_needed.then(|| shell(&argument).into_owned())
        }));
        Some(format!(
            "{keep} holds the runs' databases; to look at them:\n    \
             {} --skip-networking --socket=/tmp/kept.sock &\n    \
             mariadb --user=root --socket=/tmp/kept.sock",
            words.join(" "),
        ))
    }
}

/// Why a server that was started is not there.
fn not_ready(child: &Child, ended: Option<Ended>) -> Failure {
    if let Some(ended) = ended {
        return Failure(format!("{NAME} {ended}"));
    }
    let (waited, wrote) = (STARTED_WITHIN.as_secs(), child.output().join("\n    "));
    Failure(format!("{NAME} does not greet after {waited} s; it wrote last:\n    {wrote}"))
}

/// Waits until the server greets; an error is its end, or none where time ran out.
async fn ready(child: &Child, files: &private_database::Server) -> Result<(), Option<Ended>> {
    let socket = files.socket();
    let looking = async {
        while !greets(&socket).await {
            if let Ok(ended) = timeout(LOOK_EVERY, child.ended()).await {
                return Err(Some(ended));
            }
        }
        Ok(())
    };
    timeout(STARTED_WITHIN, looking).await.unwrap_or(Err(None))
}

/// Whether somebody greets at the socket now.
async fn greets(socket: &Path) -> bool {
    let Ok(mut stream) = UnixStream::connect(socket).await else { return false };
    let mut head = [0; 5];
    stream.read_exact(&mut head).await.is_ok() && is_greeting(&head)
}

/// Whether somebody took its port between the choice and the start.
fn lacks_port(ended: &Ended) -> bool {
    ended.output.iter().any(|line| line.contains("ddress already in use"))
}
