//! The frame of the page: what became of the call, the contents, the sections.

use std::collections::BTreeSet;
use std::path::Path;

use minijinja::Error;
use minijinja::value::Value;
use serde::Serialize;

use super::context::Context;
use super::links::Links;
use super::room;
use super::room::Section;
use super::state::{self, Mark};
use super::steps::STEPS;
use super::templates::{SCRIPT, STYLE, Templates, html, values};
use super::{brokers, charts, environment};
use crate::exit::Exit;
use crate::report::entry::{Entry, Report};
use crate::report::words::{count, number, time};

/// So many sections a page has, and so many skipped scenarios are named.
const SECTIONS_MAX: usize = 200;

/// How many had one result.
#[derive(Serialize)]
struct Count {
    mark: Mark,
    count: String,
}

/// The whole page.
pub(super) fn render(report: &Report, file: Option<&Path>) -> Result<String, Error> {
    let templates = Templates::new()?;
    let links = Links::from(file);
    let (shown, left_out) = shown(report);
    let context = |(place, entry)| {
        let id = format!("s{}", place + 1);
        Section::new(Context { entry, templates: &templates, links: &links, id })
    };
    let mut sections: Vec<Section<'_>> = shown.iter().copied().enumerate().map(context).collect();
    let frame = |sections: &[Section<'_>]| -> Result<String, Error> {
        let texts = sections.iter().map(|section| section.render().map(html));
        let values = values! {
            style => html(format!("{STYLE}{}", charts::STYLE)),
            script => html(format!("{SCRIPT}{}", charts::SCRIPT)),
            result => result(report),
            mark => state::of_exit(report.exit()),
            counts => counts(report),
            took => time(report.duration),
            simulated => report.simulated().map(time),
            trouble => report.trouble.as_ref().map(|trouble| &trouble.text),
            titles => sections.iter().map(Section::title).collect::<Vec<_>>(),
            sections => texts.collect::<Result<Vec<Value>, Error>>()?,
            left_out => left_out.map(|left_out| number(left_out as u64)),
            brokers => brokers::table(report, sections),
            skipped => skipped(report),
            environment => environment::rows(&report.environment),
            version => env!("CARGO_PKG_VERSION"),
            commit => report.environment.commit,
            started => &report.environment.started,
        };
        templates.render("page.html", values)
    };
    let used = frame(&sections)?.len();
    room::fill(&mut sections, used, STEPS)?;
    frame(&sections)
}

/// The entries that have a section, and how many have none. Runs of a repetition that passed are
/// shown once; where there are still too many, those that did not pass come first.
fn shown(report: &Report) -> (Vec<&Entry>, Option<usize>) {
    let mut seen = BTreeSet::new();
    let mut shown: Vec<(usize, &Entry)> = Vec::new();
    for (place, entry) in report.entries.iter().enumerate() {
        let on = entry.on.as_ref().map(|on| on.word.as_str());
        let is_repeated = entry.turn > 0 && entry.exit() == Exit::Passed;
        if !is_repeated || seen.insert((entry.name.as_str(), on)) {
            shown.push((place, entry));
        }
    }
    shown.sort_by_key(|(_, entry)| entry.exit() == Exit::Passed);
    shown.truncate(SECTIONS_MAX);
    shown.sort_by_key(|(place, _)| *place);
    let left_out = report.entries.len() - shown.len();
    (shown.into_iter().map(|(_, entry)| entry).collect(), (left_out > 0).then_some(left_out))
}

/// What became of the call, in a few words.
fn result(report: &Report) -> String {
    let noun = if report.is_matrix { "run" } else { "scenario" };
    let all = report.entries.len();
    let gravest =
        state::ALL.into_iter().find(|mark| *mark != state::PASS && having(report, *mark) > 0);
    match (report.entries.as_slice(), gravest) {
        ([], _) if report.trouble.is_some() => "Nothing was run".to_owned(),
        ([], _) => "No scenario was run".to_owned(),
        ([entry], Some(mark)) if mark != state::FAIL => format!("{}: {}", entry.name, mark.many),
        ([entry], _) => format!("{} {}", entry.name, state::of(entry).many),
        (_, None) => format!("All {} passed", count(all as u64, noun)),
        (_, Some(mark)) => {
            let some = number(having(report, mark) as u64);
            format!("{some} of {} {}", count(all as u64, noun), mark.many)
        }
    }
}

fn having(report: &Report, mark: Mark) -> usize {
    report.entries.iter().filter(|entry| state::of(entry) == mark).count()
}

fn counts(report: &Report) -> Vec<Count> {
    let each = state::ALL.into_iter().map(|mark| (mark, having(report, mark)));
    let all = each.chain([(state::SKIPPED, report.skipped.len())]);
    let some = all.filter(|(_, count)| *count > 0);
    some.map(|(mark, count)| Count { mark, count: number(count as u64) }).collect()
}

/// The scenarios that were skipped, by the reason, with those that are the same together.
fn skipped(report: &Report) -> Vec<(String, String)> {
    let mut reasons: Vec<(String, String)> = Vec::new();
    for skipped in report.skipped.iter().take(SECTIONS_MAX) {
        let name = match &skipped.on {
            Some(on) if report.is_matrix => format!("{} on {on}", skipped.name),
            _ => skipped.name.clone(),
        };
        match reasons.iter_mut().find(|(reason, _)| *reason == skipped.reason) {
            Some((_, names)) => *names += &format!(", {name}"),
            None => reasons.push((skipped.reason.clone(), name)),
        }
    }
    if let Some(more @ 1..) = report.skipped.len().checked_sub(SECTIONS_MAX) {
        reasons.push((count(more as u64, "more scenario"), "and others".to_owned()));
    }
    reasons
}
