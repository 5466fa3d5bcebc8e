//! A topic's log, read for the audit: no group has a part in it, so no position moves.

use ::redis::pipe;

use super::error::Error;
use super::id::Id;
use super::link::{ANSWERED_WITHIN, Link};
use super::{subscriber, topic, value};
use crate::driver::batch::Batch;
use crate::driver::contract::LogPart;
use crate::driver::marks::Marks;
use crate::history::Offset;

/// The most entries that one answer has.
const PART: u32 = 1000;

/// What stands from `offset` on, as far as one answer goes.
pub(super) async fn read(
    link: &mut Link,
    key: &str,
    offset: Offset,
    marks: &Marks,
) -> Result<LogPart, Error> {
    let (connection, _) = link.open().await?;
    // The first entry is no message.
    let from = Id::at(offset.max(Id::FIRST.offset() + 1)).to_string();
    let mut asked = pipe();
    asked.cmd("XRANGE").arg(key).arg("-").arg("+").arg("COUNT").arg(1);
    asked.cmd("XRANGE").arg(key).arg(from).arg("+").arg("COUNT").arg(PART);
    asked.cmd("XREVRANGE").arg(key).arg("+").arg("-").arg("COUNT").arg(1);
    let answers = connection.ask_all(&asked, ANSWERED_WITHIN).await?;
    let answers = answers.into_iter().collect::<Result<Vec<_>, _>>()?;
    let strange = || Error::not_understood("XRANGE");
    let [first, part, last] = <[_; 3]>::try_from(answers).map_err(|_| strange())?;
    let first = value::entries(first).ok_or_else(strange)?;
    let epoch = first
        .first()
        .and_then(topic::epoch_of)
        .ok_or_else(|| Error::unknown(format!("the stream {key} is not on the broker any more")))?;
    let mut messages = Batch::default();
    for entry in value::entries(part).ok_or_else(strange)? {
        subscriber::deliver(&entry, false, marks, &mut messages);
    }
    Ok(LogPart { epoch, end: topic::last_of(last)?.offset() + 1, messages })
}
