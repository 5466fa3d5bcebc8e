//! One topic as a broker knows it: its recent messages, its appender, and reading what is not in
//! memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use broker_client::wire::{Offset, ProducerId, TopicName};
use futures_util::TryStreamExt;
use sqlx::Row;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout_at};

use super::append::Appender;
use super::connections::Lease;
use super::database::Database;
use super::failure::Failure;
use super::group_commit::GroupCommit;
use super::tail_cache::{CacheLimit, Origin, TailCache};
use crate::store::messages::Rendered;
use crate::store::segment::{SEGMENT_BYTES, Segment, as_offset};
use crate::store::traffic::TopicCounts;

/// The bytes that one query is meant to bring, and the most rows.
const READ_BYTES: usize = 4 * SEGMENT_BYTES;
const READ_ROWS: usize = 4096;

/// Past so many bytes a query is broken off: the messages turn out larger than those before.
const MOST_BYTES: usize = 4 * READ_BYTES;

/// The rows that the first query of a topic asks for, when it is not known how large they are.
const FIRST_ROWS: usize = 16;

/// How a query of messages went.
enum Read {
    /// All that was asked for came, as far as it is there.
    All(Rendered),
    /// After the messages that came, some are missing: the next one that is there has this offset.
    Gap { next: Offset, found: Offset },
    /// What comes there is deleted.
    Deleted,
    /// It was broken off after these.
    TooMuch(Rendered),
}

/// One topic.
pub(super) struct Topic {
    pub(super) id: u32,
    pub(super) name: TopicName,
    pub(super) tail: Arc<TailCache>,
    /// What goes through it by this broker.
    pub(super) counts: Arc<TopicCounts>,
    pub(super) appender: GroupCommit<Appender>,
    database: Arc<Database>,
    /// Held while messages are read from the database, so that all polls for the same ones wait
    /// for one query.
    reading: Mutex<()>,
    /// How many rows the next query asks for.
    rows: AtomicUsize,
}

impl Topic {
    pub(super) fn new(
        database: &Arc<Database>,
        cache: &Arc<CacheLimit>,
        id: u32,
        name: TopicName,
    ) -> Self {
        let tail = TailCache::new(Arc::clone(cache));
        let counts = Arc::new(TopicCounts::new(&database.counts.traffic));
        let appender =
            Appender::new(Arc::clone(database), id, Arc::clone(&tail), Arc::clone(&counts));
        Self {
            id,
            name,
            tail,
            counts,
            appender: GroupCommit::new(appender, database.timeout),
            database: Arc::clone(database),
            reading: Mutex::new(()),
            rows: AtomicUsize::new(FIRST_ROWS),
        }
    }

    /// Messages from `start` on that are not in memory, at least one; `None` where the log ends
    /// there, another poll has read them by now, or they turn out to be deleted, which is noted.
    pub(super) async fn read(
        self: &Arc<Self>,
        start: Offset,
        until: Instant,
    ) -> Result<Option<Segment>, Failure> {
        let Ok(_reading) = timeout_at(until, self.reading.lock()).await else {
            return Err(Failure::not_done("the database does not answer in time"));
        };
        let gap = self.tail.gap(start).unwrap_or(u64::MAX);
        if gap == 0 {
            return Ok(None);
        }
        let topic = Arc::clone(self);
        let read = self.database.read(until, move |lease| {
            let topic = Arc::clone(&topic);
            Box::pin(async move { topic.select(lease, start, gap).await })
        });
        let block = read.await.inspect_err(|_| {
            // It may have been too much for the time.
            self.ask_for(self.rows.load(Ordering::Relaxed) / 2);
        })?;
        if block.len() == 0 {
            return Ok(None);
        }
        let size = block.bytes().div_ceil(block.len());
        self.ask_for(READ_BYTES / size);
        Ok(Some(self.tail.add(start, block, Origin::Read)))
    }

