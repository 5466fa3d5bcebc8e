//! Whole runs on one thread with a paused clock, over a simulated network: how each of them ends,
//! what its history says, and that a run follows from its scenario and the network's seed alone.

use std::fs;
use std::future::{Future, pending};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use broker_client::transport::Transport;
use harness::check::{self, Judgement, Verdict};
use harness::driver::connect_over;
use harness::golden::{self, Comparison, Mode};
use harness::history::{Answer, End, History, Outcome, Sent};
use harness::log_format::LogFormat;
use harness::plan::{Due, Plan, ProducerIndex};
use harness::run::{Recorder, Routes, RunContext, perform};
use harness::scenario::{self, AnomalyKind};
use tokio::time::{Instant, sleep};

use crate::support::connecting;
use crate::support::network::{Fate, Network};

/// What a run left.
struct Ran {
    history: History,
    judgement: Judgement,
    /// By consumer.
    logs: Vec<String>,
    ledger: String,
    /// On the paused clock.
    took: Duration,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn shipped(name: &str) -> Arc<Plan> {
    let file = root().join(format!("scenarios/{name}.yaml"));
    let scenario = scenario::load(&file).unwrap_or_else(|error| panic!("{error}"));
    Arc::new(Plan::new(scenario).unwrap())
}

/// A plan of a file and of logs beside it.
fn written(yaml: &str, logs: &[(&str, &str)]) -> Arc<Plan> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.yaml");
    fs::write(&file, yaml).unwrap();
    for (name, text) in logs {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let scenario = scenario::load(&file).unwrap_or_else(|error| panic!("{error}"));
    Arc::new(Plan::new(scenario).unwrap_or_else(|error| panic!("{error}")))
}

fn run(plan: &Arc<Plan>, network: &Arc<Network>) -> Ran {
    run_until(plan, network, pending())
}

/// Runs the plan on the network until it ends or `interrupted` completes.
fn run_until(
    plan: &Arc<Plan>,
    network: &Arc<Network>,
    interrupted: impl Future<Output = ()> + Send + 'static,
) -> Ran {
    let out = tempfile::tempdir().unwrap();
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_time().start_paused(true).build().unwrap();
    let (history, took) = runtime.block_on(async {
        let began = Instant::now();
        let transport: Arc<dyn Transport> = network.clone();
        let addresses = network.start(plan);
        let context = RunContext {
            plan: Arc::clone(plan),
            routes: Routes::shared(&addresses),
            driver: connect_over(connecting(plan, addresses), transport).await.unwrap(),
            injector: None,
            recorder: Arc::new(Recorder::new()),
            out: Some(out.path().to_owned()),
            log_format: LogFormat::Plain,
            keeps_all: false,
            unsubscribe: true,
        };
        (perform(Arc::new(context), interrupted).await.unwrap(), began.elapsed())
    });
    let log = |number| out.path().join(format!("consumer_{number}.txt"));
    let logs = plan.consumers.iter().map(|c| fs::read_to_string(log(c.number)).unwrap()).collect();
    let judgement = check::judge(plan, &history);
    let ledger = golden::ledger(plan, &history);
    Ran { history, judgement, logs, ledger, took }
}

impl Ran {
    fn assert(&self, end: End, verdict: Verdict) {
        assert_eq!((self.history.end, self.judgement.verdict), (end, verdict), "{self:?}");
    }

    fn sends(&self, producer: usize) -> &[Sent] {
        &self.history.producers[producer].sends
    }
}

impl std::fmt::Debug for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{:?}", self.history.end)?;
        for finding in &self.judgement.violations {
            let titles: Vec<_> = finding.proofs.iter().map(|proof| &proof.title).collect();
            writeln!(f, "{:?} {} {titles:?}", finding.kind, finding.count)?;
        }
        writeln!(f, "{:#?}", self.judgement.inconclusive)
    }
}

#[test]
fn a_run_follows_from_its_scenario_and_the_networks_seed_alone() {
    for name in ["2p2c", "5p3c"] {
        let plan = shipped(name);
        let (first, again) =
            (run(&plan, &Arc::new(Network::new(1))), run(&plan, &Arc::new(Network::new(1))));
        first.assert(End::Drained, Verdict::Pass);
        assert!(first.logs == again.logs, "{name}: the logs are the same, byte by byte");
        assert_eq!(first.history.producers[0].sends, again.history.producers[0].sends);

        let other = run(&plan, &Arc::new(Network::new(2)));
        other.assert(End::Drained, Verdict::Pass);
        assert!(first.logs != other.logs, "{name}: another seed is another legal interleaving");
        assert_eq!(first.ledger, other.ledger, "and the ledger does not know the difference");
    }
}

