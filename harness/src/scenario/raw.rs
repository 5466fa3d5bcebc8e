//! The file as it is written: one type per mapping, each value still text with its place. The JSON
//! Schema is made of these types too, so the two cannot disagree about the keys.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};

use super::limit::{self, Limit};
use crate::fault::Written;
use crate::input::name_list::NameList;
use crate::input::value_list::ValueList;
use crate::input::yaml::{At, Field, Ordered};

/// A scenario: who produces to which topic, who consumes from it, and what is promised.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(title = "Scenario", extend("required" = ["topics"]))]
pub(super) struct Scenario {
    /// Names the output folder and the golden file; default: the file's stem.
    #[schemars(regex(pattern = r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$"))]
    pub name: Field<String>,
    /// For people.
    pub description: Field<String>,
    /// Topic names, each with its producers and consumers.
    pub topics: Field<Ordered<Mapping>>,
    /// `all` gives defaults; `P4` or `P1..P3` overrides.
    pub producers: Field<Ordered<Producer>>,
    /// `all` gives defaults; `C3` or `C1..C2` overrides.
    pub consumers: Field<Ordered<Consumer>>,
    /// `consumers-first` (default), or `together`: the original's race.
    #[schemars(extend("enum" = ["consumers-first", "together"]))]
    pub start: Field<String>,
    /// What it runs against, unless the command line says otherwise.
    pub broker: Field<Broker>,
    /// The promises that are judged.
    pub expect: Field<Expect>,
    /// Conditions without which a verdict is vacuous, such as `unknown_acks >= 1`.
    pub require: Field<ValueList>,
    /// What is done to the run on purpose, such as `{ at: 1s, pause: broker, for: 500ms }`.
    pub faults: Field<Vec<At<Written>>>,
    /// The network of a simulated run; a real run has the machine's own.
    pub network: Field<Network>,
    /// So long after the first request nothing counts in the figures, such as `5s`; default 0s.
    /// The checks judge all of it.
    pub warm_up: Field<String>,
    /// When the end of the run is given up on.
    pub drain: Field<Drain>,
    /// `golden` (default) compares the ledger with a reviewed one; `none` does not.
    #[schemars(extend("enum" = ["golden", "none"]))]
    pub golden: Field<String>,
    /// Whether it is left out of a matrix of brokers, because it takes long; default `false`.
    #[schemars(with = "bool")]
    pub heavy: Field<String>,
    /// How long a run may take before it is stopped without a verdict, such as `5m`; default: no limit.
    pub limit: Field<String>,
    /// Words to choose it by, as in `--filter tag:slow`.
    pub tags: Field<ValueList>,
    /// What every choice by chance follows from; default 1.
    #[schemars(with = "u64")]
    pub seed: Field<String>,
}

/// Who is mapped to a topic.
#[derive(Debug)]
pub(super) enum Mapping {
    /// `P1 P2 -> C1`.
    Line(String),
    /// `{ producers: [P1, P2], consumers: [C1] }`.
    Table(MappingTable),
}

/// The long form of a topic's mapping.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["producers", "consumers"]))]
pub(super) struct MappingTable {
    /// Producers by name, ranges as `P1..P100`.
    pub producers: Field<NameList>,
    /// Consumers by name, ranges as `C1..C100`.
    pub consumers: Field<NameList>,
}

/// A producer's settings, or the defaults of all.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Producer {
    /// A producer log, relative to this file; `{id}` is the producer's number.
    pub log: Field<String>,
    /// How the log's lines are written: `plain`, `tsv` or `json`; default: found out from them.
    #[schemars(extend("enum" = ["plain", "tsv", "json"]))]
    pub format: Field<String>,
    /// Messages made up from the seed, in place of a log.
    pub generate: Field<Generate>,
    /// `none` (default), `recorded`, `recorded x10`, `200/s`, or a uniform pause `0ms..1s`.
    #[schemars(regex(pattern = r"^(none|recorded( *x.+)?|.+/s|.+\.\..+)$"))]
    pub pace: Field<String>,
    /// At most so many messages of one topic in a request; default 1.
    #[schemars(with = "u32", range(min = 1))]
    pub batch: Field<String>,
    /// Whether a request without an answer is repeated; default `true`.
    #[schemars(with = "bool")]
    pub retry: Field<String>,
    /// So many requests of one topic are under way at a time; default 1.
    #[schemars(with = "u32", range(min = 1, max = 1000))]
    pub in_flight: Field<String>,
}

