//! The checks are proved: a broker that is wrong in one known way is found out, every time and in
//! that way only.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::support::Broker;

const KINDS: [(&str, &str); 11] = [
    ("(none)", "none"),
    ("lose", "lost"),
    ("duplicate", "duplicate"),
    ("reorder", "reordered"),
    ("diverge", "divergent"),
    ("phantom", "phantom"),
    ("resurrect", "resurrected"),
    ("corrupt", "corrupted"),
    ("misroute", "misrouted"),
    ("early", "early"),
    ("stale-ack", "stale ack"),
];

fn sabotage(arguments: &[&OsStr]) -> Output {
    let mut harness = Command::new(env!("CARGO_BIN_EXE_harness"));
    harness.arg("sabotage").args(arguments);
    harness.output().unwrap()
}

/// Every kind but those of `impossible` is found exactly as often as it was injected, and no other.
#[track_caller]
fn check(arguments: &[&OsStr], impossible: &[&str]) -> String {
    let output = sabotage(arguments);
    let table = String::from_utf8(output.stdout).unwrap();
    let rows: Vec<&str> =
        table.lines().skip(1).filter(|line| !line.starts_with("           ")).collect();
    assert_eq!(rows.len(), KINDS.len(), "{table}");
    for (row, (kind, anomaly)) in rows.iter().zip(KINDS) {
        let mut words = row.split_whitespace();
        assert_eq!(words.next(), Some(kind), "{table}");
        let injected: u64 = words.next().unwrap().parse().unwrap();
        let reported: u64 = words.next().unwrap().parse().unwrap();
        assert_eq!(injected, reported, "{table}");
        if impossible.contains(&kind) {
            assert_eq!((injected, words.next()), (0, Some("-")), "{table}");
            continue;
        }
        assert!(injected >= 5 || kind == "(none)", "{table}");
        assert_eq!(words.next(), Some("yes"), "{table}");
        let fired = words.collect::<Vec<_>>().join(" ");
        let exactly =
            if kind == "(none)" { anomaly.into() } else { format!("{anomaly} {reported}") };
        assert_eq!(fired, exactly, "{table}");
    }
    assert_eq!(output.status.code(), Some(0), "{table}");
    table
}

fn shipped(scenario: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    root.join("scenarios").join(scenario)
}

/// A scenario that is quick and large enough for every kind, with one key more.
fn small(folder: &Path, more: &str) -> PathBuf {
    let text = "topics:\n  T1: P1 P2 P3 -> C1 C2 C3\n  T2: P1 P2 -> C1 C2\nproducers:\n  \
                all: { generate: { messages: 400, size: 4..16 } }\ngolden: none\n";
    let file = folder.join("small.yaml");
    std::fs::write(&file, format!("{text}{more}")).unwrap();
    file
}

#[test]
fn every_sabotage_is_reported_exactly_and_a_clean_run_has_none() {
    check(&[shipped("5p3c.yaml").as_os_str()], &[]);
}

#[test]
fn a_broker_without_offsets_is_sabotaged_too_but_for_its_acks() {
    let folder = tempfile::tempdir().unwrap();
    let file = small(folder.path(), "broker: { driver: original }\n");
    let table = check(&[file.as_os_str()], &["stale-ack"]);
    assert!(table.contains("not possible: acks of this broker carry no offset"), "{table}");

    let mut harness = Command::new(env!("CARGO_BIN_EXE_harness"));
    harness.args(["run", "small.yaml", "--sabotage", "stale-ack"]).current_dir(&folder);
    let output = harness.output().unwrap();
    let words = String::from_utf8(output.stderr).unwrap();
    let expected = "error: small.yaml does not hold here: --sabotage stale-ack: acks of this broker \
                    carry no offset\n";
    assert_eq!((output.status.code(), words.as_str()), (Some(2), expected));
}

#[test]
fn a_broker_that_runs_already_is_sabotaged_too() {
    let folder = tempfile::tempdir().unwrap();
    let broker = Broker::start(&[]);
    let file = small(folder.path(), "");
    check(&[file.as_os_str(), OsStr::new("--on"), OsStr::new(&broker.address)], &[]);
}

#[test]
fn simulated_brokers_are_sabotaged_too_and_each_seed_comes_again() {
    let folder = tempfile::tempdir().unwrap();
    for seed in [1, 2] {
        let file = small(folder.path(), &format!("seed: {seed}\n"));
        let arguments = [file.as_os_str(), OsStr::new("--sim")];
        assert_eq!(check(&arguments, &[]), check(&arguments, &[]));
    }
}

#[test]
fn a_scenario_with_too_few_messages_is_vacuous_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = folder.path().join("tiny.yaml");
    let text = "topics:\n  T1: P1 -> C1\nproducers:\n  all:\n    generate: { messages: 2, size: 4..4 }\n\
                drain: { idle: 100ms, deadline: 5s }\ngolden: none\n";
    std::fs::write(&scenario, text).unwrap();
    let output = sabotage(&[scenario.as_os_str()]);
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(table.contains("vacuous: nothing could be injected"), "{table}");
    assert_eq!(output.status.code(), Some(3), "{table}{}", String::from_utf8_lossy(&output.stderr));
}

/// A poll that is cut short for an early message must not pass for one that acknowledged the batch
/// before, which the broker rightly hands out again after the crash.
#[test]
fn an_early_delivery_acknowledges_nothing_that_a_crash_takes_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = Command::new(env!("CARGO_BIN_EXE_harness"));
    harness.arg("run").arg(shipped("consumer-crash.yaml")).args(["--sabotage", "early:3"]);
    let output = harness.current_dir(&folder).output().unwrap();
    let words = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{words}");
    assert!(words.contains("came before their messages were sent"), "{words}");
    assert!(!words.contains("duplicate"), "{words}");
}
