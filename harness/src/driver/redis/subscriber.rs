//! Consuming: a group of one member for each subscription, so that each gets everything.
//!
//! The server keeps the position, and a list of what it handed out and is not acknowledged. After a
//! read whose answer did not come in (it failed, or was dropped), on a new connection and in a new
//! life of the consumer, that list is read first: what is on it comes once more, flagged so.

use std::time::Duration;

use ::redis::{Pipeline, cmd, pipe};
use futures_util::future::BoxFuture;

use super::error::Error;
use super::id::Id;
use super::link::{ANSWERED_WITHIN, Connection, Link};
use super::sender::PAYLOAD;
use super::topic;
use super::value::{self, Entry};
use crate::driver::batch::{Batch, Delivered};
use crate::driver::client::Session;
use crate::driver::contract::Subscriber;
use crate::driver::failure::{Failure, FailureKind};
use crate::driver::marks::{MARK, Marks};
use crate::history::Offset;

/// The only member of each group.
const MEMBER: &str = "harness";

pub(super) struct Consumer {
    pub(super) subscription: Subscription,
    pub(super) session: Session,
    pub(super) start: Offset,
    pub(super) marks: Marks,
    /// What was handed out and is not known to be acknowledged.
    pub(super) delivered: Vec<Id>,
    /// Whether the list of what is not acknowledged is to be read first.
    pub(super) looks_back: bool,
    /// Whether an answer is to come, or did not come whole.
    pub(super) is_reading: bool,
}

/// A group on a stream, and the way there.
pub(super) struct Subscription {
    pub(super) link: Link,
    pub(super) key: String,
    pub(super) group: String,
    /// The life of the store that it was made in.
    pub(super) epoch: String,
}

impl Subscription {
    /// Makes the group, and says behind which entry it begins: the last one of the topic, also where
    /// that began a new life. What was acked before a consumer asked is not due to it.
    pub(super) async fn make(&mut self, fresh: &str) -> Result<Id, Error> {
        let (connection, _) = self.link.open().await?;
        self.epoch = topic::ensure(&connection, &self.key, fresh).await?;
        let last = topic::last(&connection, &self.key).await?;
        let (key, group) = (&self.key, &self.group);
        let create =
            cmd("XGROUP").arg("CREATE").arg(key).arg(group).arg(last.to_string()).to_owned();
        match connection.ask(&create).await {
            // It was made by a request before, whose answer did not come.
            Err(error) if error.code.as_deref() == Some("BUSYGROUP") => {
                let set =
                    cmd("XGROUP").arg("SETID").arg(key).arg(group).arg(last.to_string()).to_owned();
                connection.ask(&set).await?;
            }
            made => drop(made?),
        }
        Ok(last)
    }

    /// Where the group is: the first entry that it is still to hand out, or to hand out again.
    pub(super) async fn position(&mut self) -> Result<Offset, Lost> {
        let (connection, _) = self.open().await?;
        let (key, group) = (&self.key, &self.group);
        let pending = connection.ask(cmd("XPENDING").arg(key).arg(group)).await;
        let pending = match pending {
            Err(error) if error.is_gone() => return Err(Lost::Forgotten),
            pending => pending?,
        };
        let first = match &pending {
            ::redis::Value::Array(parts) => parts.get(1).and_then(value::id),
            _ => None,
        };
        if let Some(first) = first {
            return Ok(first.offset());
        }
        let groups = connection.ask(cmd("XINFO").arg("GROUPS").arg(key)).await?;
        let ::redis::Value::Array(groups) = groups else {
            return Err(Error::not_understood("XINFO GROUPS").into());
        };
        let named = |found: &&::redis::Value| {
            value::beside(found, "name").and_then(value::text) == Some(group)
        };
        let own = groups.iter().find(named).ok_or(Lost::Forgotten)?;
        let last = value::beside(own, "last-delivered-id").and_then(value::id);
        Ok(last.ok_or_else(|| Error::not_understood("XINFO GROUPS"))?.offset() + 1)
    }

    /// A connection to the topic of the subscription's life, and whether it is a new one.
    async fn open(&mut self) -> Result<(Connection, bool), Lost> {
        let (connection, is_new) = self.link.open().await?;
        if is_new {
            let looked = topic::epoch(&connection, &self.key).await;
            if !matches!(&looked, Ok(Some(epoch)) if *epoch == self.epoch) {
                connection.end();
                looked?;
                return Err(Lost::OtherLife);
            }
        }
        Ok((connection, is_new))
    }

    /// Acknowledges, and reads in one go: what is on the list, or what is new, for which it waits.
    fn requests(&self, delivered: &[Id], read: Read) -> Pipeline {
        let mut requests = pipe();
        if !delivered.is_empty() {
            requests.cmd("XACK").arg(&self.key).arg(&self.group);
            for id in delivered {
                requests.arg(id.to_string());
            }
        }
        let (max, from, wait) = match read {
            Read::List { max } => (max, "0", 0),
            Read::New { max, wait } => (max, ">", wait.as_millis()),
        };
        let reading = requests.cmd("XREADGROUP").arg("GROUP").arg(&self.group).arg(MEMBER);
        reading.arg("COUNT").arg(max);
        // A wait of 0 would be for ever.
        if let Some(wait) = u64::try_from(wait).ok().filter(|wait| *wait > 0) {
            reading.arg("BLOCK").arg(wait);
        }
        reading.arg("STREAMS").arg(&self.key).arg(from);
        requests
    }
}

