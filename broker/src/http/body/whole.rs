//! Reading a whole body: no longer than it may be, in time, and a large one only when there is room
//! for it.

use std::future::poll_fn;
use std::ops::Deref;
use std::pin::Pin;
use std::task::Poll;

use axum::body::{Body, HttpBody};
use bytes::{Bytes, BytesMut};
use hyper::body::Frame;
use tokio::task::yield_now;
use tokio::time::timeout;

use crate::http::failure::Failure;
use crate::http::limits::Limits;
use crate::http::room::{Held, NoRoom, Room, SMALL};
use crate::server::Waiting;

/// Bytes that are read of a body before others have their turn.
const TURN: usize = 64 * 1024;

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

/// What a body has next; none at its end.
type Next = Option<Result<Frame<Bytes>, axum::Error>>;

/// Reads the whole body of a produce. A large one has its room before its first byte is read, so
/// that those which are half here never wait for each other.
pub(crate) fn read(
    body: Body,
    limits: &Limits,
    room: &Room,
) -> impl Future<Output = Result<Whole, Failure>> {
    read_up_to(limits.body_bytes, body, limits, room)
}

/// The same of a request that names things, and is never large.
pub(crate) fn read_short(
    body: Body,
    limits: &Limits,
    room: &Room,
) -> impl Future<Output = Result<Whole, Failure>> {
    read_up_to(limits.body_bytes.min(SMALL), body, limits, room)
}

async fn read_up_to(
    limit: usize,
    mut body: Body,
    limits: &Limits,
    room: &Room,
) -> Result<Whole, Failure> {
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > limit {
        return Err(body_too_large(limit));
    }
    let first = if announced <= SMALL { first(&mut body).await } else { Poll::Pending };
    match first {
        Poll::Ready(Some(Ok(frame)))
            if body.is_end_stream() && length(&frame) <= SMALL.min(limit) =>
        {
            Ok(Whole { bytes: frame.into_data().unwrap_or_default(), _held: None })
        }
        // In a box, for the others shall not be as large as this one.
        first => Box::pin(read_on(first, announced, limit, body, limits, room)).await,
    }
}

/// The first frame, if it is here. Nearly every body is one frame that came with the head; it needs
/// neither a copy nor a timer then.
async fn first(body: &mut Body) -> Poll<Next> {
    let mut is_asked = false;
    poll_fn(|context| match Pin::new(&mut *body).poll_frame(context) {
        Poll::Ready(first) => Poll::Ready(Poll::Ready(first)),
        Poll::Pending if is_asked => Poll::Ready(Poll::Pending),
        Poll::Pending => {
            // The connection hands a body over from when it is asked for it.
            is_asked = true;
            context.waker().wake_by_ref();
            Poll::Pending
        }
    })
    .await
}

/// Reads what is not all here yet, or large.
async fn read_on(
    first: Poll<Next>,
    announced: usize,
    limit: usize,
    mut body: Body,
    limits: &Limits,
    room: &Room,
) -> Result<Whole, Failure> {
    let held = if announced <= SMALL {
        None
    } else if let Ok(reserved) = room.reserve(announced).await {
        reserved.keep(announced)
    } else {
        return Err(pass_over(body, limits).await);
    };
    let collecting = Collecting { announced, limit, room, held };
    match timeout(limits.body_read, collecting.collect(first, &mut body)).await {
        Ok(Ok(whole)) => Ok(whole),
        Ok(Err(Stop::Refused(why))) => Err(why),
        Ok(Err(Stop::NoRoom)) => Err(pass_over(body, limits).await),
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

/// Why a body is not read to its end.
enum Stop {
    Refused(Failure),
    NoRoom,
}

impl Collecting<'_> {
    async fn collect(mut self, first: Poll<Next>, body: &mut Body) -> Result<Whole, Stop> {
        let mut whole = Bytes::new();
        let mut parts = BytesMut::new();
        let mut first = Some(first);
        loop {
            let next = match first.take() {
                Some(Poll::Ready(next)) => next,
                _ => next_frame(body).await,
            };
            let Some(frame) = next else { break };
            let broke_off = |why| Failure::bad_request(format!("the body broke off: {why}"));
            let frame = frame.map_err(|why| Stop::Refused(broke_off(why)))?;
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
            if length / TURN > before / TURN {
                // A client that sends as fast as this reads would keep others waiting.
                yield_now().await;
            }
        }
        let bytes = if parts.is_empty() { whole } else { parts.freeze() };
        Ok(Whole { bytes, _held: self.held })
    }

    /// Whether it may be so long. One that does not say how long it is takes room only when it
    /// turns out to be large, and then as much as the longest.
    async fn admit(&mut self, length: usize) -> Result<(), Stop> {
        if length > self.limit {
            return Err(Stop::Refused(body_too_large(self.limit)));
        }
        if length > SMALL && self.held.is_none() {
            let reserved = self.room.reserve(self.limit).await;
            self.held = reserved.map_err(|NoRoom| Stop::NoRoom)?.keep(self.limit);
        }
        Ok(())
    }

    /// How long it will be, as far as is known.
    fn expected(&self) -> usize {
        if self.held.is_some() && self.announced <= SMALL { self.limit } else { self.announced }
    }
}

/// Reads a body for which there is no room to its end and keeps nothing of it: a client hears an
/// answer only once it has sent what it sends.
async fn pass_over(mut body: Body, limits: &Limits) -> Failure {
    let reading = async {
        let mut length = 0;
        while let Some(Ok(frame)) = next_frame(&mut body).await {
            length += frame.data_ref().map_or(0, Bytes::len);
            if length > limits.body_bytes {
                return;
            }
        }
    };
    // One that does not come to its end in time is refused all the same.
    let _ = timeout(limits.body_read, reading).await;
    Failure::no_room()
}

/// The next part of a body. Where it has to be waited for, the server knows of it: nearly every body is
/// here at once, and costs no more.
async fn next_frame(body: &mut Body) -> Next {
    let mut waiting = None;
    let next = poll_fn(|context| {
        let polled = Pin::new(&mut *body).poll_frame(context);
        if polled.is_pending() {
            waiting.get_or_insert_with(Waiting::for_body);
        }
        polled
    });
    next.await
}

fn body_too_large(limit: usize) -> Failure {
    Failure::too_large(format!("the body is over the limit of {limit} bytes"))
}
