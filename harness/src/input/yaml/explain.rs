//! The YAML library's errors in our words, at their places.

use std::ops::Range;
use std::sync::Arc;

use serde_yaml::{Error as YamlError, Location, MessageFormatter, UserMessageFormatter};

use super::indentation;
use crate::input::diagnostic::{Diagnostic, Source, hint, nearest};
use crate::input::names::{self, Kind};

/// One error of the library.
pub(super) fn explain(error: &YamlError, source: &Arc<Source>) -> Diagnostic {
    let text = source.text();
    let Range { start, end } = error.location().map_or(0..0, |location| bytes(&location, source));
    let start = text.floor_char_boundary(start);
    let span = start..text.ceil_char_boundary(end).max(start);
    match innermost(error) {
        YamlError::SerdeUnknownField { field, expected, .. } => {
            unknown_key(field, expected, text, &span).at(source, span)
        }
        YamlError::DuplicateMappingKey { key: Some(key), .. } => {
            Diagnostic::new(format!("duplicate key `{key}`"))
                .label("it is given before in the same mapping")
                .at(source, span)
        }
        YamlError::SerdeInvalidType { unexpected, .. } if unexpected.starts_with("unit value") => {
            Diagnostic::new("missing value").label("nothing stands here").at(source, span)
        }
        YamlError::SerdeInvalidType { unexpected, expected, .. } => {
            Diagnostic::new(format!("wrong type: {unexpected}"))
                .label(format!("expected {expected}"))
                .at(source, span)
        }
        YamlError::Unexpected { .. } | YamlError::NullIntoString { .. }
            if indentation::is_line_end(text, &span) =>
        {
            let missing = Diagnostic::new("missing value").label("nothing stands here");
            match indentation::not_below(text, span.start) {
                Some(help) => missing.help(help),
                None => missing,
            }
            .at(source, span)
        }
        YamlError::NullIntoString { .. } => {
            Diagnostic::new("missing value").label("nothing stands here").at(source, span)
        }
        YamlError::Unexpected { expected, .. } => {
            let wrong =
                Diagnostic::new("wrong type").label(format!("expected {}", plainly(expected)));
            let start = span.start;
            let help = indentation::belongs_below(text, start).or_else(|| {
                let (key, help) = indentation::belongs_above(text, start)?;
                (!names_actors(key)).then_some(help)
            });
            match help.filter(|_| *expected == "mapping start") {
                Some(help) => wrong.help(help),
                None => wrong,
            }
            .at(source, span)
        }
        YamlError::MultipleDocuments { .. } => Diagnostic::new("more than one YAML document")
            .label("a second one begins here")
            .help("write each scenario into a file of its own")
            .at(source, span),
        other => no_yaml(&UserMessageFormatter.format_message(other), source, span),
    }
}

/// Keys that had another name before, and what is said now.
const RENAMED: [(&str, &str); 2] = [("store", "on"), ("stores", "needs")];

/// A key that there is not: mistyped, at the wrong depth, or a value that was to be in a list.
fn unknown_key(field: &str, expected: &[&str], text: &str, span: &Range<usize>) -> Diagnostic {
    let diagnostic = Diagnostic::new(format!("unknown key `{field}`"));
    let renamed = RENAMED.iter().find(|(old, new)| *old == field && expected.contains(new));
    if let Some((_, new)) = renamed {
        return diagnostic.label(format!("this is `{new}` now"));
    }
    if nearest(field, expected.iter().copied()).is_some() {
        return diagnostic.label(hint(field, expected.iter().copied()));
    }
    let rest = text.get(span.end..).unwrap_or_default().trim_start_matches(' ');
    if rest.starts_with([',', '}']) {
        let label = "it has no value; several values of the key before it are a list";
        return diagnostic.label(label).help(format!("such as `[{}]`", listed(text, span)));
    }
    let diagnostic = diagnostic.label(hint(field, expected.iter().copied()));
    // An actor or a topic is none of the keys anywhere but a level deeper.
    let is_deeper = names_actors(field) || indentation::line_at(text, span.start).contains("->");
    match indentation::belongs_below(text, span.start).filter(|_| is_deeper) {
        Some(help) => diagnostic.help(help),
        None => diagnostic,
    }
}

/// Whether a key is one for the settings of actors.
fn names_actors(key: &str) -> bool {
    key == "all" || Kind::of(key).is_some_and(|kind| names::parse(kind, key).is_ok())
}

/// The values of a key in a flow mapping that were to be a list: up to the one at `span`, and those
/// behind it that have no value either.
fn listed(text: &str, span: &Range<usize>) -> String {
    let before = &text[..span.start];
    let before = before.rsplit_once(':').map_or("", |(_, values)| values);
    let behind = text[span.start..].split([',', '}']).take_while(|value| !value.contains(':'));
    let values = before.split(',').chain(behind).map(str::trim);
    values.filter(|value| !value.is_empty()).collect::<Vec<_>>().join(", ")
}

/// What is no YAML at all.
fn no_yaml(why: &str, source: &Arc<Source>, span: Range<usize>) -> Diagnostic {
    if let Some(tab) = indentation::tab(source.text(), span.start, why.contains("tab")) {
        return Diagnostic::new("a tab in the indentation")
            .label("YAML is indented by spaces: use spaces")
            .at(source, tab);
    }
    let in_block = !why.contains("flow");
    if let Some((depth, span)) =
        in_block.then(|| indentation::unknown_depth(source.text(), span.start)).flatten()
    {
        return Diagnostic::new("wrong indentation").label(depth).at(source, span);
    }
    let diagnostic = Diagnostic::new(format!("not YAML: {why}")).at(source, span.clone());
    let line = indentation::line_at(source.text(), span.start);
    if line.contains("->") && line.contains('[') {
        return diagnostic
            .help("before and after `->` names have blanks between them and no brackets");
    }
    if why.contains("flow mapping") {
        return diagnostic.help("inside `{ }`, a value that has braces itself is put into quotes");
    }
    diagnostic
}

fn innermost(mut error: &YamlError) -> &YamlError {
    while let YamlError::AliasError { error: inner, .. }
    | YamlError::WithSnippet { error: inner, .. } = error
    {
        error = inner;
    }
    error
}

/// The library names parser events; people know mappings and values.
fn plainly(expected: &str) -> &str {
    match expected {
        "mapping start" => "a mapping (`key: value` lines)",
        "sequence start" => "a list",
        "string scalar" | "scalar" => "a single value",
        other => other,
    }
}

/// A location's span; errors of the scanner carry line and column alone.
fn bytes(location: &Location, source: &Source) -> Range<usize> {
    let span = location.span();
    if let (Some(start), Some(len)) = (span.byte_offset(), span.byte_len()) {
        let start = usize::try_from(start).unwrap_or(usize::MAX);
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        if len > 0 {
            return start..start.saturating_add(len);
        }
    }
    let text = source.text();
    let line = usize::try_from(location.line()).unwrap_or(1).max(1);
    let column = usize::try_from(location.column()).unwrap_or(1).max(1);
    let line_start: usize = text.split_inclusive('\n').take(line - 1).map(str::len).sum();
    let column_bytes: usize = text[line_start..].chars().take(column - 1).map(char::len_utf8).sum();
    let start = line_start + column_bytes;
    start..start + text[start..].find(['\n', ' ', ':']).unwrap_or(text.len() - start).max(1)
}
