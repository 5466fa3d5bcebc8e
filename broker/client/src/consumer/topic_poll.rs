//! One topic of a [`Consumer`](super::Consumer): its subscription, and the request under way.
//!
//! The request is a task of its own, because its time-outs run on while the program handles the
//! messages of another topic: a request that only advanced inside of `poll` would time out then.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::task::JoinHandle;

use crate::error::Error;
use crate::messages::Messages;
use crate::subscription::Subscription;

pub(super) struct TopicPoll {
    pub(super) subscription: Subscription,
    request: Option<Request>,
    /// Whether the failure before this request was passed over.
    passed_over: bool,
}

struct Request {
    task: JoinHandle<Answer>,
    /// Whether it had ended before the program came to see it.
    waited: bool,
}

type Answer = Result<Messages, Error>;

impl TopicPoll {
    pub(super) fn new(subscription: Subscription) -> Self {
        Self { subscription, request: None, passed_over: false }
    }

    /// The program came for messages; [`TopicPoll::poll`] follows until it got some or gave up.
    pub(super) fn begin(&mut self) {
        if let Some(request) = &mut self.request {
            request.waited = request.task.is_finished();
        }
    }

    /// Makes a request where there is none, for at most `max` messages within `wait`, and completes
    /// with messages or a failure to show.
    pub(super) fn poll(
        &mut self,
        max: u32,
        wait: Duration,
        context: &mut Context<'_>,
    ) -> Poll<Answer> {
        let ask = || Request {
            task: tokio::spawn(self.subscription.patient_poll(max.max(1), wait)),
            waited: false,
        };
        let request = self.request.get_or_insert_with(ask);
        let Poll::Ready(ended) = Pin::new(&mut request.task).poll(context) else {
            return Poll::Pending;
        };
        let waited = request.waited;
        self.request = None;
        let answer = match ended {
            Ok(answer) => answer,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            // The runtime that it was in has ended, and the program goes on in another.
            Err(_) => return later(context),
        };
        match answer {
            // Nothing came within the wait.
            Ok(messages) if messages.is_empty() => {
                self.passed_over = false;
                later(context)
            }
            // It failed some time ago, and may succeed now. Not twice in a row: a failure that
            // lasts has to be seen, however slow the program is.
            Err(error) if waited && error.may_pass() && !self.passed_over => {
                self.passed_over = true;
                later(context)
            }
            answer => {
                self.passed_over = false;
                Poll::Ready(answer)
            }
        }
    }

    /// Stops the request, and returns when it has stopped.
    pub(super) async fn stop(&mut self) {
        if let Some(mut request) = self.request.take() {
            request.task.abort();
            // It was stopped or had ended; nothing reports a panic of it.
            let _ = (&mut request.task).await;
        }
    }
}

/// Comes back to this topic, but lets the other topics go first.
fn later(context: &Context<'_>) -> Poll<Answer> {
    context.waker().wake_by_ref();
    Poll::Pending
}

impl Drop for Request {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl fmt::Debug for TopicPoll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TopicPoll")
            .field("subscription", &self.subscription)
            .field("polling", &self.request.is_some())
            .finish_non_exhaustive()
    }
}
