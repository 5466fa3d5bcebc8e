//! The actors that the topics of a scenario name. Nothing else in the file may name another.

use std::ops::Range;

use super::diagnostic::{self, Diagnostic};
use super::names::{self, Actor, Kind};
use super::problems::Problems;

/// Their numbers, of each kind in ascending order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known<'a> {
    pub(crate) producers: &'a [u32],
    pub(crate) consumers: &'a [u32],
}

impl Known<'_> {
    /// Whether a topic names the actor; one that none does is noted.
    pub(crate) fn check(
        &self,
        problems: &mut Problems<'_>,
        actor: Actor,
        span: &Range<usize>,
    ) -> bool {
        let Actor { kind, number } = actor;
        let numbers = match kind {
            Kind::Producer => self.producers,
            Kind::Consumer => self.consumers,
        };
        // Nothing is known of the actors of a file whose topics could not be read.
        if numbers.is_empty() || numbers.binary_search(&number).is_ok() {
            return true;
        }
        problems.add(span.clone(), unknown(kind, number, numbers));
        false
    }

    /// The number of one actor of this kind.
    pub(crate) fn one(
        &self,
        problems: &mut Problems<'_>,
        kind: Kind,
        word: &str,
        span: Range<usize>,
    ) -> Option<u32> {
        let range = problems.keep(span.clone(), names::parse(kind, word))?;
        if range.start() != range.end() {
            let title = format!("`{word}` is more than one {kind}");
            problems.add(span, Diagnostic::new(title).label("one, or leave it out for all"));
            return None;
        }
        let number = *range.start();
        self.check(problems, Actor { kind, number }, &span).then_some(number)
    }
}

/// An actor that no topic names; `mapped` are those that topics do.
pub(crate) fn unknown(kind: Kind, number: u32, mapped: &[u32]) -> Diagnostic {
    let letter = kind.letter();
    let names: Vec<String> = mapped.iter().map(|number| format!("{letter}{number}")).collect();
    let name = format!("{letter}{number}");
    let known = format!("the topics' {kind}s are {}", names::list(kind, mapped));
    let near = diagnostic::nearest(&name, names.iter().map(String::as_str));
    let diagnostic = Diagnostic::new(format!("unknown {kind} `{name}`"));
    match near {
        Some(near) => {
            diagnostic.label(format!("no topic names it; did you mean `{near}`?")).help(known)
        }
        None => diagnostic.label("no topic names it").help(known),
    }
}
