//! What came of a firing while it was carried out.

use crate::history::OnDisk;

/// What a firing did.
#[derive(Default)]
pub(super) struct CarriedOut {
    /// How much it met.
    pub(super) met: u64,
    /// What it did to the disk; empty where it was about none.
    pub(super) on_disk: OnDisk,
}
