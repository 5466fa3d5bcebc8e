//! A mapping that may have keys of its writer's own, which begin with `x-`: a place for anchors.

use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, IntoDeserializer, MapAccess, Visitor};

/// What such keys begin with.
const OWN: &str = "x-";

/// A value that is read as if there were no such keys.
#[derive(Debug)]
pub(crate) struct Extended<T>(pub(crate) T);

/// A mapping without them.
struct Passing<A>(A);

/// Reads a key by a seed that is still there afterwards if it is one of them.
struct Key<'a, S>(&'a mut Option<S>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Extended<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Entries<T> {
            type Value = T;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a mapping (`key: value` lines)")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
                T::deserialize(MapAccessDeserializer::new(Passing(map)))
            }
        }

        deserializer.deserialize_map(Entries(PhantomData)).map(Self)
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Passing<A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        let mut seed = Some(seed);
        loop {
            match self.0.next_key_seed(Key(&mut seed))? {
                None => return Ok(None),
                Some(Some(key)) => return Ok(Some(key)),
                Some(None) => {
                    self.0.next_value::<IgnoredAny>()?;
                }
            }
        }
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.0.next_value_seed(seed)
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Key<'_, S> {
    type Value = Option<S::Value>;

    fn deserialize<D: Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<Option<S::Value>, D::Error> {
        let key = String::deserialize(deserializer)?;
        if key.starts_with(OWN) {
            return Ok(None);
        }
        let seed = self.0.take().expect("a seed is used up by the key that is answered");
        // Here, so that an error about the key has its place.
        seed.deserialize(key.into_deserializer()).map(Some)
    }
}

impl<T: JsonSchema> JsonSchema for Extended<T> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        T::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = T::json_schema(generator);
        let own = serde_json::json!({ format!("^{OWN}"): {} });
        schema.insert("patternProperties".to_owned(), own);
        schema
    }
}
