//! One message explained: where it was planned, when it was sent and what was said to that, where it
//! stands in the log, who got it when and beside what, which faults were under way, and why it counts
//! as lost, repeated, reordered or fine.
//!
//! [`what`] finds what people ask about, `life` and `arrivals` tell what happened, `answers` say what
//! that means for each consumer, and `text` puts it on lines.

mod answers;
mod arrivals;
mod life;
mod line;
mod text;
pub mod what;

use crate::check::{self, Judgement, Standing, clip};
use crate::diagram::{self, Diagram, Focus, Limits};
use crate::history::History;
use crate::plan::{ConsumerIndex, MessageId, Plan};
use crate::scenario::AnomalyKind;

pub use answers::Answer;
pub use line::Line;
pub use what::{What, parse, resolve};

/// At most so many consumers have a column of the diagram.
const COLUMNS_MAX: usize = 3;

/// At most so many other messages are in the diagram.
const WITNESSES_MAX: usize = 2;

/// At most so many lines of the diagram.
const EVENTS_MAX: usize = 80;

/// All about one message, or about one delivery that no message explains.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// What it is about, and in a few words what came of it.
    pub title: String,
    /// What came of it for each consumer, and of what else is wrong with it.
    pub answers: Vec<Answer>,
    /// What happened, in order of time; what has no time stands first or last.
    pub lines: Vec<Line>,
    /// What happened around it.
    pub diagram: Diagram,
}

/// Explains it, with so many deliveries on either side in the diagram.
#[must_use]
pub fn explain(plan: &Plan, history: &History, what: What, around: usize) -> Explanation {
    let delivery = what.delivery();
    let message = what.message(history);
    let mut focus = Focus::default();
    focus.consumers.extend(delivery.map(|(consumer, _)| consumer));
    let (judgement, standings) = match (message, delivery) {
        (Some(message), _) => {
            focus.messages.push(message);
            check::about(plan, history, message)
        }
        (None, Some((consumer, place))) => {
            focus.deliveries.push((consumer, place));
            (check::about_delivery(plan, history, consumer, place), Vec::new())
        }
        (None, None) => unreachable!("what is not a delivery is a message"),
    };
    let answers = answers::of(plan, history, message, &judgement, &standings);
    focus.consumers.extend(troubled(plan, &judgement, &standings));
    focus.messages.extend(witnesses(plan, &judgement, message));
    let limits = Limits { neighbours: around, consumers: COLUMNS_MAX, events: EVENTS_MAX };
    let diagram = diagram::around(plan, history, &[focus], limits);
    let mut lines = Vec::new();
    if let Some(message) = message {
        lines.extend(life::of(plan, history, message));
    }
    lines.extend(arrivals::of(plan, history, message, delivery, &standings));
    Explanation {
        title: title(plan, history, what, &answers),
        answers,
        lines,
        diagram: diagram.into_iter().next().unwrap_or_default(),
    }
}

/// The consumers that something is wrong at, or that lack it.
fn troubled(plan: &Plan, judgement: &Judgement, standings: &[Standing]) -> Vec<ConsumerIndex> {
    let found = judgement.violations.iter().chain(&judgement.allowed);
    let named: Vec<_> =
        found.flat_map(|own| &own.proofs).filter_map(|own| own.consumer.clone()).collect();
    let is_named = |consumer: ConsumerIndex| {
        named.contains(&format!("C{}", plan.consumers[consumer.place()].number))
    };
    let own = standings.iter().filter(|own| own.came.is_empty() || is_named(own.consumer));
    own.map(|own| own.consumer).collect()
}

/// The other messages of its proofs: one that it is behind, or that stands at its offset.
fn witnesses(plan: &Plan, judgement: &Judgement, message: Option<MessageId>) -> Vec<MessageId> {
    let found = judgement.violations.iter().chain(&judgement.allowed);
    let pairs = found
        .filter(|own| own.kind != AnomalyKind::Lost)
        .flat_map(|own| &own.proofs)
        .flat_map(|own| &own.messages);
    let others = pairs.filter_map(|name| plan.find(name.parse().ok()?));
    let mut others: Vec<MessageId> = others.filter(|id| Some(*id) != message).collect();
    others.sort_unstable();
    others.dedup();
    others.truncate(WITNESSES_MAX);
    others
}

fn title(plan: &Plan, history: &History, what: What, answers: &[Answer]) -> String {
    let sum = answers::sum(answers);
    let message = what
        .message(history)
        .map(|id| format!("{}, payload {}", plan.describe(id), clip(plan.messages.payload(id))));
    let Some((consumer, place)) = what.delivery() else {
        return format!("{}: {sum}", message.unwrap_or_default());
    };
    let delivery = arrivals::ordinal(plan, history, consumer, place);
    let message = message.unwrap_or_else(|| "a message that nobody sent".to_owned());
    format!("{delivery} is {message}: {sum}")
}
