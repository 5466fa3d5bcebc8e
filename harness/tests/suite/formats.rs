//! Payloads that no plain line holds, from the producers' logs by way of a run to the consumers' logs,
//! and what reads those.

use crate::support::{Ended, Folder};

const HOSTILE: &str = "topics: { T1: P1 P2 -> C1 C2, T2: P1 -> C2 }
producers: { all: { generate: { messages: 60, size: 1..64, payloads: hostile } } }
golden: none
";

/// Two producers whose logs have tabs between the columns.
fn tab_separated() -> Folder {
    let folder = Folder::new();
    folder.write(
        "x.yaml",
        "topics: { T1: P1 P2 -> C1 C2 }\nproducers: { all: { log: 'p{id}.txt' } }\ngolden: none\n",
    );
    folder.write("p1.txt", "2026-11-26 21:52:23,123\t one  blank \tP1-1\tT1\n");
    folder.write("p2.txt", "2026-11-26T21:52:23.5Z\ttwo\tP2-1\tT1\n");
    folder
}

fn said(ended: &Ended, code: i32, words: &str) {
    assert_eq!(ended.code, Some(code), "{}", ended.stderr);
    assert!(ended.stderr.contains(words), "{words:?} is not in\n{}", ended.stderr);
}

#[test]
fn hostile_payloads_arrive_whole_and_are_logged_as_json_lines() {
    for broker in ["{}", "{ driver: original }"] {
        let folder = Folder::new();
        folder.write("x.yaml", &format!("{HOSTILE}broker: {broker}\n"));
        for command in ["run", "sim"] {
            let ended = folder.run(&[command, "x.yaml", "--history", "h.jsonl"]);
            let note = "note: x.yaml: the payload of P1#1 cannot stand on a plain line, so the \
                        consumers' logs are JSON lines\n";
            said(&ended, 0, note);
            let log = folder.read("out/x/consumer_1.txt");
            assert_eq!(log.lines().count(), 90, "{log}");
            assert!(log.lines().all(|line| line.starts_with("{\"topic\":\"T1\",\"payload\":\"")));
            said(&folder.run(&["check", "x.yaml", "--logs", "out/x"]), 0, "");
            let both = ["check", "x.yaml", "--history", "h.jsonl", "--logs", "out/x"];
            said(&folder.run(&both), 0, "");
            let cut = &log[..log.trim_end().rfind('\n').unwrap() + 1];
            folder.write("out/x/consumer_1.txt", cut);
            said(&folder.run(&both), 3, "delivered but not logged: 1 message that C1 was handed");
            folder.write("out/x/consumer_1.txt", &log.replacen("\"payload\":\"", "$0x", 1));
            said(&folder.run(&both), 3, "the log of C1 has what it was not handed, from line 1 on");
        }
    }
}

#[test]
fn a_broker_that_trims_payloads_is_caught_by_hostile_ones() {
    let folder = Folder::new();
    folder.write("x.yaml", HOSTILE);
    let arguments = ["sim", "x.yaml", "--bug", "trimmed-payload", "--report-json", "r.json"];
    let ended = folder.run(&[&arguments[..], &["--report-junit", "r.xml"]].concat());
    said(&ended, 1, "payloads than were sent");
    let report = folder.report("r.json");
    let kinds = report["judgement"]["violations"].as_array().unwrap().iter();
    assert_eq!(kinds.map(|found| &found["kind"]).collect::<Vec<_>>(), ["corrupted"]);
    let shown = |c: char| c == '\n' || !c.is_control();
    assert!(ended.stderr.chars().all(shown), "{:?}", ended.stderr);
    assert!(folder.read("r.xml").chars().all(shown));
    // The consumers' logs show it without a history.
    said(&folder.run(&["check", "x.yaml", "--logs", "out/x"]), 1, "");
}

