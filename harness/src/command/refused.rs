//! A command line or a scenario that cannot be carried out.

use std::fmt::Display;

use super::streams;
use crate::exit::Exit;
use crate::input::diagnostic;
use crate::report::terminal::Terminal;

/// What to end with, and what to say: nothing where the text is empty.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) exit: Exit,
    pub(super) text: String,
}

impl Refused {
    /// What was asked for is wrong.
    pub(super) fn usage(text: impl Display) -> Self {
        Self { exit: Exit::Usage, text: format!("error: {text}") }
    }

    /// Nothing is wrong with what was asked for: it cannot be done here.
    pub(super) fn no_verdict(text: impl Display) -> Self {
        Self { exit: Exit::NoVerdict, text: format!("error: {text}") }
    }

    /// Why was said already.
    pub(super) const fn told(exit: Exit) -> Self {
        Self { exit, text: String::new() }
    }

    /// The scenario is wrong.
    pub(super) fn scenario(error: &diagnostic::Error) -> Self {
        Self { exit: Exit::Usage, text: error.render(terminal().style().colour) }
    }
}

/// Says why something was refused, and what to end with.
pub(super) fn exit(carried_out: Result<Exit, Refused>) -> Exit {
    carried_out.unwrap_or_else(|Refused { exit, text }| {
        if !text.is_empty() {
            streams::tell(&text);
        }
        exit
    })
}

/// The terminal, as the environment wants it.
pub(super) fn terminal() -> Terminal {
    Terminal::new(streams::variable)
}
