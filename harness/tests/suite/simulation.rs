//! `harness sim` as a program: the same seed is the same run in every process, another one is
//! another, and a sweep finds what fails and says how to see it again.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::process::Signal;

use crate::support::{Folder, Running, shipped};

/// Too large to be kept as a history, twice; its digest says as much.
const LARGE: &str = "million";

/// All that a run left: every file under the folder `out`, and what was said.
#[derive(PartialEq, Eq)]
struct Left {
    files: Vec<(PathBuf, Vec<u8>)>,
    said: String,
}

impl Left {
    fn of(folder: &Folder, said: String) -> Self {
        let mut files = Vec::new();
        collect(&folder.join("out"), &mut files);
        files.sort();
        Self { files, said }
    }

    /// The first thing in which two runs differ.
    fn difference(&self, other: &Self) -> Option<String> {
        if self.said != other.said {
            return Some(format!("they said\n{}\nand\n{}", self.said, other.said));
        }
        let names =
            |left: &Self| left.files.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        if names(self) != names(other) {
            return Some(format!("{:?} and {:?}", names(self), names(other)));
        }
        let mut pairs = self.files.iter().zip(&other.files);
        let differs = pairs.find(|(one, other)| one.1 != other.1);
        differs.map(|((name, _), _)| format!("{} differs", name.display()))
    }
}

fn collect(folder: &Path, files: &mut Vec<(PathBuf, Vec<u8>)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            let name = path.file_name().unwrap().into();
            files.push((name, fs::read(&path).unwrap()));
        }
    }
}

/// One simulated run in a process of its own.
fn run(file: &Path, more: &[&str]) -> Left {
    let folder = Folder::new();
    let golden = shipped().join("../golden");
    let file = file.to_str().unwrap();
    let mut arguments = vec!["sim", file, "--golden", golden.to_str().unwrap()];
    if !file.contains(LARGE) {
        arguments.extend(["--history", "out/history.jsonl"]);
    }
    arguments.extend(more);
    let ended = folder.run(&arguments);
    assert!(matches!(ended.code, Some(0 | 1 | 3)), "{ended:?}");
    let mut left = Left::of(&folder, ended.stdout + &ended.stderr);
    if file.contains(LARGE) {
        left.files.clear();
    }
    left
}

/// All that can be simulated, which has no bytes on a disk that could rot and no cluster of databases.
fn all_scenarios() -> Vec<PathBuf> {
    let mut files = Vec::new();
    for folder in [shipped(), shipped().join("bugs")] {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        files.extend(entries.filter(|path| path.extension().is_some_and(|e| e == "yaml")));
    }
    let real = ["bit-rot.yaml", "cluster.yaml", "cluster-node-lost.yaml"];
    files.retain(|path| !real.iter().any(|name| path.ends_with(name)));
    files.sort();
    assert!(files.len() > 10, "{files:?}");
    files
}

#[test]
fn the_same_seed_is_the_same_run_in_two_processes() {
    for file in all_scenarios() {
        let (one, other) = (run(&file, &[]), run(&file, &[]));
        if let Some(difference) = one.difference(&other) {
            panic!("{}: {difference}", file.display());
        }
        assert!(one.said.contains("digest"), "{}", one.said);
    }
}

/// Every fault at once, on a store that survives.
const FAULTY: &str = "
topics: { T1: P1 P2 -> C1 C2 }
producers: { all: { generate: { messages: 20, size: 16 }, pace: 0ms..30ms } }
broker: { on: mysql }
network: { latency: 1ms..20ms, lose_request: 1%, lose_response: 1% }
expect: { acked: any }
golden: none
faults:
  - { after: 5 acked, kill: broker, for: 50ms }
  - { at: 300ms, pause: broker, for: 50ms }
  - { at: 400ms, stop: broker, for: 50ms }
  - { after: 3 acked by P1, drop_ack: P1, count: 2 }
  - { at: 100ms, cut: [P2, C2], for: 40ms }
  - { at: 150ms, black_hole: C1, for: 60ms }
  - { at: 0s, slow: C2, latency: 20ms, jitter: 5ms, for: 100ms }
  - { at: 250ms, kill: database, for: 40ms }
  - { at: 350ms, pause: database, for: 40ms }
  - { at: 500ms, cut: database, for: 20ms }
  - { every: 90ms, cut: any, for: 10ms, until: 500ms }
  - { after: 7 delivered to C1, crash: C1, for: 30ms }
  - { at: 200ms, power: storage, for: 30ms }
  - { at: 360ms, power: storage, for: 30ms, keep: some }
  - { at: 130ms, disk_full: storage, for: 30ms }
  - { at: 30ms, slow_disk: storage, fsync: 5ms, write: 1ms, for: 100ms }
  - { after: 9 acked, fail_fsync: storage, count: 2 }
