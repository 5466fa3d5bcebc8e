//! `harness check` as a person calls it: exit codes, and what it says.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::support::{Ended, Folder, end};

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

/// A folder in which three scenarios were run, with the evidence of each.
fn ran() -> Folder {
    let folder = Folder::new();
    for name in ["2p2c", "together", "5p3c"] {
        folder.copy_scenario(name);
    }
    for name in ["2p2c", "together", "5p3c"] {
        let (file, history) = (format!("{name}.yaml"), format!("h/{name}.jsonl"));
        let arguments = ["sim", &file, "--history", &history, "--golden", "golden"];
        let mut harness = folder.harness(&arguments);
        harness.env("INSTA_UPDATE", "always");
        let ended = end(harness);
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
    folder
}

const REPORTS: [&str; 4] = ["--report-json", "r.json", "--report-junit", "r.xml"];

fn judged(folder: &Folder, arguments: &[&str]) -> (Ended, Vec<Value>, String) {
    let mut harness = folder.harness(&[&["check"], arguments, &REPORTS].concat());
    harness.env("GITHUB_ACTIONS", "true");
    let ended = end(harness);
    let report: Value = serde_json::from_str(&folder.read("r.json")).unwrap();
    assert_eq!(report["exit"].as_i64(), ended.code.map(i64::from), "{report}");
    let junit = folder.read("r.xml");
    (ended, report["scenarios"].as_array().unwrap().clone(), junit)
}

#[test]
fn several_scenarios_are_judged_by_what_their_runs_left_in_every_report() {
    let folder = ran();
    let files = ["2p2c.yaml", "together.yaml", "5p3c.yaml"];
    let both = [&files[..], &["--history", "h", "--logs", "out", "--golden", "golden"]].concat();
    let (ended, entries, junit) = judged(&folder, &both);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stderr.contains("every acknowledged message came as promised  golden ok"));
    assert!(ended.stderr.contains("3 scenarios: 3 passed"), "{ended:?}");
    assert_eq!(ended.stdout, "", "no annotation");
    for (entry, name) in entries.iter().zip(["2p2c", "together", "5p3c"]) {
        assert_eq!(entry["name"], name);
        assert_eq!((&entry["evidence"], &entry["result"]), (&json!("history"), &json!("passed")));
        assert_eq!(entry["golden"], json!({ "status": "match" }), "{entry}");
        assert_eq!(entry["summary"]["sent"], entry["summary"]["acked"], "{entry}");
        assert_eq!(entry["history"], format!("h/{name}.jsonl"));
        assert_eq!(entry["logs"], format!("out/{name}"));
        let command = format!("harness check {name}.yaml --history h --logs out --golden golden");
        assert_eq!(entry["reproduce"], command);
    }
    assert!(junit.contains("tests=\"3\" skipped=\"0\" failures=\"0\" errors=\"0\""), "{junit}");

    // One that lost a line fails; one whose log is gone cannot be judged; the third is as it was.
    let log = folder.read("out/2p2c/consumer_2.txt");
    folder.write("out/2p2c/consumer_2.txt", &log.replace("T1     P1_MSG3\n", ""));
    fs::remove_file(folder.join("out/together/consumer_1.txt")).unwrap();
    let (ended, entries, junit) = judged(&folder, &[&files[..], &["--logs", "out"]].concat());
    assert_eq!(ended.code, Some(2), "{ended:?}");
    let results: Vec<_> = entries.iter().map(|entry| entry["result"].as_str().unwrap()).collect();
    assert_eq!(results, ["failed", "invalid", "passed"]);
    assert_eq!(entries[2]["answer"], "nothing in the logs breaks a promise");
    assert!(!entries[2]["notes"].as_array().unwrap().is_empty(), "{}", entries[2]);
    let gone = "out/together/consumer_1.txt: cannot read the log of C1: no such file or directory";
    assert_eq!(entries[1]["error"], gone);
    let annotation = format!("::error file=out/together/consumer_1.txt,title=together::{gone}\n");
    assert!(ended.stdout.contains(&annotation), "{}", ended.stdout);
    assert!(ended.stdout.contains("title=2p2c%3A lost::C2 never got P1#3"), "{}", ended.stdout);
    assert!(junit.contains("tests=\"3\" skipped=\"0\" failures=\"1\" errors=\"1\""), "{junit}");
    assert!(junit.contains("type=\"invalid evidence\""), "{junit}");
}

