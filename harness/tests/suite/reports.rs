//! What reports say whatever becomes of the call: nothing that an earlier call left, also where
//! nothing could be run; an entry for each scenario of a sweep and of a check; what was skipped.

use std::fs;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{Ended, Folder, Running, end, shipped, wait_for};

const FINE: &str = "topics:\n  T1: P1 -> C1\nproducers:\n  all: { generate: { messages: 5 } }\n\
                    golden: none\nseed: 1\n";
const TYPO: &str = "topics:\n  T1: P1 -> C1\nproducers:\n  all: { generate: { mesages: 5 } }\n";

/// What an earlier call left: everything was fine.
const STALE: &str = "yesterday's green report";

/// What a call left in its three reports.
struct Said {
    json: Value,
    junit: String,
    annotations: String,
    ended: Ended,
}

/// Calls the harness with all reports, over those of an earlier call, which passed.
fn call(folder: &Folder, arguments: &[&str]) -> Said {
    for report in ["r/r.json", "r/r.xml"] {
        folder.write(report, STALE);
    }
    let reports = ["--report-json", "r/r.json", "--report-junit", "r/r.xml"];
    let mut harness = folder.harness(&[arguments, &reports].concat());
    harness.env("GITHUB_ACTIONS", "true").env("HARNESS_MYSQL_BIN", folder.join("tmp"));
    let ended = end(harness);
    let text = folder.read("r/r.json");
    let json: Value = serde_json::from_str(&text).unwrap_or_else(|why| panic!("{why}: {text}"));
    let junit = folder.read("r/r.xml");
    assert_eq!(json["exit"].as_i64(), ended.code.map(i64::from), "{json}\n{ended:?}");
    assert!(junit.starts_with("<?xml") && junit.ends_with("</testsuites>\n"), "{junit}");
    Said { json, junit, annotations: ended.stdout.clone(), ended }
}

impl Said {
    /// Checks the code, and the head of the JUnit report: tests, skipped, failures and errors.
    fn check(&self, code: i32, counts: [u32; 4]) {
        assert_eq!(self.ended.code, Some(code), "{}", self.ended.stderr);
        let [tests, skipped, failures, errors] = counts;
        let head = format!(
            "name=\"harness\" tests=\"{tests}\" skipped=\"{skipped}\" failures=\"{failures}\" \
             errors=\"{errors}\""
        );
        assert!(self.junit.contains(&head), "{head}\n{}", self.junit);
    }

    /// Checks that each report says these words.
    fn says(&self, words: &str) {
        let error = self.json["error"].as_str().unwrap_or_default();
        let xml = words.replace('"', "&quot;").replace('>', "&gt;");
        assert!(error.contains(words), "{words}: {}", self.json);
        assert!(self.junit.contains(&xml), "{words}: {}", self.junit);
        assert!(self.annotations.contains(words), "{words}: {}", self.annotations);
    }
}

#[test]
fn an_invalid_scenario_is_an_entry_with_its_place_in_every_report() {
    for arguments in [&["run", "all"][..], &["sim", "all"], &["check", "all", "--logs", "l"]] {
        let folder = Folder::new();
        folder.write("all/fine.yaml", FINE);
        folder.write("all/typo.yaml", TYPO);
        folder.write(
            "all/worse.yaml",
            &format!("{FINE}start: never\nexpect: {{ order: none, delivery: twice }}\n"),
        );
        let said = call(&folder, arguments);
        said.check(2, [2, 0, 0, 2]);
        let scenarios = said.json["scenarios"].as_array().unwrap();
        let names: Vec<_> = scenarios.iter().map(|entry| &entry["name"]).collect();
        assert_eq!(names, ["typo", "worse"]);
        let typo = &scenarios[0];
        assert_eq!((&typo["result"], &typo["exit"]), (&json!("invalid"), &json!(2)));
        assert_eq!(
            typo["problems"],
            json!([{ "file": "all/typo.yaml", "line": 4, "column": 22,
                     "message": "unknown key `mesages`: did you mean `messages`?" }])
        );
        let said_first = "all/typo.yaml:4:22: unknown key `mesages`: did you mean `messages`?";
        assert_eq!(typo["answer"], said_first);
        assert_eq!(scenarios[1]["problems"].as_array().unwrap().len(), 2, "{}", scenarios[1]);
        assert!(said.junit.contains("file=\"all/typo.yaml\" line=\"4\""), "{}", said.junit);
        assert!(said.junit.contains("type=\"invalid scenario\""), "{}", said.junit);
        let annotation =
            "::error file=all/typo.yaml,line=4,col=22,title=typo::unknown key `mesages`";
        assert!(said.annotations.contains(annotation), "{}", said.annotations);
        assert_eq!(said.annotations.lines().count(), 3, "{}", said.annotations);
        assert!(!folder.join("out").exists(), "nothing was begun");
    }
}

