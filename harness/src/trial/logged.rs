//! Whether the consumers' logs have what was delivered: what the harness was handed and did not write
//! down is *delivered but not logged*, and no broker's fault.

use std::fs;
use std::io;
use std::path::Path;

use crate::check::unlogged;
use crate::history::History;
use crate::io_error;
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
    let expected = unlogged::length(plan, history, consumer);
    let log = match fs::metadata(&path) {
        Ok(found) if found.len() == expected => return None,
        // Who was stopped before it took part has written none.
        Err(error) if error.kind() == io::ErrorKind::NotFound && expected == 0 => return None,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Ok(_) => fs::read(&path),
        Err(error) => Err(error),
    };
    let name = path.display();
    match log {
        Ok(log) => {
            let said = unlogged::compare(plan, history, consumer, &log)?;
            Some(format!("{said} ({name})"))
        }
        Err(error) => {
            Some(format!("{name}: cannot read the log of C{number}: {}", io_error::reason(&error)))
        }
    }
}
