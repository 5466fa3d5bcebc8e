//! Faults, carried out on simulated brokers: what they do to good and to careless clients, that they
//! are ended whatever happens, and what the history says of them.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use harness::check::{self, Verdict};
use harness::driver::connect_over;
use harness::driver::{Batch, Client, Outgoing, RetryPolicy, Route};
use harness::history::{self, Answer, End, History};
use harness::input::names::Actor;
use harness::log_format::LogFormat;
use harness::plan::{MessageId, Plan, StreamIndex, TopicIndex};
use harness::run::{Recorder, Routes, RunContext, perform};
use harness::scenario::{self, Acknowledge, AnomalyKind};
use harness::testbed::Testbed as _;
use harness::testbed::simulated::Simulated;
use harness::trial::{Failure, Simulation, Trial, simulate};
use tokio::time::sleep;

use crate::support::{Folder, connecting, send, shipped};

/// Two producers at 100 messages a second each for a second, and two consumers.
const HEAD: &str = "\
topics:
  T1: P1 P2 -> C1 C2
  T2: P1 -> C1
golden: none
drain: { idle: 1s, deadline: 30s }
";

/// `C1` on `T1`.
const C1: Client = Client {
    actor: Actor::consumer(1),
    topic: TopicIndex(0),
    stream: None,
    base: 0,
    route: Route(0),
    retries: RetryPolicy::Short,
    acknowledge: Acknowledge::Offset,
};

/// `P1` on `T1`.
const P1: Client = Client { actor: Actor::producer(1), stream: Some(StreamIndex(0)), ..C1 };

const GOOD: &str = "producers: { all: { generate: { messages: 100 }, pace: 100/s } }\n";

fn plan(yaml: &str) -> Arc<Plan> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.yaml");
    fs::write(&file, format!("{HEAD}{yaml}")).unwrap();
    let scenario = scenario::load(&file).unwrap_or_else(|error| panic!("{error}"));
    Arc::new(Plan::new(scenario).unwrap_or_else(|error| panic!("{error}")))
}

fn run(plan: &Arc<Plan>) -> Trial {
    simulate(plan, &Simulation::default()).unwrap_or_else(|failure| panic!("{failure}")).0
}

/// Good clients under these faults, each a line of YAML.
fn good(more: &str, faults: &[&str]) -> (Arc<Plan>, Trial) {
    with(&format!("{GOOD}{more}"), faults)
}

fn with(head: &str, faults: &[&str]) -> (Arc<Plan>, Trial) {
    let faults: String = faults.iter().map(|fault| format!("  - {fault}\n")).collect();
    let plan = plan(&format!("{head}faults:\n{faults}"));
    let trial = run(&plan);
    (plan, trial)
}

fn kinds(trial: &Trial) -> Vec<AnomalyKind> {
    trial.judgement.violations.iter().map(|finding| finding.kind).collect()
}

fn attempts(history: &History) -> Vec<u32> {
    history.producers.iter().flat_map(|own| &own.sends).map(|sent| sent.attempts).collect()
}

#[test]
fn good_clients_lose_nothing_to_a_bad_network() {
    for fault in [
        "{ at: 300ms, pause: broker, for: 500ms }",
        "{ at: 300ms, cut: [P1, C2], for: 300ms }",
        "{ at: 300ms, black_hole: C1, for: 300ms }",
        "{ at: 300ms, black_hole: P2, for: 300ms }",
        "{ at: 0s, slow: C2, latency: 20ms, jitter: 5ms }",
        "{ at: 0s, slow: all, bandwidth: 16KiB/s, for: 500ms }",
        "{ every: 200ms, cut: any, for: 50ms, until: 1s }",
        "{ after: 30 acked by P1, drop_ack: all, count: 2 }",
        "{ after: 60 delivered, cut: all, for: 100ms }",
    ] {
        let (_, trial) = good("", &[fault]);
        assert_eq!(trial.judgement.verdict, Verdict::Pass, "{fault}: {:#?}", trial.judgement);
        assert!(!trial.history.faults.is_empty(), "{fault}");
        for firing in &trial.history.faults {
            assert!(firing.began < firing.ended, "{fault}: {firing:?}");
        }
    }
}

#[test]
fn a_lost_answer_is_asked_for_again_under_its_sequence() {
    let (_, trial) = good("", &["{ after: 50 acked by P1, drop_ack: P1, count: 5 }"]);
    assert_eq!(trial.judgement.verdict, Verdict::Pass, "{:#?}", trial.judgement);
    assert_eq!((trial.history.faults[0].met, trial.history.faults[0].whom.as_str()), (5, "P1"));
    let again = attempts(&trial.history).into_iter().map(|attempts| attempts - 1);
    assert_eq!(again.sum::<u32>(), 5);
}

