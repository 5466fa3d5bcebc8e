//! A scenario in a `#[test]` of somebody's own crate: [`run`] on our own broker, [`Run`] on one that is
//! under test. It is `harness run` within the test's process, with the same checks and golden files.
//!
//! Nothing but the program `harness` can start servers, and kill them: so there is neither a word of
//! the catalogue here (`--on redis`), nor a fault of a process. Such scenarios are refused, and say so.

mod outcome;

use std::ffi::OsString;
use std::io;
use std::net::Ipv4Addr;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};

use clap::{Args as _, FromArgMatches as _};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use crate::command::run::{Arguments, lone};
use crate::exit::Exit;
use crate::report::Entry;
use crate::scenario::{self, Broker, DEFAULT_ON, EXEC_DRIVER};
use crate::testbed::in_process;

pub use outcome::{Failed, Passed};

/// Runs a scenario on our own broker, which is served within this process: a first look, and a test of
/// the scenario itself.
///
/// # Errors
/// When it does not pass. The text is what `harness run` prints, with the proofs.
///
/// ```
/// # let folder = tempfile::tempdir().unwrap();
/// # let file = folder.path().join("small.yaml");
/// # std::fs::write(&file, "topics: { T1: P1 -> C1 }\nproducers: { all: { generate: { messages: 3 } } }\ngolden: none\n").unwrap();
/// let passed = harness::run(&file).unwrap();
/// assert!(passed.to_string().contains("sent 3  delivered 3"));
/// ```
pub fn run(scenario: impl AsRef<Path>) -> Result<Passed, Failed> {
    Run::new(scenario).run()
}

/// A scenario that is to be run, and on what. The paths are as the test sees them: cargo runs it in the
/// folder of its package.
///
/// ```no_run
/// # mod my_broker { pub fn router() -> axum::Router { axum::Router::new() } }
/// // `my_broker::router()` is an `axum::Router` with the six routes of docs/wire.md.
/// #[test]
/// fn keeps_its_promises() -> Result<(), harness::Failed> {
///     harness::Run::new("scenarios/5p3c.yaml")
///         .serve(|listener| axum::serve(listener, my_broker::router()))
///         .run()?;
///     Ok(())
/// }
/// ```
#[must_use = "nothing is run before `run` or `run_async`"]
pub struct Run {
    scenario: PathBuf,
    broker: UnderTest,
    flags: Vec<OsString>,
    out: Option<PathBuf>,
}

/// Serves a broker on a listener.
type Serve = Box<dyn FnOnce(TcpListener) -> BoxFuture<'static, ()> + Send>;

enum UnderTest {
    Ours,
    At(String),
    Served(Serve),
}

impl Run {
    /// The scenario in this file, on our own broker unless something else is said.
    pub fn new(scenario: impl AsRef<Path>) -> Self {
        let scenario = scenario.as_ref().to_owned();
        Self { scenario, broker: UnderTest::Ours, flags: Vec::new(), out: None }
    }

    /// On a broker that runs at this URL, as `--on` takes it: `http://127.0.0.1:5000`, several
    /// addresses of one system with `+`, and with the cargo features also `nats://`, `redis://` and so
    /// on.
    ///
    /// A broker that is served by the runtime of a `#[tokio::test]` is reached only while that runtime
    /// goes on: use [`run_async`](Self::run_async), or [`serve`](Self::serve).
    pub fn on(mut self, url: impl Into<String>) -> Self {
        self.broker = UnderTest::At(url.into());
        self
    }

    /// On a broker that this serves over HTTP, on a free port of 127.0.0.1: what it returns is polled
    /// until the run is over, and then dropped.
    ///
    /// `axum::serve(listener, router)` can be returned as it is, an `async` block too.
    pub fn serve<S>(mut self, broker: impl FnOnce(TcpListener) -> S + Send + 'static) -> Self
    where
        S: IntoFuture,
        S::IntoFuture: Send + 'static,
    {
        self.broker = UnderTest::Served(Box::new(|listener| {
            broker(listener).into_future().map(|_| ()).boxed()
        }));
        self
    }

    /// With the consumers' logs in this folder, and the history of a run that does not pass; each
    /// scenario has a folder of its own in it. By default they are in a temporary one, which is kept
    /// where the run did not pass.
    pub fn out(mut self, folder: impl AsRef<Path>) -> Self {
        self.out = Some(folder.as_ref().to_owned());
        self
    }

    /// With golden files from this folder; by default the nearest `golden` beside the scenario or above
    /// it. A scenario with `golden: none` has none.
    pub fn golden(self, folder: impl AsRef<Path>) -> Self {
        self.flag("--golden", folder.as_ref())
    }

    /// With this CA, a file in PEM, trusted to have signed the certificate of a broker at an `https://`
    /// URL. A token for such a broker is taken from `HARNESS_BROKER_TOKEN`.
    pub fn ca(self, file: impl AsRef<Path>) -> Self {
        self.flag("--ca", file.as_ref())
    }

    /// With this seed of everything made up, in place of the scenario's own.
    pub fn seed(self, seed: u64) -> Self {
        self.flag("--seed", seed.to_string())
    }

    fn flag(mut self, flag: &str, value: impl Into<OsString>) -> Self {
        self.flags.extend([flag.into(), value.into()]);
        self
    }

    /// Runs it, on threads of its own, and waits: for a `#[test]`.
    ///
    /// # Errors
    /// When it does not pass, has no verdict, or cannot be run.
    pub fn run(self) -> Result<Passed, Failed> {
        let file = self.scenario.clone();
        match self.start(|_| {}) {
            Ok(thread) => outcome::of(joined(thread)),
            Err(error) => Err(outcome::no_thread(&file, &error)),
        }
    }

    /// The same for a `#[tokio::test]`, whose runtime goes on meanwhile.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub async fn run_async(self) -> Result<Passed, Failed> {
        let file = self.scenario.clone();
        let (done, is_done) = oneshot::channel();
        match self.start(|()| drop(done)) {
            Ok(thread) => {
                // The sender is dropped, also by a panic.
                let _: Result<(), _> = is_done.await;
                outcome::of(joined(thread))
            }
            Err(error) => Err(outcome::no_thread(&file, &error)),
        }
    }

