//! A body on its way in, to be read or not. A client hears an answer only once it has sent what it sends,
//! so a body that is refused is read too, and nothing of it kept; but not where the client says that it waits
//! to be asked for it.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::http::Version;
use axum::http::header::EXPECT;
use bytes::Bytes;
use hyper::body::Frame;
use tokio::task::yield_now;
use tokio::time::{Instant, timeout_at};

use crate::http::failure::Failure;
use crate::http::limits::Limits;
use crate::http::room::SMALL;
use crate::server::Waiting;

/// Bytes that are read of a body before others have their turn.
const TURN: usize = 64 * 1024;

/// What a body has next; none at its end.
pub(super) type Next = Option<Result<Frame<Bytes>, axum::Error>>;

/// A body that is refused is read up to so many times the longest that may be.
const READ_ANYWAY: usize = 4;

/// A body of which some may have come.
pub(crate) struct Coming {
    body: Body,
    /// Whether the client waits to be asked for it, which the first poll does.
    is_held_back: bool,
}

impl Coming {
    /// That of a request. One that is surely small is no different when it is held back.
    pub(crate) fn of(request: Request) -> Self {
        let (head, body) = request.into_parts();
        let is_small = body.size_hint().upper().is_some_and(|bytes| bytes <= SMALL as u64);
        // HTTP/1.0 does not know of it.
        let is_held_back =
            !is_small && head.version > Version::HTTP_10 && head.headers.contains_key(EXPECT);
        Self { body, is_held_back }
    }

    /// How many bytes it says that it has, or none where it does not say.
    pub(super) fn announced(&self) -> usize {
        usize::try_from(self.body.size_hint().lower()).unwrap_or(usize::MAX)
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.body.is_end_stream()
    }

    /// The first frame, if it is here. Nearly every body is one frame that came with the head; it needs
    /// neither a copy nor a timer then.
    pub(super) async fn first(&mut self) -> Poll<Next> {
        self.is_held_back = false;
        let mut is_asked = false;
        poll_fn(|context| match Pin::new(&mut self.body).poll_frame(context) {
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

    /// The next part. Where it has to be waited for, the server knows of it: nearly every body is here at
    /// once, and costs no more.
    pub(super) async fn next(&mut self) -> Next {
        self.is_held_back = false;
        let mut waiting = None;
        let next = poll_fn(|context| {
            let polled = Pin::new(&mut self.body).poll_frame(context);
            if polled.is_pending() {
                waiting.get_or_insert_with(Waiting::for_body);
            }
            polled
        });
        next.await
    }

    /// Reads the rest of the body, and returns the refusal. Where the rest does not come in time, is too
    /// long, or is held back by the client, the connection closes after the answer.
    pub(crate) async fn refuse(self, why: Failure, limits: &Limits) -> Failure {
        self.refuse_until(Instant::now() + limits.body_read, why, limits).await
    }

    /// The same, where there is only so much time left.
    pub(super) async fn refuse_until(
        self,
        until: Instant,
        why: Failure,
        limits: &Limits,
    ) -> Failure {
        if self.is_at_end() {
            return why;
        }
        let most = limits.body_bytes.saturating_mul(READ_ANYWAY);
        if self.is_held_back || self.announced() > most {
            return why.closing();
        }
        // In a box, for what is seldom needed shall not make every request larger.
        match timeout_at(until, Box::pin(self.pass_over(most))).await {
            Ok(true) => why,
            _ => why.closing(),
        }
    }

    /// Reads at most so much, and says whether that was all.
    async fn pass_over(mut self, most: usize) -> bool {
        // All the time, whatever comes: nothing is lost when its connection has to give way.
        let _waiting = Waiting::for_body();
        let mut length = 0;
        while let Some(frame) =
            poll_fn(|context| Pin::new(&mut self.body).poll_frame(context)).await
        {
            let Ok(frame) = frame else { return false };
            let before = length;
            length += frame.data_ref().map_or(0, Bytes::len);
            if length > most {
                return false;
            }
            take_turns(before, length).await;
        }
        true
    }
}

/// Lets others go first now and then: a client that sends as fast as this reads would keep them waiting.
pub(super) async fn take_turns(before: usize, length: usize) {
    if length / TURN > before / TURN {
        yield_now().await;
    }
}
