//! Numbers of consecutive messages: kept once for all of them, and written as JSON one by one.

use std::ops::Range;

use broker_client::wire::{Offset, ProducerId, Sequence};

use super::push_number;

/// The most bytes that a message has beside its payload and the comma.
pub(super) const MOST_AROUND: usize = 110;

const OFFSET: &[u8] = b"{\"offset\":";
const PRODUCER: &[u8] = b",\"producer_id\":";
const SEQUENCE: &[u8] = b",\"sequence\":";
const MESSAGE: &[u8] = b",\"message\":\"";
const CLOSE: &[u8] = b"\"},";

/// The first of messages of one producer with consecutive offsets, and with consecutive sequences
/// or none.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    /// Which message of its block it is.
    pub(super) index: usize,
    pub(super) offset: Offset,
    pub(super) producer: ProducerId,
    pub(super) sequence: Option<Sequence>,
}

impl Run {
    /// Whether `next` would be one of this run.
    pub(super) fn continues_with(&self, next: &Self) -> bool {
        let distance = (next.index - self.index) as u64;
        let sequence = self.sequence.map(|first| first.checked_add(distance));
        self.offset.checked_add(distance) == Some(next.offset)
            && self.producer == next.producer
            && sequence == next.sequence.map(Some)
    }

    /// The run from its message `index` on.
    pub(super) fn from(&self, index: usize) -> Self {
        let distance = (index - self.index) as u64;
        Self {
            index,
            offset: self.offset + distance,
            producer: self.producer,
            sequence: self.sequence.map(|first| first + distance),
        }
    }

    /// The bytes around the payloads of its first `count` messages.
    pub(super) fn around(&self, count: usize) -> usize {
        let sign = usize::from(self.producer < 0);
        let producer = sign + digits(self.producer.unsigned_abs());
        let words = OFFSET.len() + PRODUCER.len() + MESSAGE.len() + CLOSE.len();
        let sequences = self
            .sequence
            .map_or(0, |first| SEQUENCE.len() * count + digits_of_consecutive(first, count));
        (words + producer) * count + digits_of_consecutive(self.offset, count) + sequences
    }
}

/// Writes the messages of a run. What stands before a payload is a copy of what stands before the
/// one before it, counted up; only where a number gets a further digit it is written anew.
pub(super) struct Writer<'o> {
    out: &'o mut Vec<u8>,
    next: Run,
    /// Where in `out` the text before the last payload is; empty where none was written yet.
    before: Range<usize>,
    /// Where in that text the digits of the offset end, and those of the sequence.
    offset_end: usize,
    sequence_end: usize,
}

impl<'o> Writer<'o> {
    pub(super) fn new(run: Run, out: &'o mut Vec<u8>) -> Self {
        Self { out, next: run, before: 0..0, offset_end: 0, sequence_end: 0 }
    }

    /// Writes the next message, with a comma after it.
    pub(super) fn write(&mut self, payload: &[u8]) {
        let start = self.out.len();
        if self.before.is_empty() || !self.count_up() {
            self.out.truncate(start);
            self.begin();
        }
        self.before = start..self.out.len();
        self.out.extend_from_slice(payload);
        self.out.extend_from_slice(CLOSE);
        // After the last message of all there is no next number.
        self.next.offset = self.next.offset.wrapping_add(1);
        self.next.sequence = self.next.sequence.map(|sequence| sequence.wrapping_add(1));
    }

    fn begin(&mut self) {
        let start = self.out.len();
        let Run { offset, producer, sequence, .. } = self.next;
        self.out.extend_from_slice(OFFSET);
        push_number(self.out, offset);
        self.offset_end = self.out.len() - start;
        self.out.extend_from_slice(PRODUCER);
        push_number(self.out, producer);
        if let Some(sequence) = sequence {
            self.out.extend_from_slice(SEQUENCE);
            push_number(self.out, sequence);
        }
        self.sequence_end = self.out.len() - start;
        self.out.extend_from_slice(MESSAGE);
    }

