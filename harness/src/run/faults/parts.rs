//! Processes under faults that overlap: one is up while no fault holds it down, and goes on while no
//! fault holds it still.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use crate::fault::{Hold, Part};
use crate::lock::lock;
use crate::ordered_signal::OrderedSignal;
use crate::run::{Recorder, RunContext};
use crate::testbed::{Change, Disk, Failure, FaultInjector};

/// The parts of a testbed, as the faults have left them.
pub(super) struct Parts {
    injector: Option<Arc<dyn FaultInjector>>,
    pub(super) recorder: Arc<Recorder>,
    states: Mutex<BTreeMap<Part, Arc<tokio::sync::Mutex<State>>>>,
    /// What keeps the data, where faults are about its disk.
    storage: Option<Part>,
    /// Of the cluster that the database is, where it is one.
    pub(super) nodes: Vec<Part>,
    /// What is wrong with that disk.
    troubles: OrderedSignal<Troubles>,
    /// Whether it could not be started again, which is told once.
    is_gone: AtomicBool,
}

/// How many faults hold a part. The lock around it is held while the part changes, and served in
/// order.
#[derive(Debug, Default)]
pub(super) struct State {
    down: u32,
    paused: u32,
    isolated: u32,
    /// Whether it is cut from the others now: one that was started again is not.
    is_cut: bool,
}

impl State {
    pub(super) fn is_held(&self) -> bool {
        self.down > 0 || self.paused > 0 || self.isolated > 0
    }
}

#[derive(Debug, Default)]
struct Troubles {
    lasting: u32,
    over: u32,
    /// Starts that failed and wait for the end of all.
    awaited: u32,
}

/// Why a part cannot be changed.
#[derive(Debug)]
pub(super) enum Trouble {
    /// It does not start on what its disk holds; how it ended, or what it wrote last.
    Gone(String),
    /// Anything else.
    Other(Failure),
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Other(failure)
    }
}

impl Parts {
    pub(super) fn new(context: &RunContext, storage: Option<Part>) -> Self {
        let (injector, recorder) = (context.injector.clone(), Arc::clone(&context.recorder));
        let (states, troubles) = (Mutex::default(), OrderedSignal::default());
        let nodes = context.plan.scenario.broker.nodes().collect();
        let is_gone = AtomicBool::new(false);
        Self { injector, recorder, states, storage, nodes, troubles, is_gone }
    }

    /// How many brokers there are to choose from.
    pub(super) fn brokers(&self) -> u32 {
        self.injector.as_ref().map_or(1, |injector| injector.brokers())
    }

    pub(super) fn injector(&self) -> Result<&Arc<dyn FaultInjector>, Failure> {
        let missing = || Failure("this broker is not ours to hurt".to_owned());
        self.injector.as_ref().ok_or_else(missing)
    }

    pub(super) fn disk(&self) -> Result<&dyn Disk, Failure> {
        self.injector()?.disk()
    }

    /// Holds the part: one that is down already stays down for longer, and one that is to be paused
    /// and is down is paused when it is up again.
    pub(super) async fn hold(&self, part: Part, hold: Hold) -> Result<(), Trouble> {
        let injector = self.injector()?;
        let state = self.state(part);
        let mut state = state.lock().await;
        match hold {
            Hold::Paused => {
                if state.paused == 0 && state.down == 0 {
                    injector.change(part, Change::Pause).await?;
                }
                state.paused += 1;
                return Ok(());
            }
            Hold::Isolated => {
                state.isolated += 1;
                return self.cut_or_join(part, &mut state).await;
            }
            Hold::Killed | Hold::Stopped if state.down > 0 => {}
            Hold::Killed => injector.change(part, Change::Kill).await?,
            Hold::Stopped => {
                if state.paused > 0 {
                    // One whose clock stands cannot end in good order.
                    injector.change(part, Change::Resume).await?;
                }
                injector.change(part, Change::Stop).await?;
            }
        }
        state.down += 1;
        state.is_cut = false;
        Ok(())
    }

    /// Cuts a node from the others, or lets it back, as the faults say; later, where it cannot be told
    /// now.
    async fn cut_or_join(&self, part: Part, state: &mut State) -> Result<(), Trouble> {
        let is_to_be_cut = state.isolated > 0;
        if state.down > 0 || state.paused > 0 || state.is_cut == is_to_be_cut {
            return Ok(());
        }
        let is_lost = self.injector()?.isolate(part, is_to_be_cut).await?;
        state.is_cut = is_to_be_cut;
        if is_lost && !is_to_be_cut { self.start_over(part).await } else { Ok(()) }
    }

    /// Holds the part down as a kill does, by something that leaves it down, and that is done to one
    /// that is down already too; it is told whether it is.
    pub(super) async fn hold_down<T, Struck: Future<Output = Result<T, Failure>>>(
        &self,
        part: Part,
        strike: impl FnOnce(bool) -> Struck,
    ) -> Result<T, Failure> {
        let state = self.state(part);
        let mut state = state.lock().await;
        let struck = strike(state.down > 0).await?;
        state.down += 1;
        Ok(struck)
    }

