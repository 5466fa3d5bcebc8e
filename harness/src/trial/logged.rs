//! Whether the consumers' logs have what was delivered: what the harness was handed and did not write
//! down is *delivered but not logged*, and no broker's fault.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::Path;

use crate::check::unlogged;
use crate::history::History;
use crate::io_error;
use crate::log_format::LogFormat;
use crate::plan::{ConsumerIndex, Plan};

/// Compares each `consumer_1.txt` of `folder` with what that consumer was handed: a sentence for each
/// that is not the same. A log is read only where its length is not what it should be.
#[must_use]
pub fn compare(plan: &Plan, history: &History, folder: &Path) -> Vec<String> {
    let consumers = (0..plan.consumers.len()).map(ConsumerIndex::new);
    consumers.filter_map(|consumer| one(plan, history, consumer, folder)).collect()
}

fn one(plan: &Plan, history: &History, consumer: ConsumerIndex, folder: &Path) -> Option<String> {
    let number = plan.consumers[consumer.place()].number;
    let path = folder.join(format!("consumer_{number}.txt"));
    let log = match read_unless_whole(plan, history, consumer, &path) {
        Ok(log) => log?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // Who was stopped before it took part has written none.
            if history.consumers[consumer.place()].deliveries.is_empty() {
                return None;
            }
            Vec::new()
        }
        Err(error) => {
            let (name, why) = (path.display(), io_error::reason(&error));
            return Some(format!("{name}: cannot read the log of C{number}: {why}"));
        }
    };
    let said = unlogged::compare(plan, history, consumer, &log)?;
    Some(format!("{said} ({})", path.display()))
}

/// What is in a log, unless it has the length that it should have.
fn read_unless_whole(
    plan: &Plan,
    history: &History,
    consumer: ConsumerIndex,
    path: &Path,
) -> io::Result<Option<Vec<u8>>> {
    let mut log = BufReader::new(File::open(path)?);
    // The first lines show the format. Where they do not, the length is another, and all is read.
    let format = LogFormat::of_deliveries(&String::from_utf8_lossy(log.fill_buf()?));
    let expected = unlogged::length(plan, history, consumer, format);
    if log.get_ref().metadata()?.len() == expected {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    log.read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}
