//! What is wrong with a line, in words about the file: the parser's own name Rust's types.

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

/// Says which field is wrong and how: `send.count: expected a whole number, found the string "x"`.
pub(super) fn plain(text: &str, error: &serde_json::Error) -> String {
    let words = error.to_string();
    let mut words = words.split(" at line ").next().unwrap_or(&words).to_owned();
    for (theirs, ours) in NAMES {
        words = words.replace(theirs, ours);
    }
    let column = error.column();
    if error.is_syntax() {
        return format!("this is not JSON: {words} (column {column})");
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
    let path = path(&text.as_bytes()[..column.min(text.len())]);
    if path.is_empty() { words } else { format!("{path}: {words}") }
}

/// What the text before a mistake is in.
enum Inside {
    Object { key: Option<String>, in_value: bool },
    List(usize),
}

/// The field that a line stops in: `poll.answer.delivered[0][2]`, places from 0.
fn path(read: &[u8]) -> String {
    let mut stack: Vec<Inside> = Vec::new();
    let mut rest = read.iter().copied();
    while let Some(byte) = rest.next() {
        match (byte, stack.last_mut()) {
            (b'{', _) => stack.push(Inside::Object { key: None, in_value: false }),
            (b'[', _) => stack.push(Inside::List(0)),
            (b'}' | b']', _) => drop(stack.pop()),
            (b':', Some(Inside::Object { in_value, .. })) => *in_value = true,
            (b',', Some(Inside::Object { key, in_value })) => (*key, *in_value) = (None, false),
            (b',', Some(Inside::List(place))) => *place += 1,
            (b'"', inside) => {
                let text = string(&mut rest);
                if let Some(Inside::Object { key, in_value: false }) = inside {
                    *key = Some(text);
                }
            }
            _ => {}
        }
    }
    let mut path = String::new();
    for inside in stack {
        match inside {
            Inside::Object { key: Some(key), .. } if path.is_empty() => path = key,
            Inside::Object { key: Some(key), .. } => path += &format!(".{key}"),
            Inside::Object { key: None, .. } => {}
            Inside::List(place) => path += &format!("[{place}]"),
        }
    }
    path
}

/// The rest of a string whose quote was read; escapes are left as they are.
fn string(rest: &mut impl Iterator<Item = u8>) -> String {
    let mut bytes = Vec::new();
    while let Some(byte) = rest.next() {
        match byte {
            b'"' => break,
            b'\\' => bytes.extend([byte].into_iter().chain(rest.next())),
            _ => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
