//! What names a fault while it lasts.

/// Names one fault on one link or disk while it lasts; the caller never uses one twice in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct InjectionId(pub u64);
