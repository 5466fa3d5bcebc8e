//! The exact search: every way to read the logs, entry by entry of the order that is looked for.
//!
//! A way is a position in each stream, and how many entries each log was allowed to lack and how many
//! of its lines to repeat; where it is in each log follows from these. The ways after an entry are a
//! sorted vector without repeats. On payloads that are all different there is one.

use std::borrow::Cow;

use super::fields::{Field, Layout, State};
use super::log::{Explained, Log};
use super::places::Places;

pub(super) struct Stream<'a> {
    pub(super) entries: &'a [u32],
    pub(super) at: Field,
    /// The position of the next stream, if that is equal to this one. Of two that stand at the same
    /// place it is enough to move the second.
    twin: Option<Field>,
    places: Places,
}

impl Stream<'_> {
    /// Its next entry, if it is worth while to take it.
    fn next<const WORDS: usize>(&self, state: &State<WORDS>) -> Option<u32> {
        let at = self.at.get(state);
        let payload = self.entries.get(at)?;
        self.twin.is_none_or(|twin| twin.get(state) != at).then_some(*payload)
    }
}

pub(super) struct Reading<'a> {
    pub(super) log: Log<'a>,
    skipped: Field,
    dropped: Field,
    places: Places,
}

impl Reading<'_> {
    /// How many lines were read after so many entries of the order; never fewer than there are, once
    /// all are read.
    pub(super) fn at<const WORDS: usize>(&self, state: &State<WORDS>, level: usize) -> usize {
        level - self.skipped.get(state) + self.dropped.get(state)
    }
}

pub(super) struct Search<'a, const WORDS: usize> {
    pub(super) streams: Vec<Stream<'a>>,
    pub(super) readings: Vec<Reading<'a>>,
    pub(super) work: u64,
    pub(super) budget: u64,
}

impl<'a, const WORDS: usize> Search<'a, WORDS> {
    pub(super) fn new(streams: &'a [Cow<'_, [u32]>], logs: &[Log<'a>], budget: u64) -> Self {
        let mut layout = Layout::default();
        let counted = logs.iter().any(|log| log.missing + log.extra > 0);
        let places =
            |entries: &[u32]| if counted { Places::new(entries) } else { Places::default() };
        let fields: Vec<Field> = streams.iter().map(|stream| layout.field(stream.len())).collect();
        let streams = streams.iter().enumerate().map(|(place, entries)| Stream {
            entries,
            at: fields[place],
            twin: streams.get(place + 1).filter(|next| *next == entries).map(|_| fields[place + 1]),
            places: places(entries),
        });
        let readings = logs.iter().map(|log| Reading {
            log: *log,
            skipped: layout.field(log.missing),
            dropped: layout.field(log.extra),
            places: places(log.lines),
        });
        Self { streams: streams.collect(), readings: readings.collect(), work: 0, budget }
    }

    pub(super) fn run(&mut self, anywhere: bool, cap: usize) -> Explained {
        let start = if anywhere { self.everywhere(cap) } else { Some(vec![[0; WORDS]]) };
        let Some(mut frontier) = start else { return Explained::Unknown };
        for level in 0.. {
            self.repeat_lines(&mut frontier, level);
            if self.is_explained(&frontier, level) {
                return Explained::Yes;
            }
            let next = self.step(&frontier, level);
            if next.is_empty() {
                return Explained::No(self.furthest(&frontier, level));
            }
            if self.work > self.budget {
                return Explained::Unknown;
            }
            frontier = next;
            if frontier.len() > cap {
                return if anywhere { Explained::Unknown } else { self.beam(&frontier, level + 1) };
            }
        }
        Explained::Unknown
    }

    /// All places that the streams may be at, if they are not too many.
    fn everywhere(&self, cap: usize) -> Option<Vec<State<WORDS>>> {
        let mut all = vec![[0; WORDS]];
        for stream in &self.streams {
            if all.len() * (stream.entries.len() + 1) > cap {
                return None;
            }
            let moved = |state: &State<WORDS>, by: usize| {
                let mut state = *state;
                stream.at.add(&mut state, by);
                state
            };
            all = (0..=stream.entries.len())
                .flat_map(|by| all.iter().map(move |state| moved(state, by)))
                .collect();
        }
        all.sort_unstable();
        Some(all)
    }

    pub(super) fn is_explained(&self, frontier: &[State<WORDS>], level: usize) -> bool {
        let over =
            |state: &State<WORDS>, own: &Reading<'_>| own.at(state, level) >= own.log.lines.len();
        // Most levels are too early for any way.
        let early = |own: &Reading<'_>| level + own.log.extra < own.log.lines.len();
        !self.readings.iter().any(early)
            && frontier.iter().any(|state| self.readings.iter().all(|own| over(state, own)))
    }

