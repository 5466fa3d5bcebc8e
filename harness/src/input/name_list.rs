//! A list of names as it is written: words separated by blanks, or a YAML list.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor};

use super::problems::Problems;
use super::yaml::At;

/// Names, still text.
#[derive(Debug)]
pub(crate) enum NameList {
    /// One value, in which names are separated by blanks.
    Line(String),
    /// A list.
    List(Vec<At<String>>),
}

impl At<NameList> {
    /// Each name with its place.
    pub(crate) fn words(&self, problems: &Problems<'_>) -> Vec<(&str, Range<usize>)> {
        match &self.value {
            NameList::List(list) => {
                list.iter().map(|at| (at.value.as_str(), at.span.clone())).collect()
            }
            NameList::Line(line) => {
                let place = |word| (word, problems.word_span(&self.span, line, word));
                line.split_whitespace().map(place).collect()
            }
        }
    }
}

impl<'de> Deserialize<'de> for NameList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = NameList;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("names such as `[P1, P2]` or `[P1..P100]`")
            }

            fn visit_str<E>(self, line: &str) -> Result<NameList, E> {
                Ok(NameList::Line(line.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<NameList, A::Error> {
                let mut names = Vec::new();
                while let Some(name) = list.next_element()? {
                    names.push(name);
                }
                Ok(NameList::List(names))
            }
        }

        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for NameList {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Names".into()
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
