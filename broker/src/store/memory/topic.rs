//! One topic: its appender, which orders appends, and its log, which they become part of.
//!
//! The two have locks of their own, so that a batch is rendered while consumers go on polling.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use broker_client::wire::{ConsumerId, Offset, ProducerId, TopicName};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::budget::Budget;
use super::keeping::{Going, Keeping, Kept, Piece};
use super::log::{Freed, Log};
use crate::store::dedup::ProducerState;
use crate::store::locks::lock;
use crate::store::messages::Rendered;
use crate::store::segment::{SEGMENT_BYTES, as_offset};
use crate::store::traffic::{AllCounts, TopicCounts};
use crate::store::{Append, Error, Retain};

/// One topic.
pub(super) struct Topic {
    /// Its place in the order of creation.
    pub(super) number: u64,
    pub(super) name: TopicName,
    /// What goes through it.
    pub(super) counts: TopicCounts,
    appender: Mutex<Appender>,
    log: Mutex<Log>,
    /// Told after every append and when a subscription ended; waiters look at the log themselves.
    changed: Notify,
}

/// What an append needs to know before it may touch the log.
#[derive(Default)]
struct Appender {
    producers: BTreeMap<ProducerId, Producer>,
    is_deleted: bool,
    /// Where a batch is rendered; kept for its memory.
    scratch: Rendered,
}

/// What is known of a producer.
struct Producer {
    state: ProducerState,
    /// When it was registered or last sent.
    last_send: Instant,
}

impl Topic {
    pub(super) fn new(number: u64, name: TopicName, retain: Retain, all: &Arc<AllCounts>) -> Self {
        Self {
            number,
            name,
            counts: TopicCounts::new(all),
            appender: Mutex::default(),
            log: Mutex::new(Log::new(retain)),
            changed: Notify::new(),
        }
    }

    pub(super) fn log(&self) -> MutexGuard<'_, Log> {
        lock(&self.log)
    }

    /// Registers a producer; false where the topic is deleted.
    pub(super) fn register_producer(&self, producer: ProducerId) -> bool {
        let new = Producer { state: ProducerState::default(), last_send: Instant::now() };
        let mut appender = lock(&self.appender);
        if !appender.is_deleted {
            appender.producers.insert(producer, new);
        }
        !appender.is_deleted
    }

    /// Forgets the producers that sent nothing for so long.
    pub(super) fn end_idle_producers(&self, idle: Duration) -> Vec<ProducerId> {
        let (mut ended, now) = (Vec::new(), Instant::now());
        lock(&self.appender).producers.retain(|&id, producer| {
            let stays = now.duration_since(producer.last_send) < idle;
            if !stays {
                ended.push(id);
            }
            stays
        });
        ended
    }

    /// Ends all producers for good, and answers which they were: from then on nothing is appended.
    pub(super) fn end_producers(&self) -> impl Iterator<Item = ProducerId> + use<> {
        let mut appender = lock(&self.appender);
        let Appender { producers, .. } =
            std::mem::replace(&mut *appender, Appender { is_deleted: true, ..Appender::default() });
        producers.into_keys()
    }

    /// When a producer was registered or last sent; none where it is not of this topic.
    pub(super) fn last_send(&self, producer: ProducerId) -> Option<Instant> {
        lock(&self.appender).producers.get(&producer).map(|producer| producer.last_send)
    }

    /// Appends, or answers `None` where the producer is not of this topic.
    pub(super) fn append(
        self: &Arc<Self>,
        append: &Append<'_>,
        keeping: &Keeping,
    ) -> Option<Result<Offset, Error>> {
        let mut large = rendered_before(append);
        let mut appender = lock(&self.appender);
        let Appender { producers, scratch, .. } = &mut *appender;
        let Producer { state, last_send } = producers.get_mut(&append.producer)?;
        *last_send = Instant::now();
        let size = as_offset(append.payloads.len());
        match state.repeated(append.sequence, size) {
            Ok(Some(offset)) => return Some(Ok(offset)),
            Ok(None) => {}
            Err(refusal) => return Some(Err(refusal)),
        }
        // Only an appender moves the end, and this one holds the lock.
        let offset = self.log().end();
        let block = match &mut large {
            Some(block) => {
                block.move_by(offset);
                block
            }
            None => {
                render(scratch, offset, append);
                &mut *scratch
            }
        };
        keeping.make_room(block.bytes());
        let published = self.log().publish(block, &keeping.budget);
        if scratch.bytes() > SEGMENT_BYTES {
            *scratch = Rendered::default();
        }
        match published {
            Ok(true) if keeping.counts_pieces() => keeping.begun(self, offset, offset + size),
            Ok(_) => {}
            Err(full) => return Some(Err(full)),
        }
        state.accept(append.sequence, size, offset);
        drop(appender);
        let bytes = append.payloads.iter().map(|payload| payload.len()).sum();
        self.counts.appended(size, as_offset(bytes));
        self.changed.notify_waiters();
        Some(Ok(offset))
    }

    /// Waits until the end is past `offset` or the subscription is over.
    pub(super) async fn arrival(&self, consumer: ConsumerId, offset: Offset) {
        loop {
            // It listens from here on, so that nothing after the look at the log is missed.
            let changed = self.changed.notified();
            if self.log().answers(consumer, offset) {
                return;
            }
            changed.await;
        }
    }

    /// Wakes the polls that wait, for a subscription has ended.
    pub(super) fn wake(&self) {
        self.changed.notify_waiters();
    }

    /// Frees what every subscription is past: in short steps, and outside the lock, so that the
    /// topic is not held up by a large log. Without an await, for a caller that goes away would
    /// leave the rest behind, and no later call would free it.
    pub(super) fn free_passed(&self, budget: &Budget) {
        loop {
            let Freed { bytes, memory, more } = self.log().free_passed();
            drop(memory);
            budget.give(bytes);
            if !more {
                return;
            }
        }
    }
}

impl Kept for Topic {
    fn delete(&self, piece: &Piece, spares_grown: bool, budget: &Budget) -> Going {
        let (going, freed) = self.log().delete(piece, spares_grown);
        budget.give(freed.bytes);
        going
    }
}

/// A large batch as if the log began with it. It is rendered before the appender is locked, for that
/// takes long, and small ones would wait for it.
fn rendered_before(append: &Append<'_>) -> Option<Rendered> {
    let bytes: usize = append.payloads.iter().map(|payload| payload.len()).sum();
    (bytes > SEGMENT_BYTES).then(|| {
        let mut block = Rendered::with_room(append.payloads.len(), bytes);
        render(&mut block, 0, append);
        block
    })
}

fn render(out: &mut Rendered, offset: Offset, append: &Append<'_>) {
    out.clear();
    for (place, payload) in (0..).zip(append.payloads) {
        let sequence = append.sequence.map(|first| first + place);
        out.push(offset + place, append.producer, sequence, payload);
    }
}
