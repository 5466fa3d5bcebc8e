//! Room for large bodies and answers: all that are in flight share so many bytes. Small ones need
//! none, for their number is that of the connections.

use std::sync::Arc;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Duration, timeout};

use super::limits::Limits;
use crate::store::Budget;

/// Bytes up to which a body or an answer needs no room.
pub(super) const SMALL: usize = 64 * 1024;

/// What is counted in.
const UNIT: usize = 1024;

/// The bytes that there are for all large bodies and answers.
pub(super) struct Room {
    free: Arc<Semaphore>,
    /// All of it, in units.
    most: u32,
    wait: Duration,
    /// The most that one answer takes: it grows up to a limit, but one message is always answered.
    pub(super) answer: usize,
}

/// None got free in time.
pub(super) struct NoRoom;

/// Room for so many bytes, of which some may turn out not to be needed.
pub(super) struct Reserved<'r> {
    room: &'r Room,
    permit: SemaphorePermit<'r>,
    pub(super) bytes: usize,
}

/// Room that something takes until it is dropped.
pub(super) struct Held {
    free: Arc<Semaphore>,
    units: u32,
}

impl Room {
    /// As large as the limits say, but at least for one body and one answer.
    pub(super) fn new(limits: &Limits) -> Self {
        let most = units(limits.in_flight_bytes.max(limits.least_in_flight()), u32::MAX);
        let free = Arc::new(Semaphore::new(most as usize));
        Self { free, most, wait: limits.in_flight_wait, answer: limits.largest_answer() }
    }

    /// What is in use, and all there is.
    pub(super) fn now(&self) -> Budget {
        let bytes = |units| u64::try_from(units * UNIT).unwrap_or(u64::MAX);
        let all = self.most as usize;
        let used = bytes(all.saturating_sub(self.free.available_permits()));
        Budget { name: "in_flight", used, limit: Some(bytes(all)) }
    }

    /// Room for so many bytes, if it is there now.
    pub(super) fn try_reserve(&self, bytes: usize) -> Option<Reserved<'_>> {
        let permit = self.free.try_acquire_many(units(bytes, self.most)).ok()?;
        Some(Reserved { room: self, permit, bytes })
    }

    /// Room for so many bytes; waits for it, first come, first served.
    pub(super) async fn reserve(&self, bytes: usize) -> Result<Reserved<'_>, NoRoom> {
        let permit = self.free.acquire_many(units(bytes, self.most));
        match timeout(self.wait, permit).await {
            Ok(Ok(permit)) => Ok(Reserved { room: self, permit, bytes }),
            _ => Err(NoRoom),
        }
    }
}

impl Reserved<'_> {
    /// Keeps what so many bytes take, and gives the rest back; none of it where they are small.
    pub(super) fn keep(self, bytes: usize) -> Option<Held> {
        if bytes <= SMALL {
            return None;
        }
        let reserved = units(self.bytes, self.room.most);
        let held = units(bytes, reserved);
        self.permit.forget();
        self.room.free.add_permits((reserved - held) as usize);
        Some(Held { free: Arc::clone(&self.room.free), units: held })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.free.add_permits(self.units as usize);
    }
}

/// Bytes in units, at least one and at most so many.
fn units(bytes: usize, most: u32) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX).clamp(1, most)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;

    fn room(in_flight_bytes: usize) -> Room {
        Room::new(&Limits {
            message_bytes: 1024,
            body_bytes: 100 * 1024,
            answer_bytes: NonZeroUsize::new(200 * 1024).unwrap(),
            in_flight_bytes,
            in_flight_wait: Duration::from_millis(1),
            ..Limits::default()
        })
    }

    #[tokio::test]
    async fn what_is_kept_is_given_back_when_it_is_dropped() {
        let room = room(300 * 1024);
        let all = room.try_reserve(300 * 1024).unwrap();
        assert!(room.try_reserve(1).is_none());
        assert!(room.reserve(1).await.is_err(), "and nobody waits for ever");
        let held = all.keep(100 * 1024);
        assert!(room.try_reserve(200 * 1024 + 1).is_none());
        assert!(room.try_reserve(200 * 1024).unwrap().keep(SMALL).is_none(), "small needs none");
        drop(held);
        assert!(room.try_reserve(300 * 1024).is_some());
    }

    #[tokio::test]
    async fn a_body_and_an_answer_always_fit_and_more_than_all_is_all() {
        let room = room(0);
        let body = room.try_reserve(100 * 1024).unwrap();
        let answer = room.try_reserve(room.answer).unwrap();
        assert!(room.try_reserve(1).is_none());
        drop((body, answer));
        let all = room.try_reserve(usize::MAX).unwrap().keep(usize::MAX);
        assert!(room.try_reserve(1).is_none());
        drop(all);
        assert!(room.try_reserve(1).is_some());
    }
}
