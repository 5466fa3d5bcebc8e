//! `harness check` as a person calls it: exit codes, and what it says.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const LOG: &str = "21:52:23  P{}_MSG1  P{}-1  T1\n21:52:24  P{}_MSG2  P{}-1  T1\n";

fn scenario(folder: &Path) {
    fs::create_dir(folder.join("logs")).unwrap();
    for producer in ["1", "2"] {
        let log = LOG.replace("{}", producer);
        fs::write(folder.join(format!("producer_{producer}.txt")), log).unwrap();
    }
    let yaml = "topics:\n  T1: P1 P2 -> C1 C2\nproducers:\n  all:\n    log: producer_{id}.txt\n";
    fs::write(folder.join("2p2c.yaml"), yaml).unwrap();
}

fn check(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_harness"));
    command.current_dir(folder).args(["check", "2p2c.yaml"]).args(arguments);
    let Output { status, stderr, .. } = command.env("NO_COLOR", "1").output().unwrap();
    (status.code(), String::from_utf8(stderr).unwrap())
}

fn write_logs(folder: &Path, first: &str, second: &str) {
    fs::write(folder.join("logs/consumer_1.txt"), first).unwrap();
    fs::write(folder.join("logs/consumer_2.txt"), second).unwrap();
}

const WHOLE: &str = "T1     P1_MSG1\nT1     P2_MSG1\nT1     P1_MSG2\nT1     P2_MSG2\n";

#[test]
fn whole_logs_pass_and_a_removed_line_is_named() {
    let folder = tempfile::tempdir().unwrap();
    scenario(folder.path());
    write_logs(folder.path(), WHOLE, WHOLE);
    let (code, words) = check(folder.path(), &["--logs", "logs"]);
    assert_eq!(code, Some(0), "{words}");
    assert!(words.contains("T1 of C1 C2: each producer's messages are in order"), "{words}");

    write_logs(folder.path(), WHOLE, &WHOLE.replace("T1     P1_MSG2\n", ""));
    let (code, words) = check(folder.path(), &["--logs", "logs"]);
    assert_eq!(code, Some(1), "{words}");
    assert!(words.contains("C2 never got P1#2 (T1 number 2, producer_1.txt:2)"), "{words}");
    assert!(words.contains("between lines 2 and 3"), "{words}");
}

#[test]
fn evidence_that_cannot_be_read_is_named() {
    let folder = tempfile::tempdir().unwrap();
    scenario(folder.path());
    let (code, words) = check(folder.path(), &["--logs", "logs"]);
    assert_eq!(code, Some(2), "{words}");
    assert!(words.contains("logs/consumer_1.txt: cannot read the log of C1"), "{words}");

    write_logs(folder.path(), WHOLE, "T1     P1_MSG1\nT7 x\n");
    let (code, words) = check(folder.path(), &["--logs", "logs"]);
    assert_eq!(code, Some(2), "{words}");
    assert!(words.contains("consumer_2.txt:2: the scenario has no topic \"T7\""), "{words}");

    fs::write(folder.path().join("h.jsonl"), "{\"history\":9}\n").unwrap();
    let (code, words) = check(folder.path(), &["--history", "h.jsonl"]);
    assert_eq!(code, Some(2), "{words}");
    assert!(words.contains("h.jsonl: line 1: the history has version 9"), "{words}");

    let (code, words) = check(folder.path(), &[]);
    assert_eq!(code, Some(2), "{words}");
    assert!(words.contains("--history <FILE>|--logs <DIR>"), "{words}");
}

#[test]
fn a_log_of_a_consumer_that_the_scenario_lacks_is_a_doubt() {
    let folder = tempfile::tempdir().unwrap();
    scenario(folder.path());
    write_logs(folder.path(), WHOLE, WHOLE);
    fs::write(folder.path().join("logs/consumer_9.txt"), WHOLE).unwrap();
    fs::write(folder.path().join("logs/consumer_.txt"), "no log").unwrap();
    let (code, words) = check(folder.path(), &["--logs", "logs"]);
    assert_eq!(code, Some(3), "{words}");
    assert!(words.contains("logs/consumer_9.txt: the scenario has no C9"), "{words}");
    assert!(!words.contains("consumer_.txt"), "{words}");
}

