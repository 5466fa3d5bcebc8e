//! The table of planted bugs: each is found within so many seeds of its scenario, the right stores
//! pass the same seeds, and what is found shrinks to something that a person can read.

use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use harness::bugs::Bug;
use harness::check::Verdict;
use harness::diagram;
use harness::plan::Plan;
use harness::scenario::{self, AnomalyKind, Need, Scenario, Store};
use harness::shrink::case::Case;
use harness::shrink::{self, Settings, Way};
use harness::trial::{Simulation, Trial, simulate};

/// A bug, the scenario that finds it, within how many seeds, and as what.
const TABLE: [(Bug, &str, u64, AnomalyKind); 9] = [
    (Bug::CheckThenAppend, "repeats", 20, AnomalyKind::Duplicate),
    (Bug::AckBeforeStore, "crashes", 20, AnomalyKind::Lost),
    (Bug::ForgottenSequence, "crashes", 20, AnomalyKind::Duplicate),
    (Bug::EagerPosition, "lost-answers", 20, AnomalyKind::Lost),
    (Bug::LooseOffset, "side-by-side", 20, AnomalyKind::Lost),
    (Bug::LostWakeup, "wake-up", 50, AnomalyKind::Lost),
    (Bug::TrimmedPayload, "hostile", 1, AnomalyKind::Corrupted),
    (Bug::AckBeforeFsync, "power", 20, AnomalyKind::Lost),
    (Bug::ReorderedFlush, "power", 20, AnomalyKind::Lost),
];

/// The bugs that only a power cut shows.
const POWER: [Bug; 2] = [Bug::AckBeforeFsync, Bug::ReorderedFlush];

