//! The HTML report: one file for people, which needs nothing else: no network, no fonts, no other file.
//!
//! The page is `templates/page.html`, a section a scenario. What a section shows is a file here each,
//! from the entry to what its template prints: plain values, or an SVG as text.

mod comparison;

use std::io::{self, Write};

use minijinja::{Environment, context};

use super::entry::Report;
use super::sentence;

const TEMPLATES: &[(&str, &str)] = &[
    ("page.html", include_str!("templates/page.html")),
    ("comparison.html", include_str!("templates/comparison.html")),
];

/// Writes the report.
pub fn write(report: &Report, to: &mut dyn Write) -> io::Result<()> {
    let mut templates = Environment::new();
    for (name, text) in TEMPLATES {
        templates.add_template(name, text).map_err(io::Error::other)?;
    }
    let page = templates.get_template("page.html").map_err(io::Error::other)?;
    let scenarios: Vec<_> = report
        .entries
        .iter()
        .map(|entry| context! { name => &entry.name, answer => sentence::sentence(entry) })
        .collect();
    let comparison = report.comparison.as_ref().map(comparison::comparison);
    let text = page.render(context! { scenarios, comparison }).map_err(io::Error::other)?;
    writeln!(to, "{}", text.trim_end())
}
