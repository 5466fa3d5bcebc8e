//! Each promise of `scenarios/promises` once, on the brokers that CI has: what their documents promise
//! is kept, but for what is known to be broken.

use private_database::WITHOUT;
use serde_json::Value;

use crate::brokers::{harness, here, nothing_is_left};
use crate::support::{Folder, end, shipped};

/// What documents promise and a broker does not keep, seen again and again: docs/brokers.md.
const KNOWN: [(&str, &str); 1] = [("nats", "a-killed-broker-repeats-nothing")];

/// Runs all of them on a broker, which is tried by this word.
fn promises(word: &str, more: &[&str]) {
    let folder = Folder::new();
    let scenarios = shipped().join("promises");
    let run = ["run", scenarios.to_str().unwrap(), "--report-json", "report.json", "--repeat", "1"];
    // A second broker makes a table of it.
    let on = format!("memory,{word}");
    let ended = end(harness(&folder, &[&run[..], &["--on", &on], more].concat()));
    nothing_is_left(&folder);
    let report: Value = serde_json::from_str(&folder.read("report.json")).unwrap();
    let cells = report["matrix"]["cells"].as_array().unwrap_or_else(|| panic!("{}", ended.stderr));
    let own: Vec<_> = cells.iter().filter(|cell| cell["on"] == word).collect();
    assert!(own.len() > 6, "{word}: {}", ended.stderr);
    for cell in cells {
        let name = cell["scenario"].as_str().unwrap();
        let on = cell["on"].as_str().unwrap();
        let is_known = KNOWN.contains(&(on, name));
        assert!(cell["broken"] == 0 || is_known, "{name} on {on}: {}", ended.stderr);
        assert!(cell["runs"] == 0 || cell["no_verdict"] == 0, "{name} on {on}: {}", ended.stderr);
    }
}

#[test]
fn they_are_kept_on_mysql() {
    if std::env::var(WITHOUT).is_ok_and(|value| value == "1") {
        return;
    }
    promises("mysql", &[]);
}

#[cfg(feature = "nats")]
#[test]
fn they_are_kept_on_nats() {
    if here("nats").is_some() {
        promises("nats", &[]);
    }
}

#[cfg(feature = "redis")]
#[test]
fn they_are_kept_on_redis() {
    if here("redis").is_some() {
        promises("redis", &[]);
    }
}

#[test]
fn they_are_kept_by_a_program_in_python() {
    let folder = Folder::new();
    let example = shipped().parent().unwrap().join("examples/drivers/list.py");
    let driver = format!(
        "brokers:\n  list: {{ driver: exec, command: [python3, '{}'] }}\n",
        example.display()
    );
    folder.write("own.yaml", &driver);
    promises("list", &["--brokers", folder.join("own.yaml").to_str().unwrap()]);
}
