//! `harness review|accept|reject|pending`, on the binary.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use insta::Snapshot;

#[cfg(target_os = "linux")]
use crate::support::{terminal::Terminal, wait_for};

const PENDING: &str = "---\n\
source: golden/golden.rs\n\
assertion_line: 12\n\
description: \"small: two and two\"\n\
input_file: scenarios/small.yaml\n\
---\n\
ledger 1\n\
C1  T1  5  P1 1..3 aaaaaaaaaaaaaaaa\n";

fn harness(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_harness"))
        .args(arguments)
        .current_dir(folder)
        .env_remove("CI")
        .stdin(Stdio::null())
        .output()
        .expect("the binary starts")
}

/// In `stderr`, `{}` is the folder's whole path.
fn check(folder: &Path, arguments: &[&str], code: i32, stdout: &str, stderr: &str) {
    let output = harness(folder, arguments);
    let stderr = stderr.replace("{}", &folder.canonicalize().unwrap().display().to_string());
    assert_eq!(String::from_utf8_lossy(&output.stdout), stdout, "{arguments:?}");
    assert_eq!(String::from_utf8_lossy(&output.stderr), stderr, "{arguments:?}");
    assert_eq!(output.status.code(), Some(code), "{arguments:?}");
}

/// A working folder with `small` and `other` pending in `golden`, and their scenarios.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("golden")).expect("a folder");
    for name in ["small", "other"] {
        fs::write(folder.path().join(format!("golden/{name}.snap.new")), PENDING).expect("a file");
        fs::create_dir_all(folder.path().join("scenarios")).expect("a folder");
        let scenario =
            "topics: { T1: P1 -> C1 }\nproducers: { P1: { generate: { messages: 3 } } }\n";
        fs::write(folder.path().join(format!("scenarios/{name}.yaml")), scenario).expect("a file");
    }
    folder
}

#[test]
fn pending_lists_names_on_stdout_and_what_they_are_on_stderr() {
    let folder = folder();
    let accepted = PENDING.replace("1..3 aaaaaaaaaaaaaaaa", "1..2 bbbbbbbbbbbbbbbb");
    fs::write(folder.path().join("golden/small.snap"), accepted).unwrap();
    check(
        folder.path(),
        &["pending"],
        0,
        "other\nsmall\n",
        "  small: two and two: new, 2 lines\n  small: two and two: 2 lines of difference\n\
         2 golden files pending in {}/golden\n",
    );
}

#[test]
fn accepting_one_leaves_the_other() {
    let folder = folder();
    check(folder.path(), &["accept", "small"], 0, "", "accepted  small\n1 golden file accepted\n");
    check(
        folder.path(),
        &["pending"],
        0,
        "other\n",
        "  small: two and two: new, 2 lines\n1 golden file pending in {}/golden\n",
    );
}

#[test]
fn an_accepted_file_is_insta_s_without_the_keys_of_its_macro() {
    let folder = folder();
    check(
        folder.path(),
        &["accept"],
        0,
        "",
        "accepted  other\naccepted  small\n2 golden files accepted\n",
    );
    let path = folder.path().join("golden/small.snap");
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        "---\ndescription: \"small: two and two\"\ninput_file: scenarios/small.yaml\n---\n\
         ledger 1\nC1  T1  5  P1 1..3 aaaaaaaaaaaaaaaa\n"
    );
    let snapshot = Snapshot::from_file(&path).unwrap();
    assert_eq!(snapshot.metadata().description(), Some("small: two and two"));
    assert_eq!(snapshot.metadata().input_file(), Some("scenarios/small.yaml"));
    assert_eq!(snapshot.metadata().source(), None);
    assert!(!folder.path().join("golden/small.snap.new").exists());
}

