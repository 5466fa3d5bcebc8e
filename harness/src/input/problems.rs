//! Collects what is wrong with one file, so that all of it is said at once.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use super::diagnostic::{Diagnostic, Source, Spot};
use super::yaml::Field;

/// What is wrong with one file, each with its place.
#[derive(Debug)]
pub(crate) struct Problems<'a> {
    pub(crate) source: &'a Arc<Source>,
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// What was noted where: a value that is for many actors is read for each of them, and what is
    /// wrong with it is said once.
    known: BTreeSet<(usize, String)>,
}

impl<'a> Problems<'a> {
    pub(crate) const fn new(source: &'a Arc<Source>) -> Self {
        Self { source, diagnostics: Vec::new(), known: BTreeSet::new() }
    }

    /// How many there are: a reader that finds as many afterwards has found nothing wrong.
    pub(crate) const fn count(&self) -> usize {
        self.diagnostics.len()
    }

    pub(crate) fn add(&mut self, span: Range<usize>, diagnostic: Diagnostic) {
        if self.known.insert((span.start, diagnostic.title().to_owned())) {
            self.diagnostics.push(diagnostic.at(self.source, span));
        }
    }

    /// Reads a value that may be left out; one that is wrong is noted, and then counts as left out.
    pub(crate) fn read<T>(
        &mut self,
        field: &Field<String>,
        parse: impl FnOnce(&str) -> Result<T, Diagnostic>,
    ) -> Option<T> {
        let at = field.0.as_ref()?;
        self.keep(at.span.clone(), parse(&at.value))
    }

    /// Where a value stands; nowhere if it is left out.
    pub(crate) fn spot<T>(&self, field: &Field<T>) -> Spot {
        let span = field.0.as_ref().map(|at| at.span.clone());
        span.map_or_else(Spot::default, |span| Spot::new(self.source, span))
    }

    /// Takes a value, or notes why there is none.
    pub(crate) fn keep<T>(
        &mut self,
        span: Range<usize>,
        result: Result<T, Diagnostic>,
    ) -> Option<T> {
        result.map_err(|diagnostic| self.add(span, diagnostic)).ok()
    }

    /// Where a word of a value that stands at `span` is; the whole value where quoting has changed its text.
    pub(crate) fn word_span(&self, span: &Range<usize>, value: &str, word: &str) -> Range<usize> {
        let offset = word.as_ptr() as usize - value.as_ptr() as usize;
        match self.source.text().get(span.clone()).and_then(|text| text.find(value)) {
            Some(start) => {
                let start = span.start + start + offset;
                start..start + word.len()
            }
            None => span.clone(),
        }
    }
}
