//! Which broker this is.

/// The version of the package.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit that it is built from, which ends in `-dirty` where the sources are not those of the
/// commit; none where it was not built in a git checkout.
pub const COMMIT: Option<&str> = option_env!("BUILT_FROM");
