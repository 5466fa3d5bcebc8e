//! A disk of the harness's own below the data folder of a server, on which a power cut forgets what
//! was not synced.
//!
//! - [`protocol`]: what the harness asks of the process that serves the file system.
//! - [`simulated`]: a model of a disk, for simulations.

pub mod protocol;
pub(crate) mod simulated;
