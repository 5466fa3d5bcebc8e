//! The settings of actors: defaults of all, and overrides by name.

use std::collections::BTreeMap;

use crate::input::diagnostic::Diagnostic;
use crate::input::known::unknown;
use crate::input::names::{self, Kind};
use crate::input::problems::Problems;
use crate::input::yaml::{At, Field, Ordered};

/// What the settings of one kind of actor say about each of them.
pub(super) struct Settings<'a, T> {
    pub(super) all: Option<&'a T>,
    pub(super) own: BTreeMap<u32, &'a At<T>>,
    /// Whether a key is wrong, so that it is not known whose settings it has.
    pub(super) is_partial: bool,
}

impl<'a, T> Settings<'a, T> {
    /// Looks up every name; `mapped` are the numbers that topics name.
    pub(super) fn new(
        problems: &mut Problems<'_>,
        kind: Kind,
        raw: &'a Field<Ordered<T>>,
        mapped: &[u32],
    ) -> Self {
        let mut settings = Self { all: None, own: BTreeMap::new(), is_partial: false };
        for (name, value) in raw.value().map_or(&[][..], |entries| &entries.0) {
            if name.value == "all" {
                settings.all = Some(&value.value);
                continue;
            }
            let parsed = names::parse(kind, &name.value).map_err(|diagnostic| {
                let diagnostic = if name.value.contains([',', ' ']) {
                    diagnostic.label("each name is a key of its own, or several are a range")
                } else {
                    diagnostic
                };
                diagnostic.help(format!("a key here is `all`, or the name of a {kind}"))
            });
            let Some(numbers) = problems.keep(name.span.clone(), parsed) else {
                settings.is_partial = true;
                continue;
            };
            for number in numbers {
                if mapped.binary_search(&number).is_err() {
                    // Nothing is known of the actors of a file whose topics could not be read.
                    if !mapped.is_empty() {
                        problems.add(name.span.clone(), unknown(kind, number, mapped));
                    }
                    break;
                }
                if settings.own.insert(number, value).is_some() {
                    let title = format!("{}{number} is set twice", kind.letter());
                    let label = "a key before this one includes it";
                    problems.add(name.span.clone(), Diagnostic::new(title).label(label));
                    break;
                }
            }
        }
        settings
    }

    /// A field of one actor: its own, else the one of all.
    pub(super) fn field<V>(&self, number: u32, pick: impl Fn(&'a T) -> &'a Field<V>) -> &'a Field<V>
    where
        V: 'static,
        T: 'a,
    {
        let own = self.own.get(&number).map(|at| pick(&at.value));
        own.filter(|field| field.0.is_some())
            .or_else(|| self.all.map(&pick))
            .unwrap_or(const { &Field(None) })
    }
}