    /// So many rows the next time.
    fn ask_for(&self, rows: usize) {
        self.rows.store(rows.clamp(1, READ_ROWS), Ordering::Relaxed);
    }

    /// Reads at most `gap` messages, and makes sure that what it read is on disk.
    async fn select(
        &self,
        lease: &mut Lease<'_>,
        start: Offset,
        gap: u64,
    ) -> Result<Rendered, Failure> {
        let rows = as_offset(self.rows.load(Ordering::Relaxed)).min(gap);
        let block = match self.select_only(lease, start, rows).await? {
            // Retention deletes meanwhile, and a server that has just come back may show less than it
            // will: it is not said before it was seen twice.
            Read::Gap { .. } => self.select_only(lease, start, rows).await?,
            read => read,
        };
        let block = match self.explain(lease, start, block).await? {
            Read::All(block) => block,
            Read::Deleted => return Ok(Rendered::default()),
            Read::Gap { next, found } => {
                lease.abandon();
                return Err(Failure::not_done(format!(
                    "the database lacks messages: after offset {next} of {} comes {found}",
                    self.name
                )));
            }
            Read::TooMuch(block) => {
                // The rest of the answer is not worth reading to its end.
                lease.abandon();
                self.ask_for(block.len() * READ_BYTES / block.bytes());
                return Err(Failure::passing("the messages are larger than those before"));
            }
        };
        let end = start + as_offset(block.len());
        if end > self.tail.durable_end() {
            // On the same connection: after a crash in between it is gone, and so is what was read.
            let proved = self.database.durability_barrier().execute(lease.raw()).await;
            proved.map_err(|error| lease.failed(&error))?;
            self.tail.mark_durable(end);
        }
        Ok(block)
    }

    /// Tells messages that are deleted from those that are missing: these come before what is
    /// written down as kept, or are of a topic that is gone.
    async fn explain(
        &self,
        lease: &mut Lease<'_>,
        start: Offset,
        read: Read,
    ) -> Result<Read, Failure> {
        let Read::Gap { next, found } = read else { return Ok(read) };
        let kept_from: Result<Option<Offset>, _> =
            sqlx::query_scalar("SELECT kept_from FROM topics WHERE id = ?")
                .bind(self.id)
                .fetch_optional(lease.raw())
                .await;
        match kept_from.map_err(|error| lease.failed(&error))? {
            None => self.tail.delete(),
            // Of what is deleted, the beginning may be there for a while yet, and the end may not.
            Some(first) if next == start && found <= first => self.tail.delete_before(first),
            Some(_) => return Ok(read),
        }
        Ok(Read::Deleted)
    }

    async fn select_only(
        &self,
        lease: &mut Lease<'_>,
        start: Offset,
        rows: u64,
    ) -> Result<Read, Failure> {
        let mut block = Rendered::default();
        let mut next = start;
        let query = sqlx::query(
            "SELECT `offset`, producer, sequence, payload FROM messages
             WHERE topic = ? AND `offset` >= ? ORDER BY `offset` LIMIT ?",
        );
        let query = query.bind(self.id).bind(start).bind(rows);
        let reading = async {
            let mut found = query.fetch(lease.raw());
            while let Some(row) = found.try_next().await? {
                let offset: u64 = row.try_get(0)?;
                if offset != next {
                    return Ok(Read::Gap { next, found: offset });
                }
                let producer: u64 = row.try_get(1)?;
                let producer = ProducerId::try_from(producer).expect("ids are counted from 0");
                block.push(offset, producer, row.try_get(2)?, row.try_get(3)?);
                next += 1;
                if block.bytes() > MOST_BYTES && block.len() > 1 {
                    return Ok(Read::TooMuch(block));
                }
            }
            Ok(Read::All(block))
        };
        let read: Result<Read, sqlx::Error> = reading.await;
        read.map_err(|error| lease.failed(&error))
    }
}
