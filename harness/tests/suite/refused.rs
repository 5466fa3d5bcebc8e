//! A broker that refuses for good ends a run at once, and the verdict says why.

use std::process::{Command, Stdio};

fn run(settings: &str) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    let text = format!("topics:\n  T1: P1 -> C1\n{settings}golden: none\n");
    std::fs::write(folder.path().join("x.yaml"), text).unwrap();
    let mut harness = Command::new(env!("CARGO_BIN_EXE_harness"));
    let output = harness.current_dir(folder.path()).args(["run", "x.yaml"]).output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_poll_that_is_refused_for_good_ends_the_run_and_is_named() {
    let (code, words) = run("producers:\n  all: { generate: { messages: 20 } }\n\
                             consumers:\n  all: { batch: 20000 }\n");
    assert_eq!(code, Some(3), "{words}");
    let why = "C1 cannot go on: polling T1: max: a batch of 20000 is over the limit of 10000 \
               messages (too_large)";
    assert!(words.contains(why), "{words}");
}

#[test]
fn a_producer_whose_every_request_is_refused_is_told_why() {
    let (code, words) = run("producers:\n  all: { generate: { messages: 20000 }, batch: 20000 }\n");
    assert_eq!(code, Some(3), "{words}");
    let why = "no verdict: no message was acked, so nothing was promised about any (the first: \
               messages: a batch of 20000 is over the limit of 10000 messages (too_large))";
    assert!(words.contains(why), "{words}");
    assert!(words.contains("20,000 planned messages were refused: P1#1 to P1#20000"), "{words}");
}

#[test]
fn a_reader_that_has_gone_away_is_no_reason_to_panic() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [&["schema"][..], &["sabotage", "x.yaml"], &["generate", "P1=T1"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let text = "topics:\n  T1: P1 -> C1\nproducers:\n  all: { generate: { messages: 5 } }\n";
        std::fs::write(folder.path().join("x.yaml"), text).unwrap();
        let mut harness = Command::new(env!("CARGO_BIN_EXE_harness"));
        harness.current_dir(folder.path()).args(arguments).stdout(writer).stderr(Stdio::piped());
        let output = harness.output().unwrap();
        let words = String::from_utf8(output.stderr).unwrap();
        assert_eq!(words, "", "{arguments:?}");
        let expected = if arguments[0] == "sabotage" { 3 } else { 0 };
        assert_eq!(output.status.code(), Some(expected), "{arguments:?}");
    }
}

#[test]
fn two_reports_do_not_share_stdout() {
    let mut harness = Command::new(env!("CARGO_BIN_EXE_harness"));
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let folder = tempfile::tempdir().unwrap();
    harness.args(["run", "--report-json", "-", "--report-junit", "-", "--out"]).arg(folder.path());
    let output = harness.arg(root.join("scenarios/2p2c.yaml")).output().unwrap();
    let words = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{words}");
    assert!(words.contains("--report-json and --report-junit cannot both go to stdout"), "{words}");
}
