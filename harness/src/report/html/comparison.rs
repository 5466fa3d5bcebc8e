//! Two states side by side: the figures of each scenario and broker in a table.

use minijinja::{Value, context};

use crate::baseline::Comparison;
use crate::report::compared;

/// What `comparison.html` prints.
pub(super) fn comparison(comparison: &Comparison) -> Value {
    let pairs: Vec<Value> = comparison
        .pairs
        .iter()
        .map(|pair| {
            let rows: Vec<Value> = pair
                .rows
                .iter()
                .map(
                    |row| context! { cells => compared::cells(row), outcome => row.outcome.word() },
                )
                .collect();
            context! { title => compared::pair(pair), notes => &pair.notes, rows }
        })
        .collect();
    context! {
        answer => comparison.sentence(),
        title => compared::title(comparison),
        heading => compared::HEADING,
        notes => &comparison.notes,
        pairs,
        only_before => &comparison.only_before,
        only_after => &comparison.only_after,
        rule => comparison.rule.to_string(),
    }
}
