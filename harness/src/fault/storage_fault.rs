//! What can be done to the disk below a server. The disk is the harness's own (`storage`), and the
//! simulated store has a model of it.

use std::fmt::Write as _;
use std::time::Duration;

use humantime::format_duration;
use serde::{Deserialize, Serialize};

/// A fault of the storage, with its settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StorageFault {
    /// The server is killed, and what it had not synced is forgotten; then it is started again. Met:
    /// the requests of all actors that were under way meanwhile.
    Power(Power),
    /// Nothing can grow while it lasts. Met: what was refused.
    Full,
    /// Syncs and writes take so much longer while it lasts. Met: what was held up.
    Slow {
        /// Each fsync.
        fsync: Duration,
        /// Each write.
        write: Duration,
    },
    /// So many syncs fail with an I/O error. Met: those that did.
    FailSync {
        /// How many.
        count: u64,
        /// What becomes of what they were to make durable.
        then: AfterFailedSync,
    },
    /// The server is killed, bits of an acknowledged message flip on the disk, and it is started
    /// again. Met: bits that flipped.
    Rot {
        /// How many bits, of one message.
        bits: u32,
    },
}

/// How the power goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Power {
    /// What survives of what was not synced.
    pub keep: Keep,
    /// When a created, renamed or removed name is durable.
    pub directories: Directories,
    /// Whether all that was written before the first message is durable.
    pub settled: bool,
    /// What each fsync takes at least, because the harness's disk is quicker than a real one.
    pub fsync: Duration,
}

/// What the disk below a server is like, all of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Medium {
    /// When a created, renamed or removed name is durable.
    pub directories: Directories,
    /// Whether all that was written before the first message is durable.
    pub settled: bool,
    /// What each fsync takes at least.
    pub fsync: Duration,
}

impl Medium {
    /// Where no fault says what it is like.
    pub const PLAIN: Self =
        Self { directories: Directories::Now, settled: true, fsync: Duration::ZERO };
}

/// What survives a power cut of what was written and not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Keep {
    /// Nothing.
    None,
    /// Some pages, in no order, some of them torn at 512 bytes: chance decides.
    Some,
}

/// When a created, renamed or removed name is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Directories {
    /// At once.
    Now,
    /// When its folder is synced.
    Lazy,
}

/// What becomes of what a failed sync was to make durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AfterFailedSync {
    /// It is dropped, as Linux does: the next sync succeeds without it, and reads still show it.
    Drop,
    /// The next sync carries it.
    Retry,
}

impl Power {
    /// What a fsync takes at least, where nothing is said: about what a good disk needs.
    pub const FSYNC: Duration = Duration::from_millis(2);

    /// As of a fault that says nothing more.
    pub const PLAIN: Self =
        Self { keep: Keep::None, directories: Directories::Now, settled: true, fsync: Self::FSYNC };

    /// What the disk has to be like for it.
    pub const fn medium(self) -> Medium {
        let Self { keep: _, directories, settled, fsync } = self;
        Medium { directories, settled, fsync }
    }
}

impl StorageFault {
    /// Whether the server is another process afterwards.
    pub const fn restarts(&self) -> bool {
        matches!(self, Self::Power(_) | Self::Rot { .. })
    }

    /// What the disk has to be like, where it matters.
    pub const fn medium(&self) -> Option<Medium> {
        match self {
            Self::Power(power) => Some(power.medium()),
            Self::Full | Self::Slow { .. } | Self::FailSync { .. } | Self::Rot { .. } => None,
        }
    }

    /// Its settings as they stand behind the target: `, keep: some`. Nothing where all is as usual.
    pub fn settings(&self) -> String {
        let mut words = String::new();
        match self {
            Self::Power(power) => {
                let Power { keep, directories, settled, fsync } = *power;
                if keep == Keep::Some {
                    words += ", keep: some";
                }
                if directories == Directories::Lazy {
                    words += ", directories: lazy";
                }
                if !settled {
                    words += ", settled: false";
                }
                if fsync != Power::FSYNC {
                    let _ = write!(words, ", fsync: {}", format_duration(fsync));
                }
            }
            Self::Slow { fsync, write } => {
                for (key, time) in [("fsync", fsync), ("write", write)] {
                    if !time.is_zero() {
                        let _ = write!(words, ", {key}: {}", format_duration(*time));
                    }
                }
            }
            Self::FailSync { count, then } => {
                let _ = write!(words, ", count: {count}");
                if *then == AfterFailedSync::Retry {
                    words += ", then: retry";
                }
            }
            Self::Rot { bits } => {
                let _ = write!(words, ", bits: {bits}");
            }
            Self::Full => {}
        }
        words
    }

    /// Simpler settings, the simplest first.
    pub fn simpler(&self) -> Vec<Self> {
        match self {
            Self::Power(power) if *power != Power::PLAIN => vec![Self::Power(Power::PLAIN)],
            Self::FailSync { count: 2.., then } => vec![Self::FailSync { count: 1, then: *then }],
            Self::Rot { bits: 2.. } => vec![Self::Rot { bits: 1 }],
            _ => Vec::new(),
        }
    }
}
