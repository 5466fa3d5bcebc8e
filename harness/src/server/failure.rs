//! Why a testbed cannot be brought up or down, or a fault cannot be carried out.

/// The text says what to do about it.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct Failure(pub String);
