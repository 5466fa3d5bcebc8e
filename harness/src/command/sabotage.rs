//! `harness sabotage`: makes what a broker says wrong on purpose in every known way, and shows that
//! the checks find it, all of it, and nothing else.

mod table;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use tokio::sync::oneshot;

use self::table::{Row, Table};
use super::broker_choice::{self, BrokerChoice, Chosen};
use super::refused::{self, Refused};
use super::signals;
use super::streams::{self, Reader};
use crate::exit::Exit;
use crate::io_error::reason;
use crate::log_format::LogFormat;
use crate::plan::Plan;
use crate::run::Watch;
use crate::sabotage::{Kind, Order};
use crate::scenario;
use crate::trial::{self, BrokerUnderTest, Interrupt, Patience, Settings, Simulation, Trial};

/// Its arguments.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The scenario to run, once as it is and once with each kind of sabotage
    #[arg(default_value = "scenarios/5p3c.yaml")]
    file: PathBuf,

    /// Which broker.
    #[command(flatten)]
    broker: BrokerChoice,

    /// Simulate the brokers, as `harness sim` does
    #[arg(long, conflicts_with = "keep_data")]
    sim: bool,
}

/// Carries it out; `harness` is the program to start as broker. 0 if every row holds, 3 if one has
/// no verdict, because its run could not be held or nothing could be injected, else 1. What is not
/// possible with the broker is a row that says so, and no failure.
#[must_use]
pub fn main(arguments: &Arguments, harness: &Path) -> Exit {
    refused::exit(prepare(arguments, harness).and_then(|prepared| {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let runtime = runtime.map_err(|error| {
            Refused::no_verdict(format_args!("cannot start the worker threads: {error}"))
        })?;
        let exit = runtime.block_on(prepared.run());
        if let Held::Real(chosen) = &prepared.held
            && let Some(said) = runtime.block_on(chosen.stop())
        {
            streams::tell(&said);
        }
        Ok(exit)
    }))
}

/// A plan, and how its runs are held.
struct Prepared {
    plan: Arc<Plan>,
    held: Held,
    /// How long brokers that are not ours are waited for.
    patience: Option<Patience>,
}

enum Held {
    /// On this broker.
    Real(Box<Chosen>),
    Simulated,
}

fn prepare(arguments: &Arguments, harness: &Path) -> Result<Prepared, Refused> {
    let Arguments { file, broker: choice, sim } = arguments;
    let scenario = scenario::load(file).map_err(|error| Refused::scenario(&error))?;
    // One that is alone is refused and not skipped.
    let mut skipped = Vec::new();
    let planned = |scenario| {
        let plan = Plan::new(scenario).map_err(|error| Refused::scenario(&error))?;
        Ok::<_, Refused>(Arc::new(plan))
    };
    if *sim {
        let mut scenarios = vec![scenario];
        broker_choice::choose_simulated(&choice.on, false, &mut scenarios, &mut skipped)?;
        let plan = planned(scenarios.remove(0))?;
        return Ok(Prepared { plan, held: Held::Simulated, patience: None });
    }
    if choice.names_several() {
        return Err(Refused::usage("--on: name one broker; the table is of one"));
    }
    let chosen = broker_choice::choose(choice, None, false, harness, vec![scenario], &mut skipped)?;
    let [mut chosen] = <[Chosen; 1]>::try_from(chosen).expect("one broker was named");
    let plan = planned(chosen.scenarios.remove(0))?;
    crate::descriptors::reserve(&plan).map_err(Refused::usage)?;
    if let BrokerUnderTest::Own(process) = &mut chosen.broker {
        process.count = plan.scenario.broker.count;
        let cluster = plan.scenario.broker.cluster;
        let server = chosen.database.as_ref().map(|server| server.as_cluster(cluster));
        process.server = server.map(|server| match plan.medium() {
            None => server,
            medium => Arc::new(server.another(medium)),
        });
    }
    let patience = choice.wait.map(Patience::new);
    Ok(Prepared { plan, held: Held::Real(Box::new(chosen)), patience })
}

