//! A whole run, for few actors and messages.

use super::model::{Diagram, Event, EventKind};
use super::words;
use crate::history::{Answer, History};
use crate::plan::{MessageId, Plan};

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
            let names = words::names(plan, &messages);
            let topic = &plan.topics[stream.topic.place()].name;
            put(sent.invoked, EventKind::Sent, &messages, format!("{names} -> {topic}"));
            let attempts = match sent.attempts {
                0 | 1 => String::new(),
                many => format!(", attempt {many}"),
            };
            let outcome = words::outcome(sent, 0);
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
        let mut next = 0;
        for poll in &consumer.polls {
            if let Some(text) = words::failed(&poll.answer) {
                put(poll.completed, EventKind::Failed, Vec::new(), text);
            }
            let Answer::Delivered(count) = poll.answer else { continue };
            let places = next..next + count as usize;
            next = places.end;
            if count > 0 {
                let own = consumer.deliveries[places.clone()].iter();
                let messages = own.filter_map(|delivery| delivery.message()).collect();
                let got: Vec<_> = places.map(|at| words::delivery(plan, consumer, at)).collect();
                put(
                    poll.completed,
                    EventKind::Delivered,
                    messages,
                    format!("got {}", got.join(", ")),
                );
            }
        }
    }
}

fn faults(plan: &Plan, history: &History, events: &mut Vec<Event>) {
    for firing in &history.faults {
        let what = words::fault(plan, firing);
        let mut put = |at, text| {
            let (column, messages, kind) = (None, Vec::new(), EventKind::Fault);
            events.push(Event { at, column, text, messages, kind });
        };
        put(firing.began, what.clone());
        put(firing.ended, format!("{what} is over"));
    }
}