#[test]
fn blanks_of_tab_separated_logs_are_sent_received_and_judged() {
    let folder = tab_separated();
    let logs = ["check", "x.yaml", "--logs", "out/x"];
    let note = "note: x.yaml: the payload of P1#1 cannot stand on a plain line";
    said(&folder.run(&["run", "x.yaml"]), 0, note);
    assert!(
        folder
            .read("out/x/consumer_1.txt")
            .contains("{\"topic\":\"T1\",\"payload\":\" one  blank \"}\n")
    );
    let ended = folder.run(&["run", "x.yaml", "--log-format", "tsv", "--history", "h.jsonl"]);
    said(&ended, 0, "");
    assert!(!ended.stderr.contains("note:"), "{}", ended.stderr);
    assert!(folder.read("out/x/consumer_1.txt").contains("T1\t one  blank \n"));
    said(&folder.run(&logs), 0, "");
    said(&folder.run(&[&logs[..], &["--history", "h.jsonl"]].concat()), 0, "");
    // A payload that was trimmed is another one.
    let log = folder.read("out/x/consumer_1.txt");
    folder.write("out/x/consumer_1.txt", &log.replace(" one  blank ", "one  blank"));
    said(&folder.run(&logs), 1, "one  blank");
    // Asked for plain lines, only what cannot stand on one is JSON.
    let ended = folder.run(&["run", "x.yaml", "--log-format", "plain"]);
    said(&ended, 0, "the lines of such payloads are JSON in the consumers' logs");
    let log = folder.read("out/x/consumer_1.txt");
    assert!(log.contains("T1     two\n") && log.contains("\" one  blank \"}\n"), "{log}");
    said(&folder.run(&logs), 0, "");
    said(&folder.run(&[&logs[..], &["--log-format", "json"]].concat()), 2, "consumer_1.txt:");
    let ended = folder.run(&["run", "x.yaml", "--log-format", "csv"]);
    said(&ended, 2, "there are: plain, tsv, json");
    assert_eq!(folder.passes(&["run", "x.yaml", "--log-format", "json"]).code, Some(0));
    assert!(folder.read("out/x/consumer_1.txt").lines().all(|line| line.starts_with('{')));
}

#[test]
fn json_lines_are_read_as_producer_logs_and_a_format_can_be_demanded() {
    let folder = tab_separated();
    folder.write("p1.txt", "{\"topic\":\"T1\",\"payload\":\" \\u0000\"}\n");
    let plan = folder.passes(&["plan", "x.yaml", "--json"]).stdout;
    assert!(plan.contains("\"sent\": 2"), "{plan}");
    folder.write("p1.txt", "{\"topic\":\"T\\u0031x\",\"payload\":\"a\"}\n");
    said(&folder.run(&["plan", "x.yaml"]), 2, "no topic `T1x` in x.yaml");
    folder.write("p1.txt", "21:52:23\ta\tP1-1\tT1\n21:52:23\tb P1-1\tT1\n");
    said(&folder.run(&["plan", "x.yaml"]), 0, "");
    let yaml = folder.read("x.yaml");
    folder.write("x.yaml", &yaml.replace("log: 'p{id}.txt'", "log: 'p{id}.txt', format: tsv"));
    let ended = folder.run(&["plan", "x.yaml"]);
    said(&ended, 2, "the line has 3 columns instead of 4");
    said(&ended, 2, "p1.txt:2:1");
    folder.write("x.yaml", &yaml.replace("log: 'p{id}.txt'", "log: 'p{id}.txt', format: csv"));
    said(&folder.run(&["plan", "x.yaml"]), 2, "unknown value `csv`");
    let made = "generate: { messages: 1, payloads: hostil }, format: tsv";
    folder.write("x.yaml", &yaml.replace("log: 'p{id}.txt'", made));
    let ended = folder.run(&["plan", "x.yaml"]);
    said(&ended, 2, "did you mean `hostile`?");
    said(&ended, 2, "`format` has no meaning for `generate`");
}

#[test]
fn a_payload_that_is_too_long_is_named_with_its_place() {
    let folder = tab_separated();
    let long = "x".repeat(1024 * 1024 + 1);
    folder.write("p1.txt", &format!("21:52:23  a  P1-1  T1\n21:52:23  {long}  P1-1  T1\n"));
    let ended = folder.run(&["plan", "x.yaml"]);
    said(&ended, 2, "a payload of P1 has 1,048,577 bytes");
    said(&ended, 2, "p1.txt:2:11");
    assert!(ended.stderr.len() < 2000, "{} bytes were said", ended.stderr.len());
}
