//! Reads a batch in the shape that brokers write it in, many times faster than serde does.
//!
//! It gives up at anything unusual: an escape in a payload, an unknown key, a key twice, a broken
//! body. The caller then lets serde read the whole body from its beginning.

use std::ops::Range;

use memchr::memchr2;

use super::message::Placed;

/// Room is made for at most so many messages ahead: more would be fresh pages from the system for
/// each answer, which cost more than to grow.
const MOST_AHEAD: usize = 1024;

/// The messages of `body`, placed in it; `None`: it is for serde to read.
pub(super) fn read(body: &str) -> Read<Vec<Placed>> {
    // A message takes 32 bytes at least on the wire; of large ones there are fewer.
    let mut messages = Vec::with_capacity((body.len() / 64).min(MOST_AHEAD));
    let mut reader = Reader { body: body.as_bytes(), at: 0 };
    reader.batch(&mut messages)?;
    Some(messages)
}

struct Reader<'a> {
    body: &'a [u8],
    at: usize,
}

/// `None`: give up.
type Read<T> = Option<T>;

impl Reader<'_> {
    fn batch(&mut self, messages: &mut Vec<Placed>) -> Read<()> {
        self.word(b"{\"status\":\"success\",\"messages\":[")?;
        if !self.skip(b"]") {
            loop {
                self.message(messages)?;
                if !self.skip(b",") {
                    break;
                }
            }
            self.word(b"]")?;
        }
        self.word(b"}")?;
        (self.at == self.body.len()).then_some(())
    }

    /// Keys may be absent and are in this order, as serde writes them.
    fn message(&mut self, messages: &mut Vec<Placed>) -> Read<()> {
        self.word(b"{")?;
        let mut message = Placed { offset: None, producer_id: None, sequence: None, payload: 0..0 };
        if self.skip(b"\"offset\":") {
            message.offset = Some(self.number()?);
            self.word(b",")?;
        }
        if self.skip(b"\"producer_id\":") {
            message.producer_id = Some(i64::try_from(self.number()?).ok()?);
            self.word(b",")?;
        }
        if self.skip(b"\"sequence\":") {
            message.sequence = Some(self.number()?);
            self.word(b",")?;
        }
        self.word(b"\"message\":\"")?;
        message.payload = self.payload()?;
        self.word(b"}")?;
        messages.push(message);
        Some(())
    }

    fn word(&mut self, word: &[u8]) -> Read<()> {
        self.skip(word).then_some(())
    }

    #[inline]
    fn skip(&mut self, word: &[u8]) -> bool {
        let found = self.body[self.at..].starts_with(word);
        if found {
            self.at += word.len();
        }
        found
    }

    #[inline]
    fn number(&mut self) -> Read<u64> {
        let start = self.at;
        let mut number: u64 = 0;
        while let Some(digit) = self.body.get(self.at).filter(|byte| byte.is_ascii_digit()) {
            number = number.checked_mul(10)?.checked_add(u64::from(digit - b'0'))?;
            self.at += 1;
        }
        let digits = self.at - start;
        // JSON knows no leading zeros.
        (digits == 1 || digits > 1 && self.body[start] != b'0').then_some(number)
    }

    /// Up to and past the closing quote; gives up at an escape and at a control character, which
    /// JSON forbids.
    #[inline]
    fn payload(&mut self) -> Read<Range<usize>> {
        let start = self.at;
        let length = memchr2(b'"', b'\\', &self.body[start..])?;
        self.at += length;
        // Without an early exit, so that it is compiled to vector instructions.
        let is_control = |any, &byte: &u8| any | (byte < b' ');
        if self.body[start..self.at].iter().fold(false, is_control) {
            return None;
        }
        self.word(b"\"")?;
        Some(start..start + length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backoff::Chance;
    use crate::messages::{Message, Messages};
    use crate::wire;

    /// Whether it is read here; if so, serde must come to the same result.
    fn check(body: &str, expected: bool) {
        let fast = read(body);
        assert_eq!(fast.is_some(), expected, "{body}");
        if let Some(fast) = fast {
            let batch: wire::Batch<'_> = serde_json::from_str(body).expect(body);
            assert_eq!(
                fast.iter().map(|message| message.within(body)).collect::<Vec<_>>(),
                batch.messages.iter().map(Message::from).collect::<Vec<_>>(),
            );
        }
    }

    fn written(messages: Vec<wire::Delivered<'_>>) -> String {
        let status = wire::Status::Success;
        serde_json::to_string(&wire::Batch { status, messages }).unwrap()
    }

    #[test]
    fn what_serde_writes_is_read_here_unless_it_has_an_escape() {
        let delivered = |offset, producer_id, sequence, message: &'static str| wire::Delivered {
            offset,
            producer_id,
            sequence,
            message: message.into(),
        };
        check(&written(vec![]), true);
        check(&written(vec![delivered(Some(0), Some(0), Some(0), "")]), true);
        check(
            &written(vec![
                delivered(Some(u64::MAX), Some(i64::MAX), Some(10), "INFO"),
                delivered(Some(10), Some(907), None, "ü 😀 / {\u{7f}}[]:,"),
                delivered(None, None, None, "plain"),
            ]),
            true,
        );
        check(&written(vec![delivered(Some(1), Some(-1), Some(1), "a")]), false);
        check(&written(vec![delivered(Some(1), Some(1), Some(1), "a\"b")]), false);
        check(&written(vec![delivered(Some(1), Some(1), Some(1), "a\nb")]), false);
    }

    #[test]
    fn a_body_cut_anywhere_is_left_to_serde() {
        let body = written(vec![wire::Delivered {
            offset: Some(12),
            producer_id: Some(3),
            sequence: Some(4),
            message: "INFO".into(),
        }]);
        for end in 0..body.len() {
            check(&body[..end], false);
        }
        check(&format!("{body} "), false);
    }

    /// A place in something so long.
    fn place(chance: &mut Chance, length: usize) -> usize {
        usize::try_from(chance.below(length as u64)).unwrap()
    }

    /// A payload of a few pieces: plain text, long text, all that JSON escapes, other planes.
    fn payload(chance: &mut Chance) -> String {
        const PIECES: [&str; 12] = [
            "INFO",
            "",
            "a\"b",
            "\\",
            "\n\t\r",
            "\u{0}\u{1f}",
            "\u{7f}",
            "ü",
            "😀",
            "\u{2028}",
            "{[]}:,",
            "seventeen letters",
        ];
        (0..chance.below(4)).map(|_| PIECES[place(chance, PIECES.len())]).collect()
    }

    fn batch(chance: &mut Chance) -> Vec<wire::Delivered<'static>> {
        let number = |chance: &mut Chance| match chance.below(4) {
            0 => None,
            1 => Some(chance.below(20)),
            _ => Some(chance.below(u64::MAX) >> chance.below(64)),
        };
        let count = chance.below(5);
        (0..count)
            .map(|_| wire::Delivered {
                offset: number(chance),
                producer_id: number(chance).map(u64::cast_signed),
                sequence: number(chance),
                message: payload(chance).into(),
            })
            .collect()
    }

    const NOISE: &[u8; 15] = b"\"\\{}[]:,0-. \n\xffa";

    /// A body as a broker writes it, or the same with a byte of it changed, or its end cut off.
    fn body(chance: &mut Chance) -> Vec<u8> {
        let mut body = written(batch(chance)).into_bytes();
        let at = place(chance, body.len());
        match chance.below(4) {
            0 => body.truncate(at),
            1 => body[at] = NOISE[place(chance, NOISE.len())],
            2 => body.insert(at, NOISE[place(chance, NOISE.len())]),
            _ => {}
        }
        body
    }

    #[test]
    fn whatever_the_body_is_it_is_read_as_serde_reads_it_or_left_to_serde() {
        let (mut fast_ones, mut slow_ones, mut wrong_ones) = (0, 0, 0);
        for seed in 0..20_000 {
            let body = body(&mut Chance::new(Some(seed), 0));
            let shown = String::from_utf8_lossy(&body);
            if let Ok(text) = str::from_utf8(&body) {
                let is_fast = read(text).is_some();
                fast_ones += u32::from(is_fast);
                check(text, is_fast);
            }
            match (
                serde_json::from_slice::<wire::Batch<'_>>(&body),
                Messages::read_batch(body.clone()),
            ) {
                (Ok(batch), Ok(messages)) => {
                    slow_ones += 1;
                    assert!(
                        messages.iter().eq(batch.messages.iter().map(Message::from)),
                        "{shown}"
                    );
                }
                (Err(_), Err(_)) => wrong_ones += 1,
                (serde, ours) => panic!("seed {seed}: {serde:?}, {ours:?}: {shown}"),
            }
        }
        // Each way is gone often.
        slow_ones -= fast_ones;
        assert!(
            fast_ones.min(slow_ones).min(wrong_ones) > 1000,
            "{fast_ones} {slow_ones} {wrong_ones}"
        );
    }
}
