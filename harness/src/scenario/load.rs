//! Reading scenario files: one, or all that the command line names.

use std::collections::BTreeMap;
use std::path::Path;

use super::file::read;
use super::model::Scenario;
use super::search::Found;
use super::{raw, resolve};
use crate::input::diagnostic::{Diagnostic, Error};
use crate::input::extended::Extended;
use crate::input::yaml;

/// Reads and checks one scenario file; `-` is standard input. Producer logs are looked for here and
/// read when the plan is made.
///
/// # Errors
/// All that is wrong with the file, each with its place in it.
pub fn load(file: &Path) -> Result<Scenario, Error> {
    load_file(file).map_err(|error| error.of_file(file))
}

fn load_file(file: &Path) -> Result<Scenario, Error> {
    let source = read(file)?;
    let blank = |line: &str| line.trim().is_empty() || line.trim_start().starts_with('#');
    if source.text().lines().all(blank) {
        let diagnostic = Diagnostic::new(format!("{} is empty", file.display()));
        return Err(diagnostic.help("a scenario has at least `topics:` and `producers:`").into());
    }
    let Extended(raw): Extended<raw::Scenario> = yaml::parse(&source)?;
    resolve::resolve(file, &source, &raw)
}

/// Reads and checks the scenarios that were found; none lead to an empty list.
///
/// # Errors
/// All that is wrong with any of the files, and equal names.
pub fn load_all(found: Found) -> Result<Vec<Scenario>, Error> {
    let mut scenarios = Vec::new();
    let mut diagnostics = found.problems;
    for file in &found.files {
        match load(file) {
            Ok(scenario) => scenarios.push(scenario),
            Err(error) => diagnostics.extend(error.into_diagnostics()),
        }
    }
    diagnostics.extend(equal_names(&scenarios));
    Error::unless_empty(diagnostics)?;
    Ok(scenarios)
}

/// Output folders and golden files go by the name, so two scenarios of one run cannot share it.
pub fn equal_names<'a>(scenarios: impl IntoIterator<Item = &'a Scenario>) -> Vec<Diagnostic> {
    let mut first = BTreeMap::new();
    let mut diagnostics = Vec::new();
    for scenario in scenarios {
        let Some(other) = first.insert(&scenario.name, &scenario.file) else { continue };
        let (name, file) = (&scenario.name, scenario.file.display());
        let title = format!("two scenarios are named `{name}`: {} and {file}", other.display());
        let same = Diagnostic::new(title).help("give one of them another `name:`");
        diagnostics.extend(Error::from(same).of_file(&scenario.file).into_diagnostics());
    }
    diagnostics
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEXT: &str = "x-own: &own { messages: 5 }
topics:
  T1: P1 P2..P3 -> C1
  T2: { producers: [P1], consumers: [C1, C2] }
producers:
  all:
    generate: *own # a comment
    pace: 200/s
faults:
  - at: 1s
    cut: P1
    for: 1s
  - { after: 3 acked, drop_ack: P1 }
expect: { anomalies: lost }
";

    proptest! {
        /// A file that is nearly right is loaded or told what is wrong with it, whatever it is.
        #[test]
        fn no_edit_of_a_file_is_too_much(
            edits in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..3, any::<prop::sample::Index>()), 1..4),
        ) {
            const PIECES: [&str; 12] =
                ["", "\t", "\n", " ", ":", "- ", "{", "]", ",", "\u{e9}", "'", "P1-P3"];
            let mut text: Vec<String> = TEXT.chars().map(String::from).collect();
            for (place, remove, piece) in edits {
                let place = place.index(text.len());
                let end = (place + remove).min(text.len());
                text.splice(place..end, [PIECES[piece.index(PIECES.len())].to_owned()]);
            }
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("x.yaml");
            std::fs::write(&file, text.concat()).unwrap();
            if let Err(error) = load(&file) {
                let placed = error.diagnostics().iter().all(|own| own.location().is_some());
                prop_assert!(placed && !error.render(true).is_empty(), "{}", error);
            }
        }
    }
}