#[test]
fn a_simulated_run_has_the_golden_that_real_ones_have() {
    for name in ["2p2c", "5p3c", "together", "slow-consumer", "fan"] {
        let plan = shipped(name);
        let ran = run(&plan, &Arc::new(Network::new(3)));
        ran.assert(End::Drained, Verdict::Pass);
        let folder = root().join("golden");
        let verdict = ran.judgement.verdict;
        let compared = golden::compare(&folder, &plan, &ran.ledger, verdict, Mode::Nothing);
        assert_eq!(compared.unwrap(), Comparison::Match, "{name}");
    }
}

/// Five messages of each of two producers to two consumers.
const SMALL: &str = "
topics: { T1: P1 P2 -> C1 C2 }
producers: { all: { log: 'p{id}.txt' } }
drain: { idle: 5s, deadline: 60s }
";

fn log(producer: u32) -> String {
    let line = |n| format!("21:52:0{n}  P{producer}_MSG{n}  P{producer}-{n}  T1\n");
    (1..=5).map(line).collect()
}

fn small(more: &str) -> Arc<Plan> {
    written(&format!("{SMALL}{more}"), &[("p1.txt", &log(1)), ("p2.txt", &log(2))])
}

/// Whether it is a poll of the subscription that was made as the first one.
fn is_first_consumers(path: &str) -> bool {
    path.starts_with("/consumer/consume?") && path.contains("consumer_id=0")
}

#[test]
fn subscriptions_end_with_the_run_and_only_after_everything_came() {
    let network = Arc::new(Network::new(1));
    run(&small(""), &network).assert(End::Drained, Verdict::Pass);
    let paths = network.paths();
    let ended = paths.iter().filter(|path| path.starts_with("DELETE /consumer?")).count();
    assert_eq!(ended, 2);
    let last = paths.iter().rposition(|path| path.contains("/produce")).unwrap();
    assert!(paths[..last].iter().all(|path| !path.starts_with("DELETE")));
}

#[test]
fn a_last_message_that_never_comes_is_lost_when_the_run_is_idle() {
    // What comes behind it would pass it over: P2 has to go on when P1 is done.
    let yaml = SMALL.replace(".txt' } }", ".txt' }, P2: { pace: 50ms..50ms } }");
    let plan = written(&yaml, &[("p1.txt", &log(1)), ("p2.txt", &log(2))]);
    let network = Network::with_rule(1, |asked| {
        if is_first_consumers(&asked.path) { Fate::Without("P2_MSG5") } else { Fate::Arrive }
    });
    let ran = run(&plan, &Arc::new(network));
    ran.assert(End::Idle, Verdict::Fail);
    let [lost] = &ran.judgement.violations[..] else { panic!("{ran:?}") };
    assert_eq!((lost.kind, lost.count), (AnomalyKind::Lost, 1));
    assert!(lost.proofs[0].title.contains("never got P2#5"), "{ran:?}");
}

#[test]
fn a_consumer_that_pauses_longer_than_idle_loses_nothing() {
    let more = "consumers:\n  C1: { batch: 5, pause: 8s }\n";
    let network = Network::with_rule(1, |_| Fate::Arrive);
    run(&small(more), &Arc::new(network)).assert(End::Drained, Verdict::Pass);
}

#[test]
fn a_broker_that_stalls_longer_than_idle_has_lost_nothing() {
    let network = Network::with_rule(1, |asked| {
        let stalls = is_first_consumers(&asked.path) && asked.nth > 14;
        if stalls { Fate::Late(Duration::from_secs(7)) } else { Fate::Arrive }
    });
    run(&small(""), &Arc::new(network)).assert(End::Drained, Verdict::Pass);
}

#[test]
fn what_a_consumer_misses_whose_polls_fail_is_undecided_at_the_deadline() {
    let network = Network::with_rule(1, |asked| {
        let late = is_first_consumers(&asked.path) && asked.nth > 14;
        if late { Fate::Intercept(503) } else { Fate::Arrive }
    });
    let ran = run(&small(""), &Arc::new(network));
    ran.assert(End::Deadline, Verdict::Unknown);
    assert_eq!(ran.judgement.violations.len(), 0, "{ran:?}");
    let failed = |answer: &Answer| matches!(answer, Answer::Failed(_));
    let polls = |consumer: usize| ran.history.consumers[consumer].polls.iter();
    let fails: Vec<bool> = (0..2).map(|c| polls(c).any(|poll| failed(&poll.answer))).collect();
    assert_eq!(fails.iter().filter(|fails| **fails).count(), 1, "one consumer's polls failed");
    assert!(!ran.judgement.inconclusive.is_empty());
}

