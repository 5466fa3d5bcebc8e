//! A diagram as data, and as lines of text: one column an actor, time goes down.

use std::fmt::Write as _;

use crate::history::{Moment, Nanos};
use crate::plan::MessageId;

/// A column is never narrower.
const NARROWEST: usize = 12;

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

impl Diagram {
    /// As lines of text.
    pub fn to_text(&self) -> String {
        lay_out(&self.columns, &self.events)
    }
}

fn lay_out(names: &[String], events: &[Event]) -> String {
    let width = |column: usize| {
        let own = events.iter().filter(|event| event.column == Some(column));
        own.map(|event| event.text.chars().count()).max().unwrap_or(0).max(NARROWEST) + 2
    };
    let widths: Vec<usize> = (0..names.len()).map(width).collect();
    // On a simulated clock everything happens at whole milliseconds, and elsewhere hardly anything.
    let is_fine = events.iter().any(|event| event.at.at % 1_000_000 > 0);
    let time = |at: Nanos| match is_fine {
        true => format!("{:>9}.{:03}  ", at / 1_000_000, at / 1_000 % 1_000),
        false => format!("{:>9}  ", at / 1_000_000),
    };
    let mut text = format!("{:>1$}  ", "ms", if is_fine { 13 } else { 9 });
    for (name, width) in names.iter().zip(&widths) {
        let _ = write!(text, "{name:width$}");
    }
    let all: usize = widths.iter().sum();
    let mut lines = vec![text];
    for event in events {
        let mut line = time(event.at.at);
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