/// Made-up messages: round robin over the producer's topics, in one burst.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["messages"]))]
pub(super) struct Generate {
    /// How many each producer sends.
    #[schemars(with = "u32", range(min = 1))]
    pub messages: Field<String>,
    /// Bytes of a payload, `16`, `1KiB` or `16..256`, inclusive; default 16.
    #[schemars(with = "Size")]
    pub size: Field<String>,
    /// `plain` (default): ASCII without blanks; or `hostile`: what others get wrong.
    #[schemars(extend("enum" = ["plain", "hostile"]))]
    pub payloads: Field<String>,
}

/// A consumer's settings, or the defaults of all.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Consumer {
    /// At most so many messages a poll; default 100.
    #[schemars(with = "u32", range(min = 1))]
    pub batch: Field<String>,
    /// Between polls of a topic, such as `5ms`; default none.
    pub pause: Field<String>,
    /// `offset` (default): what is recorded; or `automatic`: what was handed out.
    #[schemars(extend("enum" = ["offset", "automatic"]))]
    pub acknowledge: Field<String>,
    /// Polls only once so many messages of its topics were acked, such as `500 acked`; default at
    /// once.
    #[schemars(regex(pattern = r"^[0-9]+ +acked$"))]
    pub poll_after: Field<String>,
}

/// What it runs against.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Broker {
    /// The broker by its word, unless the command line says otherwise: `memory` (default), `mysql`,
    /// `nats`, or one of `brokers.yaml`; `harness brokers` lists them.
    pub on: Field<String>,
    /// How a broker over HTTP is spoken to: `detect` (default), or `original` for its six routes
    /// alone. Other brokers have one driver each.
    pub driver: Field<String>,
    /// What a broker of the original routes does differently; only with `driver: original`.
    pub wire: Field<Wire>,
    /// What a broker has to have for the scenario to hold: `survives-kill`, `survives-power-cut`,
    /// `in-memory`, `shared-store`, `offsets`, `epoch`, `resume`, `readable-log`, `in-flight`.
    pub needs: Field<ValueList>,
    /// So many brokers are started, which serve one store; default 1. In memory there is only one.
    #[schemars(with = "u32", range(min = 1, max = 64))]
    pub count: Field<String>,
    /// Whether actors are spread over several brokers on purpose, so that each topic is sent to all of
    /// them; by default a topic has one, and they go on at the next one where that fails.
    #[schemars(with = "bool")]
    pub spread: Field<String>,
    /// So many database servers are started as one cluster, by Galera: 3, 5 or 7; default one server
    /// alone. Broker 1 is at node 1, broker 2 at node 2.
    #[schemars(with = "u32", extend("enum" = [3, 5, 7]))]
    pub cluster: Field<String>,
    /// The configuration of the server that is started, in its own words, on top of what `on` means.
    pub config: Field<Ordered<String>>,
    /// With `driver: exec`: the program that is the driver, with its arguments.
    pub command: Field<Vec<String>>,
    /// With `driver: exec`: a server of one's own, which is started for it.
    pub server: Field<Server>,
    /// What of acknowledged messages is still there after it ended without warning, where that is
    /// otherwise than its documents say, or unknown.
    #[schemars(extend("enum" = ["nothing", "part", "kill", "power-cut"]))]
    pub survives: Field<String>,
}

/// A server of one's own, which the harness starts, kills and starts again.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["command"]))]
pub(crate) struct Server {
    /// The program and its arguments; `{host}`, `{port}` and `{folder}` are filled in.
    pub command: Field<Vec<At<String>>>,
    /// Where its data is, `{folder}` or a path below it, so that faults can be about its disk.
    #[schemars(regex(pattern = r"^\{folder\}(/.*)?$"))]
    pub data: Field<String>,
    /// The text in a line of its output that says that it is ready; default: its port accepts.
    pub ready: Field<String>,
    /// How long that may take; default `60s`.
    pub ready_within: Field<String>,
    /// The URL that the driver is told, such as `redis://{host}:{port}`; default `tcp://{host}:{port}`.
    pub url: Field<String>,
}