#[test]
fn a_consumer_whose_polls_fail_for_a_while_misses_nothing() {
    let network = Network::with_rule(1, |asked| {
        let now = is_first_consumers(&asked.path) && (14..60).contains(&asked.nth);
        if now { Fate::Intercept(503) } else { Fate::Arrive }
    });
    run(&small(""), &Arc::new(network)).assert(End::Drained, Verdict::Pass);
}

#[test]
fn answers_that_are_lost_on_their_way_lose_and_repeat_nothing() {
    for every in [2, 3, 5] {
        let network = Network::with_rule(every, move |asked| {
            let lost = (asked.nth as u64).is_multiple_of(every) && !asked.path.contains("register");
            if lost && asked.nth > 0 { Fate::LoseAnswer } else { Fate::Arrive }
        });
        let ran = run(&small(""), &Arc::new(network));
        ran.assert(End::Drained, Verdict::Pass);
        let attempts = (0..2).flat_map(|p| ran.sends(p)).map(|sent| sent.attempts).max();
        assert!(attempts > Some(1), "something was tried again");
    }
}

/// All answers to requests with this payload are lost, so its outcome stays unknown.
fn never_acked(payload: &'static str) -> Network {
    Network::with_rule(1, move |asked| {
        if asked.body.contains(payload) { Fate::LoseAnswer } else { Fate::Arrive }
    })
}

#[test]
fn after_an_unknown_outcome_the_producer_registers_anew_and_goes_on() {
    let ran = run(&small(""), &Arc::new(never_acked("P1_MSG2")));
    ran.assert(End::Drained, Verdict::Unknown);
    let outcomes: Vec<_> = ran.sends(0).iter().map(|sent| (sent.session, &sent.outcome)).collect();
    let sessions: Vec<u32> = outcomes.iter().map(|(session, _)| *session).collect();
    assert_eq!(sessions, [0, 0, 1, 1, 1]);
    let acked = |outcome: &Outcome| matches!(outcome, Outcome::Acked { .. });
    let unknown = |outcome: &Outcome| matches!(outcome, Outcome::Unknown { .. });
    assert!(outcomes.iter().enumerate().all(|(place, (_, outcome))| match place {
        1 => unknown(outcome),
        _ => acked(outcome),
    }));
    let bases: Vec<u32> = ran.history.producers[0].sessions.iter().map(|s| s.base).collect();
    assert_eq!(bases, [0, 2], "sequence 0 of the new registration is the third message");
    assert!(ran.judgement.inconclusive.iter().any(|doubt| doubt.contains("P1#2")), "{ran:?}");
    for log in &ran.logs {
        assert_eq!(log.matches("P1_MSG").count(), 5, "it had arrived, once: {log}");
    }
}

#[test]
fn a_scenario_may_allow_unknown_outcomes_and_require_that_there_was_one() {
    let more = "expect: { acked: any }\nrequire: [unknown_acks >= 1, retries >= 1]\n";
    let plan = small(more);
    run(&plan, &Arc::new(never_acked("P1_MSG2"))).assert(End::Drained, Verdict::Pass);
    let vacuous = run(&plan, &Arc::new(Network::new(1)));
    vacuous.assert(End::Drained, Verdict::Unknown);
}

#[test]
fn with_the_original_start_a_late_subscriber_misses_what_was_acked_before_and_no_more() {
    let network = Network::with_rule(1, |asked| {
        let first = asked.path.starts_with("/consumer/register");
        if first { Fate::Late(Duration::from_millis(40)) } else { Fate::Arrive }
    });
    let ran = run(&small("start: together\n"), &Arc::new(network));
    ran.assert(End::Drained, Verdict::Pass);
    for (log, consumer) in ran.logs.iter().zip(&ran.history.consumers) {
        let missed = consumer.subscriptions[0].offset.unwrap();
        assert!(missed > 0, "producers did not wait");
        assert_eq!(log.lines().count() as u64, 10 - missed);
    }
}

#[test]
fn with_consumers_first_nobody_sends_before_all_are_subscribed() {
    let network = Network::with_rule(1, |asked| {
        let first = asked.path.starts_with("/consumer/register");
        if first { Fate::Late(Duration::from_secs(3)) } else { Fate::Arrive }
    });
    let ran = run(&small(""), &Arc::new(network));
    ran.assert(End::Drained, Verdict::Pass);
    let confirmed = |c: usize| ran.history.consumers[c].subscriptions[0].confirmed.unwrap();
    let ready = confirmed(0).max(confirmed(1)).stamp;
    assert!((0..2).flat_map(|p| ran.sends(p)).all(|sent| sent.invoked.stamp > ready));
}

