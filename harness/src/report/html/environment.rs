//! Where and when it ran, and what ran it, as rows of a table.

use crate::report::environment::Environment;
use crate::report::words::{bytes, number};

/// What is known.
pub(super) fn rows(environment: &Environment) -> Vec<(&'static str, String)> {
    let Environment { started, cores, memory_bytes, os, version, commit, features, command } =
        environment;
    let rows = [
        ("started", started.clone()),
        ("command", command.clone()),
        (
            "harness",
            match commit {
                Some(commit) => format!("{version} ({commit})"),
                None => (*version).to_owned(),
            },
        ),
        ("features", features.join(", ")),
        ("system", os.clone()),
        ("processors", if *cores > 0 { number(*cores as u64) } else { String::new() }),
        ("memory", if *memory_bytes > 0 { bytes(*memory_bytes) } else { String::new() }),
    ];
    rows.into_iter().filter(|(_, text)| !text.is_empty()).collect()
}
