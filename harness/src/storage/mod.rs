//! A disk of the harness's own below the data folder of a server, on which a power cut forgets what
//! was not synced.
//!
//! - [`unavailable()`]: why it cannot be had here.
//! - [`protocol`]: what the harness asks of the process that serves the file system.
//! - [`mounts`]: what is mounted, who uses it, and how it is unmounted.

mod available;
pub mod mounts;
pub mod protocol;

pub use available::unavailable;
