//! Each kind in whole runs against a broker in the test's own memory, which carries a message's
//! identity in a header: what was injected is what the checks find, all of it, and nothing else.

mod toy;

use std::path::Path;
use std::sync::Arc;

use self::toy::{Flavour, Toy};
use super::{Kind, Order, Saboteur};
use crate::check;
use crate::driver::{Address, Driver};
use crate::fixture;
use crate::log_format::LogFormat;
use crate::plan::Plan;
use crate::run::{self, Recorder, Routes, RunContext};
use crate::scenario::AnomalyKind;

const SCENARIO: &str = "
seed: 5
topics:
  T1: P1 P2 P3 -> C1 C2 C3
  T2: P1 P2 -> C1 C2
producers:
  all: { generate: { messages: 60, size: 1..8 } }
";

fn plan(yaml: &str) -> Arc<Plan> {
    Arc::new(fixture::plan(yaml, &[]).1)
}

/// What was injected into a run, and what was found in it.
async fn hold(
    plan: &Arc<Plan>,
    order: Order,
    flavour: Flavour,
    folder: Option<&Path>,
) -> (Result<u64, String>, Vec<(AnomalyKind, u64)>) {
    let saboteur = Saboteur::new(order, folder).unwrap();
    let toy: Arc<dyn Driver> = Arc::new(Toy::new(plan, flavour));
    let context = RunContext {
        plan: Arc::clone(plan),
        driver: saboteur.wrap(Arc::clone(&toy), plan),
        routes: Routes::shared(&[Address::None]),
        injector: None,
        recorder: Arc::new(Recorder::new()),
        out: None,
        log_format: LogFormat::Plain,
        keeps_all: false,
        unsubscribe: true,
    };
    let history = run::perform(Arc::new(context), std::future::pending()).await.unwrap();
    assert_eq!(history.faults.is_empty(), plan.scenario.faults.is_empty());
    let judgement = check::judge(plan, &history);
    let all = judgement.violations.iter().chain(&judgement.allowed);
    let found = all.map(|finding| (finding.kind, finding.count)).collect();
    (saboteur.injected(&toy.capabilities()), found)
}

/// Every kind finds at least so many occasions, and is found.
async fn check_all(yaml: &str, flavour: Flavour, at_least: u64) {
    let plan = plan(yaml);
    for kind in Kind::ALL {
        if kind == Kind::StaleAck && flavour == Flavour::Plain {
            continue;
        }
        let order = format!("{kind}:10%").parse().unwrap();
        let (injected, found) = hold(&plan, order, flavour, None).await;
        let injected = injected.unwrap();
        assert_eq!(found, [(kind.anomaly(), injected)], "{kind}");
        assert!(injected >= at_least, "{kind}: {injected}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_injected_is_found_with_offsets() {
    check_all(SCENARIO, Flavour::Offsets, 5).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_injected_is_found_in_batches() {
    let batches = SCENARIO.replace("size: 1..8 }", "size: 1..8 }, batch: 3");
    check_all(&batches, Flavour::Offsets, 2).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_injected_is_found_without_offsets_and_one_by_one() {
    check_all(SCENARIO, Flavour::Plain, 5).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_injected_is_found_where_consumers_come_late() {
    for flavour in [Flavour::Offsets, Flavour::Plain] {
        check_all(&format!("{SCENARIO}start: together\n"), flavour, 2).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_injected_is_found_where_a_consumer_crashes_and_resumes() {
    let crashes = format!(
        "{SCENARIO}faults:\n  - {{ every: 15ms, crash: C1, for: 5ms, from: 10ms, until: 100ms }}\n  \
         - {{ every: 21ms, crash: C2, for: 5ms, from: 10ms, until: 100ms }}\n"
    );
    check_all(&crashes, Flavour::Offsets, 5).await;
}

#[tokio::test(start_paused = true)]
async fn a_stale_ack_is_not_possible_where_acks_have_no_offset() {
    let order = Order::usual(Kind::StaleAck);
    let (injected, found) = hold(&plan(SCENARIO), order, Flavour::Plain, None).await;
    assert_eq!(
        (injected.unwrap_err().as_str(), found),
        ("acks of this broker carry no offset", vec![])
    );
}

#[tokio::test(start_paused = true)]
async fn a_number_is_kept_to_and_each_anomaly_is_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(SCENARIO);
    let (injected, _) =
        hold(&plan, "lose:3".parse().unwrap(), Flavour::Offsets, Some(folder.path())).await;
    assert_eq!(injected, Ok(3));
    let text = std::fs::read_to_string(folder.path().join(super::RECORD)).unwrap();
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 3);
    for line in &lines {
        assert_eq!(line["kind"], "lose", "{line}");
        for key in ["consumer", "producer", "sequence", "offset"] {
            assert!(line[key].is_u64(), "{line}");
        }
    }
}
