//! Evidence for what was found: when each message left and was acked, and which consumers saw it
//! beside what.

mod sighting;

use super::anomaly::{Anomaly, Subject};
use super::facts::{Facts, Request};
use super::judgement::Judgement;
use super::words::moment;
use crate::history::{Offsets, Outcome};
use crate::plan::MessageId;
use sighting::Sightings;

/// Adds to every anomaly what was seen of it.
pub(super) fn add(facts: &Facts<'_>, judgement: &mut Judgement) {
    let findings = judgement.violations.iter_mut().chain(&mut judgement.allowed);
    let mut shown: Vec<&mut Anomaly> = findings.flat_map(|finding| &mut finding.proofs).collect();
    let subjects: Vec<Subject> = shown.iter().map(|anomaly| anomaly.subject).collect();
    let sightings = Sightings::find(facts, &subjects);
    for (anomaly, subject) in shown.iter_mut().zip(subjects) {
        for message in subject.messages() {
            anomaly.evidence.extend(life(facts, message));
            sightings.tell(facts, message, &mut anomaly.evidence);
        }
        if let Subject::Delivery(consumer, place) = subject {
            anomaly.evidence.extend(sightings.of(facts, (consumer, place)));
        }
    }
}

/// `P4#17 left at 12.345 ms (stamp 331), acked at 12.900 ms (stamp 340) at offset 16`.
/// One line for each request that it went out in.
fn life(facts: &Facts<'_>, message: MessageId) -> Vec<String> {
    let lines: Vec<_> =
        facts.requests.each_of(message).map(|own| one_life(facts, message, own)).collect();
    if lines.is_empty() {
        return vec![format!("{} was never sent", facts.plan.name(message))];
    }
    lines
}

fn one_life(facts: &Facts<'_>, message: MessageId, request: &Request) -> String {
    let name = facts.plan.name(message);
    let sent = request.sent(facts.history);
    let end = match &sent.outcome {
        Outcome::Acked { offsets } => {
            let place = message.0 - request.first.0;
            // Where an ack tells the first offset alone, it says nothing of the others.
            let told = place == 0 || matches!(offsets, Offsets::Each(_));
            let offset = offsets.of(place).filter(|_| told);
            let offset = offset.map(|offset| format!(" as offset {offset}")).unwrap_or_default();
            format!("acked at {}{offset}", moment(sent.completed))
        }
        Outcome::Refused { why } if sent.never_left() => {
            let (began, ended) = (moment(sent.invoked), moment(sent.completed));
            return format!("{name} never left, tried from {began} to {ended}: {why}");
        }
        Outcome::Refused { why } => format!("refused at {}: {why}", moment(sent.completed)),
        Outcome::Unknown { why } => {
            format!("outcome unknown, given up at {}: {why}", moment(sent.completed))
        }
    };
    let attempts =
        if sent.attempts > 1 { format!(", {} attempts", sent.attempts) } else { String::new() };
    let batch =
        if sent.count > 1 { format!(", in a batch of {}", sent.count) } else { String::new() };
    format!("{name} left at {}{batch}{attempts}, {end}", moment(sent.invoked))
}