    /// Ends a hold; the part is up, or goes on, if this was the last. Where it is a node, its cluster is
    /// whole again but for what other faults hold.
    pub(super) async fn release(&self, part: Part, hold: Hold) -> Result<(), Trouble> {
        self.settling(part, self.let_go(part, hold)).await
    }

    async fn let_go(&self, part: Part, hold: Hold) -> Result<(), Trouble> {
        let injector = self.injector()?;
        let state = self.state(part);
        let mut state = state.lock().await;
        match hold {
            Hold::Paused => {
                state.paused -= 1;
                if state.paused == 0 && state.down == 0 {
                    injector.change(part, Change::Resume).await?;
                    self.cut_or_join(part, &mut state).await?;
                }
            }
            Hold::Isolated => {
                state.isolated -= 1;
                self.cut_or_join(part, &mut state).await?;
            }
            Hold::Killed | Hold::Stopped => {
                state.down -= 1;
                if state.down == 0 {
                    self.start(part).await?;
                    self.cut_or_join(part, &mut state).await?;
                    if state.paused > 0 {
                        injector.change(part, Change::Pause).await?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether no fault holds the part, and none is about to or lets it go.
    pub(super) fn is_left_alone(&self, part: Part) -> bool {
        self.state(part).try_lock().is_ok_and(|state| state.down == 0 && state.paused == 0)
    }

    /// Something is wrong with the disk from now on.
    pub(super) fn trouble_begins(&self) {
        self.troubles.change(|troubles| troubles.lasting += 1);
    }

    /// It is over.
    pub(super) fn trouble_ends(&self) {
        self.troubles.change(|troubles| {
            troubles.lasting -= 1;
            troubles.over += 1;
        });
    }

    /// Whether something was ever wrong with the disk.
    pub(super) fn had_trouble(&self) -> bool {
        self.troubles.lock().over > 0
    }

    /// Waits until something was wrong with the disk, and nothing is. May be dropped and called again.
    pub(super) async fn trouble_is_over(&self) {
        let is_over = |now: &Troubles| (now.over > 0 && now.lasting == 0).then_some(());
        self.troubles.wait_for(is_over).await;
    }

    /// Starts what keeps the data if it has ended by itself, or, where it `stands_still`, once more;
    /// says whether it was started. What a fault holds down or still stays so.
    pub(super) async fn revive(&self, part: Part, stands_still: bool) -> Result<bool, Trouble> {
        let disk = self.disk()?;
        let state = self.state(part);
        let state = state.lock().await;
        match state.down == 0 && state.paused == 0 && !self.is_gone.load(Ordering::Relaxed) {
            true if !disk.is_up() => self.start(part).await?,
            true if stands_still => match disk.restart().await {
                Ok(()) => {}
                Err(failure) => return Err(self.told(failure)),
            },
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Starts a part. What keeps the data may not come up while something is wrong with its disk, and
    /// is then tried again when that is over.
    pub(super) async fn start(&self, part: Part) -> Result<(), Trouble> {
        let injector = self.injector()?;
        if self.storage == Some(part) && self.is_gone.load(Ordering::Relaxed) {
            return Ok(());
        }
        loop {
            let over = self.troubles.lock().over;
            let started = tokio::select! { biased;
                started = injector.change(part, Change::Start) => started,
                never = self.tell_obstacle(part) => match never {},
            };
            let Err(failure) = started else { return Ok(()) };
            if self.storage != Some(part) {
                return Err(failure.into());
            }
            let was_whole = |now: &Troubles| now.lasting == 0 && now.over == over;
            if was_whole(&self.troubles.lock()) {
                return Err(self.told(failure));
            }
            self.troubles.change(|troubles| troubles.awaited += 1);
            self.troubles.wait_for(|now| (now.lasting == 0).then_some(())).await;
            self.troubles.change(|troubles| troubles.awaited -= 1);
        }
    }

    /// Says, to those who watch, what a part that is being started waits for.
    async fn tell_obstacle(&self, part: Part) -> Infallible {
        if let Ok(injector) = self.injector() {
            let what = injector.obstacle(part).await;
            self.recorder.tell(|| format!("{part} waits for {what}"));
        }
        pending().await
    }

    /// Whether what keeps the data is not started again before its disk is whole.
    pub(super) fn awaits_whole_disk(&self) -> bool {
        self.troubles.lock().awaited > 0
    }

    /// What it means that what keeps the data could not be started.
    fn told(&self, failure: Failure) -> Trouble {
        match self.disk().ok().and_then(Disk::gone) {
            Some(words) => {
                self.is_gone.store(true, Ordering::Relaxed);
                Trouble::Gone(words)
            }
            None => Trouble::Other(failure),
        }
    }

    pub(super) fn state(&self, part: Part) -> Arc<tokio::sync::Mutex<State>> {
        Arc::clone(lock(&self.states).entry(part).or_default())
    }
}
