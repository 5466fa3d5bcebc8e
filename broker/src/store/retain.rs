//! Which messages a store keeps.

use tokio::time::Duration;

/// Which messages a store keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retain {
    /// Those that some subscription has not got yet; no consumer can ever ask for the others.
    Lag,
    /// All, for as long as the store lives.
    All,
    /// For so long, whoever has got them or not; a part of it longer, for they are deleted in pieces.
    Age(Duration),
    /// The latest, up to so many bytes over all topics; in memory only.
    Size(u64),
}
