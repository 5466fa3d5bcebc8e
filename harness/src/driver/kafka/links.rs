//! How a consumer speaks to its topic's partition and to its group's coordinator. Not through
//! librdkafka: version 2.12 crashes where the broker answers a fetch from a topic that it does not
//! know any more, as one in memory does after a kill
//! (<https://github.com/confluentinc/librdkafka/issues/5280>); and it does not say whether nothing
//! came because there is nothing, or because nobody answers.

use std::collections::VecDeque;
use std::time::Duration;

use rdkafka::error::RDKafkaErrorCode as Code;

use super::connection::{
    Connection, FETCH, FIND_COORDINATOR, LIST_OFFSETS, METADATA, OFFSET_COMMIT, OFFSET_FETCH,
    check, error, understood,
};
use super::failure::{is_no_topic, refused};
use super::records::{self, Bad, Record};
use super::settings::Settings;
use super::wire::{Reader, Writer};
use crate::driver::failure::{Failure, FailureKind};
use crate::history::Offset;

/// The only one that a topic has.
const PARTITION: i32 = 0;

/// How many bytes of messages are fetched at once; a larger message comes all the same.
const FETCHED_AT_ONCE: i32 = 1024 * 1024;

/// How long a broker may keep a fetch. Kafka answers it when there is a message. Tansu 0.6 looks again
/// after half of that time only, and not at all where it has none.
const KEPT: Duration = Duration::from_millis(100);

/// The times that stand for the beginning and the end of a log.
const BEGINNING: i64 = -2;
const END: i64 = -1;

/// Where a topic is.
pub(super) enum Place {
    /// Its leader listens there.
    At(String),
    /// Nowhere.
    Missing,
    /// There, but not to be used yet.
    Coming(Code),
}

/// What was fetched.
pub(super) struct Fetched {
    pub(super) records: VecDeque<Record>,
    /// Where the next ones begin.
    pub(super) next: Offset,
    /// The offset that the log's next message gets.
    pub(super) end: Offset,
}

/// The connections of one consumer, made when they are needed.
pub(super) struct Links {
    settings: Settings,
    topic: String,
    group: String,
    leader: Option<Connection>,
    coordinator: Option<Connection>,
}

impl Links {
    pub(super) fn new(settings: &Settings, topic: &str, group: &str) -> Self {
        let (settings, topic, group) = (settings.clone(), topic.to_owned(), group.to_owned());
        Self { settings, topic, group, leader: None, coordinator: None }
    }

    /// What is in the log from an offset on, as far as one answer goes. The broker waits a little for
    /// the first of it.
    pub(super) async fn fetch(&mut self, from: Offset) -> Result<Fetched, Failure> {
        let doing = self.doing("fetching");
        let milliseconds = i32::try_from(KEPT.as_millis()).unwrap_or(i32::MAX);
        let (anybody, least, committed_only) = (-1, 1, 1);
        let head = Writer::default().i32(anybody).i32(milliseconds).i32(least);
        let head = head.i32(FETCHED_AT_ONCE).i8(committed_only);
        let asked = self.partition(head).i64(signed(from)).i32(FETCHED_AT_ONCE);
        let answer = self.leader().await?.ask(&doing, FETCH, asked, KEPT).await?;
        let read = |answer: &mut Reader<'_>| {
            answer.i32()?;
            let code = element(answer)?;
            let (end, _stable) = (answer.i64()?, answer.i64()?);
            for _ in 0..answer.count()? {
                answer.take(16)?;
            }
            Some((code, end))
        };
        let mut reader = Reader(&answer);
        let (code, end) = understood(&doing, read(&mut reader))?;
        self.judge(&doing, code)?;
        let bytes = understood(&doing, reader.bytes())?.unwrap_or_default();
        let mut records = VecDeque::new();
        let next =
            records::read(bytes, from, &mut records).map_err(|bad| unreadable(&doing, bad))?;
        Ok(Fetched { records, next, end: end.try_into().unwrap_or(0) })
    }

    /// Where the log begins, and the offset of its next message.
    pub(super) async fn ends(&mut self) -> Result<(Offset, Offset), Failure> {
        Ok((self.offset_at(BEGINNING).await?, self.offset_at(END).await?))
    }

    async fn offset_at(&mut self, time: i64) -> Result<Offset, Failure> {
        let doing = self.doing("asking for the ends of");
        let asked = self.partition(Writer::default().i32(-1)).i64(time);
        let answer = self.leader().await?.ask(&doing, LIST_OFFSETS, asked, Duration::ZERO).await?;
        let mut answer = Reader(&answer);
        let read = element(&mut answer).and_then(|code| {
            answer.i64()?;
            Some((code, answer.i64()?))
        });
        let (code, offset) = understood(&doing, read)?;
        self.judge(&doing, code)?;
        Ok(offset.try_into().unwrap_or(0))
    }

    /// Has the broker keep a position for the group.
    pub(super) async fn commit(&mut self, position: Offset) -> Result<(), Failure> {
        let doing = self.doing("committing a position in");
        // Nobody is a member of the group, and the broker keeps the position as long as it likes.
        let head = Writer::default().text(&self.group).i32(-1).text("").i64(-1);
        let asked = self.partition(head).i64(signed(position)).i16(-1);
        let link = self.coordinator().await?;
        let answer = link.ask(&doing, OFFSET_COMMIT, asked, Duration::ZERO).await?;
        let code = understood(&doing, element(&mut Reader(&answer)))?;
        self.judge(&doing, code)
    }

    /// The position that the broker has for the group; none where it has none.
    pub(super) async fn committed(&mut self) -> Result<Option<Offset>, Failure> {
        let doing = self.doing("asking for the position in");
        let asked = self.partition(Writer::default().text(&self.group));
        let link = self.coordinator().await?;
        let answer = link.ask(&doing, OFFSET_FETCH, asked, Duration::ZERO).await?;
        let mut answer = Reader(&answer);
        let read = || {
            one(&mut answer)?;
            answer.text()?;
            one(&mut answer)?;
            answer.i32()?;
            let offset = answer.i64()?;
            answer.text()?;
            Some((answer.i16()?, offset))
        };
        let (code, offset) = understood(&doing, { read }())?;
        self.judge(&doing, code)?;
        Ok(offset.try_into().ok())
    }

    /// The topic's only partition, as a request names it behind its head.
    fn partition(&self, head: Writer) -> Writer {
        head.i32(1).text(&self.topic).i32(1).i32(PARTITION)
    }

    /// An error may mean that another broker leads now: it is looked for anew.
    fn judge(&mut self, doing: &str, code: i16) -> Result<(), Failure> {
        check(doing, code).inspect_err(|_| (self.leader, self.coordinator) = (None, None))
    }

    /// The connection to the partition's leader. A new one is only made where the topic is there, so
    /// that what comes over it is of the topic's own life.
    async fn leader(&mut self) -> Result<&mut Connection, Failure> {
        let doing = self.doing("looking for the leader of");
        let usable = self.leader.take().filter(|link| !link.is_spoilt());
        let link = match usable {
            Some(link) => link,
            None => match place(&self.settings, &self.group, &self.topic).await? {
                Place::At(at) => self.settings.open(&at, &self.group).await?,
                Place::Missing => return Err(refused(&doing, Code::UnknownTopicOrPartition)),
                Place::Coming(code) => return Err(refused(&doing, code)),
            },
        };
        Ok(self.leader.insert(link))
    }

    /// The connection to the group's coordinator.
    async fn coordinator(&mut self) -> Result<&mut Connection, Failure> {
        let usable = self.coordinator.take().filter(|link| !link.is_spoilt());
        let link = match usable {
            Some(link) => link,
            None => {
                let doing = self.doing("looking for the coordinator of a group of");
                let mut first = self.settings.open_first(&self.group).await?;
                let asked = Writer::default().text(&self.group);
                let answer = first.ask(&doing, FIND_COORDINATOR, asked, Duration::ZERO).await?;
                let mut answer = Reader(&answer);
                check(&doing, understood(&doing, answer.i16())?)?;
                let at = understood(&doing, listener(&mut answer))?;
                self.settings.open(&at.1, &self.group).await?
            }
        };
        Ok(self.coordinator.insert(link))
    }

    fn doing(&self, what: &str) -> String {
        format!("{what} {}", self.topic)
    }
}