    /// Copies and counts up; false where a number takes a further digit.
    fn count_up(&mut self) -> bool {
        let start = self.out.len();
        self.out.extend_from_within(self.before.clone());
        let copy = &mut self.out[start..];
        increment(&mut copy[..self.offset_end])
            && (self.next.sequence.is_none() || increment(&mut copy[..self.sequence_end]))
    }
}

/// Adds one to the number that `text` ends with; false where it would take a further digit.
fn increment(text: &mut [u8]) -> bool {
    for digit in text.iter_mut().rev() {
        match digit {
            b'9' => *digit = b'0',
            b'0'..=b'8' => {
                *digit += 1;
                return true;
            }
            _ => return false,
        }
    }
    false
}

fn digits(number: u64) -> usize {
    number.checked_ilog10().map_or(1, |log| log as usize + 1)
}

/// The digits of `first` and the numbers after it, `count` in all.
fn digits_of_consecutive(mut first: u64, mut count: usize) -> usize {
    let mut sum = 0;
    while count > 0 {
        let digits = digits(first);
        // The numbers with as many digits; of the longest there are enough for any count.
        let longer = u32::try_from(digits).ok().and_then(|digits| 10_u64.checked_pow(digits));
        let alike = longer.and_then(|longer| usize::try_from(longer - first).ok());
        let alike = alike.unwrap_or(count).min(count);
        sum += digits * alike;
        count -= alike;
        first = longer.unwrap_or(first);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written one by one, and as long as was foretold.
    fn check(run: Run, count: usize) {
        let (mut expected, mut out) = (Vec::new(), b"x".to_vec());
        let mut writer = Writer::new(run, &mut out);
        for index in 0..count {
            let Run { offset, producer, sequence, .. } = run.from(run.index + index);
            let sequence = sequence.map(|number| format!(r#","sequence":{number}"#));
            expected.extend_from_slice(
                format!(
                    r#"{{"offset":{offset},"producer_id":{producer}{},"message":"x"}},"#,
                    sequence.unwrap_or_default()
                )
                .as_bytes(),
            );
            writer.write(b"x");
            assert_eq!(1 + run.around(index + 1) + index + 1, writer.out.len(), "{run:?}");
        }
        assert_eq!(String::from_utf8_lossy(&out[1..]), String::from_utf8_lossy(&expected));
    }

    #[test]
    fn numbers_are_counted_up_over_every_length() {
        let numbers = [0, 7, 9, 10, 95, 99, 100, 12_399, 9_999_990, u64::MAX - 120, 9_999_999_999];
        for offset in numbers {
            for sequence in numbers.map(Some).into_iter().chain([None]) {
                for producer in [0, -1, i64::MIN, i64::MAX] {
                    check(Run { index: 3, offset, producer, sequence }, 120);
                }
            }
        }
        check(Run { index: 0, offset: u64::MAX, producer: 1, sequence: Some(u64::MAX) }, 1);
    }

    #[test]
    fn a_run_goes_on_only_with_the_next_numbers() {
        let run = Run { index: 2, offset: 5, producer: 1, sequence: Some(9) };
        let next = Run { index: 4, offset: 7, sequence: Some(11), ..run };
        assert!(run.continues_with(&next));
        assert!(!run.continues_with(&Run { offset: 8, ..next }));
        assert!(!run.continues_with(&Run { producer: 2, ..next }));
        assert!(!run.continues_with(&Run { sequence: Some(10), ..next }));
        assert!(!run.continues_with(&Run { sequence: None, ..next }));
        assert!(!Run { sequence: None, ..run }.continues_with(&next));
        assert!(Run { sequence: None, ..run }.continues_with(&Run { sequence: None, ..next }));
        let last = Run { offset: u64::MAX, ..run };
        assert!(!last.continues_with(&Run { index: 3, offset: 0, sequence: Some(10), ..run }));
    }
}
