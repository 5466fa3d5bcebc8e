//! The configuration of each topic: what its stream is made with, in the words of NATS.

use std::collections::BTreeMap;
use std::time::Duration;

use async_nats::jetstream::stream::{self, StorageType};

use crate::driver::failure::{Failure, FailureKind};
use crate::scenario;

/// For how long a server knows a message again by its id, where nothing else is said: its own default.
const DUPLICATE_WINDOW: Duration = Duration::from_secs(120);

/// What all streams of a run are made with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) storage: StorageType,
    replicas: usize,
    /// For how long the server knows a message again by its id.
    pub(super) duplicate_window: Duration,
}

impl Settings {
    /// Those that a scenario asks for.
    ///
    /// # Errors
    /// Names a key or a value that is none.
    pub(super) fn read(given: &BTreeMap<String, String>) -> Result<Self, Failure> {
        let mut settings =
            Self { storage: StorageType::File, replicas: 1, duplicate_window: DUPLICATE_WINDOW };
        for (key, value) in given {
            settings.set(key, value).map_err(|why| {
                let why = format!("topic_config: `{key}: {value}`: {why}");
                Failure { why, kind: FailureKind::Final, code: None }
            })?;
        }
        Ok(settings)
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        match key {
            "storage" => {
                self.storage = match value {
                    "file" => StorageType::File,
                    "memory" => StorageType::Memory,
                    _ => return Err("a stream is in `file` or in `memory`".to_owned()),
                }
            }
            "replicas" => {
                let replicas = value.parse().ok().filter(|count| (1..=5).contains(count));
                self.replicas = replicas.ok_or("a stream has 1 to 5 replicas")?;
            }
            "duplicate_window" => {
                let window =
                    humantime::parse_duration(value).ok().filter(|window| !window.is_zero());
                self.duplicate_window = window.ok_or("it is a time, as in `2m`")?;
            }
            _ => return Err("the keys are storage, replicas and duplicate_window".to_owned()),
        }
        Ok(())
    }

    /// The stream that a topic is.
    pub(super) fn stream(&self, topic: &str) -> stream::Config {
        stream::Config {
            name: topic.to_owned(),
            subjects: vec![topic.to_owned()],
            storage: self.storage,
            num_replicas: self.replicas,
            duplicate_window: self.duplicate_window,
            ..stream::Config::default()
        }
    }
}

/// Whether the streams of a scenario are in the server's memory.
pub(super) fn is_in_memory(broker: &scenario::Broker) -> bool {
    broker.options.topic_config.get("storage").is_some_and(|storage| storage == "memory")
}

/// Whether the server that a scenario starts writes through to the disk before it acknowledges.
pub(super) fn syncs_always(broker: &scenario::Broker) -> bool {
    broker.options.config.get("sync_interval").is_some_and(|interval| interval == "always")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(given: &[(&str, &str)]) -> Result<Settings, String> {
        let given = given.iter().map(|(key, value)| (key.to_string(), value.to_string()));
        Settings::read(&given.collect()).map_err(|failure| failure.why)
    }

    #[test]
    fn a_stream_is_made_as_the_topic_config_says() {
        let stream = read(&[]).unwrap().stream("t");
        assert_eq!((stream.storage, stream.num_replicas), (StorageType::File, 1));
        assert_eq!(stream.duplicate_window, Duration::from_secs(120));
        let given = [("duplicate_window", "30s"), ("replicas", "3"), ("storage", "memory")];
        let stream = read(&given).unwrap().stream("t");
        assert_eq!((stream.storage, stream.num_replicas), (StorageType::Memory, 3));
        assert_eq!(stream.duplicate_window, Duration::from_secs(30));
    }

    #[test]
    fn what_is_no_key_or_no_value_is_named_with_what_is() {
        let cases = [
            (("storage", "disk"), "topic_config: `storage: disk`: a stream is in `file`"),
            (("replicas", "0"), "a stream has 1 to 5 replicas"),
            (("duplicate_window", "soon"), "it is a time, as in `2m`"),
            (("retention", "limits"), "the keys are storage, replicas and duplicate_window"),
        ];
        for (given, part) in cases {
            let why = read(&[given]).unwrap_err();
            assert!(why.contains(part), "{why}");
        }
    }
}
