//! A run in a few lines: what each actor sent, got acked and received, when, and the faults. One column
//! an actor, time goes down.

use std::fmt::Write as _;

use crate::history::{Answer, History, Moment, Outcome};
use crate::plan::{MessageId, Plan};

/// A column is never narrower.
const NARROWEST: usize = 12;

/// Longer words of a failed poll are cut.
const WHY_MAX: usize = 28;

struct Event {
    at: Moment,
    /// Of an actor, or across all.
    column: Option<usize>,
    text: String,
}

/// Draws a run. A line is one moment of one actor; nothing is left out but polls that brought
/// nothing. Meant for few actors and messages: it is as long as the history.
pub fn draw(plan: &Plan, history: &History) -> String {
    let mut events = Vec::new();
    producers(plan, history, &mut events);
    consumers(plan, history, &mut events);
    faults(plan, history, &mut events);
    events.sort_by_key(|event| event.at.stamp);
    let producers = plan.producers.iter().map(|producer| format!("P{}", producer.number));
    let names = producers.chain(plan.consumers.iter().map(|c| format!("C{}", c.number)));
    lay_out(&names.collect::<Vec<_>>(), &events)
}

fn producers(plan: &Plan, history: &History, events: &mut Vec<Event>) {
    for (column, producer) in history.producers.iter().enumerate() {
        let mut put = |at, text| events.push(Event { at, column: Some(column), text });
        for sent in &producer.sends {
            let stream = &plan.streams[sent.stream.place()];
            let first = stream.first.0 + sent.first;
            let names = (first..first + sent.count).map(|id| name(plan, MessageId(id)));
            let names = names.collect::<Vec<_>>().join(" ");
            let topic = &plan.topics[stream.topic.place()].name;
            put(sent.invoked, format!("{names} -> {topic}"));
            let attempts = match sent.attempts {
                0 | 1 => String::new(),
                many => format!(", attempt {many}"),
            };
            let outcome = match &sent.outcome {
                Outcome::Acked { offsets } => match offsets.first() {
                    Some(offset) => format!("acked at {offset}"),
                    None => "acked".to_owned(),
                },
                Outcome::Refused { .. } if sent.never_left() => "never left".to_owned(),
                Outcome::Refused { .. } => "refused".to_owned(),
                Outcome::Unknown { .. } => "outcome unknown".to_owned(),
            };
            put(sent.completed, format!("{names} {outcome}{attempts}"));
        }
    }
}

fn consumers(plan: &Plan, history: &History, events: &mut Vec<Event>) {
    for (place, consumer) in history.consumers.iter().enumerate() {
        let column = Some(history.producers.len() + place);
        let mut put = |at, text| events.push(Event { at, column, text });
        for subscribed in &consumer.subscriptions {
            let topic = &plan.topics[subscribed.topic.place()].name;
            let from =
                subscribed.offset.map_or_else(String::new, |offset| format!(" from {offset}"));
            if let Some(confirmed) = subscribed.confirmed {
                put(confirmed, format!("has {topic}{from}"));
            }
        }
        let mut deliveries = consumer.deliveries.iter();
        for poll in &consumer.polls {
            match &poll.answer {
                Answer::Delivered(0) => {}
                Answer::Delivered(count) => {
                    let got = deliveries.by_ref().take(*count as usize).map(|delivery| {
                        let name = delivery.message().map_or_else(
                            || "a message that nobody sent".to_owned(),
                            |id| name(plan, id),
                        );
                        let offset = delivery.offset();
                        offset.map_or_else(|| name.clone(), |offset| format!("{name} at {offset}"))
                    });
                    put(poll.completed, format!("got {}", got.collect::<Vec<_>>().join(", ")));
                }
                Answer::Failed(why) => {
                    // The last part is what happened; the others say to what.
                    let why = why.rsplit(": ").next().unwrap_or_default();
                    let why: String = why.chars().take(WHY_MAX).collect();
                    put(poll.completed, format!("poll: {why}"));
                }
            }
        }
    }
}

fn faults(plan: &Plan, history: &History, events: &mut Vec<Event>) {
    for firing in &history.faults {
        let fault = &plan.scenario.faults[firing.fault as usize];
        let key = fault.action.key();
        let text = format!("{key} {}", firing.whom);
        events.push(Event { at: firing.began, column: None, text });
        let text = format!("{key} {} is over", firing.whom);
        events.push(Event { at: firing.ended, column: None, text });
    }
}

fn name(plan: &Plan, id: MessageId) -> String {
    plan.name(id).to_string()
}

fn lay_out(names: &[String], events: &[Event]) -> String {
    let width = |column: usize| {
        let own = events.iter().filter(|event| event.column == Some(column));
        own.map(|event| event.text.chars().count()).max().unwrap_or(0).max(NARROWEST) + 2
    };
    let widths: Vec<usize> = (0..names.len()).map(width).collect();
    let mut text = format!("{:>9}  ", "ms");
    for (name, width) in names.iter().zip(&widths) {
        let _ = write!(text, "{name:width$}");
    }
    let all: usize = widths.iter().sum();
    let mut lines = vec![text];
    for event in events {
        let mut line = format!("{:>9}  ", event.at.at / 1_000_000);
        match event.column {
            Some(column) => {
                let before: usize = widths[..column].iter().sum();
                let _ = write!(line, "{:before$}{}", "", event.text);
            }
            None => {
                let title = format!("-- {} ", event.text);
                let _ = write!(line, "{title:-<all$}");
            }
        }
        lines.push(line);
    }
    lines.iter().map(|line| format!("{}\n", line.trim_end())).collect()
}
