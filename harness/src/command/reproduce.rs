//! The command line that makes a run again.

use std::path::Path;

use super::outputs::{DEFAULT_OUT, Outputs};
use crate::golden;
use crate::plan::Plan;
use crate::shell::shell;

/// `harness SUBCOMMAND FILE`, with those of the flags that have a value, and the folders that are
/// not the usual ones.
pub(super) fn reproduce(
    subcommand: &str,
    plan: &Plan,
    flags: &[(&str, Option<String>)],
    outputs: &Outputs,
) -> String {
    let file = plan.scenario.file.to_string_lossy();
    let mut words = vec![format!("harness {subcommand} {}", shell(&file))];
    let mut add = |flag: &str, value: &str| words.push(format!("{flag} {}", shell(value)));
    for (flag, value) in flags {
        if let Some(value) = value {
            add(flag, value);
        }
    }
    if let Some(format) = outputs.log_format {
        add("--log-format", &format.to_string());
    }
    for (flag, folder, usual) in [
        ("--out", &outputs.out, DEFAULT_OUT),
        ("--golden", &outputs.golden, golden::DEFAULT_FOLDER),
    ] {
        if folder != Path::new(usual) {
            add(flag, &folder.to_string_lossy());
        }
    }
    words.join(" ")
}
