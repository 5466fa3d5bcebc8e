//! One connection: what it is doing since when, and its end when that takes too long. It is served in
//! [`serving`].
//!
//! The time-outs cost a request a few plain stores to memory, because it reads the clock of all
//! connections.

pub(super) mod serving;

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use tokio::sync::Notify;

use super::clock::{Clock, Deadlines};
use crate::signal::Signal;

/// Nothing was read since the last answer.
const IDLE: u8 = 0;
/// Some of a request's head was read.
const HEAD: u8 = 1;
/// A handler is at work.
const SERVING: u8 = 2;
/// A poll waits for messages.
const WAITING: u8 = 3;
/// A handler waits for more of a request's body.
const BODY: u8 = 4;

tokio::task_local! {
    /// The connection that a task serves.
    static CURRENT: Arc<Connection>;
}

/// The connection of the task that asks, if it serves one.
pub(super) fn current() -> Option<Arc<Connection>> {
    CURRENT.try_with(Arc::clone).ok()
}

/// Go on.
const SERVE: u8 = 0;
/// Finish the request in flight, if there is one, and close.
const FINISH: u8 = 1;
/// The same, but close now if the request is not here yet.
const GIVE_WAY: u8 = 2;
/// Close now.
const CUT: u8 = 3;

/// What a connection is doing; shared by its task and the server's.
pub(super) struct Connection {
    clock: Clock,
    phase: AtomicU8,
    /// When the phase began.
    since: AtomicU64,
    /// Since when the client does not read what is written; 0 where it does.
    stalled: AtomicU64,
    order: AtomicU8,
    ordered: Notify,
    /// Raised when it is to finish what is in flight and close: a poll then waits no longer.
    pub(super) finishes: Signal,
}

/// How easily a connection can be spared, and since when: the least is closed first. A poll that
/// waits can be answered, and its client loses nothing; one that is idle may be about to send, and
/// one whose head or body is not here may be slow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Spare {
    Waiting(u64),
    Idle(u64),
    Head(u64),
    Body(u64),
}

impl Connection {
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            since: AtomicU64::new(clock.now()),
            clock,
            phase: AtomicU8::new(IDLE),
            stalled: AtomicU64::new(0),
            order: AtomicU8::new(SERVE),
            ordered: Notify::new(),
            finishes: Signal::default(),
        }
    }

    /// Finishes the request in flight, if there is one, and closes. A poll that waits is answered.
    pub(super) fn finish(&self) {
        self.command(FINISH);
        self.finishes.raise();
    }

    /// Closes to make room for another one. A request that is not here yet is not finished.
    pub(super) fn give_way(&self) {
        self.command(GIVE_WAY);
        self.finishes.raise();
    }

    /// Closes if it is past a deadline.
    pub(super) fn check(&self, deadlines: &Deadlines) {
        let now = self.clock.now();
        let past = |since: u64, ticks: u64| now.saturating_sub(since) > ticks;
        let stalled = self.stalled.load(Ordering::Relaxed);
        let since = self.since.load(Ordering::Relaxed);
        if stalled > 0 {
            if past(stalled, deadlines.write_stall) {
                self.command(CUT);
            }
            return;
        }
        match self.phase.load(Ordering::Relaxed) {
            IDLE if past(since, deadlines.idle) => self.command(FINISH),
            HEAD if past(since, deadlines.header_read) => self.command(CUT),
            _ => {}
        }
    }

    /// How easily it can be spared; not at all where it has a request in flight or is about to
    /// close, or where it does what it does since just now, so that its next request may be on its
    /// way. A body is spared only when nothing of it has come for a whole tick.
    pub(super) fn spare(&self) -> Option<Spare> {
        let since = self.since.load(Ordering::Relaxed);
        let ticks = self.clock.now().saturating_sub(since);
        let stays = self.stalled.load(Ordering::Relaxed) > 0 || self.is_closing();
        if stays || ticks == 0 {
            return None;
        }
        match self.phase.load(Ordering::Relaxed) {
            WAITING => Some(Spare::Waiting(since)),
            IDLE => Some(Spare::Idle(since)),
            HEAD => Some(Spare::Head(since)),
            // The first of them may have begun right after something came.
            BODY if ticks > 1 => Some(Spare::Body(since)),
            _ => None,
        }
    }

    /// Whether it was told to close.
    pub(super) fn is_closing(&self) -> bool {
        self.order.load(Ordering::Relaxed) != SERVE
    }

    /// Its poll begins to wait.
    pub(super) fn waits(&self) {
        self.enter(WAITING);
    }

    /// It begins to wait for more of a body.
    pub(super) fn receives(&self) {
        self.enter(BODY);
    }

    /// It waits no longer.
    pub(super) fn goes_on(&self) {
        self.enter(SERVING);
    }

    /// Whether its request is not here yet, or not all of it. Only its own task changes that, so there
    /// it is certain.
    fn lacks_request(&self) -> bool {
        matches!(self.phase.load(Ordering::Relaxed), HEAD | BODY)
    }

    fn command(&self, order: u8) {
        self.order.fetch_max(order, Ordering::SeqCst);
        self.ordered.notify_one();
    }

    fn enter(&self, phase: u8) {
        self.since.store(self.clock.now(), Ordering::Relaxed);
        self.phase.store(phase, Ordering::Relaxed);
    }

    /// The client has sent something.
    pub(super) fn has_read(&self) {
        if self.phase.load(Ordering::Relaxed) == IDLE {
            self.enter(HEAD);
        }
    }

    /// The client has taken something of what is written, or lets it wait.
    pub(super) fn has_written(&self, progress: bool) {
        if progress {
            self.stalled.store(0, Ordering::Relaxed);
        } else if self.stalled.load(Ordering::Relaxed) == 0 {
            self.stalled.store(self.clock.now(), Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::Options;

    fn clock() -> Clock {
        Clock::for_deadlines(&Options::default()).0
    }

    #[test]
    fn the_least_is_spared_first_and_nothing_that_has_just_changed() {
        let clock = clock();
        let of = |phase| {
            let connection = Connection::new(clock.clone());
            connection.enter(phase);
            connection
        };
        let all = [BODY, HEAD, SERVING, IDLE, WAITING].map(of);
        let spared = || all.iter().filter_map(Connection::spare).collect::<Vec<_>>();
        assert_eq!(spared(), []);
        clock.advance();
        assert_eq!(spared(), [Spare::Head(1), Spare::Idle(1), Spare::Waiting(1)]);
        clock.advance();
        let mut spares = spared();
        spares.sort();
        let least_first = [Spare::Waiting(1), Spare::Idle(1), Spare::Head(1), Spare::Body(1)];
        assert_eq!(spares, least_first);
        // More of it has come.
        all[0].goes_on();
        assert_eq!(all[0].spare(), None);
        all[0].receives();
        clock.advance();
        assert_eq!(all[0].spare(), None);
        clock.advance();
        assert_eq!(all[0].spare(), Some(Spare::Body(3)));
        all[0].give_way();
        assert_eq!(all[0].spare(), None, "once is enough");
    }
}