";

/// Every fault of the disk.
const DISK: &str = "
topics: { T1: P1 P2 -> C1 C2 }
producers: { all: { generate: { messages: 20, size: 16 }, pace: 0ms..30ms } }
broker: { on: mysql, count: 2, spread: true }
golden: none
faults:
  - { at: 50ms, power: storage, for: 30ms }
  - { at: 150ms, disk_full: storage, for: 50ms }
  - { at: 250ms, slow_disk: storage, fsync: 50ms, write: 5ms, for: 100ms }
  - { after: 9 acked, fail_fsync: storage, count: 3 }
";

#[test]
fn the_same_seed_is_the_same_run_with_every_fault() {
    let folder = Folder::new();
    folder.write("faulty.yaml", FAULTY);
    for seed in ["1", "2", "3", "4", "5"] {
        let again = || run(&folder.join("faulty.yaml"), &["--seed", seed]);
        let one = again();
        if let Some(difference) = one.difference(&again()) {
            panic!("seed {seed}: {difference}");
        }
        assert!(!one.said.contains("FAIL"), "{}", one.said);
    }
}

#[test]
fn faults_of_the_disk_are_met_and_break_no_promise() {
    let folder = Folder::new();
    folder.write("disk.yaml", DISK);
    for bug in [&[][..], &["--bug", "none"], &["--bug", "ack-before-fsync"]] {
        let again = || run(&folder.join("disk.yaml"), bug);
        if let Some(difference) = again().difference(&again()) {
            panic!("{bug:?}: {difference}");
        }
    }
    for bug in [&[][..], &["--bug", "none"]] {
        // Without a verdict where a fault met nothing.
        let sweep = [&["sim", "disk.yaml", "--seeds", "1..30", "--collect"], bug].concat();
        let swept = folder.run(&sweep);
        assert_eq!(swept.code, Some(0), "{swept:?}");
    }
}

#[test]
fn what_a_simulated_disk_cannot_have_is_refused() {
    let folder = Folder::new();
    let with = |fault: &str, on: &str| {
        let head =
            DISK.split("faults:").next().unwrap().replace("on: mysql, count: 2, spread: true", on);
        folder.write("refused.yaml", &format!("{head}faults:\n  - {fault}\n"));
        let ended = folder.run(&["sim", "refused.yaml"]);
        assert_ne!(ended.code, Some(0), "{ended:?}");
        ended.stderr
    };
    let rot = with("{ at: 50ms, rot: storage, for: 30ms }", "on: mysql");
    assert!(rot.contains("a simulated store has no bytes on a disk"), "{rot}");
    let memory = with("{ at: 50ms, power: storage, for: 30ms }", "on: memory");
    assert!(memory.contains("memory keeps nothing on a disk; add --on mysql"), "{memory}");
}

