//! The command line that makes a run again.

use std::path::Path;

use super::outputs::{DEFAULT_OUT, Outputs};
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
    if outputs.out != Path::new(DEFAULT_OUT) {
        add("--out", &outputs.out.to_string_lossy());
    }
    if let Some(golden) = &outputs.golden {
        add("--golden", &golden.to_string_lossy());
    }
    words.join(" ")
}
