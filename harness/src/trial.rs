//! One scenario from its plan to its verdict: the testbed, the driver, the run and the checks put
//! together. What comes after (golden file, reports, exit code) only reads the result.

use std::hash::BuildHasher as _;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::time::{MissedTickBehavior, interval};

use crate::check::{self, Judgement};
use crate::driver::{self, Address, Connecting, FailureKind, Remarks};
use crate::history::deleted::deleted_words;
use crate::history::{ConsumerHistory, End, History, ProducerHistory};
use crate::io_error::reason;
use crate::log_format::LogFormat;
use crate::plan::Plan;
use crate::run::{self, Counters, Recorder, Routes, RunContext, Watch};
use crate::sabotage::{self, Saboteur};
use crate::scenario::objection::unmet;
use crate::testbed::database::Database;
use crate::testbed::process::Process;
use crate::testbed::unaddressed::Unaddressed;
use crate::testbed::{Testbed, process, relay};

mod judged;
mod limit;
pub mod logged;
mod simulated;
mod waiting;

pub use simulated::{Simulation, simulate};
pub use waiting::{Patience, wait_for_brokers};

/// Between two reports of progress.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);

/// What to do about a broker that cannot be reached.
const START_IT: &str =
    "start it, or name one that the harness starts (`harness brokers` lists them)";

/// The broker that a trial runs against.
#[derive(Clone, Debug)]
pub enum BrokerUnderTest {
    /// Ours, started as a child; nothing is started where the driver brings its broker.
    Own(process::Settings),
    /// One that runs already, at one or several addresses.
    External(Vec<Address>),
}

/// What a trial needs beside the plan.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What it runs against.
    pub broker: BrokerUnderTest,
    /// Where the consumers' logs go, an existing folder; none writes no logs.
    pub out: Option<PathBuf>,
    /// How their lines are written.
    pub log_format: LogFormat,
    /// How the driver is wrong on purpose.
    pub sabotage: Option<sabotage::Order>,
    /// What people are told while it goes on.
    pub watch: Watch,
}

/// What came of it.
#[derive(Debug)]
pub struct Trial {
    /// What the actors saw.
    pub history: History,
    /// What that proves.
    pub judgement: Judgement,
    /// Whether it was stopped by the user.
    pub interrupted: bool,
    /// The scenario's limit, where that stopped it.
    pub past_limit: Option<Duration>,
    /// What it could not clean up, in words for people.
    pub left: Option<String>,
    /// What the driver noticed of itself, a sentence each.
    pub notes: Vec<String>,
    /// How many messages of earlier runs came that the scenario says may come.
    pub passed_over: u64,
    /// How many anomalies were injected, or why none could be; none without sabotage.
    pub injected: Option<Result<u64, String>>,
}

/// A trial that could not be held: nothing can be said about the broker's promises. The text says
/// what to do about it.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct Failure(pub String);

/// Asks trials to stop early; cheap to clone, and stays asked.
#[derive(Clone, Debug)]
pub struct Interrupt(watch::Receiver<bool>);

impl Interrupt {
    /// The interrupt and the sender that triggers it by `true`.
    #[must_use]
    pub fn new() -> (watch::Sender<bool>, Self) {
        let (sender, receiver) = watch::channel(false);
        (sender, Self(receiver))
    }

    /// Whether it was triggered.
    #[must_use]
    pub fn is_triggered(&self) -> bool {
        *self.0.borrow()
    }

    /// Completes when it is triggered.
    pub async fn triggered(&mut self) {
        if self.0.wait_for(|triggered| *triggered).await.is_err() {
            // The sender is gone untriggered: nobody can interrupt any more.
            std::future::pending::<()>().await;
        }
    }
}

/// Holds a trial: starts the broker, runs the plan, ends the broker, and judges. A store that is
/// elsewhere is removed at the end, whatever that was.
///
/// An interrupt that comes while the broker is still starting ends the start, and the trial is one in
/// which nothing was seen.
///
/// # Errors
/// When the broker cannot be started or reached, or an actor cannot take part.
pub async fn hold(
    plan: &Arc<Plan>,
    settings: &Settings,
    interrupt: Interrupt,
    progress: &mut (dyn FnMut(&Counters) + Send),
) -> Result<Trial, Failure> {
    let server = match &settings.broker {
        BrokerUnderTest::Own(process) => process.server.as_ref(),
        BrokerUnderTest::External(_) => None,
    };
    let database = server.map(|server| Database::new(Arc::clone(server), &plan.scenario.name));
    let held = hold_on(database.as_ref(), plan, settings, interrupt, progress).await;
    let left = match &database {
        Some(database) => database.remove().await.err().map(|failure| failure.0),
        None => None,
    };
    match (held, left) {
        (Ok(trial), left) => Ok(Trial { left: trial.left.or(left), ..trial }),
        (Err(failure), None) => Err(failure),
        (Err(Failure(why)), Some(left)) => Err(Failure(format!("{why}\n{left}"))),
    }
}