#[test]
fn logs_are_held_against_a_golden_file_where_they_say_what_came() {
    let folder = ran();
    let with_golden = |name: &str, more: &[&str]| {
        let (file, logs) = (format!("{name}.yaml"), format!("out/{name}"));
        let arguments = [&[file.as_str(), "--logs", &logs, "--golden", "golden"], more].concat();
        let (ended, entries, _) = judged(&folder, &arguments);
        (ended, entries[0].clone())
    };
    let (ended, entry) = with_golden("2p2c", &[]);
    assert_eq!((ended.code, &entry["golden"]["status"]), (Some(0), &json!("match")), "{ended:?}");
    // In the order of the lines, whichever the run was.
    let log = folder.read("out/2p2c/consumer_1.txt");
    folder.write("out/2p2c/consumer_1.txt", &log.replace("T1     P1_MSG3\n", ""));
    let (ended, entry) = with_golden("2p2c", &[]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_eq!(entry["golden"]["status"], "different", "{entry}");
    let lines = entry["golden"]["difference"].as_array().unwrap();
    assert!(lines.iter().any(|line| line.as_str().unwrap().starts_with("+ C1")), "{entry}");
    let golden = folder.path().canonicalize().unwrap().join("golden/2p2c.snap");
    let differs = format!("the ledger differs too, from {}", golden.display());
    assert!(ended.stderr.contains(&differs), "{ended:?}");

    let (ended, entry) = with_golden("5p3c", &[]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(entry["golden"]["status"], "skipped");
    assert!(entry["golden"]["reason"].as_str().unwrap().contains("payloads repeat"), "{entry}");
    assert!(!folder.join("golden/5p3c.snap.new").exists());
}

#[test]
fn a_golden_file_of_a_history_is_new_or_differs_as_that_of_a_run() {
    let folder = ran();
    let history = ["2p2c.yaml", "--history", "h/2p2c.jsonl", "--golden", "other"];
    let (ended, entries, _) = judged(&folder, &history);
    assert_eq!(
        (ended.code, &entries[0]["golden"]["status"]),
        (Some(1), &json!("new")),
        "{ended:?}"
    );
    assert!(folder.join("other/2p2c.snap.new").exists());
    let golden = folder.path().canonicalize().unwrap().join("other");
    let accept = format!("harness accept 2p2c --golden {}", golden.display());
    assert!(ended.stderr.contains(&accept), "{ended:?}");
    // Without the flag it is not looked at.
    let (ended, entries, _) = judged(&folder, &history[..3]);
    assert_eq!((ended.code, entries[0].get("golden")), (Some(0), None), "{ended:?}");
}

#[test]
fn a_format_is_that_of_all_logs_and_in_the_command_that_judges_them_again() {
    let folder = Folder::new();
    let yaml = "topics: { T1: P1 -> C1 }\nproducers: { all: { generate: { messages: 3 } } }\n";
    for name in ["a", "deep/b"] {
        folder.write(&format!("all/{name}.yaml"), &format!("{yaml}golden: none\n"));
    }
    folder.passes(&["run", "all", "--log-format", "tsv"]);
    let logs = ["all", "--logs", "out"];
    let (ended, entries, _) = judged(&folder, &[&logs[..], &["--log-format", "tsv"]].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let again = "harness check all/deep/b.yaml --logs out --log-format tsv";
    assert_eq!(entries[1]["reproduce"], again);
    let (ended, entries, _) = judged(&folder, &[&logs[..], &["--log-format", "json"]].concat());
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert_eq!(entries[0]["problems"][0]["line"], 1, "{}", entries[0]);
}

#[test]
fn one_history_is_not_that_of_several_scenarios() {
    let folder = ran();
    let (ended, entries, junit) =
        judged(&folder, &["2p2c.yaml", "5p3c.yaml", "--history", "h/2p2c.jsonl"]);
    assert_eq!((ended.code, entries.len()), (Some(2), 0), "{ended:?}");
    assert!(
        ended
            .stderr
            .contains("h/2p2c.jsonl: 2 scenarios are selected, and this is a file; name a folder")
    );
    assert!(junit.contains("tests=\"1\" skipped=\"0\" failures=\"0\" errors=\"1\""), "{junit}");
    // Nor is one of another scenario: the line that says so is annotated.
    let (ended, entries, _) = judged(&folder, &["5p3c.yaml", "--history", "h/2p2c.jsonl"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert_eq!(entries[0]["problems"][0]["line"], 1, "{}", entries[0]);
    assert!(ended.stdout.starts_with("::error file=h/2p2c.jsonl,line=1,title=5p3c::"), "{ended:?}");
}

#[test]
fn each_of_several_histories_is_judged_with_the_seed_and_the_store_of_its_run() {
    let folder = Folder::new();
    let made_up = "topics: { T1: P1 P2 -> C1 C2 }\n\
                   producers: { all: { generate: { messages: 20 } } }\ngolden: none\n";
    let mut files = Vec::new();
    for (name, seed) in [("one", "7"), ("two", "8")] {
        let file = format!("{name}.yaml");
        folder.write(&file, made_up);
        folder.passes(&["sim", &file, "--seed", seed, "--on", "mysql", "--history", "h/"]);
        files.push(file);
    }
    let [one, two] = &files[..] else { unreachable!() };
    let (ended, entries, _) = judged(&folder, &[one, two, "--history", "h"]);
    assert_eq!((ended.code, entries.len()), (Some(0), 2), "{ended:?}");
    let seeds: Vec<_> = entries.iter().map(|entry| entry["seed"].as_u64()).collect();
    assert_eq!(seeds, [Some(7), Some(8)]);
    // What runs leave that do not pass, by the folder that they have in common.
    for (file, seed) in files.iter().zip(["7", "8"]) {
        folder.run(&["sim", file, "--seed", seed, "--bug", "loose-offset"]);
    }
    let (ended, entries, _) = judged(&folder, &[one, two, "--history", "out"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    for (entry, name) in entries.iter().zip(["one", "two"]) {
        assert_eq!(entry["history"], format!("out/{name}/history.jsonl"));
        assert_eq!(entry["result"], "failed", "{entry}");
    }
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
