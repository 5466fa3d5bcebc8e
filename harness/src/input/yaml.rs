//! The one place that knows the YAML library: text to typed values with their places, and by way of
//! `explain` the library's errors to our own.

mod explain;
mod indentation;

use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_yaml::Spanned;

use self::explain::explain;
use super::diagnostic::{Diagnostic, Source};

/// A value and where it stands, in bytes of the text.
#[derive(Clone, Debug)]
pub(crate) struct At<T> {
    pub(crate) value: T,
    pub(crate) span: Range<usize>,
}

/// A key that may be left out; where it is given, it has a value. (`Option` would take an empty
/// value for a missing key, and so pass over half-written lines.)
#[derive(Clone, Debug)]
pub(crate) struct Field<T>(pub(crate) Option<At<T>>);

/// A mapping with keys that are names, in the file's order.
#[derive(Clone, Debug)]
pub(crate) struct Ordered<T>(pub(crate) Vec<(At<String>, At<T>)>);

/// Reads one document.
pub(crate) fn parse<T: DeserializeOwned>(source: &Arc<Source>) -> Result<T, Diagnostic> {
    serde_yaml::from_str_with_options(source.text(), options())
        .map_err(|error| explain(&error, source))
}

/// The keys of the mapping that a text is, if it is one.
pub(crate) fn keys(text: &str) -> Option<Vec<String>> {
    let keys: Result<Ordered<IgnoredAny>, _> = serde_yaml::from_str_with_options(text, options());
    Some(keys.ok()?.0.into_iter().map(|(key, _)| key.value).collect())
}

fn options() -> serde_yaml::Options {
    serde_yaml::options! {
        // Large enough for a thousand topics with a thousand names each; bombs still end early.
        budget: serde_yaml::budget! { max_nodes: 5_000_000, max_events: 12_000_000 },
        strict_booleans: true,
        with_snippet: false,
    }
}

impl<T> Default for Field<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Field<T> {
    pub(crate) fn value(&self) -> Option<&T> {
        self.0.as_ref().map(|at| &at.value)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for At<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Spanned { value, referenced, .. } = Spanned::<T>::deserialize(deserializer)?;
        let span = referenced.span();
        let start = span.byte_offset().and_then(|start| usize::try_from(start).ok()).unwrap_or(0);
        let len = span.byte_len().and_then(|len| usize::try_from(len).ok()).unwrap_or(0);
        Ok(Self { value, span: start..start + len })
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        At::deserialize(deserializer).map(|at| Self(Some(at)))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Ordered<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Entries<T> {
            type Value = Ordered<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a mapping (`name: value` lines)")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Ordered<T>, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Ordered(entries))
            }
        }

        deserializer.deserialize_map(Entries(PhantomData))
    }
}

/// In the JSON Schema a place makes no difference.
macro_rules! schema_of_its_value {
    ($($type:ident),+) => {$(
        impl<T: JsonSchema> JsonSchema for $type<T> {
            fn inline_schema() -> bool {
                T::inline_schema()
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                T::schema_name()
            }

            fn schema_id() -> std::borrow::Cow<'static, str> {
                T::schema_id()
            }

            fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                T::json_schema(generator)
            }
        }
    )+};
}

schema_of_its_value!(At, Field);

impl<T: JsonSchema> JsonSchema for Ordered<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("MappingOf{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let value = generator.subschema_for::<T>();
        schemars::json_schema!({ "type": "object", "additionalProperties": value })
    }
}
