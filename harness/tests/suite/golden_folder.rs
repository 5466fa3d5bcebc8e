//! Where the harness finds golden files, and what it says of those that it cannot read or that have
//! no scenario.

use std::fs;
use std::process::Command;

use crate::support::{Ended, Folder, end};

const FINE: &str = "topics: { T1: P1 -> C1 }\nproducers: { P1: { generate: { messages: 3 } } }\n";

/// The harness called in a folder below.
fn called_in(folder: &Folder, below: &str, arguments: &[&str]) -> Ended {
    let mut harness: Command = folder.harness(arguments);
    harness.current_dir(folder.join(below));
    end(harness)
}

/// A project with one scenario and a folder for golden files, and a place elsewhere to call from.
fn project() -> Folder {
    let folder = Folder::new();
    folder.write("project/scenarios/deep/x.yaml", FINE);
    for below in ["project/golden", "project/scenarios/deep", "elsewhere"] {
        fs::create_dir_all(folder.join(below)).unwrap();
    }
    folder
}

/// The folder of the golden files, as messages name it.
fn golden(folder: &Folder) -> String {
    folder.join("project/golden").canonicalize().unwrap().display().to_string()
}

#[test]
fn a_golden_file_is_found_from_wherever_the_harness_is_called() {
    for (below, file) in [
        ("project", "scenarios/deep/x.yaml"),
        ("project/scenarios", "deep/x.yaml"),
        ("project/scenarios/deep", "x.yaml"),
        ("elsewhere", "../project/scenarios/deep/../deep/x.yaml"),
    ] {
        for command in ["run", "sim"] {
            let folder = project();
            let golden = golden(&folder);
            let new = called_in(&folder, below, &[command, file]);
            assert_eq!(new.code, Some(1), "{below}: {}", new.stderr);
            assert!(new.stderr.contains(&format!("{golden}/x.snap.new")), "{}", new.stderr);
            assert!(!folder.join(below).join("golden").exists() || below == "project");

            // The line that accepts it holds where it was printed.
            let accept =
                new.stderr.lines().find_map(|line| line.trim().strip_prefix("accept     harness "));
            let accept: Vec<&str> = accept.unwrap().split(' ').collect();
            let has_flag = accept.contains(&"--golden");
            assert_eq!(has_flag, below == "elsewhere", "{accept:?}");
            let accepted = called_in(&folder, below, &accept);
            assert_eq!(accepted.code, Some(0), "{}", accepted.stderr);
            let again = called_in(&folder, below, &[command, file]);
            assert_eq!(again.code, Some(0), "{}", again.stderr);
            assert!(again.stderr.contains("golden ok"), "{}", again.stderr);
        }
    }
}

#[test]
fn the_nearest_folder_wins_and_one_that_is_named_wins_over_it() {
    let folder = project();
    fs::create_dir(folder.join("project/scenarios/golden")).unwrap();
    called_in(&folder, "project", &["run", "scenarios/deep/x.yaml"]);
    assert!(folder.join("project/scenarios/golden/x.snap.new").is_file());
    called_in(&folder, "project", &["run", "scenarios/deep/x.yaml", "--golden", "mine"]);
    assert!(folder.join("project/mine/x.snap.new").is_file());
    assert_eq!(fs::read_dir(folder.join("project/golden")).unwrap().count(), 0);
}

#[test]
fn a_difference_names_the_absolute_folder() {
    let folder = project();
    let called = |arguments: &[&str]| called_in(&folder, "project/scenarios", arguments);
    called(&["run", "deep/x.yaml"]);
    called(&["accept"]);
    folder.write("project/scenarios/deep/x.yaml", &FINE.replace('3', "4"));
    let ended = called(&["run", "deep/x.yaml"]);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let differs = format!("the ledger differs from {}/x.snap\n", golden(&folder));
    assert!(ended.stderr.contains(&differs), "{}", ended.stderr);
    let pending = called(&["pending"]);
    let says = format!("1 golden file pending in {}\n", golden(&folder));
    assert!(pending.stderr.ends_with(&says), "{}", pending.stderr);
}

#[test]
fn a_golden_file_that_cannot_be_read_is_a_usage_error() {
    let folder = project();
    let path = "project/golden/x.snap";
    for spoil in [true, false] {
        if spoil {
            folder.write(path, "<<<<<<< HEAD\n");
        } else {
            fs::remove_file(folder.join(path)).unwrap();
            fs::create_dir(folder.join(path)).unwrap();
        }
        for arguments in [
            &["run", "scenarios/deep/x.yaml", "--report-json", "r.json", "--report-junit", "r.xml"]
                [..],
            &["sim", "scenarios/deep/x.yaml"],
            &["pending"],
        ] {
            let ended = called_in(&folder, "project", arguments);
            assert_eq!(ended.code, Some(2), "{arguments:?}: {}", ended.stderr);
            let said = format!("{}/x.snap", golden(&folder));
            assert!(ended.stderr.contains(&said), "{arguments:?}: {}", ended.stderr);
        }
        assert_eq!(folder.report("project/r.json")["exit"], 2);
        assert!(folder.read("project/r.xml").contains("type=\"invalid file\""));
    }
}

#[test]
fn pending_names_golden_files_without_a_scenario() {
    let folder = Folder::new();
    fs::create_dir(folder.join("golden")).unwrap();
    for name in ["kept", "gone", "renamed", "unwanted", "broken", "moved"] {
        folder.write(&format!("scenarios/{name}.yaml"), FINE);
    }
    folder.run(&["run", "scenarios"]);
    folder.passes(&["accept"]);
    let none = folder.passes(&["pending"]).stderr;
    assert!(none.starts_with("0 golden files pending in /"), "{none}");
    assert!(none.ends_with("/golden\n"), "{none}");

    let path = |name: &str| folder.join(&format!("scenarios/{name}.yaml"));
    fs::remove_file(path("gone")).unwrap();
    folder.write("scenarios/renamed.yaml", &format!("name: other\n{FINE}"));
    folder.write("scenarios/unwanted.yaml", &format!("{FINE}golden: none\n"));
    folder.write("scenarios/broken.yaml", "topics: [");
    fs::create_dir(folder.join("scenarios/deep")).unwrap();
    fs::rename(path("moved"), folder.join("scenarios/deep/moved.yaml")).unwrap();
    let ended = folder.passes(&["pending"]);
    assert_eq!(ended.stdout, "", "nothing waits for review");
    let named: Vec<&str> = ended
        .stderr
        .lines()
        .filter_map(|line| Some(line.trim().split_once(": no scenario has this name")?.0))
        .collect();
    assert_eq!(named, ["gone", "renamed", "unwanted"], "{}", ended.stderr);
    let golden = folder.join("golden").canonicalize().unwrap();
    let cure = format!(
        "(it was scenarios/gone.yaml); delete {}/gone.snap, or bring the scenario back",
        golden.display()
    );
    assert!(ended.stderr.contains(&cure), "{}", ended.stderr);
    let last = format!("0 golden files pending in {}, 3 without a scenario\n", golden.display());
    assert!(ended.stderr.ends_with(&last), "{}", ended.stderr);
}
