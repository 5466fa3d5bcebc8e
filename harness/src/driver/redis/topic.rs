//! A topic is a stream under a key of the run's own. Its first entry is no message: it tells the life
//! of the store. A server that was started again without its data, or with an older state of it that
//! has no such key, does not have it; whoever comes first then makes the topic again, with another.
//! (A server's own run id would not do: it is another after each start, also where the data is kept.)

use ::redis::{Value, cmd};

use super::error::Error;
use super::id::Id;
use super::link::Connection;
use super::value;

/// The field of the first entry, which has the id [`Id::FIRST`].
const EPOCH: &str = "harness-epoch";

/// The life of the store that has this topic; none where it has none.
pub(super) async fn epoch(connection: &Connection, key: &str) -> Result<Option<String>, Error> {
    let first =
        connection.ask(cmd("XRANGE").arg(key).arg("-").arg("+").arg("COUNT").arg(1)).await?;
    let first = value::entries(first).ok_or_else(|| Error::not_understood("XRANGE"))?;
    Ok(first.first().and_then(epoch_of))
}

/// What the first entry of a topic says.
pub(super) fn epoch_of(first: &value::Entry) -> Option<String> {
    let epoch = first.field(EPOCH).filter(|_| first.id == Id::FIRST);
    epoch.map(std::borrow::Cow::into_owned)
}

/// Makes the topic where there is none, with this name for the life that begins with it; and says
/// which life it is in.
pub(super) async fn ensure(
    connection: &Connection,
    key: &str,
    fresh: &str,
) -> Result<String, Error> {
    if let Some(epoch) = epoch(connection, key).await? {
        return Ok(epoch);
    }
    // The server refuses an id that is not greater than all before: only one of those that come at
    // the same time makes the topic.
    let id = Id::FIRST.to_string();
    let made = connection.ask(cmd("XADD").arg(key).arg(id).arg(EPOCH).arg(fresh)).await;
    let Err(error) = made else { return Ok(fresh.to_owned()) };
    match epoch(connection, key).await? {
        Some(epoch) => Ok(epoch),
        None => Err(error),
    }
}

/// The id of the last entry; the topic is there.
pub(super) async fn last(connection: &Connection, key: &str) -> Result<Id, Error> {
    let last = cmd("XREVRANGE").arg(key).arg("+").arg("-").arg("COUNT").arg(1).to_owned();
    last_of(connection.ask(&last).await?)
}

/// The id of the last entry, by the answer of a server that was asked for it.
pub(super) fn last_of(answer: Value) -> Result<Id, Error> {
    let last = value::entries(answer).and_then(|entries| Some(entries.first()?.id));
    last.ok_or_else(|| Error::not_understood("XREVRANGE"))
}
