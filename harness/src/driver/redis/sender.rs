//! Producing: one XADD a message, which tells the entry's id.
//!
//! Redis has no deduplication: what may have happened is not repeated. An XADD never makes the
//! stream, which would then lack the entry that tells the store's life.

use std::task::Poll;

use ::redis::{Cmd, Value, cmd};
use futures_util::future::{BoxFuture, poll_fn, ready};
use tokio::task::unconstrained;

use super::error::Error;
use super::link::{Connection, Link};
use super::topic;
use super::value;
use crate::driver::attempts::Attempts;
use crate::driver::client::{RetryPolicy, Session};
use crate::driver::contract::{Outgoing, Pending, Reply, Sender};
use crate::driver::marks::{MARK, Marks};
use crate::driver::tries::Tries;
use crate::history::{Class, Offsets, Outcome};

/// The field of a message's text.
pub(super) const PAYLOAD: &str = "payload";

pub(super) struct Producer {
    pub(super) link: Link,
    pub(super) key: String,
    pub(super) marks: Marks,
    pub(super) session: Session,
    pub(super) retries: RetryPolicy,
    /// Whether the topic is not the one that it registered with.
    pub(super) is_over: bool,
}

impl Producer {
    /// The request that stores a message.
    fn request(&self, messages: &[Outgoing<'_>]) -> Result<Cmd, Error> {
        let [Outgoing { message, payload }] = messages else {
            let why = "Redis stores one message a request: set `batch: 1`".to_owned();
            return Err(Error { may_pass: false, ..Error::not_connected(why) });
        };
        let mut request = cmd("XADD");
        request.arg(&self.key).arg("NOMKSTREAM").arg("*");
        request.arg(MARK).arg(self.marks.put(*message)).arg(PAYLOAD).arg(payload);
        Ok(request)
    }

    /// A connection to the topic that it registered with. A server keeps what it has for as long as
    /// it runs, so one look for each connection is enough.
    async fn open(&mut self) -> Result<Connection, Error> {
        let (connection, is_new) = self.link.open().await?;
        if is_new {
            let found = topic::epoch(&connection, &self.key).await.map_err(|error| {
                connection.end();
                // The message has not left.
                Error { class: Class::NeverLeft, ..error }
            })?;
            if found != self.session.epoch {
                connection.end();
                self.is_over = true;
                return Err(Error { class: Class::NeverLeft, ..gone(&self.key) });
            }
        }
        Ok(connection)
    }

    async fn send_request(&mut self, request: &Cmd) -> Result<Offsets, Error> {
        let connection = self.open().await?;
        let stored = store(&connection, request, &self.key).await;
        self.is_over = matches!(&stored, Err(error) if is_gone(error));
        stored
    }
}

/// Stores a message, and says where it stands.
async fn store(connection: &Connection, request: &Cmd, key: &str) -> Result<Offsets, Error> {
    let answer = connection.ask(request).await?;
    if answer == Value::Nil {
        // There is no such stream, and nothing was stored. The next request looks for another one.
        connection.end();
        return Err(gone(key));
    }
    let id = value::id(&answer).ok_or_else(|| {
        let why = "XADD: no offset can stand for the id that it answered".to_owned();
        Error::unknown(why)
    })?;
    Ok(Offsets::From(id.offset()))
}

/// The code is one that [`crate::history::forgets`] knows.
const GONE: &str = "unknown_topic";

fn gone(key: &str) -> Error {
    Error {
        why: format!("the broker does not have the stream {key} of this life any more"),
        class: Class::Refused,
        code: Some(GONE.to_owned()),
        may_pass: false,
    }
}

fn is_gone(error: &Error) -> bool {
    error.code.as_deref() == Some(GONE)
}

fn outcome(stored: Result<Offsets, Error>) -> Outcome {
    match stored {
        Ok(offsets) => Outcome::Acked { offsets },
        Err(error) if error.class == Class::Unknown => Outcome::Unknown { why: error.why },
        Err(error) => Outcome::Refused { why: error.why },
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
            let mut tries = Tries::new(self.retries);
            let mut made = 0;
            let stored = loop {
                attempts.begin();
                made += 1;
                let stored = match self.request(messages) {
                    Ok(request) => self.send_request(&request).await,
                    Err(error) => Err(error),
                };
                let Err(error) = stored else { break stored };
                attempts.fail(error.class, error.code.as_deref());
                if !tries.again(error.is_safe()).await {
                    break Err(error);
                }
            };
            Reply::whole(messages.len(), outcome(stored), made)
        })
    }

    #[expect(clippy::async_yields_async, reason = "what is issued is awaited apart")]
    fn issue<'a>(&'a mut self, messages: &'a [Outgoing<'a>]) -> BoxFuture<'a, Pending> {
        Box::pin(async move {
            let count = messages.len();
            let begun = match self.request(messages) {
                Ok(request) => self.open_again().await.map(|connection| (connection, request)),
                Err(error) => Err(error),
            };
            let (connection, request) = match begun {
                Ok(begun) => begun,
                Err(error) => {
                    let reply = Reply::whole(count, outcome(Err(error)), 1);
                    return Box::pin(ready(reply)) as Pending;
                }
            };
            let key = self.key.clone();
            // Without a budget: a first poll that has none left would not reach the queue, and the
            // next message would be in it first.
            let mut pending: Pending = Box::pin(unconstrained(async move {
                let stored = store(&connection, &request, &key).await;
                Reply::whole(count, outcome(stored), 1)
            }));
            // The first poll puts it into the queue of the connection, which has room.
            let polled = poll_fn(|context| Poll::Ready(pending.as_mut().poll(context))).await;
            if let Poll::Ready(reply) = polled {
                pending = Box::pin(ready(reply));
            }
            pending
        })
    }

    fn is_over(&self) -> bool {
        self.is_over
    }
}

impl Producer {
    /// As [`Self::open`], again and again for as long as nothing is sent.
    async fn open_again(&mut self) -> Result<Connection, Error> {
        let mut tries = Tries::new(self.retries);
        loop {
            match self.open().await {
                Err(error) if tries.again(error.is_safe()).await => {}
                opened => return opened,
            }
        }
    }
}
