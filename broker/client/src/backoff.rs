//! How often, how long and with which pauses a request is tried again.

use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

use tokio::time::Instant;

use crate::error::Error;

/// Bounds for trying again. The pauses double from `first` to `longest`, each shortened by chance
/// by up to a half, so that clients that failed together do not come back together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retry {
    /// At most so many attempts, the first included; 0 counts as 1.
    pub attempts: u32,
    /// No attempt starts later than this after the first one did; [`Duration::MAX`] is no bound.
    pub total: Duration,
    /// The pause after the first attempt.
    pub first: Duration,
    /// The longest pause.
    pub longest: Duration,
    /// Where chance comes from. `None`: from the process, other numbers for each user; so clients
    /// that failed together do not come back together. Equal seeds give equal pauses, as a
    /// simulation needs; programs with many clients then give each its own.
    pub seed: Option<u64>,
}

impl Default for Retry {
    /// 8 attempts within 30 s, with pauses from 20 ms to 2 s and chance from the process.
    fn default() -> Self {
        Self {
            attempts: 8,
            total: Duration::from_secs(30),
            first: Duration::from_millis(20),
            longest: Duration::from_secs(2),
            seed: None,
        }
    }
}

impl Retry {
    /// One attempt and no more.
    #[must_use]
    pub fn never() -> Self {
        Self { attempts: 1, ..Self::default() }
    }

    /// Makes a request that may be repeated without harm until it succeeds, fails for good, or the
    /// bounds are reached. `stream` tells the users of one seed apart, see [`stream`].
    ///
    /// # Errors
    /// The last attempt's.
    pub async fn repeat<T, F: Future<Output = Result<T, Error>>>(
        &self,
        stream: u64,
        request: impl FnMut() -> F,
    ) -> Result<T, Error> {
        self.repeat_watched(stream, request, &mut |_| ()).await
    }