#[test]
fn scenarios_deep_in_a_folder_are_entries_and_other_files_are_passed_over() {
    for arguments in [&["run", "all"][..], &["sim", "all"], &["check", "all", "--logs", "l"]] {
        let folder = Folder::new();
        folder.write("all/fine.yaml", FINE);
        folder.write("all/deep/compose.yaml", "services: {}\n");
        folder.write("all/deep/er/typo.yaml", TYPO);
        let said = call(&folder, arguments);
        said.check(2, [1, 0, 0, 1]);
        let problem = &said.json["scenarios"][0]["problems"][0];
        let place = [&problem["file"], &problem["line"], &problem["column"]];
        assert_eq!(place, [&json!("all/deep/er/typo.yaml"), &json!(4), &json!(22)]);
        let note = "note: all/deep/compose.yaml is passed over: it has no `topics`\n";
        assert!(said.ended.stderr.contains(note), "{}", said.ended.stderr);
    }
}

#[test]
fn what_is_wrong_with_the_logs_of_several_scenarios_is_told_at_once() {
    let folder = Folder::new();
    let logged = FINE.replace("generate: { messages: 5 }", "log: '{scenario}.txt'");
    for name in ["one", "two"] {
        let text = logged.replace("{scenario}", name);
        folder.write(&format!("all/{name}.yaml"), &text);
        folder.write(&format!("all/{name}.txt"), "21:52:23  INFO  P1-1  T1\n21:52:24  INFO  T1\n");
    }
    for arguments in [&["run", "all"][..], &["sim", "all"], &["sim", "all", "--seeds", "1..9"]] {
        let said = call(&folder, arguments);
        said.check(2, [2, 0, 0, 2]);
        for (place, name) in ["one", "two"].iter().enumerate() {
            let entry = &said.json["scenarios"][place];
            assert_eq!(entry["file"], format!("all/{name}.yaml"));
            assert_eq!(entry["problems"][0]["file"], format!("all/{name}.txt"), "{entry}");
            assert_eq!(entry["problems"][0]["line"], 2, "{entry}");
        }
    }
}

#[test]
fn a_file_that_is_not_there_is_an_entry() {
    let folder = Folder::new();
    let said = call(&folder, &["run", "nowhere.yaml"]);
    said.check(2, [1, 0, 0, 1]);
    let entry = &said.json["scenarios"][0];
    assert_eq!(entry["file"], "nowhere.yaml", "{entry}");
    assert!(said.annotations.starts_with("::error file=nowhere.yaml,title=nowhere::cannot read"));
}

#[test]
fn a_password_in_a_url_in_the_wrong_place_is_in_no_report() {
    let folder = Folder::new();
    folder.write("x.yaml", &format!("{FINE}broker: {{ on: \"mysql://h:s3cret@x/y\" }}\n"));
    folder.write("fine.yaml", FINE);
    let url = "mysql://h:s3cret@x/y";
    for arguments in [&["run", url][..], &["run", "x.yaml"], &["run", "fine.yaml", "--on", url]] {
        let said = call(&folder, arguments);
        said.check(2, [1, 0, 0, 1]);
        for text in [said.json.to_string(), said.junit, said.annotations] {
            assert!(!text.contains("s3cret"), "{text}");
        }
    }
}

