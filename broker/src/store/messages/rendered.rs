//! A block of messages in memory: payloads as JSON, numbers once for those that follow each other.

use std::ops::Range;

use broker_client::wire::{Offset, ProducerId, Sequence};

use super::json::push_escaped;
use super::message::Message;
use super::run::{MOST_AROUND, Run, Writer};

/// Messages whose payloads are rendered.
#[derive(Debug, Default)]
pub(in crate::store) struct Rendered {
    /// The payloads as they stand between the quotes of JSON, one after the other.
    text: Vec<u8>,
    /// Where each payload ends in `text`.
    ends: Vec<usize>,
    /// Their numbers; the first run begins with the first message.
    runs: Vec<Run>,
}

impl Rendered {
    /// None yet, with room for as many as `other` has, but not for more than `most` bytes of text.
    pub(in crate::store) fn with_room_of(other: &Self, most: usize) -> Self {
        Self {
            text: Vec::with_capacity(other.text.len().min(most)),
            ends: Vec::with_capacity(other.ends.len()),
            runs: Vec::with_capacity(other.runs.len()),
        }
    }

    /// None yet, with room for so many messages of so many bytes together.
    pub(in crate::store) fn with_room(messages: usize, bytes: usize) -> Self {
        let (text, ends) = (Vec::with_capacity(bytes), Vec::with_capacity(messages));
        Self { text, ends, runs: Vec::new() }
    }

    /// Moves all messages so far on in their log.
    pub(in crate::store) fn move_by(&mut self, distance: Offset) {
        for run in &mut self.runs {
            run.offset += distance;
        }
    }

    /// How many messages.
    pub(in crate::store) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The memory they take, in bytes.
    pub(in crate::store) fn bytes(&self) -> usize {
        self.text.len() + size_of_val(self.ends.as_slice()) + size_of_val(self.runs.as_slice())
    }

