//! One entry of `faults:`: when, what, and for how long.

use std::fmt;
use std::time::Duration;

use humantime::format_duration;

use super::definition::Definition;
use super::effect::Effect;
use super::symptom::{Symptom, Touches, UNAVAILABLE};
use super::target::Target;
use super::trigger::Trigger;
use crate::input::diagnostic::Spot;
use crate::input::names::Actor;

/// One entry of `faults:`.
#[derive(Clone, Debug)]
pub struct Fault {
    /// Its line in the scenario's file, from 1.
    pub line: usize,
    /// Where the file says when it fires.
    pub trigger_spot: Spot,
    /// When it fires. Time counts from the moment at which producers may send.
    pub trigger: Trigger,
    /// What it does.
    pub action: Action,
    /// How long a firing lasts; `None` until the run ends, or until the fault is used up.
    pub lasts: Option<Duration>,
}

/// What a fault does.
#[derive(Clone, Debug)]
pub struct Action {
    /// Its row in the table.
    pub definition: &'static Definition,
    /// What it is about; one of those that the definition takes.
    pub target: Target,
    /// What it does, with its settings.
    pub effect: Effect,
}

impl Action {
    /// The key that asks for it in the YAML.
    pub const fn key(&self) -> &'static str {
        self.definition.key
    }

    /// The same said more simply, the simplest first: about one of these actors alone, or with
    /// simpler settings.
    pub fn simpler(&self, actors: &[Actor]) -> Vec<Self> {
        let narrowed = self.target.narrowed(actors).into_iter();
        let narrowed = narrowed.map(|target| Self { target, ..self.clone() });
        let simpler: Vec<Effect> = match &self.effect {
            Effect::Link(kind) => kind.simpler().into_iter().map(Effect::Link).collect(),
            Effect::Storage(fault) => fault.simpler().into_iter().map(Effect::Storage).collect(),
            Effect::Process(_) | Effect::Crash => Vec::new(),
        };
        let simpler = simpler.into_iter();
        narrowed.chain(simpler.map(|effect| Self { effect, ..self.clone() })).collect()
    }

    /// What it may be felt by, where the brokers share a database or do not.
    pub const fn touches(&self, has_database: bool) -> Touches {
        match &self.target {
            Target::Links(_) => Touches::Producers,
            Target::Consumers(_) => Touches::Nothing,
            Target::DatabaseLink | Target::Storage => Touches::EveryBroker,
            Target::Process(_) | Target::AnyBroker if has_database => Touches::EveryBroker,
            Target::Process(_) | Target::AnyBroker => Touches::OneBroker,
        }
    }

    /// Whether an attempt that it touches may fail so for its sake.
    pub fn causes(&self, symptom: Symptom<'_>, has_database: bool, keeps: bool) -> bool {
        // A broker that is held may hold locks in the database, and keeps the others from it.
        let database = self.target.is_database() || self.target.is_process() && has_database;
        match symptom {
            // What survives is remembered.
            Symptom::Forgotten if keeps => false,
            UNAVAILABLE if database => true,
            // What a server says that cannot write is its own matter.
            Symptom::Refused(_) if self.target == Target::Storage => true,
            symptom => self.definition.causes.contains(&symptom),
        }
    }
}

/// As a person would write it: `{ at: 1s, pause: broker, for: 500ms }`. Loading it again gives an
/// equal fault, but for its line.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{ {}, {}", self.trigger, self.action)?;
        if let Some(lasts) = self.lasts {
            write!(f, ", for: {}", format_duration(lasts))?;
        }
        f.write_str(" }")
    }
}

/// `cut: P1`.
impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key(), self.target)?;
        match &self.effect {
            Effect::Link(kind) => f.write_str(&kind.settings()),
            Effect::Storage(fault) => f.write_str(&fault.settings()),
            Effect::Process(_) | Effect::Crash => Ok(()),
        }
    }
}
