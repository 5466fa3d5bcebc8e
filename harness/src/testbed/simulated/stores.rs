//! Where a broker that starts finds its store: a new one in its own memory, or the database that
//! was there before it.

use std::sync::{Arc, Mutex, PoisonError};

use broker::store::memory::MemoryStore;
use broker::store::{Epoch, Retain, Store};
use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::Rng as _;

use super::database::Database;
use crate::bugs::{Bug, Kept};
use crate::chance::{Purpose, generator};
use crate::scenario;
use crate::storage::simulated::SimulatedDisk;

pub(super) struct Stores {
    /// For the epochs.
    chance: Mutex<Pcg64Mcg>,
    /// What a broker's own memory keeps.
    retain: Retain,
    /// Below what is kept outside the brokers.
    disk: Arc<SimulatedDisk>,
    /// Kept outside the brokers, where anything is kept.
    database: Option<Arc<Database>>,
    /// A store that is wrong on purpose, in place of the right one.
    wrong: Option<Kept>,
}

impl Stores {
    pub(super) fn new(seed: u64, store: scenario::Store, retain: Retain, bug: Option<Bug>) -> Self {
        let mut chance = generator(seed, Purpose::Epochs, 0);
        let disk = Arc::new(SimulatedDisk::default());
        let wrong = bug.map(|bug| {
            let steps = generator(seed, Purpose::Bug, 0);
            Kept::new(bug, epoch(&mut chance), steps, Arc::clone(&disk))
        });
        let database = (wrong.is_none() && store.has_database()).then(|| {
            let steps = generator(seed, Purpose::Database, 0);
            let age = if let Retain::Age(age) = retain { Some(age) } else { None };
            Arc::new(Database::new(epoch(&mut chance), age, steps, Arc::clone(&disk)))
        });
        Self { chance: Mutex::new(chance), retain, disk, database, wrong }
    }

    pub(super) fn store(&self) -> Arc<dyn Store> {
        if let Some(wrong) = &self.wrong {
            return wrong.store();
        }
        if let Some(database) = &self.database {
            return Arc::clone(database) as _;
        }
        let mut chance = self.chance.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::new(MemoryStore::new(epoch(&mut chance), self.retain, None))
    }

    /// Whether brokers have something to delete by themselves. A store that is to be asked for nothing
    /// would take its share of chance all the same, and every other run of a seed be another one.
    pub(super) fn delete_by_age(&self) -> bool {
        matches!(self.retain, Retain::Age(_))
    }

    pub(super) fn database(&self) -> Option<&Database> {
        self.database.as_deref()
    }

    pub(super) fn wrong(&self) -> Option<&Kept> {
        self.wrong.as_ref()
    }

    pub(super) fn disk(&self) -> &SimulatedDisk {
        &self.disk
    }
}

fn epoch(chance: &mut Pcg64Mcg) -> Epoch {
    Epoch::new(format!("{:016x}", chance.next_u64()))
}
