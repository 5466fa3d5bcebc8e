//! The six original routes alone: no batches, no sequences, no offsets. A poll acknowledges by
//! itself what it brings: it is gone from the broker, whether or not its answer arrives.
//!
//! Nothing whose outcome is unknown is repeated, because the repetition would be a second message.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use broker_client::wire::TopicName;
use broker_client::{Error, Progress, Refusal, Retry};
use futures_util::future::{BoxFuture, ready};

use super::dialect;
use super::empty::Empty;
use super::failure::{code, failed, failed_under, note, outcome};
use super::passed_over::PassedOver;
use super::routes::{Answer, Id, Routes};
use crate::driver::attempts::Attempts;
use crate::driver::batch::{Batch, Delivered, Identity};
use crate::driver::client::Session;
use crate::driver::contract::{Outgoing, Reply, Sender, Subscriber};
use crate::driver::failure::{Failure, FailureKind};
use crate::driver::tags::{Tags, has_tag};
use crate::history::{Offset, forgets};

/// So many messages from before may come while *empty* is learnt; of more it stays unknown.
const BACKLOG: usize = 100_000;

/// What all actors on these routes share.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) tags: Arc<Tags>,
    pub(super) empty: Arc<Empty>,
    pub(super) passed_over: Arc<PassedOver>,
}

/// A registration with a topic.
pub(super) struct Registration {
    pub(super) routes: Arc<Routes>,
    pub(super) topic: TopicName,
    pub(super) id: Id,
}

pub(super) struct Producer {
    registration: Registration,
    session: Session,
    retry: Retry,
    /// Whether the broker does not know the id any more.
    is_over: bool,
    shared: Shared,
}

impl Producer {
    pub(super) fn new(registration: Registration, retry: Retry, shared: Shared) -> Self {
        let session = Session { id: Some(registration.id.session()), epoch: None };
        Self { registration, session, retry, is_over: false, shared }
    }
}

impl Sender for Producer {
    fn session(&self) -> &Session {
        &self.session
    }

    fn send<'a>(
        &'a mut self,
        messages: &'a [Outgoing<'a>],
        attempts: &'a mut Attempts<'_>,
    ) -> BoxFuture<'a, Reply> {
        Box::pin(async move {
            let [Outgoing { message, payload }] = messages else {
                let message = "the original routes carry one message a request: set `batch: 1`";
                let refusal = Refusal { message: message.to_owned(), ..Refusal::default() };
                let outcome = outcome(Err(Error::Refused(refusal)));
                return Reply::whole(messages.len(), outcome, 1);
            };
            self.shared.empty.begin();
            let tagged = self.shared.tags.put(*message, payload);
            let Registration { routes, topic, id } = &self.registration;
            let mut made = 0;
            let attempt = || {
                made += 1;
                let tagged = &tagged;
                async move {
                    match routes.produce(topic.as_str(), id, tagged).await {
                        // It never left, so another attempt is no second message.
                        Err(error @ Error::NotSent(_)) => Err(error),
                        result => Ok(result),
                    }
                }
            };
            let watch = &mut |progress: Progress<'_>| note(attempts, progress);
            let result = self.retry.repeat_watched(id.stream(), attempt, watch).await;
            if let Ok(Err(error)) = &result {
                note(attempts, Progress::Failed(error));
            }
            let result = result.and_then(|result| result).map(|()| None);
            self.is_over = result.as_ref().err().and_then(code).is_some_and(forgets);
            Reply::whole(1, outcome(result), made)
        })
    }

    fn is_over(&self) -> bool {
        self.is_over
    }
}

pub(super) struct Consumer {
    registration: Registration,
    session: Session,
    shared: Shared,
    /// What came while *empty* was learnt, and was not handed out yet.
    early: VecDeque<String>,
}

impl Consumer {
    pub(super) fn new(registration: Registration, shared: Shared) -> Self {
        let session = Session { id: Some(registration.id.session()), epoch: None };
        Self { registration, session, shared, early: VecDeque::new() }
    }

