//! Enough of AMQP 0-9-1 to know, from the bytes that a client sends, where a message that it
//! publishes has been sent whole. A frame is a type, a channel, a size, so many bytes and an end;
//! a message is the method `basic.publish`, a header with the body's size, and the body in as many
//! frames as that takes.

use crate::capability;

/// What every connection begins with.
const GREETING: &[u8] = b"AMQP\0\0\x09\x01";

/// Type, channel and size.
const HEAD: usize = 7;

/// Class and method of `basic.publish`.
const PUBLISH: [u8; 4] = [0, 60, 0, 40];

/// What is read of a frame's content: a header has class, weight and the body's size.
const NEEDED: usize = 12;

const END: u8 = 0xce;

/// The requests of one connection.
#[derive(Debug, Default)]
pub(super) struct Requests {
    state: State,
    /// What came of the greeting or of the frame that is under way, as far as it is needed.
    seen: Vec<u8>,
    /// How many bytes of the frame are to come beyond those, once they have come.
    left: Option<usize>,
    /// By channel: a message that is under way on it, and how much of its body is to come; none
    /// before its header.
    publishing: Vec<(u16, Option<u64>)>,
    /// Whether a message was sent whole since the last answer.
    is_asked: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Greeting,
    /// A frame's head, content and end.
    Frame,
    /// It is no AMQP 0-9-1.
    Lost,
}

impl capability::Requests for Requests {
    fn sent(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            match self.state {
                State::Lost => return,
                State::Greeting => {
                    bytes = self.collect(bytes, GREETING.len());
                    if !GREETING.starts_with(&self.seen) {
                        return self.lose();
                    }
                    if self.seen.len() == GREETING.len() {
                        self.state = State::Frame;
                        self.seen.clear();
                    }
                }
                State::Frame => bytes = self.frame(bytes),
            }
        }
    }

    fn answered(&mut self) -> bool {
        std::mem::take(&mut self.is_asked)
    }
}

