//! Statements over several rows. Their texts differ only by the number of rows, and few numbers are
//! used, so that each connection soon has all of them prepared.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex};

use sqlx::AssertSqlSafe;

use super::transaction::Statement;

use crate::store::locks::lock;

/// A statement that is repeated for several rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Template {
    /// What comes before the rows.
    pub(super) head: &'static str,
    /// A row.
    pub(super) row: &'static str,
    /// Between two rows.
    pub(super) between: &'static str,
    /// What comes after the rows.
    pub(super) tail: Tail,
}

/// The texts that were made so far.
type Texts = BTreeMap<(Template, usize), Arc<str>>;

/// What follows the rows of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tail {
    /// This text.
    Text(&'static str),
    /// More rows, and texts around them.
    Rows(&'static Template),
}

impl Template {
    /// The statement for so many rows, with its parameters still to be bound. Nothing but the
    /// number changes its text.
    pub(super) fn statement(self, rows: usize) -> Statement<'static> {
        static TEXTS: LazyLock<Mutex<Texts>> = LazyLock::new(Mutex::default);
        let mut texts = lock(&TEXTS);
        let text = texts.entry((self, rows)).or_insert_with(|| self.text(rows).into());
        sqlx::query(AssertSqlSafe(Arc::clone(text)))
    }

    /// Its text.
    pub(super) fn text(&self, rows: usize) -> String {
        let rows_text = vec![self.row; rows].join(self.between);
        let tail = match self.tail {
            Tail::Text(text) => text.to_owned(),
            Tail::Rows(template) => template.text(rows),
        };
        format!("{}{rows_text}{tail}", self.head)
    }
}

/// The greatest number of rows up to `most` for which there is a statement: up to 16 any, up to 256
/// those that are 8 to 15 times a power of two, and then those that are 4 to 7 times one.
pub(super) fn at_most(most: usize) -> usize {
    let bits = usize::BITS - most.leading_zeros();
    let kept = if most < 256 { 4 } else { 3 };
    let shift = bits.saturating_sub(kept);
    most >> shift << shift
}

/// The least power of two from `least` on; for statements in which rows may be repeated.
pub(super) fn padded(least: usize) -> usize {
    least.next_power_of_two()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_sizes_are_used_and_any_number_is_soon_made_of_them() {
        let sizes: std::collections::BTreeSet<_> = (1..=1024).map(at_most).collect();
        assert!(sizes.len() < 60, "{}", sizes.len());
        for rows in 1..=1024 {
            let (mut rest, mut statements) = (rows, 0);
            while rest > 0 {
                rest -= at_most(rest);
                statements += 1;
            }
            assert!(statements <= 4, "{rows}");
        }
    }
}
