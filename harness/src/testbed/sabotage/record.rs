//! What a sabotaged broker did: one line of JSON for each anomaly, written before the answer that
//! carries it leaves.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use broker::store::Message;
use broker_client::wire::{ConsumerId, Offset, ProducerId, Sequence};
use serde::{Deserialize, Serialize};

use super::Kind;

/// One anomaly that was brought about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Injected {
    /// Which.
    pub kind: Kind,
    /// On this topic.
    pub topic: String,
    /// To whom, where it is one consumer's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consumer: Option<ConsumerId>,
    /// Whose message, as it is handed out.
    pub producer: ProducerId,
    /// The message's number under that producer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<Sequence>,
    /// The offset that the message is handed out with, or that the ack answers.
    pub offset: Offset,
}

/// What makes an anomaly one and the same, however often its answer is repeated.
type Identity = (String, Option<ConsumerId>, ProducerId, Option<Sequence>, Offset);

/// The sabotage log while it is written.
#[derive(Debug)]
pub struct Record {
    kind: Kind,
    written: Mutex<Written>,
}

#[derive(Debug)]
struct Written {
    file: File,
    known: BTreeSet<Identity>,
}

impl Record {
    /// Creates the file.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn create(kind: Kind, file: &Path) -> io::Result<Self> {
        let written = Written { file: File::create(file)?, known: BTreeSet::new() };
        Ok(Self { kind, written: Mutex::new(written) })
    }

    /// Notes that `message` goes to the consumer as an anomaly; once, if the answer is repeated.
    pub(super) fn delivery(&self, topic: &str, consumer: ConsumerId, message: &Message) {
        self.note(&Injected {
            kind: self.kind,
            topic: topic.to_owned(),
            consumer: Some(consumer),
            producer: message.producer,
            sequence: message.sequence,
            offset: message.offset,
        });
    }

    /// Notes any anomaly, once.
    ///
    /// # Panics
    /// If it cannot be written: an anomaly that nobody can count proves nothing.
    pub(super) fn note(&self, injected: &Injected) {
        let mut line = serde_json::to_vec(injected).expect("plain data is JSON");
        line.push(b'\n');
        let Injected { consumer, producer, sequence, offset, .. } = *injected;
        let identity = (injected.topic.clone(), consumer, producer, sequence, offset);
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        if written.known.insert(identity) {
            written.file.write_all(&line).expect("the sabotage log can be written");
        }
    }
}

/// Reads a sabotage log.
///
/// # Errors
/// When it cannot be read, or a line is none that a sabotaged broker writes; names file and line.
pub fn read(path: &Path) -> Result<Vec<Injected>, String> {
    let failure = |why: &dyn std::fmt::Display| format!("sabotage log {}: {why}", path.display());
    let file = File::open(path).map_err(|error| failure(&error))?;
    let mut all = Vec::new();
    for (number, line) in (1..).zip(BufReader::new(file).lines()) {
        let line = line.map_err(|error| failure(&error))?;
        let injected = serde_json::from_str(&line);
        all.push(injected.map_err(|error| failure(&format!("line {number}: {error}")))?);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use broker::store::Message;

    use super::{Injected, Record, read};
    use crate::testbed::sabotage::Kind;

    #[test]
    fn a_repeated_answer_is_one_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let record = Record::create(Kind::Lose, &path).unwrap();
        let message =
            |offset| Message { offset, producer: 4, sequence: Some(2), payload: "x".into() };
        for offset in [7, 7, 8] {
            record.delivery("T1", 3, &message(offset));
        }
        record.delivery("T2", 3, &message(7));
        record.delivery("T1", 4, &message(7));
        let all = read(&path).unwrap();
        assert_eq!(all.len(), 4);
        let first = Injected {
            kind: Kind::Lose,
            topic: "T1".to_owned(),
            consumer: Some(3),
            producer: 4,
            sequence: Some(2),
            offset: 7,
        };
        assert_eq!(all[0], first);
    }

    #[test]
    fn a_line_that_is_no_record_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        std::fs::write(
            &path,
            "{\"kind\":\"lose\",\"topic\":\"T\",\"producer\":1,\"offset\":2}\nx\n",
        )
        .unwrap();
        let error = read(&path).unwrap_err();
        assert!(error.contains("log: line 2: expected value"), "{error}");
    }
}
