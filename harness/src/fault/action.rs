//! What a fault does: its kind, what it is about, and the kind's own settings.

use std::fmt;
use std::sync::Arc;

use super::definition::{Definition, Effect};
use super::injection::Injection;
use super::target::Target;

/// What a fault does.
#[derive(Clone, Debug)]
pub struct Action {
    /// Its row in the table.
    pub definition: &'static Definition,
    /// What it is about; one of those that the definition takes.
    pub target: Target,
    /// What it does, with its settings.
    pub effect: Arc<dyn Effect>,
}

impl Action {
    /// The key that asks for it in the YAML.
    pub const fn key(&self) -> &'static str {
        self.definition.key
    }

    /// What a firing does, made anew for each process, link or consumer that it is about.
    pub fn injection(&self) -> Injection {
        self.effect.injection()
    }

    /// Whether it ends a process and starts it again: a store in memory begins a new life then.
    pub fn restarts(&self) -> bool {
        matches!(self.injection(), Injection::Process(hold) if hold.restarts())
    }

    /// The same said more simply, the simplest first: about one of these actors alone, or with
    /// simpler settings.
    pub fn simpler(&self, actors: &[crate::input::names::Actor]) -> Vec<Self> {
        let narrowed = self.target.narrowed(actors).into_iter();
        let narrowed = narrowed.map(|target| Self { target, ..self.clone() });
        let simpler = self.effect.simpler().into_iter();
        narrowed.chain(simpler.map(|effect| Self { effect, ..self.clone() })).collect()
    }
}

/// `cut: P1`.
impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}{}", self.key(), self.target, self.effect.settings())
    }
}
