//! How large requests and answers may be.

use std::num::NonZeroUsize;

use tokio::time::Duration;

/// How large requests and answers may be, and how long they may take.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of one payload, as UTF-8.
    pub message_bytes: usize,
    /// Bytes of a request's body.
    pub body_bytes: usize,
    /// Messages in one produce or consume.
    pub batch_messages: usize,
    /// Bytes at which an answer to a poll stops growing; one message is always answered.
    pub answer_bytes: NonZeroUsize,
    /// The longest that a poll waits. One that asks for more is answered, empty, after this.
    pub wait: Duration,
    /// A poll for several messages that has to wait for the first is answered no sooner than this
    /// after it came: time to gather those that follow. One that came earlier is answered at once.
    pub gather: Duration,
    /// Time for a request's body to arrive, from when its head is in and there is room for it.
    pub body_read: Duration,
    /// Bytes of all bodies and answers over 64 KiB that are in flight; one body and one answer
    /// always fit.
    pub in_flight_bytes: usize,
    /// The longest that a request waits for room among them. Then it is refused.
    pub in_flight_wait: Duration,
}

impl Limits {
    /// The most bytes of one answer: it grows up to a limit, but one message is always answered.
    pub(super) fn largest_answer(&self) -> usize {
        // A control character of one byte is six in JSON; the rest is what stands around a message.
        let message = self.message_bytes.saturating_mul(6).saturating_add(256);
        self.answer_bytes.get().max(message)
    }

    /// The least bytes for what is in flight: those of one body and one answer.
    pub(crate) fn least_in_flight(&self) -> usize {
        self.body_bytes.saturating_add(self.largest_answer())
    }
}

const MIB: usize = 1024 * 1024;

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_bytes: MIB,
            body_bytes: 16 * MIB,
            batch_messages: 10_000,
            answer_bytes: NonZeroUsize::new(8 * MIB).expect("8 MiB is not 0"),
            wait: Duration::from_secs(60),
            gather: Duration::from_millis(1),
            body_read: Duration::from_secs(30),
            in_flight_bytes: 256 * MIB,
            in_flight_wait: Duration::from_secs(5),
        }
    }
}