    pub(in crate::store) fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
        self.runs.clear();
    }

    /// Renders one more message.
    pub(in crate::store) fn push(
        &mut self,
        offset: Offset,
        producer: ProducerId,
        sequence: Option<Sequence>,
        payload: &str,
    ) {
        self.go_on(Run { index: self.len(), offset, producer, sequence });
        push_escaped(&mut self.text, payload);
        self.ends.push(self.text.len());
    }

    /// Adds all messages of `other`.
    pub(in crate::store) fn extend(&mut self, other: &Self) {
        let (text, index) = (self.text.len(), self.len());
        for run in &other.runs {
            self.go_on(Run { index: run.index + index, ..*run });
        }
        self.text.extend_from_slice(&other.text);
        self.ends.extend(other.ends.iter().map(|end| end + text));
    }

    /// Notes a run, unless it is the rest of the last one.
    fn go_on(&mut self, run: Run) {
        if !self.runs.last().is_some_and(|last| last.continues_with(&run)) {
            self.runs.push(run);
        }
    }

    /// How many messages from `start` on, at most `max`, are at most `max_bytes` of JSON together.
    pub(in crate::store) fn fitting(&self, start: usize, max: usize, max_bytes: usize) -> usize {
        let most = max.min(self.len() - start);
        let text = self.start_of(start + most) - self.start_of(start);
        // So it is nearly always, without a look at the numbers.
        if text.saturating_add(most.saturating_mul(MOST_AROUND)) <= max_bytes {
            return most;
        }
        let fits = |count: usize| self.json_len(&(start..start + count)) <= max_bytes;
        if fits(most) {
            return most;
        }
        let (mut fitting, mut beyond) = (0, most);
        while beyond - fitting > 1 {
            let middle = fitting.midpoint(beyond);
            if fits(middle) { fitting = middle } else { beyond = middle }
        }
        fitting
    }

    /// The size of [`Rendered::write_json`] in bytes.
    pub(in crate::store) fn json_len(&self, range: &Range<usize>) -> usize {
        let text = self.start_of(range.end) - self.start_of(range.start);
        text + self.runs_of(range).map(|(run, count)| run.around(count)).sum::<usize>()
    }

    /// Writes messages as JSON objects with a comma after each.
    pub(in crate::store) fn write_json(&self, range: &Range<usize>, out: &mut Vec<u8>) {
        let mut start = self.start_of(range.start);
        for (run, count) in self.runs_of(range) {
            let mut writer = Writer::new(run, out);
            for &end in &self.ends[run.index..run.index + count] {
                writer.write(&self.text[start..end]);
                start = end;
            }
        }
    }

    /// The runs within a range, and how many messages of it each has.
    fn runs_of(&self, range: &Range<usize>) -> impl Iterator<Item = (Run, usize)> {
        let Range { start, end } = *range;
        let first = self.runs.partition_point(|run| run.index <= start).saturating_sub(1);
        let runs = if range.is_empty() { &[][..] } else { &self.runs[first..] };
        let ends = runs.iter().skip(1).map(|run| run.index).chain([self.len()]);
        runs.iter().zip(ends).take_while(move |(run, _)| run.index < end).map(move |(run, next)| {
            let from = run.index.max(start);
            (run.from(from), next.min(end) - from)
        })
    }

    fn start_of(&self, index: usize) -> usize {
        if index == 0 { 0 } else { self.ends[index - 1] }
    }

    /// One message, taken apart.
    pub(super) fn message(&self, index: usize) -> Message {
        let alone = index..index + 1;
        let (run, _) = self.runs_of(&alone).next().expect("every message is of a run");
        let payload = &self.text[self.start_of(index)..self.ends[index]];
        let quoted = [b"\"", payload, b"\""].concat();
        let payload = serde_json::from_slice(&quoted).expect("it was rendered as valid JSON");
        Message { offset: run.offset, producer: run.producer, sequence: run.sequence, payload }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two runs and a message between them.
    fn rendered() -> Rendered {
        let mut rendered = Rendered::default();
        for offset in 8..12 {
            rendered.push(offset, 1, None, "x");
        }
        rendered.push(12, 2, Some(0), "\n");
        for offset in 13..16 {
            rendered.push(offset, 1, None, "");
        }
        rendered
    }

    fn json(rendered: &Rendered, range: Range<usize>) -> String {
        let mut out = Vec::new();
        rendered.write_json(&range, &mut out);
        assert_eq!(out.len(), rendered.json_len(&range));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_part_of_it_is_written_as_the_whole_is() {
        let rendered = rendered();
        assert_eq!(rendered.runs.len(), 3);
        let one_by_one: Vec<_> = (0..8).map(|index| json(&rendered, index..index + 1)).collect();
        for start in 0..=8 {
            for end in start..=8 {
                assert_eq!(json(&rendered, start..end), one_by_one[start..end].concat());
            }
        }
    }

    #[test]
    fn blocks_put_together_are_what_one_block_would_be() {
        let whole = rendered();
        for cut in 0..=8 {
            let (mut first, mut second) = (Rendered::default(), Rendered::default());
            for index in 0..8 {
                let Message { offset, producer, sequence, payload } = whole.message(index);
                let part = if index < cut { &mut first } else { &mut second };
                part.push(offset, producer, sequence, &payload);
            }
            first.extend(&second);
            assert_eq!(json(&first, 0..8), json(&whole, 0..8));
            assert_eq!(first.bytes(), whole.bytes(), "a run goes on over the cut at {cut}");
        }
    }

    #[test]
    fn fitting_counts_messages_and_bytes() {
        let rendered = rendered();
        assert_eq!(rendered.fitting(0, 3, usize::MAX), 3);
        assert_eq!(rendered.fitting(1, 9, usize::MAX), 7);
        assert_eq!(rendered.fitting(1, 9, 1), 0);
        assert_eq!(rendered.fitting(8, 9, 1), 0);
        for start in 0..8 {
            for count in 0..=8 - start {
                let bytes = rendered.json_len(&(start..start + count));
                assert_eq!(rendered.fitting(start, 9, bytes), count);
                assert_eq!(rendered.fitting(start, 9, bytes + 1), count);
                assert_eq!(rendered.fitting(start, count, bytes), count);
            }
        }
    }
}
