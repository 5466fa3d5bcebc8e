//! A disk of the harness's own below the data folder of a server, on which a power cut forgets what
//! was not synced.
//!
//! - [`protocol`]: what the harness asks of the process that serves the file system.
//! - `disk`: what is behind it: what was written, what of it is durable, and what a cut leaves. Only
//!   where file systems can be served: on Linux, with the feature `storage-faults`.

#[cfg(all(target_os = "linux", feature = "storage-faults"))]
pub mod disk;
pub mod protocol;