    /// The same, and tells of each attempt.
    ///
    /// # Errors
    /// The last attempt's.
    pub async fn repeat_watched<T, F: Future<Output = Result<T, Error>>>(
        &self,
        stream: u64,
        mut request: impl FnMut() -> F,
        watch: Watch<'_>,
    ) -> Result<T, Error> {
        let mut chance = Chance::new(self.seed, stream);
        let mut attempts = Attempts::begin(self, &mut chance);
        loop {
            watch(Progress::Began);
            let error = match request().await {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            watch(Progress::Failed(&error));
            if !(error.may_pass() && attempts.again().await) {
                return Err(error);
            }
        }
    }
}

/// A number that tells users of one seed apart: by names, such as an address, a topic and what is
/// done there, and by an id where there is one. The same in every process.
#[must_use]
pub fn stream(names: &[&str], id: u64) -> u64 {
    // FNV-1a over the names, each with an end that is in none of them, and the id.
    let bytes = names.iter().flat_map(|name| name.bytes().chain([0xff])).chain(id.to_le_bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Called as the attempts of a request are made, with what becomes of them.
pub type Watch<'a> = &'a mut (dyn FnMut(Progress<'_>) + Send);

/// What becomes of an attempt. One that is neither followed by another nor told as failed has
/// succeeded, or the call was dropped.
#[derive(Clone, Copy, Debug)]
pub enum Progress<'a> {
    /// It is about to leave.
    Began,
    /// It was not acknowledged.
    Failed(&'a Error),
}

/// The attempts of one request.
pub(crate) struct Attempts<'a> {
    retry: &'a Retry,
    chance: &'a mut Chance,
    made: u32,
    /// `None`: for ever.
    deadline: Option<Instant>,
}

impl<'a> Attempts<'a> {
    /// Begins with the first attempt.
    pub(crate) fn begin(retry: &'a Retry, chance: &'a mut Chance) -> Self {
        let deadline = Instant::now().checked_add(retry.total);
        Self { retry, chance, made: 1, deadline }
    }

    /// How many there were, the one now included.
    pub(crate) fn made(&self) -> u32 {
        self.made
    }

    /// Waits until the next attempt may start; false if there is to be none.
    pub(crate) async fn again(&mut self) -> bool {
        if self.made >= self.retry.attempts {
            return false;
        }
        let pause = pause(self.retry, self.made, self.chance);
        let start = Instant::now().checked_add(pause);
        if self.deadline.is_some_and(|deadline| start.is_none_or(|start| start > deadline)) {
            return false;
        }
        tokio::time::sleep(pause).await;
        self.made += 1;
        true
    }
}

/// The pause after the `made`th attempt, in whole milliseconds: timers closer than that fire in no
/// defined order.
pub(crate) fn pause(retry: &Retry, made: u32, chance: &mut Chance) -> Duration {
    let doubled = retry.first.saturating_mul(1 << made.saturating_sub(1).min(20));
    let millis = u64::try_from(doubled.min(retry.longest).as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis(millis - chance.below(millis / 2 + 1))
}

/// A small generator of chance (SplitMix64, by Steele, Lea and Flood, 2014). Not for secrets.
#[derive(Clone, Debug)]
pub(crate) struct Chance(u64);

impl Chance {
    /// Equal seeds and streams give equal numbers; `stream` tells users of one seed apart.
    #[expect(clippy::disallowed_types, reason = "the one source of chance without a further crate")]
    pub(crate) fn new(seed: Option<u64>, stream: u64) -> Self {
        // Each has keys of its own.
        let seed = seed.unwrap_or_else(|| std::hash::RandomState::new().build_hasher().finish());
        let mut chance = Self(seed ^ stream.wrapping_mul(0xd134_2543_de82_ef95));
        chance.next();
        chance
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, which is at least 1.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_lose_at_most_half() {
        let retry = Retry {
            first: Duration::from_millis(100),
            longest: Duration::from_millis(350),
            ..Retry::default()
        };
        let mut chance = Chance::new(Some(7), 1);
        for (made, full) in [(1, 100), (2, 200), (3, 350), (4, 350), (4_000_000, 350)] {
            let pause = pause(&retry, made, &mut chance).as_millis();
            assert!((full / 2..=full).contains(&pause), "after {made}: {pause} of {full}");
        }
    }

    #[test]
    fn equal_seeds_give_equal_pauses_and_other_streams_others() {
        let pauses = |seed, stream| {
            let mut chance = Chance::new(seed, stream);
            (1..9).map(|made| pause(&Retry::default(), made, &mut chance)).collect::<Vec<_>>()
        };
        assert_eq!(pauses(Some(1), 1), pauses(Some(1), 1));
        assert_ne!(pauses(Some(1), 1), pauses(Some(1), 2));
        assert_ne!(pauses(Some(1), 1), pauses(Some(2), 1));
        assert_ne!(pauses(None, 1), pauses(None, 1), "without a seed, users differ");
    }

    #[test]
    fn streams_differ_by_every_name_and_by_the_id() {
        let streams = [
            stream(&["http://a", "T1", "producer"], 0),
            stream(&["http://b", "T1", "producer"], 0),
            stream(&["http://a", "T2", "producer"], 0),
            stream(&["http://a", "T1", "consumer"], 0),
            stream(&["http://a", "T1", "producer"], 1),
            stream(&["http://aT", "1", "producer"], 0),
        ];
        let different: std::collections::BTreeSet<_> = streams.into_iter().collect();
        assert_eq!(different.len(), streams.len());
        assert_eq!(streams[0], stream(&["http://a", "T1", "producer"], 0));
    }

    #[tokio::test(start_paused = true)]
    async fn attempts_end_at_the_count_or_at_the_total_time() {
        let count = |retry: Retry| async move {
            let mut chance = Chance::new(None, 0);
            let mut attempts = Attempts::begin(&retry, &mut chance);
            while attempts.again().await {}
            attempts.made()
        };
        assert_eq!(count(Retry::default()).await, 8);
        assert_eq!(count(Retry::never()).await, 1);
        let hour = Duration::from_secs(3600);
        assert_eq!(count(Retry { first: hour, longest: hour, ..Retry::default() }).await, 1);
        let ever = Retry { total: Duration::MAX, ..Retry::default() };
        assert_eq!(count(ever.clone()).await, 8, "the longest time is no bound, and no panic");
        assert_eq!(count(Retry { first: hour, longest: hour, ..ever.clone() }).await, 8);
        let aeon = Duration::MAX;
        assert_eq!(count(Retry { first: aeon, longest: aeon, ..Retry::default() }).await, 1);
    }
}
