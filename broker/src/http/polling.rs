//! Polls: as much as there is room for, and a wait where there is nothing.

use std::num::NonZeroUsize;

use broker_client::wire::Offset;
use tokio::time::{Duration, Instant, sleep_until, timeout_at};

use super::broker::Broker;
use super::failure::Failure;
use super::room::{Held, NoRoom, SMALL};
use crate::server::Waiting;
use crate::store::{self, Messages, Poll, Polled};

/// What a poll took, and the room that its answer takes.
#[derive(Default)]
pub(super) struct Taken {
    pub(super) messages: Messages,
    position: Offset,
    /// Of the messages as JSON.
    pub(super) bytes: usize,
    pub(super) held: Option<Held>,
}

/// Polls, and where there is nothing waits for a message and polls again, until `wait` is over or
/// the broker closes, or wants the connection for somebody else.
pub(super) async fn poll_waiting(
    broker: &Broker,
    mut poll: Poll<'_>,
    wait: Duration,
) -> Result<Taken, Failure> {
    poll.waits = poll.max > 0 && !wait.is_zero();
    let taken = poll_once(broker, poll).await?;
    if !taken.messages.is_empty() || !poll.waits {
        return Ok(taken);
    }
    // In a box, for the many polls that need not wait shall be small.
    Box::pin(poll_on(broker, poll, wait, taken.position)).await
}

/// Goes on where there was nothing at a position.
async fn poll_on(
    broker: &Broker,
    mut poll: Poll<'_>,
    wait: Duration,
    mut position: Offset,
) -> Result<Taken, Failure> {
    let begun = Instant::now();
    let deadline = begun + wait;
    let waiting = Waiting::for_messages();
    loop {
        let arrival = broker.store.arrival(poll.subscription, position);
        let again = broker.poll_again.map(|time| Instant::now() + time);
        let again = again.map_or(deadline, |again| again.min(deadline));
        let in_time = tokio::select! {
            biased;
            () = broker.closing.raised() => return Ok(Taken::default()),
            () = waiting.is_over() => return Ok(Taken::default()),
            arrived = timeout_at(again, arrival) => arrived.map_or(Ok(false), |end| end.map(|()| true))?,
        };
        // On a busy topic the poll has only just begun; the messages that follow come with the
        // first one then, and one answer does for all of them.
        let gathered = deadline.min(begun + broker.limits.gather);
        if poll.max > 1 && Instant::now() < gathered {
            tokio::select! {
                biased;
                () = broker.closing.raised() => {}
                () = sleep_until(gathered) => {}
            }
        }
        // Where time has passed, the store shall hear that the consumer is still there.
        poll.waits = in_time && Instant::now() < deadline;
        let taken = poll_once(broker, poll).await?;
        if !taken.messages.is_empty() || Instant::now() >= deadline {
            return Ok(taken);
        }
        position = taken.position;
        // Another poll of this id was quicker. The others must not be held up by their race.
        tokio::task::yield_now().await;
    }
}

/// Polls for as much as there is room for. It is reserved before, for what was taken and cannot be
/// answered would be lost. Where there is none now, a small answer needs none, and only a single
/// message that is too large for one waits for room.
async fn poll_once(broker: &Broker, mut poll: Poll<'_>) -> Result<Taken, Failure> {
    let mut reserved = match poll.max {
        // Nearly every single message is small.
        0 | 1 => None,
        _ => broker.room.try_reserve(broker.room.answer),
    };
    loop {
        let room = reserved.as_ref().map_or(SMALL, |reserved| reserved.bytes);
        poll.room = NonZeroUsize::new(room).unwrap_or(NonZeroUsize::MIN);
        poll.max_bytes = broker.limits.answer_bytes.min(poll.room);
        match broker.store.poll(poll).await {
            Err(store::Error::NoRoom { bytes }) => {
                drop(reserved);
                let waited = Box::pin(broker.room.reserve(bytes)).await;
                reserved = Some(waited.map_err(|NoRoom| Failure::no_room())?);
            }
            polled => {
                let Polled { messages, position } = polled?;
                let bytes = messages.json_len();
                let held = reserved.and_then(|reserved| reserved.keep(bytes));
                return Ok(Taken { messages, position, bytes, held });
            }
        }
    }
}
