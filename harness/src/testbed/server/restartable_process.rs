//! A child with a port of its own that can be ended on purpose, and started again on the same port.
//! In between, the port is claimed.

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::process::Signal;
use tokio::sync::Notify;

use super::child::{Child, Ended};
use super::claim::Claim;
use super::recipe::Ending;
use crate::testbed::Failure;

/// A child and those that take its place; killed and reaped when dropped or closed.
pub(super) struct RestartableProcess {
    name: String,
    ending: Ending,
    address: SocketAddr,
    state: Mutex<State>,
    /// Told when a child is asked to end, and when another takes its place.
    changed: Notify,
}

struct State {
    child: Arc<Child>,
    /// Whether the child was asked to end: its exit is not reported.
    on_purpose: bool,
    /// Whether it is ended for good: no other child takes its place.
    over: bool,
    claim: Option<Claim>,
}

impl RestartableProcess {
    /// Takes over a child that listens there.
    pub(super) fn new(name: String, ending: Ending, address: SocketAddr, child: Child) -> Self {
        let child = Arc::new(child);
        let state = State { child, on_purpose: false, over: false, claim: None };
        Self { name, ending, address, state: Mutex::new(state), changed: Notify::new() }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The process id of the child now.
    pub(super) fn id(&self) -> i32 {
        self.state().child.id()
    }

    /// Kills it, and waits until it is gone.
    pub(super) async fn kill(&self) -> Result<(), Failure> {
        let child = self.expect_end();
        child.kill();
        let ended = child.ended().await;
        self.claim_port();
        match ended.status {
            Some(status) if status.signal() != Some(Signal::KILL.as_raw()) => {
                Err(Failure(format!("{} was not there to be killed: it {ended}", self.name)))
            }
            _ => Ok(()),
        }
    }

    /// Asks it to end, and waits until it has.
    pub(super) async fn stop(&self) -> Result<(), Failure> {
        let child = self.expect_end();
        let ended = child.stop(self.ending.signal, self.ending.grace).await;
        self.claim_port();
        self.judge_end(&ended)
    }

    /// Has another child take its place, which `start` starts on the same port.
    pub(super) async fn start(
        &self,
        start: impl Future<Output = Result<Child, Failure>>,
    ) -> Result<(), Failure> {
        let claim = {
            let mut state = self.state();
            if state.over {
                return Err(Failure(format!("{} ended with the run", self.name)));
            }
            state.claim.take()
        };
        let _claim = claim.and_then(Claim::beside_start);
        let child = Arc::new(start.await?);
        let mut state = self.state();
        if state.over {
            return Err(Failure(format!("{} came up after the run", self.name)));
        }
        // The one before is gone already; what is left of it is dropped outside the lock.
        let before = std::mem::replace(&mut state.child, child);
        state.on_purpose = false;
        drop(state);
        drop(before);
        self.changed.notify_waiters();
        Ok(())
    }

    /// Stops its clock.
    pub(super) fn pause(&self) {
        self.state().child.signal_group(Signal::STOP);
    }

    /// Lets it go on.
    pub(super) fn resume(&self) {
        self.state().child.signal_group(Signal::CONT);
    }

    /// Completes, with a line for people, when it has ended although it was not asked to. May be
    /// dropped and called again.
    pub(super) async fn ended(&self) -> String {
        loop {
            // Before the look: what changes after it wakes this up.
            let changed = self.changed.notified();
            let (child, on_purpose) = {
                let state = self.state();
                (Arc::clone(&state.child), state.on_purpose)
            };
            if on_purpose {
                changed.await;
                continue;
            }
            tokio::select! { biased;
                () = changed => {}
                ended = child.ended() => return format!("{} {ended}", self.name),
            }
        }
    }

    /// Ends it for good, in good order if it is up.
    pub(super) async fn end(&self) -> Result<(), Failure> {
        let (child, was_down) = {
            let mut state = self.state();
            state.over = true;
            state.claim = None;
            (Arc::clone(&state.child), std::mem::replace(&mut state.on_purpose, true))
        };
        self.changed.notify_waiters();
        if was_down {
            // It may have been asked, and not be gone yet.
            child.kill();
            child.ended().await;
            return Ok(());
        }
        self.judge_end(&child.stop(self.ending.signal, self.ending.grace).await)
    }

    /// Kills it for good: a start that is under way fails.
    pub(super) fn close(&self) {
        let child = {
            let mut state = self.state();
            state.over = true;
            state.on_purpose = true;
            state.claim = None;
            Arc::clone(&state.child)
        };
        child.kill_and_reap();
        self.changed.notify_waiters();
    }

    /// From here on its end is not reported.
    fn expect_end(&self) -> Arc<Child> {
        let child = {
            let mut state = self.state();
            state.on_purpose = true;
            Arc::clone(&state.child)
        };
        self.changed.notify_waiters();
        child
    }

    /// Where it cannot, another program was quicker, and the next start says so.
    fn claim_port(&self) {
        let mut state = self.state();
        if !state.over {
            state.claim = Claim::new(self.address).ok();
        }
    }

    /// Whether a child that was asked to end did so as it should; `by` is the signal that ended it.
    fn judge_end(&self, (ended, by): &(Ended, Signal)) -> Result<(), Failure> {
        let (name, Ending { signal, grace, is_good }) = (&self.name, self.ending);
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

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for RestartableProcess {
    fn drop(&mut self) {
        self.close();
    }
}

impl fmt::Debug for RestartableProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, address, .. } = self;
        f.debug_struct("RestartableProcess")
            .field("name", name)
            .field("address", address)
            .finish_non_exhaustive()
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
