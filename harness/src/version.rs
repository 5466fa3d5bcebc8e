//! Which harness this is: its version, the commit that it was built from, and what is built in.

use std::sync::LazyLock;

/// The version of the package: `0.1.0`.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit that it was built from, `-dirty` behind it where sources differed; none where it was
/// built outside of a git checkout.
pub const COMMIT: Option<&str> = option_env!("BUILT_FROM");

/// The cargo features that add something to the program, and whether they are on.
const FEATURES: [(&str, bool); 7] = [
    ("kafka", cfg!(feature = "kafka")),
    ("mqtt", cfg!(feature = "mqtt")),
    ("nats", cfg!(feature = "nats")),
    ("rabbitmq", cfg!(feature = "rabbitmq")),
    ("redis", cfg!(feature = "redis")),
    ("storage-faults", cfg!(feature = "storage-faults")),
    ("tls", cfg!(feature = "tls")),
];

/// The cargo features that it was built with.
pub fn features() -> Vec<&'static str> {
    FEATURES.iter().filter(|(_, is_on)| *is_on).map(|(name, _)| *name).collect()
}

/// Version, commit and features, a line each, as `harness --version` has them behind its name.
pub fn long() -> &'static str {
    static LONG: LazyLock<String> = LazyLock::new(|| {
        let commit = COMMIT.unwrap_or("not known");
        let features = match features().join(" ") {
            none if none.is_empty() => String::from("none"),
            some => some,
        };
        format!("{VERSION}\ncommit    {commit}\nfeatures  {features}")
    });
    &LONG
}