impl Requests {
    /// Takes in what belongs to the frame that is under way, and returns the rest.
    fn frame<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let bytes = self.collect(bytes, HEAD);
        let Some(size) = self.size() else { return bytes };
        let needed = HEAD + size.min(NEEDED);
        let bytes = self.collect(bytes, needed);
        if self.seen.len() < needed {
            return bytes;
        }
        // The content's rest and the end.
        let left = self.left.get_or_insert(size - size.min(NEEDED) + 1);
        let skipped = bytes.len().min(*left);
        *left -= skipped;
        if *left == 0 {
            self.left = None;
            if bytes[skipped - 1] == END {
                self.whole(size);
            } else {
                self.lose();
            }
            self.seen.clear();
        }
        &bytes[skipped..]
    }

    /// The size in a frame's head, once that has come.
    fn size(&self) -> Option<usize> {
        let size = self.seen.get(3..HEAD)?;
        Some(u32::from_be_bytes(size.try_into().ok()?) as usize)
    }

    /// Takes in a frame that has come whole.
    fn whole(&mut self, size: usize) {
        let (head, content) = self.seen.split_at(HEAD);
        let channel = u16::from_be_bytes([head[1], head[2]]);
        let place = self.publishing.iter().position(|own| own.0 == channel);
        match (head[0], place) {
            (1, None) if content.starts_with(&PUBLISH) => self.publishing.push((channel, None)),
            (2, Some(place)) if self.publishing[place].1.is_none() => {
                let Some(body) = content.get(4..NEEDED) else { return self.lose() };
                let body = u64::from_be_bytes(body.try_into().expect("8 bytes are a u64"));
                self.publishing[place].1 = Some(body);
                self.carried(place, 0);
            }
            (3, Some(place)) => self.carried(place, size as u64),
            _ => {}
        }
    }

    /// So many bytes of a body have come.
    fn carried(&mut self, place: usize, bytes: u64) {
        let Some(left) = &mut self.publishing[place].1 else { return self.lose() };
        *left = left.saturating_sub(bytes);
        if *left == 0 {
            self.publishing.remove(place);
            self.is_asked = true;
        }
    }

    /// Keeps bytes until there are so many, and returns the others.
    fn collect<'a>(&mut self, bytes: &'a [u8], wanted: usize) -> &'a [u8] {
        let taken = wanted.saturating_sub(self.seen.len()).min(bytes.len());
        self.seen.extend_from_slice(&bytes[..taken]);
        &bytes[taken..]
    }

    fn lose(&mut self) {
        *self = Self { state: State::Lost, ..Self::default() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capability::Requests as _;
    use crate::fixture::acks;

    fn frame(kind: u8, channel: u16, content: &[u8]) -> Vec<u8> {
        let mut frame = vec![kind];
        frame.extend(channel.to_be_bytes());
        frame.extend(u32::try_from(content.len()).unwrap().to_be_bytes());
        frame.extend(content);
        frame.push(END);
        frame
    }

    fn publish(channel: u16, bodies: &[&[u8]]) -> Vec<u8> {
        let size: usize = bodies.iter().map(|body| body.len()).sum();
        let mut header = vec![0, 60, 0, 0];
        header.extend((size as u64).to_be_bytes());
        header.extend([0, 0]);
        let mut all = frame(1, channel, b"\0\x3c\0\x28\0\0\x01x\0\x01");
        all.extend(frame(2, channel, &header));
        all.extend(bodies.iter().flat_map(|body| frame(3, channel, body)));
        all
    }

    /// Which of these requests produce, each sent in pieces of so many bytes.
    fn check(requests: &[Vec<u8>], piece: usize, expected: &[bool]) {
        let answers = acks(&mut Requests::default(), requests, piece);
        assert_eq!(answers, expected, "in pieces of {piece}");
    }

    #[test]
    fn a_message_is_known_once_it_is_whole_in_whatever_pieces_it_comes() {
        let long = vec![END; 70_000];
        let requests = [
            GREETING.to_vec(),
            frame(1, 0, b"\0\x0a\0\x0b and what a client says of itself"),
            publish(1, &[b"hello"]),
            frame(8, 0, b""),
            publish(1, &[]),
            frame(1, 1, b"\0\x3c\0\x50\0\0\0\0\0\0\0\x07\x01"),
            publish(7, &[&long, b"and more"]),
        ];
        let expected = [false, false, true, false, true, false, true];
        for piece in [1, 2, 3, 7, 8, 11, 19, 20, 50, 1000, 100_000] {
            check(&requests, piece, &expected);
        }
        for piece in 1..requests[2].len() {
            check(&requests[..4], piece, &expected[..4]);
        }
    }

    #[test]
    fn messages_of_two_channels_may_be_mixed_and_are_one_answer() {
        let mut seen = Requests::default();
        seen.sent(GREETING);
        let (one, other) = (publish(1, &[b"a"]), publish(2, &[b"b"]));
        let (rest_of_one, rest_of_other) = (frame(3, 1, b"a").len(), frame(3, 2, b"b").len());
        seen.sent(&one[..one.len() - rest_of_one]);
        seen.sent(&other[..other.len() - rest_of_other]);
        assert!(!seen.answered());
        seen.sent(&frame(3, 1, b"a"));
        seen.sent(&frame(3, 2, b"b"));
        assert!(seen.answered() && !seen.answered());
    }

    #[test]
    fn what_is_no_amqp_is_never_an_ack() {
        let mut unended = publish(1, &[b"hello"]);
        *unended.last_mut().unwrap() = 0;
        for bytes in [b"GET / HTTP/1.1\r\n\r\n".to_vec(), [GREETING, &unended].concat()] {
            check(&[bytes, publish(1, &[b"hello"])], 1000, &[false, false]);
        }
    }
}