fn load(name: &str) -> Scenario {
    let file = format!("{}/../scenarios/bugs/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
    let mut scenario = scenario::load(Path::new(&file)).unwrap_or_else(|error| panic!("{error}"));
    if scenario.broker.needs.contains(&Need::SurvivesPowerCut) {
        // As the command line has it: a store in memory is on no disk.
        scenario.broker.on = "mysql".to_owned();
        scenario.broker.store = Store::Mysql;
    }
    scenario
}

fn run(scenario: &Scenario, seed: u64, bug: Option<Bug>) -> (Arc<Plan>, Trial) {
    let scenario = Scenario { seed, ..scenario.clone() };
    let plan = Arc::new(Plan::new(scenario).unwrap());
    let (trial, _) = simulate(&plan, &Simulation { bug, ..Simulation::default() }).unwrap();
    (plan, trial)
}

fn found(bug: Bug, name: &str, within: u64) -> (Arc<Plan>, Trial) {
    let scenario = load(name);
    let mut runs = (1..=within).map(|seed| run(&scenario, seed, Some(bug)));
    let failing = runs.find(|(_, trial)| trial.judgement.verdict == Verdict::Fail);
    failing.unwrap_or_else(|| panic!("{bug} is not found within {within} seeds of {name}"))
}

#[test]
fn every_bug_has_its_line() {
    let of: Vec<_> = TABLE.iter().map(|(bug, ..)| *bug).collect();
    assert_eq!(Bug::all().collect::<Vec<_>>(), of);
}

#[test]
fn the_help_names_every_bug_and_says_what_it_is() {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_harness"));
    let help = command.args(["sim", "--help"]).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    for bug in Bug::all().chain([Bug::None]) {
        assert!(help.contains(bug.as_str()) && help.contains(bug.about()), "{bug}: {help}");
    }
}

#[test]
fn each_bug_is_found_within_its_seeds() {
    for (bug, name, within, kind) in TABLE {
        let (_, trial) = found(bug, name, within);
        let kinds: Vec<_> = trial.judgement.violations.iter().map(|found| found.kind).collect();
        assert!(kinds.contains(&kind), "{bug}: {kinds:?}");
    }
}

#[test]
fn the_right_stores_pass_the_same_seeds() {
    for (_, name, within, _) in TABLE {
        let mut scenario = load(name);
        // What a memory store loses in a crash is no bug.
        scenario.broker.store = Store::Mysql;
        for seed in 1..=within {
            for bug in [None, Some(Bug::None)] {
                let (_, trial) = run(&scenario, seed, bug);
                let judgement = &trial.judgement;
                assert!(judgement.violations.is_empty(), "{name}, seed {seed}: {judgement:?}");
            }
        }
    }
}

/// The faults of a text, in the place of those of a scenario.
fn with_faults(name: &str, faults: &str) -> Scenario {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("other.yaml");
    let text = format!(
        "topics: {{ T1: P1 -> C1 }}\nproducers: {{ all: {{ generate: {{ messages: 1 }} }} }}\n\
         broker: {{ on: mysql }}\nfaults: [{faults}]\n"
    );
    std::fs::write(&file, text).unwrap();
    let other = scenario::load(&file).unwrap_or_else(|error| panic!("{error}"));
    Scenario { faults: other.faults, ..load(name) }
}

#[test]
fn the_right_stores_lose_nothing_by_power_cuts_that_forgot_something() {
    for keep in ["none", "some"] {
        // What a killed broker had written and not synced is repeated, and has to be synced then.
        let faults = format!(
            "{{ every: 90ms, power: storage, for: 20ms, keep: {keep} }}, \
             {{ every: 40ms, kill: any, for: 5ms }}"
        );
        let mut scenario = with_faults("power", &faults);
        scenario.broker.count = NonZeroU32::new(2).unwrap();
        for bug in [None, Some(Bug::None)] {
            let (mut forgot, mut kept) = (0, 0);
            for seed in 1..=50 {
                let (_, trial) = run(&scenario, seed, bug);
                let judgement = &trial.judgement;
                assert_eq!(judgement.verdict, Verdict::Pass, "{keep}, {seed}: {judgement:?}");
                let on_disk = trial.history.faults.iter().filter_map(|own| own.on_disk.as_ref());
                let cuts: Vec<_> = on_disk.filter_map(|own| own.forgotten.as_ref()).collect();
                forgot += usize::from(cuts.iter().any(|cut| cut.bytes > 0));
                kept += usize::from(cuts.iter().any(|cut| cut.kept > 0));
            }
            assert!(forgot > 25, "{bug:?}, keep {keep}: {forgot} of 50 runs");
            assert_eq!(kept > 25, keep == "some", "{bug:?}, keep {keep}: {kept} of 50 runs");
        }
    }
}

#[test]
fn a_killed_broker_does_not_show_what_a_power_cut_does() {
    let scenario = with_faults("power", "{ every: 60ms, kill: broker, for: 30ms }");
    for bug in POWER {
        for seed in 1..=50 {
            let (_, trial) = run(&scenario, seed, Some(bug));
            let judgement = &trial.judgement;
            assert_eq!(judgement.verdict, Verdict::Pass, "{bug}, seed {seed}: {judgement:?}");
        }
    }
}

#[test]
fn what_is_found_shrinks_to_a_scenario_that_fails_in_the_same_way() {
    for (bug, name, within, _) in TABLE {
        let (plan, trial) = found(bug, name, within);
        let way = Way::of(&trial).unwrap();
        let simulation = Simulation { bug: Some(bug), ..Simulation::default() };
        let limit = Duration::from_secs(120);
        let settings = Settings { simulation, seeds: 20, limit };
        let folder = tempfile::tempdir().unwrap();
        let whole = shrink::run(Case::new(&plan), folder.path(), &settings.simulation).unwrap();
        assert!(way.is_of(&whole.trial), "{bug}: spelt out, it is the same failure");

        let small = shrink::shrink(whole, &way, &settings, folder.path(), &mut |_| {}).failing;
        let (actors, messages) = (small.case.actors(), small.case.messages());
        assert!(actors <= 3 && messages <= 5, "{bug}: {actors} actors, {messages} messages");
        let mut faults = small.case.scenario.faults.iter().map(|fault| fault.action.key());
        assert_eq!(faults.any(|key| key == "power"), POWER.contains(&bug), "{bug}");

        let kept = tempfile::tempdir().unwrap();
        let file = shrink::write::write(&small.case, kept.path(), "a comment").unwrap();
        let (plan, again) = {
            let scenario = scenario::load(&file).unwrap_or_else(|error| panic!("{error}"));
            let seed = scenario.seed;
            run(&scenario, seed, Some(bug))
        };
        assert!(way.is_of(&again), "{bug}: {:?}", again.judgement);
        let drawn = diagram::of(&plan, &again.history).to_text();
        assert!(drawn.lines().count() < 40, "{drawn}");
        assert!(drawn.contains(" -> T1"), "{drawn}");
    }
}

#[test]
fn a_producer_that_waits_for_a_lost_answer_does_not_end_the_run_as_idle() {
    // Once, a consumer's empty answer from before the last messages were sent counted as quiet.
    let mut scenario = load("wake-up");
    let latency = (Duration::from_millis(1), Duration::from_millis(10));
    scenario.network = Some(scenario::Network {
        latency_min: latency.0,
        latency_max: latency.1,
        lose_request: 0.0,
        lose_response: 0.05,
    });
    for seed in 1..=100 {
        let (_, trial) = run(&scenario, seed, Some(Bug::None));
        assert!(trial.judgement.violations.is_empty(), "seed {seed}: {:?}", trial.judgement);
    }
}
