//! What is in the answers of a server.

use std::borrow::Cow;

use ::redis::Value;

use super::id::Id;

/// An entry of a stream.
pub(super) struct Entry {
    pub(super) id: Id,
    /// Its fields, a name and a value in turn.
    fields: Vec<Value>,
}

impl Entry {
    /// What stands in a field. What is not UTF-8 comes as the nearest text.
    pub(super) fn field(&self, name: &str) -> Option<Cow<'_, str>> {
        let mut pairs = self.fields.chunks_exact(2);
        let value =
            pairs.find_map(|pair| (bytes(&pair[0])? == name.as_bytes()).then_some(&pair[1]));
        bytes(value?).map(String::from_utf8_lossy)
    }
}

/// The bytes of a text.
fn bytes(value: &Value) -> Option<&[u8]> {
    match value {
        Value::BulkString(bytes) => Some(bytes),
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => Some(text.as_bytes()),
        _ => None,
    }
}

/// A text that is UTF-8.
pub(super) fn text(value: &Value) -> Option<&str> {
    std::str::from_utf8(bytes(value)?).ok()
}

/// An id.
pub(super) fn id(value: &Value) -> Option<Id> {
    Id::parse(text(value)?)
}

/// The entries of a range; none where the answer is another.
pub(super) fn entries(value: Value) -> Option<Vec<Entry>> {
    let Value::Array(entries) = value else { return None };
    entries.into_iter().map(entry).collect()
}

fn entry(value: Value) -> Option<Entry> {
    let Value::Array(parts) = value else { return None };
    let [first, fields] = <[Value; 2]>::try_from(parts).ok()?;
    let fields = match fields {
        Value::Array(fields) => fields,
        // An entry that was deleted after it was handed out.
        Value::Nil => Vec::new(),
        _ => return None,
    };
    Some(Entry { id: id(&first)?, fields })
}

/// The entries that a read of one stream brought; nothing came in time is an empty answer.
pub(super) fn read(value: Value) -> Option<Vec<Entry>> {
    match value {
        Value::Nil => Some(Vec::new()),
        Value::Map(mut streams) if streams.len() == 1 => entries(streams.pop()?.1),
        _ => None,
    }
}

/// What stands beside a word in an answer of words and values.
pub(super) fn beside<'a>(value: &'a Value, word: &str) -> Option<&'a Value> {
    match value {
        Value::Map(pairs) => {
            pairs.iter().find(|(name, _)| text(name) == Some(word)).map(|(_, value)| value)
        }
        Value::Array(items) => {
            let pair = items.chunks_exact(2).find(|pair| text(&pair[0]) == Some(word))?;
            Some(&pair[1])
        }
        _ => None,
    }
}
