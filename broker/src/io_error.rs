//! Errors of the operating system in words: in lower case, and without their numbers.

use std::io;

/// What an error says.
pub(crate) fn text(error: &io::Error) -> String {
    let text = error.to_string();
    let end = text.find(" (os error").unwrap_or(text.len());
    text[..end].to_lowercase()
}
