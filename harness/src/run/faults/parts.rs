//! Processes under faults that overlap: one is up while no fault holds it down, and goes on while no
//! fault holds it still.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::fault::{Hold, Part, Power};
use crate::history::Forgotten;
use crate::testbed::{Change, Failure, FaultInjector};

/// The parts of a testbed, as the faults have left them.
pub(super) struct Parts {
    injector: Option<Arc<dyn FaultInjector>>,
    states: Mutex<BTreeMap<Part, Arc<tokio::sync::Mutex<State>>>>,
}

/// How many faults hold a part. The lock around it is held while the part changes, and served in
/// order.
#[derive(Debug, Default)]
struct State {
    down: u32,
    paused: u32,
}

impl Parts {
    pub(super) fn new(injector: Option<Arc<dyn FaultInjector>>) -> Self {
        Self { injector, states: Mutex::default() }
    }

    /// How many brokers there are to choose from.
    pub(super) fn brokers(&self) -> u32 {
        self.injector.as_ref().map_or(1, |injector| injector.brokers())
    }

    pub(super) fn injector(&self) -> Result<&Arc<dyn FaultInjector>, Failure> {
        let missing = || Failure("this broker is not ours to hurt".to_owned());
        self.injector.as_ref().ok_or_else(missing)
    }

    /// Holds the part: one that is down already stays down for longer, and one that is to be paused
    /// and is down is paused when it is up again.
    pub(super) async fn hold(&self, part: Part, hold: Hold) -> Result<(), Failure> {
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
        Ok(())
    }

    /// Ends a hold; the part is up, or goes on, if this was the last.
    pub(super) async fn release(&self, part: Part, hold: Hold) -> Result<(), Failure> {
        let injector = self.injector()?;
        let state = self.state(part);
        let mut state = state.lock().await;
        match hold {
            Hold::Paused => {
                state.paused -= 1;
                if state.paused == 0 && state.down == 0 {
                    injector.change(part, Change::Resume).await?;
                }
            }
            Hold::Killed | Hold::Stopped => {
                state.down -= 1;
                if state.down == 0 {
                    injector.change(part, Change::Start).await?;
                    if state.paused > 0 {
                        injector.change(part, Change::Pause).await?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Cuts the power of the part, and holds it down until [`Parts::release`] ends a kill.
    pub(super) async fn cut(
        &self,
        part: Part,
        power: Power,
        seed: u64,
    ) -> Result<Forgotten, Failure> {
        let disk = self.injector()?.disk()?;
        let state = self.state(part);
        let mut state = state.lock().await;
        let forgotten = disk.cut(power, seed).await?;
        state.down += 1;
        Ok(forgotten)
    }

    fn state(&self, part: Part) -> Arc<tokio::sync::Mutex<State>> {
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(states.entry(part).or_default())
    }
}
