//! What is particular about a stream: it is one log for all consumers, which keeps no position of any
//! of them. A consumer counts itself, and says where it begins whenever it connects.
//!
//! Where a subscription begins must be known at once: a connection may be lost before the first message
//! comes. RabbitMQ tells no end of a log, so each subscription writes a mark into it and reads up to
//! there.

use futures_util::StreamExt as _;
use lapin::BasicProperties;
use lapin::options::BasicPublishOptions;
use lapin::types::{AMQPValue, FieldTable, LongString, ShortString};

use super::link::{Link, answered};
use super::reading::Reading;
use super::topics::Topics;
use crate::driver::failure::Failure;
use crate::history::Offset;

/// The header of a message that marks where a subscription begins.
const BEGIN: &str = "harness-begin";

/// The argument that says where to read from, and the header that says where a message stands.
const OFFSET: &str = "x-stream-offset";

/// Begins to read a stream at its end, and says where that is.
pub(super) async fn begin(
    link: Link,
    queue: &str,
    topics: &Topics,
) -> Result<(Reading, Offset), Failure> {
    let mark = topics.another_mark();
    link.confirm().await?;
    let mut arguments = FieldTable::default();
    arguments.insert(OFFSET.into(), AMQPValue::LongString("next".into()));
    let mut reading = Reading::begin(link, queue, arguments).await?;
    let confirm = answered(publish(&reading, queue, &mark)).await?;
    answered(confirm).await?;
    let start = answered(async { Ok(read_to(&mut reading, &mark).await) }).await??;
    Ok((reading, start))
}

async fn publish(
    reading: &Reading,
    queue: &str,
    mark: &str,
) -> lapin::Result<lapin::PublisherConfirm> {
    let mut headers = FieldTable::default();
    headers.insert(BEGIN.into(), AMQPValue::LongString(LongString::from(mark)));
    let properties = BasicProperties::default().with_headers(headers);
    let (exchange, options) = (ShortString::default(), BasicPublishOptions::default());
    // Past the exchange, to the stream alone.
    reading.link.channel.basic_publish(exchange, queue.into(), options, b"", properties).await
}

/// Reads up to this mark, and says what offset follows it.
async fn read_to(reading: &mut Reading, mark: &str) -> Result<Offset, Failure> {
    while let Some(delivery) = reading.messages.next().await {
        let delivery = delivery.map_err(|error| Failure::new(error.to_string()))?;
        reading.acknowledge_up_to(delivery.delivery_tag).await?;
        let headers = delivery.properties.headers().as_ref();
        let own = AMQPValue::LongString(LongString::from(mark));
        let is_own = headers.is_some_and(|headers| headers.inner().get(BEGIN) == Some(&own));
        if let Some(offset) = headers.and_then(offset).filter(|_| is_own) {
            return Ok(offset + 1);
        }
    }
    Err(Failure::new("RabbitMQ ended the consumer"))
}

/// The arguments of a consumer that reads from there on.
pub(super) fn from(next: Offset) -> FieldTable {
    let mut arguments = FieldTable::default();
    let next = i64::try_from(next).unwrap_or(i64::MAX);
    arguments.insert(OFFSET.into(), AMQPValue::LongLongInt(next));
    arguments
}

/// Where a message stands in its stream.
pub(super) fn offset(headers: &FieldTable) -> Option<Offset> {
    match headers.inner().get(OFFSET)? {
        AMQPValue::LongLongInt(offset) => Offset::try_from(*offset).ok(),
        _ => None,
    }
}

/// Whether a message marks where a subscription begins.
pub(super) fn is_mark(headers: &FieldTable) -> bool {
    headers.contains_key(BEGIN)
}
