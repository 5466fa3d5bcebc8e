//! What a small store has written down: topics, ids, messages, positions and sequences. Every
//! method is one step that nobody else gets into; what a store does between two of them may be
//! its bug.
//!
//! What is written survives a broker that is killed, for the kernel has it. What is synced survives a power
//! cut, too. The numbers of producers and consumers are synced at once, to keep this small.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use broker::store::{
    Append, Epoch, Error, List, Listed, Part, Read, Start, Subscribed, Subscription,
};
use broker_client::wire::{ConsumerId, ProducerId, TopicName};
use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::Rng as _;
use tokio::sync::Notify;
use tokio::time::sleep;

use super::log::{Change, Log};
use crate::chance;
use crate::fault::Keep;
use crate::history::Forgotten;
use crate::storage::simulated::{Full, RecordId, SimulatedDisk, SyncFailed};

/// Most pauses are at most this long, in milliseconds.
const SHORT: u64 = 3;

/// One pause in so many is long: a lock that is waited for, a page that is read.
const LONG_ONE_IN: u64 = 6;

/// The longest pause, in milliseconds.
const LONG: u64 = 60;

/// It survives a broker.
pub(super) struct DurableState {
    epoch: Epoch,
    inside: Mutex<Inside>,
    chance: Mutex<Pcg64Mcg>,
    disk: Arc<SimulatedDisk>,
    /// Told after every change.
    pub(super) changed: Notify,
}

/// Where a step writes what it changes. What is in one file is kept in order; two files are synced apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum File {
    /// Of everything, as it should be: what belongs together becomes durable together.
    Journal,
    /// Of messages alone.
    Messages,
    /// Of sequences alone.
    Sequences,
}

#[derive(Default)]
struct Inside {
    written: Tables,
    synced: Tables,
    /// What `written` has and `synced` has not, in order.
    unsynced: Vec<Unsynced>,
}

/// What one step changed.
struct Unsynced {
    record: RecordId,
    file: File,
    topic: TopicName,
    changes: Vec<Change>,
}

#[derive(Clone, Default)]
struct Tables {
    topics: Vec<TopicName>,
    logs: BTreeMap<TopicName, Log>,
    /// By producer id, the topic that each is registered with.
    producers: Vec<TopicName>,
    /// How many consumers there were; ids are not given again.
    consumers: ConsumerId,
}

impl DurableState {
    pub(super) fn new(epoch: Epoch, chance: Pcg64Mcg, disk: Arc<SimulatedDisk>) -> Self {
        let (inside, chance) = (Mutex::default(), Mutex::new(chance));
        Self { epoch, inside, chance, disk, changed: Notify::new() }
    }

    pub(super) fn epoch(&self) -> &Epoch {
        &self.epoch
    }

    /// A while, as a store that works on a disk takes between two steps.
    pub(super) async fn pause(&self) {
        let millis = {
            let mut chance = self.chance.lock().unwrap_or_else(PoisonError::into_inner);
            let longest =
                if chance::below(chance.next_u64(), LONG_ONE_IN) == 0 { LONG } else { SHORT };
            chance::below(chance.next_u64(), longest + 1)
        };
        sleep(Duration::from_millis(millis)).await;
    }

    /// Takes as long as a write takes, and refuses one that grows something on a full disk.
    pub(super) async fn admit(&self, grows: bool) -> Result<(), Error> {
        let full = |Full| Error::Unavailable("the disk is full".to_owned());
        self.disk.admit(grows).await.map_err(full)
    }

    /// Makes durable what was written by now, of all files or of one.
    pub(super) async fn sync(&self, file: Option<File>) -> Result<(), Error> {
        let is_of = |own: &Unsynced| file.is_none_or(|file| own.file == file);
        let unsynced = |inside: &Inside| {
            let own = inside.unsynced.iter().filter(|own| is_of(own));
            own.map(|own| own.record).collect::<Vec<_>>()
        };
        let records = unsynced(&self.inside());
        if records.is_empty() {
            return Ok(());
        }
        // What could not be synced stays to be, and is written anew: whoever only syncs again may find
        // that the kernel has dropped it.
        let failed = |SyncFailed| Error::OutcomeUnknown("the disk cannot be synced".to_owned());
        self.disk.sync(&records).await.map_err(failed)?;
        self.inside().carry(&records.into_iter().collect());
        Ok(())
    }

    /// The power goes; brokers are dead by now.
    pub(super) fn forget(&self, keep: Keep, seed: u64) -> Forgotten {
        let (forgotten, survivors) = self.disk.cut(keep, seed);
        let mut inside = self.inside();
        inside.carry(&survivors);
        inside.unsynced.clear();
        inside.written = inside.synced.clone();
        forgotten
    }

    pub(super) fn create_topic(&self, topic: &TopicName) -> Result<(), Error> {
        let mut inside = self.inside();
        if inside.written.logs.contains_key(topic) {
            return Err(Error::TopicExists(topic.to_string()));
        }
        inside.both().for_each(|tables| tables.add(topic.clone()));
        Ok(())
    }

    pub(super) fn topics(&self, list: &List<'_>) -> Result<Listed, Error> {
        let names = &self.inside().written.topics;
        let topics = (0..).zip(names.iter().cloned());
        let first = match list.start {
            Start::First => 0,
            Start::After(after) => {
                let place = topics.clone().find(|(_, name)| name.as_str() == after);
                place.ok_or_else(|| Error::UnknownTopic(after.to_owned()))?.0 + 1
            }
            Start::At(place) => place,
        };
        Ok(list.take(first, topics.skip_while(|(place, _)| *place < first)))
    }

