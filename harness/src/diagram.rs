//! A run in a few lines: what each actor sent, got acked and received, when, and the faults. One column
//! an actor, time goes down.

use std::fmt::Write as _;

use crate::history::{Answer, History, Moment, Outcome};
use crate::plan::{MessageId, Plan};

/// A column is never narrower.
const NARROWEST: usize = 12;

/// Longer words of a failed poll are cut.
const WHY_MAX: usize = 28;

/// What actors did, one column an actor, time goes down.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagram {
    /// The actors: `P1`, `C2`.
    pub columns: Vec<String>,
    /// As they came.
    pub events: Vec<Event>,
}

/// One moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When.
    pub at: Moment,
    /// Of an actor, by its place among the columns; or across all: a fault.
    pub column: Option<usize>,
    /// What, in a few words.
    pub text: String,
    /// The messages that are sent, acked or delivered here.
    pub messages: Vec<MessageId>,
    /// What kind of moment it is.
    pub kind: EventKind,
}

/// What kind of moment an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// A request leaves.
    Sent,
    /// The outcome of a request is in.
    Outcome,
    /// A subscription is confirmed.
    Subscribed,
    /// A poll brought messages.
    Delivered,
    /// A poll failed.
    Failed,
    /// A fault begins or ends.
    Fault,
}

/// A whole run. A line is one moment of one actor; nothing is left out but polls that brought
/// nothing. Meant for few actors and messages: it is as long as the history.
pub fn of(plan: &Plan, history: &History) -> Diagram {
    let mut events = Vec::new();
    producers(plan, history, &mut events);
    consumers(plan, history, &mut events);
    faults(plan, history, &mut events);
    events.sort_by_key(|event| event.at.stamp);
    let producers = plan.producers.iter().map(|producer| format!("P{}", producer.number));
    let names = producers.chain(plan.consumers.iter().map(|c| format!("C{}", c.number)));
    Diagram { columns: names.collect(), events }
}

impl Diagram {
    /// As lines of text.
    pub fn to_text(&self) -> String {
        lay_out(&self.columns, &self.events)
    }
}

fn producers(plan: &Plan, history: &History, events: &mut Vec<Event>) {
    for (column, producer) in history.producers.iter().enumerate() {
        let column = Some(column);
        let mut put = |at, kind, messages: &[MessageId], text| {
            events.push(Event { at, column, text, messages: messages.to_vec(), kind });
        };
        for sent in &producer.sends {
            let stream = &plan.streams[sent.stream.place()];
            let first = stream.first.0 + sent.first;
            let messages: Vec<_> = (first..first + sent.count).map(MessageId).collect();
            let names = messages.iter().map(|id| name(plan, *id));
            let names = names.collect::<Vec<_>>().join(" ");
            let topic = &plan.topics[stream.topic.place()].name;
            put(sent.invoked, EventKind::Sent, &messages, format!("{names} -> {topic}"));
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
            let text = format!("{names} {outcome}{attempts}");
            put(sent.completed, EventKind::Outcome, &messages, text);
        }
    }
}

fn consumers(plan: &Plan, history: &History, events: &mut Vec<Event>) {
    for (place, consumer) in history.consumers.iter().enumerate() {
        let column = Some(history.producers.len() + place);
        let mut put =
            |at, kind, messages, text| events.push(Event { at, column, text, messages, kind });
        for subscribed in &consumer.subscriptions {
            let topic = &plan.topics[subscribed.topic.place()].name;
            let from =
                subscribed.offset.map_or_else(String::new, |offset| format!(" from {offset}"));
            if let Some(confirmed) = subscribed.confirmed {
                put(confirmed, EventKind::Subscribed, Vec::new(), format!("has {topic}{from}"));
            }
        }
        let mut deliveries = consumer.deliveries.iter();
        for poll in &consumer.polls {
            match &poll.answer {
                Answer::Delivered(0) => {}
                Answer::Delivered(count) => {
                    let mut messages = Vec::new();
                    let got = deliveries.by_ref().take(*count as usize).map(|delivery| {
                        messages.extend(delivery.message());
                        let name = delivery.message().map_or_else(
                            || "a message that nobody sent".to_owned(),
                            |id| name(plan, id),
                        );
                        let offset = delivery.offset();
                        offset.map_or_else(|| name.clone(), |offset| format!("{name} at {offset}"))
                    });
                    let text = format!("got {}", got.collect::<Vec<_>>().join(", "));
                    put(poll.completed, EventKind::Delivered, messages, text);
                }
                Answer::Failed(why) => {
                    // The last part is what happened; the others say to what.
                    let why = why.rsplit(": ").next().unwrap_or_default();
                    let why: String = why.chars().take(WHY_MAX).collect();
                    put(poll.completed, EventKind::Failed, Vec::new(), format!("poll: {why}"));
                }
            }
        }
    }
}

fn faults(plan: &Plan, history: &History, events: &mut Vec<Event>) {
    for firing in &history.faults {
        let fault = &plan.scenario.faults[firing.fault as usize];
        let key = fault.action.key();
        let mut put = |at, text| {
            let (column, messages, kind) = (None, Vec::new(), EventKind::Fault);
            events.push(Event { at, column, text, messages, kind });
        };
        put(firing.began, format!("{key} {}", firing.whom));
        put(firing.ended, format!("{key} {} is over", firing.whom));
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