async fn hold_on(
    database: Option<&Database>,
    plan: &Arc<Plan>,
    settings: &Settings,
    mut interrupt: Interrupt,
    progress: &mut (dyn FnMut(&Counters) + Send),
) -> Result<Trial, Failure> {
    let saboteur = saboteur(settings.sabotage, settings.out.as_deref())?;
    let (mut testbed, context) = tokio::select! { biased;
        // Dropped half way, the start takes what it started along.
        () = interrupt.triggered() => return Ok(not_begun(plan)),
        begun = begin(plan, settings, saboteur.as_ref(), database) => begun?,
    };
    let driver = Arc::clone(&context.driver);
    let Performed { history: performed, mut trouble, past_limit } =
        perform(context, testbed.as_mut(), &mut interrupt, progress).await;
    let left = driver.finish().await.err().map(|failure| failure.why);
    let disagreement = match database.filter(|_| trouble.is_none() && performed.is_ok()) {
        Some(database) => database.disagreement().await,
        None => None,
    };
    // A server that does not come up any more is what the run has found; the rest follows from it.
    let is_gone = performed.as_ref().is_ok_and(is_gone);
    // What is left on a server that ended goes with its folder.
    let left = left.filter(|_| trouble.is_none() && !is_gone);
    if let Err(failure) = testbed.stop().await {
        trouble.get_or_insert(failure.0);
    }
    let mut trouble = trouble.filter(|_| !is_gone);
    let history = performed.map_err(|failure| {
        // Actors fail because the broker is gone: its last words say more than theirs.
        Failure(trouble.take().unwrap_or(failure.why))
    })?;
    let mut judgement = judged::judge(plan, &history, settings.out.as_deref());
    if let Some(why) = trouble {
        judgement.mark_inconclusive(why);
    }
    if let Some(why) = disagreement {
        judgement.mark_inconclusive(why);
    }
    let Remarks { doubts, mut notes } = driver.remarks();
    notes.extend(deleted_words(plan, &history));
    let doubts = if is_gone { Vec::new() } else { doubts };
    doubts.into_iter().rev().for_each(|doubt| judgement.mark_inconclusive(doubt));
    limit::judge(&mut judgement, past_limit);
    let injected = saboteur.map(|saboteur| saboteur.injected(&driver.capabilities()));
    let (interrupted, passed_over) = (interrupt.is_triggered(), driver.passed_over());
    Ok(Trial { history, judgement, interrupted, past_limit, left, notes, passed_over, injected })
}

/// Whether what keeps the data did not come up any more.
fn is_gone(history: &History) -> bool {
    let on_disk = history.faults.iter().filter_map(|firing| firing.on_disk.as_ref());
    on_disk.into_iter().any(|on_disk| on_disk.gone.is_some())
}

/// What is to make the driver wrong, if that was asked for.
fn saboteur(
    order: Option<sabotage::Order>,
    out: Option<&Path>,
) -> Result<Option<Saboteur>, Failure> {
    let saboteur = order.map(|order| Saboteur::new(order, out)).transpose();
    saboteur.map_err(|error| Failure(format!("cannot create the sabotage log: {}", reason(&error))))
}

/// The broker, up, and all that the actors share.
async fn begin(
    plan: &Arc<Plan>,
    settings: &Settings,
    saboteur: Option<&Saboteur>,
    database: Option<&Database>,
) -> Result<(Box<dyn Testbed>, Arc<RunContext>), Failure> {
    let testbed = start(plan, settings, database).await?;
    settings.watch.tell(|| up(testbed.as_ref()));
    match prepare(plan, settings, saboteur, testbed.as_ref()).await {
        Ok(context) => Ok((testbed, context)),
        Err(failure) => {
            // Why the broker cannot be spoken to matters more than how it ends.
            let _ = testbed.stop().await;
            Err(failure)
        }
    }
}

/// Where the broker is, for those who watch.
fn up(testbed: &dyn Testbed) -> String {
    let addresses = testbed.addresses().iter().filter(|address| **address != Address::None);
    let addresses: Vec<_> = addresses.map(ToString::to_string).collect();
    match addresses.join(" ") {
        none if none.is_empty() => String::from("the driver brings the broker"),
        some => format!("the broker is at {some}"),
    }
}

/// A trial that was interrupted before any actor did anything.
fn not_begun(plan: &Plan) -> Trial {
    let history = History {
        producers: plan.producers.iter().map(|_| ProducerHistory::default()).collect(),
        consumers: plan.consumers.iter().map(|_| ConsumerHistory::default()).collect(),
        end: End::Interrupted,
        ..History::default()
    };
    let judgement = check::judge(plan, &history);
    Trial {
        history,
        judgement,
        interrupted: true,
        past_limit: None,
        left: None,
        notes: Vec::new(),
        passed_over: 0,
        injected: None,
    }
}

