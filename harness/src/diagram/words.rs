//! The words of a diagram's events.

use crate::history::{Answer, Attempt, Class, ConsumerHistory, Delivery, Firing, Outcome, Sent};
use crate::plan::{MessageId, Plan};

/// Longer words of a failed poll are cut.
const WHY_MAX: usize = 28;

/// `P4#17 P4#18`.
pub(super) fn names(plan: &Plan, messages: &[MessageId]) -> String {
    let names: Vec<_> = messages.iter().map(|id| plan.name(*id).to_string()).collect();
    names.join(" ")
}

/// What came of a request: `acked at 3`. The offset is of the message at this place in it.
pub(super) fn outcome(sent: &Sent, place: u32) -> String {
    match &sent.outcome {
        Outcome::Acked { offsets } => match offsets.of(place) {
            Some(offset) => format!("acked at {offset}"),
            None => "acked".to_owned(),
        },
        Outcome::Refused { .. } if sent.never_left() => "never left".to_owned(),
        Outcome::Refused { .. } => "refused".to_owned(),
        Outcome::Unknown { .. } => "outcome unknown".to_owned(),
    }
}

/// What came of one attempt that was not the last: `refused (full)`.
pub(super) fn attempt(attempt: &Attempt) -> String {
    let class = match attempt.class {
        Class::Acked => "acked",
        Class::Refused => "refused",
        Class::NeverLeft => "never left",
        Class::Unknown => "outcome unknown",
    };
    let code = attempt.code.as_ref().map(|code| format!(" ({code})")).unwrap_or_default();
    format!("{class}{code}")
}

/// `P4#17 at 16`; whether it came with another payload is said, too.
pub(super) fn delivery(plan: &Plan, part: &ConsumerHistory, place: usize) -> String {
    let delivery: Delivery = part.deliveries[place];
    let name = match delivery.message() {
        Some(id) => plan.name(id).to_string(),
        None => "a message that nobody sent".to_owned(),
    };
    let offset = delivery.offset().map(|offset| format!(" at {offset}")).unwrap_or_default();
    let oddity = part.oddities.get(&(place as u64)).zip(delivery.message());
    let is_changed = oddity.is_some_and(|(odd, id)| odd.payload != plan.messages.payload(id));
    let changed = if is_changed { " changed" } else { "" };
    format!("{name}{offset}{changed}")
}

/// Of a poll that failed: `poll: connection refused`.
pub(super) fn failed(answer: &Answer) -> Option<String> {
    let Answer::Failed(why) = answer else { return None };
    // The last part is what happened; the others say to what.
    let why = why.rsplit(": ").next().unwrap_or_default();
    let why: String = why.chars().take(WHY_MAX).collect();
    Some(format!("poll: {why}"))
}

/// `kill broker`.
pub(super) fn fault(plan: &Plan, firing: &Firing) -> String {
    let key = plan.scenario.faults[firing.fault as usize].action.key();
    format!("{key} {}", firing.whom)
}
