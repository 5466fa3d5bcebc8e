//! Bugs to find: small stores that are wrong in the ways in which stores have been wrong, for
//! simulations to find and shrink. Unlike [`sabotage`](crate::sabotage), which is wrong at chosen
//! messages, a bug here is wrong only when things happen at an unlucky moment.
//!
//! All are one store, [`small_store`], with a [`Behaviour`] of its own; its steps take seeded times, as
//! those of a store on a database do. Its [`durable_state`] survives a broker, and what a behaviour
//! keeps in memory does not; of that state what is synced survives a power cut. A [`log`] is one topic of
//! it. A new bug is one file here and one line in the table.

mod ack_before_fsync;
mod ack_before_store;
mod check_then_append;
mod durable_state;
mod eager_position;
mod forgotten_sequence;
mod log;
mod loose_offset;
mod lost_wakeup;
mod reordered_flush;
mod small_store;
mod trimmed_payload;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use broker::store::{Epoch, Store};
use rand_pcg::Pcg64Mcg;

use self::durable_state::DurableState;
use self::small_store::{Behaviour, BuggyStore, Correct, SmallStore};
use crate::fault::Keep;
use crate::history::Forgotten;
use crate::storage::simulated::SimulatedDisk;

/// A way to be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// None: the small store that the bugs are planted in, as it should be.
    None,
    /// Looks up whether a request is a repeat, and appends a moment later.
    CheckThenAppend,
    /// Acknowledges what it has only in memory, and stores it a moment later.
    AckBeforeStore,
    /// Has the producers' sequences only in memory, so a restart forgets them.
    ForgottenSequence,
    /// Takes messages as delivered when it answers, not when the consumer says so.
    EagerPosition,
    /// Reads the end of the log, and writes there a moment later.
    LooseOffset,
    /// Notes that there is nothing new a moment after it looked.
    LostWakeup,
    /// Takes the blanks at the ends of payloads away.
    TrimmedPayload,
    /// Acknowledges what is written and not synced.
    AckBeforeFsync,
    /// Syncs what vouches for a request before it syncs the request.
    ReorderedFlush,
}

/// One line of the table.
struct Row {
    bug: Bug,
    name: &'static str,
    about: &'static str,
    make: fn() -> Box<dyn Behaviour>,
}

/// Every bug, the right store first.
const TABLE: [Row; 10] = [
    Row {
        bug: Bug::None,
        name: "none",
        about: "the store that the others are made of, to compare with",
        make: || Box::new(Correct),
    },
    Row {
        bug: Bug::CheckThenAppend,
        name: "check-then-append",
        about: "checks for a repeated request and appends without a lock over both",
        make: || Box::new(check_then_append::CheckThenAppend),
    },
    Row {
        bug: Bug::AckBeforeStore,
        name: "ack-before-store",
        about: "acknowledges a message before it is stored",
        make: || Box::<ack_before_store::AckBeforeStore>::default(),
    },
    Row {
        bug: Bug::ForgottenSequence,
        name: "forgotten-sequence",
        about: "forgets the producers' sequences when the broker restarts",
        make: || Box::<forgotten_sequence::ForgottenSequence>::default(),
    },
    Row {
        bug: Bug::EagerPosition,
        name: "eager-position",
        about: "advances a position before the answer is out",
        make: || Box::new(eager_position::EagerPosition),
    },
    Row {
        bug: Bug::LooseOffset,
        name: "loose-offset",
        about: "allots offsets outside the lock",
        make: || Box::new(loose_offset::LooseOffset),
    },
    Row {
        bug: Bug::LostWakeup,
        name: "lost-wakeup",
        about: "loses the wake-up that comes between looking and waiting",
        make: || Box::<lost_wakeup::LostWakeup>::default(),
    },
    Row {
        bug: Bug::TrimmedPayload,
        name: "trimmed-payload",
        about: "takes the blanks at the ends of payloads away",
        make: || Box::new(trimmed_payload::TrimmedPayload),
    },
    Row {
        bug: Bug::AckBeforeFsync,
        name: "ack-before-fsync",
        about: "acknowledges what is written and not yet synced",
        make: || Box::new(ack_before_fsync::AckBeforeFsync),
    },
    Row {
        bug: Bug::ReorderedFlush,
        name: "reordered-flush",
        about: "syncs the producers' sequences before the messages they vouch for",
        make: || Box::new(reordered_flush::ReorderedFlush),
    },
];

impl Bug {
    /// Every bug, without [`Bug::None`].
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().skip(1).map(|row| row.bug)
    }

    /// The name on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.row().name
    }

    /// What it is, in a few words.
    #[must_use]
    pub fn about(self) -> &'static str {
        self.row().about
    }

    fn row(self) -> &'static Row {
        TABLE.iter().find(|row| row.bug == self).expect("the table has every bug")
    }
}

impl fmt::Display for Bug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Bug {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = TABLE.iter().find(|row| row.name == text);
        found.map(|row| row.bug).ok_or_else(|| {
            let known: Vec<_> = TABLE.iter().map(|row| row.name).collect();
            format!("unknown bug {text:?}, known are {}", known.join(", "))
        })
    }
}

/// The state of a store with a bug: it survives every broker that works with it.
#[derive(Clone)]
pub(crate) struct Kept {
    bug: Bug,
    state: Arc<DurableState>,
}

impl Kept {
    /// Nothing in it; `chance` decides how long steps take, and the disk when they are durable.
    pub(crate) fn new(bug: Bug, epoch: Epoch, chance: Pcg64Mcg, disk: Arc<SimulatedDisk>) -> Self {
        Self { bug, state: Arc::new(DurableState::new(epoch, chance, disk)) }
    }

    /// The power goes, and what is not synced is forgotten. All brokers are dead.
    pub(crate) fn forget(&self, keep: Keep, seed: u64) -> Forgotten {
        self.state.forget(keep, seed)
    }

    /// The store of a broker that starts, with nothing in memory.
    pub(crate) fn store(&self) -> Arc<dyn Store> {
        let store = SmallStore { state: Arc::clone(&self.state) };
        Arc::new(BuggyStore { store, behaviour: (self.bug.row().make)() })
    }
}

#[cfg(test)]
mod tests {
    use super::{Bug, TABLE};

    #[test]
    fn a_bug_is_read_by_the_name_that_it_shows() {
        for row in &TABLE {
            assert_eq!(row.bug.to_string().parse(), Ok(row.bug));
        }
        assert_eq!(Bug::all().count(), 9);
        let unknown = "loose".parse::<Bug>().unwrap_err();
        assert!(unknown.contains("known are none, check-then-append"), "{unknown}");
    }
}
