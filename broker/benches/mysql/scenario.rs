//! The whole command: a scenario on MySQL, from its start to its exit.

use std::path::Path;
use std::process::Command;

use tokio::time::Instant;

use crate::Failed;

/// The one that is measured, its messages, and its producers.
const SCENARIO: &str = "scenarios/5p3c.yaml";
pub(crate) const MESSAGES: u64 = 4965;
pub(crate) const PRODUCERS: usize = 5;

/// The seconds that `harness` takes for 5p3c, on the server of this URL, or on one of its own.
pub(crate) fn seconds(harness: &str, server: Option<&str>) -> Result<f64, Failed> {
    let out = tempfile::tempdir()?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut command = Command::new(harness);
    command.current_dir(root).args(["run", SCENARIO, "--on", "mysql", "--out"]).arg(out.path());
    match server {
        Some(url) => command.env("HARNESS_MYSQL_URL", url),
        None => command.env_remove("HARNESS_MYSQL_URL"),
    };
    let began = Instant::now();
    let ended = command.output()?;
    let seconds = began.elapsed().as_secs_f64();
    if ended.status.success() {
        return Ok(seconds);
    }
    Err(format!("{harness} {}: {}", ended.status, String::from_utf8_lossy(&ended.stderr)).into())
}
