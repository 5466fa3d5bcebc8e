//! What a fault of the storage did to a disk, and what is known of a message there.

use serde::{Deserialize, Serialize};

use super::moment::Nanos;
use crate::plan::MessageId;

/// What one firing of a fault of the storage did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OnDisk {
    /// What a power cut forgot.
    pub forgotten: Option<Forgotten>,
    /// What rotted.
    pub rotten: Option<Rotten>,
    /// Why the server was started again when the fault was over: it had ended by itself, or took
    /// nothing any more.
    pub restarted: Option<String>,
    /// The server did not start again: how it ended, with its last lines. Nothing can be read of it
    /// any more.
    pub gone: Option<String>,
}

/// What a power cut forgot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Forgotten {
    /// Bytes that were written and not synced, without those of noise files; of `keep: some` those
    /// that did not survive.
    pub bytes: u64,
    /// The files that they were in, without noise files.
    pub files: u64,
    /// The same bytes in noise files: what the server writes and does not need.
    pub noise: u64,
    /// Bytes that were not synced and survived by chance.
    pub kept: u64,
    /// Names that were created, renamed or removed, and are not any more.
    pub names: u64,
    /// The files that forgot most, at most three, each with its path in the folder and its bytes.
    pub most: Vec<(String, u64)>,
}

/// Which bits of a message flipped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotten {
    /// Whose bytes they are in.
    pub message: MessageId,
    /// The file's path in the folder.
    pub file: String,
    /// Where in the file the first flipped bit is, in bytes.
    pub offset: u64,
    /// How many flipped in each copy.
    pub bits: u32,
}

/// What is known of an acknowledged message on the disk, as that was just before its last power cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Traced {
    /// Which message.
    pub message: MessageId,
    /// What is known of its payload's bytes.
    pub trace: Trace,
}

/// What is known of a payload's bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trace {
    /// They were in no file.
    Nowhere,
    /// They were in this file, and not durable.
    Written {
        /// Its path in the folder.
        file: String,
        /// When they were written; none where that was before the run began.
        at: Option<Nanos>,
        /// When the file was last synced; none where that was before the run began, or never.
        synced: Option<Nanos>,
    },
    /// They were durable in this file.
    Synced {
        /// Its path in the folder.
        file: String,
        /// When they were written; none where that was before the run began.
        at: Option<Nanos>,
    },
}
