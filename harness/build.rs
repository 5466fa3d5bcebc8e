//! Tells the harness which commit it is built from, where it is built in a git checkout; and the broker,
//! whose build script this is, too.

use std::path::Path;
use std::process::Command;

/// What the broker is made of, from the package's folder: files elsewhere may differ from the commit.
const BROKER: [&str; 4] =
    ["../broker/src", "../broker/client/src", "../broker/migrations", "../Cargo.lock"];

/// What the harness is made of, beside the broker.
const HARNESS: [&str; 2] = ["../harness/src", "../harness/database/src"];

fn main() {
    // Cargo looks at times alone here, and git is asked only after a change or a commit.
    println!("cargo::rerun-if-changed=../harness/build.rs");
    let mut sources = Vec::from(BROKER);
    if env!("CARGO_PKG_NAME") == "harness" {
        sources.extend(HARNESS);
    }
    for source in &sources {
        println!("cargo::rerun-if-changed={source}");
    }
    if !Path::new("../.git").exists() {
        return;
    }
    // A line is added there by each commit and each checkout; a worktree has its own.
    if let Some(log) = git(&["rev-parse", "--git-path", "logs/HEAD"]) {
        println!("cargo::rerun-if-changed={log}");
    }
    let Some(commit) = git(&["rev-parse", "--short=12", "HEAD"]) else { return };
    let mut status = vec!["--no-optional-locks", "status", "--porcelain", "--"];
    status.extend(sources);
    let differs = git(&status).is_none_or(|files| !files.is_empty());
    println!("cargo::rustc-env=BUILT_FROM={commit}{}", if differs { "-dirty" } else { "" });
}

/// What git answers; none where it is not there or does not know.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
