//! Tells the harness which commit it is built from, where it is built in a git checkout.

use std::path::Path;
use std::process::Command;

/// What the program is made of, from this folder: files elsewhere may differ from the commit.
const SOURCES: [&str; 6] = [
    "src",
    "database/src",
    "../broker/src",
    "../broker/client/src",
    "../broker/migrations",
    "../Cargo.lock",
];

fn main() {
    // Cargo looks at times alone here, and git is asked only after a change or a commit.
    println!("cargo::rerun-if-changed=build.rs");
    for source in SOURCES {
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
    status.extend(SOURCES);
    let differs = git(&status).is_none_or(|files| !files.is_empty());
    println!("cargo::rustc-env=BUILT_FROM={commit}{}", if differs { "-dirty" } else { "" });
}

/// What git answers; none where it is not there or does not know.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
