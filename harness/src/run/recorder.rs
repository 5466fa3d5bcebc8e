//! What the actors of a run share: the stamp counter, the registrations that lead from a broker's
//! (producer id, sequence) to a planned message, and counters for people who watch.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use broker_client::wire::{ProducerId, Sequence};
use tokio::time::Instant;

use crate::history::{EpochIndex, Moment, Nanos};
use crate::plan::{MessageId, Plan, StreamIndex};

/// Shared by all actors of one run.
#[derive(Debug)]
pub struct Recorder {
    origin: Instant,
    stamps: AtomicU64,
    shared: Mutex<Shared>,
    /// How many sessions are registered: tells a consumer whether its own copy is out of date
    /// without taking the lock.
    sessions: AtomicU64,
    /// For progress and for the drain.
    pub counters: Counters,
}

#[derive(Debug, Default)]
struct Shared {
    epochs: Vec<String>,
    sessions: BTreeMap<SessionKey, SessionStart>,
}

/// What a broker says of who sent a message: ids begin again with every epoch.
type SessionKey = (Option<EpochIndex>, ProducerId);

/// Where a session's sequence 0 stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct SessionStart {
    stream: StreamIndex,
    base: u32,
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
    #[must_use]
    pub fn new() -> Self {
        Self {
            origin: Instant::now(),
            stamps: AtomicU64::new(0),
            shared: Mutex::default(),
            sessions: AtomicU64::new(0),
            counters: Counters::default(),
        }
    }

    /// The next place in the one order of the run, and the time.
    pub fn now(&self) -> Moment {
        // Sequentially consistent: a call that left after another's answer was in must get the
        // greater stamp, whichever threads the two actors run on.
        Moment { stamp: self.stamps.fetch_add(1, Ordering::SeqCst), at: self.elapsed() }
    }

    /// Nanoseconds since the run began.
    pub fn elapsed(&self) -> Nanos {
        self.at(Instant::now())
    }

    /// An instant in nanoseconds of the run; 0 for one before it began.
    #[must_use]
    pub fn at(&self, instant: Instant) -> Nanos {
        let since = instant.saturating_duration_since(self.origin);
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }

    /// The inverse of [`Recorder::at`].
    #[must_use]
    pub fn instant(&self, at: Nanos) -> Instant {
        self.origin + Duration::from_nanos(at)
    }

    /// The index of an epoch, new or known.
    pub fn epoch(&self, epoch: &str) -> EpochIndex {
        let mut shared = self.lock();
        let place = shared.epochs.iter().position(|known| known == epoch).unwrap_or_else(|| {
            shared.epochs.push(epoch.to_owned());
            shared.epochs.len() - 1
        });
        EpochIndex(u32::try_from(place).expect("a run meets fewer than 2^32 lives of a broker"))
    }

    /// The name of an epoch that was met.
    ///
    /// # Panics
    /// If it is another run's.
    pub fn epoch_name(&self, epoch: EpochIndex) -> String {
        self.lock().epochs[epoch.0 as usize].clone()
    }

    /// All epochs met, in the order of meeting.
    pub fn epochs(&self) -> Vec<String> {
        self.lock().epochs.clone()
    }

    /// Notes who sends under a broker's id. Must be called before the session's first message
    /// leaves: a consumer may get it before its ack is in.
    pub fn register(
        &self,
        epoch: Option<EpochIndex>,
        id: ProducerId,
        stream: StreamIndex,
        base: u32,
    ) {
        let mut shared = self.lock();
        shared.sessions.insert((epoch, id), SessionStart { stream, base });
        self.sessions.fetch_add(1, Ordering::Release);
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

    fn lock(&self) -> MutexGuard<'_, Shared> {
        // Nothing under this lock can leave the tables half-changed.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Recorder {
    fn default() -> Self {
        Self::new()
    }
}

/// A consumer's own copy of the registrations, so that ten million deliveries take no lock.
#[derive(Debug, Default)]
pub struct Identities {
    sessions: BTreeMap<SessionKey, SessionStart>,
    copied: u64,
    last: Option<(SessionKey, SessionStart)>,
}

impl Identities {
    /// The planned message that a broker's (producer id, sequence) names.
    pub fn message(
        &mut self,
        recorder: &Recorder,
        plan: &Plan,
        key: (Option<EpochIndex>, ProducerId),
        sequence: Sequence,
    ) -> Option<MessageId> {
        let start = match self.last {
            Some((last, start)) if last == key => start,
            _ => self.session(recorder, key)?,
        };
        plan.streams[start.stream.place()].message(sequence.checked_add(u64::from(start.base))?)
    }

    fn session(&mut self, recorder: &Recorder, key: SessionKey) -> Option<SessionStart> {
        if !self.sessions.contains_key(&key) {
            let registered = recorder.sessions.load(Ordering::Acquire);
            if registered == self.copied {
                return None;
            }
            self.sessions.clone_from(&recorder.lock().sessions);
            self.copied = registered;
        }
        let start = *self.sessions.get(&key)?;
        self.last = Some((key, start));
        Some(start)
    }
}
