//! What a sabotaged driver did: counted, and a line of JSON for each anomaly, written before the
//! answer that carries it is handed on.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use crate::history::Offset;

/// One anomaly that was injected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Injected {
    /// On this topic.
    pub(super) topic: String,
    /// At this consumer, where it is a delivery.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) consumer: Option<Id>,
    /// Whose message; none where it is nobody's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) producer: Option<Id>,
    /// The message's number under that producer's registration, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sequence: Option<u32>,
    /// The offset that it is handed out with, or that the ack says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) offset: Option<Offset>,
}

/// What a broker knows an actor by: a number where it is one, else text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(super) enum Id {
    Number(i64),
    Text(String),
}

impl From<&str> for Id {
    fn from(id: &str) -> Self {
        id.parse().map_or_else(|_| Self::Text(id.to_owned()), Self::Number)
    }
}

/// The file while it is written, and how many lines it has.
#[derive(Debug)]
pub(super) struct Record {
    kind: &'static str,
    written: Mutex<Written>,
}

#[derive(Debug)]
struct Written {
    file: Option<File>,
    count: u64,
    failure: Option<io::Error>,
}

/// A line of the file.
#[derive(Serialize)]
struct Line<'a> {
    kind: &'static str,
    #[serde(flatten)]
    injected: &'a Injected,
}

impl Record {
    /// Creates the file, if there is to be one.
    pub(super) fn new(kind: &'static str, file: Option<&Path>) -> io::Result<Self> {
        let file = file.map(File::create).transpose()?;
        Ok(Self { kind, written: Mutex::new(Written { file, count: 0, failure: None }) })
    }

    pub(super) fn note(&self, injected: &Injected) {
        let mut written = self.written();
        written.count += 1;
        if let Some(file) = &mut written.file {
            let line = Line { kind: self.kind, injected };
            let mut line = serde_json::to_vec(&line).expect("plain data is JSON");
            line.push(b'\n');
            if let Err(error) = file.write_all(&line) {
                written.failure.get_or_insert(error);
            }
        }
    }

    fn written(&self) -> MutexGuard<'_, Written> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many were noted.
    pub(super) fn count(&self) -> Result<u64, String> {
        let written = self.written();
        match &written.failure {
            Some(error) => Err(format!("the sabotage log cannot be written: {error}")),
            None => Ok(written.count),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Injected, Record};

    #[test]
    fn an_anomaly_is_one_line_with_the_ids_of_the_broker() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let record = Record::new("lose", Some(&path)).unwrap();
        let lost = Injected {
            topic: "T2".to_owned(),
            consumer: Some("0".into()),
            producer: Some("p-3".into()),
            sequence: Some(0),
            offset: Some(1),
        };
        let bare = Injected { consumer: None, producer: None, sequence: None, ..lost.clone() };
        for injected in [lost, Injected { offset: None, ..bare }] {
            record.note(&injected);
        }
        assert_eq!(record.count(), Ok(2));
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            "{\"kind\":\"lose\",\"topic\":\"T2\",\"consumer\":0,\"producer\":\"p-3\",\"sequence\":0,\
             \"offset\":1}\n{\"kind\":\"lose\",\"topic\":\"T2\"}\n"
        );
    }
}
