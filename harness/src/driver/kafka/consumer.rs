//! A consumer: it fetches from its position on, and commits the position of what its caller has
//! recorded.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use rdkafka::consumer::{CommitMode, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use tokio::time::{Instant, timeout, timeout_at};

use super::apart::apart;
use super::cluster::Cluster;
use super::failure::{failed, is_no_topic};
use super::fetching::{Fetcher, at, ends, fetcher, place, push};
use super::lives::Log;
use super::settings::{ANSWERED_WITHIN, Settings};
use crate::driver::batch::Batch;
use crate::driver::client::Session;
use crate::driver::contract::Subscriber;
use crate::driver::failure::{Failure, FailureKind};
use crate::driver::marks::Marks;
use crate::history::Offset;

pub(super) struct Consumer {
    fetcher: Fetcher,
    cluster: Arc<Cluster>,
    marks: Marks,
    log: Log,
    session: Session,
    start: Offset,
    /// What comes after the last message that was handed out.
    position: Offset,
    /// The position that the broker has.
    committed: Offset,
    /// Came behind messages that were handed out first.
    trouble: Option<KafkaError>,
}

impl Consumer {
    /// One that fetches nothing yet.
    pub(super) fn new(
        settings: &Settings,
        cluster: &Arc<Cluster>,
        marks: Marks,
        log: Log,
        group: String,
    ) -> Result<Self, Failure> {
        let fetcher = fetcher(settings, &group)?;
        Ok(Self {
            fetcher,
            cluster: Arc::clone(cluster),
            marks,
            session: Session { id: Some(group), epoch: Some(log.epoch.clone()) },
            log,
            start: 0,
            position: 0,
            committed: 0,
            trouble: None,
        })
    }

    /// Begins at the end of the log, and has the broker keep that as its position.
    pub(super) async fn begin_at_end(&mut self) -> Result<(), Failure> {
        let (_, end) = ends(&self.fetcher, &self.log.name).await?;
        self.begin(end)?;
        // Another than what is to be committed.
        self.committed = end + 1;
        self.commit().await
    }

    /// Begins at the position that the broker has.
    pub(super) async fn begin_at_committed(&mut self) -> Result<(), Failure> {
        let (client, asked) = (self.fetcher.clone(), at(&self.log.name, 0)?);
        let doing = self.doing("asking for the position in");
        let found = apart(move || client.committed_offsets(asked, ANSWERED_WITHIN)).await?;
        let found = found.map_err(|error| failed(&doing, &error))?;
        let elements = found.elements();
        let element = elements.first().ok_or_else(|| Failure::new(doing.clone()))?;
        element.error().map_err(|error| failed(&doing, &error))?;
        let Some(position) = place(element.offset()) else {
            // The topic is there, so its life goes on.
            let kind = FailureKind::SessionOver { in_same_life: Some(true) };
            let why = format!("{doing}: the broker has none any more");
            return Err(Failure { kind, ..Failure::new(why) });
        };
        self.committed = position;
        self.begin(position)
    }

    fn begin(&mut self, position: Offset) -> Result<(), Failure> {
        (self.start, self.position) = (position, position);
        self.fetch_from(position)
    }

    fn fetch_from(&self, position: Offset) -> Result<(), Failure> {
        let assigned = self.fetcher.assign(&at(&self.log.name, position)?);
        assigned.map_err(|error| failed(&self.doing("fetching"), &error))
    }

    fn doing(&self, what: &str) -> String {
        format!("{what} {}", self.log.name)
    }

    /// Has the broker keep the position, unless it does already.
    async fn commit(&mut self) -> Result<(), Failure> {
        let position = self.position;
        if position == self.committed {
            return Ok(());
        }
        let doing = self.doing("committing a position in");
        let (client, kept) = (self.fetcher.clone(), at(&self.log.name, position)?);
        // The asynchronous commit of rdkafka tells nothing of its end. One that is given up here may
        // still take effect: the next one is of the same position.
        let committed = apart(move || client.commit(&kept, CommitMode::Sync));
        match timeout(ANSWERED_WITHIN, committed).await {
            Ok(committed) => match committed? {
                Ok(()) => self.committed = position,
                Err(error) => return Err(self.failed(&doing, &error).await),
            },
            Err(_) => {
                return Err(Failure::new(format!("{doing}: no answer within {ANSWERED_WITHIN:?}")));
            }
        }
        Ok(())
    }

