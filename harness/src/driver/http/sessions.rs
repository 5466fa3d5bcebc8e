//! From our broker's (epoch, producer id, sequence) to the planned message: each registration says
//! which stream it sends and from which number on.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use broker_client::Messages;
use broker_client::wire::{ProducerId, Sequence};

use crate::driver::batch::Identity;
use crate::plan::{Plan, StreamIndex};

/// All registrations of a run.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    /// By epoch, because ids begin again with each.
    known: Mutex<BTreeMap<String, BTreeMap<ProducerId, Start>>>,
    /// How many there are: tells a subscriber whether its own copy is out of date without taking
    /// the lock.
    count: AtomicU64,
}

/// Where a registration's sequence 0 stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Start {
    stream: StreamIndex,
    base: u32,
}

impl Sessions {
    /// Notes who sends under a broker's id. Must be called before the registration's first message
    /// leaves: a consumer may get it before its ack is in.
    pub(super) fn add(&self, epoch: &str, id: ProducerId, stream: StreamIndex, base: u32) {
        self.lock().entry(epoch.to_owned()).or_default().insert(id, Start { stream, base });
        self.count.fetch_add(1, Ordering::Release);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, BTreeMap<ProducerId, Start>>> {
        // Nothing under this lock can leave the tables half-changed.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One subscriber's copy of the registrations of its epoch, so that ten million deliveries take no
/// lock.
#[derive(Debug)]
pub(super) struct View {
    sessions: Arc<Sessions>,
    plan: Arc<Plan>,
    epoch: String,
    copy: BTreeMap<ProducerId, Start>,
    copied: u64,
    last: Option<(ProducerId, Start)>,
    /// A message came that named its producer.
    tells_senders: bool,
}

impl View {
    pub(super) fn new(sessions: &Arc<Sessions>, plan: &Arc<Plan>, epoch: &str) -> Self {
        Self {
            sessions: Arc::clone(sessions),
            plan: Arc::clone(plan),
            epoch: epoch.to_owned(),
            copy: BTreeMap::new(),
            copied: 0,
            last: None,
            tells_senders: false,
        }
    }

    /// Whether the broker names the producers of messages; where these are the first, as they show.
    /// A single message without one is somebody's mistake, and a phantom.
    pub(super) fn tells_senders(&mut self, messages: &Messages) -> bool {
        let mut named = messages.iter().map(|message| message.producer_id.is_some());
        self.tells_senders = self.tells_senders || named.any(|named| named);
        self.tells_senders || messages.is_empty()
    }

    /// Which message it is that the broker names so.
    pub(super) fn identity(
        &mut self,
        id: Option<ProducerId>,
        sequence: Option<Sequence>,
    ) -> Identity {
        let Some(id) = id else { return Identity::None };
        let planned = sequence.and_then(|sequence| self.planned(id, sequence));
        planned.map_or(Identity::Stranger { id, sequence }, Identity::Message)
    }

    fn planned(&mut self, id: ProducerId, sequence: Sequence) -> Option<crate::plan::MessageId> {
        let start = match self.last {
            Some((last, start)) if last == id => start,
            _ => self.start(id)?,
        };
        let number = sequence.checked_add(u64::from(start.base))?;
        self.plan.streams[start.stream.place()].message(number)
    }

    fn start(&mut self, id: ProducerId) -> Option<Start> {
        if !self.copy.contains_key(&id) {
            let registered = self.sessions.count.load(Ordering::Acquire);
            if registered == self.copied {
                return None;
            }
            if let Some(known) = self.sessions.lock().get(&self.epoch) {
                self.copy.clone_from(known);
            }
            self.copied = registered;
        }
        let start = *self.copy.get(&id)?;
        self.last = Some((id, start));
        Some(start)
    }
}
