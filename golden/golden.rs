//! The golden files as tests: every scenario is run on each of our own brokers that it holds for, one
//! at a time, and its ledger compared with the reviewed one, which is the same for all brokers.
//!
//! A difference fails with our own words and leaves a pending file for `harness review` or
//! `cargo insta review`. Only on a match is insta's macro called, so that insta knows that the file
//! is in use; it never gets to write one itself, because what it writes carries a `source` key, and
//! its clean-up deletes files that do.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use harness::catalogue::{self, Named};
use harness::check::Verdict;
use harness::golden::{self, Comparison, Golden, Mode};
use harness::plan::Plan;
use harness::report::{sentence, terminal, words};
use harness::scenario::objection::{Brokers, Setting, objections};
use harness::scenario::{self, Scenario};
use private_database::{Url, for_tests, has_cluster_for_tests};

/// The folder with `scenarios` and `golden` in it.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package is a folder of the root")
}

fn scenarios() -> Vec<Scenario> {
    let scenarios = scenario::load_all(scenario::find(&[root().join("scenarios")]));
    scenarios.unwrap_or_else(|error| panic!("{error}"))
}

/// The reviewed files, and the names of the scenarios that they belong to.
fn reviewed() -> Vec<(String, PathBuf)> {
    let folder = fs::read_dir(root().join("golden")).expect("the folder golden is there");
    let paths = folder.map(|entry| entry.expect("the folder can be read").path());
    let name = |path: &Path| Some(path.file_name()?.to_str()?.strip_suffix(".snap")?.to_owned());
    paths.filter_map(|path| Some((name(&path)?, path))).collect()
}

#[test]
fn every_scenario_gives_its_reviewed_ledger_in_memory() {
    check_all("memory", None);
}

#[test]
fn every_scenario_gives_the_same_ledger_on_mysql() {
    let server = for_tests().unwrap_or_else(|error| panic!("{error}"));
    if let Some(server) = server {
        check_all("mysql", Some(server));
    }
}

fn check_all(word: &str, server: Option<&Url>) {
    let mode = Mode::from_environment(|name| std::env::var(name).ok())
        .unwrap_or_else(|error| panic!("{error}"));
    let entry = catalogue::entries().find(|entry| entry.word == word);
    let broker = Named::of(entry.expect("it is in the catalogue")).expect("it is always built");
    let on_broker = |mut scenario: Scenario| {
        broker.take(&mut scenario, true).expect("our own broker speaks to every scenario");
        scenario
    };
    let wanted = scenarios().into_iter().filter(|scenario| scenario.golden).map(on_broker);
    let setting = Setting { brokers: Brokers::Started(None), capabilities: None, disk: None };
    let holding = wanted.filter(|scenario| objections(scenario, &setting).is_empty());
    let holding = holding.filter(|it| it.broker.cluster.is_none() || has_cluster_for_tests());
    let holding: Vec<_> = holding.collect();
    assert!(!holding.is_empty(), "no scenario holds on {word}");
    let check = |scenario| check(scenario, server, mode).err();
    let failures: Vec<String> = holding.into_iter().filter_map(check).collect();
    assert!(failures.is_empty(), "\n\non {word}:\n{}", failures.join("\n"));
}

fn check(scenario: Scenario, server: Option<&Url>, mode: Mode) -> Result<(), String> {
    let name = scenario.name.clone();
    let ledger = run(&scenario, server)?;
    let plan = Plan::new(scenario).map_err(|error| format!("{name}: {error}"))?;
    let folder = root().join("golden");
    let comparison = golden::compare(&folder, &plan, &ledger, Verdict::Pass, mode)
        .map_err(|error| format!("{name}: {error}"))?;
    if !comparison.is_fine() {
        return Err(words_on(&name, &comparison));
    }
    // Asked to write even what matches, or to compare its own keys too, insta would add its key.
    let insta_writes =
        mode == Mode::Force || std::env::var_os("INSTA_REQUIRE_FULL_MATCH").is_some();
    if comparison == Comparison::Match && !insta_writes {
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path(folder);
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!(name, ledger));
    }
    Ok(())
}