#[test]
fn what_no_scenario_is_to_blame_for_is_told_by_every_report() {
    let folder = Folder::new();
    folder.write("x.yaml", FINE);
    folder.write("mysql.yaml", &format!("{FINE}broker: {{ on: mysql }}\n"));
    let no_mysql = "no MySQL server: neither mariadbd nor mysqld is in";
    for (arguments, code, words) in [
        (
            &["run", "x.yaml", "--filter", "y"][..],
            4,
            "no scenario in x.yaml whose name contains \"y\"",
        ),
        (&["sim", "x.yaml", "--filter", "y"], 4, "nothing selected"),
        (&["run", "x.yaml", "--out", "x.yaml/out"], 2, "--out: the folder x.yaml/out/x"),
        (&["sim", "x.yaml", "--out", "x.yaml/out"], 2, "--out: the folder x.yaml/out/x"),
        (&["run", "x.yaml", "--history", "x.yaml/h"], 2, "--history x.yaml/h"),
        (&["run", "x.yaml", "--on", "127.0.0.1:5000"], 2, "the scheme is missing"),
        (&["run", "x.yaml", "--on", "memry"], 2, "--on: no broker is called `memry`"),
        (&["run", "mysql.yaml"], 3, no_mysql),
        (&["run", "x.yaml", "--on", "mysql"], 3, no_mysql),
        (&["check", "x.yaml", "--logs", "l", "--filter", "y"], 4, "nothing selected"),
    ] {
        let said = call(&folder, arguments);
        said.check(code, [1, 0, 0, 1]);
        said.says(words);
        assert_eq!(said.json["scenarios"], json!([]), "{arguments:?}");
    }
}

#[test]
fn a_scenario_that_cannot_be_run_here_is_an_entry_with_its_line() {
    let folder = Folder::new();
    folder.write("kill.yaml", &format!("{FINE}faults: [{{ at: 0s, kill: broker, for: 1ms }}]\n"));
    let said = call(&folder, &["run", "kill.yaml", "--on", "http://127.0.0.1:1"]);
    said.check(2, [1, 0, 0, 1]);
    let entry = &said.json["scenarios"][0];
    assert_eq!((&entry["name"], &entry["problems"][0]["line"]), (&json!("kill"), &json!(7)));
    assert!(said.annotations.starts_with("::error file=kill.yaml,line=7,title=kill::"));
    assert!(said.ended.stderr.contains("--on memory"), "{}", said.ended.stderr);
}

#[test]
fn a_report_that_cannot_be_written_is_told_by_the_others() {
    let folder = Folder::new();
    folder.write("x.yaml", FINE);
    folder.write("r.json", STALE);
    let ended =
        folder.run(&["run", "x.yaml", "--report-junit", "x.yaml/r", "--report-json", "r.json"]);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    let report: Value = serde_json::from_str(&folder.read("r.json")).unwrap();
    assert_eq!(report["exit"], 2);
    assert!(report["error"].as_str().unwrap().contains("--report-junit x.yaml/r"), "{report}");
    assert!(!folder.join("out").exists(), "nothing was begun");
}

#[cfg(target_os = "linux")]
#[test]
fn a_report_whose_disk_is_full_is_told_by_the_others() {
    let folder = Folder::new();
    folder.write("x.yaml", FINE);
    for other in ["r.json", "-"] {
        let full = ["--report-junit", "/dev/full", "--report-json", other];
        let ended = folder.run(&[&["run", "x.yaml"], &full[..]].concat());
        assert_eq!(ended.code, Some(2), "{}", ended.stderr);
        let text = if other == "-" { ended.stdout } else { folder.read(other) };
        let report: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(report["exit"], 2, "{report}");
        let why = "cannot write the JUnit report to /dev/full: no space left on device";
        assert_eq!(report["error"], why, "{report}");
        assert_eq!(report["scenarios"][0]["result"], "passed", "{report}");
    }
}

