//! One producer's registration, over the driver's process.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;

use super::answer;
use super::process::{Asked, Process, Silence};
use super::request::Request;
use crate::driver::attempts::Attempts;
use crate::driver::client::{RetryPolicy, Session};
use crate::driver::contract::{Outgoing, Pending, Reply, Sender};
use crate::history::{Class, Offsets, Outcome};
use crate::plan::MessageId;

/// How long a request may take where the run says nothing of it.
const USUAL: Duration = Duration::from_secs(10);

/// See [`Sender`].
pub(super) struct ExecSender {
    pub(super) process: Arc<Process>,
    pub(super) topic: String,
    pub(super) session: Session,
    /// The message with sequence 0.
    pub(super) first: MessageId,
    pub(super) retries: RetryPolicy,
    pub(super) is_over: Arc<AtomicBool>,
    /// Held while a request is under way, where the driver takes one at a time.
    pub(super) turn: Option<Arc<tokio::sync::Mutex<()>>>,
}

/// How a request ended: the reply, and what its only attempt failed by, if it failed for sure.
struct Ended {
    reply: Reply,
    failed: Option<(Class, Option<String>)>,
}

impl ExecSender {
    /// Writes the request; an error says why it never left.
    fn ask(&self, messages: &[Outgoing<'_>]) -> Result<Asked, String> {
        let payloads: Vec<_> = messages.iter().map(|message| message.payload).collect();
        let session = self.session.id.as_deref().unwrap_or_default();
        let sequence = messages.first().map_or(0, |first| first.message.0 - self.first.0);
        let (retry, within) = match self.retries {
            RetryPolicy::Never => (false, USUAL),
            RetryPolicy::Short => (true, USUAL),
            RetryPolicy::Within(time) => (true, time),
        };
        let request = Request::Send {
            topic: &self.topic,
            session,
            sequence: sequence.into(),
            payloads: &payloads,
            retry,
        };
        self.process.ask(&request, within)
    }

    /// What remains to be done with a request, apart from the sender.
    fn rest(
        &self,
        count: usize,
        asked: Result<Asked, String>,
    ) -> impl Future<Output = Ended> + use<> {
        let (process, is_over) = (Arc::clone(&self.process), Arc::clone(&self.is_over));
        let epoch = self.session.epoch.clone();
        async move {
            let mut asked = match asked {
                Ok(asked) => asked,
                Err(why) => return refused(count, why, (Class::NeverLeft, None)),
            };
            let unknown = |why| Ended {
                reply: Reply::whole(count, Outcome::Unknown { why }, 1),
                failed: None,
            };
            let said = match asked.answer().await {
                Ok(said) => said,
                Err(Silence::Late(why) | Silence::Over(why)) => return unknown(why),
            };
            match process.understand_sent(&said, count) {
                Ok(sent) => concluded(count, sent, epoch.as_deref(), &is_over),
                Err(why) => unknown(why),
            }
        }
    }
}

/// What the driver's word comes to.
fn concluded(count: usize, sent: answer::Sent, epoch: Option<&str>, is_over: &AtomicBool) -> Ended {
    // Offsets of another life say nothing under this session, and the next one is of that life.
    let elsewhere = sent.epoch.is_some() && sent.epoch.as_deref() != epoch;
    if sent.session_over || elsewhere {
        is_over.store(true, Ordering::Release);
    }
    let attempts = sent.attempts.max(1);
    let why = sent.why.unwrap_or_else(|| "the driver does not say why".to_owned());
    let outcome = match sent.outcome {
        answer::Outcome::Acked if elsewhere => Outcome::Acked { offsets: Offsets::Untold },
        answer::Outcome::Acked => Outcome::Acked { offsets: Offsets::new(sent.offsets) },
        answer::Outcome::Unknown => Outcome::Unknown { why },
        answer::Outcome::Refused => {
            let class = if sent.never_left { Class::NeverLeft } else { Class::Refused };
            let ended = refused(count, why, (class, sent.code));
            return Ended { reply: Reply { attempts, ..ended.reply }, ..ended };
        }
    };
    Ended { reply: Reply::whole(count, outcome, attempts), failed: None }
}

fn refused(count: usize, why: String, failed: (Class, Option<String>)) -> Ended {
    Ended { reply: Reply::whole(count, Outcome::Refused { why }, 1), failed: Some(failed) }
}

impl Sender for ExecSender {
    fn session(&self) -> &Session {
        &self.session
    }

    fn send<'a>(
        &'a mut self,
        messages: &'a [Outgoing<'a>],
        attempts: &'a mut Attempts<'_>,
    ) -> BoxFuture<'a, Reply> {
        Box::pin(async move {
            // When the driver's further attempts began is not known: they are judged as one.
            attempts.begin();
            let ended = self.rest(messages.len(), self.ask(messages)).await;
            if let Some((class, code)) = ended.failed {
                attempts.fail(class, code.as_deref());
            }
            ended.reply
        })
    }

    #[expect(clippy::async_yields_async, reason = "what was issued is awaited apart")]
    fn issue<'a>(&'a mut self, messages: &'a [Outgoing<'a>]) -> BoxFuture<'a, Pending> {
        Box::pin(async move {
            let turn = match &self.turn {
                Some(turn) => Some(Arc::clone(turn).lock_owned().await),
                None => None,
            };
            let rest = self.rest(messages.len(), self.ask(messages));
            Box::pin(async move {
                let _turn = turn;
                rest.await.reply
            }) as Pending
        })
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Acquire)
    }
}
