//! A client of librdkafka that fetches one partition: what comes of it, and where the log ends.

use rdkafka::consumer::{Consumer as _, StreamConsumer};
use rdkafka::message::{Headers as _, Message};
use rdkafka::{Offset as Place, TopicPartitionList};

use super::apart::{Shared, apart};
use super::failure::failed;
use super::settings::{ANSWERED_WITHIN, Settings};
use crate::driver::batch::{Batch, Delivered};
use crate::driver::failure::Failure;
use crate::driver::marks::{MARK, Marks};
use crate::history::Offset;

/// The only one that a topic has.
pub(super) const PARTITION: i32 = 0;

pub(super) type Fetcher = Shared<StreamConsumer>;

/// Makes one for a consumer that commits under this group.
pub(super) fn fetcher(settings: &Settings, group: &str) -> Result<Fetcher, Failure> {
    settings.client(settings.consumer(group).create())
}

/// Where the log begins, and the offset of its next message.
pub(super) async fn ends(fetcher: &Fetcher, topic: &str) -> Result<(Offset, Offset), Failure> {
    let (client, name) = (fetcher.clone(), topic.to_owned());
    let ends = apart(move || client.fetch_watermarks(&name, PARTITION, ANSWERED_WITHIN)).await?;
    let (low, high) =
        ends.map_err(|error| failed(&format!("asking for the end of {topic}"), &error))?;
    Ok((low.try_into().unwrap_or(0), high.try_into().unwrap_or(0)))
}

/// A place in the topic's log.
pub(super) fn at(topic: &str, offset: Offset) -> Result<TopicPartitionList, Failure> {
    let mut list = TopicPartitionList::new();
    let offset = i64::try_from(offset).map_or(Place::End, Place::Offset);
    let added = list.add_partition_offset(topic, PARTITION, offset);
    added.map_err(|error| failed(&format!("naming a place in {topic}"), &error))?;
    Ok(list)
}

/// The offset that a place is, where it is one.
pub(super) fn place(place: Place) -> Option<Offset> {
    match place {
        Place::Offset(offset) => offset.try_into().ok(),
        _ => None,
    }
}

/// Adds a message to a batch, and says which offset comes after it.
pub(super) fn push(batch: &mut Batch, marks: &Marks, message: &impl Message) -> Offset {
    let mark = message.headers().and_then(|headers| {
        let found = headers.iter().find(|header| header.key == MARK)?;
        std::str::from_utf8(found.value?).ok()
    });
    let payload = String::from_utf8_lossy(message.payload().unwrap_or_default());
    let offset = u64::try_from(message.offset()).unwrap_or(0);
    batch.push(Delivered {
        identity: marks.read(mark),
        offset: Some(offset),
        // Kafka does not say.
        redelivered: false,
        payload: &payload,
    });
    offset + 1
}
