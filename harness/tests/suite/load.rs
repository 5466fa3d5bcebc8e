//! Load that proves something, on simulated brokers: several requests under way, consumers that are
//! behind, and what the logs say when everyone was quick.

use std::fs;
use std::sync::Arc;

use harness::bugs::Bug;
use harness::check::{Judgement, Verdict};
use harness::driver;
use harness::history::{Answer, ConsumerHistory, History, Outcome, Sent, backlogs};
use harness::plan::Plan;
use harness::scenario::objection::{Brokers, Setting, objections};
use harness::scenario::{self, AnomalyKind};
use harness::trial::{Simulation, Trial, simulate};

use crate::support::shipped;

const DRAIN: &str = "golden: none\ndrain: { idle: 2s, deadline: 60s }\n";

fn plan(yaml: &str) -> Arc<Plan> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.yaml");
    fs::write(&file, format!("{DRAIN}{yaml}")).unwrap();
    let scenario = scenario::load(&file).unwrap_or_else(|error| panic!("{error}"));
    Arc::new(Plan::new(scenario).unwrap_or_else(|error| panic!("{error}")))
}

fn run(plan: &Arc<Plan>, bug: Option<&str>) -> Trial {
    let bug = bug.map(|word| word.parse::<Bug>().unwrap());
    let simulation = Simulation { bug, ..Simulation::default() };
    simulate(plan, &simulation).unwrap_or_else(|failure| panic!("{failure}")).0
}

#[track_caller]
fn passes(judgement: &Judgement) {
    assert_eq!(judgement.verdict, Verdict::Pass, "{judgement:#?}");
}

/// The most requests of one stream that were under way when one of them left.
fn most_at_once(history: &History) -> usize {
    let sends = || history.producers.iter().flat_map(|part| &part.sends);
    let at_once = |own: &Sent| {
        let stream = sends().filter(|other| other.stream == own.stream);
        let stamp = own.invoked.stamp;
        stream.filter(|own| own.invoked.stamp <= stamp && stamp < own.completed.stamp).count()
    };
    sends().map(at_once).max().unwrap_or(0)
}

const CROWDED: &str = "topics: { T1: P1 P2 -> C1 C2, T2: P1 -> C2 }\n\
    producers: { all: { generate: { messages: 120 }, in_flight: 5 } }\n";

#[test]
fn requests_under_way_at_once_keep_their_order_and_come_once() {
    let dropped = "faults: [{ every: 70ms, drop_ack: [P1, P2] }]\n";
    for (seed, faults) in [(1, ""), (2, dropped)] {
        let network = format!("network: {{ latency: 1ms..20ms }}\nseed: {seed}\n{faults}");
        let plan = plan(&format!("{CROWDED}{network}"));
        let trial = run(&plan, None);
        passes(&trial.judgement);
        assert_eq!(most_at_once(&trial.history), 5);
        let sends = trial.history.producers.iter().flat_map(|part| &part.sends);
        let ordered = trial
            .history
            .producers
            .iter()
            .all(|part| part.sends.is_sorted_by_key(|own| own.invoked));
        assert!(ordered && sends.clone().all(|own| matches!(own.outcome, Outcome::Acked { .. })));
        // Nobody was told the place of what the broker had already when it was sent again.
        let untold = sends.filter(
            |own| matches!(&own.outcome, Outcome::Acked { offsets } if offsets.first().is_none()),
        );
        assert_eq!(untold.count() > 0, !faults.is_empty());
    }
}

#[test]
fn requests_under_way_meet_every_fault_and_the_sums_come_out() {
    let faults = "faults:\n\
        \u{20} - { after: 40 acked, kill: broker 2, for: 100ms }\n\
        \u{20} - { after: 90 acked, stop: broker, for: 100ms }\n\
        \u{20} - { after: 60 acked, cut: [P1, C2], for: 50ms }\n\
        \u{20} - { after: 20 acked, drop_ack: P2, count: 3 }\n\
        broker: { on: mysql, count: 2, spread: true }\n";
    for seed in 1..=3 {
        let plan = plan(&format!("{CROWDED}{faults}seed: {seed}\n"));
        let trial = run(&plan, None);
        passes(&trial.judgement);
        let sent: u32 =
            trial.history.producers.iter().flat_map(|part| &part.sends).map(|own| own.count).sum();
        assert_eq!(sent, 240, "each message goes out in one request");
    }
}

#[test]
fn what_a_new_life_refuses_is_sent_once_more_and_in_order() {
    let kill = "faults: [{ after: 60 acked, kill: broker, for: 100ms }]\n\
        expect: { anomalies: [lost] }\nconsumers: { all: { pause: 30ms } }\n";
    for seed in 1..=5 {
        let plan = plan(&format!("{CROWDED}{kill}seed: {seed}\n"));
        let trial = run(&plan, None);
        passes(&trial.judgement);
        let again = trial.history.producers.iter().flat_map(|part| &part.sends);
        let again = again.filter(|own| own.tries.len() > 1).count();
        assert!(again > 1, "{again} requests were refused and sent again");
        // Where the broker lost everything, its log is gone, and is not held against it.
        let lost = trial.judgement.found(AnomalyKind::Lost).next().unwrap();
        assert_eq!(lost.not_in_log, 0, "{lost:#?}");
    }
}

