//! What the harness asks of the process that serves a file system, and what it answers: a line of JSON
//! each, on its standard input and output, one answer to each order and in their order. At the end of
//! its input it unmounts, removes what it wrote, and ends.
//!
//! Its first line, without an order, is [`Answer::Done`] when the folder is mounted, else
//! [`Answer::Failed`]. Times are in nanoseconds since [`Order::Settle`].

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::fault::{AfterFailedSync, Keep};
use crate::history::{Forgotten, Trace};

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// The clock begins; where `durable`, all that was written so far is durable.
    Settle {
        /// Whether it is.
        durable: bool,
    },
    /// Whether the folder is mounted still; a process that has ended does not answer.
    Check,
    /// Nothing becomes durable any more from the next sync on, which is held, and so is every sync
    /// after it. Answered by [`Answer::Held`] when one came, or none within 100 ms.
    Hold,
    /// The server is dead: what is held is answered, the folder unmounted, what was not durable
    /// forgotten, and the folder mounted again. Answered by [`Answer::Forgot`].
    Cut {
        /// What survives of what was not synced.
        keep: Keep,
        /// For chance.
        seed: u64,
    },
    /// Something is wrong with the disk from now on, beside what is already.
    Begin {
        /// Names it.
        id: u64,
        /// What it is.
        trouble: Trouble,
    },
    /// It is over, used up or not. Answered by [`Answer::Met`].
    End {
        /// As it was begun.
        id: u64,
    },
    /// Bits flip in the bytes of one of these payloads, wherever it is on the disk, in the copy that
    /// is seen and the durable one. The server is dead. Answered by [`Answer::Rotted`].
    Rot {
        /// The first that is found is taken.
        payloads: Vec<String>,
        /// How many.
        bits: u32,
        /// For chance.
        seed: u64,
    },
    /// What is known of these payloads as the disk was just before its last cut. Answered by
    /// [`Answer::Traced`], in their order.
    Trace {
        /// Whose bytes are looked for.
        payloads: Vec<String>,
    },
}

/// What is wrong with a disk while it lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// Nothing grows: what creates, allocates or writes to blocks that are not allocated gets ENOSPC.
    Full,
    /// Each takes so much longer.
    Slow {
        /// A sync.
        fsync: Duration,
        /// A write.
        write: Duration,
    },
    /// So many syncs get EIO.
    FailSync {
        /// How many.
        count: u64,
        /// What becomes of what they were to make durable.
        then: AfterFailedSync,
    },
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// It is done.
    Done,
    /// It cannot be done, in these words.
    Failed(String),
    /// Whether a sync is held.
    Held(bool),
    /// What the cut forgot.
    Forgot(Forgotten),
    /// How much the trouble met: what was refused, held up or failed.
    Met(u64),
    /// Not an answer: a trouble of this id has used itself up. May come before any answer.
    Spent(u64),
    /// Which bits flipped; none where no payload is found.
    Rotted(Option<Rotten>),
    /// By payload.
    Traced(Vec<Trace>),
}

/// What rotted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rotten {
    /// The place of the payload in the order.
    pub payload: usize,
    /// The file's path in the folder.
    pub file: String,
    /// Where in the file the first flipped bit is, in bytes.
    pub offset: u64,
    /// How many bits flipped in each copy.
    pub bits: u32,
}
