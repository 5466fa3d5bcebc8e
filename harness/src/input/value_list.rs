//! A list of values, which is written as one value where it has but one.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor};

use super::diagnostic::Diagnostic;
use super::problems::Problems;
use super::yaml::{At, Field};

/// Values, still text.
#[derive(Debug)]
pub(crate) enum ValueList {
    /// One.
    One(String),
    /// A list.
    List(Vec<At<String>>),
}

impl Field<ValueList> {
    /// Each value with its place; none where the key is left out.
    pub(crate) fn values(&self, problems: &mut Problems<'_>) -> Vec<At<String>> {
        let Some(At { value, span }) = &self.0 else { return Vec::new() };
        let one = match value {
            ValueList::List(list) => return list.clone(),
            ValueList::One(one) => one,
        };
        if one.contains(',') {
            let values: Vec<&str> = one.split(',').map(str::trim).collect();
            let title = format!("`{one}` is more than one value");
            let label = format!("did you mean `[{}]`?", values.join(", "));
            problems.add(span.clone(), Diagnostic::new(title).label(label));
            return Vec::new();
        }
        vec![At { value: one.clone(), span: span.clone() }]
    }
}

impl<'de> Deserialize<'de> for ValueList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = ValueList;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value, or a list of values such as `[one, other]`")
            }

            fn visit_str<E>(self, one: &str) -> Result<ValueList, E> {
                Ok(ValueList::One(one.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<ValueList, A::Error> {
                let mut values = Vec::new();
                while let Some(value) = list.next_element()? {
                    values.push(value);
                }
                Ok(ValueList::List(values))
            }
        }

        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for ValueList {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Values".into()
    }

    fn json_schema(_generator: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({
            "anyOf": [
                { "type": "string" },
                { "type": "array", "items": { "type": "string" } },
            ],
        })
    }
}
