//! What an appender remembers of its topic, so that most appends have nothing to read.

use std::collections::{BTreeMap, BTreeSet};

use broker_client::wire::{Offset, ProducerId};

use super::place::{Placed, place};
use crate::store::dedup::ProducerState;
use crate::store::mysql::batch::Batch;
use crate::store::mysql::checkpoint::Log;

/// A topic as it was when this broker last looked or appended.
///
/// Messages do not change, so what is known of the log up to its end then stays true; only the log
/// may have grown, and the checkpoint moved. The memory is emptied when a connection is lost,
/// because a server that comes back may have lost what it had not flushed.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// How many connections had been lost when it was known.
    losses: u64,
    /// Where the log ended, and a checkpoint that it had until then.
    log: Option<Log>,
    /// The states of producers at that end: of all that have numbered messages after the
    /// checkpoint, and of others.
    states: BTreeMap<ProducerId, ProducerState>,
    /// Those that have numbered messages after the checkpoint; there may be others among them.
    changed: BTreeSet<ProducerId>,
    /// Whether somebody else had appended at the last look: then to guess only costs time.
    is_shared: bool,
    /// Producers that are over: their states go when no group is being placed by them.
    ended: BTreeSet<ProducerId>,
    /// Those of them whose states a checkpoint has yet to be moved with.
    ended_later: BTreeSet<ProducerId>,
}

/// A group where it goes if nobody else has appended.
#[derive(Debug)]
pub(super) struct Guess {
    pub(super) placed: Placed,
    /// How many connections had been lost then.
    pub(super) losses: u64,
}

impl Known {
    /// Forgets everything if a connection was lost since it was known.
    pub(super) fn forget_if_lost(&mut self, losses: u64) {
        if self.losses != losses {
            *self = Self { losses, ..Self::default() };
        }
    }

    /// Notes that the state of a producer is not needed any more.
    pub(super) fn forgets(&mut self, id: ProducerId) {
        if self.states.contains_key(&id) {
            self.ended.insert(id);
        }
    }

    /// Forgets those whose states are not needed; what a checkpoint is moved with is kept.
    pub(super) fn forget_ended(&mut self) {
        for id in std::mem::take(&mut self.ended) {
            if self.changed.contains(&id) {
                self.ended_later.insert(id);
            } else {
                self.states.remove(&id);
            }
        }
    }

    /// Where a group would go. None where that is not known, where the checkpoint, which may be so far
    /// behind, is to be moved, and where an answer would be anything but an offset of its own, for
    /// that is not to be guessed.
    pub(super) fn guess(&self, group: &[Batch], within: u64) -> Option<Guess> {
        let log = self.log.filter(|log| log.end > 0 && !self.is_shared)?;
        if !numbered(group).all(|producer| self.states.contains_key(&producer)) {
            return None;
        }
        let placed = place(group, log.end, &self.states);
        let is_plain = placed.is_plain && !log.is_due(placed.end(), within);
        is_plain.then_some(Guess { placed, losses: self.losses })
    }

    /// From where on the log has to be read to know all states at the end that was found.
    pub(super) fn start(&mut self, found: Log) -> Offset {
        self.is_shared = self.log.is_some_and(|known| known.end != found.end);
        let holds = |known: &Log| {
            known.checkpoint <= found.checkpoint
                // What is before a checkpoint may be deleted, and is not read any more.
                && found.checkpoint <= known.end
                && known.end <= found.end
        };
        match self.log.filter(holds) {
            Some(known) => known.end,
            None => {
                let Self { losses, is_shared, .. } = *self;
                *self = Self { losses, is_shared, ..Self::default() };
                found.checkpoint
            }
        }
    }

    /// The producers of a group whose states only the database knows, given those that were found in
    /// the log.
    pub(super) fn missing(
        &self,
        group: &[Batch],
        found: &BTreeMap<ProducerId, ProducerState>,
    ) -> BTreeSet<ProducerId> {
        let is_missing = |producer: &ProducerId| {
            !self.states.contains_key(producer) && !found.contains_key(producer)
        };
        numbered(group).filter(is_missing).collect()
    }

    /// Remembers what was found: the log, the states of all producers with messages between the
    /// start that was asked for and the end, and those of others at the checkpoint.
    pub(super) fn learn(
        &mut self,
        log: Log,
        changed: BTreeMap<ProducerId, ProducerState>,
        others: BTreeMap<ProducerId, ProducerState>,
    ) {
        self.log = Some(log);
        self.changed.extend(changed.keys());
        self.states.extend(changed);
        self.states.extend(others);
    }

    /// Places a group at the end that was found.
    pub(super) fn place(&self, group: &[Batch], log: Log) -> Placed {
        place(group, log.end, &self.states)
    }

    /// The states with which the checkpoint may move to the end of what was placed.
    pub(super) fn states_after(&self, placed: &Placed) -> BTreeMap<ProducerId, ProducerState> {
        let before = self.changed.iter().filter_map(|id| Some((*id, *self.states.get(id)?)));
        let mut states: BTreeMap<_, _> = before.collect();
        states.extend(&placed.states);
        states
    }

    /// Remembers what was appended behind the end that is known.
    pub(super) fn appended(&mut self, placed: &Placed) {
        if let Some(log) = &mut self.log {
            log.end = placed.end();
        }
        self.states.extend(&placed.states);
        self.changed.extend(placed.states.keys());
    }

    /// Remembers that the checkpoint is at the end.
    pub(super) fn checkpoint_moved(&mut self) {
        if let Some(log) = &mut self.log {
            log.checkpoint = log.end;
        }
        self.changed.clear();
        self.ended.append(&mut self.ended_later);
    }
}

/// The producers of a group that number their messages.
fn numbered(group: &[Batch]) -> impl Iterator<Item = ProducerId> {
    group.iter().filter(|batch| batch.sequence.is_some()).map(|batch| batch.producer)
}