    /// Runs it on a thread of its own: a runtime must not be made where there is one.
    fn start(self, then: impl FnOnce(()) + Send + 'static) -> io::Result<JoinHandle<Entry>> {
        thread::Builder::new().name("harness".to_owned()).spawn(move || {
            let entry = self.hold();
            then(());
            entry
        })
    }

    fn hold(self) -> Entry {
        let Self { scenario, broker, flags, out } = self;
        let refuse = |exit, why: String| Entry::failed(&scenario, exit, why);
        if let Some(why) = objection(&scenario, &broker) {
            return refuse(Exit::Usage, why);
        }
        let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return refuse(Exit::NoVerdict, format!("cannot start threads: {error}")),
        };
        let (url, served) = match served(broker, &runtime) {
            Ok(served) => served,
            Err(error) => {
                let why = format!("cannot listen on 127.0.0.1: {error}");
                return refuse(Exit::NoVerdict, why);
            }
        };
        let temporary = match out.is_none().then(tempfile::tempdir).transpose() {
            Ok(temporary) => temporary,
            Err(error) => {
                let why = format!("cannot make a temporary folder for logs: {error}");
                return refuse(Exit::Usage, why);
            }
        };
        let folder = temporary.as_ref().map(|own| own.path().to_owned()).or(out);
        let mut words: Vec<OsString> = vec!["run".into(), scenario.clone().into()];
        words.extend(["--on".into(), url.into(), "--quiet".into()]);
        words.extend(folder.into_iter().flat_map(|folder| ["--out".into(), folder.into()]));
        words.extend(flags);
        let mut entry = match parsed(words) {
            Ok(arguments) => lone(&arguments, &runtime),
            Err(error) => return refuse(Exit::Usage, error.to_string()),
        };
        if let Some(server) = served {
            // Its port is another one the next time.
            entry.reproduce = None;
            if server.is_finished() {
                entry.notes.push("what serves the broker came to an end meanwhile".to_owned());
            }
        }
        // Who looks at a failure wants its logs.
        if let Some(temporary) = temporary.filter(|_| entry.exit() != Exit::Passed) {
            let _ = temporary.keep();
        }
        runtime.shutdown_background();
        entry
    }
}

/// The arguments of `harness run`, from its words.
fn parsed(words: Vec<OsString>) -> Result<Arguments, clap::Error> {
    let command = Arguments::augment_args(clap::Command::new("run"));
    Arguments::from_arg_matches(&command.try_get_matches_from(words)?)
}

/// What comes of a thread; its panic is the caller's.
fn joined(thread: JoinHandle<Entry>) -> Entry {
    thread.join().unwrap_or_else(|panic| resume_unwind(panic))
}

/// Where the broker is, and what serves it here.
fn served(
    broker: UnderTest,
    runtime: &Runtime,
) -> io::Result<(String, Option<tokio::task::JoinHandle<()>>)> {
    let serve: Serve = match broker {
        UnderTest::At(url) => return Ok((url, None)),
        UnderTest::Ours => Box::new(|listener| in_process::serve(listener).boxed()),
        UnderTest::Served(serve) => serve,
    };
    let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
    let url = format!("http://{}", listener.local_addr()?);
    // What is called may want to be in the runtime.
    let _entered = runtime.enter();
    Ok((url, Some(runtime.spawn(serve(listener)))))
}

/// Why a scenario cannot be run here, as far as that is not known to `harness run`.
fn objection(file: &Path, broker: &UnderTest) -> Option<String> {
    match broker {
        UnderTest::At(url) if !url.contains("://") => Some(format!(
            "{url} is no URL, and only the program `harness` starts brokers by a word; start it \
             before, and name its URL by `on`"
        )),
        UnderTest::At(_) | UnderTest::Served(_) => None,
        UnderTest::Ours => {
            // What is wrong with the file is said where it is run.
            let Broker { on, driver, .. } = scenario::load(file).ok()?.broker;
            let word = if driver == EXEC_DRIVER { driver } else { on };
            (word != DEFAULT_ON).then(|| {
                format!(
                    "its broker is {word}, which only the program `harness` starts; name one that \
                     runs by `on`, or serve one by `serve`"
                )
            })
        }
    }
}

#[cfg(test)]
mod tests;