async fn start(
    plan: &Plan,
    settings: &Settings,
    database: Option<&Database>,
) -> Result<Box<dyn Testbed>, Failure> {
    let row = driver::find(&plan.scenario.broker);
    let row = row.map_err(|unknown| Failure(unknown.brief()))?;
    let capabilities = (row.capabilities)(&plan.scenario.broker);
    if !capabilities.has_address {
        return Ok(Box::new(Unaddressed));
    }
    let relays = relay::Order::of(plan, capabilities.requests);
    let started = match &settings.broker {
        BrokerUnderTest::Own(process) => {
            let audit = keeps_all(plan, settings);
            let medium = plan.medium();
            let settings = process::Settings { relays, audit, medium, ..process.clone() };
            match settings.shared.as_ref().filter(|_| !plan.has_process_fault()) {
                Some(shared) => Process::shared(&settings, shared).await,
                None => Process::start(&settings, database).await,
            }
        }
        BrokerUnderTest::External(addresses) => Process::external(addresses, &relays).await,
    };
    started.map(|process| Box::new(process) as _).map_err(|failure| Failure(failure.0))
}

/// Whether the broker keeps all messages to the end, so that its logs say what was stored.
fn keeps_all(plan: &Plan, settings: &Settings) -> bool {
    match &settings.broker {
        // What others drop is their configuration's matter.
        BrokerUnderTest::Own(process) => {
            process.is_ours
                && (process.audit || settings.sabotage.is_some() || judged::wants_audit(plan))
        }
        BrokerUnderTest::External(_) => false,
    }
}

/// Whether the broker goes on living after the run.
fn goes_on(plan: &Plan, broker: &BrokerUnderTest) -> bool {
    match broker {
        BrokerUnderTest::Own(process) => process.shared.is_some() && !plan.has_process_fault(),
        BrokerUnderTest::External(_) => true,
    }
}

/// Names a run, for what a driver may leave on a broker that goes on living.
#[expect(clippy::disallowed_types, reason = "no two real runs are to have one name")]
pub(crate) fn run_name() -> String {
    format!("{:016x}", std::hash::RandomState::new().hash_one(std::process::id()))
}

async fn prepare(
    plan: &Arc<Plan>,
    settings: &Settings,
    saboteur: Option<&Saboteur>,
    testbed: &dyn Testbed,
) -> Result<Arc<RunContext>, Failure> {
    let routes = Routes::new(plan, testbed);
    let (addresses, alternatives) = (routes.addresses().to_vec(), routes.alternatives());
    let connecting =
        Connecting { plan: Arc::clone(plan), addresses, alternatives, run: run_name() };
    let driver = driver::connect(connecting).await.map_err(|failure| match settings.broker {
        BrokerUnderTest::Own(_) => Failure(failure.why),
        // One that says no will go on saying it.
        BrokerUnderTest::External(_) if failure.kind == FailureKind::Final => Failure(failure.why),
        BrokerUnderTest::External(_) => Failure(format!("{failure}; {START_IT}")),
    })?;
    if let Some(why) = unmet(&plan.scenario.broker, Some(&driver.capabilities())) {
        return Err(Failure(why));
    }
    let driver = match saboteur {
        Some(saboteur) => saboteur.wrap(driver, plan),
        None => driver,
    };
    Ok(Arc::new(RunContext {
        plan: Arc::clone(plan),
        driver,
        routes,
        injector: testbed.injector(),
        recorder: Arc::new(Recorder::watched(settings.watch.clone())),
        out: settings.out.clone(),
        log_format: settings.log_format,
        keeps_all: keeps_all(plan, settings),
        unsubscribe: goes_on(plan, &settings.broker),
    }))
}

/// How a plan was run.
struct Performed {
    /// What was seen.
    history: Result<History, driver::Failure>,
    /// How the broker ended, if it did so although nobody asked it to.
    trouble: Option<String>,
    /// The limit, if that stopped it.
    past_limit: Option<Duration>,
}

/// Runs the plan until it ends, the user interrupts it, its time is over, or the broker ends although
/// nobody asked it to.
async fn perform(
    context: Arc<RunContext>,
    testbed: &mut dyn Testbed,
    interrupt: &mut Interrupt,
    progress: &mut (dyn FnMut(&Counters) + Send),
) -> Performed {
    let (stop, stopped) = oneshot::channel::<()>();
    let mut stop = Some(stop);
    let (mut trouble, mut past_limit) = (None, None);
    let mut past = pin!(limit::past(context.plan.scenario.limit));
    let recorder = Arc::clone(&context.recorder);
    let mut performing = pin!(run::perform(context, wait_for_stop(stopped)));
    let mut ticks = interval(PROGRESS_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let history = loop {
        tokio::select! { biased;
            history = &mut performing => break history,
            () = interrupt.triggered(), if stop.is_some() => drop(stop.take()),
            limit = &mut past, if stop.is_some() => {
                past_limit = Some(limit);
                drop(stop.take());
            }
            why = testbed.ended(), if trouble.is_none() => {
                trouble = Some(why);
                drop(stop.take());
            }
            _ = ticks.tick() => progress(&recorder.counters),
        }
    };
    progress(&recorder.counters);
    Performed { history, trouble, past_limit }
}

/// Completes when the sender is dropped.
async fn wait_for_stop(stopped: oneshot::Receiver<()>) {
    let _ = stopped.await;
}