#[test]
fn rejecting_deletes_the_pending_file_alone() {
    let folder = folder();
    fs::write(folder.path().join("golden/small.snap"), PENDING).unwrap();
    check(
        folder.path(),
        &["reject", "small", "other"],
        0,
        "",
        "rejected  other\nrejected  small\n2 golden files rejected\n",
    );
    let left: Vec<_> = fs::read_dir(folder.path().join("golden"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["small.snap"]);
}

#[test]
fn nothing_pending_is_nothing_selected_for_accept_and_reject() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("g")).unwrap();
    for command in ["accept", "reject"] {
        let arguments = [command, "--golden", "g"];
        check(folder.path(), &arguments, 4, "", "nothing is pending in {}/g\n");
    }
    check(folder.path(), &["review", "--golden", "g"], 0, "", "nothing is pending in {}/g\n");
    let none = "0 golden files pending in {}/g\n";
    check(folder.path(), &["pending", "--golden", "g"], 0, "", none);
}

#[test]
fn a_name_with_nothing_pending_refuses_the_whole_call() {
    let folder = folder();
    for command in ["accept", "reject", "review", "pending"] {
        let output = harness(folder.path(), &[command, "other", "smal"]);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{command}: {stderr}");
        let expected = "/golden; did you mean `small`?";
        assert!(stderr.starts_with("error: nothing is pending for `smal` in /"), "{stderr}");
        assert!(stderr.contains(expected) && stderr.contains("`small`"), "{stderr}");
        assert!(folder.path().join("golden/other.snap.new").exists());
    }
}

#[test]
fn a_folder_that_does_not_exist_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    for command in ["accept", "reject", "review", "pending"] {
        let expected = "error: there is no folder golden in {} or above it; \
                        name the folder with --golden DIR\n";
        check(folder.path(), &[command], 2, "", expected);
        let arguments = [command, "--golden", "g"];
        check(folder.path(), &arguments, 2, "", "error: there is no folder {}/g\n");
    }
}

#[test]
fn review_without_a_terminal_says_what_to_use_instead() {
    let folder = folder();
    check(
        folder.path(),
        &["review"],
        2,
        "",
        "error: review asks on a terminal, and stdin is none; \
         use `harness pending`, `harness accept NAME` and `harness reject NAME`\n",
    );
}

#[test]
fn a_file_that_is_no_golden_is_named() {
    let folder = folder();
    fs::write(folder.path().join("golden/other.snap.new"), "<<<<<<< HEAD\n").unwrap();
    check(
        folder.path(),
        &["accept"],
        2,
        "",
        "error: {}/golden/other.snap.new is no golden file: its first line is not `---`; \
         restore it, or delete it and run again\n",
    );
}

/// A review on a terminal that is answered by these keys, each pressed once the question is there.
#[cfg(target_os = "linux")]
fn answered(folder: &Path, keys: &[&str]) -> (Option<i32>, String) {
    let terminal = Terminal::new(120);
    let mut command = Command::new(env!("CARGO_BIN_EXE_harness"));
    command.arg("review").current_dir(folder).env_remove("CI").env("NO_COLOR", "1");
    command.stdin(terminal.end()).stdout(terminal.end()).stderr(terminal.end());
    let mut child = command.spawn().unwrap();
    for (place, key) in keys.iter().enumerate() {
        terminal.wait_for("(q)uit? ", place + 1);
        terminal.press(key);
    }
    let status = wait_for("the review to end", || child.try_wait().unwrap());
    terminal.wait_for("left pending", 1);
    (status.code(), terminal.shown().replace("\r\n", "\n"))
}

#[cfg(target_os = "linux")]
#[test]
fn a_review_takes_single_keys_and_gives_the_terminal_back_as_it_was() {
    let folder = folder();
    // No Enter; arrow keys, which send capital letters, mean nothing.
    let (code, shown) = answered(folder.path(), &["\u{1b}[A\u{1b}[Bd", "a", "r"]);
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.ends_with("1 accepted, 1 rejected, 0 left pending\n"), "{shown}");
    assert!(folder.path().join("golden/other.snap").exists());
    assert!(!folder.path().join("golden/small.snap").exists());

    let folder = self::folder();
    let (code, shown) = answered(folder.path(), &["A"]);
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.ends_with("2 accepted, 0 rejected, 0 left pending\n"), "{shown}");

    for (key, expected) in [("q", 0), ("\u{3}", 130)] {
        let folder = self::folder();
        let (code, shown) = answered(folder.path(), &[key]);
        assert_eq!(code, Some(expected), "{shown}");
        assert!(shown.ends_with("0 accepted, 0 rejected, 2 left pending\n"), "{shown}");
    }
}
