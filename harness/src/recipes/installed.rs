//! What has to be installed for a server to be started.

use std::path::Path;

use private_database::Program;

use crate::server::Version;

/// A program of somebody else's that is a server.
#[derive(Clone, Copy, Debug)]
pub struct Installed {
    /// Where it is looked for, and what to do where it is missing.
    pub program: Program,
    /// What it says of its version.
    pub version: fn(&Path) -> Option<Version>,
    /// The recipe is for this version and newer ones.
    pub lowest: Version,
}
