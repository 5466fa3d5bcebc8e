//! How long messages take through a broker of our own, from the first send to the last delivery.
//!
//!     cargo bench -p harness --bench delivery -- 5 harness/benches/5x1000.yaml
//!
//! Runs each scenario so many times and prints a line for each: the medians of the time from the
//! first send to the last delivery, of the time of the whole run, which begins with the creation
//! of the topics, and of the deliveries a second over that. Starting the broker and judging are
//! not in it; every run must pass.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use harness::check::Verdict;
use harness::history::{Answer, History, Nanos};
use harness::log_format::LogFormat;
use harness::plan::Plan;
use harness::run::Watch;
use harness::scenario;
use harness::testbed::process;
use harness::trial::{self, BrokerUnderTest, Interrupt, Settings};

const USAGE: &str = "usage: delivery ROUNDS SCENARIO...";

fn main() {
    // `cargo bench` adds `--bench`.
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let rounds: usize = arguments.next().and_then(|text| text.parse().ok()).expect(USAGE);
    // Cargo runs a bench in its package's folder; the paths are meant from the root.
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for file in arguments.map(|file| root.join(PathBuf::from(file))) {
        let plan = scenario::load(&file).and_then(Plan::new);
        let plan = Arc::new(plan.unwrap_or_else(|error| panic!("{}", error.render(false))));
        let runs: Vec<_> = (0..rounds).map(|_| run(&plan)).collect();
        let sending = median(runs.iter().map(|run| run.last - run.first));
        let whole = median(runs.iter().map(|run| run.last));
        let rate = plan.delivered_total() as f64 / seconds(whole);
        println!(
            "{}: {:.3} s from first send to last delivery, {:.3} s whole, {rate:.0} delivered/s",
            plan.scenario.name,
            seconds(sending),
            seconds(whole),
        );
    }
}

/// Times of a run, in nanoseconds since it began.
struct Run {
    first: Nanos,
    last: Nanos,
}

fn run(plan: &Arc<Plan>) -> Run {
    let out = tempfile::tempdir().expect("a temporary folder");
    let broker = process::Settings::new(Path::new(env!("CARGO_BIN_EXE_harness")));
    let settings = Settings {
        broker: BrokerUnderTest::Own(broker),
        out: Some(out.path().to_owned()),
        log_format: LogFormat::Plain,
        sabotage: None,
        watch: Watch::default(),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let (_trigger, interrupt) = Interrupt::new();
    let trial = runtime.block_on(trial::hold(plan, &settings, interrupt, &mut |_| {}));
    let trial = trial.unwrap_or_else(|failure| panic!("{failure}"));
    assert_eq!(trial.judgement.verdict, Verdict::Pass, "{:?}", trial.judgement);
    times(&trial.history)
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
