//! Runs again and again, and which scenarios are run at all, by the program: what is flaky, what ends a
//! repetition, time limits, filters, parts, and what did not pass in the last call.

use std::fs;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::shim::{Shim, Wrong};
use crate::support::{Ended, Folder, Running, end, wait_for};

const FINE: &str = "topics:\n  T1: P1 -> C1\nproducers:\n  all: { generate: { messages: 20 } }\n\
                    golden: none\nseed: 1\n";

/// A minute of messages, and a limit below it.
const SLOW: &str = "topics: { T1: P1 -> C1 }\nlimit: 1s\ngolden: none\n\
                    producers: { all: { generate: { messages: 6000 }, pace: 100/s } }\n";

const REPORTS: [&str; 6] =
    ["--report-json", "r.json", "--report-junit", "r.xml", "--report-md", "r.md"];

fn json(folder: &Folder, name: &str) -> Value {
    serde_json::from_str(&folder.read(name)).unwrap()
}

/// Runs the harness with every report for programs.
fn reported(folder: &Folder, arguments: &[&str]) -> (Ended, Value) {
    let ended = folder.run(&[arguments, &REPORTS[..]].concat());
    let report = json(folder, "r.json");
    (ended, report)
}

/// The names of the scenarios that a report is about.
fn names(report: &Value) -> Vec<&str> {
    report["scenarios"]
        .as_array()
        .unwrap()
        .iter()
        .map(|own| own["name"].as_str().unwrap())
        .collect()
}

