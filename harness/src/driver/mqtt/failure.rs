//! Calls that failed for good.

use crate::driver::failure::{Failure, FailureKind};

/// A failure that no repetition helps against.
pub(super) fn last(why: impl Into<String>) -> Failure {
    Failure { kind: FailureKind::Final, ..Failure::new(why) }
}
