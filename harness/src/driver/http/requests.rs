//! Enough of HTTP/1.1 to know, from the bytes that a client sends, where its requests begin and end
//! and which of them produce. It expects a client that waits for each answer before its next
//! request, as those of this project and the original's do. Where it sees anything else than HTTP
//! it stops looking.

use crate::capability;

/// The longest head that is looked at.
const HEAD_MAX: usize = 64 * 1024;

/// The requests of one connection.
#[derive(Debug, Default)]
pub(super) struct Requests {
    state: State,
    /// What came of a head so far.
    head: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// A head is to come, or has come in part.
    #[default]
    Head,
    /// A body is to come.
    Body { produces: bool, left: Left },
    /// It is no HTTP.
    Lost,
}

/// How much of a body is to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Left {
    Bytes(u64),
    /// As much as comes before the answer.
    UntilAnswer,
}

struct Head {
    produces: bool,
    left: Left,
}

impl capability::Requests for Requests {
    fn sent(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            match &mut self.state {
                State::Lost | State::Body { left: Left::UntilAnswer, .. } => return,
                // Another request before the answer to this one: no client here does that.
                State::Body { left: Left::Bytes(0), .. } => return self.lose(),
                State::Body { left: Left::Bytes(left), .. } => {
                    let taken = bytes.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                    *left -= taken as u64;
                    bytes = &bytes[taken..];
                }
                State::Head => {
                    let before = self.head.len();
                    self.head.extend_from_slice(bytes);
                    // The end may have begun in what came before.
                    let from = before.saturating_sub(3);
                    let Some(end) = find(&self.head[from..], b"\r\n\r\n") else {
                        if self.head.len() > HEAD_MAX {
                            self.lose();
                        }
                        return;
                    };
                    let end = from + end + 4;
                    bytes = &bytes[end - before..];
                    match parse(&self.head[..end]) {
                        Some(Head { produces, left }) => {
                            self.state = State::Body { produces, left };
                        }
                        None => return self.lose(),
                    }
                    self.head.clear();
                }
            }
        }
    }

    fn answered(&mut self) -> bool {
        match self.state {
            State::Body { produces, left: Left::Bytes(0) | Left::UntilAnswer } => {
                self.state = State::Head;
                produces
            }
            // The rest of an answer, or one that did not wait for the whole request.
            _ => false,
        }
    }
}

impl Requests {
    fn lose(&mut self) {
        self.state = State::Lost;
        self.head = Vec::new();
    }
}

/// What a head says; none where it is none.
fn parse(head: &[u8]) -> Option<Head> {
    let mut lines = std::str::from_utf8(head).ok()?.split("\r\n");
    let mut words = lines.next()?.split(' ');
    let (method, target) = (words.next()?, words.next()?);
    if !words.next()?.starts_with("HTTP/1.") {
        return None;
    }
    // Some brokers have their routes with a slash at the end.
    let path = target.split('?').next().unwrap_or_default().trim_end_matches('/');
    let mut left = Left::Bytes(0);
    for line in lines.take_while(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':')?;
        if name.eq_ignore_ascii_case("content-length") && left != Left::UntilAnswer {
            left = Left::Bytes(value.trim().parse().ok()?);
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            left = Left::UntilAnswer;
        }
    }
    Some(Head { produces: method == "POST" && path == "/producer/produce", left })
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capability::Requests as _;
    use crate::fixture::acks;

    const PRODUCE: &str =
        "POST /producer/produce HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello";

    /// What each of these exchanges is, its request sent in pieces of so many bytes.
    fn check(requests: &[&str], piece: usize, expected: &[bool]) {
        let answers = acks(&mut Requests::default(), requests, piece);
        assert_eq!(answers, expected, "in pieces of {piece}");
    }

    #[test]
    fn a_produce_request_is_known_in_whatever_pieces_it_comes() {
        let poll = "GET /consumer/consume?topic=T1&consumer_id=0 HTTP/1.1\r\nhost: x\r\n\r\n";
        let register = "POST /producer/register HTTP/1.1\r\ncontent-length: 2\r\n\r\n{}";
        for piece in [1, 2, 3, 7, 50, 1000] {
            let requests = [PRODUCE, poll, PRODUCE, register, PRODUCE];
            check(&requests, piece, &[true, false, true, false, true]);
        }
    }

    #[test]
    fn a_body_of_unknown_length_ends_with_the_answer() {
        let chunked = "POST /producer/produce/?x=1 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n\
                       5\r\nhello\r\n0\r\n\r\n";
        check(&[chunked, PRODUCE], 1000, &[true, true]);
    }

    #[test]
    fn an_answer_that_does_not_wait_for_the_whole_request_is_no_ack() {
        let mut seen = Requests::default();
        let (most, rest) = PRODUCE.split_at(PRODUCE.len() - 1);
        seen.sent(most.as_bytes());
        assert!(!seen.answered());
        seen.sent(rest.as_bytes());
        assert!(seen.answered());
    }

    #[test]
    fn what_is_no_http_is_never_an_ack() {
        for text in [
            "SSH-2.0-x\r\n\r\n",
            "POST /producer/produce HTTP/1.1\r\nbad\r\n\r\n",
            "\u{ff}\r\n\r\n",
        ] {
            check(&[text, PRODUCE], 1000, &[false, false]);
        }
        let endless = "x".repeat(HEAD_MAX + 1);
        check(&[&endless, PRODUCE], 1000, &[false, false]);
        let pipelined = [PRODUCE, PRODUCE].concat();
        check(&[&pipelined], 10_000, &[false]);
    }
}