    fn furthest(&self, frontier: &[State<WORDS>], level: usize) -> usize {
        frontier.iter().map(|state| self.readings[0].at(state, level)).max().unwrap_or(0)
    }

    /// The ways after one more entry of the order.
    pub(super) fn step(&mut self, frontier: &[State<WORDS>], level: usize) -> Vec<State<WORDS>> {
        self.work += (frontier.len() * self.streams.len()) as u64;
        if let Some(wanted) = self.only_line(level) {
            return self.step_to(wanted, frontier);
        }
        let mut next = Vec::with_capacity(frontier.len() * 2);
        let mut skips = 0;
        for stream in &self.streams {
            for state in frontier {
                let Some(payload) = stream.next(state) else { continue };
                let moved = self.readings.iter().try_fold(*state, |moved, reading| {
                    self.read(reading, moved, state, level, payload, &mut skips)
                });
                if let Some(mut moved) = moved {
                    stream.at.add(&mut moved, 1);
                    next.push(moved);
                }
            }
        }
        self.work += 16 * skips;
        // Each stream's ways ascend mostly; the stable sort makes use of that.
        next.sort();
        next.dedup();
        next
    }

    /// The line that every way reads next, where there is one log of which only the end may be missing.
    /// This is the common question, and the dearest.
    fn only_line(&self, level: usize) -> Option<u32> {
        let [reading] = self.readings.as_slice() else { return None };
        let plain = reading.log.missing + reading.log.extra == 0;
        reading.log.lines.get(level).copied().filter(|_| plain)
    }

    /// The ways whose next entry is this one. Those of a stream ascend as the frontier does, and are
    /// merged with those of the streams before it.
    fn step_to(&self, wanted: u32, frontier: &[State<WORDS>]) -> Vec<State<WORDS>> {
        let mut next: Vec<State<WORDS>> = Vec::new();
        for stream in &self.streams {
            let mut merged = Vec::with_capacity(next.len() + frontier.len() / 2);
            let mut known = 0;
            for state in frontier.iter().filter(|state| stream.next(state) == Some(wanted)) {
                let mut moved = *state;
                stream.at.add(&mut moved, 1);
                while known < next.len() && next[known] < moved {
                    merged.push(next[known]);
                    known += 1;
                }
                known += usize::from(next.get(known) == Some(&moved));
                merged.push(moved);
            }
            merged.extend_from_slice(&next[known..]);
            next = merged;
        }
        next
    }

    /// One log after one more entry of the order: it has it next, it is over, or it lacks it.
    fn read(
        &self,
        reading: &Reading<'_>,
        mut moved: State<WORDS>,
        state: &State<WORDS>,
        level: usize,
        payload: u32,
        skips: &mut u64,
    ) -> Option<State<WORDS>> {
        let at = reading.at(state, level);
        if reading.log.lines.get(at).is_none_or(|line| *line == payload) {
            return Some(moved);
        }
        if reading.skipped.get(state) >= reading.log.missing {
            return None;
        }
        *skips += 1;
        // An entry of which the rest of the log needs every one cannot be missing.
        let lacking = self.total(payload).checked_sub(reading.places.total(payload))?;
        let lacked = self.taken(state, payload).checked_sub(reading.places.before(payload, at))?;
        if lacked >= lacking {
            return None;
        }
        reading.skipped.add(&mut moved, 1);
        Some(moved)
    }

    /// Adds the ways in which the next line of a log repeats an entry that came before.
    pub(super) fn repeat_lines(&mut self, frontier: &mut Vec<State<WORDS>>, level: usize) {
        if self.readings.iter().all(|reading| reading.log.extra == 0) {
            return;
        }
        let mut next = 0;
        while let Some(state) = frontier.get(next).copied() {
            next += 1;
            self.work += 16;
            for reading in &self.readings {
                let at = reading.at(&state, level);
                let Some(payload) = reading.log.lines.get(at) else { continue };
                if reading.dropped.get(&state) >= reading.log.extra {
                    continue;
                }
                let taken = self.taken(&state, *payload);
                let more = reading.places.total(*payload).saturating_sub(self.total(*payload));
                let dropped = reading.places.before(*payload, at).saturating_sub(taken);
                if taken > 0 && dropped < more {
                    let mut moved = state;
                    reading.dropped.add(&mut moved, 1);
                    frontier.push(moved);
                }
            }
        }
        frontier.sort();
        frontier.dedup();
    }

    /// How often the order has a payload so far, and in all.
    fn taken(&self, state: &State<WORDS>, payload: u32) -> usize {
        let own = |stream: &Stream<'_>| stream.places.before(payload, stream.at.get(state));
        self.streams.iter().map(own).sum()
    }

    fn total(&self, payload: u32) -> usize {
        self.streams.iter().map(|stream| stream.places.total(payload)).sum()
    }
}