/// What is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Read {
    /// What was handed out and is not acknowledged.
    List { max: u32 },
    /// What is new; waiting so long for the first.
    New { max: u32, wait: Duration },
}

/// Why a subscription cannot be used now.
#[derive(Debug)]
pub(super) enum Lost {
    /// Another life of the store has begun.
    OtherLife,
    /// The topic is there and has no such group. The server may have gone back to an older state of
    /// its data, which had none: it does not tell.
    Forgotten,
    Failed(Error),
}

impl From<Error> for Lost {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl Lost {
    /// What it means to the run.
    pub(super) fn failed(self, doing: &str) -> Failure {
        let (why, in_same_life) = match self {
            Self::Failed(error) => return error.failed(doing),
            Self::OtherLife => ("the topic of the subscription is gone", Some(false)),
            Self::Forgotten => ("the broker does not know the consumer group", None),
        };
        let kind = FailureKind::SessionOver { in_same_life };
        Failure { why: format!("{doing}: {why}"), kind, code: None }
    }
}

impl Consumer {
    /// One after another: the acknowledgement, what is on the list, and what is new.
    async fn read(&mut self, max: u32, wait: Duration, batch: &mut Batch) -> Result<(), Lost> {
        if self.is_reading {
            // An answer that is still to come on this connection would stand before the next one.
            self.subscription.link.close();
        }
        let (connection, is_new) = self.subscription.open().await?;
        self.looks_back |= is_new;
        if self.looks_back {
            let entries = self.exchange(&connection, Read::List { max }).await?;
            self.looks_back = !entries.is_empty();
            if self.looks_back {
                self.deliver(entries, true, batch);
                return Ok(());
            }
        }
        let entries = self.exchange(&connection, Read::New { max, wait }).await?;
        self.deliver(entries, false, batch);
        Ok(())
    }

    async fn exchange(&mut self, connection: &Connection, read: Read) -> Result<Vec<Entry>, Lost> {
        let waited = match read {
            Read::List { .. } => Duration::ZERO,
            Read::New { wait, .. } => wait,
        };
        let requests = self.subscription.requests(&self.delivered, read);
        // Until the whole answer is understood: also where this future is dropped.
        self.is_reading = true;
        let mut last = None;
        for answer in connection.ask_all(&requests, waited + ANSWERED_WITHIN).await? {
            match answer {
                Err(error) if error.is_gone() => {
                    let found = topic::epoch(connection, &self.subscription.key).await?;
                    let is_same = found.as_ref() == Some(&self.subscription.epoch);
                    return Err(if is_same { Lost::Forgotten } else { Lost::OtherLife });
                }
                answer => last = Some(answer?),
            }
        }
        let entries = last.and_then(value::read);
        let entries = entries.ok_or_else(|| Error::not_understood("XREADGROUP"))?;
        self.is_reading = false;
        self.delivered.clear();
        Ok(entries)
    }

    fn deliver(&mut self, entries: Vec<Entry>, redelivered: bool, batch: &mut Batch) {
        for entry in entries {
            self.delivered.push(entry.id);
            deliver(&entry, redelivered, &self.marks, batch);
        }
    }
}

/// Hands out a message.
pub(super) fn deliver(entry: &Entry, redelivered: bool, marks: &Marks, batch: &mut Batch) {
    let mark = entry.field(MARK);
    let payload = entry.field(PAYLOAD).unwrap_or_default();
    batch.push(Delivered {
        identity: marks.read(mark.as_deref()),
        offset: Some(entry.id.offset()),
        redelivered,
        payload: &payload,
    });
}

impl Subscriber for Consumer {
    fn session(&self) -> &Session {
        &self.session
    }

    fn start(&self) -> Option<Offset> {
        Some(self.start)
    }

    fn poll<'a>(
        &'a mut self,
        max: u32,
        wait: Duration,
        batch: &'a mut Batch,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            batch.clear();
            self.read(max, wait, batch).await.map_err(|lost| lost.failed("polling"))
        })
    }

    fn can_wait(&self) -> bool {
        true
    }

    /// What a dropped poll brought is on the list of what is not acknowledged.
    fn cancel_safe(&self) -> bool {
        true
    }

    fn unsubscribe(mut self: Box<Self>) -> BoxFuture<'static, Result<(), Failure>> {
        Box::pin(async move {
            if self.is_reading {
                self.subscription.link.close();
            }
            let (connection, _) =
                self.subscription.open().await.map_err(|lost| lost.failed("unsubscribing"))?;
            let Subscription { key, group, .. } = &self.subscription;
            // What it was handed out is acknowledged with the group's end.
            let ended = connection.ask(cmd("XGROUP").arg("DESTROY").arg(key).arg(group)).await;
            ended.map(drop).map_err(|error| error.failed("unsubscribing"))
        })
    }
}
