//! Several brokers and repeated runs: the table in every report, what is written where, and what is
//! left of a table that was not filled.

use std::fs;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{Ended, Folder, Running, end, wait_for};

const FINE: &str = "topics:\n  T1: P1 -> C1\nproducers:\n  all: { generate: { messages: 50 } }\n\
                    golden: none\nseed: 1\n";

/// A broker in memory does not promise what this asks for, and does not keep it.
const KILL: &str = "topics:\n  T1: P1 -> C1\nproducers:\n  \
                    all: { generate: { messages: 200 }, pace: 400/s }\n\
                    consumers: { C1: { poll_after: 150 acked } }\n\
                    faults: [{ after: 100 acked, kill: broker, for: 1ms }]\n\
                    expect: { delivery: at-least-once, order: none }\n\
                    require: [\"backlog >= 50\"]\ndrain: { idle: 300ms, deadline: 30s }\n\
                    golden: none\n";

/// Runs the scenarios in `all`, with every report that has a table, where there is no MySQL.
fn run(folder: &Folder, arguments: &[&str]) -> (Ended, Value) {
    let reports = ["--report-json", "r.json", "--report-junit", "r.xml", "--report-md", "r.md"];
    let mut harness = folder.harness(&[&["run", "all"], arguments, &reports].concat());
    harness.env("HARNESS_MYSQL_BIN", folder.join("tmp"));
    let ended = end(harness);
    let json = serde_json::from_str(&folder.read("r.json")).unwrap();
    (ended, json)
}