/// Runs a scenario as a user does, and answers its ledger. It is accepted in a folder of its own,
/// so that what is compared here is the ledger alone, and the run's exit code says the rest.
fn run(scenario: &Scenario, server: Option<&Url>) -> Result<String, String> {
    let name = &scenario.name;
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let golden = folder.path().join("golden");
    let mut command = Command::new(env!("CARGO_BIN_EXE_harness"));
    command.current_dir(root()).arg("run").arg(&scenario.file);
    command.arg("--on").arg(&scenario.broker.on);
    command.arg("--out").arg(folder.path().join("out")).arg("--golden").arg(&golden);
    // What this test was started with is not meant for the harness that it tests.
    let ours = |name: &str| name.starts_with("INSTA_") || ["CI", "TF_BUILD"].contains(&name);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(ours)) {
        command.env_remove(name);
    }
    command.env("INSTA_UPDATE", "always").env_remove("GITHUB_ACTIONS");
    command.env_remove("HARNESS_MYSQL_URL");
    // A server that other runs use must not have faults: such a run starts one of its own.
    if let Some(server) = server.filter(|_| !has_server_fault(scenario)) {
        // The broker's tests would have a database there; a run takes one of its own.
        command.env("HARNESS_MYSQL_URL", server.of_database(""));
    }
    let output = command.output().map_err(|error| format!("{name}: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{name}: the run ended with {}\n{said}", output.status));
    }
    let written = Golden::read(&golden::accepted_path(&golden, name));
    match written.map_err(|error| error.to_string())? {
        Some(golden) => Ok(golden.ledger),
        None => Err(format!("{name}: the run passed and left no ledger")),
    }
}

/// Whether a fault is about the server or the connections with it, or one server would not do.
fn has_server_fault(scenario: &Scenario) -> bool {
    scenario.broker.cluster.is_some()
        || scenario.faults.iter().any(|fault| fault.action.target.is_database())
}

/// What differs, and what to do about it.
fn words_on(name: &str, comparison: &Comparison) -> String {
    let mut text = format!("{name}: {}\n", sentence::golden(comparison)).into_bytes();
    if let Comparison::Different { difference, .. } = comparison {
        let style = terminal::Style::default();
        terminal::difference(difference, style, &mut text).expect("memory can be written");
    }
    let mut text = String::from_utf8_lossy(&text).into_owned();
    if matches!(comparison, Comparison::New { .. } | Comparison::Different { pending: Some(_), .. })
    {
        text.push_str(&format!(
            "look at it with `harness review {name}` or `cargo insta review`, \
             or accept it with `{}`\n",
            words::accept_command(name, &root().join("golden")),
        ));
    }
    text
}

#[test]
fn no_golden_file_has_a_source() {
    for (name, path) in reviewed() {
        let snapshot = insta::Snapshot::from_file(&path).expect("it is a snapshot");
        let source = snapshot.metadata().source();
        assert_eq!(source, None, "{name}: accept it with `harness accept`, which drops the key");
    }
}

#[test]
fn every_golden_file_belongs_to_a_scenario_that_wants_one() {
    let scenarios = scenarios();
    for (name, path) in reviewed() {
        let wanted = scenarios.iter().any(|scenario| scenario.golden && scenario.name == name);
        assert!(wanted, "{} belongs to no scenario; delete it", path.display());
    }
}

#[test]
fn every_scenario_that_wants_a_golden_file_has_one() {
    let reviewed = reviewed();
    for scenario in scenarios().iter().filter(|scenario| scenario.golden) {
        let name = &scenario.name;
        let has = reviewed.iter().any(|(reviewed, _)| reviewed == name);
        assert!(has, "{name} has none: run it, then `harness accept {name}`");
    }
}
