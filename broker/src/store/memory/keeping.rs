//! What all topics of a store keep: the memory that they share, and for retention by age or by size
//! which piece of which log goes next.
//!
//! A log is kept in segments, and deleted by them. Each is noted here when it begins, so that the
//! one that has been there longest is found at once, whichever topic it is of.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, Weak};

use broker_client::wire::Offset;
use tokio::time::{Duration, Instant};

use super::budget::Budget;
use crate::store::Retain;
use crate::store::locks::lock;

/// A segment takes messages for this part of the age after which it goes: so none is kept longer
/// than its age and this part of it.
const PART: u32 = 8;

/// At most this part of the size that is kept goes at a time.
const PARTS: u64 = 16;

/// What all topics keep.
pub(super) struct Keeping {
    pub(super) retain: Retain,
    pub(super) budget: Budget,
    pieces: Mutex<VecDeque<Piece>>,
}

/// A segment of some log.
pub(super) struct Piece {
    log: Weak<dyn Kept>,
    /// Its first offset.
    pub(super) first: Offset,
    /// The end of the log when it was noted.
    pub(super) end: Offset,
    begun: Instant,
}

/// A log of which pieces are noted.
pub(super) trait Kept: Send + Sync {
    /// Deletes a piece of it and all before, unless it has grown and is to be spared.
    fn delete(&self, piece: &Piece, spares_grown: bool, budget: &Budget) -> Going;
}

/// What became of a piece that was to go.
pub(super) enum Going {
    /// It is deleted, with all before it; or it was gone already.
    Gone,
    /// It has grown since it was noted, up to here.
    Grown(Offset),
}

impl Keeping {
    pub(super) fn new(retain: Retain, max_memory: Option<u64>) -> Self {
        // Where old ones make room nothing is refused: threads that append at the same time may be
        // over the size for a moment, by a body each.
        let limit = if let Retain::Size(_) = retain { None } else { max_memory };
        let budget = Budget::new(limit.unwrap_or(u64::MAX));
        Self { retain, budget, pieces: Mutex::default() }
    }

    /// Whether segments are to be noted when they begin.
    pub(super) fn counts_pieces(&self) -> bool {
        matches!(self.retain, Retain::Age(_) | Retain::Size(_))
    }

    /// The memory that messages take, and the most that they may.
    pub(super) fn memory(&self) -> (u64, u64) {
        let (used, limit) = self.budget.now();
        match self.retain {
            Retain::Size(most) => (used, most),
            _ => (used, limit),
        }
    }

    /// The bytes at which a segment takes no more: not so large that little is left where it goes.
    pub(super) fn piece_bytes(retain: Retain) -> usize {
        match retain {
            Retain::Size(most) => usize::try_from(most / PARTS).unwrap_or(usize::MAX),
            _ => usize::MAX,
        }
    }

    /// How long a segment takes messages; none where that does not matter.
    pub(super) fn open_for(retain: Retain) -> Option<Duration> {
        match retain {
            Retain::Age(age) => Some(age / PART),
            _ => None,
        }
    }

    /// Notes that a segment has begun.
    pub(super) fn begun(&self, log: &Arc<impl Kept + 'static>, first: Offset, end: Offset) {
        let log: Weak<dyn Kept> = Arc::downgrade(log) as _;
        self.note(Piece { log, first, end, begun: Instant::now() });
    }

    fn note(&self, piece: Piece) {
        lock(&self.pieces).push_back(piece);
    }

    /// Where the latest are kept up to a size: deletes the oldest until there is room for so many
    /// bytes more. One that has grown since it was noted has messages younger than its place
    /// here says, and goes only when it comes to its turn again.
    pub(super) fn make_room(&self, bytes: usize) {
        let Retain::Size(most) = self.retain else { return };
        while !self.budget.fits(bytes, most) {
            let Some(piece) = lock(&self.pieces).pop_front() else { return };
            let Some(log) = piece.log.upgrade() else { continue };
            if let Going::Grown(end) = log.delete(&piece, true, &self.budget) {
                self.note(Piece { end, begun: Instant::now(), ..piece });
            }
        }
    }

    /// Where messages are kept for a time: deletes those that are older.
    pub(super) fn delete_old(&self) {
        let Retain::Age(age) = self.retain else { return };
        let now = Instant::now();
        let is_old = |piece: &mut Piece| now - piece.begun >= age + age / PART;
        loop {
            let Some(piece) = lock(&self.pieces).pop_front_if(is_old) else { return };
            if let Some(log) = piece.log.upgrade() {
                log.delete(&piece, false, &self.budget);
            }
        }
    }
}
