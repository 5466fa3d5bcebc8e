//! What tests of the real binary share: a folder to run it in, an environment without CI's and
//! insta's wishes, and looks at processes.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

/// Longer than anything here takes; past it a test fails instead of hanging.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// A folder of its own, removed at the end.
pub(crate) struct Folder(TempDir);

/// How the harness ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// Writes a file, and the folders above it.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// A scenario that is shipped, and its logs.
    pub(crate) fn copy_scenario(&self, name: &str) {
        let from = shipped();
        self.write(&format!("{name}.yaml"), &read(&from.join(format!("{name}.yaml"))));
        let Ok(logs) = fs::read_dir(from.join(name)) else { return };
        for log in logs {
            let log = log.unwrap();
            let file = format!("{name}/{}", log.file_name().to_str().unwrap());
            self.write(&file, &read(&log.path()));
        }
    }

    /// The harness with these arguments, in this folder.
    pub(crate) fn harness(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_harness"));
        command.args(arguments).current_dir(self.path()).stdin(Stdio::null());
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if ["CI", "TF_BUILD", "NO_COLOR"].contains(&&*name)
                || ["INSTA_", "GITHUB_", "BROKER_"].iter().any(|prefix| name.starts_with(prefix))
            {
                command.env_remove(&*name);
            }
        }
        command
    }

    /// Runs the harness to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        end(self.harness(arguments))
    }

    /// The same where it must end with 0.
    pub(crate) fn passes(&self, arguments: &[&str]) -> Ended {
        let ended = self.run(arguments);
        assert_eq!(ended.code, Some(0), "{arguments:?}: {}", ended.stderr);
        ended
    }

    /// A JSON report's only scenario.
    pub(crate) fn report(&self, name: &str) -> Value {
        let report: Value = serde_json::from_str(&self.read(name)).unwrap();
        report["scenarios"][0].clone()
    }
}

/// Runs a command to its end.
pub(crate) fn end(mut command: Command) -> Ended {
    let output = command.output().unwrap();
    Ended {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// The folder of the scenarios that are shipped.
pub(crate) fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("scenarios")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}
