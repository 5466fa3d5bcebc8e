//! Processes under faults that overlap: one is up while nothing holds it down, and goes on while
//! nothing holds it still.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::cannot;
use crate::testbed::{Failure, Hurt, Part};

/// The parts of a testbed, as the faults have left them.
pub(super) struct Parts {
    hurt: Option<Arc<dyn Hurt>>,
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
    pub(super) fn new(hurt: Option<Arc<dyn Hurt>>) -> Self {
        Self { hurt, states: Mutex::default() }
    }

    pub(super) fn hurt(&self) -> Result<&Arc<dyn Hurt>, Failure> {
        cannot(self.hurt.as_ref())
    }

    /// Kills the part, or asks it to end; one that is down already stays down for longer.
    pub(super) async fn down(&self, part: Part, graceful: bool) -> Result<(), Failure> {
        let hurt = self.hurt()?;
        let state = self.state(part);
        let mut state = state.lock().await;
        if state.down == 0 && graceful {
            if state.paused > 0 {
                // One whose clock stands cannot end in good order.
                hurt.resume(part).await?;
            }
            hurt.stop(part).await?;
        } else if state.down == 0 {
            hurt.kill(part).await?;
        }
        state.down += 1;
        Ok(())
    }

    /// Starts the part again, if this was the last fault that held it down.
    pub(super) async fn up(&self, part: Part) -> Result<(), Failure> {
        let hurt = self.hurt()?;
        let state = self.state(part);
        let mut state = state.lock().await;
        state.down -= 1;
        if state.down == 0 {
            hurt.start(part).await?;
            if state.paused > 0 {
                hurt.pause(part).await?;
            }
        }
        Ok(())
    }

    /// Stops the part's clock; one that is down is to be paused when it is up again.
    pub(super) async fn pause(&self, part: Part) -> Result<(), Failure> {
        let hurt = self.hurt()?;
        let state = self.state(part);
        let mut state = state.lock().await;
        if state.paused == 0 && state.down == 0 {
            hurt.pause(part).await?;
        }
        state.paused += 1;
        Ok(())
    }

    /// Lets the part go on, if this was the last fault that held it still.
    pub(super) async fn resume(&self, part: Part) -> Result<(), Failure> {
        let hurt = self.hurt()?;
        let state = self.state(part);
        let mut state = state.lock().await;
        state.paused -= 1;
        if state.paused == 0 && state.down == 0 {
            hurt.resume(part).await?;
        }
        Ok(())
    }

    fn state(&self, part: Part) -> Arc<tokio::sync::Mutex<State>> {
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(states.entry(part).or_default())
    }
}
