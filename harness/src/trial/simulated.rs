//! A simulated trial: the same scenario, client, router, store, run and checks, on one thread with a
//! clock that jumps over idle stretches. What comes of it follows from the plan alone.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{Failure, Trial, judged, limit, saboteur};
use crate::bugs::Bug;
use crate::driver::{self, Connecting};
use crate::history::deleted::deleted_words;
use crate::log_format::LogFormat;
use crate::plan::Plan;
use crate::run::{self, Recorder, Routes, RunContext, Watch};
use crate::sabotage;
use crate::testbed::Testbed as _;
use crate::testbed::simulated::Simulated;

/// Between two looks at whether the trial is to stop, on the simulated clock.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What a simulated trial needs beside the plan.
#[derive(Clone, Debug, Default)]
pub struct Simulation {
    /// Where the consumers' logs go, an existing folder; none writes no logs.
    pub out: Option<PathBuf>,
    /// How their lines are written.
    pub log_format: LogFormat,
    /// A store that is wrong on purpose, in place of the scenario's.
    pub bug: Option<Bug>,
    /// For how long the scenario's store keeps messages; none is until every consumer has them, or to
    /// the end of the run.
    pub retain: Option<Duration>,
    /// How the driver is wrong on purpose.
    pub sabotage: Option<sabotage::Order>,
    /// Set to stop it early.
    pub stop: Arc<AtomicBool>,
    /// What people are told of it.
    pub watch: Watch,
}

/// Holds a simulated trial, and says how long it took on the simulated clock.
///
/// Must not be called within a runtime: it makes its own, of this thread alone.
///
/// # Errors
/// When an actor cannot take part, or a fault cannot be carried out.
pub fn simulate(plan: &Arc<Plan>, simulation: &Simulation) -> Result<(Trial, Duration), Failure> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_time().start_paused(true).build();
    let runtime = runtime.map_err(|error| Failure(format!("cannot make a runtime: {error}")))?;
    runtime.block_on(perform(plan, simulation))
}

async fn perform(plan: &Arc<Plan>, simulation: &Simulation) -> Result<(Trial, Duration), Failure> {
    let saboteur = saboteur(simulation.sabotage, simulation.out.as_deref())?;
    let began = Instant::now();
    let wants_all = saboteur.is_some() || Simulated::keeps_all(plan, simulation.bug);
    let keeps_all = simulation.retain.is_none() && wants_all;
    let testbed = match simulation.retain {
        Some(age) => Simulated::keeping_for(plan, age),
        None if keeps_all => Simulated::keeping_all(plan, simulation.bug),
        None => Simulated::new(plan, simulation.bug),
    };
    let routes = Routes::new(plan, &testbed);
    let (addresses, alternatives) = (routes.addresses().to_vec(), routes.alternatives());
    let run = format!("seed{}", plan.scenario.seed);
    let connecting = Connecting { plan: Arc::clone(plan), addresses, alternatives, run };
    let driver = driver::connect_over(connecting, testbed.transport()).await;
    let driver = driver.map_err(|failure| Failure(failure.why))?;
    let driver = match &saboteur {
        Some(saboteur) => saboteur.wrap(driver, plan),
        None => driver,
    };
    let context = Arc::new(RunContext {
        plan: Arc::clone(plan),
        driver: Arc::clone(&driver),
        routes,
        injector: testbed.injector(),
        recorder: Arc::new(Recorder::watched(simulation.watch.clone())),
        out: simulation.out.clone(),
        log_format: simulation.log_format,
        keeps_all,
        unsubscribe: false,
    });
    let past_limit = Arc::new(OnceLock::new());
    let (stopped, past) = (stopped(Arc::clone(&simulation.stop)), Arc::clone(&past_limit));
    let over = limit::past(plan.scenario.limit);
    let stop = async move {
        tokio::select! { biased;
            () = stopped => {}
            limit = over => past.set(limit).expect("it ends here"),
        }
    };
    let history = run::perform(Arc::clone(&context), stop).await;
    let took = began.elapsed();
    let left = driver.finish().await.err().map(|failure| failure.why);
    let history = history.map_err(|failure| Failure(failure.why))?;
    let past_limit = past_limit.get().copied();
    let mut judgement = judged::judge(plan, &history, simulation.out.as_deref());
    limit::judge(&mut judgement, past_limit);
    let injected = saboteur.map(|saboteur| saboteur.injected(&driver.capabilities()));
    let interrupted = simulation.stop.load(Ordering::Relaxed);
    let passed_over = driver.passed_over();
    let mut notes = driver.remarks().notes;
    notes.extend(deleted_words(plan, &history));
    let trial =
        Trial { history, judgement, interrupted, past_limit, left, notes, passed_over, injected };
    Ok((trial, took))
}

/// Completes when the trial is to stop. Signals are real events, and a simulated clock does not
/// wait for those: so it looks, every now and then.
async fn stopped(stop: Arc<AtomicBool>) {
    while !stop.load(Ordering::Relaxed) {
        sleep(LOOK_EVERY).await;
    }
}
