//! One line of what happened to a message.

use crate::history::{Nanos, Stamp};

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// When, and its stamp where it has one; none of what stands for the whole run.
    pub at: Option<(Nanos, Option<Stamp>)>,
    /// `sent`, `acked`, `got`.
    pub word: &'static str,
    /// The rest.
    pub text: String,
}
