//! The disk behind the file system: what a server wrote, what of it is durable, and what is left of it
//! when the power goes. It knows nothing of how a file system is served.
//!
//! Names are in memory, as two trees: what the server sees ([`names`]), and what a cut leaves. The bytes
//! of each file are in two plain folders, `live` and `durable`, in files that are named by inode numbers
//! ([`content`]): so neither a rename nor a file that is removed while it is open moves any bytes.
//!
//! - [`state`]: what a disk is made of. [`folders`]: what a server does with names, in [`tree`]s of
//!   [`inode`]s, and its [`refusals`]; [`bytes`]: with bytes. [`attributes`]: what is said about each.
//! - [`cut`]: a settled start and a power cut; [`surviving`]: what survives one by chance.
//! - [`trace`]: where payloads were before a cut, [`before`] it, by the times of [`writes`] on one
//!   [`clock`]; [`rot`]: bits that flip in them; [`search`]: both look for them.
//! - [`ranges`]: sets of bytes; [`sparse`]: files with holes.

mod attributes;
mod before;
mod bytes;
mod clock;
mod content;
mod cut;
mod folders;
mod inode;
mod names;
mod ranges;
mod refusals;
mod rot;
mod search;
mod sparse;
mod state;
mod surviving;
#[cfg(test)]
mod tests;
mod trace;
mod tree;
mod writes;

pub use attributes::{Attributes, Changes, Ino, Kind, ROOT, Rename, Seek, Space, Time};
pub use state::Disk;