    pub(super) fn register_producer(&self, topic: &TopicName) -> ProducerId {
        let mut inside = self.inside();
        for tables in inside.both() {
            if !tables.logs.contains_key(topic) {
                tables.add(topic.clone());
            }
            tables.producers.push(topic.clone());
        }
        let last = inside.written.producers.len() - 1;
        ProducerId::try_from(last).expect("a simulation has few producers")
    }

    /// What is in the log by then has to be synced: the position is its end.
    pub(super) fn register_consumer(&self, topic: &str) -> Result<Subscribed, Error> {
        let mut inside = self.inside();
        let consumer = inside.written.consumers;
        let offset = inside.written.log(topic)?.end();
        for tables in inside.both() {
            tables.log_mut(topic)?.apply(&Change::Position(consumer, Some(offset)));
            tables.consumers += 1;
        }
        Ok(Subscribed { consumer, offset })
    }

    /// One step on the log that an append is for.
    pub(super) fn appending<T>(
        &self,
        append: &Append<'_>,
        step: impl FnOnce(&mut Log) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.appending_to(File::Journal, append, step)
    }

    /// The same, written to this file.
    pub(super) fn appending_to<T>(
        &self,
        file: File,
        append: &Append<'_>,
        step: impl FnOnce(&mut Log) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.check_epoch(append.epoch)?;
        let mut inside = self.inside();
        let Append { producer, topic, .. } = *append;
        let tables = &inside.written;
        let registered = usize::try_from(producer).ok().and_then(|id| tables.producers.get(id));
        let registered = registered.ok_or(Error::UnknownProducer(producer))?.clone();
        let log = inside.written.log_mut(topic)?;
        if registered.as_str() != topic {
            return Err(Error::ProducerNotRegistered { producer, topic: topic.to_owned() });
        }
        let done = step(log);
        inside.note(&self.disk, file, registered);
        done
    }

    /// What a log holds.
    pub(super) fn read(&self, read: &Read<'_>) -> Result<Part, Error> {
        let inside = self.inside();
        let log = inside.written.log(read.topic)?;
        let messages = log.from(read.offset, read.max).into_iter().collect();
        Ok(Part { messages, end: log.end() })
    }

    /// One step on the log that a subscription is to.
    pub(super) fn consuming<T>(
        &self,
        subscription: &Subscription<'_>,
        step: impl FnOnce(&mut Log) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.check_epoch(subscription.epoch)?;
        let mut inside = self.inside();
        let Subscription { consumer, topic, .. } = *subscription;
        if !inside.written.logs.values().any(|log| log.position(consumer).is_some()) {
            return Err(Error::UnknownConsumer(consumer));
        }
        let log = inside.written.log_mut(topic)?;
        if log.position(consumer).is_none() {
            return Err(Error::ConsumerNotRegistered { consumer, topic: topic.to_owned() });
        }
        let done = step(log);
        let topic = inside.written.topics.iter().find(|known| known.as_str() == topic).cloned();
        inside.note(&self.disk, File::Journal, topic.expect("it has a log"));
        done
    }

    fn check_epoch(&self, given: Option<&str>) -> Result<(), Error> {
        let current = self.epoch.as_str();
        match given {
            Some(given) if given != current => {
                Err(Error::WrongEpoch { given: given.to_owned(), current: current.to_owned() })
            }
            _ => Ok(()),
        }
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inside {
    fn both(&mut self) -> impl Iterator<Item = &mut Tables> {
        [&mut self.written, &mut self.synced].into_iter()
    }

    /// Writes down what a step has changed in a log.
    fn note(&mut self, disk: &SimulatedDisk, file: File, topic: TopicName) {
        let log = self.written.logs.get_mut(&topic).expect("the step was on it");
        let changes = log.take_changes();
        if changes.is_empty() {
            return;
        }
        let bytes = changes.iter().map(Change::bytes).sum();
        let payloads = changes.iter().filter_map(Change::payload);
        let record = disk.write(file.name(), bytes, payloads);
        self.unsynced.push(Unsynced { record, file, topic, changes });
    }

    /// Those of the records that are not yet durable become so.
    fn carry(&mut self, records: &BTreeSet<RecordId>) {
        for own in self.unsynced.extract_if(.., |own| records.contains(&own.record)) {
            let log = self.synced.logs.get_mut(&own.topic).expect("topics are synced at once");
            own.changes.iter().for_each(|change| log.apply(change));
        }
    }
}

impl Tables {
    fn add(&mut self, topic: TopicName) {
        self.topics.push(topic.clone());
        self.logs.insert(topic, Log::default());
    }

    fn log(&self, topic: &str) -> Result<&Log, Error> {
        self.logs.get(topic).ok_or_else(|| Error::UnknownTopic(topic.to_owned()))
    }

    fn log_mut(&mut self, topic: &str) -> Result<&mut Log, Error> {
        self.logs.get_mut(topic).ok_or_else(|| Error::UnknownTopic(topic.to_owned()))
    }
}

impl File {
    const fn name(self) -> &'static str {
        match self {
            Self::Journal => "journal",
            Self::Messages => "messages",
            Self::Sequences => "sequences",
        }
    }
}