    /// Learns how this broker says that there is nothing. Call it before any producer sends. What
    /// comes all the same is from before, and is handed out by the next poll.
    pub(super) async fn learn_empty(&mut self) {
        let Registration { routes, topic, id } = &self.registration;
        let mut before = None;
        while self.early.len() < BACKLOG {
            // A broker that does not answer teaches nothing.
            let Ok(answer) = routes.consume(topic.as_str(), id).await else { return };
            // Ours says what it means: `empty` needs not be learnt, and `unavailable` is not that. Nor is
            // it that the broker does not know the subscription.
            let is_unknown = dialect::is_unknown(&answer.failure(), id.plain(), topic);
            if is_unknown || answer.has_known_code() {
                return;
            }
            let shape = self.shape(&answer);
            if let Some(text) = answer.message()
                // It may be a message, or words that say that there is none: those come again.
                && (has_tag(text) || before.as_ref() != Some(&shape))
            {
                before = Some(shape);
                self.early.push_back(text.to_owned());
                continue;
            }
            if before.as_ref() == Some(&shape) {
                self.early.pop_back();
            }
            return self.shared.empty.learn(shape);
        }
    }

    /// What is left of the answers to other polls that say the same.
    fn shape(&self, answer: &Answer) -> String {
        let Registration { topic, id, .. } = &self.registration;
        answer.shape(&[topic.as_str(), id.plain()])
    }

    /// Hands out a message, or passes it over.
    fn deliver(&self, text: &str, is_early: bool, batch: &mut Batch) {
        let (identity, tag) = self.shared.tags.read(text);
        let is_old = identity == Identity::EarlierRun || is_early;
        if is_old && self.shared.passed_over.count() {
            return;
        }
        let payload = &text[tag..];
        batch.push(Delivered { identity, offset: None, redelivered: false, payload });
    }

    /// Whether an answer without a message says that there is nothing.
    ///
    /// # Errors
    /// Where it is not known to: the poll failed.
    async fn expect_empty(&self, answer: &Answer) -> Result<(), Failure> {
        let empty = &self.shared.empty;
        if answer.says_empty() || empty.has(&self.shape(answer)) {
            return Ok(());
        }
        let Registration { routes, topic, id } = &self.registration;
        let error = if answer.is_success() { answer.lacks("message") } else { answer.failure() };
        let mut failure = failed_under((id.plain(), false), "polling", topic, &error);
        let is_over = matches!(failure.kind, FailureKind::SessionOver { .. });
        if is_over || answer.has_known_code() {
            return Err(failure);
        }
        failure.why = format!(
            "{}; before anything was sent this broker answered {}",
            failure.why,
            empty.known()
        );
        // The broker's own idea of its end: only the run knows whether something is missing.
        if let Ok((0, _)) = routes.size(topic.as_str(), id).await {
            failure.kind = FailureKind::NotUnderstood { at_end: true };
            failure.why.push_str("; its /size is 0");
        } else {
            failure.kind = FailureKind::NotUnderstood { at_end: false };
        }
        Err(failure)
    }
}

impl Subscriber for Consumer {
    fn session(&self) -> &Session {
        &self.session
    }

    fn start(&self) -> Option<Offset> {
        None
    }

    /// One message at most, whatever `max` says, and at once; but all that came early.
    fn poll<'a>(
        &'a mut self,
        _max: u32,
        _wait: Duration,
        batch: &'a mut Batch,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            batch.clear();
            for text in std::mem::take(&mut self.early) {
                self.deliver(&text, true, batch);
            }
            if !batch.is_empty() {
                return Ok(());
            }
            let Registration { routes, topic, id } = &self.registration;
            let answer = routes.consume(topic.as_str(), id).await;
            let answer = answer.map_err(|error| failed("polling", topic, &error))?;
            match answer.message() {
                Some(text) if has_tag(text) || !self.shared.empty.has(&self.shape(&answer)) => {
                    self.deliver(text, false, batch);
                    Ok(())
                }
                _ => self.expect_empty(&answer).await,
            }
        })
    }

    fn can_wait(&self) -> bool {
        false
    }

    fn cancel_safe(&self) -> bool {
        false
    }

    /// The original has no route for it.
    fn unsubscribe(self: Box<Self>) -> BoxFuture<'static, Result<(), Failure>> {
        Box::pin(ready(Ok(())))
    }
}
