//! Whether the database can be used: the one answer that the log, the figures and `/readyz` give.
//!
//! It can be used when what `/readyz` tries goes well, which is to write. Reads that go well say
//! nothing, for a server that only reads answers them. So it counts as down from the first failure
//! that concerns every request, or of such a try, until a try goes well. While that is not
//! certain, [`Store::tidy`](crate::store::Store::tidy) tries it: it may be that nobody asks `/readyz`.

use std::mem::replace;
use std::sync::{Mutex, MutexGuard};

use tracing::{info, warn};

use super::address::Address;
use super::failure::Failure;
use crate::store::locks::lock;

/// What is known of it.
#[derive(Debug)]
pub(super) struct Health {
    database: Address,
    state: Mutex<State>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// It has not been tried yet, or there is reason to try it again.
    Untried,
    Up,
    Down(Trouble),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    /// It cannot be reached, or is not what it was.
    Lost,
    /// It answers reads and refuses writes.
    ReadOnly,
    /// It is there, and what was tried did not go well.
    Unfit,
}

impl Health {
    pub(super) fn new(database: Address) -> Self {
        Self { database, state: Mutex::new(State::Untried) }
    }

    /// Whether it can be used, as far as is known.
    pub(super) fn is_up(&self) -> bool {
        !matches!(*self.state(), State::Down(_))
    }

    /// Whether there is no reason to try it.
    pub(super) fn is_certain(&self) -> bool {
        *self.state() == State::Up
    }

    /// Something went wrong that need not concern others.
    pub(super) fn doubt(&self) {
        let mut state = self.state();
        if *state == State::Up {
            *state = State::Untried;
        }
    }

    /// A connection was lost or could not be opened, or the server only reads.
    pub(super) fn lost(&self, why: &Failure) {
        self.fails(Trouble::Lost, why);
    }

    /// It did not answer in the time that was left to a request. That is no news where something is
    /// known to be the matter: such a request has used up its time on that.
    pub(super) fn silent(&self, why: &Failure) {
        if self.is_up() {
            self.fails(Trouble::Lost, why);
        }
    }

    /// It was tried. What is lost or only reads does not go well either.
    pub(super) fn tried(&self, done: &Result<(), Failure>) {
        match done {
            Err(why) if why.is_read_only() || self.is_up() => self.fails(Trouble::Unfit, why),
            Err(_) => {}
            Ok(()) => {
                let before = replace(&mut *self.state(), State::Up);
                if let State::Down(_) = before {
                    info!(database = %self.database, "the database is back");
                }
            }
        }
    }

    fn fails(&self, trouble: Trouble, why: &Failure) {
        let trouble = if why.is_read_only() { Trouble::ReadOnly } else { trouble };
        let mut state = self.state();
        if replace(&mut *state, State::Down(trouble)) == State::Down(trouble) {
            return;
        }
        drop(state);
        let database = &self.database;
        match trouble {
            Trouble::Lost => warn!(%database, %why, "the database is lost"),
            Trouble::ReadOnly => {
                warn!(%database, %why, "the database is read-only: reads are answered, writes refused");
            }
            Trouble::Unfit => warn!(%database, %why, "the database cannot be used"),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}
