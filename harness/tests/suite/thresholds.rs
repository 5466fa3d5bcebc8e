//! What `expect` asks of the figures, by the real binary: met, missed and without data, in every report.
//! Simulated runs, so that the figures are the same each time.

use serde_json::{Value, json};

use crate::support::Folder;

/// A simulated run in which a consumer is cut off for a while; `expect` is what is asked.
fn scenario(expect: &str) -> String {
    format!(
        "
topics: {{ T1: P1 P2 -> C1 C2 }}
producers: {{ all: {{ generate: {{ messages: 60 }}, pace: 100/s }} }}
faults: [{{ at: 200ms, cut: C1, for: 300ms }}]
network: {{ latency: 1ms..5ms }}
expect: {{ {expect} }}
golden: none
"
    )
}

/// Met, missed, and without data: 120 acks are too few for p99.9.
const MIXED: &str = "ack: { p50: 1s, max: 2ms, p99.9: 1s }, recovery: 1ms";

fn states(scenario: &Value) -> Vec<(&str, &str)> {
    let all = scenario["thresholds"].as_array().unwrap();
    all.iter().map(|own| (own["name"].as_str().unwrap(), own["state"].as_str().unwrap())).collect()
}

#[test]
fn what_is_met_is_a_line_of_a_pass() {
    let folder = Folder::new();
    let all = "ack: { p50: 1s, max: 2s, p99: 1s }, end_to_end: { mean: 1s }, throughput: 10/s, recovery: 2s, \
               backlog: { at_most: 1000, outside_of_faults: true }";
    folder.write("met.yaml", &scenario(all));
    let ended = folder.passes(&["sim", "met.yaml", "--report-json", "r.json"]);
    let line = ended.stderr.lines().find(|line| line.trim_start().starts_with("met: ")).unwrap();
    for words in
        ["ack p50 ", "(at most 1s)", "throughput ", "(at least 10/s)", "recovery ", "backlog"]
    {
        assert!(line.contains(words), "{line}");
    }
    let report = folder.report("r.json");
    assert_eq!(report["result"], "passed");
    let names = states(&report);
    assert_eq!(names.len(), 7);
    assert!(names.iter().all(|(_, state)| *state == "met"), "{names:?}");
    let backlog = &report["thresholds"][6];
    assert_eq!(backlog["name"], "backlog outside of faults");
    assert_eq!((&backlog["unit"], &backlog["asked"]), (&json!("messages"), &json!(1000)));
    assert!(backlog["got"].as_u64().unwrap() <= 1000, "{backlog}");
}

#[test]
fn what_is_missed_fails_the_run_with_its_own_name_in_every_report() {
    let folder = Folder::new();
    folder.write("mixed.yaml", &scenario(MIXED));
    let mut call = folder.harness(&[
        "sim",
        "mixed.yaml",
        "--report-json",
        "r.json",
        "--report-junit",
        "r.xml",
        "--report-md",
        "r.md",
        "--report-html",
        "r.html",
    ]);
    call.env("GITHUB_ACTIONS", "true");
    let ended = crate::support::end(call);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let report = folder.report("r.json");
    assert_eq!(
        states(&report),
        [
            ("ack p50", "met"),
            ("ack max", "missed"),
            ("ack p99.9", "no_data"),
            ("recovery", "missed")
        ]
    );
    assert_eq!(report["result"], "failed");
    assert_eq!(report["judgement"]["verdict"], "pass");
    let answer = report["answer"].as_str().unwrap();
    assert!(
        answer.starts_with("all checks passed, but 2 thresholds were missed: ack max "),
        "{answer}"
    );
    let junit = folder.read("r.xml");
    assert!(junit.contains("type=\"threshold\""), "{junit}");
    assert!(junit.contains("missed: ack max "), "{junit}");
    assert!(folder.read("r.md").contains("2 thresholds were missed: ack max "));
    assert!(folder.read("r.html").contains("2 thresholds were missed: ack max "));
    let title = |line: &&str| line.starts_with("::error file=mixed.yaml,title=mixed%3A ");
    let annotations: Vec<_> = ended.stdout.lines().filter(title).collect();
    assert_eq!(annotations.len(), 3, "{}", ended.stdout);
    assert!(
        annotations[1]
            .contains("no verdict::ack p99.9 (at most 1s)%0A120 acks, and p99.9 needs 1,000")
    );
    assert!(annotations[0].contains("threshold::ack max "), "{}", annotations[0]);
    for words in
        ["\n      missed   ack max ", "\n      no data  ack p99.9", "\n      met      ack p50 "]
    {
        assert!(ended.stderr.contains(words), "{}", ended.stderr);
    }
}

