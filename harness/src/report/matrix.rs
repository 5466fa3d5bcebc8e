//! The table of scenarios and brokers: what became of each scenario on each broker over all its runs.
//!
//! It is there where several brokers are named, or scenarios are run several times. Every report that
//! has a table makes it from the entries by [`Matrix::of`].

mod cell;
pub mod said;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use cell::{Cell, DOES_NOT_START, Found, State};

use super::entry::{On, Repetition, Report};

/// The table.
#[derive(Debug, Default)]
pub struct Matrix<'a> {
    /// In the order in which they were named.
    pub brokers: Vec<Column<'a>>,
    /// The scenarios, in the order of the selection.
    pub scenarios: Vec<Row<'a>>,
    /// By place of scenario and broker; what was not begun has none.
    cells: BTreeMap<(usize, usize), Cell<'a>>,
}

/// A broker.
#[derive(Clone, Copy, Debug)]
pub struct Column<'a> {
    /// Its word, or its URL.
    pub word: &'a str,
    /// Its version and configuration, where anything was run on it.
    pub on: Option<&'a On>,
}

/// A scenario.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its own words, where it was run.
    pub description: Option<&'a str>,
}

impl<'a> Matrix<'a> {
    /// The table of a call, where it has one.
    #[must_use]
    pub fn of(report: &'a Report) -> Option<Self> {
        if !report.is_matrix {
            return None;
        }
        let mut matrix = Self::default();
        for entry in &report.entries {
            let Some(on) = &entry.on else { continue };
            let row = matrix.row(&entry.name);
            let column = matrix.column(&on.word);
            matrix.scenarios[row].description = entry.description.as_deref();
            matrix.brokers[column].on = Some(on);
            matrix.cells.entry((row, column)).or_default().add(entry);
        }
        for Repetition { name, on, unlisted, .. } in &report.repetitions {
            let (row, column) = (matrix.row(name), matrix.column(on));
            if let Some(cell) = matrix.cells.get_mut(&(row, column)) {
                cell.runs += unlisted;
                cell.kept += unlisted;
            }
        }
        for skipped in &report.skipped {
            let Some(on) = &skipped.on else { continue };
            let (row, column) = (matrix.row(&skipped.name), matrix.column(on));
            let cell = matrix.cells.entry((row, column)).or_default();
            cell.skipped.get_or_insert(&skipped.reason);
        }
        (!matrix.cells.is_empty()).then_some(matrix)
    }

    fn row(&mut self, name: &'a str) -> usize {
        let known = self.scenarios.iter().position(|row| row.name == name);
        known.unwrap_or_else(|| {
            self.scenarios.push(Row { name, description: None });
            self.scenarios.len() - 1
        })
    }

    fn column(&mut self, word: &'a str) -> usize {
        let known = self.brokers.iter().position(|column| column.word == word);
        known.unwrap_or_else(|| {
            self.brokers.push(Column { word, on: None });
            self.brokers.len() - 1
        })
    }

    /// What became of a scenario on a broker, by their places; none where it was not begun.
    #[must_use]
    pub fn cell(&self, scenario: usize, broker: usize) -> Option<&Cell<'a>> {
        self.cells.get(&(scenario, broker))
    }

    /// All cells, one broker after the other.
    pub fn each(&self) -> impl Iterator<Item = (&'a str, &'a str, &Cell<'a>)> {
        self.brokers.iter().enumerate().flat_map(move |(broker, column)| {
            let scenarios = self.scenarios.iter().enumerate();
            scenarios.filter_map(move |(scenario, row)| {
                Some((row.name, column.word, self.cell(scenario, broker)?))
            })
        })
    }
}