/// Scenarios `a` to `e` in the folder `all`, with tags.
fn five() -> Folder {
    let folder = Folder::new();
    for (name, tags) in
        [("a", "[slow]"), ("b", "[slow, mysql]"), ("c", "mysql"), ("d", "[]"), ("e", "[quick]")]
    {
        folder.write(&format!("all/{name}.yaml"), &format!("{FINE}tags: {tags}\n"));
    }
    folder
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scenario_that_passes_and_fails_is_flaky_in_every_report() {
    // It hands one message out twice, once in its life.
    let shim = Shim::wrong(Wrong::Repeat("P1#4")).await;
    let folder = Folder::new();
    folder.write("x.yaml", &format!("{FINE}broker: {{ driver: original }}\n"));
    let run = [&["run", "x.yaml", "--repeat", "3", "--on", &shim.address], &REPORTS[..]].concat();
    let harness = folder.harness(&run);
    let ended = tokio::task::block_in_place(|| end(harness));
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let stderr = &ended.stderr;
    assert!(stderr.contains("FLAKY  x  2 of 3 runs passed, 1 failed  in "), "{stderr}");
    assert!(stderr.contains("; failing run 1\n"), "{stderr}");
    assert!(stderr.contains(": flaky, in 1 of 3 runs: duplicate 1\n"), "{stderr}");
    assert!(stderr.contains(" --repeat 3 --until-fail\n"), "{stderr}");
    let report = json(&folder, "r.json");
    let own = &report["repetition"][0];
    assert_eq!((&own["scenario"], &own["flaky"]), (&json!("x"), &json!(true)), "{own}");
    assert_eq!((&own["of"], &own["asked"], &own["tried"]), (&json!("runs"), &json!(3), &json!(3)));
    assert_eq!((&own["passed"], &own["failing"]), (&json!(2), &json!([1])), "{own}");
    assert_eq!(report["matrix"]["cells"][0]["flaky"], true, "{report}");
    let junit = folder.read("r.xml");
    assert!(junit.contains("message=\"flaky, 2 of 3 runs passed, 1 failed: "), "{junit}");
    assert_eq!(junit.matches("<property name=\"flaky\"").count(), 3, "{junit}");
    let markdown = folder.read("r.md");
    assert!(
        markdown.contains(": **flaky**, 2 of 3 runs passed, 1 failed; failing run 1"),
        "{markdown}"
    );
    // The evidence of what failed is there, and of what passed none but the first run's.
    assert!(folder.join("out/x/history.jsonl").exists());
    assert!(!folder.join("out/x/run-2").exists() && !folder.join("out/x/run-3").exists());
}

#[test]
fn until_fail_ends_at_the_first_run_that_does_not_pass() {
    let folder = Folder::new();
    folder.write("all/a.yaml", FINE);
    folder.write("all/b.yaml", FINE);
    let until = ["run", "all", "--until-fail", "--sabotage", "lose:1"];
    let (ended, report) = reported(&folder, &until);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert_eq!(names(&report), ["a"]);
    assert!(
        ended.stderr.contains("stopped by --until-fail: 1 scenario not begun: b\n"),
        "{ended:?}"
    );
    assert_eq!(report["skipped_scenarios"][0]["name"], "b");
    let (ended, report) = reported(&folder, &["run", "all", "--until-fail", "--repeat", "4"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(report["repetition"][1]["answer"], "4 of 4 runs passed");
    let first = until_line(&ended.stderr, "PASS  a  ");
    assert!(first.contains("4 of 4 runs passed"), "{}", ended.stderr);
}

/// The line that begins so.
fn until_line<'a>(text: &'a str, begin: &str) -> &'a str {
    text.lines().find(|line| line.starts_with(begin)).unwrap_or_else(|| panic!("{begin}: {text}"))
}

#[test]
fn for_a_time_every_scenario_is_run_at_least_once_and_all_of_them_in_rounds() {
    let folder = Folder::new();
    folder.write("all/a.yaml", FINE);
    folder.write("all/b.yaml", FINE);
    let (ended, report) = reported(&folder, &["run", "all", "--for", "1ms"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(names(&report), ["a", "b"]);
    assert_eq!(report["repetition"][0].get("asked"), None, "nobody asked for a number: {report}");
    let (ended, report) = reported(&folder, &["run", "all", "--for", "1h", "--repeat", "3"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(names(&report), ["a", "a", "a", "b", "b", "b"]);
    let refused = folder.run(&["run", "all", "--for", "0s"]);
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("expected a time above 0, such as 10m"), "{refused:?}");
}

#[test]
fn a_repetition_without_an_end_is_ended_by_the_user_and_all_that_was_known_is_written() {
    let folder = Folder::new();
    folder.write("a.yaml", FINE);
    let run = ["run", "a.yaml", "--for", "1h", "--report-json", "r.json", "--history", "h"];
    let running = Running::start(&folder, &run);
    wait_for("a third run", || folder.join("h/a/run-3.jsonl").exists().then_some(()));
    running.signal(Signal::INT);
    let (code, words) = running.end();
    assert_eq!(code, Some(130), "{words}");
    assert!(words.contains("STOP  a  "), "{words}");
    let report = json(&folder, "r.json");
    assert!(report["repetition"][0]["passed"].as_u64().unwrap() >= 2, "{report}");
    assert_eq!(report["exit"], 130);
}

#[test]
fn a_run_that_goes_past_its_limit_is_stopped_without_a_verdict_and_named() {
    let folder = Folder::new();
    folder.write("slow.yaml", SLOW);
    let said = "no verdict: it was stopped, for it ran longer than its limit of 1.00 s";
    for subcommand in ["run", "sim"] {
        let (ended, report) = reported(&folder, &[subcommand, "slow.yaml"]);
        assert_eq!(ended.code, Some(3), "{}", ended.stderr);
        assert!(ended.stderr.contains(said), "{}", ended.stderr);
        let entry = &report["scenarios"][0];
        assert_eq!((&entry["result"], &entry["exit"]), (&json!("no verdict"), &json!(3)));
        assert_eq!(entry["past_limit_ns"], 1_000_000_000, "{entry}");
        let sent = entry["summary"]["sent"].as_u64().unwrap();
        assert!((1..6000).contains(&sent), "{sent}");
        // The history is of an interrupted run, and is judged so again.
        let judged = folder.run(&["check", "slow.yaml", "--history", "out/slow/history.jsonl"]);
        assert_eq!(judged.code, Some(3), "{}", judged.stderr);
    }
    // What is proven by then is proven.
    let (ended, report) = reported(&folder, &["run", "slow.yaml", "--sabotage", "duplicate:5%"]);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert_eq!(report["scenarios"][0]["judgement"]["verdict"], "fail");
    // One that has time enough does not see it.
    folder.write("fine.yaml", &format!("{FINE}limit: 5m\n"));
    folder.passes(&["run", "fine.yaml"]);
    folder.passes(&["sim", "fine.yaml"]);
}

#[test]
fn filters_choose_by_name_and_tag_and_refuse_what_they_are_not() {
    let folder = five();
    let check = |filters: &[&str], expected: &[&str]| {
        let filters: Vec<&str> = filters.iter().flat_map(|filter| ["--filter", filter]).collect();
        let (ended, report) = reported(&folder, &[&["run", "all"], &filters[..]].concat());
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        assert_eq!(names(&report), expected, "{filters:?}");
    };
    check(&["a"], &["a"]);
    check(&["tag:slow"], &["a", "b"]);
    check(&["tag:slow", "!tag:mysql"], &["a"]);
    check(&["!tag:*"], &["d"]);
    check(&["[b-d]"], &["b", "c", "d"]);
    check(&["[b-d]", "e", "!c"], &["b", "d", "e"]);
    let fails = |filter: &str, code: i32, words: &str| {
        let ended = folder.run(&["run", "all", "--filter", filter]);
        assert_eq!(ended.code, Some(code), "{}", ended.stderr);
        assert!(ended.stderr.contains(words), "{words}: {}", ended.stderr);
    };
    fails("x*", 4, "no scenario in all that --filter \"x*\" selects; there are: a, b, c, d, e");
    fails("tag:slo", 4, "there are the tags: mysql, quick, slow");
    fails("a[", 2, "`a[` is no glob");
    fails("tags:slow", 2, "did you mean `tag:`?");
}

#[test]
fn every_scenario_is_in_exactly_one_part() {
    let folder = five();
    let mut all = Vec::new();
    for part in ["1/3", "2/3", "3/3"] {
        let (ended, report) = reported(&folder, &["run", "all", "--partition", part]);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        all.extend(names(&report).into_iter().map(str::to_owned));
    }
    all.sort();
    assert_eq!(all, ["a", "b", "c", "d", "e"]);
    let empty = folder.run(&["run", "all", "--filter", "tag:slow", "--partition", "3/3"]);
    assert_eq!(empty.code, Some(4), "{}", empty.stderr);
    let said = "--partition 3/3 is empty: all parts together have 2 scenarios";
    assert!(empty.stderr.contains(said), "{}", empty.stderr);
    let wrong = folder.run(&["run", "all", "--partition", "4/3"]);
    assert_eq!(wrong.code, Some(2));
    assert!(wrong.stderr.contains("there is no part 4 of 3: the last is 3/3"), "{wrong:?}");
}

#[test]
fn what_did_not_pass_in_the_last_call_is_run_again_until_it_does() {
    let folder = five();
    let again = ["run", "--rerun-failed"];
    let none = folder.run(&again);
    assert_eq!(none.code, Some(2), "{}", none.stderr);
    assert!(none.stderr.contains("out/last.json: no call has left its results there; run without"));
    folder.write("all/b.yaml", SLOW);
    folder.write("all/d.yaml", SLOW);
    let (ended, _) = reported(&folder, &["run", "all"]);
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    folder.write("all/b.yaml", FINE);
    let (ended, report) = reported(&folder, &again);
    assert_eq!((ended.code, names(&report)), (Some(3), vec!["b", "d"]), "{}", ended.stderr);
    // Whoever may read a run may read what the call came to.
    let mode = |path: &str| fs::metadata(folder.join(path)).unwrap().permissions();
    assert_eq!(mode("out/last.json"), mode("out/b/run.json"));
    // What is not run again is remembered, and a simulation knows it, too.
    folder.write("all/d.yaml", FINE);
    let other = folder.run(&["run", "all", "--rerun-failed", "--filter", "b"]);
    assert_eq!(other.code, Some(4), "{}", other.stderr);
    assert!(other.stderr.contains("what did not pass in the last call is not selected: d"));
    let (ended, report) = reported(&folder, &["sim", "all", "--rerun-failed"]);
    assert_eq!((ended.code, names(&report)), (Some(0), vec!["d"]), "{}", ended.stderr);
    let none = folder.run(&again);
    assert_eq!(none.code, Some(4), "{}", none.stderr);
    assert!(none.stderr.contains("every scenario passed in the last call"), "{}", none.stderr);
    folder.write("out/last.json", "{\"last\":");
    let broken = folder.run(&again);
    assert_eq!(broken.code, Some(2), "{}", broken.stderr);
    assert!(broken.stderr.contains("out/last.json: it is not as a call leaves it"), "{broken:?}");
}

#[test]
fn after_the_first_scenario_that_does_not_pass_no_other_is_begun() {
    let folder = five();
    folder.write("all/c.yaml", SLOW);
    for call in [&["run", "all"][..], &["sim", "all"], &["sim", "all", "--seeds", "1..3"]] {
        let (ended, report) = reported(&folder, &[call, &["--fail-fast"]].concat());
        assert_eq!(ended.code, Some(3), "{}", ended.stderr);
        assert_eq!(names(&report), ["a", "b", "c"], "{call:?}");
        let said = "stopped by --fail-fast: 2 scenarios not begun: d, e\n";
        assert!(ended.stderr.contains(said), "{}", ended.stderr);
        assert_eq!(report["skipped"], 2, "{report}");
        // What was not begun did not pass either.
        let last = json(&folder, "out/last.json");
        let failed =
            last["scenarios"].as_array().unwrap().iter().filter(|own| own["passed"] == false);
        let failed: Vec<_> = failed.map(|own| own["name"].as_str().unwrap()).collect();
        assert_eq!(failed, ["c", "d", "e"], "{last}");
    }
}

#[test]
fn another_seed_is_in_the_line_that_runs_it_again_and_leaves_golden_files_alone() {
    let folder = Folder::new();
    folder.write("x.yaml", &FINE.replace("golden: none\n", ""));
    let (ended, report) = reported(&folder, &["run", "x.yaml", "--seed", "7"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let entry = &report["scenarios"][0];
    assert_eq!((&entry["seed"], entry.get("golden")), (&json!(7), None), "{entry}");
    assert_eq!(entry["reproduce"], "harness run x.yaml --seed 7");
    // With its own seed it has a golden file, which is new.
    let (ended, report) = reported(&folder, &["run", "x.yaml", "--seed", "1"]);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert_eq!(report["scenarios"][0]["golden"]["status"], "new");
}

#[test]
fn scenarios_are_listed_with_what_one_chooses_them_by() {
    let folder = five();
    folder.write(
        "all/f.yaml",
        &format!("{SLOW}description: Takes long\nbroker: {{ needs: [resume] }}\n"),
    );
    let listed = folder.passes(&["list", "all", "--filter", "tag:mysql", "--filter", "f"]);
    let expected = "b  all/b.yaml\n    on memory: 1 producer, 1 consumer, 1 topic, 20 messages, tags slow mysql\n\
                    c  all/c.yaml\n    on memory: 1 producer, 1 consumer, 1 topic, 20 messages, tags mysql\n\
                    f  all/f.yaml\n    Takes long\n    on memory: 1 producer, 1 consumer, 1 topic, 6,000 messages, \
                    needs resume, limit 1.00 s\n";
    assert_eq!(listed.stdout, expected);
    assert_eq!(listed.stderr, "3 scenarios\n");
    folder.write("all/g.yaml", "topics: { T1: P1 -> C1 }\ntags: [a b, x, x]\nlimit: 0s\n");
    let listed = folder.run(&["list", "all", "--json"]);
    assert_eq!(listed.code, Some(2), "{}", listed.stderr);
    for said in ["`a b` cannot be a tag", "`x` is a tag twice", "all/g.yaml:3:8"] {
        assert!(listed.stderr.contains(said), "{said}: {}", listed.stderr);
    }
    let list: Value = serde_json::from_str(&listed.stdout).unwrap();
    assert_eq!(list["scenarios"].as_array().unwrap().len(), 6);
    assert_eq!(list["invalid"][0]["file"], "all/g.yaml", "{list}");
    let last = &list["scenarios"][5];
    assert_eq!((&last["name"], &last["limit_ms"]), (&json!("f"), &json!(1000)), "{last}");
    fs::remove_dir_all(folder.join("all")).unwrap();
    fs::create_dir(folder.join("all")).unwrap();
    assert_eq!(folder.run(&["list", "all"]).code, Some(4));
    let listed = folder.run(&["list", "none.yaml"]);
    assert_eq!(listed.stderr, "error: cannot read none.yaml: no such file or directory\n");
}
