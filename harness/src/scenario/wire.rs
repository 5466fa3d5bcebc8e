//! What a broker of the original routes does differently from the original itself: the block
//! `broker: { wire: { ... } }`. The driver of these routes reads any answer as leniently as it can;
//! here stands what it cannot find out by itself, because it is about requests.

use std::fmt;

/// What the original calls the name of a topic that is to be created.
const TOPIC_FIELD: &str = "topic_name";

/// How requests are written on the original routes, and where a new subscription begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wire {
    /// What the request that creates a topic calls its name.
    pub topic_field: String,
    /// Where a GET carries its fields.
    pub get: Carrier,
    /// Where a POST carries its fields.
    pub post: Carrier,
    /// Whether the paths end in a slash.
    pub trailing_slash: bool,
    /// Where a new subscription begins.
    pub new_consumers: NewConsumers,
}

/// The part of a request that carries its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// `?topic=T1`.
    Query,
    /// `{"topic":"T1"}`.
    Body,
}

/// Where a new subscription begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewConsumers {
    /// At the topic's end: what is older never comes.
    End,
    /// At the topic's beginning: what is older comes first, and that is no breach.
    Beginning,
}

impl Default for Wire {
    fn default() -> Self {
        Self {
            topic_field: TOPIC_FIELD.to_owned(),
            get: Carrier::Query,
            post: Carrier::Body,
            trailing_slash: false,
            new_consumers: NewConsumers::End,
        }
    }
}

impl Wire {
    /// Every key with its value, in the order of the docs.
    #[must_use]
    pub fn named(&self) -> [(&'static str, String); 5] {
        [
            ("topic_field", self.topic_field.clone()),
            ("get", self.get.to_string()),
            ("post", self.post.to_string()),
            ("trailing_slash", self.trailing_slash.to_string()),
            ("new_consumers", self.new_consumers.to_string()),
        ]
    }

    /// The keys that our own broker would not understand; none where it understands all.
    pub(super) fn unknown_to_ours(&self) -> Option<String> {
        let known = Self {
            topic_field: match self.topic_field.as_str() {
                "topic" | "name" => self.topic_field.clone(),
                _ => TOPIC_FIELD.to_owned(),
            },
            ..Self::default()
        };
        let differs = self.named().into_iter().zip(known.named());
        let unknown = differs.filter(|(own, known)| own != known);
        let unknown: Vec<_> = unknown.map(|((key, value), _)| format!("{key}: {value}")).collect();
        (!unknown.is_empty()).then(|| unknown.join(", "))
    }
}

/// What differs from the original, `get body, post query`; `as the original` where nothing does.
impl fmt::Display for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let differs = self.named().into_iter().zip(Self::default().named());
        let own = differs.filter(|(own, default)| own != default);
        let own: Vec<_> = own.map(|((key, value), _)| format!("{key} {value}")).collect();
        if own.is_empty() { f.write_str("as the original") } else { f.write_str(&own.join(", ")) }
    }
}
