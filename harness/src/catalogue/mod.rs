//! The brokers that scenarios can run on, and what names them.
//!
//! - [`FAMILIES`]: those that have a word of their own. Each family is one file here and one row
//!   there: how a broker of it is spoken to and started, with which configuration, and what its
//!   documents promise.
//! - [`Brokers`]: those that a `brokers.yaml` adds. [`resolve`]: what `--on` says. [`of_scenario`]: what
//!   a scenario says.
//! - [`Named`]: what a name stands for.

mod entry;
mod file;
mod kafka;
mod mqtt;
mod named;
mod nats;
mod on;
mod ours;
mod rabbitmq;
mod redis;
mod server;
mod table;
mod urls;

pub use entry::{Documented, Entry};
pub use file::Brokers;
pub use named::{Absent, Named, Way};
pub use on::{Meant, count, of_scenario, one, resolve};
pub use table::{FAMILIES, entries};
