//! Where the bytes of payloads were just before the last cut, and whether they were durable.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::ops::{ControlFlow, Range};

use super::before::BeforeFile;
use super::content::Content;
use super::search::finders;
use super::state::Disk;
use crate::history::Trace;
use crate::lock::lock;

impl Disk {
    /// What is known of each of these payloads as the disk was just before its last cut. Bytes that were
    /// durable anywhere are so; else the first place counts, by the path of its file. Payloads of fewer
    /// than 4 bytes are looked for nowhere.
    ///
    /// # Errors
    /// There was no cut, or a backing file cannot be read.
    pub fn trace(&self, payloads: &[String]) -> io::Result<Vec<Trace>> {
        let before = lock(&self.before);
        let before = before.as_ref().ok_or_else(|| {
            io::Error::other(
                "there was no power cut, so nothing is kept of how the disk was before one",
            )
        })?;
        let mut found: BTreeMap<usize, Trace> = BTreeMap::new();
        for finder in finders(payloads)? {
            for (path, file) in before {
                // While it is read, the server does not change it.
                let Some(content) = file.inode.content() else { continue };
                let content = lock(content);
                let Some(bytes) = as_before(&content)? else { continue };
                finder.walk(&bytes, |payload, range| {
                    let known = found.get(&payload);
                    if !matches!(known, Some(Trace::Synced { .. })) {
                        let trace = seen(path, file, &range);
                        if known.is_none() || matches!(trace, Trace::Synced { .. }) {
                            found.insert(payload, trace);
                        }
                    }
                    ControlFlow::Continue(())
                })?;
            }
        }
        Ok((0..payloads.len())
            .map(|place| found.remove(&place).unwrap_or(Trace::Nowhere))
            .collect())
    }
}

/// The bytes as they were; none where the file was empty.
fn as_before(content: &Content) -> io::Result<Option<File>> {
    let path = if content.is_as_before { &content.live_path } else { &content.before_path };
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn seen(path: &str, file: &BeforeFile, range: &Range<u64>) -> Trace {
    let (path, at) = (path.to_owned(), file.writes.at(range));
    if file.undurable.meets(range.clone()) {
        Trace::Written { file: path, at, synced: file.synced }
    } else {
        Trace::Synced { file: path, at }
    }
}
