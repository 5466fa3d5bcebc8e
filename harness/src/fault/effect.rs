//! What can be done to a run: the few mechanisms that `run::faults` and the testbeds know. A kind of
//! fault is made of one of them.

use std::sync::Arc;

use super::link_fault::LinkFault;
use super::storage_fault::StorageFault;

/// What a fault does to its target.
#[derive(Clone, Debug)]
pub enum Effect {
    /// A process is held down or held still while the fault lasts. Met: the requests of all actors
    /// that were under way meanwhile.
    Process(Hold),
    /// A fault is on a link while it lasts. Met: as [`LinkFault`] says.
    Link(Arc<dyn LinkFault>),
    /// A consumer loses its memory, and when the fault is over resumes from the broker. Met: its
    /// polls that were under way.
    Crash,
    /// Something is wrong with the disk of what keeps the data. Met: as [`StorageFault`] says.
    Storage(StorageFault),
}

impl Effect {
    pub(super) fn link(fault: impl LinkFault + 'static) -> Self {
        Self::Link(Arc::new(fault))
    }

    /// What is done to the disk, if anything is.
    pub const fn storage(&self) -> Option<&StorageFault> {
        match self {
            Self::Storage(fault) => Some(fault),
            Self::Process(_) | Self::Link(_) | Self::Crash => None,
        }
    }

    /// Whether a process is another one afterwards: a store in memory begins a new life then.
    pub const fn restarts(&self) -> bool {
        match self {
            Self::Process(hold) => matches!(hold, Hold::Killed | Hold::Stopped),
            Self::Storage(fault) => fault.restarts(),
            Self::Link(_) | Self::Crash => false,
        }
    }
}

/// How a process is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// Ended without a chance to finish anything (SIGKILL); afterwards started again.
    Killed,
    /// Asked to end in good order (SIGTERM); afterwards started again.
    Stopped,
    /// Its clock stands still (SIGSTOP); afterwards it goes on (SIGCONT).
    Paused,
    /// A node of a cluster is cut from the others; afterwards it comes back to them.
    Isolated,
}
