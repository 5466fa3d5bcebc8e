//! What can be done to a run: the few mechanisms that `run::faults` and the testbeds know. A kind of
//! fault is made of one of them.

use super::link_fault::LinkFault;

/// What one firing does to its target.
#[derive(Debug)]
pub enum Injection {
    /// A process is held down or held still while the fault lasts. Met: the requests of all actors
    /// that were under way meanwhile.
    Process(Hold),
    /// A fault is on a link while it lasts. Met: as [`LinkFault`] says.
    Link(Box<dyn LinkFault>),
    /// A consumer loses its memory, and when the fault is over resumes from the broker. Met: its
    /// polls that were under way.
    Crash,
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
}

impl Hold {
    /// Whether the process is another one afterwards.
    pub const fn restarts(self) -> bool {
        match self {
            Self::Killed | Self::Stopped => true,
            Self::Paused => false,
        }
    }
}
