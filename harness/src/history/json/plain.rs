//! What is wrong with a line, in words about the file: the parser's own name Rust's types.

use serde::Deserialize;

/// Types of numbers, as the parser calls them, and what a file has there.
const NAMES: [(&str, &str); 9] = [
    ("expected u32", "expected a whole number below 2^32"),
    ("expected u64", "expected a whole number"),
    ("expected usize", "expected a whole number"),
    ("expected i64", "expected a whole number"),
    ("expected a borrowed string", "expected a string"),
    ("expected a tuple of size 2", "expected [stamp, nanoseconds]"),
    ("expected newtype variant", "expected its content after it"),
    ("expected a sequence", "expected a list"),
    ("EOF while parsing", "the line ends in the middle of"),
];

/// Reads a line; or says which field is wrong and how:
/// `send.count: expected a whole number, found the string "x"`.
pub(super) fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, String> {
    // Only a line that is wrong is worth the time that keeping track of the field takes.
    serde_json::from_str(text).map_err(|error| {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let tracked: Result<T, _> = serde_path_to_error::deserialize(&mut deserializer);
        let path = tracked.err().map(|error| error.path().to_string()).unwrap_or_default();
        // A whole line is `.`, and `?` is a field whose name is cut off.
        plain(&error, path.trim_end_matches(['.', '?']))
    })
}

fn plain(error: &serde_json::Error, path: &str) -> String {
    let words = error.to_string();
    let mut words = words.split(" at line ").next().unwrap_or(&words).to_owned();
    for (theirs, ours) in NAMES {
        words = words.replace(theirs, ours);
    }
    if error.is_syntax() {
        return format!("this is not JSON: {words} (column {})", error.column());
    }
    let data =
        words.strip_prefix("invalid type: ").or_else(|| words.strip_prefix("invalid value: "));
    if let Some((found, expected)) = data.and_then(|words| words.rsplit_once(", expected ")) {
        let found = match found {
            "sequence" => "a list",
            "map" => "an object",
            "unit variant" => "only a name",
            other => other,
        };
        words = format!("expected {expected}, found {found}");
    }
    if path.is_empty() { words } else { format!("{path}: {words}") }
}
