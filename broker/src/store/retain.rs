//! Which messages a store keeps.

/// Which messages a store keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Retain {
    /// Those that some subscription has not got yet; no consumer can ever ask for the others.
    Lag,
    /// All, for as long as the store lives.
    All,
}
