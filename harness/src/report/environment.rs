//! Where and when a call ran, and what ran it, as plain data: whoever reads a report later has to know
//! what its figures are figures of.

use schemars::JsonSchema;
use serde::Serialize;

/// Where and when a call ran.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Environment {
    /// When it began: `2026-11-27T07:00:00Z`.
    pub started: String,
    /// Processors that it may use.
    pub cores: usize,
    /// Of the machine, in bytes; 0 where it is not known.
    pub memory_bytes: u64,
    /// `Linux 6.18.0 x86_64`.
    pub os: String,
    /// The harness's version.
    pub version: &'static str,
    /// The commit that it was built from, where that is known; `-dirty` behind it where files differed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<&'static str>,
    /// The cargo features that it was built with.
    pub features: Vec<&'static str>,
    /// The command line, secrets masked.
    pub command: String,
}