#[test]
fn two_reports_do_not_share_a_file() {
    let folder = Folder::new();
    folder.write("x.yaml", FINE);
    fs::create_dir(folder.join("r")).unwrap();
    let ended =
        folder.run(&["run", "x.yaml", "--report-junit", "r/a", "--report-json", "r/../r/a"]);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains("cannot both go to"), "{}", ended.stderr);
    let shared = ["run", "x.yaml", "--history", "r/../r/b", "--report-json", "r/b"];
    let ended = folder.run(&shared);
    assert_eq!(ended.code, Some(2), "the report would be in place of the history");
    let said = "--history r/../r/b: --report-json names the same file; name another for one";
    assert!(ended.stderr.contains(said), "{}", ended.stderr);
    let report: Value = serde_json::from_str(&folder.read("r/b")).unwrap();
    assert_eq!(report["error"], said);
    let twice = ["--report-junit", "/dev/null", "--report-json", "/dev/null"];
    let twice = [&twice[..], &["--history", "/dev/null"]].concat();
    folder.passes(&[&["run", "x.yaml"], &twice[..]].concat());
}

#[test]
fn only_a_command_line_that_cannot_be_parsed_leaves_reports_alone() {
    let folder = Folder::new();
    folder.write("x.yaml", FINE);
    folder.write("r.json", STALE);
    let ended = folder.run(&["run", "x.yaml", "--report-json", "r.json", "--brokr", "x"]);
    assert_eq!((ended.code, folder.read("r.json")), (Some(2), STALE.to_owned()));
}

#[test]
fn a_history_of_a_run_that_does_not_start_is_not_left_empty() {
    let folder = Folder::new();
    folder.write("x.yaml", FINE);
    folder.write("h.jsonl", STALE);
    let nobody = ["--on", "http://127.0.0.1:1", "--history", "h.jsonl"];
    let said = call(&folder, &[&["run", "x.yaml"], &nobody[..]].concat());
    said.check(3, [1, 0, 0, 1]);
    assert!(!folder.join("h.jsonl").exists());
    assert_eq!(said.json["scenarios"][0].get("history"), None);
    // What is no file of its own is left alone.
    let device = ["--on", "http://127.0.0.1:1", "--history", "/dev/null"];
    call(&folder, &[&["run", "x.yaml"], &device[..]].concat()).check(3, [1, 0, 0, 1]);
    folder.passes(&["run", "x.yaml", "--history", "h.jsonl"]);
    assert!(folder.read("h.jsonl").starts_with("{\"history\":1"));
}

#[test]
fn a_sweep_is_an_entry_that_counts_its_seeds() {
    let folder = Folder::new();
    folder.copy_scenario("2p2c");
    folder.write("x.yaml", FINE);
    let said = call(&folder, &["sim", "2p2c.yaml", "x.yaml", "--seeds", "3..12", "--jobs", "2"]);
    said.check(0, [2, 0, 0, 0]);
    let entry = &said.json["scenarios"][0];
    let expected = json!({
        "first": 3, "last": 12, "tried": 10, "passed": 10, "failed": 0, "no_verdict": 0,
        "interrupted": 0, "failing_seeds": [], "undecided_seeds": [],
    });
    assert_eq!((&entry["seeds"], &entry["result"]), (&expected, &json!("passed")));
    assert_eq!(
        entry["answer"],
        "every acknowledged message came as promised with each of 10 seeds"
    );
    assert!(entry["simulated_ns"].as_u64().unwrap() > 1_000_000_000, "{entry}");
    let both: u64 =
        (0..2).map(|at| said.json["scenarios"][at]["simulated_ns"].as_u64().unwrap()).sum();
    assert_eq!(said.json["simulated_ns"], both);
    assert_eq!(entry.get("seed"), None, "it is about no single one");
    assert!(said.junit.contains("10 of 10 seeds of 3..12 passed"), "{}", said.junit);
    assert!(said.junit.contains("of simulated time"), "{}", said.junit);
    assert!(said.ended.stderr.contains("2 scenarios: 2 passed  in "), "{}", said.ended.stderr);
}

