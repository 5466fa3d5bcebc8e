//! The settings of actors: defaults of all, overrides by name, and each written value read once.

use std::collections::BTreeMap;

use super::diagnostic::{self, Diagnostic};
use super::names::{self, Kind};
use super::resolve::Report;
use super::yaml::{At, Field, Ordered};

/// What the settings of one kind of actor say about each of them.
pub(super) struct Settings<'a, T> {
    pub(super) all: Option<&'a T>,
    pub(super) own: BTreeMap<u32, &'a At<T>>,
}

impl<'a, T> Settings<'a, T> {
    /// Looks up every name; `mapped` are the numbers that topics name.
    pub(super) fn new(
        report: &mut Report<'_>,
        kind: Kind,
        raw: &'a Field<Ordered<T>>,
        mapped: &[u32],
    ) -> Self {
        let mut settings = Self { all: None, own: BTreeMap::new() };
        for (name, value) in raw.value().map_or(&[][..], |entries| &entries.0) {
            if name.value == "all" {
                settings.all = Some(&value.value);
                continue;
            }
            let parsed = names::parse(kind, &name.value).map_err(|diagnostic| {
                diagnostic.help(format!("a key here is `all`, or the name of a {kind}"))
            });
            let Some(numbers) = report.keep(name.span.clone(), parsed) else { continue };
            for number in numbers {
                if mapped.binary_search(&number).is_err() {
                    // Nothing is known of the actors of a file whose topics could not be read.
                    if !mapped.is_empty() {
                        report.add(name.span.clone(), unknown(kind, number, mapped));
                    }
                    break;
                }
                if settings.own.insert(number, value).is_some() {
                    let title = format!("{}{number} is set twice", kind.letter());
                    let label = "a key before this one includes it";
                    report.add(name.span.clone(), Diagnostic::new(title).label(label));
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

/// An actor that no topic names; `mapped` are those that topics do.
pub(super) fn unknown(kind: Kind, number: u32, mapped: &[u32]) -> Diagnostic {
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

/// Reads each written value once, however many actors it is for.
pub(super) struct Once<T>(BTreeMap<usize, Option<T>>);

impl<T> Default for Once<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T: Clone> Once<T> {
    /// As [`Report::read`].
    pub(super) fn read(
        &mut self,
        report: &mut Report<'_>,
        field: &Field<String>,
        parse: impl FnOnce(&str) -> Result<T, Diagnostic>,
    ) -> Option<T> {
        let place = field.0.as_ref()?.span.start;
        self.0.entry(place).or_insert_with(|| report.read(field, parse)).clone()
    }
}
