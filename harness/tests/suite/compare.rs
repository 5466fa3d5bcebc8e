//! `harness compare` and `run --baseline`, by the real binary.

use serde_json::{Value, json};

use crate::support::{Ended, Folder};

/// A report of so many runs of `fan` on memory, whose latencies are around `millis`.
fn report(runs: u64, millis: u64) -> Value {
    let run = |turn: u64| {
        let nanos = millis * 1_000_000 + turn * 10_000;
        let latency = json!({ "count": 100, "p50_ns": nanos, "p99_ns": nanos * 2 });
        json!({
            "name": "fan", "on": "memory", "turn": turn, "seed": 1,
            "summary": {
                "delivered": 1_000_000 / millis, "active_ns": 1_000_000_000,
                "ack": latency, "end_to_end": latency,
            },
            "judgement": { "verdict": "pass" },
        })
    };
    json!({ "report": 1, "harness": "0.1.0", "scenarios": (1..=runs).map(run).collect::<Vec<_>>() })
}

fn compared(folder: &Folder, before: &Value, after: &Value, more: &[&str]) -> (Ended, Value) {
    folder.write("a.json", &before.to_string());
    folder.write("b.json", &after.to_string());
    let call = [&["compare", "a.json", "b.json", "--report-json", "c.json"], more].concat();
    let ended = folder.run(&call);
    let report: Value = serde_json::from_str(&folder.read("c.json")).unwrap();
    (ended, report["comparison"].clone())
}

