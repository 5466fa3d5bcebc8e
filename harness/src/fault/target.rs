//! What a fault can be about: a process, connections, consumers, or a disk.

use std::fmt;

use crate::input::names::{self, Actor, Kind};

/// A process of a testbed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The broker of this place, from 0: `broker` is the first, `broker 2` the second.
    Broker(u32),
    /// The database that all brokers share; of a cluster all nodes.
    Database,
    /// The node of this place, from 0, of a cluster: `database 2` is the second.
    Node(u32),
}

/// The connections of one actor with its broker, or those between brokers and database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Link {
    /// All connections of this actor.
    Actor(Actor),
    /// All connections of all brokers with the database.
    Database,
}

/// What one fault is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A process.
    Process(Part),
    /// One of the brokers, chosen by chance anew at each firing: `any`.
    AnyBroker,
    /// The connections of actors.
    Links(Who),
    /// The connections between brokers and database.
    DatabaseLink,
    /// Consumers themselves.
    Consumers(Who),
    /// The disk of what keeps the data: of the database that the brokers share, else of the broker.
    Storage,
}

/// Actors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// These, in ascending order, at least one.
    Actors(Vec<Actor>),
    /// One of those that it can be, chosen by chance anew at each firing.
    Any,
    /// All that it can be.
    All,
}

impl Part {
    /// The number of the broker (from 1) that these words of a firing name, if they name one.
    pub fn broker_number(words: &str) -> Option<u32> {
        match words.strip_prefix("broker")? {
            "" => Some(1),
            number => number.trim_start().parse().ok(),
        }
    }
}

impl Target {
    /// Whether it is a process, of a broker or of the database, or the disk of one.
    pub const fn is_process(&self) -> bool {
        matches!(self, Self::Process(_) | Self::AnyBroker | Self::Storage)
    }

    /// Whether it is the database, or the connections with it.
    pub const fn is_database(&self) -> bool {
        matches!(self, Self::Process(Part::Database | Part::Node(_)) | Self::DatabaseLink)
    }

    /// Takes actors out that are not among the known ones; false if none is left.
    pub fn keep(&mut self, known: &[Actor]) -> bool {
        let (Self::Links(Who::Actors(actors)) | Self::Consumers(Who::Actors(actors))) = self else {
            return true;
        };
        actors.retain(|actor| known.contains(actor));
        !actors.is_empty()
    }

    /// For a target that is, or may be, several actors: each of these actors in its place. Some may
    /// be of a kind that the fault cannot be about; loading refuses those.
    pub fn narrowed(&self, actors: &[Actor]) -> Vec<Self> {
        let (Self::Links(who) | Self::Consumers(who)) = self else { return Vec::new() };
        if matches!(who, Who::Actors(actors) if actors.len() == 1) {
            return Vec::new();
        }
        let one = |actor: &Actor| {
            let who = Who::Actors(vec![*actor]);
            if matches!(self, Self::Links(_)) { Self::Links(who) } else { Self::Consumers(who) }
        };
        actors.iter().map(one).collect()
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broker(0) => f.write_str("broker"),
            Self::Broker(place) => write!(f, "broker {}", place + 1),
            Self::Database => f.write_str("database"),
            Self::Node(place) => write!(f, "database {}", place + 1),
        }
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Actor(actor) => actor.fmt(f),
            Self::Database => f.write_str("database"),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Process(part) => part.fmt(f),
            Self::AnyBroker => f.write_str("any"),
            Self::Links(who) | Self::Consumers(who) => who.fmt(f),
            Self::DatabaseLink => f.write_str("database"),
            Self::Storage => f.write_str("storage"),
        }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any"),
            Self::All => f.write_str("all"),
            Self::Actors(actors) => {
                let list = |kind| {
                    let own = actors.iter().filter(|actor| actor.kind == kind);
                    names::list(kind, &own.map(|actor| actor.number).collect::<Vec<_>>())
                };
                let words = [list(Kind::Producer), list(Kind::Consumer)].join(" ");
                let words: Vec<&str> = words.split_whitespace().collect();
                match words.as_slice() {
                    [one] => f.write_str(one),
                    many => write!(f, "[{}]", many.join(", ")),
                }
            }
        }
    }
}