#[test]
fn a_sweep_that_fails_names_the_failing_seeds_and_shows_the_first() {
    let folder = Folder::new();
    let file = shipped().join("bugs/side-by-side.yaml");
    let sweep = ["sim", file.to_str().unwrap(), "--seeds", "1..40", "--collect"];
    let said = call(&folder, &[&sweep[..], &["--bug", "loose-offset"]].concat());
    said.check(1, [1, 0, 1, 0]);
    let entry = &said.json["scenarios"][0];
    let seeds = &entry["seeds"];
    let failing = seeds["failing_seeds"].as_array().unwrap();
    assert_eq!(seeds["failed"], failing.len());
    let numbers: Vec<_> = failing.iter().map(|seed| seed.as_u64().unwrap()).collect();
    assert!(numbers.is_sorted() && numbers.len() > 1, "{numbers:?}");
    assert_eq!(seeds["tried"], 40);
    let passed = seeds["passed"].as_u64().unwrap();
    assert_eq!(passed + numbers.len() as u64, 40, "{seeds}");
    assert_eq!((&entry["result"], &entry["exit"]), (&json!("failed"), &json!(1)));
    assert_eq!(entry["seed"], numbers[0], "the one that is shown");
    assert_eq!(entry["judgement"]["verdict"], "fail");
    assert!(said.junit.contains(&format!("failing seeds {}, ", numbers[0])), "{}", said.junit);
}

#[test]
fn skipped_scenarios_are_named_with_the_reason_and_the_cure() {
    let folder = Folder::new();
    folder.write("all/durable.yaml", &format!("{FINE}broker: {{ needs: [survives-kill] }}\n"));
    folder.write("all/fine.yaml", FINE);
    let said = call(&folder, &["run", "all"]);
    said.check(0, [2, 1, 0, 0]);
    let reason = "it needs `survives-kill`, which memory does not have; add --on mysql";
    assert_eq!(said.json["skipped"], 1);
    assert_eq!(
        said.json["skipped_scenarios"],
        json!([{ "name": "durable", "file": "all/durable.yaml", "on": "memory", "reason": reason }])
    );
    assert!(said.junit.contains(&format!("<skipped message=\"{reason}\"/>")), "{}", said.junit);
    let stderr = &said.ended.stderr;
    assert!(stderr.contains(&format!("SKIP  durable  {reason}")), "{stderr}");
    assert!(stderr.contains("2 scenarios: 1 passed, 1 skipped"), "{stderr}");

    // They are also named where nothing is left to run, and where the rest cannot be.
    folder.write("all/fine.yaml", &format!("{FINE}broker: {{ needs: [survives-kill] }}\n"));
    let said = call(&folder, &["run", "all", "--on", "memory"]);
    said.check(4, [3, 2, 0, 1]);
    said.says("every scenario was skipped");
    assert!(said.ended.stderr.contains("; use --on mysql"), "{}", said.ended.stderr);
}

#[test]
fn what_was_not_begun_when_the_user_interrupted_is_told() {
    let folder = Folder::new();
    let long = FINE.replace("messages: 5 }", "messages: 45000 }, pace: 50/s");
    folder.write("all/a.yaml", &long);
    folder.write("all/b.yaml", &long);
    let running = Running::start(&folder, &["run", "all", "--report-json", "r.json"]);
    let log = folder.join("out/a/consumer_1.txt");
    wait_for("a log", || fs::metadata(&log).ok().filter(|file| file.len() > 0));
    running.signal(Signal::INT);
    let (code, words) = running.end();
    let report: Value = serde_json::from_str(&folder.read("r.json")).unwrap();
    assert_eq!((code, &report["exit"]), (Some(130), &json!(130)), "{words}");
    assert_eq!(report["scenarios"].as_array().unwrap().len(), 1, "{report}");
    assert_eq!(report["error"], "interrupted: 1 scenario not begun");
    assert!(words.contains("interrupted: 1 scenario not begun"), "{words}");
}

#[test]
fn a_sweep_that_is_interrupted_says_so_once_whatever_was_swept_before() {
    let folder = Folder::new();
    for name in ["a", "b"] {
        folder.write(&format!("{name}.yaml"), FINE);
    }
    folder.write("c.yaml", &FINE.replace("messages: 5", "messages: 2000"));
    let sweep = ["sim", "a.yaml", "b.yaml", "c.yaml", "--seeds", "1..9", "--jobs", "1"];
    let running = Running::start(&folder, &sweep);
    running.until_said("  b  9 of 9 seeds");
    running.signal(Signal::INT);
    let (code, words) = running.end();
    assert_eq!((code, words.matches("stopping; press").count()), (Some(130), 1), "{words}");
}
