//! Bytes on a slow way: each portion goes on at its time, and none overtakes another.

use std::collections::VecDeque;

use tokio::time::Instant;

/// The most bytes that one connection holds in one direction; then it takes no more, as a full
/// network would not either.
const MOST: usize = 256 * 1024;

/// What is on its way.
#[derive(Debug, Default)]
pub(super) struct DelayQueue {
    portions: VecDeque<(Instant, Vec<u8>)>,
    bytes: usize,
}

impl DelayQueue {
    pub(super) fn is_empty(&self) -> bool {
        self.portions.is_empty()
    }

    pub(super) fn has_room(&self) -> bool {
        self.bytes < MOST
    }

    /// Takes a portion that is due then, or when what is before it is due, if that is later.
    pub(super) fn push(&mut self, due: Instant, portion: &[u8]) {
        let due = self.portions.back().map_or(due, |(before, _)| due.max(*before));
        self.bytes += portion.len();
        self.portions.push_back((due, portion.to_vec()));
    }

    pub(super) fn due(&self) -> Option<Instant> {
        self.portions.front().map(|(due, _)| *due)
    }

    /// The first portion, due or not.
    pub(super) fn pop(&mut self) -> Option<Vec<u8>> {
        let (_, portion) = self.portions.pop_front()?;
        self.bytes -= portion.len();
        Some(portion)
    }

    pub(super) fn clear(&mut self) {
        self.portions.clear();
        self.bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_portion_that_is_quicker_does_not_overtake() {
        let now = Instant::now();
        let mut queue = DelayQueue::default();
        queue.push(now + Duration::from_secs(2), b"slow");
        queue.push(now + Duration::from_secs(1), b"quick");
        assert_eq!(queue.due(), Some(now + Duration::from_secs(2)));
        assert_eq!(queue.pop().unwrap(), b"slow");
        assert_eq!(queue.due(), Some(now + Duration::from_secs(2)));
        assert_eq!(queue.pop().unwrap(), b"quick");
        assert!(queue.is_empty() && queue.pop().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn it_takes_no_more_than_it_has_room_for() {
        let mut queue = DelayQueue::default();
        while queue.has_room() {
            queue.push(Instant::now(), &[0; 65_536]);
        }
        assert_eq!(queue.bytes, MOST);
        queue.clear();
        assert!(queue.has_room() && queue.is_empty());
    }
}