impl Prepared {
    async fn run(&self) -> Exit {
        let (trigger, interrupt) = Interrupt::new();
        let rows = async {
            let mut exit = Exit::Passed;
            if let Err(failure) = self.wait(interrupt.clone()).await {
                streams::tell(&format!("error: {failure}"));
                return Exit::NoVerdict;
            }
            if let Some(exit) = show(&Table::HEAD) {
                return exit;
            }
            for kind in [None].into_iter().chain(Kind::ALL.map(Some)) {
                let row = self.row(kind, interrupt.clone()).await;
                if interrupt.is_triggered() {
                    return Exit::Interrupted;
                }
                exit = exit.and(row.exit());
                if let Some(ended) = show(&row) {
                    return exit.and(ended);
                }
            }
            exit
        };
        tokio::select! { biased;
            () = signals::interrupted_twice(trigger) => Exit::Interrupted,
            exit = rows => exit,
        }
    }

    /// Waits for brokers that somebody else starts, if that is wanted.
    async fn wait(&self, mut interrupt: Interrupt) -> Result<(), trial::Failure> {
        let (Held::Real(chosen), Some(patience)) = (&self.held, self.patience) else {
            return Ok(());
        };
        let BrokerUnderTest::External(addresses) = &chosen.broker else { return Ok(()) };
        tokio::select! { biased;
            () = interrupt.triggered() => Ok(()),
            waited = trial::wait_for_brokers(&self.plan, addresses, patience, streams::tell) => waited,
        }
    }

    async fn row(&self, kind: Option<Kind>, interrupt: Interrupt) -> Row {
        let objection = |kind| broker_choice::sabotage_objection(kind, &self.plan.scenario);
        if let Some((kind, why)) = kind.and_then(|kind| Some((kind, objection(kind)?))) {
            return Row::impossible(kind, &why);
        }
        match self.hold(kind.map(Order::usual), interrupt).await {
            Ok(Trial { judgement, injected, .. }) => match (kind, injected) {
                (Some(kind), Some(Err(why))) => Row::impossible(kind, &why),
                (_, Some(Ok(injected))) => Row::new(kind, injected, &judgement),
                (_, _) => Row::new(kind, 0, &judgement),
            },
            Err(failure) => Row::without_verdict(kind, failure.0),
        }
    }

    /// One run.
    async fn hold(
        &self,
        sabotage: Option<Order>,
        mut interrupt: Interrupt,
    ) -> Result<Trial, trial::Failure> {
        let plan = Arc::clone(&self.plan);
        match &self.held {
            Held::Real(chosen) => {
                let settings = Settings {
                    broker: chosen.broker.clone(),
                    out: None,
                    log_format: LogFormat::default(),
                    sabotage,
                    watch: Watch::default(),
                };
                trial::hold(&plan, &settings, interrupt, &mut |_| {}).await
            }
            Held::Simulated => {
                let stop = Arc::new(AtomicBool::new(false));
                let simulation =
                    Simulation { sabotage, stop: Arc::clone(&stop), ..Simulation::default() };
                let mut simulated = simulate(plan, simulation).map_err(|error| {
                    trial::Failure(format!("cannot start a thread: {}", reason(&error)))
                })?;
                let ended = tokio::select! { biased;
                    () = interrupt.triggered() => {
                        stop.store(true, Ordering::Relaxed);
                        simulated.await
                    }
                    ended = &mut simulated => ended,
                };
                ended.unwrap_or_else(|_| Err(trial::Failure("the simulation crashed".to_owned())))
            }
        }
    }
}

/// A simulated run on a thread of its own, because it makes a runtime with another clock.
fn simulate(
    plan: Arc<Plan>,
    simulation: Simulation,
) -> io::Result<oneshot::Receiver<Result<Trial, trial::Failure>>> {
    let (tell, simulated) = oneshot::channel();
    thread::Builder::new().name("simulation".to_owned()).spawn(move || {
        let ended = trial::simulate(&plan, &simulation).map(|(trial, _)| trial);
        // Nobody waits for it where the user insisted on an end.
        let _ = tell.send(ended);
    })?;
    Ok(simulated)
}

/// Shows a line of the table; an exit where nobody reads on, for the rows that are left then have
/// no verdict.
fn show(line: &dyn std::fmt::Display) -> Option<Exit> {
    match streams::print(&format!("{line}\n")) {
        Ok(Reader::Listens) => None,
        Ok(Reader::Gone) => Some(Exit::NoVerdict),
        Err(exit) => Some(exit),
    }
}
