//! A command line or a scenario that cannot be carried out.

use std::fmt::Display;
use std::path::Path;

use super::streams;
use crate::exit::Exit;
use crate::input::diagnostic;
use crate::report::terminal::{Detail, Terminal};
use crate::report::{Entry, Problem};
use crate::scenario::Scenario;

/// What to end with, and what to say: nothing where the text is empty.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) exit: Exit,
    pub(super) text: String,
    /// The scenarios that are to blame, for reports; none where it is no scenario's fault.
    pub(super) entries: Vec<Entry>,
}

impl Refused {
    /// What was asked for is wrong.
    pub(super) fn usage(text: impl Display) -> Self {
        Self { exit: Exit::Usage, text: format!("error: {text}"), entries: Vec::new() }
    }

    /// Nothing is wrong with what was asked for: it cannot be done here.
    pub(super) fn no_verdict(text: impl Display) -> Self {
        Self { exit: Exit::NoVerdict, text: format!("error: {text}"), entries: Vec::new() }
    }

    /// There is nothing to do.
    pub(super) fn nothing_selected(why: impl Display) -> Self {
        let text = format!("nothing selected: {why}");
        Self { exit: Exit::NothingSelected, text, entries: Vec::new() }
    }

    /// Why was said already.
    pub(super) const fn told(exit: Exit) -> Self {
        Self { exit, text: String::new(), entries: Vec::new() }
    }

    /// Scenarios are wrong: an entry each, in the order in which they were found to be.
    pub(super) fn scenario(error: &diagnostic::Error) -> Self {
        let mut files: Vec<(&Path, Vec<Problem>)> = Vec::new();
        for diagnostic in error.diagnostics() {
            let Some(file) = diagnostic.file() else { continue };
            let problem = Problem::new(diagnostic, file);
            match files.iter_mut().find(|(known, _)| *known == file) {
                Some((_, problems)) => problems.push(problem),
                None => files.push((file, vec![problem])),
            }
        }
        let entries = files.into_iter().map(|(file, problems)| Entry::invalid(file, problems));
        let text = error.render(terminal().style().colour);
        Self { exit: Exit::Usage, text, entries: entries.collect() }
    }

    /// A scenario that loads cannot be run as it is asked to. `problems` are in its file: the line,
    /// where there is one, and what is wrong with it.
    pub(super) fn here(
        scenario: &Scenario,
        text: impl Display,
        problems: impl IntoIterator<Item = (Option<usize>, String)>,
    ) -> Self {
        let problem =
            |(line, text)| Problem { file: scenario.file.clone(), line, column: None, text };
        let entry = Entry::new(scenario).with(problems.into_iter().map(problem).collect());
        Self { entries: vec![entry], ..Self::usage(text) }
    }
}

impl Refused {
    /// Says why, and what to end with.
    pub(super) fn tell(&self) -> Exit {
        if !self.text.is_empty() {
            streams::tell(&self.text);
        }
        self.exit
    }
}

/// Says why something was refused, and what to end with.
pub(super) fn exit(carried_out: Result<Exit, Refused>) -> Exit {
    carried_out.unwrap_or_else(|refused| refused.tell())
}

/// The terminal, as the environment wants it.
pub(super) fn terminal() -> Terminal {
    Terminal::new(streams::variable, Detail::Usual)
}
