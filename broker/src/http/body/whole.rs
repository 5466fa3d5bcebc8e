//! Reading a whole body: no longer than it may be, in time, and a large one only when there is room
//! for it.

use std::ops::Deref;
use std::task::Poll;

use bytes::{Bytes, BytesMut};
use hyper::body::Frame;
use tokio::time::{Instant, timeout_at};

use super::coming::{Coming, Next, take_turns};
use crate::http::failure::Failure;
use crate::http::limits::Limits;
use crate::http::room::{Held, NoRoom, Room, SMALL};

/// A whole body, and the room that it takes if it is large.
pub(crate) struct Whole {
    bytes: Bytes,
    _held: Option<Held>,
}

impl Deref for Whole {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Reads the whole body of a produce. A large one has its room before its first byte is read, so
/// that those which are half here never wait for each other.
pub(crate) fn read(
    body: Coming,
    limits: &Limits,
    room: &Room,
) -> impl Future<Output = Result<Whole, Failure>> {
    read_up_to(limits.body_bytes, body, limits, room)
}

/// The same of a request that names things, and is never large.
pub(crate) fn read_short(
    body: Coming,
    limits: &Limits,
    room: &Room,
) -> impl Future<Output = Result<Whole, Failure>> {
    read_up_to(limits.body_bytes.min(SMALL), body, limits, room)
}

async fn read_up_to(
    limit: usize,
    mut body: Coming,
    limits: &Limits,
    room: &Room,
) -> Result<Whole, Failure> {
    let announced = body.announced();
    if announced > limit {
        return Err(body.refuse(body_too_large(limit), limits).await);
    }
    let first = if announced <= SMALL { body.first().await } else { Poll::Pending };
    match first {
        Poll::Ready(Some(Ok(frame))) if body.is_at_end() && length(&frame) <= SMALL.min(limit) => {
            Ok(Whole { bytes: frame.into_data().unwrap_or_default(), _held: None })
        }
        // In a box, for the others shall not be as large as this one.
        first => Box::pin(read_on(first, announced, limit, body, limits, room)).await,
    }
}

/// Reads what is not all here yet, or large.
async fn read_on(
    first: Poll<Next>,
    announced: usize,
    limit: usize,
    mut body: Coming,
    limits: &Limits,
    room: &Room,
) -> Result<Whole, Failure> {
    let held = if announced <= SMALL {
        None
    } else if let Ok(reserved) = room.reserve(announced).await {
        reserved.keep(announced)
    } else {
        return Err(body.refuse(Failure::no_room(), limits).await);
    };
    let until = Instant::now() + limits.body_read;
    let collecting = Collecting { announced, limit, room, held };
    match timeout_at(until, collecting.collect(first, &mut body)).await {
        Ok(Ok(whole)) => Ok(whole),
        Ok(Err(why)) => Err(body.refuse_until(until, why, limits).await),
        Err(_) => Err(Failure::body_too_slow(limits.body_read.as_secs_f64())),
    }
}

fn length(frame: &Frame<Bytes>) -> usize {
    frame.data_ref().map_or(0, Bytes::len)
}

/// A body on its way in.
struct Collecting<'r> {
    /// How long it is at least.
    announced: usize,
    limit: usize,
    room: &'r Room,
    held: Option<Held>,
}

impl Collecting<'_> {
    async fn collect(mut self, first: Poll<Next>, body: &mut Coming) -> Result<Whole, Failure> {
        let mut whole = Bytes::new();
        let mut parts = BytesMut::new();
        let mut first = Some(first);
        loop {
            let next = match first.take() {
                Some(Poll::Ready(next)) => next,
                _ => body.next().await,
            };
            let Some(frame) = next else { break };
            let broke_off = |why| Failure::bad_request(format!("the body broke off: {why}"));
            let frame = frame.map_err(broke_off)?;
            let Ok(data) = frame.into_data() else { continue };
            let before = whole.len() + parts.len();
            let length = before + data.len();
            self.admit(length).await?;
            if before == 0 {
                whole = data;
                continue;
            }
            // All at once: memory that nothing is written to yet takes nothing.
            let expected = self.expected().max(length);
            parts.reserve(expected.saturating_sub(parts.len()));
            parts.extend_from_slice(&std::mem::take(&mut whole));
            parts.extend_from_slice(&data);
            take_turns(before, length).await;
        }
        let bytes = if parts.is_empty() { whole } else { parts.freeze() };
        Ok(Whole { bytes, _held: self.held })
    }

    /// Whether it may be so long. One that does not say how long it is takes room only when it
    /// turns out to be large, and then as much as the longest.
    async fn admit(&mut self, length: usize) -> Result<(), Failure> {
        if length > self.limit {
            return Err(body_too_large(self.limit));
        }
        if length > SMALL && self.held.is_none() {
            let reserved = self.room.reserve(self.limit).await;
            self.held = reserved.map_err(|NoRoom| Failure::no_room())?.keep(self.limit);
        }
        Ok(())
    }

    /// How long it will be, as far as is known.
    fn expected(&self) -> usize {
        if self.held.is_some() && self.announced <= SMALL { self.limit } else { self.announced }
    }
}

fn body_too_large(limit: usize) -> Failure {
    Failure::too_large(format!("the body is over the limit of {limit} bytes"))
}
