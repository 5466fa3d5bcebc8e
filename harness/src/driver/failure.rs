//! Calls to a broker that failed.

/// A call that failed. Whether it took effect does not matter for these calls: they are repeated,
/// or the run ends without a verdict.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{why}")]
pub struct Failure {
    /// For people.
    pub why: String,
    /// Whether the same call is refused for good, so that a repetition is of no use.
    pub is_final: bool,
    /// Whether the broker does not know the id that was sent: it was given in another life of the
    /// store. A new registration or subscription helps.
    pub is_session_over: bool,
    /// The code that the broker refused it with, where it gave one.
    pub code: Option<String>,
    /// Whether that life of the store goes on all the same, so that the broker has forgotten the id;
    /// none where the broker tells no life from another.
    pub in_same_life: Option<bool>,
}

impl Failure {
    /// A failure of a call that may succeed when it is repeated.
    pub fn new(why: impl Into<String>) -> Self {
        let why = why.into();
        Self { why, is_final: false, is_session_over: false, code: None, in_same_life: None }
    }
}
