//! `harness check` on what real runs leave: logs with lines removed, and histories.

use crate::support::{Ended, Folder, end};

/// A folder in which the scenario was run and passed; its golden is not looked at.
fn ran(scenario: &str) -> Folder {
    let folder = Folder::new();
    folder.copy_scenario(scenario);
    let file = format!("{scenario}.yaml");
    let yaml = folder.read(&file);
    folder.write(&file, &format!("{yaml}golden: none\n"));
    folder.passes(&["run", &file, "--history", "history.jsonl"]);
    folder
}

fn judge(folder: &Folder, scenario: &str) -> Ended {
    let (file, logs) = (format!("{scenario}.yaml"), format!("out/{scenario}"));
    folder.run(&["check", &file, "--logs", &logs])
}

/// Removes the lines with these numbers (from 1) from a log, and gives them.
fn remove(folder: &Folder, log: &str, numbers: &[usize]) -> Vec<String> {
    let (mut kept, mut removed) = (String::new(), Vec::new());
    for (number, line) in (1..).zip(folder.read(log).lines()) {
        if numbers.contains(&number) {
            removed.push(line.to_owned());
        } else {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    assert_eq!(removed.len(), numbers.len());
    folder.write(log, &kept);
    removed
}

/// What a line of 2p2c's logs is called: `T1     P2_MSG4` is a message of P2, and its place in P2's
/// own log is its number in the name.
fn name(line: &str) -> String {
    let payload = line.split_whitespace().nth(1).unwrap();
    payload.replace("_MSG", "#")
}

#[test]
fn of_2p2c_exactly_the_removed_lines_are_named() {
    let folder = ran("2p2c");
    let whole = judge(&folder, "2p2c");
    assert_eq!(whole.code, Some(0), "{}", whole.stderr);

    let mut removed = Vec::new();
    for (consumer, numbers) in [("C1", &[4, 10][..]), ("C2", &[1][..])] {
        let log = format!("out/2p2c/consumer_{}.txt", &consumer[1..]);
        for line in remove(&folder, &log, numbers) {
            removed.push(format!("{consumer} never got {} ", name(&line)));
        }
    }
    let judged = judge(&folder, "2p2c");
    assert_eq!(judged.code, Some(1), "{}", judged.stderr);
    for said in &removed {
        assert!(judged.stderr.contains(said), "{said}\n{}", judged.stderr);
    }
    assert_eq!(judged.stderr.matches("never got").count(), 3, "{}", judged.stderr);
}

#[test]
fn of_5p3c_is_said_what_payloads_that_repeat_can_prove() {
    let folder = ran("5p3c");
    let whole = judge(&folder, "5p3c");
    assert_eq!(whole.code, Some(0), "{}", whole.stderr);
    assert!(whole.stderr.contains("order not refuted"), "{}", whole.stderr);

    let removed = remove(&folder, "out/5p3c/consumer_2.txt", &[100, 900, 2000]);
    let judged = judge(&folder, "5p3c");
    assert_eq!(judged.code, Some(1), "{}", judged.stderr);
    for line in &removed {
        let mut words = line.split_whitespace();
        let (topic, payload) = (words.next().unwrap(), words.next().unwrap());
        let same = removed.iter().filter(|other| *other == line).count();
        let said = judged.stderr.lines().any(|said| {
            said.contains("C2")
                && said.contains(topic)
                && said.contains(payload)
                && (said.contains(&format!(" {same} ")) || same == 1)
        });
        assert!(said, "{topic} {payload}, {same} times, is not in\n{}", judged.stderr);
    }
    for other in ["C1 never got", "C3 never got", "C1 misses", "C3 misses"] {
        assert!(!judged.stderr.contains(other), "{}", judged.stderr);
    }
}

#[test]
fn the_history_of_a_run_is_judged_again_as_the_run_was() {
    let folder = ran("5p3c");
    let again = folder.run(&["check", "5p3c.yaml", "--history", "history.jsonl"]);
    assert_eq!(again.code, Some(0), "{}", again.stderr);
}

#[test]
fn the_history_of_a_sabotaged_run_fails_again_with_the_same_findings() {
    for (kind, words) in [("lose:3", "never got"), ("duplicate:3", "again"), ("corrupt:3", "")] {
        let folder = Folder::new();
        folder.copy_scenario("5p3c");
        let arguments = ["run", "5p3c.yaml", "--sabotage", kind, "--history", "history.jsonl"];
        let arguments = [&arguments[..], &["--report-json", "report.json"]].concat();
        let ran = folder.run(&arguments);
        assert_eq!(ran.code, Some(1), "{}", ran.stderr);
        let report = folder.report("report.json");
        let violations = report["judgement"]["violations"].as_array().unwrap();
        assert_eq!((violations.len(), &violations[0]["count"]), (1, &3.into()), "{report}");

        let again = folder.run(&["check", "5p3c.yaml", "--history", "history.jsonl"]);
        assert_eq!(again.code, Some(1), "{}", again.stderr);
        let proofs = violations[0]["proofs"].as_array().unwrap();
        assert_eq!(proofs.len(), 3);
        for proof in proofs {
            let title = proof["title"].as_str().unwrap();
            assert!(title.contains(words), "{title}");
            assert!(again.stderr.contains(title), "{title}\n{}", again.stderr);
        }
    }
}

#[test]
fn a_history_of_another_scenario_or_cut_short_is_refused() {
    let folder = ran("2p2c");
    folder.copy_scenario("5p3c");
    let other = folder.run(&["check", "5p3c.yaml", "--history", "history.jsonl"]);
    assert_eq!(other.code, Some(2), "{}", other.stderr);
    assert!(other.stderr.contains("history.jsonl: line 1:"), "{}", other.stderr);

    let text = folder.read("history.jsonl");
    let lines: Vec<&str> = text.lines().collect();
    folder.write("history.jsonl", &(lines[..lines.len() - 1].join("\n") + "\n"));
    let cut = folder.run(&["check", "2p2c.yaml", "--history", "history.jsonl"]);
    assert_eq!(cut.code, Some(2), "{}", cut.stderr);
    assert!(cut.stderr.contains("history.jsonl"), "{}", cut.stderr);
}

/// The lines of a failing run's words that begin so, without the name before them.
fn said(stderr: &str, name: &str) -> Vec<String> {
    let lines = stderr.lines().map(str::trim_start);
    lines
        .filter_map(|line| line.strip_prefix(name)?.strip_prefix("  "))
        .map(|way| way.trim().to_owned())
        .collect()
}

/// Pastes a command line that the harness printed into a shell, in the same folder.
fn paste(folder: &Folder, line: &str) -> Ended {
    let rest = line.strip_prefix("harness ").unwrap();
    let mut shell = std::process::Command::new("/bin/sh");
    shell.arg("-c").arg(format!("exec '{}' {rest}", env!("CARGO_BIN_EXE_harness")));
    shell.current_dir(folder.path()).env("INSTA_UPDATE", "no");
    end(shell)
}

/// A scenario whose payloads follow from the seed.
const MADE_UP: &str = "topics: { T1: P1 P2 -> C1 C2 }\n\
                       producers: { all: { generate: { messages: 20 } } }\ngolden: none\n";

#[test]
fn a_run_that_does_not_pass_leaves_its_history_and_the_line_that_judges_it_again() {
    let folder = Folder::new();
    // A shell would take this name for three words and a variable.
    folder.write("it's $HOME; x/small.yaml", MADE_UP);
    let file = "it's $HOME; x/small.yaml";
    for arguments in [
        &["run", file, "--sabotage", "lose:3", "--out", "my out"][..],
        &["run", file, "--sabotage", "lose:3", "--out", "my out", "--history", "all.jsonl"],
    ] {
        let ran = folder.run(arguments);
        assert_eq!(ran.code, Some(1), "{}", ran.stderr);
        assert!(folder.join("my out/small/history.jsonl").is_file(), "{}", ran.stderr);
        let [judge] = &said(&ran.stderr, "judge")[..] else { panic!("{}", ran.stderr) };
        let after = ran.stderr.split("reproduce").nth(1).unwrap();
        assert!(after.lines().nth(1).unwrap().contains(judge), "it follows reproduce: {after}");
        let again = paste(&folder, judge);
        assert_eq!(again.code, Some(1), "{judge}\n{}", again.stderr);
        for line in ran.stderr.lines().filter(|line| line.contains("never got")) {
            assert!(again.stderr.contains(line.trim()), "{line}\n{}", again.stderr);
        }
    }
    folder.passes(&["run", file, "--out", "my out"]);
    assert!(!folder.join("my out/small/history.jsonl").exists(), "a pass leaves no stale one");
    assert!(folder.join("my out/small/consumer_1.txt").is_file());
}

#[test]
fn a_simulation_with_another_seed_and_store_is_judged_again_as_it_was() {
    let folder = Folder::new();
    folder.write("small.yaml", MADE_UP);
    let arguments = ["sim", "small.yaml", "--seed", "7", "--bug", "loose-offset"];
    let ran = folder.run(&[&arguments[..], &["--report-json", "report.json"]].concat());
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    let report = folder.report("report.json");
    assert_eq!(report["history"], "out/small/history.jsonl", "{report}");
    let again = paste(&folder, report["judge"].as_str().unwrap());
    assert_eq!(again.code, Some(1), "{}", again.stderr);
    let title = report["judgement"]["violations"][0]["proofs"][0]["title"].as_str().unwrap();
    assert!(again.stderr.contains(title), "{title}\n{}", again.stderr);
    folder.passes(&["sim", "small.yaml", "--seed", "7", "--on", "mysql", "--history", "h"]);
    let header = folder.read("h");
    assert!(header.starts_with("{\"history\":1,"), "{header}");
    assert!(header.contains("\"seed\":7,\"on\":\"mysql\""), "{header}");
    folder.passes(&["check", "small.yaml", "--history", "h"]);
}

#[test]
fn an_interrupted_or_undecided_run_leaves_its_history_too() {
    let folder = Folder::new();
    let require = "require: [ 'retries >= 1' ]\n";
    folder.write("small.yaml", &format!("{MADE_UP}{require}"));
    let ran = folder.run(&["run", "small.yaml"]);
    assert_eq!(ran.code, Some(3), "{}", ran.stderr);
    let again = paste(&folder, &said(&ran.stderr, "judge")[0]);
    assert_eq!(again.code, Some(3), "{}", again.stderr);
}

#[test]
fn the_histories_of_several_scenarios_go_to_a_folder() {
    let folder = Folder::new();
    for name in ["one", "two"] {
        folder.write(&format!("{name}.yaml"), MADE_UP);
    }
    folder.write("a-file", "");
    for (command, given) in [("run", "all/histories"), ("sim", "simulated")] {
        folder.passes(&[command, "one.yaml", "two.yaml", "--history", given]);
        for name in ["one", "two"] {
            let (file, history) = (format!("{name}.yaml"), format!("{given}/{name}.jsonl"));
            folder.passes(&["check", &file, "--history", &history]);
        }
    }
    // One scenario takes a file, and a folder where that is what is named.
    folder.passes(&["run", "one.yaml", "--history", "single.jsonl"]);
    folder.passes(&["check", "one.yaml", "--history", "single.jsonl"]);
    for given in ["simulated", "new/"] {
        folder.passes(&["run", "one.yaml", "--history", given]);
        let history = format!("{}/one.jsonl", given.trim_end_matches('/'));
        folder.passes(&["check", "one.yaml", "--history", &history]);
    }
    let refused = folder.run(&["run", "one.yaml", "two.yaml", "--history", "a-file"]);
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    let words = "--history a-file: 2 scenarios are selected, and this is a file; name a folder";
    assert!(refused.stderr.contains(words), "{}", refused.stderr);
    assert!(folder.join("out/one/consumer_1.txt").is_file(), "what an earlier run left stays");
}
