//! What can be done to a link. The relay of a real link and the simulated network ask the same
//! questions of whatever they carry, so a fault answers once for both.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A fault while it is on one link. Any number of them may be on it at a time; their delays add up,
/// and [`Passage::Cut`] beats [`Passage::Hole`].
pub trait LinkFault: fmt::Debug + Send + Sync {
    /// The fault anew, for one more link.
    fn begin(&self) -> Box<dyn LinkFault>;

    /// Its settings as they stand behind the target: `, count: 2`. Nothing where there are none.
    fn settings(&self) -> String {
        String::new()
    }

    /// Simpler settings, the simplest first. A run that still fails with one of them is easier to
    /// read.
    fn simpler(&self) -> Vec<Arc<dyn LinkFault>> {
        Vec::new()
    }

    /// What becomes of connections, and of what is under way.
    fn passage(&self) -> Passage {
        Passage::Open
    }

    /// Whether it delays anything that comes from now on; a relay looks no closer where it does not.
    fn delays(&self) -> bool {
        false
    }

    /// How much it delays what came now; `None` where it does not. Each delay is met once.
    fn delay(&mut self, _portion: Portion) -> Option<Delay> {
        None
    }

    /// Bytes a second in each direction at most, where that is bounded. A relay carries smaller
    /// portions then.
    fn bandwidth(&self) -> Option<u64> {
        None
    }

    /// Whether requests have to be told apart on the link, for [`LinkFault::loses_answer`].
    fn watches_requests(&self) -> bool {
        false
    }

    /// Whether the answer to a produce request that begins to come is lost, and the connection with
    /// it. Each is met once.
    fn loses_answer(&mut self) -> bool {
        false
    }

    /// Whether it has used itself up, and is over before its time.
    fn is_spent(&self) -> bool {
        false
    }
}

/// What becomes of connections, and of what is under way on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passage {
    /// It arrives.
    Open,
    /// Every connection is reset, and new ones are accepted only to be reset (or refused). Met:
    /// connections reset or refused; in a simulation, requests that failed.
    Cut,
    /// Bytes vanish in both directions, and connections stay open. What vanished does not come back:
    /// when the fault is over, a connection that lost bytes is reset. Met: times that something
    /// vanished.
    Hole,
}

/// Where bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From the client to the server.
    There = 0,
    /// From the server to the client.
    Back = 1,
}

/// Bytes that came together.
#[derive(Clone, Copy, Debug)]
pub struct Portion {
    /// Where they go.
    pub way: Way,
    /// How many.
    pub bytes: usize,
    /// What chance says about it: all numbers are as likely.
    pub chance: u64,
    /// The shortest time that the link can tell from none. Delays are whole multiples of it.
    pub tick: Duration,
}

/// How much longer a portion takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delay {
    /// From its departure to its arrival, whatever else is under way.
    pub latency: Duration,
    /// To put it on the link. On a real link, what comes after it waits for that.
    pub transmission: Duration,
}
