//! A disk of the harness's own below the data folder of a server, on which a power cut forgets what
//! was not synced.
//!
//! - [`unavailable()`]: why it cannot be had here.
//! - `disk`: the disk itself, without a file system in front of it; on Linux, with `storage-faults`.
//! - [`protocol`]: what the harness asks of the process that serves the file system.
//! - [`mounts`]: what is mounted, who uses it, and how it is unmounted.

mod available;
#[cfg(all(target_os = "linux", feature = "storage-faults"))]
pub mod disk;
pub mod mounts;
pub mod protocol;

pub use available::unavailable;
