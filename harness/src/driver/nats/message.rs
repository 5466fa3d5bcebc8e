//! What a message of a stream says of itself.

use async_nats::{HeaderValue, Message};

use crate::driver::batch::{Batch, Delivered};
use crate::driver::marks::{MARK, Marks};
use crate::history::Offset;

/// Where a message stands, as the subject says that its ack goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Its sequence in the stream.
    pub(super) sequence: Offset,
    /// Which delivery of its consumer it is, from 1.
    pub(super) delivery: u64,
    /// How often the consumer handed it out, this time included.
    pub(super) times: u64,
}

impl Place {
    pub(super) fn of(message: &Message) -> Option<Self> {
        Self::read(message.reply.as_ref()?)
    }

    /// Reads `$JS.ACK.STREAM.CONSUMER.TIMES.SEQUENCE.DELIVERY.TIME.PENDING`. Newer servers may have a
    /// domain and an account before the stream. No name of the harness's has a dot in it.
    fn read(ack: &str) -> Option<Self> {
        let words: Vec<&str> = ack.strip_prefix("$JS.ACK.")?.split('.').collect();
        let first = if words.len() >= 9 { 4 } else { 2 };
        let number = |place: usize| words.get(first + place)?.parse().ok();
        Some(Self { times: number(0)?, sequence: number(1)?, delivery: number(2)? })
    }
}

/// Adds a message to a batch.
pub(super) fn push(marks: &Marks, message: &Message, place: Option<Place>, batch: &mut Batch) {
    let mark = message.headers.as_ref().and_then(|headers| headers.get(MARK));
    batch.push(Delivered {
        identity: marks.read(mark.map(HeaderValue::as_str)),
        offset: place.map(|place| place.sequence),
        redelivered: place.is_some_and(|place| place.times > 1),
        payload: &String::from_utf8_lossy(&message.payload),
    });
}

#[cfg(test)]
mod tests {
    use super::Place;

    #[test]
    fn a_place_is_read_from_both_forms_of_the_subject() {
        let place = Some(Place { sequence: 16, delivery: 18, times: 2 });
        for (ack, expected) in [
            ("$JS.ACK.harness-a1-1.C1-1.2.16.18.1795735598158072357.44", place),
            ("$JS.ACK._.AB12.harness-a1-1.C1-1.2.16.18.1795735598158072357.44", place),
            ("$JS.ACK._.AB12.harness-a1-1.C1-1.2.16.18.1795735598158072357.44.token", place),
            ("$JS.ACK.harness-a1-1.C1-1.2.x.18.1.44", None),
            ("_INBOX.a.1", None),
        ] {
            assert_eq!(Place::read(ack), expected, "{ack}");
        }
    }
}
