//! A consumer: it fetches from its position on, and commits the position of what its caller has
//! recorded.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use rdkafka::error::RDKafkaErrorCode as Code;
use tokio::time::Instant;

use super::cluster::{Cluster, Log};
use super::failure::{NO_TOPIC, word};
use super::links::Links;
use super::records::Record;
use super::settings::Settings;
use crate::driver::batch::{Batch, Delivered};
use crate::driver::client::Session;
use crate::driver::contract::Subscriber;
use crate::driver::failure::{Failure, FailureKind};
use crate::driver::marks::Marks;
use crate::history::Offset;

pub(super) struct Consumer {
    links: Links,
    cluster: Arc<Cluster>,
    marks: Marks,
    log: Log,
    session: Session,
    start: Offset,
    /// What comes after the last message that was handed out.
    position: Offset,
    /// The position that the broker has.
    committed: Option<Offset>,
    /// Fetched, and still to be handed out.
    ready: VecDeque<Record>,
    /// What comes after the last message that was fetched.
    fetched: Offset,
}

impl Consumer {
    /// One that fetches nothing yet.
    pub(super) fn new(
        settings: &Settings,
        cluster: &Arc<Cluster>,
        marks: Marks,
        log: Log,
        group: String,
    ) -> Self {
        Self {
            links: Links::new(settings, &log.name, &group),
            cluster: Arc::clone(cluster),
            marks,
            session: Session { id: Some(group), epoch: Some(log.epoch.clone()) },
            log,
            start: 0,
            position: 0,
            committed: None,
            ready: VecDeque::new(),
            fetched: 0,
        }
    }

    /// Begins at the end of the log, and has the broker keep that as its position.
    pub(super) async fn begin_at_end(&mut self) -> Result<(), Failure> {
        let (_, end) = self.links.ends().await?;
        self.start = end;
        self.move_to(end);
        self.commit().await
    }

    /// Begins at the position that the broker has.
    pub(super) async fn begin_at_committed(&mut self) -> Result<(), Failure> {
        let Some(position) = self.links.committed().await? else {
            // The topic is there, so its life goes on.
            let kind = FailureKind::SessionOver { in_same_life: Some(true) };
            let group = self.session.id.as_deref().unwrap_or_default();
            let why = format!("the broker has no position of the group {group} any more");
            return Err(Failure { kind, ..Failure::new(why) });
        };
        self.committed = Some(position);
        self.start = position;
        self.move_to(position);
        Ok(())
    }

    fn move_to(&mut self, position: Offset) {
        (self.position, self.fetched) = (position, position);
        self.ready.clear();
    }

    /// Has the broker keep the position, unless it does already.
    async fn commit(&mut self) -> Result<(), Failure> {
        if self.committed != Some(self.position) {
            self.links.commit(self.position).await?;
            self.committed = Some(self.position);
        }
        Ok(())
    }

    async fn fetch(&mut self) -> Result<(), Failure> {
        let fetched = self.links.fetch(self.fetched).await?;
        if fetched.records.is_empty() && fetched.end > fetched.next {
            let (topic, end, next) = (&self.log.name, fetched.end, fetched.next);
            let why =
                format!("fetching {topic}: it ends at {end}, and nothing came from {next} on");
            return Err(Failure::new(why));
        }
        self.fetched = fetched.next;
        self.ready = fetched.records;
        Ok(())
    }

    fn hand_out(&mut self, max: usize, batch: &mut Batch) {
        let count = max.min(self.ready.len());
        for record in self.ready.drain(..count) {
            batch.push(Delivered {
                identity: self.marks.read(record.mark.as_deref()),
                offset: Some(record.offset),
                // Kafka does not say.
                redelivered: false,
                payload: &record.payload,
            });
            self.position = record.offset + 1;
        }
    }

    /// What a failure of a poll means.
    async fn judged(&mut self, failure: Failure) -> Failure {
        let code = failure.code.as_deref();
        if code == Some(NO_TOPIC) {
            return self.cluster.must_have(&self.log).await.err().unwrap_or(failure);
        }
        if code == Some(word(Code::OffsetOutOfRange).as_str()) {
            return self.move_into_log().await.err().unwrap_or(failure);
        }
        failure
    }

    /// Goes on where the log is: it lost its end or its beginning, and the position is not in it.
    async fn move_into_log(&mut self) -> Result<(), Failure> {
        let (low, high) = self.links.ends().await?;
        self.move_to(self.fetched.clamp(low, high.max(low)));
        Ok(())
    }

    async fn poll_once(
        &mut self,
        max: u32,
        wait: Duration,
        batch: &mut Batch,
    ) -> Result<(), Failure> {
        self.commit().await?;
        let until = Instant::now() + wait;
        loop {
            if self.ready.is_empty() {
                self.fetch().await?;
            }
            self.hand_out(max as usize, batch);
            if !batch.is_empty() || Instant::now() >= until {
                return Ok(());
            }
        }
    }
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
            match self.poll_once(max, wait, batch).await {
                Ok(()) => Ok(()),
                Err(failure) => Err(self.judged(failure).await),
            }
        })
    }

    fn can_wait(&self) -> bool {
        true
    }

    /// What was fetched stays here until it is handed out, which does not wait.
    fn cancel_safe(&self) -> bool {
        true
    }

    fn unsubscribe(mut self: Box<Self>) -> BoxFuture<'static, Result<(), Failure>> {
        Box::pin(async move { self.commit().await })
    }
}

/// What is in the log from this offset on, as far as one answer goes. No position is moved by it.
pub(super) async fn read_log(
    settings: &Settings,
    marks: &Marks,
    log: &Log,
    offset: Offset,
) -> Result<(Offset, Batch), Failure> {
    let mut links = Links::new(settings, &log.name, &format!("{}-audit", log.name));
    let (low, end) = links.ends().await?;
    let mut messages = Batch::default();
    let next = offset.max(low);
    if next >= end {
        return Ok((end, messages));
    }
    let fetched = links.fetch(next).await?;
    for record in &fetched.records {
        messages.push(Delivered {
            identity: marks.read(record.mark.as_deref()),
            offset: Some(record.offset),
            redelivered: false,
            payload: &record.payload,
        });
    }
    Ok((fetched.end, messages))
}
