//! Which server is started, as a `brokers.yaml` says it: by a word, or as a mapping for one of the user's
//! own.

use std::fmt;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};

use crate::scenario::raw;

/// A server.
#[derive(Clone, Debug)]
pub(super) enum Server {
    /// By its word: `valkey`.
    Word(String),
    /// The user's own.
    Own(raw::Server),
}

impl<'de> Deserialize<'de> for Server {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = Server;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a word such as `valkey`, or `{ command: [./my_server, \"{port}\"] }`")
            }

            fn visit_str<E>(self, word: &str) -> Result<Server, E> {
                Ok(Server::Word(word.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Server, A::Error> {
                raw::Server::deserialize(MapAccessDeserializer::new(map)).map(Server::Own)
            }
        }

        deserializer.deserialize_any(Either)
    }
}
