//! What a kind of fault says about itself: its row in the table.

use super::effect::Effect;
use super::settings::Settings;
use super::symptom::Symptom;
use crate::input::names::Kind;

/// A kind of fault.
#[derive(Debug)]
pub struct Definition {
    /// The key that asks for it in the YAML; its value is the target.
    pub key: &'static str,
    /// What the key does, for the JSON Schema.
    pub about: &'static str,
    /// What it can be about.
    pub takes: Takes,
    /// Its other keys.
    pub settings: &'static [Setting],
    /// What `for:` means for it.
    pub lasts: Lasts,
    /// How attempts fail that it touches. What comes of any fault of a database, and of one of a
    /// broker that shares it, is not repeated here: see [`Action::causes`](super::Action::causes).
    pub causes: &'static [Symptom<'static>],
    /// Reads its settings; what is wrong with them is noted there.
    pub read: fn(&mut Settings<'_, '_>) -> Option<Effect>,
}

/// What a kind of fault can be about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// A process.
    Process {
        /// What is done to it: `killed`.
        done: &'static str,
    },
    /// A node of a cluster of databases, or all.
    Node,
    /// The connections of actors.
    Links {
        /// Of these kinds.
        actors: &'static [Kind],
        /// Whether it may be the connections between brokers and database as well.
        database: bool,
    },
    /// Consumers themselves.
    Consumers,
    /// The disk of what keeps the data.
    Storage,
}

impl Takes {
    /// The kinds of actor that it can be about.
    pub const fn actors(self) -> &'static [Kind] {
        match self {
            Self::Process { .. } | Self::Node | Self::Storage => &[],
            Self::Links { actors, .. } => actors,
            Self::Consumers => &[Kind::Consumer],
        }
    }

    /// Whether it can be about the database, or the connections with it.
    pub const fn database(self) -> bool {
        match self {
            Self::Process { .. } | Self::Node => true,
            Self::Links { database, .. } => database,
            Self::Consumers | Self::Storage => false,
        }
    }
}

/// What `for:` means for a kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lasts {
    /// It has to be given.
    Given,
    /// Without it the fault lasts to the end of the run.
    OrToTheEnd,
    /// It has no meaning: the fault ends by itself, as these words say.
    UntilSpent(&'static str),
}

/// One more key of a kind of fault.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// The key.
    pub key: &'static str,
    /// What it says, for the JSON Schema.
    pub about: &'static str,
    /// What its value looks like, for the JSON Schema.
    pub form: Form,
}

/// What a value looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A text with a unit.
    Text,
    /// A whole number from 1.
    Count,
    /// `true` or `false`.
    Flag,
    /// One of these words.
    Word(&'static [&'static str]),
}