#[test]
fn producers_that_do_not_retry_go_on_after_what_stays_unknown() {
    let yaml = "topics: { T1: P1 -> C1 }\n\
        producers: { P1: { generate: { messages: 200 }, in_flight: 4, retry: false } }\n\
        faults: [{ every: 200ms, drop_ack: P1 }]\n";
    let trial = run(&plan(yaml), None);
    passes(&trial.judgement);
    let sends = &trial.history.producers[0].sends;
    let unknown = |own: &&Sent| matches!(own.outcome, Outcome::Unknown { .. });
    assert!(sends.iter().filter(unknown).count() > 1);
    assert_eq!(sends.iter().map(|own| own.count).sum::<u32>(), 200);
}

#[test]
fn a_consumer_may_poll_late() {
    let late = |count: u32| {
        plan(&format!(
            "topics: {{ T1: P1 -> C1 C2, T2: P2 -> C2 }}\n\
             producers: {{ all: {{ generate: {{ messages: 50 }} }} }}\n\
             consumers: {{ C2: {{ poll_after: {count} acked }} }}\n"
        ))
    };
    for (count, least) in [(60, 60), (1_000, 100)] {
        let trial = run(&late(count), None);
        passes(&trial.judgement);
        let first = trial.history.consumers[1].polls.iter().map(|poll| poll.invoked.stamp).min();
        let sends = trial.history.producers.iter().flat_map(|part| &part.sends);
        let before = sends.filter(|own| own.completed.stamp < first.unwrap()).count();
        assert!(before >= least, "{before} of {least} were acked when C2 polled first");
        let quick = &trial.history.consumers[0].polls[0];
        assert!(quick.invoked.stamp < first.unwrap());
    }
}

const BEHIND: &str = "topics: { T1: P1 P2 -> C1 C2 }\n\
    producers: { all: { generate: { messages: 100 }, in_flight: 4 } }\n\
    consumers: { C2: { poll_after: 150 acked } }\n\
    broker: { on: mysql }\n\
    faults: [{ after: 120 acked, kill: broker, for: 50ms }]\n";

#[test]
fn a_fault_that_finds_the_consumers_behind_proves_something() {
    let met = plan(&format!("{BEHIND}require: backlog >= 120\n"));
    let trial = run(&met, None);
    passes(&trial.judgement);
    let [Some(backlog)] = backlogs(&met, &trial.history)[..] else { panic!("one firing") };
    assert!((120..400).contains(&backlog), "{backlog}");

    let missed = plan(&format!("{BEHIND}require: backlog >= 1000\n"));
    let trial = run(&missed, None);
    assert_eq!(trial.judgement.verdict, Verdict::Unknown);
    let words = "vacuous: the scenario requires a backlog of at least 1,000, and the fault \
                 `{ after: 120 acked, kill: broker, for: 50ms }`";
    let [doubt] = &trial.judgement.inconclusive[..] else { panic!("{:#?}", trial.judgement) };
    assert!(doubt.starts_with(words) && doubt.ends_with(&format!("met {backlog}")), "{doubt}");
}

#[test]
fn what_the_log_lacks_is_lost_though_everyone_was_quick() {
    // Of two messages that are written at one place, one takes the other's, which was handed out.
    let scenario = scenario::load(&shipped().join("bugs/side-by-side.yaml")).unwrap();
    let plan = Arc::new(Plan::new(scenario).unwrap());
    let trial = run(&plan, Some("loose-offset"));
    let lost = trial.judgement.found(AnomalyKind::Lost).next().unwrap();
    let got = |name: &str| {
        let has = |own: &ConsumerHistory| {
            own.deliveries.iter().any(|own| {
                own.message().is_some_and(|message| plan.name(message).to_string() == name)
            })
        };
        trial.history.consumers.iter().filter(|own| has(own)).count()
    };
    let apart = || lost.proofs.iter().filter(|proof| proof.consumer.is_none());
    let counted: usize = apart().map(|proof| proof.message_count).sum();
    assert_eq!(counted as u64, lost.not_in_log, "{lost:#?}");
    let everyone = apart().filter(|proof| got(&proof.messages[0]) == plan.consumers.len());
    assert!(everyone.count() > 0, "{lost:#?}");
}

#[test]
fn a_sound_store_lacks_nothing_after_any_kill() {
    let trial = run(&plan(&format!("{BEHIND}seed: 9\n")), None);
    passes(&trial.judgement);
    assert!(!trial.history.audit.is_empty(), "its logs were read");
    let polls = trial.history.consumers.iter().flat_map(|part| &part.polls);
    assert!(polls.filter(|poll| matches!(poll.answer, Answer::Delivered(1..))).count() > 2);
}

#[test]
fn a_driver_with_one_request_at_a_time_is_refused_several() {
    let yaml = |driver: &str| format!("{CROWDED}broker: {{ driver: {driver} }}\n");
    for (driver, refused) in [("detect", false), ("original", true)] {
        let plan = plan(&yaml(driver));
        let row = driver::find(&plan.scenario.broker).unwrap();
        let capabilities = Some((row.capabilities)(&plan.scenario.broker));
        let setting = Setting { brokers: Brokers::Simulated, capabilities, disk: None };
        let found = objections(&plan.scenario, &setting);
        assert_eq!(found.len(), usize::from(refused), "{found:?}");
        for objection in found {
            assert_eq!(objection.line(&plan.scenario), Some(4), "{objection:?}");
            assert_eq!(
                objection.brief(&plan.scenario),
                "P1 P2 cannot have `in_flight: 5`: the driver original has one request of a topic \
                 under way at a time"
            );
        }
    }
}