/// The names in a folder, in their order.
fn names(folder: &Folder, path: &str) -> Vec<String> {
    let entries = fs::read_dir(folder.join(path)).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn runs_that_pass_are_a_cell_and_leave_the_logs_of_the_first() {
    let folder = Folder::new();
    folder.write("all/fine.yaml", FINE);
    // What an earlier call left of a run that did not pass.
    folder.write("out/fine/run-9/history.jsonl", "old");
    let (ended, json) = run(&folder, &["--repeat", "3", "--history", "h"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stderr.contains("PASS  fine  3 of 3 runs passed  in "), "{}", ended.stderr);
    assert!(!ended.stderr.contains("kept 3"), "a table of one column: {}", ended.stderr);
    assert!(ended.stderr.contains("1 broker, 1 scenario, 3 runs: 3 passed"), "{}", ended.stderr);
    assert_eq!(names(&folder, "out/fine"), ["consumer_1.txt", "run.json"]);
    assert_eq!(names(&folder, "h"), ["fine", "fine.jsonl"]);
    assert_eq!(names(&folder, "h/fine"), ["run-2.jsonl", "run-3.jsonl"]);
    let turns: Vec<_> =
        json["scenarios"].as_array().unwrap().iter().map(|run| run["turn"].clone()).collect();
    assert_eq!(turns, [1, 2, 3]);
    assert!(folder.read("r.md").starts_with("| scenario | memory |\n|---|---|\n| fine | kept 3 |"));
    assert!(folder.read("r.xml").contains("<testcase name=\"fine (run 3)\" classname=\"memory\""));
}

#[test]
fn what_is_not_promised_is_run_and_told_apart_and_a_broker_that_is_not_there_is_a_column() {
    let folder = Folder::new();
    folder.write("all/kill.yaml", KILL);
    let (ended, json) = run(&folder, &["--on", "memory,mysql", "--repeat", "2"]);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let stderr = &ended.stderr;
    assert!(
        stderr.contains("scenario  memory        mysql\nkill      (broken 2/2)  -\n"),
        "{stderr}"
    );
    assert!(stderr.contains("; its documents do not promise it"), "{stderr}");
    let [own, theirs] = [0, 1].map(|place| &json["matrix"]["cells"][place]);
    assert_eq!((&own["on"], &own["result"]), (&json!("memory"), &json!("not promised")), "{json}");
    assert_eq!((&own["runs"], &own["not_promised"]), (&json!(2), &json!(2)), "{json}");
    let said = own["documented"]["said"].as_str().unwrap();
    assert!(said.contains("nothing survives a kill; this scenario asks for survival"), "{said}");
    assert_eq!((&theirs["on"], &theirs["result"]), (&json!("mysql"), &json!("cannot be tested")));
    // The evidence of each run is there, and is judged as it was.
    let kept = ["consumer_1.txt", "history.jsonl", "run-2", "run.json"];
    assert_eq!(names(&folder, "out/memory/kill"), kept);
    let history = "out/memory/kill/run-2/history.jsonl";
    let judged = folder.run(&["check", "all/kill.yaml", "--history", history]);
    assert_eq!(judged.code, Some(1), "{}", judged.stderr);
    let junit = folder.read("r.xml");
    for words in [
        "<testsuite name=\"memory\" tests=\"2\" skipped=\"0\" errors=\"0\" failures=\"2\"",
        "<testsuite name=\"mysql\" tests=\"1\" skipped=\"1\"",
        "<testcase name=\"kill (run 2)\" classname=\"memory\"",
    ] {
        assert!(junit.contains(words), "{words}: {junit}");
    }
}

#[test]
fn a_broken_promise_is_counted_and_named_with_the_way_to_repeat_it() {
    let folder = Folder::new();
    folder.write("all/fine.yaml", FINE);
    let (ended, json) = run(&folder, &["--repeat", "2", "--sabotage", "lose:3"]);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let stderr = &ended.stderr;
    assert!(stderr.contains("FAIL  fine  0 of 2 runs passed, 2 failed  in "), "{stderr}");
    assert_eq!(stderr.matches("\n      lost  3 deliveries").count(), 1, "its proofs: {stderr}");
    assert!(stderr.contains("\n  fine on memory: in all 2 runs: lost 3\n"), "{stderr}");
    let again = "reproduce  harness run all/fine.yaml --sabotage lose:3\n";
    assert!(stderr.contains(again), "{stderr}");
    let found = &json["matrix"]["cells"][0]["found"];
    assert_eq!(found, &json!([{ "what": "lost", "runs": 2, "least": 3, "most": 3 }]));
    let line = "- fine on memory: in all 2 runs: lost 3";
    assert!(folder.read("r.md").contains(line), "{}", folder.read("r.md"));
}

#[test]
fn of_a_table_that_is_interrupted_what_was_known_is_written() {
    let folder = Folder::new();
    folder.write("all/a.yaml", FINE);
    folder.write("all/b.yaml", &FINE.replace("messages: 50 }", "messages: 45000 }, pace: 50/s"));
    let reports = ["--report-json", "r.json", "--report-md", "r.md"];
    let run = [&["run", "all", "--repeat", "2"], &reports[..]].concat();
    let running = Running::start(&folder, &run);
    let log = folder.join("out/b/consumer_1.txt");
    wait_for("a log", || fs::metadata(&log).ok().filter(|file| file.len() > 0));
    running.signal(Signal::INT);
    let (code, words) = running.end();
    assert_eq!(code, Some(130), "{words}");
    assert!(words.contains("STOP  a  1 of 1 run passed, 1 not begun  in "), "{words}");
    assert!(
        words.contains("STOP  b  0 of 1 run passed, 1 interrupted, 1 not begun  in "),
        "{words}"
    );
    assert!(words.contains("interrupted: 2 runs not begun"), "{words}");
    let markdown = folder.read("r.md");
    assert!(markdown.contains("| a | kept 1 |\n| b | no verdict 1 |\n"), "{markdown}");
    assert!(markdown.contains("\ninterrupted: 2 runs not begun\n"), "{markdown}");
    let json: Value = serde_json::from_str(&folder.read("r.json")).unwrap();
    assert_eq!(json["matrix"]["cells"].as_array().unwrap().len(), 2, "{json}");
}
