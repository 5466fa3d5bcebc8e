//! What arrived first at a consumer, stream by stream.

use std::collections::BTreeMap;

use super::payload;
use crate::fnv::Fnv;
use crate::history::{Answer, ConsumerHistory};
use crate::plan::{ConsumerIndex, MessageId, Plan, Stream, StreamIndex};

/// The first arrivals of one stream at one consumer.
#[derive(Clone, Debug, Default)]
pub(super) struct Arrival<'a> {
    /// While everything comes as planned: the numbers below this one have come, in order.
    straight: u32,
    /// From the first number on that came out of line.
    astray: Option<Box<Astray>>,
    /// Payloads that are not the planned ones, by number.
    changed: BTreeMap<u32, &'a str>,
}

#[derive(Clone, Debug)]
struct Astray {
    /// Half-open, in the order of arrival; neighbours are joined.
    ranges: Vec<(u32, u32)>,
    /// A bit a number.
    seen: Vec<u64>,
    count: u32,
}

impl Arrival<'_> {
    /// Takes note of a number, and says whether it is the first time.
    fn note(&mut self, number: u32, planned: u32) -> bool {
        match &mut self.astray {
            None if number == self.straight => self.straight += 1,
            None if number < self.straight => return false,
            None => {
                let mut astray = Box::new(Astray::after(self.straight, planned));
                astray.note(number);
                self.astray = Some(astray);
            }
            Some(astray) => return astray.note(number),
        }
        true
    }

    pub(super) fn count(&self) -> u32 {
        self.astray.as_ref().map_or(self.straight, |astray| astray.count)
    }

    /// The numbers from 0, as half-open ranges in the order of arrival.
    pub(super) fn ranges(&self) -> Vec<(u32, u32)> {
        self.astray
            .as_ref()
            .map_or_else(|| vec![(0, self.straight)], |astray| astray.ranges.clone())
    }

    /// Whether all of the stream arrived with its planned payloads, in whatever order.
    pub(super) fn is_as_planned(&self, stream: &Stream) -> bool {
        self.count() == stream.count && self.changed.is_empty()
    }

    /// The digest of what arrived, in the order of the numbers.
    pub(super) fn digest(&self, plan: &Plan, stream: &Stream) -> u64 {
        let mut digest = Fnv::default();
        self.each_payload(plan, stream, |text| payload::add(&mut digest, text));
        digest.finish()
    }

    /// Calls `with` for each payload that arrived, in the order of the numbers.
    pub(super) fn each_payload(&self, plan: &Plan, stream: &Stream, mut with: impl FnMut(&str)) {
        let arrived = |number: u32| match &self.astray {
            None => number < self.straight,
            Some(astray) => astray.has(number),
        };
        for number in (0..stream.count).filter(|number| arrived(*number)) {
            let planned = || plan.messages.payload(MessageId(stream.first.0 + number));
            with(self.changed.get(&number).map_or_else(planned, |changed| *changed));
        }
    }
}

impl Astray {
    fn after(straight: u32, planned: u32) -> Self {
        let mut astray =
            Self { ranges: Vec::new(), seen: vec![0; planned.div_ceil(64) as usize], count: 0 };
        for number in 0..straight {
            astray.note(number);
        }
        astray
    }

    fn has(&self, number: u32) -> bool {
        self.seen[number as usize / 64] & (1 << (number % 64)) != 0
    }

    fn note(&mut self, number: u32) -> bool {
        if self.has(number) {
            return false;
        }
        self.seen[number as usize / 64] |= 1 << (number % 64);
        self.count += 1;
        match self.ranges.last_mut() {
            Some((_, end)) if *end == number => *end += 1,
            _ => self.ranges.push((number, number + 1)),
        }
        true
    }
}

/// Reads the consumers' parts of a history one after the other.
pub(super) struct Reader<'p> {
    plan: &'p Plan,
    /// For each stream its place among those of the consumer being read.
    slots: Vec<u32>,
}

/// The slot of a stream that the consumer does not subscribe to.
const NO_SLOT: u32 = u32::MAX;

impl<'p> Reader<'p> {
    pub(super) fn new(plan: &'p Plan) -> Self {
        Self { plan, slots: vec![NO_SLOT; plan.streams.len()] }
    }

    /// What arrived at a consumer, an entry for each stream of each of its topics. What came on
    /// another topic than its own, or is no planned message, did not arrive here.
    pub(super) fn read<'a>(
        &mut self,
        consumer: ConsumerIndex,
        history: Option<&'a ConsumerHistory>,
    ) -> BTreeMap<StreamIndex, Arrival<'a>> {
        let topics = &self.plan.consumers[consumer.place()].topics;
        let streams: Vec<StreamIndex> = topics
            .iter()
            .flat_map(|topic| self.plan.topics[topic.place()].streams.iter().copied())
            .collect();
        for (slot, stream) in (0..).zip(&streams) {
            self.slots[stream.place()] = slot;
        }
        let mut arrivals = vec![Arrival::default(); streams.len()];
        if let Some(history) = history {
            self.note_all(history, &mut arrivals);
        }
        for stream in &streams {
            self.slots[stream.place()] = NO_SLOT;
        }
        streams.into_iter().zip(arrivals).collect()
    }

    fn note_all<'a>(&self, history: &'a ConsumerHistory, arrivals: &mut [Arrival<'a>]) {
        let mut oddities = history.oddities.iter().peekable();
        let mut place = 0;
        for poll in &history.polls {
            let Answer::Delivered(count) = poll.answer else { continue };
            let topic = history.subscriptions[poll.subscription as usize].topic;
            let end = place + count as usize;
            for (place, delivery) in (place as u64..).zip(&history.deliveries[place..end]) {
                let odd = oddities.next_if(|(at, _)| **at == place).map(|(_, oddity)| oddity);
                let Some(id) = delivery.message() else { continue };
                let index = self.plan.messages.stream(id);
                let stream = &self.plan.streams[index.place()];
                let slot = self.slots[index.place()];
                if slot == NO_SLOT || stream.topic != topic {
                    continue;
                }
                let number = id.0 - stream.first.0;
                let arrival = &mut arrivals[slot as usize];
                if arrival.note(number, stream.count)
                    && let Some(odd) = odd
                    && odd.payload != self.plan.messages.payload(id)
                {
                    arrival.changed.insert(number, &odd.payload);
                }
            }
            place = end;
        }
    }
}