    /// What a failure to fetch or to commit means.
    async fn failed(&mut self, doing: &str, error: &KafkaError) -> Failure {
        let failure = failed(doing, error);
        match (error, error.rdkafka_error_code()) {
            (KafkaError::MessageConsumptionFatal(_), _) => {
                Failure { kind: FailureKind::Final, ..failure }
            }
            (_, Some(code)) if is_no_topic(code) => {
                self.cluster.must_have(&self.log).await.err().unwrap_or(failure)
            }
            (_, Some(Code::AutoOffsetReset | Code::OffsetOutOfRange | Code::LogTruncation)) => {
                self.move_into_log().await.err().unwrap_or(failure)
            }
            _ => failure,
        }
    }

    /// Goes on where the log is: it lost its end or its beginning, and the position is not in it.
    async fn move_into_log(&mut self) -> Result<(), Failure> {
        let (low, high) = ends(&self.fetcher, &self.log.name).await?;
        self.position = self.position.clamp(low, high);
        self.fetch_from(self.position)
    }

    /// Fills a batch, as far as messages are there.
    fn fill(&mut self, max: usize, batch: &mut Batch) {
        while batch.len() < max && self.trouble.is_none() {
            match self.fetcher.recv().now_or_never() {
                Some(Ok(message)) => self.position = push(batch, &self.marks, &message),
                Some(Err(error)) => self.trouble = Some(error),
                None => return,
            }
        }
    }

    async fn fetch(
        &mut self,
        max: usize,
        wait: Duration,
        batch: &mut Batch,
    ) -> Result<(), Failure> {
        let mut until = Instant::now() + wait;
        let mut end = self.position;
        loop {
            self.fill(max, batch);
            if !batch.is_empty() {
                return Ok(());
            }
            if let Some(error) = self.trouble.take() {
                return Err(self.failed(&self.doing("fetching"), &error).await);
            }
            match timeout_at(until, self.fetcher.recv()).await {
                Ok(Ok(message)) => self.position = push(batch, &self.marks, &message),
                Ok(Err(error)) => self.trouble = Some(error),
                Err(_) if end > self.position => {
                    let (doing, position) = (self.doing("fetching"), self.position);
                    return Err(Failure::new(format!(
                        "{doing}: it ends at {end}, and nothing came from {position} on for \
                         {ANSWERED_WITHIN:?}"
                    )));
                }
                Err(_) => {
                    // Nothing came, which is also what a broker does that is away: only where the log
                    // is known to end here there is nothing.
                    end = self.end().await?;
                    if end <= self.position {
                        return Ok(());
                    }
                    until = Instant::now() + ANSWERED_WITHIN;
                }
            }
        }
    }

    async fn end(&mut self) -> Result<Offset, Failure> {
        match ends(&self.fetcher, &self.log.name).await {
            Ok((_, end)) => Ok(end),
            Err(failure) if failure.code.as_deref() == Some("unknown_topic") => {
                Err(self.cluster.must_have(&self.log).await.err().unwrap_or(failure))
            }
            Err(failure) => Err(failure),
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
            self.commit().await?;
            self.fetch(max as usize, wait, batch).await
        })
    }

    fn can_wait(&self) -> bool {
        true
    }

    /// What was fetched stays with the client until it is handed out, which waits no more.
    fn cancel_safe(&self) -> bool {
        true
    }

    fn unsubscribe(mut self: Box<Self>) -> BoxFuture<'static, Result<(), Failure>> {
        Box::pin(async move { self.commit().await })
    }
}
