//! Enough of Redis's protocol to know, from the bytes that a client sends, which of its requests
//! produce: those whose command is XADD. Where it sees anything else than commands as clients send
//! them, such as TLS, it stops looking.
//!
//! A command is an array of texts, each with its length: `*2\r\n$4\r\nXACK\r\n$1\r\nk\r\n`. What
//! connects a producer comes before its first message and is answered before that leaves, so what is
//! not answered yet is either that or messages.

use crate::capability;

/// The longest line of a length, and the longest name of a command, that are looked at.
const LINE_MAX: usize = 32;

/// The requests of one connection.
#[derive(Debug, Default)]
pub(super) struct Requests {
    state: State,
    /// What came of the line of a length, or of a command's name.
    text: Vec<u8>,
    /// How many parts of the command are still to come.
    parts: u64,
    /// Whether the command is one that produces, once its name is there.
    produces: Option<bool>,
    /// Commands that were sent whole and are not answered: those that produce, and all others.
    messages: u64,
    others: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// The number of a command's parts is to come.
    #[default]
    Parts,
    /// The length of a part is to come.
    Length,
    /// So much of a part is to come, the end of its line included.
    Part(u64),
    /// It is not Redis's protocol.
    Lost,
}

impl capability::Requests for Requests {
    fn sent(&mut self, mut bytes: &[u8]) {
        while let Some((&byte, rest)) = bytes.split_first() {
            bytes = match self.state {
                State::Lost => return,
                State::Part(left) if self.produces.is_some() => {
                    let taken = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                    self.took(left, taken as u64);
                    &bytes[taken..]
                }
                State::Part(left) => {
                    self.text.push(byte);
                    self.took(left, 1);
                    rest
                }
                State::Parts | State::Length => {
                    self.text.push(byte);
                    if self.text.ends_with(b"\r\n") {
                        self.end_line();
                    } else if self.text.len() > LINE_MAX {
                        self.state = State::Lost;
                    }
                    rest
                }
            };
        }
    }

    fn answered(&mut self) -> bool {
        if self.others > 0 {
            self.others = 0;
            return false;
        }
        let is_message = self.messages > 0;
        self.messages = self.messages.saturating_sub(1);
        is_message
    }
}

impl Requests {
    /// A line that tells a number is there.
    fn end_line(&mut self) {
        let sign = if self.state == State::Parts { b'*' } else { b'$' };
        let number = self
            .text
            .strip_prefix(&[sign])
            .and_then(|line| std::str::from_utf8(line).ok()?.trim_end().parse::<u64>().ok());
        self.text.clear();
        self.state = match (self.state, number) {
            (State::Parts, Some(parts @ 1..)) => {
                (self.parts, self.produces) = (parts, None);
                State::Length
            }
            // A command's name is not as long as any text may be.
            (State::Length, Some(length))
                if self.produces.is_some() || length < LINE_MAX as u64 =>
            {
                State::Part(length.saturating_add(2))
            }
            _ => State::Lost,
        };
    }

    /// So much came of a part of which this was left.
    fn took(&mut self, left: u64, taken: u64) {
        self.state = State::Part(left - taken);
        if left > taken {
            return;
        }
        let name = self.text.trim_ascii_end();
        let produces = *self.produces.get_or_insert(name.eq_ignore_ascii_case(b"XADD"));
        self.text.clear();
        self.parts -= 1;
        self.state = if self.parts > 0 { State::Length } else { State::Parts };
        if self.parts == 0 {
            let count = if produces { &mut self.messages } else { &mut self.others };
            *count += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capability::Requests as _;
    use crate::fixture::acks;

    fn command(words: &[&str]) -> String {
        let parts = words.iter().map(|word| format!("${}\r\n{word}\r\n", word.len()));
        format!("*{}\r\n{}", words.len(), parts.collect::<String>())
    }

    /// What each of these exchanges is, its request sent in pieces of so many bytes.
    fn check(requests: &[&str], piece: usize, expected: &[bool]) {
        let answers = acks(&mut Requests::default(), requests, piece);
        assert_eq!(answers, expected, "in pieces of {piece}");
    }

    #[test]
    fn a_message_is_known_in_whatever_pieces_it_comes() {
        let hostile = "*1\r\n$4\r\nXADD\r\n\u{0}\u{1f600}";
        let add = command(&["XADD", "k", "*", "payload", hostile]);
        let small = command(&["xadd", "k", "*", "payload", ""]);
        let ack = command(&["XACK", "k", "g", "1-0"]);
        let hello = [command(&["HELLO", "3"]), command(&["PING"])].concat();
        for piece in (1..=add.len()).chain([1000]) {
            let requests = [&*hello, &add, &ack, &small, &add];
            // Only the first command of several is not alone in its pieces.
            if piece > hello.len() || piece == 1000 {
                check(&requests, piece, &[false, true, false, true, true]);
            }
            check(&requests[1..], piece, &[true, false, true, true]);
        }
    }

    #[test]
    fn several_messages_under_way_are_answered_one_after_the_other() {
        let mut seen = Requests::default();
        let add = command(&["XADD", "k", "*", "payload", "x"]);
        seen.sent([&*add, &add, &add[..5]].concat().as_bytes());
        assert_eq!([seen.answered(), seen.answered(), seen.answered()], [true, true, false]);
        seen.sent(&add.as_bytes()[5..]);
        assert!(seen.answered());
    }

    #[test]
    fn what_is_not_the_protocol_is_never_a_message() {
        let add = command(&["XADD", "k", "*", "payload", "x"]);
        let long = "x".repeat(LINE_MAX + 1);
        for text in ["PING\r\n", "*0\r\n", "*1\r\n*1\r\n", "*x\r\n", "\u{16}\u{3}\u{1}\r\n", &long]
        {
            check(&[text, &add], 1000, &[false, false]);
        }
        check(&[&command(&[&long]), &add], 1000, &[false, false]);
    }
}