#[test]
fn who_never_tries_again_leaves_such_a_message_open() {
    let careless =
        "producers: { all: { generate: { messages: 100 }, pace: 100/s, retry: false } }\n";
    let (plan, trial) = with(careless, &["{ after: 50 acked by P1, drop_ack: P1, count: 5 }"]);
    assert!(attempts(&trial.history).iter().all(|attempts| *attempts == 1));
    // They were appended, and came: nothing is lost, and the fault explains the missing acks.
    assert_eq!(trial.judgement.verdict, Verdict::Pass, "{:#?}", trial.judgement);
    let deliveries = trial.history.consumers.iter().map(|own| own.deliveries.len()).sum::<usize>();
    assert_eq!(deliveries as u64, plan.delivered_total());
}

#[test]
fn a_broker_in_memory_that_is_killed_loses_what_nobody_had_got() {
    let kill = "{ at: 500ms, kill: broker, for: 200ms }";
    let (plan, trial) = good("", &[kill]);
    assert_eq!(trial.history.epochs.len(), 2);
    assert_eq!(kinds(&trial), [AnomalyKind::Lost], "{:#?}", trial.judgement);
    assert_eq!(trial.judgement.inconclusive, [""; 0]);
    // Everybody goes on in the new life, under new ids.
    for (consumer, planned) in trial.history.consumers.iter().zip(&plan.consumers) {
        assert_eq!(consumer.subscriptions.len(), 2 * planned.topics.len());
        assert_eq!(consumer.polls.last().unwrap().answer, Answer::Delivered(0));
    }
    for producer in &trial.history.producers {
        assert!(producer.sessions.iter().any(|session| session.epoch.unwrap().0 == 1));
    }
    let (_, expected) = good("expect: { anomalies: [lost] }\n", &[kill]);
    assert_eq!(expected.judgement.verdict, Verdict::Pass, "{:#?}", expected.judgement);
    assert_eq!(expected.judgement.allowed[0].count, trial.judgement.violations[0].count);
}

#[test]
fn a_broker_in_memory_that_dies_in_the_drain_leaves_its_backlog_lost() {
    let slow = "consumers: { all: { batch: 5, pause: 200ms } }\n";
    let (_, trial) = good(slow, &["{ at: 1500ms, kill: broker, for: 300ms }"]);
    assert_eq!(trial.history.end, End::Idle);
    assert_eq!(kinds(&trial), [AnomalyKind::Lost], "{:#?}", trial.judgement);
    assert_eq!(trial.judgement.inconclusive, [""; 0]);
}

/// Consumers that pause, so that some deliveries are recorded and not yet acknowledged.
const PAUSING: &str = "consumers: { all: { batch: 5, pause: 20ms } }\n";

#[test]
fn a_consumer_that_crashes_goes_on_where_the_broker_has_it() {
    let (_, trial) = good(PAUSING, &["{ every: 110ms, crash: C1, for: 30ms, until: 1s }"]);
    assert_eq!(trial.judgement.verdict, Verdict::Pass, "{:#?}", trial.judgement);
    let consumer = &trial.history.consumers[0];
    let incarnations = consumer.subscriptions.iter().map(|own| own.incarnation);
    assert_eq!(incarnations.max(), Some(10), "one for each crash");
    let first = &consumer.subscriptions[0];
    let own = consumer.subscriptions.iter().filter(|own| own.topic == first.topic);
    assert!(own.clone().all(|own| (&own.id, own.epoch) == (&first.id, first.epoch)));
    // What it had not acknowledged came again, and is no duplicate.
    assert!(consumer.deliveries.len() > 200, "{}", consumer.deliveries.len());
    assert_eq!(trial.history.consumers[1].deliveries.len(), 150);
}

