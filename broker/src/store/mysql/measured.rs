//! What an append sends, for benches that measure what the database does with it by itself: they are
//! to measure what ships.

use super::append;
use super::opener::{ISOLATION, SQL_MODE};

/// What a session is set to.
pub fn session() -> [String; 2] {
    [ISOLATION.to_owned(), format!("SET SESSION sql_mode = '{SQL_MODE}'")]
}

/// The statement that appends so many messages, at least one, behind another. Its parameters: the
/// offset of that one; for each message its topic, offset, producer, sequence, first sequence of its
/// request, and payload.
pub fn append(messages: usize) -> String {
    append::GUARDED.text(messages - 1)
}
