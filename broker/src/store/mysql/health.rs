//! Whether the database can be used: the one answer that the log, the figures and `/readyz` give.
//!
//! It can be used when what `/readyz` tries goes well, which is to write. Reads that go well say
//! nothing, for a server that only reads answers them. So it counts as down from the first failure
//! that concerns every request, or of such a try, until a try goes well. While that is not
//! certain, [`Store::tidy`](crate::store::Store::tidy) tries it: it may be that nobody asks `/readyz`.
//! Any failure of a request that another one could have met as well makes it uncertain.

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
    known: Mutex<Known>,
}

#[derive(Debug)]
struct Known {
    state: State,
    /// How often it was found to be down.
    losses: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// It has not been tried yet, or there is reason to try it again.
    Untried,
    Up,
    /// As the log was told, with the server's number where it sent one.
    Down(Trouble, Option<u16>),
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
        Self { database, known: Mutex::new(Known { state: State::Untried, losses: 0 }) }
    }

    /// Whether it can be used, as far as is known.
    pub(super) fn is_up(&self) -> bool {
        !matches!(self.known().state, State::Down(..))
    }

    /// Whether there is no reason to try it.
    pub(super) fn is_certain(&self) -> bool {
        self.known().state == State::Up
    }

    /// How often it was found to be down. A try that begins now is judged by that.
    pub(super) fn losses(&self) -> u64 {
        self.known().losses
    }

    /// Something went wrong that need not concern others.
    pub(super) fn doubt(&self) {
        let mut known = self.known();
        if known.state == State::Up {
            known.state = State::Untried;
        }
    }

    /// A unit of work ended with this.
    pub(super) fn failed(&self, why: &Failure) {
        if !why.is_of_its_rows() {
            self.doubt();
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

    /// It was tried; where that went well, answers how many [`losses`](Self::losses) there were when it
    /// began. What went well before a loss says nothing of what is after it.
    pub(super) fn tried(&self, done: &Result<u64, Failure>) {
        let before = match done {
            // What the server says is known to be so; that there is no answer may have any cause.
            Err(why) if self.is_up() || why.server_number().is_some() => {
                return self.fails(Trouble::Unfit, why);
            }
            Err(_) => return,
            Ok(before) => *before,
        };
        let mut known = self.known();
        if known.losses != before {
            return;
        }
        if let State::Down(..) = replace(&mut known.state, State::Up) {
            drop(known);
            info!(database = %self.database, "the database is back");
        }
    }

    /// Tells the log, unless it knows that.
    fn fails(&self, trouble: Trouble, why: &Failure) {
        let is_tried = trouble == Trouble::Unfit;
        let trouble = match trouble {
            _ if why.is_read_only() => Trouble::ReadOnly,
            Trouble::Unfit if why.is_lost() => Trouble::Lost,
            trouble => trouble,
        };
        let number = why.server_number();
        let mut known = self.known();
        known.losses += 1;
        if let State::Down(told, told_number) = known.state {
            let is_same = if told == trouble {
                // Requests that fail meet what is passing too, and by turns.
                let is_other = is_tried && trouble != Trouble::ReadOnly && !why.passes();
                !is_other || number == told_number
            } else {
                number.is_some() && number == told_number
            };
            if is_same {
                return;
            }
        }
        known.state = State::Down(trouble, number);
        drop(known);
        let database = &self.database;
        match trouble {
            Trouble::Lost => warn!(%database, %why, "the database is lost"),
            Trouble::ReadOnly => {
                warn!(%database, %why, "the database is read-only: reads are answered, writes refused");
            }
            Trouble::Unfit => warn!(%database, %why, "the database cannot be used"),
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        lock(&self.known)
    }
}

#[cfg(test)]
mod tests {
    use super::{Failure, Health};

    #[test]
    fn what_went_well_before_a_loss_says_nothing() {
        let health = Health::new("mysql://broker@localhost/broker".parse().unwrap());
        let began = health.losses();
        health.lost(&Failure::not_done("gone"));
        health.tried(&Ok(began));
        assert!(!health.is_up());
        // It was lost already: that counts all the same.
        let began = health.losses();
        health.lost(&Failure::not_done("gone"));
        health.tried(&Ok(began));
        assert!(!health.is_up());
        health.tried(&Ok(health.losses()));
        assert!(health.is_certain());
    }
}
