//! What the actors of a run share: the stamp counter, the epochs that were met, and counters and lines
//! for people who watch.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::watch::Watch;
use crate::history::{EpochIndex, Moment, Nanos};

/// Shared by all actors of one run.
#[derive(Debug)]
pub struct Recorder {
    origin: Instant,
    stamps: AtomicU64,
    /// The lives of the broker's store that were met.
    epochs: Mutex<Vec<String>>,
    /// For progress and for the drain.
    pub counters: Counters,
    /// For people.
    pub watch: Watch,
}

/// Counts of the whole run; read at any time, exact when the actors have ended.
#[derive(Debug, Default)]
pub struct Counters {
    /// Messages whose request has an outcome.
    pub sent: AtomicU64,
    /// Deliveries over all consumers.
    pub delivered: AtomicU64,
    /// When (in nanoseconds of the run) a poll last brought a message or failed.
    pub active: AtomicU64,
}

impl Recorder {
    /// A recorder whose run begins now.
    pub fn new() -> Self {
        Self::watched(Watch::default())
    }

    /// The same, of a run that is watched.
    pub fn watched(watch: Watch) -> Self {
        Self {
            origin: Instant::now(),
            stamps: AtomicU64::new(0),
            epochs: Mutex::default(),
            counters: Counters::default(),
            watch,
        }
    }

    /// The next place in the one order of the run, and the time.
    pub fn now(&self) -> Moment {
        // Sequentially consistent: a call that left after another's answer was in must get the
        // greater stamp, whichever threads the two actors run on.
        Moment { stamp: self.stamps.fetch_add(1, Ordering::SeqCst), at: self.elapsed() }
    }

    /// Says a line to those who watch, with the time.
    pub(super) fn tell(&self, line: impl FnOnce() -> String) {
        self.watch.tell(|| {
            let at = Duration::from_nanos(self.elapsed());
            format!("{:8.3} s  {}", at.as_secs_f64(), line())
        });
    }

    /// Nanoseconds since the run began.
    pub fn elapsed(&self) -> Nanos {
        self.at(Instant::now())
    }

    /// An instant in nanoseconds of the run; 0 for one before it began.
    pub fn at(&self, instant: Instant) -> Nanos {
        let since = instant.saturating_duration_since(self.origin);
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }

    /// The index of an epoch, new or known.
    pub fn epoch(&self, epoch: &str) -> EpochIndex {
        let mut epochs = self.lock();
        let place = epochs.iter().position(|known| known == epoch).unwrap_or_else(|| {
            epochs.push(epoch.to_owned());
            epochs.len() - 1
        });
        EpochIndex(u32::try_from(place).expect("a run meets fewer than 2^32 lives of a broker"))
    }

    /// The name of an epoch that was met.
    ///
    /// # Panics
    /// If it is another run's.
    pub fn epoch_name(&self, epoch: EpochIndex) -> String {
        self.lock()[epoch.0 as usize].clone()
    }

    /// All epochs met, in the order of meeting.
    pub fn epochs(&self) -> Vec<String> {
        self.lock().clone()
    }

    /// Notes that a poll brought a message or failed.
    pub fn active(&self, moment: Moment) {
        self.counters.active.fetch_max(moment.at, Ordering::Relaxed);
    }

    /// Whether nothing was delivered and no poll failed for `idle` before the moment.
    pub fn is_idle(&self, moment: Moment, idle: Duration) -> bool {
        let active = Duration::from_nanos(self.counters.active.load(Ordering::Relaxed));
        Duration::from_nanos(moment.at) >= active.saturating_add(idle)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<String>> {
        // Nothing under this lock can leave the tables half-changed.
        self.epochs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Recorder {
    fn default() -> Self {
        Self::new()
    }
}
