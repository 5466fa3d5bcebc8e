//! How long messages take through a broker, from the first send to the last delivery.
//!
//!     cargo bench -p harness --bench delivery -- 5 harness/benches/5x1000.yaml
//!     cargo bench -p harness --features redis --bench delivery -- 5 harness/benches/5x1000.yaml memory redis
//!
//! Runs the scenario so many times on each of the brokers, which `harness brokers` lists, in turn
//! (by default on ours in memory), and prints a line for each: the medians of the time from the
//! first send to the last delivery, of the time of the whole run, which begins with the creation
//! of the topics, and of the deliveries a second over that. Starting the broker and judging are
//! not in it; every run must pass.

use std::path::Path;
use std::sync::Arc;

use harness::catalogue::{self, Brokers, Meant, Way};
use harness::check::Verdict;
use harness::history::{Answer, History, Nanos};
use harness::log_format::LogFormat;
use harness::plan::Plan;
use harness::run::Watch;
use harness::scenario::{self, DEFAULT_ON, Store};
use harness::testbed::process;
use harness::trial::{self, BrokerUnderTest, Interrupt, Settings};

const USAGE: &str = "usage: delivery ROUNDS SCENARIO [BROKER...]";

fn main() {
    // `cargo bench` adds `--bench`.
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let rounds: usize = arguments.next().and_then(|text| text.parse().ok()).expect(USAGE);
    // Cargo runs a bench in its package's folder; the path is meant from the root.
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let file = root.join(arguments.next().expect(USAGE));
    let mut words: Vec<String> = arguments.collect();
    if words.is_empty() {
        words.push(DEFAULT_ON.to_owned());
    }
    let subjects: Vec<_> = words.iter().map(|word| Subject::new(&file, word)).collect();
    let mut runs = vec![Vec::with_capacity(rounds); subjects.len()];
    for _ in 0..rounds {
        for (subject, runs) in subjects.iter().zip(&mut runs) {
            runs.push(subject.run());
        }
    }
    for (subject, runs) in subjects.iter().zip(&runs) {
        let sending = median(runs.iter().map(|run| run.last - run.first));
        let whole = median(runs.iter().map(|run| run.last));
        let rate = subject.plan.delivered_total() as f64 / seconds(whole);
        println!(
            "{} on {}: {:.3} s from first send to last delivery, {:.3} s whole, {rate:.0} delivered/s",
            subject.plan.scenario.name,
            subject.plan.scenario.broker.on,
            seconds(sending),
            seconds(whole),
        );
    }
}

/// The scenario on one broker.
struct Subject {
    plan: Arc<Plan>,
    broker: process::Settings,
}

impl Subject {
    fn new(file: &Path, word: &str) -> Self {
        let scenario = scenario::load(file);
        let mut scenario = scenario.unwrap_or_else(|error| panic!("{}", error.render(false)));
        let own = process::Settings::new(Path::new(env!("CARGO_BIN_EXE_harness")));
        let named = match catalogue::one(word, &Brokers::default()) {
            Ok(Meant::Broker(named)) => named,
            Ok(Meant::Absent(_, absent)) => panic!("{word}: {}", absent.why()),
            Err(why) => panic!("{why}"),
        };
        named.take(&mut scenario, true).unwrap_or_else(|why| panic!("{why}"));
        let broker = match named.way {
            Way::Ours(Store::Memory) => own,
            Way::Started(row) => process::Settings {
                recipe: row.new,
                is_ours: false,
                config: named.options.config,
                ..own
            },
            _ => panic!("{word} is not measured here: name `memory`, or one with a server"),
        };
        let plan = Plan::new(scenario).unwrap_or_else(|error| panic!("{}", error.render(false)));
        Self { plan: Arc::new(plan), broker }
    }

    fn run(&self) -> Run {
        let out = tempfile::tempdir().expect("a temporary folder");
        let settings = Settings {
            broker: BrokerUnderTest::Own(self.broker.clone()),
            out: Some(out.path().to_owned()),
            log_format: LogFormat::Plain,
            sabotage: None,
            watch: Watch::default(),
        };
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let runtime = runtime.expect("a runtime");
        let (_trigger, interrupt) = Interrupt::new();
        let trial = runtime.block_on(trial::hold(&self.plan, &settings, interrupt, &mut |_| {}));
        let trial = trial.unwrap_or_else(|failure| panic!("{failure}"));
        assert_eq!(trial.judgement.verdict, Verdict::Pass, "{:?}", trial.judgement);
        times(&trial.history)
    }
}

/// Times of a run, in nanoseconds since it began.
#[derive(Clone, Copy)]
struct Run {
    first: Nanos,
    last: Nanos,
}

fn times(history: &History) -> Run {
    let sends = history.producers.iter().flat_map(|producer| &producer.sends);
    let polls = history.consumers.iter().flat_map(|consumer| &consumer.polls);
    let brought = polls.filter(|poll| matches!(poll.answer, Answer::Delivered(1..)));
    Run {
        first: sends.map(|sent| sent.invoked.at).min().expect("something was sent"),
        last: brought.map(|poll| poll.completed.at).max().expect("something was delivered"),
    }
}

fn median(values: impl Iterator<Item = Nanos>) -> Nanos {
    let mut values: Vec<_> = values.collect();
    values.sort_unstable();
    values[values.len() / 2]
}

fn seconds(nanos: Nanos) -> f64 {
    nanos as f64 / 1e9
}