#[test]
fn a_fifth_slower_is_worse_and_fails_only_where_that_is_asked() {
    let folder = Folder::new();
    let (ended, comparison) = compared(&folder, &report(10, 10), &report(10, 12), &[]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let pair = &comparison["pairs"][0];
    assert_eq!(pair["outcome"], "worse");
    let outcomes: Vec<_> =
        pair["rows"].as_array().unwrap().iter().map(|row| &row["outcome"]).collect();
    assert_eq!(outcomes, [&json!("worse"); 5]);
    let words = "worse than a.json: throughput of fan on memory x0.83 and 4 more figures";
    assert!(ended.stderr.contains(words), "{}", ended.stderr);
    let all = [
        "--fail-on",
        "worse:10%",
        "--report-junit",
        "j.xml",
        "--report-md",
        "m.md",
        "--report-html",
        "h.html",
    ];
    let (ended, _) = compared(&folder, &report(10, 10), &report(10, 12), &all);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(folder.read("j.xml").contains("<failure message=\"worse than a.json"));
    for file in ["m.md", "h.html"] {
        let text = folder.read(file);
        assert!(text.contains("worse than a.json: throughput") && text.contains("x1.20"), "{text}");
    }
    let (ended, _) =
        compared(&folder, &report(10, 10), &report(10, 12), &["--fail-on", "worse:25%"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let (ended, comparison) =
        compared(&folder, &report(10, 12), &report(10, 10), &["--fail-on", "worse"]);
    assert_eq!((ended.code, &comparison["pairs"][0]["outcome"]), (Some(0), &json!("better")));
}

#[test]
fn the_same_is_the_same_and_few_runs_claim_nothing() {
    let folder = Folder::new();
    let (ended, comparison) =
        compared(&folder, &report(20, 10), &report(20, 10), &["--fail-on", "worse"]);
    assert_eq!((ended.code, &comparison["pairs"][0]["outcome"]), (Some(0), &json!("same")));
    let (ended, comparison) = compared(&folder, &report(20, 10), &report(9, 30), &[]);
    assert_eq!((ended.code, &comparison["pairs"][0]["outcome"]), (Some(0), &json!("unclear")));
    let words = "nothing is claimed beside a.json: fan on memory has 20 runs before and 9 runs after; 10 are needed";
    assert!(ended.stderr.contains(words), "{}", ended.stderr);
    let (ended, _) = compared(&folder, &report(20, 10), &report(9, 30), &["--fail-on", "worse"]);
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
}

#[test]
fn what_differs_beside_the_figures_is_said() {
    let folder = Folder::new();
    let (mut before, mut after) = (report(10, 10), report(11, 10));
    before["environment"] =
        json!({ "cores": 2, "memory_bytes": 1_u64 << 33, "os": "Linux 6.1 x86_64" });
    after["environment"] =
        json!({ "cores": 8, "memory_bytes": 1_u64 << 33, "os": "Linux 6.1 x86_64" });
    before["scenarios"][0]["seed"] = json!(7);
    after["scenarios"][0]["judgement"]["verdict"] = json!("fail");
    after["scenarios"][1]["name"] = json!("crowd");
    let (ended, comparison) = compared(&folder, &before, &after, &[]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(comparison["notes"][0], "cores: 2 before, 8 after");
    let pair = &comparison["pairs"][0];
    assert_eq!((&pair["runs_before"], &pair["runs_after"]), (&json!(10), &json!(9)));
    let notes: Vec<_> =
        pair["notes"].as_array().unwrap().iter().map(|note| note.as_str().unwrap()).collect();
    assert_eq!(
        notes,
        [
            "seed: 1 and 7 before, 1 after",
            "1 run after did not pass the checks, and does not count"
        ]
    );
    assert_eq!(comparison["only_after"], json!(["crowd on memory"]));
}

#[test]
fn without_a_run_that_passed_there_is_no_table() {
    let folder = Folder::new();
    let mut failed = report(2, 10);
    for run in failed["scenarios"].as_array_mut().unwrap() {
        run["judgement"]["verdict"] = json!("fail");
    }
    let more = ["--report-md", "c.md", "--report-html", "c.html"];
    let (ended, comparison) = compared(&folder, &failed, &report(3, 10), &more);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let pair = &comparison["pairs"][0];
    assert_eq!(pair["notes"], json!(["2 runs before did not pass the checks, and does not count"]));
    for said in [ended.stderr, folder.read("c.md"), folder.read("c.html")] {
        assert!(said.contains("fan on memory: 0 runs before, 3 after"), "{said}");
        assert!(!said.contains("noise  after") && !said.contains("|noise|"), "{said}");
        assert!(!said.contains("<caption>fan on memory"), "{said}");
    }
}

#[test]
fn reports_of_a_folder_count_together() {
    let folder = Folder::new();
    for turn in 0..10 {
        folder.write(&format!("before/{turn}.json"), &report(1, 10).to_string());
        folder.write(&format!("after/{turn}.json"), &report(1, 12).to_string());
    }
    let ended = folder.run(&["compare", "before", "after", "--fail-on", "worse"]);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("fan on memory: 10 runs before, 10 after"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("in turn"), "{}", ended.stderr);
}

#[test]
fn what_is_no_report_is_refused_with_its_name() {
    let folder = Folder::new();
    folder.write("a.json", &report(1, 10).to_string());
    folder.write("text.json", "hello");
    folder.write("other.json", "{}");
    folder.write("new.json", "{\"report\":2}");
    folder.write("empty/readme.txt", "");
    let mut other = report(1, 10);
    other["scenarios"][0]["on"] = json!("nats");
    folder.write("nats.json", &other.to_string());
    for (file, code, words) in [
        ("text.json", 2, "text.json: this is no JSON report of the harness"),
        ("other.json", 2, "other.json: this is no JSON report of the harness"),
        ("new.json", 2, "new.json: a report of version 2, and version 1 is known here"),
        ("nowhere.json", 2, "nowhere.json: cannot read the report: no such file"),
        ("empty", 2, "empty: there is no report *.json in this folder"),
        ("nats.json", 4, "no scenario on the same broker is in both a.json and nats.json"),
    ] {
        let ended = folder.run(&["compare", "a.json", file]);
        assert_eq!(ended.code, Some(code), "{file}: {}", ended.stderr);
        assert!(ended.stderr.contains(words), "{}", ended.stderr);
        let ended = folder.run(&["run", "x.yaml", "--baseline", file]);
        assert_eq!(ended.code, Some(2), "{file}: {}", ended.stderr);
    }
}

#[test]
fn a_run_is_compared_with_its_baseline_which_may_be_the_file_that_it_writes() {
    let folder = Folder::new();
    let yaml = "topics: { T1: P1 -> C1 }\nproducers: { all: { generate: { messages: 5 } } }\ngolden: none\n";
    folder.write("x.yaml", yaml);
    folder.passes(&["run", "x.yaml", "--report-json", "r.json"]);
    let again = ["run", "x.yaml", "--baseline", "r.json", "--report-json", "r.json"];
    let ended = folder.passes(&again);
    assert!(
        ended.stderr.contains("nothing is claimed beside r.json: x on memory has 1 run"),
        "{}",
        ended.stderr
    );
    let report: Value = serde_json::from_str(&folder.read("r.json")).unwrap();
    assert_eq!(report["comparison"]["after"]["name"], "this run");
    assert_eq!(report["comparison"]["pairs"][0]["outcome"], "unclear");
    let ended = folder.run(&[&again[..], &["--fail-on", "worse"]].concat());
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
}
