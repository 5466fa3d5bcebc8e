//! Why a testbed did not do what it was asked.

/// A testbed that cannot be brought up or down, or on which a fault cannot be carried out; the text
/// says what to do about it.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct Failure(pub String);
