//! Reading a log without a position: by a client of a group that never commits.

use rdkafka::consumer::Consumer as _;
use tokio::time::timeout;

use super::failure::failed;
use super::fetching::{at, ends, fetcher, push};
use super::lives::Log;
use super::settings::{ANSWERED_WITHIN, Settings};
use crate::driver::batch::Batch;
use crate::driver::contract::LogPart;
use crate::driver::failure::Failure;
use crate::driver::marks::Marks;
use crate::history::Offset;

/// How many messages one answer has at most.
const PART_MAX: usize = 100_000;

/// What is in the log from this offset on.
pub(super) async fn read(
    settings: &Settings,
    marks: &Marks,
    log: &Log,
    offset: Offset,
) -> Result<LogPart, Failure> {
    let doing = format!("reading the log of {}", log.name);
    let fetcher = fetcher(settings, &format!("{}-audit", log.name))?;
    let (low, end) = ends(&fetcher, &log.name).await?;
    let mut messages = Batch::default();
    let mut next = offset.max(low);
    if next < end {
        let assigned = fetcher.assign(&at(&log.name, next)?);
        assigned.map_err(|error| failed(&doing, &error))?;
    }
    while next < end && messages.len() < PART_MAX {
        let fetched = timeout(ANSWERED_WITHIN, fetcher.recv()).await;
        let fetched = fetched.map_err(|_| {
            Failure::new(format!("{doing}: it ends at {end}, and nothing came from {next} on"))
        })?;
        let message = fetched.map_err(|error| failed(&doing, &error))?;
        next = push(&mut messages, marks, &message);
    }
    Ok(LogPart { epoch: log.epoch.clone(), end, messages })
}
