//! Ends producers that send nothing any more. Appends do not write when a producer sends: each broker
//! remembers which of its producers have sent, and every now and then writes that down for all of
//! them. So what is written may lag by the time between two rounds, and a producer has half as much
//! time again.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use broker_client::wire::ProducerId;

use super::by_id::{LIMIT, ROWS, bound, find, write};
use super::database::Database;
use super::failure::Failure;
use super::positions::now;
use super::statements::{Tail, Template};
use super::topics::Topics;

const SENT: Template = Template {
    head: concat!("UPDATE producers SET sent = ", now!(), " WHERE id IN ("),
    row: "?",
    between: ",",
    tail: Tail::Text(")"),
};

const FIND: Template = Template {
    head: "SELECT id FROM producers WHERE id IN (",
    row: "?",
    between: ",",
    tail: Tail::Text(")"),
};

const END: Template = Template {
    head: "DELETE FROM producers WHERE id IN (",
    row: "?",
    between: ",",
    tail: Tail::Text(concat!(") AND sent > 0 AND sent + ? <= ", now!())),
};

/// One round: writes down who has sent, and ends the producers that neither registered nor sent
/// within `idle`. Answers how many.
pub(super) async fn end_idle(
    database: &Arc<Database>,
    topics: &Topics,
    idle: Duration,
) -> Result<usize, Failure> {
    let sent: Vec<_> = topics.producers_that_sent().into_iter().collect();
    for part in sent.chunks(ROWS) {
        write(database, || bound(SENT, part)).await?;
        let found = find(database, || bound(FIND, part)).await?;
        // Another broker ended them at the last moment: what is remembered of them is over.
        topics.forget_producers(&part.iter().copied().filter(|id| !found.contains(id)).collect());
    }
    date(database).await?;
    let idle = u64::try_from(idle.as_millis()).unwrap_or(u64::MAX / 4);
    let mut count = 0;
    loop {
        let ended = end_some(database, idle.saturating_add(idle / 2)).await?;
        if ended.is_empty() {
            return Ok(count);
        }
        topics.forget_producers(&ended);
        count += ended.len();
    }
}

/// Those of which it is not known when they sent have all their time from now on.
async fn date(database: &Arc<Database>) -> Result<(), Failure> {
    let statement = || {
        let text = concat!("UPDATE producers SET sent = ", now!(), " WHERE sent = 0 LIMIT ?");
        sqlx::query(text).bind(LIMIT)
    };
    while write(database, statement).await? == LIMIT {}
    Ok(())
}

async fn end_some(database: &Arc<Database>, idle: u64) -> Result<BTreeSet<ProducerId>, Failure> {
    // A look without locks, for it goes over the whole table.
    let look = || {
        let text = concat!(
            "SELECT id FROM producers WHERE sent > 0 AND sent + ? <= ",
            now!(),
            " ORDER BY id LIMIT ?"
        );
        sqlx::query(text).bind(idle).bind(LIMIT)
    };
    let ended = find(database, look).await?;
    let part: Vec<_> = ended.iter().copied().collect();
    if !part.is_empty() {
        write(database, || bound(END, &part).bind(idle)).await?;
    }
    Ok(ended)
}
