//! How the limits of figures are written: by themselves, or in a mapping with `outside_of_faults`. And
//! what the JSON Schema says of them.

use std::fmt;

use schemars::{Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::{Value, json};

use crate::input::yaml::Ordered;

/// A limit of a figure, still text.
#[derive(Debug)]
pub(super) enum Limit {
    /// `5000`.
    Alone(String),
    /// `{ at_most: 5000, outside_of_faults: true }`.
    Table(Ordered<String>),
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = Limit;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a limit, or a mapping with one and `outside_of_faults: true`")
            }

            fn visit_str<E>(self, limit: &str) -> Result<Limit, E> {
                Ok(Limit::Alone(limit.to_owned()))
            }

            fn visit_u64<E>(self, limit: u64) -> Result<Limit, E> {
                Ok(Limit::Alone(limit.to_string()))
            }

            fn visit_i64<E>(self, limit: i64) -> Result<Limit, E> {
                Ok(Limit::Alone(limit.to_string()))
            }

            fn visit_f64<E>(self, limit: f64) -> Result<Limit, E> {
                Ok(Limit::Alone(limit.to_string()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Limit, A::Error> {
                Ordered::deserialize(MapAccessDeserializer::new(map)).map(Limit::Table)
            }
        }

        deserializer.deserialize_any(Either)
    }
}

/// The schema of `ack` and `end_to_end`.
pub(super) fn latencies(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "properties": {
            "max": { "type": "string", "description": "All are at most this, such as `1s`." },
            "mean": { "type": "string", "description": "Their mean is at most this, such as `2ms`." },
            "outside_of_faults": outside("those are left out that a fault was under way in"),
        },
        "patternProperties": { r"^p[0-9]{1,2}(\.[0-9]{1,3})?$": {
            "type": "string",
            "description": "This percentile is at most so much, such as `5ms`.",
        } },
        "additionalProperties": false,
    })
}

/// The schema of `throughput`.
pub(super) fn throughput(_: &mut SchemaGenerator) -> Schema {
    let limit = json!({ "type": "string", "pattern": "^[0-9]+ */s$" });
    alone_or_in("at_least", &limit, "the time of faults is left out, with what came in it")
}

/// The schema of `backlog`.
pub(super) fn backlog(_: &mut SchemaGenerator) -> Schema {
    let limit = json!({ "type": "integer", "minimum": 0 });
    alone_or_in("at_most", &limit, "moments within faults are left out")
}

fn alone_or_in(key: &str, limit: &Value, what: &str) -> Schema {
    let table = json!({
        "type": "object",
        "properties": { key: limit, "outside_of_faults": outside(what) },
        "required": [key],
        "additionalProperties": false,
    });
    json_schema!({ "anyOf": [limit, table] })
}

fn outside(what: &str) -> Value {
    json!({ "type": "boolean", "description": format!("Whether {what}; default `false`.") })
}
