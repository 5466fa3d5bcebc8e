//! A fault as it is written: its keys as text with places. Which keys there are beside the times
//! follows from the table, and the JSON Schema is made of it too, so they cannot disagree.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::LazyLock;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde_json::{Value, json};

use super::definition::{Definition, Form, Setting, Takes};
use super::kinds::KINDS;
use crate::input::name_list::NameList;
use crate::input::yaml::{At, Field};

/// The keys in front of the kinds', and the one behind them.
const TIMES: [&str; 5] = ["at", "after", "every", "from", "until"];
const LASTS: &str = "for";

static KEYS: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let kinds = KINDS.iter().map(|kind| kind.key);
    let settings = settings().map(|setting| setting.key);
    TIMES.into_iter().chain(kinds).chain([LASTS]).chain(settings).collect()
});

/// Something that is done to the run on purpose: one trigger and one action.
#[derive(Debug, Default)]
pub(crate) struct Written {
    pub(super) times: Times,
    pub(super) actions: Vec<Asked>,
    pub(super) settings: Vec<(&'static str, At<String>)>,
}

/// When it fires, and for how long.
#[derive(Debug, Default, JsonSchema)]
#[schemars(default)]
pub(super) struct Times {
    /// So long after producers may send, such as `1s`.
    pub(super) at: Field<String>,
    /// `500 acked`, `100 acked by P1`, `900 delivered`, `300 delivered to C1`.
    #[schemars(regex(pattern = r"^[0-9]+ +(acked( +by +P[0-9]+)?|delivered( +to +C[0-9]+)?)$"))]
    pub(super) after: Field<String>,
    /// Again and again, such as `200ms`.
    pub(super) every: Field<String>,
    /// When `every` begins; default 0s.
    pub(super) from: Field<String>,
    /// When `every` ends; default: with the last producer.
    pub(super) until: Field<String>,
    /// How long it lasts, such as `200ms`.
    #[schemars(rename = "for")]
    pub(super) lasts: Field<String>,
}

/// A key that asks for an action.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) definition: &'static Definition,
    pub(super) target: WrittenTarget,
}

/// What it is to be about.
#[derive(Debug)]
pub(super) enum WrittenTarget {
    Process(At<String>),
    Storage(At<String>),
    Names(At<NameList>),
}

impl Asked {
    /// Where the target stands.
    pub(super) fn span(&self) -> Range<usize> {
        match &self.target {
            WrittenTarget::Process(at) | WrittenTarget::Storage(at) => at.span.clone(),
            WrittenTarget::Names(at) => at.span.clone(),
        }
    }
}

/// The settings of all kinds, each key once.
fn settings() -> impl Iterator<Item = &'static Setting> {
    let all = || KINDS.iter().flat_map(|kind| kind.settings);
    let is_first = move |(place, setting): &(usize, &Setting)| {
        all().take(*place).all(|before| before.key != setting.key)
    };
    all().enumerate().filter(is_first).map(|(_, setting)| setting)
}

impl Written {
    fn take<'de, A: MapAccess<'de>>(
        &mut self,
        key: &'static str,
        map: &mut A,
    ) -> Result<(), A::Error> {
        let times = &mut self.times;
        match key {
            "at" => times.at = map.next_value()?,
            "after" => times.after = map.next_value()?,
            "every" => times.every = map.next_value()?,
            "from" => times.from = map.next_value()?,
            "until" => times.until = map.next_value()?,
            LASTS => times.lasts = map.next_value()?,
            key => match KINDS.iter().find(|kind| kind.key == key) {
                Some(definition) => {
                    let target = match definition.takes {
                        Takes::Process { .. } | Takes::Node => {
                            WrittenTarget::Process(map.next_value()?)
                        }
                        Takes::Storage => WrittenTarget::Storage(map.next_value()?),
                        Takes::Links { .. } | Takes::Consumers => {
                            WrittenTarget::Names(map.next_value()?)
                        }
                    };
                    self.actions.push(Asked { definition, target });
                }
                None => self.settings.push((key, map.next_value()?)),
            },
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;

        impl<'de> Visitor<'de> for Keys {
            type Value = Written;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("struct Fault")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Written, A::Error> {
                let mut written = Written::default();
                while let Some(given) = map.next_key::<String>()? {
                    let key = KEYS.iter().find(|key| **key == given);
                    let key = key.ok_or_else(|| Error::unknown_field(&given, &KEYS))?;
                    written.take(key, &mut map)?;
                }
                Ok(written)
            }
        }

        deserializer.deserialize_struct("Fault", &KEYS, Keys)
    }
}

impl JsonSchema for Written {
    fn schema_name() -> Cow<'static, str> {
        "Fault".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = Times::json_schema(generator);
        let about = "Something that is done to the run on purpose: one trigger (`at`, `after`, \
                     `every`) and one action.";
        schema.insert("description".to_owned(), about.into());
        schema.insert("additionalProperties".to_owned(), false.into());
        let Some(Value::Object(properties)) = schema.get_mut("properties") else { return schema };
        let kinds = KINDS.iter().map(|kind| {
            let value = match kind.takes {
                Takes::Process { .. } | Takes::Node => String::json_schema(generator),
                Takes::Storage => {
                    Schema::try_from(json!({ "const": "storage" })).expect("an object is a schema")
                }
                Takes::Links { .. } | Takes::Consumers => NameList::json_schema(generator),
            };
            (kind.key, kind.about, value)
        });
        let kinds: Vec<_> = kinds.collect();
        let settings = settings().map(|setting| {
            let value = match setting.form {
                Form::Text => json!({ "type": "string" }),
                Form::Count => json!({ "type": "integer", "format": "uint64", "minimum": 1 }),
                Form::Flag => json!({ "type": "boolean" }),
                Form::Word(words) => json!({ "enum": words }),
            };
            let value = Schema::try_from(value).expect("an object is a schema");
            (setting.key, setting.about, value)
        });
        for (key, about, mut value) in kinds.into_iter().chain(settings) {
            value.insert("description".to_owned(), about.into());
            properties.insert(key.to_owned(), value.into());
        }
        schema
    }
}