/// Where a topic is, as the cluster says to this client.
pub(super) async fn place(
    settings: &Settings,
    client: &str,
    topic: &str,
) -> Result<Place, Failure> {
    let doing = format!("looking for topic {topic}");
    let mut first = settings.open_first(client).await?;
    let make_it = 0;
    let asked = Writer::default().i32(1).text(topic).i8(make_it);
    let answer = first.ask(&doing, METADATA, asked, Duration::ZERO).await?;
    let read = |answer: &mut Reader<'_>| {
        answer.i32()?;
        let brokers: Option<Vec<_>> = (0..answer.count()?)
            .map(|_| {
                let broker = listener(answer)?;
                answer.text()?;
                Some(broker)
            })
            .collect();
        answer.text()?;
        answer.i32()?;
        one(answer)?;
        let code = answer.i16()?;
        answer.text()?;
        answer.i8()?;
        if answer.count()? == 0 {
            return Some((code, None));
        }
        let own = answer.i16()?;
        answer.i32()?;
        let leader = answer.i32()?;
        let at = brokers?.into_iter().find(|(id, _)| *id == leader).map(|(_, at)| at);
        Some((if code == 0 { own } else { code }, at))
    };
    let (code, at) = understood(&doing, read(&mut Reader(&answer)))?;
    Ok(match (error(code), at) {
        (code, _) if is_no_topic(code) => Place::Missing,
        (Code::NoError, Some(at)) => Place::At(at),
        (Code::NoError, None) => Place::Coming(Code::LeaderNotAvailable),
        (code, _) => Place::Coming(code),
    })
}

/// The head of the answer about the one partition of the one topic: its error.
fn element(answer: &mut Reader<'_>) -> Option<i16> {
    one(answer)?;
    answer.text()?;
    one(answer)?;
    answer.i32()?;
    answer.i16()
}

/// Nothing where an array has not one element.
fn one(answer: &mut Reader<'_>) -> Option<()> {
    (answer.count()? == 1).then_some(())
}

/// A broker's number, and where it listens.
fn listener(answer: &mut Reader<'_>) -> Option<(i32, String)> {
    let id = answer.i32()?;
    let host = answer.text()??;
    let port = answer.i32()?;
    // An IPv6 address is told without its brackets.
    let is_ipv6 = host.contains(':');
    Some((id, if is_ipv6 { format!("[{host}]:{port}") } else { format!("{host}:{port}") }))
}

fn unreadable(doing: &str, bad: Bad) -> Failure {
    let why = match bad {
        Bad::Compressed => {
            "the broker compressed the messages, which are read as they were sent: leave \
             `compression.type` of its topics at `producer`"
        }
        Bad::NotUnderstood => "the messages are of no format that is understood",
    };
    Failure { kind: FailureKind::Final, ..Failure::new(format!("{doing}: {why}")) }
}

fn signed(offset: Offset) -> i64 {
    i64::try_from(offset).unwrap_or(i64::MAX)
}
