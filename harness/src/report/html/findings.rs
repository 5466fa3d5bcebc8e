//! What the checks found, with its proofs: what breaks a promise, why there is no verdict, and what
//! was found and is allowed.

use std::path::Path;

use minijinja::Error;
use minijinja::value::Value;
use serde::Serialize;

use super::charts::svg::cut;
use super::context::Context;
use super::space_time;
use super::templates::{html, values};
use crate::check::{Anomaly, Blames, Finding, PROOFS_MAX, Traces};
use crate::report::sentence;

/// So many reasons for a missing verdict are told; the JSON report has all.
const REASONS_MAX: usize = 20;

/// So many lines of evidence are shown, and so many characters of each.
const EVIDENCE_MAX: usize = 16;
const LINE_MAX: usize = 400;

/// How much is shown of each finding.
#[derive(Clone, Copy)]
pub(super) struct Shown {
    pub(super) proofs: usize,
    pub(super) diagrams: usize,
}

#[derive(Serialize)]
struct Found {
    kind: &'static str,
    said: String,
    blame: Option<String>,
    on_disk: Option<String>,
    proofs: Vec<Proof>,
    /// What is said of those that are not shown.
    more: Option<String>,
}

#[derive(Serialize)]
struct Proof {
    title: String,
    evidence: Vec<String>,
    blame: Option<String>,
    links: Vec<(String, String)>,
    diagram: Option<Value>,
}

/// The piece of an entry that was judged and is no plain pass.
pub(super) fn render(own: &Context<'_>, shown: Shown) -> Result<Option<String>, Error> {
    let Some(judgement) = &own.entry.judgement else { return Ok(None) };
    let found = |findings: &[Finding], is_allowed| -> Vec<Found> {
        findings.iter().map(|finding| found(own, finding, is_allowed, shown)).collect()
    };
    let violations = found(&judgement.violations, false);
    let allowed = found(&judgement.allowed, true);
    let reasons = judgement.inconclusive.iter().take(REASONS_MAX);
    let reasons: Vec<String> = reasons.map(|reason| cut(reason, LINE_MAX)).collect();
    if violations.is_empty() && allowed.is_empty() && reasons.is_empty() {
        return Ok(None);
    }
    let reasons_left_out = judgement.inconclusive.len() - reasons.len();
    let values = values! { violations => violations, allowed => allowed, reasons => reasons, reasons_left_out => reasons_left_out };
    own.templates.render("findings.html", values).map(Some)
}

fn found(own: &Context<'_>, finding: &Finding, is_allowed: bool, shown: Shown) -> Found {
    let proofs = finding.proofs.iter().enumerate().take(shown.proofs);
    let proofs = proofs.map(|(place, anomaly)| {
        let is_drawn = place < shown.diagrams;
        let diagram = is_drawn.then(|| diagram(own, finding, is_allowed, place)).flatten();
        proof(own, anomaly, diagram)
    });
    Found {
        kind: finding.kind.as_str(),
        said: sentence::finding(finding),
        blame: finding.blames.map(Blames::words),
        on_disk: finding.traces.map(Traces::words),
        proofs: proofs.collect(),
        more: more(finding, shown.proofs),
    }
}

/// A proof may stand for several anomalies, so the rest cannot be counted by subtraction.
fn more(finding: &Finding, shown: usize) -> Option<String> {
    let kept = finding.proofs.len();
    let all = finding.count + finding.not_in_log;
    let is_full = kept >= PROOFS_MAX && all > kept as u64;
    (shown < kept || is_full).then(|| format!("the first {} are shown", shown.min(kept)))
}

fn diagram(own: &Context<'_>, finding: &Finding, is_allowed: bool, place: usize) -> Option<Value> {
    let mut proofs = own.entry.figures.iter().flat_map(|figures| &figures.proofs);
    let is_it = |proof: &&crate::figures::Proof| {
        proof.kind == finding.kind && proof.is_allowed == is_allowed && proof.place == place
    };
    let drawn = proofs.find(is_it)?;
    Some(html(space_time::draw(&drawn.diagram, &finding.proofs[place], finding.kind)?))
}

fn proof(own: &Context<'_>, anomaly: &Anomaly, diagram: Option<Value>) -> Proof {
    let all = anomaly.evidence.len();
    let evidence = anomaly.evidence.iter().take(EVIDENCE_MAX).map(|line| cut(line, LINE_MAX));
    let rest = (all > EVIDENCE_MAX).then(|| format!("… and {} more lines", all - EVIDENCE_MAX));
    Proof {
        title: cut(&anomaly.title, LINE_MAX),
        evidence: evidence.chain(rest).collect(),
        blame: anomaly.blames.map(Blames::words),
        links: links(own, anomaly),
        diagram,
    }
}

/// To the line of the producer's log, and to the log of the consumer.
fn links(own: &Context<'_>, anomaly: &Anomaly) -> Vec<(String, String)> {
    let mut links = Vec::new();
    let mut add =
        |path: &Path, text: String| links.extend(own.links.to(path).map(|href| (href, text)));
    if let Some(origin) = &anomaly.origin {
        let path = Path::new(&origin.file);
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
        add(path, format!("{name}, line {}", origin.line));
    }
    let number = anomaly.consumer.as_ref().and_then(|name| name.strip_prefix('C'));
    if let (Some(number), Some(logs)) = (number, &own.entry.logs) {
        let name = format!("consumer_{number}.txt");
        add(&logs.join(&name), name);
    }
    links
}
