//! A disk as it was just before its last cut. Files that the cut did not change are there as long as
//! nobody changes them; then their copy is saved (see `Content::keep_as_before`).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::content::Content;
use super::inode::Inode;
use super::ranges::Ranges;
use super::writes::Writes;
use crate::history::Nanos;

/// The files that the server saw, by their paths.
pub(super) type Before = BTreeMap<String, BeforeFile>;

/// What is known of one.
#[derive(Debug)]
pub(super) struct BeforeFile {
    pub(super) inode: Arc<Inode>,
    /// What was not durable.
    pub(super) undurable: Ranges,
    /// When its bytes were written.
    pub(super) writes: Writes,
    /// When it was last synced.
    pub(super) synced: Option<Nanos>,
}

impl BeforeFile {
    /// A file as it is now.
    pub(super) fn of(inode: &Arc<Inode>, content: &Content) -> Self {
        Self {
            inode: Arc::clone(inode),
            undurable: content.undurable(),
            writes: content.writes.clone(),
            synced: content.synced,
        }
    }
}
