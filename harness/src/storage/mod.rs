//! A disk of the harness's own below the data folder of a server, on which a power cut forgets what
//! was not synced.
//!
//! - [`unavailable()`]: why it cannot be had here.
//! - [`protocol`]: what the harness asks of the process that serves the file system.
//! - [`mounts`]: what is mounted, who uses it, and how it is unmounted.
//!
//! With the feature `storage-faults`, on Linux, of that process:
//! - `disk`: the files, what of them is durable, and what a cut forgets.
//! - `gate`: where syncs are slow, fail, or are held; `later`: what is done after a while.
//! - `fuse`: what the kernel asks for; `mount`: one mount, from its begin to its end.
//! - `serve`: the process.
//!
//! - [`simulated`]: a model of a disk, for simulations.

mod available;
#[cfg(all(target_os = "linux", feature = "storage-faults"))]
pub mod disk;
#[cfg(all(target_os = "linux", feature = "storage-faults"))]
mod fuse;
#[cfg(all(target_os = "linux", feature = "storage-faults"))]
mod gate;
#[cfg(all(target_os = "linux", feature = "storage-faults"))]
mod later;
#[cfg(all(target_os = "linux", feature = "storage-faults"))]
mod mount;
pub mod mounts;
pub mod protocol;
#[cfg(all(target_os = "linux", feature = "storage-faults"))]
pub mod serve;
pub(crate) mod simulated;

pub use available::unavailable;