#[test]
fn empty_logs_never_pass() {
    let folder = tempfile::tempdir().unwrap();
    scenario(folder.path());
    write_logs(folder.path(), "", "");
    let (code, words) = check(folder.path(), &["--logs", "logs"]);
    assert_eq!(code, Some(1), "{words}");
    assert_eq!(words.matches("C1 logged nothing of T1").count(), 1, "{words}");

    let file = folder.path().join("2p2c.yaml");
    let yaml = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("{yaml}start: together\n")).unwrap();
    let (code, words) = check(folder.path(), &["--logs", "logs"]);
    assert_eq!(code, Some(3), "{words}");
    assert!(words.contains("C2 logged nothing of T1: it may have subscribed late"), "{words}");
}

#[test]
fn a_folder_is_no_history_and_that_is_said_once() {
    let folder = tempfile::tempdir().unwrap();
    scenario(folder.path());
    let (code, words) = check(folder.path(), &["--history", "logs"]);
    assert_eq!(code, Some(2), "{words}");
    assert_eq!(words.to_lowercase().matches("is a directory").count(), 1, "{words}");

    let (code, words) = check(folder.path(), &["--history", "producer_1.txt"]);
    assert_eq!(code, Some(2), "{words}");
    assert!(words.contains("producer_1.txt: line 1: this is no history"), "{words}");
}

#[test]
fn a_log_that_ends_early_says_after_how_many_lines() {
    let folder = tempfile::tempdir().unwrap();
    scenario(folder.path());
    let half = "T1     P1_MSG1\nT1     P2_MSG1\n";
    write_logs(folder.path(), half, WHOLE);
    let (code, words) = check(folder.path(), &["--logs", "logs"]);
    assert_eq!(code, Some(1), "{words}");
    let title = "C1's log of T1 ends after 2 of 4 lines; up to there each producer's messages are in \
                 order";
    assert!(words.contains(title), "{words}");

    write_logs(folder.path(), WHOLE.trim_end_matches("T1     P2_MSG2\n"), WHOLE);
    let (_, words) = check(folder.path(), &["--logs", "logs"]);
    assert!(words.contains("C1 never got P2#2 (T1 number 2, producer_2.txt:2)"), "{words}");
    assert!(words.contains("C1's log of T1 ends after 3 of 4 lines"), "{words}");
}

#[test]
fn a_log_that_was_cut_off_while_it_was_written_is_a_doubt() {
    let folder = tempfile::tempdir().unwrap();
    scenario(folder.path());
    write_logs(folder.path(), "T1     P1_MSG1\nT1     P2_M", WHOLE);
    let (code, words) = check(folder.path(), &["--logs", "logs"]);
    assert_eq!(code, Some(3), "{words}");
    let doubt =
        "C1's log of T1 is cut off in logs/consumer_1.txt:2: 3 messages may have come after that";
    assert!(words.contains(doubt), "{words}");
    // Writers that join lines put no end behind the last one.
    write_logs(folder.path(), WHOLE.trim_end(), WHOLE);
    let (code, words) = check(folder.path(), &["--logs", "logs"]);
    assert_eq!(code, Some(0), "{words}");
}

#[test]
fn a_duplicate_that_is_allowed_does_not_hide_that_logs_disagree() {
    let folder = tempfile::tempdir().unwrap();
    scenario(folder.path());
    let yaml = "topics:\n  T1: P1 P2 -> C1 C2\nproducers:\n  all:\n    log: producer_{id}.txt\n\
                expect: { delivery: at-least-once }\n";
    fs::write(folder.path().join("2p2c.yaml"), yaml).unwrap();
    let other = "T1 P2_MSG1\nT1 P1_MSG1\nT1 P1_MSG1\nT1 P1_MSG2\nT1 P2_MSG2\n";
    write_logs(folder.path(), WHOLE, other);
    let (code, words) = check(folder.path(), &["--logs", "logs"]);
    assert_eq!(code, Some(1), "{words}");
    assert!(words.contains("divergent"), "{words}");
}
