//! Sabotage: a driver that is wrong on purpose, in exactly one way, whatever broker is behind it. It
//! proves the checks: they must find what was injected, all of it, and nothing else.
//!
//! It stands between the actors and the driver, so what it does has never crossed the wire. Each way
//! is a `Trick` and built so that it is one anomaly and no other; the table of them is in [`kind`].
//!
//! - `edits`: lose, duplicate, corrupt, phantom, misroute. `acks`: stale-ack, resurrect.
//! - `swaps`: reorder, diverge. `early`: early.

mod acks;
mod chosen;
mod early;
mod edits;
mod kind;
mod record;
mod swaps;
#[cfg(test)]
mod tests;
mod trick;
mod wrapper;

use std::io;
use std::path::Path;
use std::sync::Arc;

pub use self::chosen::Amount;
pub use self::kind::{Kind, Order};
use self::record::Record;
use self::trick::Shared;
use self::wrapper::Sabotaged;
use crate::capability::Capabilities;
use crate::driver::Driver;
use crate::plan::Plan;

/// Where a sabotaged run says what was done to it, in the folder of its logs.
pub const RECORD: &str = "sabotage.jsonl";

/// One run's sabotage.
#[derive(Debug)]
pub struct Saboteur {
    order: Order,
    record: Arc<Record>,
}

impl Saboteur {
    /// Notes what it does in a file of this folder; without one it only counts.
    ///
    /// # Errors
    /// When the file cannot be created.
    pub fn new(order: Order, folder: Option<&Path>) -> io::Result<Self> {
        let file = folder.map(|folder| folder.join(RECORD));
        Ok(Self { order, record: Arc::new(Record::new(order.kind.as_str(), file.as_deref())?) })
    }

    /// The driver, wrong as the order says in a run of this plan.
    #[must_use]
    pub fn wrap(&self, driver: Arc<dyn Driver>, plan: &Arc<Plan>) -> Arc<dyn Driver> {
        let chosen = self.order.choose(plan);
        let shared = Shared::new(Arc::clone(plan), chosen, Arc::clone(&self.record));
        Arc::new(Sabotaged::new(driver, self.order.kind.trick(), shared))
    }

    /// How many anomalies were injected into a run that is over, of a broker that can do this.
    ///
    /// # Errors
    /// Says why there could be none, or why they could not be written down.
    pub fn injected(&self, capabilities: &Capabilities) -> Result<u64, String> {
        match self.order.kind.objection(capabilities) {
            Some(why) => Err(why),
            None => self.record.count(),
        }
    }
}
