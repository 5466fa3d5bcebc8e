//! What `topic_config` says of the topics of a run: which kind of queue they are, and what RabbitMQ
//! is asked to keep.

use std::collections::BTreeMap;

use lapin::types::{AMQPValue, FieldTable, LongString};

use crate::capability::{Capabilities, Known, Offsets, Survival};

use super::requests::Requests;

/// How the topics of a run are made.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Settings {
    pub(super) kind: Kind,
    /// Whether exchanges and queues are declared to survive a restart.
    pub(super) durable: bool,
    /// Whether messages are.
    pub(super) persistent: bool,
    /// Whether a new queue that is replicated, or a stream, is left alone for a moment.
    pub(super) settle: bool,
    /// The `x-` arguments of each queue.
    pub(super) arguments: FieldTable,
}

/// Where a topic's messages are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// In a queue for each consumer.
    Classic,
    /// The same, replicated.
    Quorum,
    /// In one log that all read.
    Stream,
}

impl Settings {
    /// What a topic's configuration says; what RabbitMQ's documents advise where it says nothing.
    ///
    /// # Errors
    /// Which key or value is not understood.
    pub(super) fn read(config: &BTreeMap<String, String>) -> Result<Self, String> {
        let arguments = FieldTable::default();
        let mut settings =
            Self { kind: Kind::Classic, durable: true, persistent: true, settle: true, arguments };
        for (key, value) in config {
            match key.as_str() {
                "durable" => settings.durable = yes(key, value)?,
                "persistent" => settings.persistent = yes(key, value)?,
                "settle" => settings.settle = yes(key, value)?,
                key if key.starts_with("x-") && key.len() <= usize::from(u8::MAX) => {
                    if key == "x-queue-type" {
                        settings.kind = kind(value)?;
                    }
                    settings.arguments.insert(key.into(), argument(value));
                }
                _ => {
                    return Err(format!(
                        "topic_config: `{key}` is not known; there are durable, persistent, \
                         settle, and the arguments of a queue, which begin with x-"
                    ));
                }
            }
        }
        Ok(settings)
    }

    /// The capabilities of a RabbitMQ whose topics are like that.
    pub(super) fn capabilities(&self) -> Capabilities {
        let is_stream = self.kind == Kind::Stream;
        let survives = match self.kind {
            // The documents say that a stream is not flushed to the disk.
            Kind::Stream => Survival::Kill,
            Kind::Quorum => Survival::PowerCut,
            Kind::Classic if self.durable && self.persistent => Survival::PowerCut,
            Kind::Classic => Survival::Nothing,
        };
        Capabilities {
            offsets: Known::Now(if is_stream { Offsets::Deliveries } else { Offsets::None }),
            // AMQP 0-9-1 keeps no position in a stream: a consumer that lost it lost its place.
            resumes: Known::Now(!is_stream),
            in_flight: true,
            requests: Some(|| Box::<Requests>::default()),
            survives: Known::Now(survives),
            order: if is_stream { "per topic" } else { "per producer" },
            delivery: "at least once",
            ..Capabilities::LEAST
        }
    }
}

fn yes(key: &str, value: &str) -> Result<bool, String> {
    value.parse().map_err(|_| format!("topic_config: `{key}` is true or false, not `{value}`"))
}

fn kind(value: &str) -> Result<Kind, String> {
    match value {
        "classic" => Ok(Kind::Classic),
        "quorum" => Ok(Kind::Quorum),
        "stream" => Ok(Kind::Stream),
        _ => {
            Err(format!("topic_config: `x-queue-type` is classic, quorum or stream, not `{value}`"))
        }
    }
}

/// RabbitMQ tells numbers from texts.
fn argument(value: &str) -> AMQPValue {
    if let Ok(number) = value.parse() {
        return AMQPValue::LongLongInt(number);
    }
    match value.parse() {
        Ok(yes) => AMQPValue::Boolean(yes),
        Err(_) => AMQPValue::LongString(LongString::from(value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(config: &[(&str, &str)]) -> Result<Settings, String> {
        let config = config.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        Settings::read(&config.collect())
    }

    #[test]
    fn a_queues_arguments_keep_their_type() {
        let settings = read(&[
            ("x-queue-type", "quorum"),
            ("x-max-length", "100"),
            ("x-overflow", "reject-publish"),
            ("x-single-active-consumer", "true"),
        ]);
        let Settings { kind, arguments, .. } = settings.unwrap();
        assert_eq!(kind, Kind::Quorum);
        let arguments = arguments.inner();
        assert_eq!(arguments["x-max-length"], AMQPValue::LongLongInt(100));
        assert_eq!(arguments["x-overflow"], AMQPValue::LongString("reject-publish".into()));
        assert_eq!(arguments["x-single-active-consumer"], AMQPValue::Boolean(true));
    }

    #[test]
    fn what_survives_follows_from_what_is_asked_for() {
        for (config, survives) in [
            (&[][..], Survival::PowerCut),
            (&[("persistent", "false")], Survival::Nothing),
            (&[("durable", "false")], Survival::Nothing),
            (&[("x-queue-type", "quorum"), ("persistent", "false")], Survival::PowerCut),
            (&[("x-queue-type", "stream")], Survival::Kill),
        ] {
            let capabilities = read(config).unwrap().capabilities();
            assert_eq!(capabilities.survives, Known::Now(survives), "{config:?}");
        }
    }

    #[test]
    fn what_is_not_understood_is_named() {
        for (key, value) in [("durabel", "true"), ("durable", "yes"), ("x-queue-type", "lazy")] {
            let why = read(&[(key, value)]).unwrap_err();
            assert!(why.contains(&format!("`{key}`")), "{why}");
        }
    }
}
