//! The settings of one fault, for its kind to read.

use std::ops::Range;

use crate::input::diagnostic::Diagnostic;
use crate::input::problems::Problems;
use crate::input::yaml::At;

/// The keys of a fault that belong to its kind, still text.
#[derive(Debug)]
pub struct Settings<'a, 'b> {
    given: &'a [(&'static str, At<String>)],
    /// Where the fault's target stands.
    span: Range<usize>,
    problems: &'a mut Problems<'b>,
}

/// Something is wrong, and is noted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Noted;

impl<'a, 'b> Settings<'a, 'b> {
    pub(super) const fn new(
        given: &'a [(&'static str, At<String>)],
        span: Range<usize>,
        problems: &'a mut Problems<'b>,
    ) -> Self {
        Self { given, span, problems }
    }

    /// What a key says, if it is there.
    pub(super) fn read<T>(
        &mut self,
        key: &str,
        parse: impl FnOnce(&str) -> Result<T, Diagnostic>,
    ) -> Result<Option<T>, Noted> {
        let Some(At { value, span }) = self.at(key) else { return Ok(None) };
        self.problems.keep(span.clone(), parse(value)).map(Some).ok_or(Noted)
    }

    /// Notes what is wrong with a key beside others.
    pub(super) fn refuse(&mut self, key: &str, why: impl FnOnce(&str) -> Diagnostic) {
        if let Some(At { value, span }) = self.at(key) {
            self.problems.add(span.clone(), why(value));
        }
    }

    /// Notes what is wrong with all of them together.
    pub(super) fn refuse_all(&mut self, why: Diagnostic) {
        self.problems.add(self.span.clone(), why);
    }

    fn at(&self, key: &str) -> Option<&'a At<String>> {
        self.given.iter().find(|(given, _)| *given == key).map(|(_, at)| at)
    }
}