#[test]
fn an_interrupted_run_keeps_what_it_saw_and_judges_no_loss() {
    let ran = run_until(&small(""), &Arc::new(Network::new(1)), async {
        sleep(Duration::from_millis(60)).await;
    });
    ran.assert(End::Interrupted, Verdict::Unknown);
    let sent = (0..2).map(|p| ran.sends(p).len()).sum::<usize>();
    assert!((1..10).contains(&sent), "{sent} were sent");
}

#[test]
fn an_interruption_while_the_broker_is_silent_ends_the_run() {
    let hours = Duration::from_hours(1);
    // Before anything is registered, and in the middle.
    for silent_from in [2, 5, 12, 20] {
        let network = Network::with_rule(1, move |asked| {
            if asked.nth < silent_from { Fate::Arrive } else { Fate::Late(hours) }
        });
        let interrupted = async { sleep(Duration::from_secs(2)).await };
        let ran = run_until(&small(""), &Arc::new(network), interrupted);
        ran.assert(End::Interrupted, Verdict::Unknown);
        // The first question, the two seconds, and what ending the subscriptions may take.
        let at_most = Duration::from_secs(8);
        assert!(ran.took < at_most, "it is not waited for any longer: {:?}", ran.took);
    }
}

/// One producer of five messages at the pace, to one consumer.
fn paced(pace: &str, batch: u32) -> Arc<Plan> {
    let yaml = format!(
        "topics: {{ T1: P1 -> C1 }}\n\
         producers: {{ all: {{ log: 'p{{id}}.txt', pace: {pace}, batch: {batch} }} }}\n"
    );
    written(&yaml, &[("p1.txt", &log(1))])
}

/// When each request was wanted and when it left, in milliseconds after the first was wanted.
fn times(ran: &Ran) -> Vec<(u64, u64)> {
    let sends = ran.sends(0);
    let origin = sends[0].intended;
    let millis = |at: u64| (at - origin) / 1_000_000;
    sends.iter().map(|sent| (millis(sent.intended), millis(sent.invoked.at))).collect()
}

#[test]
fn a_recorded_pace_sends_each_line_at_its_time() {
    let ran = run(&paced("recorded", 1), &Arc::new(Network::new(1)));
    ran.assert(End::Drained, Verdict::Pass);
    assert_eq!(times(&ran), [0, 1000, 2000, 3000, 4000].map(|at| (at, at)));
    let ran = run(&paced("recorded x10", 1), &Arc::new(Network::new(1)));
    assert_eq!(times(&ran), [0, 100, 200, 300, 400].map(|at| (at, at)));
}

#[test]
fn a_rate_is_an_open_loop_that_a_slow_answer_does_not_shift() {
    let network = Network::with_rule(1, |asked| {
        let slow = asked.body.contains("P1_MSG2");
        if slow { Fate::Late(Duration::from_millis(350)) } else { Fate::Arrive }
    });
    let ran = run(&paced("10/s", 1), &Arc::new(network));
    ran.assert(End::Drained, Verdict::Pass);
    let times = times(&ran);
    let intended: Vec<u64> = times.iter().map(|(intended, _)| *intended).collect();
    assert_eq!(intended, [0, 100, 200, 300, 400]);
    let late: Vec<bool> = times.iter().map(|(intended, invoked)| invoked > intended).collect();
    assert_eq!(late[..3], [false, false, true], "the third waited for the second's ack: {times:?}");
}

#[test]
fn a_uniform_pause_counts_from_the_ack_before() {
    let plan = paced("50ms..150ms", 1);
    let ran = run(&plan, &Arc::new(Network::new(1)));
    ran.assert(End::Drained, Verdict::Pass);
    let rounds = &plan.producers[ProducerIndex::new(0).place()].rounds;
    for ((round, sent), before) in rounds[1..].iter().zip(&ran.sends(0)[1..]).zip(ran.sends(0)) {
        let Due::After(pause) = round.due else { panic!("{:?}", round.due) };
        let paused = Duration::from_nanos(sent.invoked.at - before.completed.at);
        // The clock's timers are in whole milliseconds, rounded up.
        assert!(paused >= pause && paused < pause + Duration::from_millis(2), "{paused:?}");
    }
}
