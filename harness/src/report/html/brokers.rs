//! The table of scenarios and brokers, where a call has one.

use serde::Serialize;

use super::room::Section;
use super::state;
use crate::report::entry::Report;
use crate::report::matrix::said::Item;
use crate::report::matrix::{Cell, Matrix};

/// So many items are said below the table under one heading; the Markdown report has all.
const ITEMS_MAX: usize = 40;

/// So many scenarios and so many brokers are in the table.
const SIDE_MAX: usize = 200;

#[derive(Serialize)]
pub(super) struct Table {
    brokers: Vec<String>,
    rows: Vec<Row>,
    legend: Vec<&'static str>,
    said: Vec<Said>,
    versions: Vec<(String, String, String)>,
    left_out: usize,
}

#[derive(Serialize)]
struct Row {
    name: String,
    cells: Vec<Option<Shown>>,
}

#[derive(Serialize)]
struct Shown {
    class: &'static str,
    text: String,
    /// The section of the run that shows it best.
    id: Option<String>,
}

#[derive(Serialize)]
struct Said {
    heading: &'static str,
    items: Vec<(String, Vec<Line>)>,
    left_out: usize,
}

#[derive(Serialize)]
struct Line {
    word: &'static str,
    text: String,
    is_link: bool,
}

/// The table; `sections` are what its cells link to.
pub(super) fn table(report: &Report, sections: &[Section<'_>]) -> Option<Table> {
    let matrix = Matrix::of(report)?;
    let brokers = matrix.brokers.iter().take(SIDE_MAX);
    let names = matrix.scenarios.iter().enumerate().take(SIDE_MAX);
    let rows = names.map(|(scenario, row)| {
        let cells = brokers.clone().enumerate().map(|(broker, column)| {
            let cell = matrix.cell(scenario, broker)?;
            Some(shown(cell, row.name, column.word, sections))
        });
        Row { name: row.name.to_owned(), cells: cells.collect() }
    });
    let said = matrix.said().into_iter().map(|section| Said {
        heading: section.heading,
        left_out: section.items.len().saturating_sub(ITEMS_MAX),
        items: section.items.into_iter().take(ITEMS_MAX).map(item).collect(),
    });
    let versions = brokers.clone().filter_map(|column| {
        let on = column.on?;
        let config: Vec<_> =
            on.config.iter().map(|(key, value)| format!("{key}: {value}")).collect();
        let version = on.version.clone().unwrap_or_default();
        Some((column.word.to_owned(), version, config.join(", ")))
    });
    Some(Table {
        brokers: brokers.clone().map(|column| column.word.to_owned()).collect(),
        rows: rows.collect(),
        legend: matrix.legend().collect(),
        said: said.collect(),
        versions: versions
            .filter(|(_, version, config)| !(version.is_empty() && config.is_empty()))
            .collect(),
        left_out: matrix.scenarios.len().saturating_sub(SIDE_MAX),
    })
}

fn shown(cell: &Cell<'_>, name: &str, on: &str, sections: &[Section<'_>]) -> Shown {
    let shown = cell.shown.map(|(_, entry)| std::ptr::from_ref(entry));
    let is_it = |section: &&Section<'_>| {
        let entry = section.context.entry;
        match shown {
            Some(shown) => std::ptr::eq(shown, entry),
            None => entry.name == name && entry.on.as_ref().is_some_and(|own| own.word == on),
        }
    };
    let id = sections.iter().find(is_it).map(|section| section.context.id.clone());
    Shown { class: state::of_cell(cell.state()), text: cell.short(), id }
}

fn item(Item { text, lines }: Item) -> (String, Vec<Line>) {
    let lines = lines.into_iter().map(|(word, text)| {
        let is_link = text.starts_with("https://") || text.starts_with("http://");
        Line { word, text, is_link }
    });
    (text, lines.collect())
}
