//! Reads the block `wire` of a `broker` section.

use super::broker::{DEFAULT_DRIVER, ORIGINAL_DRIVER};
use super::wire::Wire;
use super::{raw, words};
use crate::input::diagnostic::Diagnostic;
use crate::input::problems::Problems;
use crate::input::values::{self, Parsed};

/// What the block says; what is left out is as the original has it.
pub(super) fn read_wire(problems: &mut Problems<'_>, broker: &raw::Broker) -> Wire {
    let default = Wire::default();
    let Some(at) = &broker.wire.0 else { return default };
    let driver = broker.driver.value().map_or(DEFAULT_DRIVER, String::as_str);
    if driver != ORIGINAL_DRIVER {
        let title = format!("the driver `{driver}` has no `wire`");
        let label = format!("set `driver: {ORIGINAL_DRIVER}`, or leave this out");
        problems.add(at.span.clone(), Diagnostic::new(title).label(label));
    }
    let raw = &at.value;
    let new_consumers = problems.read(&raw.new_consumers, words::word);
    Wire {
        topic_field: problems.read(&raw.topic_field, field).unwrap_or(default.topic_field),
        get: problems.read(&raw.get, words::word).unwrap_or(default.get),
        post: problems.read(&raw.post, words::word).unwrap_or(default.post),
        trailing_slash: problems.read(&raw.trailing_slash, values::truth).unwrap_or(false),
        new_consumers: new_consumers.unwrap_or(default.new_consumers),
    }
}

/// The name of a field.
fn field(text: &str) -> Parsed<String> {
    let inside = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if begins && text.chars().all(inside) {
        return Ok(text.to_owned());
    }
    Err(Diagnostic::new(format!("`{text}` cannot name a field"))
        .label("letters, digits, `_` and `-`, and no digit in front, such as `name`"))
}
