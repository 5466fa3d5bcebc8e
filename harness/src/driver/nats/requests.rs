//! Enough of the NATS protocol to know, from the bytes that a client sends, which of them publish a
//! message that is to be stored. What a server sends between answers (a ping of its own, the answer to
//! one) cannot be told from an ack here: a connection may then be cut a moment before its ack comes.

use std::mem::take;

use crate::capability;

/// The longest line that is looked at; the servers' own limit is 4 KiB.
const LINE_MAX: usize = 64 * 1024;

/// What a client sends on one connection.
#[derive(Debug, Default)]
pub(super) struct Requests {
    state: State,
    /// What came of a line so far.
    line: Vec<u8>,
    /// Whether a message was sent whole, and nothing came since.
    has_published: bool,
    /// Whether a ping was sent, whose answer is to come first.
    has_pinged: bool,
}

#[derive(Debug, Default)]
enum State {
    /// A line is to come, or has come in part.
    #[default]
    Line,
    /// So many bytes of a message are to come, with the end of line behind it.
    Payload { publishes: bool, left: u64 },
    /// It is not the protocol, or it is encrypted.
    Lost,
}

impl capability::Requests for Requests {
    fn sent(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            match &mut self.state {
                State::Lost => return,
                State::Payload { publishes, left } => {
                    let taken = bytes.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                    *left -= taken as u64;
                    bytes = &bytes[taken..];
                    if *left == 0 {
                        self.has_published |= *publishes;
                        self.state = State::Line;
                    }
                }
                State::Line => match bytes.iter().position(|byte| *byte == b'\n') {
                    Some(end) => {
                        self.line.extend_from_slice(&bytes[..end]);
                        bytes = &bytes[end + 1..];
                        let line = take(&mut self.line);
                        self.read(&line);
                    }
                    None => {
                        self.line.extend_from_slice(bytes);
                        if self.line.len() > LINE_MAX {
                            self.lose();
                        }
                        return;
                    }
                },
            }
        }
    }

    fn answered(&mut self) -> bool {
        // The next answer may be the ack.
        if take(&mut self.has_pinged) {
            return false;
        }
        take(&mut self.has_published)
    }
}

impl Requests {
    fn read(&mut self, line: &[u8]) {
        let line = str::from_utf8(line).unwrap_or_default().trim_end_matches('\r');
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let Some(first) = words.first() else { return self.lose() };
        match (first.to_ascii_uppercase().as_str(), &words[1..]) {
            ("PING", []) => self.has_pinged = true,
            ("PONG", []) | ("CONNECT" | "SUB" | "UNSUB", [_, ..]) => {}
            // The reply is what the ack is sent to; without it there is none.
            ("PUB", [subject, rest @ .., size]) | ("HPUB", [subject, rest @ .., _, size]) => {
                self.begin(subject, rest.len() == 1, size);
            }
            _ => self.lose(),
        }
    }

    /// A message to this subject follows, of so many bytes.
    fn begin(&mut self, subject: &str, wants_ack: bool, size: &str) {
        // JetStream's own requests and acks are messages too.
        let publishes = wants_ack && !subject.starts_with('$');
        match size.parse::<u64>().ok().and_then(|size| size.checked_add(2)) {
            Some(left) => self.state = State::Payload { publishes, left },
            None => self.lose(),
        }
    }

    fn lose(&mut self) {
        self.state = State::Lost;
        self.line = Vec::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capability::Requests as _;

    const HELLO: &str = "CONNECT {\"verbose\":false}\r\nPING\r\n";
    const PUBLISH: &str = "HPUB harness-a1-1 _INBOX.x.1 38 43\r\nNATS/1.0\r\nharness-message: a1 P1#1\r\n\r\nhello\r\n";

    /// Which of these exchanges is answered by an ack, its bytes sent in pieces of so many.
    fn check(exchanges: &[&str], piece: usize, expected: &[bool]) {
        let mut seen = Requests::default();
        assert!(!seen.answered(), "the server speaks first");
        let answers = exchanges.iter().map(|exchange| {
            for piece in exchange.as_bytes().chunks(piece) {
                seen.sent(piece);
            }
            seen.answered()
        });
        assert_eq!(answers.collect::<Vec<_>>(), expected, "in pieces of {piece}");
    }

    #[test]
    fn a_message_is_known_in_whatever_pieces_it_comes() {
        let inbox = "SUB _INBOX.x.* 0\r\n";
        let info = "PUB $JS.API.STREAM.INFO.harness-a1-1 _INBOX.x.0 2\r\n{}\r\n";
        let both = format!("{inbox}{PUBLISH}");
        let plain = "PUB harness-a1-1 _INBOX.x.2 9\r\nPING\r\nPUB\r\n";
        let to_nobody = "PUB harness-a1-1 2\r\nhi\r\nPONG\r\n";
        let exchanges = [HELLO, info, &both, PUBLISH, plain, to_nobody, PUBLISH];
        for piece in 1..PUBLISH.len() + 60 {
            check(&exchanges, piece, &[false, false, true, true, true, false, true]);
        }
    }

    #[test]
    fn a_message_is_answered_when_it_was_sent_whole_and_once() {
        let mut seen = Requests::default();
        let (most, rest) = PUBLISH.split_at(PUBLISH.len() - 1);
        seen.sent(most.as_bytes());
        assert!(!seen.answered());
        seen.sent(rest.as_bytes());
        assert!(seen.answered());
        assert!(!seen.answered(), "it was the first byte already");
    }

    #[test]
    fn the_answer_to_a_ping_is_no_ack() {
        let mut seen = Requests::default();
        seen.sent(format!("{PUBLISH}PING\r\n").as_bytes());
        assert!(!seen.answered());
        assert!(seen.answered());
    }

    #[test]
    fn what_is_not_the_protocol_is_never_an_ack() {
        let endless = "x".repeat(LINE_MAX + 1);
        for text in
            ["GET / HTTP/1.1\r\n", "\u{16}\u{3}\u{1}\r\n", "PUB a b c\r\n", "\r\n", &endless]
        {
            check(&[text, PUBLISH], 1000, &[false, false]);
        }
    }
}