#[test]
fn what_has_no_data_is_no_pass_and_says_why() {
    let folder = Folder::new();
    folder.write("few.yaml", &scenario("ack: { p99.9: 1s }"));
    let ended = folder.run(&["sim", "few.yaml", "--report-junit", "r.xml"]);
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    let why = "no verdict: all checks passed, but there is no verdict on ack p99.9: 120 acks, and p99.9 needs \
               1,000";
    assert!(ended.stderr.contains(why), "{}", ended.stderr);
    let junit = folder.read("r.xml");
    assert!(
        junit.contains("<error message=\"no verdict") && junit.contains("type=\"no verdict\""),
        "{junit}"
    );
}

#[test]
fn a_history_is_judged_as_its_run_was_and_logs_say_nothing_of_figures() {
    let folder = Folder::new();
    folder.write("mixed.yaml", &scenario(MIXED));
    let run = ["sim", "mixed.yaml", "--history", "h.jsonl", "--report-json", "run.json"];
    assert_eq!(folder.run(&run).code, Some(1));
    let check = ["check", "mixed.yaml", "--history", "h.jsonl", "--report-json", "check.json"];
    assert_eq!(folder.run(&check).code, Some(1));
    let (run, check) = (folder.report("run.json"), folder.report("check.json"));
    assert_eq!(run["thresholds"], check["thresholds"]);
    let logs = ["check", "mixed.yaml", "--logs", "out/mixed", "--report-json", "logs.json"];
    assert_eq!(folder.run(&logs).code, Some(3));
    let report = folder.report("logs.json");
    assert!(states(&report).iter().all(|(_, state)| *state == "no_data"), "{report:#}");
    assert_eq!(report["thresholds"][0]["note"], "logs do not say when anything came");
}

#[test]
fn a_table_tells_what_was_missed_apart_from_what_was_broken() {
    let folder = Folder::new();
    folder.write(
        "slow.yaml",
        "
topics: { T1: P1 -> C1 }
# Without pauses all can be over within a millisecond, and then there is no rate.
producers: { all: { generate: { messages: 5 }, pace: 1000/s } }
expect: { throughput: 1000000000/s }
golden: none
",
    );
    let ended = folder.run(&["run", "slow.yaml", "--repeat", "2", "--report-json", "r.json"]);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    for words in [
        "FAIL  slow  0 of 2 runs passed, 2 failed",
        "Thresholds missed\n  slow on memory: in all 2 runs: all checks passed, but a",
    ] {
        assert!(ended.stderr.contains(words), "{}", ended.stderr);
    }
    let report: Value = serde_json::from_str(&folder.read("r.json")).unwrap();
    let cell = &report["matrix"]["cells"][0];
    assert_eq!((&cell["result"], &cell["missed"]), (&json!("missed"), &json!(2)));
    assert_eq!((&cell["broken"], &cell["kept"]), (&json!(0), &json!(0)));
}

#[test]
fn a_sweep_finds_the_seed_that_misses_a_threshold() {
    let folder = Folder::new();
    folder.write("mixed.yaml", &scenario("ack: { max: 2ms }"));
    let ended = folder.run(&["sim", "mixed.yaml", "--seeds", "3..5", "--report-json", "r.json"]);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert_eq!(folder.report("r.json")["seeds"]["failing_seeds"][0], 3);
}

#[test]
fn the_warm_up_is_left_out_of_the_figures_and_of_nothing_else() {
    let folder = Folder::new();
    let plain =
        scenario("throughput: 1/s").replace("faults: [{ at: 200ms, cut: C1, for: 300ms }]\n", "");
    folder.write("all.yaml", &plain);
    folder.write("warm.yaml", &format!("{plain}warm_up: 300ms\n"));
    folder.passes(&["sim", "all.yaml", "--report-json", "all.json"]);
    folder.passes(&["sim", "warm.yaml", "--report-json", "warm.json"]);
    let (all, warm) = (folder.report("all.json"), folder.report("warm.json"));
    let count = |report: &Value, of: &str| report["summary"][of]["count"].as_u64().unwrap();
    assert_eq!((count(&all, "ack"), count(&all, "end_to_end")), (120, 240));
    // A producer sends every 10 ms, the first message at once.
    assert_eq!((count(&warm, "ack"), count(&warm, "end_to_end")), (60, 120));
    assert_eq!(all["summary"]["delivered"], warm["summary"]["delivered"]);
    assert_eq!(warm["summary"]["warm_up_ns"], 300_000_000);
    assert_eq!(all["summary"]["warm_up_ns"], Value::Null);
}
