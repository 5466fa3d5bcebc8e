//! Deleting in the background what is not to be kept any longer: in small transactions, so that
//! appends are not held up, and by one broker at a time. What is left of deleted topics goes first,
//! then what every subscription is past, for `--retain lag`, or what is old.

mod deleted;
mod old;
mod passed;
mod step;

use std::sync::Arc;

pub(super) use self::step::Done;
use super::database::Database;
use super::failure::Failure;
use super::subscriptions::Subscriptions;
use super::topics::Topics;
use crate::store::Retain;

/// As [`crate::store::Store::tidy`]; `done` is what was found out so far.
pub(super) async fn tidy(
    database: &Arc<Database>,
    (topics, subscriptions): (&Topics, &Subscriptions),
    retain: Retain,
    done: &mut Done,
) -> Result<(), Failure> {
    let gone = deleted::find(database).await?;
    if topics.forget(gone.iter().map(|topic| topic.id)) {
        subscriptions.forget_deleted();
    }
    let goes_on = deleted::clear(database, &gone, done).await?;
    match retain {
        _ if !goes_on => Ok(()),
        Retain::Lag => passed::delete(database, done).await,
        Retain::Age(age) => old::delete(database, topics, age, done).await,
        Retain::All | Retain::Size(_) => Ok(()),
    }
}
