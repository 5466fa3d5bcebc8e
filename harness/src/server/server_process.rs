//! A server that is our child, by its recipe: prepared, started, watched, killed and started again
//! on the same port, and ended. While it is down on purpose, the port is claimed. It may keep its data
//! on a disk of the harness's own, to which something can be done.

mod on_disk;

use std::fmt;
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::sync::Arc;

use futures_util::future::OptionFuture;
use private_database::Invocation;
use rustix::process::Signal;

use super::child::{Child, Ended};
use super::claim::Claim;
use super::failure::Failure;
use super::launcher::{Launcher, NotStarted};
use super::recipe::{Ending, Recipe};
use super::storage::Storage;
use crate::fault::Medium;
use crate::ordered_signal::OrderedSignal;

/// Starts on further ports, where one was taken before the server came to it.
const TRIES: u32 = 5;

/// A server that was started; killed and reaped when dropped or closed.
pub struct ServerProcess {
    address: SocketAddr,
    /// Changes when a child is asked to end, and when another takes its place.
    state: OrderedSignal<State>,
    /// The disk below its data, where it is the harness's own. Ended when the child is, and before the
    /// folder is removed.
    storage: Option<Storage>,
    launcher: Launcher,
}

struct State {
    child: Arc<Child>,
    /// Whether the child was asked to end: its exit is not reported.
    on_purpose: bool,
    /// Whether it is ended for good: no other child takes its place.
    over: bool,
    claim: Option<Claim>,
    /// Whether what is done to it explains that it ends by itself, which is then not reported.
    tolerated: bool,
    /// How it ended, or what it wrote last, where it could not be started again.
    gone: Option<String>,
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
        Self::start_on(None, harness, recipe, listen).await
    }

    /// The same with its data on a disk of the harness's own, where one is given.
    ///
    /// # Errors
    /// As [`ServerProcess::start`]; when there can be no such disk.
    pub async fn start_on(
        medium: Option<Medium>,
        harness: &Path,
        recipe: Arc<dyn Recipe>,
        listen: SocketAddr,
    ) -> Result<Self, Failure> {
        let launcher = Launcher { harness: harness.to_owned(), recipe };
        let storage = match medium {
            Some(medium) => Some(launcher.mount(medium).await?),
            None => None,
        };
        let (address, child) =
            match (first_start(&launcher, listen, medium.is_some()).await, &storage) {
                (Ok(started), _) => started,
                (Err(failure), Some(storage)) => {
                    storage.check().await?;
                    return Err(failure);
                }
                (Err(failure), None) => return Err(failure),
            };
        let child = Arc::new(child);
        let state = State {
            child,
            on_purpose: false,
            over: false,
            claim: None,
            tolerated: false,
            gone: None,
        };
        Ok(Self { address, state: OrderedSignal::new(state), storage, launcher })
    }

    /// Whether it is there and was not asked to end.
    pub fn is_up(&self) -> bool {
        let state = self.state.lock();
        !state.on_purpose && !state.child.has_ended()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The process id of the child now.
    pub fn id(&self) -> i32 {
        self.state.lock().child.id()
    }

    /// Kills it with all of its process group, and waits until it is gone.
    ///
    /// # Errors
    /// When it had ended by itself, and no fault explains that.
    pub async fn kill(&self) -> Result<(), Failure> {
        let child = self.expect_end();
        child.kill();
        self.await_kill(&child).await
    }

    /// Waits until one that was killed is gone.
    async fn await_kill(&self, child: &Child) -> Result<(), Failure> {
        let ended = child.ended().await;
        self.claim_port();
        match ended.status {
            _ if self.is_tolerated() => Ok(()),
            Some(status) if status.signal() != Some(Signal::KILL.as_raw()) => {
                Err(Failure(format!("{} was not there to be killed: it {ended}", self.name())))
            }
            _ => Ok(()),
        }
    }

    /// Says whether what is done to it explains from now on that it ends by itself.
    pub fn tolerate(&self, is_explained: bool) {
        self.state.change(|state| state.tolerated = is_explained);
    }

    /// Asks it to end, and waits until it has.
    ///
    /// # Errors
    /// When it does not in time, or not in good order.
    pub async fn stop(&self) -> Result<(), Failure> {
        let child = self.expect_end();
        let ended = self.ask_to_end(&child).await;
        self.claim_port();
        if self.is_tolerated() { Ok(()) } else { self.judge_end(&ended) }
    }

    /// Starts it again after it was killed or stopped, on the same port and the same data, and
    /// waits until it is ready.
    ///
    /// # Errors
    /// As at the first start; when it was ended for good; when its disk is not there any more.
    pub async fn start_again(&self) -> Result<(), Failure> {
        let claim = {
            let mut state = self.state.lock();
            if state.over {
                return Err(Failure(format!("{} ended with the run", self.name())));
            }
            state.claim.take()
        };
        let _claim = claim.and_then(Claim::beside_start);
        let child = match self.launcher.relaunch(self.address).await {
            Ok(child) => Arc::new(child),
            Err(NotStarted { failure, lacks_port }) => {
                if let Some(storage) = &self.storage {
                    storage.check().await?;
                }
                if !lacks_port {
                    self.be_gone(&failure);
                }
                return Err(failure);
            }
        };
        // Whichever child is not needed is dropped outside the lock.
        let mut spare = Some(child);
        let is_over = self.state.change(|state| {
            if !state.over {
                spare = spare.take().map(|child| std::mem::replace(&mut state.child, child));
                state.on_purpose = false;
                state.gone = None;
            }
            state.over
        });
        if is_over {
            return Err(Failure(format!("{} came up after the run", self.name())));
        }
        Ok(())
    }

    /// Runs a command on its data while it is down.
    ///
    /// # Errors
    /// When the command cannot be started.
    pub async fn run_beside(&self, command: Invocation) -> Result<(), Failure> {
        self.launcher.run(command).await
    }

    /// Stops its clock.
    pub fn pause(&self) {
        self.state.lock().child.signal_group(Signal::STOP);
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.state.lock().child.signal_group(Signal::CONT);
    }

    /// Completes, with a line for people, when it has ended although it was not asked to. May be
    /// dropped and called again.
    pub async fn ended(&self) -> String {
        loop {
            // Before the look: what changes after it wakes this up.
            let changed = self.state.changed();
            let (child, is_news) = {
                let state = self.state.lock();
                (Arc::clone(&state.child), !state.on_purpose && !state.tolerated)
            };
            let storage = OptionFuture::from(self.storage.as_ref().map(Storage::ended));
            tokio::select! { biased;
                () = changed => {}
                Some(why) = storage => return why,
                ended = child.ended(), if is_news => return format!("{} {ended}", self.name()),
            }
        }
    }

    /// Ends it for good, in good order if it is up; one on a disk of the harness's own, which may be
    /// at odds with it, by a kill.
    pub async fn end(&self) -> Result<(), Failure> {
        let (child, was_down) = self.state.change(|state| {
            state.over = true;
            state.claim = None;
            (Arc::clone(&state.child), std::mem::replace(&mut state.on_purpose, true))
        });
        if was_down || self.storage.is_some() {
            // It may have been asked, and not be gone yet.
            child.kill();
            self.leave_storage();
            child.ended().await;
            return Ok(());
        }
        self.judge_end(&self.ask_to_end(&child).await)
    }

    /// Kills it for good: a start that is under way fails.
    pub fn close(&self) {
        let child = self.state.change(|state| {
            state.over = true;
            state.on_purpose = true;
            state.claim = None;
            Arc::clone(&state.child)
        });
        child.kill();
        self.leave_storage();
        child.kill_and_reap();
    }

    fn name(&self) -> &str {
        self.launcher.recipe.name()
    }

    fn ending(&self) -> Ending {
        self.launcher.recipe.ending()
    }

    async fn ask_to_end(&self, child: &Child) -> (Ended, Signal) {
        let Ending { signal, grace, .. } = self.ending();
        child.stop(signal, grace).await
    }

    /// From here on its end is not reported.
    fn expect_end(&self) -> Arc<Child> {
        self.state.change(|state| {
            state.on_purpose = true;
            Arc::clone(&state.child)
        })
    }

    /// While it is down: keeps its port for it. Where it cannot, another program was quicker, and the next
    /// start says so. To be called once more after a start that came to nothing.
    pub fn claim_port(&self) {
        let mut state = self.state.lock();
        if !state.over {
            state.claim = Claim::new(self.address).ok();
        }
    }

    /// Whether a child that was asked to end did so as it should; `by` is the signal that ended it.
    fn judge_end(&self, (ended, by): &(Ended, Signal)) -> Result<(), Failure> {
        let (name, Ending { signal, grace, is_good }) = (self.name(), self.ending());
        if *by != signal {
            let (grace, asked) = (grace.as_secs(), signal_name(signal));
            return Err(Failure(format!(
                "{name} did not end within {grace} s of {asked} and was killed: it {ended}"
            )));
        }
        if ended.status.as_ref().is_none_or(is_good) {
            return Ok(());
        }
        Err(Failure(format!("{name} did not end in good order: it {ended}")))
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        self.close();
    }
}

/// What a server is started with may hold secrets.
impl fmt::Debug for ServerProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {}", self.name(), self.address)
    }
}

/// Prepares a server and starts it, on another port where one is taken; what prepares it is `durable`
/// where its disk may lose its power.
async fn first_start(
    launcher: &Launcher,
    listen: SocketAddr,
    durable: bool,
) -> Result<(SocketAddr, Child), Failure> {
    launcher.prepare(durable).await?;
    let tries = if listen.port() == 0 { TRIES } else { 1 };
    let mut attempt = 1;
    loop {
        let (asked, claim) = claim(listen)?;
        let _claim = claim.and_then(Claim::beside_start);
        match launcher.launch(asked).await {
            Err(NotStarted { lacks_port: true, .. }) if attempt < tries => attempt += 1,
            Err(NotStarted { failure, .. }) => return Err(failure),
            Ok(started) => return Ok(started),
        }
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

fn signal_name(signal: Signal) -> String {
    match signal {
        Signal::TERM => "SIGTERM".to_owned(),
        Signal::INT => "SIGINT".to_owned(),
        Signal::QUIT => "SIGQUIT".to_owned(),
        other => format!("signal {}", other.as_raw()),
    }
}