/// What a broker of the original routes does differently.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Wire {
    /// What the request that creates a topic calls its name; default `topic_name`.
    #[schemars(regex(pattern = r"^[A-Za-z_][A-Za-z0-9_-]*$"))]
    pub topic_field: Field<String>,
    /// Where a GET carries its fields: in its `query` (default), or in a JSON `body`.
    #[schemars(extend("enum" = ["query", "body"]))]
    pub get: Field<String>,
    /// Where a POST carries its fields: in a JSON `body` (default), or in its `query`.
    #[schemars(extend("enum" = ["body", "query"]))]
    pub post: Field<String>,
    /// Whether the paths end in a slash; default `false`.
    #[schemars(with = "bool")]
    pub trailing_slash: Field<String>,
    /// Where a new subscription begins: at the `end` of the topic (default), or at its `beginning`.
    #[schemars(extend("enum" = ["end", "beginning"]))]
    pub new_consumers: Field<String>,
}

/// The promises that are judged.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Expect {
    /// `exactly-once` (default), `at-least-once` or `at-most-once`.
    #[schemars(extend("enum" = ["exactly-once", "at-least-once", "at-most-once"]))]
    pub delivery: Field<String>,
    /// `per-topic` (default), `per-producer` or `none`.
    #[schemars(extend("enum" = ["per-topic", "per-producer", "none"]))]
    pub order: Field<String>,
    /// `all` (default): a message that was not acked leaves no verdict; `any` judges what was.
    #[schemars(extend("enum" = ["all", "any"]))]
    pub acked: Field<String>,
    /// The kinds of anomaly that are to be found: these and no others; default: none.
    pub anomalies: Field<ValueList>,
    /// The kinds of anomaly that may be found, and need not be; default: none.
    pub allow: Field<ValueList>,
    /// Latencies from when the plan wanted a request sent to its ack, at most: `{ p99: 5ms, max: 1s }`.
    #[schemars(schema_with = "limit::latencies")]
    pub ack: Field<Ordered<String>>,
    /// Latencies from when the plan wanted a message sent to its delivery, at most.
    #[schemars(schema_with = "limit::latencies")]
    pub end_to_end: Field<Ordered<String>>,
    /// Deliveries a second over all consumers, at least: `10000/s`, or
    /// `{ at_least: 10000/s, outside_of_faults: true }`.
    #[schemars(schema_with = "limit::throughput")]
    pub throughput: Field<Limit>,
    /// How long after each fault the backlog is back at what it was when the fault began, at most.
    pub recovery: Field<String>,
    /// Acked and not yet delivered, over all subscriptions and at any moment, at most: `5000`, or
    /// `{ at_most: 5000, outside_of_faults: true }`.
    #[schemars(schema_with = "limit::backlog")]
    pub backlog: Field<Limit>,
    /// How old messages were that the broker's retention deleted before a consumer had them, at least: `24h`.
    pub kept: Field<String>,
}

/// The network of a simulated run.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Network {
    /// How long a request or an answer takes, `5ms` or `1ms..20ms`; default `1ms..10ms`.
    pub latency: Field<String>,
    /// The share of requests that are lost, such as `1%`; default none.
    #[schemars(regex(pattern = r"^[0-9.]+ *%$"))]
    pub lose_request: Field<String>,
    /// The share of answers that are lost, such as `1%`; default none.
    #[schemars(regex(pattern = r"^[0-9.]+ *%$"))]
    pub lose_response: Field<String>,
}

/// When the end of the run is given up on.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Drain {
    /// So long without a delivery, and what is missing is lost; default 5s.
    pub idle: Field<String>,
    /// So long after the last producer the drain ends in any case; default 60s.
    pub deadline: Field<String>,
}

/// How `size` may be written; for the schema alone.
#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "its shape is all that is used")]
enum Size {
    Fixed(u32),
    Range(String),
}

impl<'de> Deserialize<'de> for Mapping {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = Mapping;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`P1 P2 -> C1`, or `{ producers: [P1, P2], consumers: [C1] }`")
            }

            fn visit_str<E>(self, line: &str) -> Result<Mapping, E> {
                Ok(Mapping::Line(line.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Mapping, A::Error> {
                MappingTable::deserialize(MapAccessDeserializer::new(map)).map(Mapping::Table)
            }
        }

        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for Mapping {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Mapping".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let table = generator.subschema_for::<MappingTable>();
        schemars::json_schema!({
            "description": "Who is mapped to a topic.",
            "anyOf": [{ "type": "string", "pattern": "->" }, table],
        })
    }
}