/// A poll from before a crash may arrive late, when the consumer, back again, has already asked for
/// its position.
#[test]
fn a_consumer_that_is_overtaken_by_its_past_goes_on_behind_it() {
    let plan = one_fault("{ at: 100ms, crash: C1, for: 1ms }");
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let testbed = Simulated::new(&plan, None);
        let routes = Routes::new(&plan, &testbed);
        let connecting = connecting(&plan, routes.addresses().to_vec());
        let driver = connect_over(connecting, testbed.transport()).await.unwrap();
        driver.create_topic(TopicIndex(0)).await.unwrap();
        let mut before = driver.subscribe(&C1).await.unwrap();
        let mut sender = driver.register(&P1).await.unwrap();
        let message = |id, payload| Outgoing { message: MessageId(id), payload };
        let messages = [message(0, "a"), message(1, "b"), message(2, "c")];
        send(&mut *sender, &messages).await;
        let mut batch = Batch::default();
        before.poll(2, Duration::ZERO, &mut batch).await.unwrap();
        assert_eq!(batch.len(), 2);
        let mut after = driver.resume(&C1, before.session()).await.unwrap();
        assert_eq!(after.start(), before.start(), "nothing was acknowledged yet");
        // What was on its way when it crashed acknowledges a and b.
        before.poll(1, Duration::ZERO, &mut batch).await.unwrap();
        after.poll(9, Duration::ZERO, &mut batch).await.unwrap();
        let came: Vec<_> = batch.iter().map(|message| message.payload.to_owned()).collect();
        assert_eq!(came, ["c"]);
    });
}

#[test]
fn what_is_acknowledged_by_being_handed_out_goes_down_with_a_crash() {
    let automatic = "consumers: { all: { acknowledge: automatic } }\n";
    let (plan, trial) = good(automatic, &["{ every: 90ms, crash: any, for: 20ms, until: 1s }"]);
    assert_eq!(kinds(&trial), [AnomalyKind::Lost], "{:#?}", trial.judgement);
    assert!(plan.fewer_may_come());
    let (_, allowed) = good(
        &format!("{automatic}expect: {{ delivery: at-most-once }}\n"),
        &["{ every: 90ms, crash: any, for: 20ms, until: 1s }"],
    );
    assert_eq!(allowed.judgement.verdict, Verdict::Pass, "{:#?}", allowed.judgement);
}

#[test]
fn a_fault_that_never_fired_or_met_nothing_is_vacuous() {
    let (_, trial) = good("", &["{ at: 1h, cut: P1, for: 1s }"]);
    assert_eq!(trial.judgement.verdict, Verdict::Unknown);
    let words = &trial.judgement.inconclusive[0];
    assert!(words.contains("`{ at: 1h, cut: P1, for: 1s }`"), "{words}");
    assert!(words.ends_with("x.yaml:8) never fired"), "{words}");
    let late =
        "producers:\n  all: { generate: { messages: 100 }, pace: 100/s }\n  P2: { pace: 50/s }\n";
    let (_, trial) = with(late, &["{ at: 1500ms, drop_ack: P1 }"]);
    assert_eq!(trial.judgement.verdict, Verdict::Unknown);
    let words = &trial.judgement.inconclusive[0];
    assert!(words.ends_with("x.yaml:10) met no traffic"), "{words}");
}

#[test]
fn faults_that_overlap_are_all_ended() {
    let faults = [
        "{ at: 200ms, pause: broker, for: 300ms }",
        "{ at: 300ms, kill: broker, for: 300ms }",
        "{ at: 350ms, kill: broker, for: 100ms }",
        "{ at: 450ms, pause: any, for: 300ms }",
        "{ at: 700ms, stop: broker, for: 100ms }",
        "{ every: 100ms, cut: any, for: 150ms, until: 900ms }",
        "{ every: 130ms, crash: any, for: 200ms, until: 900ms }",
        "{ at: 400ms, slow: all, latency: 3ms }",
    ];
    let (_, trial) = good("", &faults);
    assert_eq!(trial.history.end, End::Idle, "{:#?}", trial.judgement);
    assert_eq!(kinds(&trial), [AnomalyKind::Lost], "{:#?}", trial.judgement);
    let fired = |fault| trial.history.faults.iter().filter(|own| own.fault == fault).count();
    assert_eq!((0..8).map(fired).collect::<Vec<_>>(), [1, 1, 1, 1, 1, 10, 7, 1]);
    assert!(trial.history.epochs.len() >= 2, "somebody met another life");
}

#[test]
fn the_same_seed_gives_the_same_history_and_another_seed_another() {
    let faults = "faults:\n  - { every: 100ms, cut: any, for: 50ms }\n  - { every: 90ms, crash: any, for: 30ms }\n";
    let written = |seed: u64| {
        let plan = plan(&format!("{GOOD}seed: {seed}\n{faults}"));
        let trial = run(&plan);
        let mut bytes = Vec::new();
        history::json::write(&plan, &trial.history, &mut bytes).unwrap();
        let again = history::json::read(&plan, &bytes[..]).unwrap();
        assert_eq!(format!("{again:?}"), format!("{:?}", trial.history));
        let whom = trial.history.faults.iter().map(|firing| firing.whom.clone());
        (whom.collect::<Vec<_>>(), bytes)
    };
    let one = written(1);
    assert!(one == written(1), "equal seeds");
    assert_ne!(one.0, written(2).0, "whom chance picks");
}