#[test]
fn everything_at_once_has_equal_digests_in_two_processes() {
    let folder = Folder::new();
    let file = shipped().join("everything.yaml");
    let sweep = || {
        let arguments = ["sim", file.to_str().unwrap(), "--seeds", "1..10", "--digest"];
        let mut lines: Vec<_> =
            folder.passes(&arguments).stdout.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let one = sweep();
    assert_eq!(one.len(), 10, "{one:?}");
    assert_eq!(one, sweep());
}

#[test]
fn another_seed_is_another_run_and_the_comparison_notices() {
    for name in ["2p2c", "5p3c", "together"] {
        let file = shipped().join(format!("{name}.yaml"));
        let (one, other) = (run(&file, &["--seed", "1"]), run(&file, &["--seed", "2"]));
        assert!(one.difference(&other).is_some(), "{name}");
        let logs = |left: &Left| {
            let logs = left.files.iter().filter(|(name, _)| name.ends_with("consumer_1.txt"));
            logs.cloned().collect::<Vec<_>>()
        };
        assert!(!logs(&one).is_empty() && logs(&one) != logs(&other), "{name}: another order");
    }
}

#[test]
fn a_store_that_survives_loses_nothing_whatever_is_done_to_it() {
    let folder = Folder::new();
    folder.write("faulty.yaml", FAULTY);
    let ended = folder.run(&["sim", "faulty.yaml", "--seeds", "1..60", "--jobs", "2"]);
    assert!(ended.stderr.contains(" of 60 seeds of 1..60 passed"), "{ended:?}");
    assert!(!ended.stderr.contains("failed"), "{ended:?}");
}

#[test]
fn a_sweep_stops_at_a_failure_and_its_command_shows_it_again() {
    let folder = Folder::new();
    let file = shipped().join("bugs/side-by-side.yaml");
    let file = file.to_str().unwrap();
    let bug = ["--bug", "loose-offset"];
    let swept = folder.run(&[&["sim", file, "--seeds", "1..100"], &bug[..]].concat());
    assert_eq!(swept.code, Some(1), "{swept:?}");
    let marker = format!("harness sim {file} --seed ");
    let (_, rest) = swept.stderr.split_once(&marker).unwrap_or_else(|| panic!("{swept:?}"));
    let seed = rest.split_whitespace().next().unwrap();
    let again = folder.run(&[&["sim", file, "--seed", seed], &bug[..]].concat());
    assert_eq!(again.code, Some(1), "{again:?}");
    let words = |text: &str| text.lines().find(|line| line.starts_with("FAIL")).map(str::to_owned);
    assert_eq!(words(&swept.stderr), words(&again.stderr));
    let right = folder.run(&["sim", file, "--seeds", "1..100"]);
    assert_eq!(right.code, Some(0), "{right:?}");
}

#[test]
fn a_sweep_that_collects_tries_all_and_prints_equal_digests_for_equal_seeds() {
    let folder = Folder::new();
    let file = shipped().join("2p2c.yaml");
    let sweep = |jobs| {
        let arguments =
            ["sim", file.to_str().unwrap(), "--seeds", "1..40", "--jobs", jobs, "--digest"];
        let ended = folder.passes(&arguments);
        let mut lines: Vec<_> = ended.stdout.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let one = sweep("1");
    assert_eq!(one.len(), 40);
    assert_eq!(one, sweep("2"), "threads change nothing");
    let digests: std::collections::BTreeSet<_> =
        one.iter().filter_map(|line| line.split(' ').nth(2)).collect();
    assert_eq!(digests.len(), 40, "each seed is a run of its own");
}

#[test]
fn a_bad_command_line_is_refused() {
    let folder = Folder::new();
    folder.copy_scenario("2p2c");
    for (arguments, part) in [
        (&["--seeds", "9..1"][..], "the smaller seed comes first"),
        (&["--seeds", "x"], "expected seeds such as 1..1000"),
        (&["--seed", "1", "--seeds", "1..2"], "cannot be used with"),
        (&["--bug", "nonesuch"], "known are none, check-then-append"),
        (&["--jobs", "2"], "--seeds"),
    ] {
        let ended = folder.run(&[&["sim", "2p2c.yaml"], arguments].concat());
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.contains(part), "{ended:?}");
    }
}

#[test]
fn an_interrupted_sweep_says_what_it_knows() {
    let folder = Folder::new();
    let file = shipped().join("bugs/crashes.yaml");
    let file = file.to_str().unwrap();
    let seeds = "1..100000000";
    let bug = "ack-before-store";
    let arguments = ["sim", file, "--seeds", seeds, "--collect", "--jobs", "1", "--bug", bug];
    let running = Running::start(&folder, &arguments);
    running.until_said("seed 1: ");
    running.signal(Signal::INT);
    let (code, words) = running.end();
    assert_eq!(code, Some(130), "{words}");
    assert!(words.contains(" of 1..100000000 passed, ") && words.contains(" failed"), "{words}");
}

#[test]
fn shrink_writes_a_scenario_that_fails_by_itself() {
    let folder = Folder::new();
    let file = shipped().join("bugs/lost-answers.yaml");
    let file = file.to_str().unwrap();
    let bug = ["--bug", "eager-position"];
    let shrunk = folder.passes(&[&["shrink", file, "--seed", "1"], &bug[..]].concat());
    assert!(shrunk.stdout.contains("acked at 0"), "the diagram is shown: {}", shrunk.stdout);
    let text = folder.read("shrunk/lost-answers/lost-answers.yaml");
    assert!(text.starts_with("# Shrunk from ") && text.contains("seed: "), "{text}");
    let again = folder.run(&[&["sim", "shrunk/lost-answers/lost-answers.yaml"], &bug[..]].concat());
    assert_eq!(again.code, Some(1), "{again:?}");
    assert!(again.stderr.contains("never came"), "{again:?}");
}

#[test]
fn what_does_not_fail_cannot_be_shrunk() {
    let folder = Folder::new();
    folder.copy_scenario("2p2c");
    let ended = folder.run(&["shrink", "2p2c.yaml", "--seed", "7"]);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.stderr.contains("does not fail with seed 7"), "{ended:?}");
    assert!(!folder.join("shrunk").exists());
}
