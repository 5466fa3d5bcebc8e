//! Waiting for brokers that somebody else starts, and that may still be starting.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{Failure, START_IT, run_name};
use crate::driver::{self, Address, Connecting, FailureKind};
use crate::plan::{Plan, TopicIndex};
use crate::report::words::time;

/// Between two attempts.
const AGAIN_AFTER: Duration = Duration::from_millis(200);

/// How long brokers are waited for.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// What the user asked for.
    pub asked: Duration,
    /// When that is over: it counts from the beginning of a call, not of each scenario.
    pub until: Instant,
}

impl Patience {
    /// From now on.
    #[must_use]
    pub fn new(asked: Duration) -> Self {
        Self { asked, until: Instant::now() + asked }
    }
}

/// Waits until the broker at each of these addresses can be used, and says so once if one cannot yet.
///
/// # Errors
/// When one cannot be reached in time. What can be reached and does not work is left to the run to
/// find.
pub async fn wait_for_brokers(
    plan: &Arc<Plan>,
    addresses: &[Address],
    patience: Patience,
    say: impl FnOnce(&str),
) -> Result<(), Failure> {
    let mut say = Some(say);
    for address in addresses {
        while !is_up(plan, address, patience).await? {
            if let Some(say) = say.take() {
                say("waiting for the broker");
            }
            let left = patience.until.saturating_duration_since(Instant::now());
            sleep(AGAIN_AFTER.min(left)).await;
        }
    }
    Ok(())
}

/// Whether there is nothing more to wait for at this address.
///
/// That its port accepts connections does not show it: a container's port does before its broker is
/// up, and a proxy answers in its place. So the plan's first topic is made, which a run does, too.
async fn is_up(plan: &Arc<Plan>, address: &Address, patience: Patience) -> Result<bool, Failure> {
    let addresses = vec![address.clone()];
    let connecting = Connecting {
        plan: Arc::clone(plan),
        addresses,
        alternatives: NonZeroUsize::MIN,
        run: run_name(),
    };
    let connected = driver::connect(connecting).await;
    let is_over = Instant::now() >= patience.until;
    match connected {
        Ok(driver) => {
            let made = driver.create_topic(TopicIndex::new(0)).await;
            // Whatever it leaves, the run that follows has a driver of its own.
            let _ = driver.finish().await;
            Ok(is_over || made.map_or_else(|failure| failure.kind == FailureKind::Final, |()| true))
        }
        Err(failure) if is_over || failure.kind == FailureKind::Final => {
            let waited = time(patience.asked);
            Err(Failure(format!("{failure}, also after {waited}; {START_IT}")))
        }
        Err(_) => Ok(false),
    }
}