#[test]
fn a_history_of_other_faults_is_refused() {
    let (plan, trial) = good("", &["{ at: 300ms, cut: P1, for: 100ms }"]);
    let mut bytes = Vec::new();
    history::json::write(&plan, &trial.history, &mut bytes).unwrap();
    let other = one_fault("{ at: 300ms, cut: P1, for: 200ms }");
    let words = history::json::read(&other, &bytes[..]).unwrap_err().to_string();
    assert!(words.contains("the scenario's faults have changed"), "{words}");
}

fn one_fault(fault: &str) -> Arc<Plan> {
    plan(&format!("{GOOD}faults:\n  - {fault}\n"))
}

/// Runs the plan on a simulated broker until it is interrupted after so long, and then asks the
/// broker for a registration.
fn interrupted_after(plan: &Arc<Plan>, time: Duration) -> History {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let testbed = Simulated::new(plan, None);
        let routes = Routes::new(plan, &testbed);
        let connecting = connecting(plan, routes.addresses().to_vec());
        let driver = connect_over(connecting, testbed.transport()).await.unwrap();
        let context = RunContext {
            plan: Arc::clone(plan),
            driver: Arc::clone(&driver),
            routes,
            injector: testbed.injector(),
            recorder: Arc::new(Recorder::new()),
            out: None,
            log_format: LogFormat::Plain,
            keeps_all: false,
            unsubscribe: false,
        };
        let history = perform(Arc::new(context), sleep(time)).await.unwrap();
        driver.register(&P1).await.unwrap();
        history
    })
}

#[test]
fn an_interrupted_run_leaves_nothing_down_and_nothing_paused() {
    for fault in [
        "{ at: 100ms, kill: broker, for: 1h }",
        "{ at: 100ms, pause: broker, for: 1h }",
        "{ at: 100ms, stop: broker, for: 1h }",
        "{ at: 100ms, cut: all, for: 1h }",
        "{ at: 100ms, black_hole: all, for: 1h }",
        "{ at: 100ms, crash: all, for: 1h }",
        "{ every: 100ms, crash: any, for: 1h }",
    ] {
        let plan = one_fault(fault);
        let history = interrupted_after(&plan, Duration::from_millis(450));
        assert_eq!(history.end, End::Interrupted, "{fault}");
        for firing in &history.faults {
            assert!(firing.ended.at < 2_000_000_000, "{fault}: {firing:?}");
        }
        assert!(!history.faults.is_empty(), "{fault}");
        assert_eq!(check::judge(&plan, &history).verdict, Verdict::Unknown);
    }
}

#[test]
fn a_fault_that_cannot_be_carried_out_ends_the_run_with_its_place() {
    let plan = one_fault("{ at: 100ms, kill: broker, for: 100ms }");
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let failure = runtime.unwrap().block_on(async {
        let testbed = Simulated::new(&plan, None);
        let routes = Routes::new(&plan, &testbed);
        let connecting = connecting(&plan, routes.addresses().to_vec());
        let driver = connect_over(connecting, testbed.transport()).await.unwrap();
        let recorder = Arc::new(Recorder::new());
        let context = RunContext {
            plan: Arc::clone(&plan),
            driver,
            routes,
            injector: None,
            recorder,
            out: None,
            log_format: LogFormat::Plain,
            keeps_all: false,
            unsubscribe: false,
        };
        let failure = perform(Arc::new(context), std::future::pending()).await.unwrap_err();
        Failure(failure.why)
    });
    let words = failure.to_string();
    let place = "x.yaml:8: `kill: broker` cannot be carried out: this broker is not ours to hurt";
    assert!(words.ends_with(place), "{words}");
}

#[test]
fn what_is_shipped_to_be_tried_and_has_no_golden_file_passes_in_memory() {
    let folder = Folder::new();
    let tried = ["faults", "bugs"].map(|name| shipped().join(name).display().to_string());
    let ended = folder.passes(&["run", &tried[0], &tried[1], "--jobs", "2"]);
    assert!(ended.stderr.contains("PASS  kill-broker-memory"), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("SKIP  kill-broker  it needs `survives-kill`"),
        "{}",
        ended.stderr
    );
}
