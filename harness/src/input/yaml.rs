//! The one place that knows the YAML library: text to typed values with their places, and the
//! library's errors to our own.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_yaml::{Error as YamlError, Location, MessageFormatter, Spanned, UserMessageFormatter};

use super::diagnostic::{Diagnostic, Source, hint};

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

/// The library's error in our words, at its place.
fn explain(error: &YamlError, source: &Arc<Source>) -> Diagnostic {
    let diagnostic = match innermost(error) {
        YamlError::SerdeUnknownField { field, expected, .. } => {
            Diagnostic::new(format!("unknown key `{field}`"))
                .label(hint(field, expected.iter().copied()))
        }
        YamlError::DuplicateMappingKey { key: Some(key), .. } => {
            Diagnostic::new(format!("duplicate key `{key}`"))
                .label("it is given before in the same mapping")
        }
        YamlError::SerdeInvalidType { unexpected, expected, .. } => {
            Diagnostic::new(format!("wrong type: {unexpected}"))
                .label(format!("expected {expected}"))
        }
        YamlError::Unexpected { expected, .. } => {
            Diagnostic::new("wrong type").label(format!("expected {}", plainly(expected)))
        }
        YamlError::NullIntoString { .. } => {
            Diagnostic::new("missing value").label("nothing stands here")
        }
        YamlError::MultipleDocuments { .. } => Diagnostic::new("more than one YAML document")
            .label("a second one begins here")
            .help("write each scenario into a file of its own"),
        other => {
            let why = UserMessageFormatter.format_message(other);
            let diagnostic = Diagnostic::new(format!("not YAML: {why}"));
            if why.contains("flow mapping") {
                diagnostic.help("inside `{ }`, a value that has braces itself is put into quotes")
            } else {
                diagnostic
            }
        }
    };
    match error.location() {
        Some(location) => diagnostic.at(source, bytes(&location, source)),
        None => diagnostic.at(source, 0..0),
    }
}

fn innermost(mut error: &YamlError) -> &YamlError {
    while let YamlError::AliasError { error: inner, .. }
    | YamlError::WithSnippet { error: inner, .. } = error
    {
        error = inner;
    }
    error
}

/// The library names parser events; people know mappings and values.
fn plainly(expected: &str) -> &str {
    match expected {
        "mapping start" => "a mapping (`key: value` lines)",
        "sequence start" => "a list",
        "string scalar" | "scalar" => "a single value",
        other => other,
    }
}

/// A location's span; errors of the scanner carry line and column alone.
fn bytes(location: &Location, source: &Source) -> Range<usize> {
    let span = location.span();
    if let (Some(start), Some(len)) = (span.byte_offset(), span.byte_len()) {
        let start = usize::try_from(start).unwrap_or(usize::MAX);
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        if len > 0 {
            return start..start.saturating_add(len);
        }
    }
    let text = source.text();
    let line = usize::try_from(location.line()).unwrap_or(1).max(1);
    let column = usize::try_from(location.column()).unwrap_or(1).max(1);
    let line_start: usize = text.split_inclusive('\n').take(line - 1).map(str::len).sum();
    let column_bytes: usize = text[line_start..].chars().take(column - 1).map(char::len_utf8).sum();
    let start = line_start + column_bytes;
    start..start + text[start..].find(['\n', ' ', ':']).unwrap_or(text.len() - start).max(1)
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
