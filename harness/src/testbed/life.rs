//! A child with a port of its own that can be ended on purpose, and started again on the same port.
//!
//! Between two lives the port is claimed: a socket that is bound and does not listen keeps the
//! system from giving it to somebody else, or to a client of ours that looks for the dead child. On
//! Linux a program that listens is let in beside it, as long as both allow it, as servers do.

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::process::Signal;
use tokio::net::TcpSocket;
use tokio::sync::Notify;

use super::Failure;
use super::child::{Child, Ended};

/// A child and its lives; killed and reaped when dropped or closed.
pub(super) struct Life {
    name: String,
    address: SocketAddr,
    inside: Mutex<Inside>,
    /// Told when a child is asked to end, and when another takes its place.
    changed: Notify,
}

struct Inside {
    child: Arc<Child>,
    /// Whether the child was asked to end: nobody is to wonder that it does.
    on_purpose: bool,
    /// Whether no other child is to take its place.
    over: bool,
    claim: Option<TcpSocket>,
}

impl Life {
    /// The first life of a child that listens there.
    pub(super) fn new(name: String, address: SocketAddr, child: Child) -> Self {
        let child = Arc::new(child);
        let inside = Inside { child, on_purpose: false, over: false, claim: None };
        Self { name, address, inside: Mutex::new(inside), changed: Notify::new() }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The process id of the child now.
    pub(super) fn id(&self) -> i32 {
        self.inside().child.id()
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
    pub(super) async fn stop(&self, grace: Duration) -> Result<(), Failure> {
        let child = self.expect_end();
        let (ended, by) = child.stop(grace).await;
        self.claim_port();
        judge_end(&self.name, &ended, by, grace)
    }

    /// Has another child take its place, which `start` starts on the same port.
    pub(super) async fn start(
        &self,
        start: impl Future<Output = Result<Child, Failure>>,
    ) -> Result<(), Failure> {
        let claim = {
            let mut inside = self.inside();
            if inside.over {
                return Err(Failure(format!("{} ended with the run", self.name)));
            }
            inside.claim.take()
        };
        // Elsewhere the port is either claimed or listened on.
        let _claim = claim.filter(|_| cfg!(target_os = "linux"));
        let child = Arc::new(start.await?);
        let mut inside = self.inside();
        if inside.over {
            return Err(Failure(format!("{} came up after the run", self.name)));
        }
        // The one before is gone already; what is left of it is dropped outside the lock.
        let before = std::mem::replace(&mut inside.child, child);
        inside.on_purpose = false;
        drop(inside);
        drop(before);
        self.changed.notify_waiters();
        Ok(())
    }

    /// Stops its clock.
    pub(super) fn pause(&self) {
        self.inside().child.signal(Signal::STOP);
    }

    /// Lets it go on.
    pub(super) fn resume(&self) {
        self.inside().child.signal(Signal::CONT);
    }

    /// Completes, with a line for people, when it has ended although nobody asked it to. May be
    /// dropped and called again.
    pub(super) async fn ended(&self) -> String {
        loop {
            // Before the look: what changes after it wakes this up.
            let changed = self.changed.notified();
            let (child, on_purpose) = {
                let inside = self.inside();
                (Arc::clone(&inside.child), inside.on_purpose)
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
    pub(super) async fn end(&self, grace: Duration) -> Result<(), Failure> {
        let (child, was_down) = {
            let mut inside = self.inside();
            inside.over = true;
            inside.claim = None;
            (Arc::clone(&inside.child), std::mem::replace(&mut inside.on_purpose, true))
        };
        self.changed.notify_waiters();
        if was_down {
            // It may have been asked, and not be gone yet.
            child.kill();
            child.ended().await;
            return Ok(());
        }
        let (ended, by) = child.stop(grace).await;
        judge_end(&self.name, &ended, by, grace)
    }

    /// Kills it for good. Whoever is about to start it again is told no.
    pub(super) fn close(&self) {
        let child = {
            let mut inside = self.inside();
            inside.over = true;
            inside.on_purpose = true;
            inside.claim = None;
            Arc::clone(&inside.child)
        };
        child.kill_and_reap();
        self.changed.notify_waiters();
    }

    /// From here on its end is no news.
    fn expect_end(&self) -> Arc<Child> {
        let child = {
            let mut inside = self.inside();
            inside.on_purpose = true;
            Arc::clone(&inside.child)
        };
        self.changed.notify_waiters();
        child
    }

    /// Where it cannot, somebody was quicker, and the next start says so.
    fn claim_port(&self) {
        let mut inside = self.inside();
        if !inside.over {
            inside.claim = claim(self.address).ok();
        }
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        self.close();
    }
}

impl fmt::Debug for Life {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, address, .. } = self;
        f.debug_struct("Life").field("name", name).field("address", address).finish_non_exhaustive()
    }
}

fn claim(address: SocketAddr) -> std::io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

/// Whether a child that was asked to end did so as it should.
fn judge_end(name: &str, ended: &Ended, by: Signal, grace: Duration) -> Result<(), Failure> {
    if by == Signal::KILL {
        let grace = grace.as_secs();
        return Err(Failure(format!(
            "{name} did not end within {grace} s of SIGTERM and was killed: it {ended}"
        )));
    }
    if ended.status.is_none_or(|status| status.success()) {
        return Ok(());
    }
    Err(Failure(format!("{name} did not end in good order: it {ended}")))
}
