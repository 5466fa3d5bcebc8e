//! The summary on the page of a job of GitHub Actions: in the file that the runner names, behind what is
//! there, and only in such a job.

use std::fs;
use std::path::Path;

use crate::support::{Ended, Folder, end};

const FINE: &str = "topics: { T1: P1 -> C1 }
producers: { all: { generate: { messages: 5 } } }
golden: none
";

fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("x.yaml", FINE);
    folder
}

/// Runs it in a job whose runner names this file.
fn in_a_job(folder: &Folder, arguments: &[&str], file: &Path) -> Ended {
    let mut harness = folder.harness(arguments);
    harness.env("GITHUB_ACTIONS", "true").env("GITHUB_STEP_SUMMARY", file);
    end(harness)
}

#[test]
fn several_calls_of_a_step_stand_one_behind_the_other_with_the_first_proof_of_each() {
    let folder = folder();
    folder.write("summary.md", "# Before\n\n");
    let file = folder.join("summary.md");
    assert_eq!(in_a_job(&folder, &["run", "x.yaml"], &file).code, Some(0));
    let lost = ["run", "x.yaml", "--sabotage", "lose:1"];
    assert_eq!(in_a_job(&folder, &lost, &file).code, Some(1));
    let text = folder.read("summary.md");
    let mut rest = text.as_str();
    for part in [
        "# Before\n\n| scenario | on | result |",
        "| x | memory | every acknowledged message came as promised |",
        "1 run in ",
        "\n\n| scenario | on | result |",
        "1 delivery of an acknowledged message never came",
        "**First of what did not pass: x**\n\n``````text\nFAIL  x  ",
        "C1 never got P1#",
        "\n``````\n",
        "1 run in ",
    ] {
        let found = rest.split_once(part);
        (_, rest) = found.unwrap_or_else(|| panic!("{part:?} is not in its place in\n{text}"));
    }
}

#[test]
fn a_call_that_is_refused_says_so_on_the_page() {
    let folder = folder();
    let file = folder.join("s/summary.md");
    assert_eq!(in_a_job(&folder, &["run", "x.yaml", "--filter", "nothing"], &file).code, Some(4));
    assert!(folder.read("s/summary.md").contains("nothing selected"));
}

#[test]
fn only_a_job_has_a_page_and_a_flag_may_name_the_same_file() {
    let folder = folder();
    let mut harness = folder.harness(&["run", "x.yaml"]);
    harness.env("GITHUB_STEP_SUMMARY", folder.join("summary.md"));
    assert_eq!(end(harness).code, Some(0));
    assert!(!folder.join("summary.md").exists(), "this is no job");
    let file = folder.join("summary.md");
    let arguments = ["run", "x.yaml", "--report-md", "summary.md"];
    assert_eq!(in_a_job(&folder, &arguments, &file).code, Some(0));
    assert_eq!(folder.read("summary.md").matches("| scenario |").count(), 1);
    assert_eq!(in_a_job(&folder, &["run", "x.yaml"], Path::new("")).code, Some(0));
}

#[test]
fn a_file_that_cannot_be_written_is_named_with_its_variable() {
    let folder = folder();
    fs::create_dir(folder.join("taken")).unwrap();
    let ended = in_a_job(&folder, &["run", "x.yaml"], &folder.join("taken"));
    assert_eq!(ended.code, Some(2));
    let said = ended.stderr;
    assert!(said.contains("GITHUB_STEP_SUMMARY=") && said.contains("unset it"), "{said}");
}
