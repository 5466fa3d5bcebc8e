//! The brokers that `--on` knows by a word. Each family is one file here, and one row in
//! [`FAMILIES`]: how a broker of it is spoken to and started, with which configuration, and what its
//! documents promise.

mod entry;
mod ours;
mod rabbitmq;

pub use entry::{Documented, Entry};

/// Every family, ours first.
pub const FAMILIES: &[&[Entry]] = &[ours::ENTRIES, rabbitmq::ENTRIES];

/// All of them in the order of the table.
pub fn entries() -> impl Iterator<Item = &'static Entry> {
    FAMILIES.iter().flat_map(|family| family.iter())
}
