//! What people ask about: a message by its name, or a delivery by its consumer, topic and number.

use crate::diagram::Places;
use crate::history::History;
use crate::input::names::{self, Kind};
use crate::numbers;
use crate::plan::{ConsumerIndex, MessageId, MessageName, Plan, ProducerIndex, TopicIndex};

/// What people may write.
const FORMS: &str = "a message is written P4#17, and what a consumer got on a topic \"C1 T2 711\"";

/// What is asked about, as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// `P4#17`
    Message(MessageName),
    /// `C1 T2 711`: the 711th that C1 got on T2.
    Delivery {
        /// 1 in `C1`.
        consumer: u32,
        /// `T2`
        topic: String,
        /// From 1.
        number: u64,
    },
}

/// What is explained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// A planned message.
    Message(MessageId),
    /// A delivery, by its place among the consumer's; what it is of, if that is known, is explained.
    Delivery(ConsumerIndex, usize),
}

impl What {
    /// The planned message that it is about.
    pub(super) fn message(self, history: &History) -> Option<MessageId> {
        match self {
            Self::Message(message) => Some(message),
            Self::Delivery(consumer, place) => {
                history.consumers[consumer.place()].deliveries[place].message()
            }
        }
    }

    /// The delivery that was asked for.
    pub(super) const fn delivery(self) -> Option<(ConsumerIndex, usize)> {
        match self {
            Self::Message(_) => None,
            Self::Delivery(consumer, place) => Some((consumer, place)),
        }
    }
}

/// Reads what is asked about.
///
/// # Errors
/// What is neither, in words for people.
pub fn parse(text: &str) -> Result<Asked, String> {
    if let Ok(name) = text.parse() {
        return Ok(Asked::Message(name));
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    let consumer = |word: &str| word.strip_prefix('C')?.parse().ok();
    match words[..] {
        [who, topic, number] => {
            if let (Some(consumer), Ok(number @ 1..)) = (consumer(who), number.parse()) {
                return Ok(Asked::Delivery { consumer, topic: topic.to_owned(), number });
            }
        }
        [who, number] if consumer(who).is_some() && number.parse::<u64>().is_ok() => {
            return Err(format!("`{text}` lacks a topic: write \"{who} T1 {number}\""));
        }
        _ => {}
    }
    let upper = text.to_uppercase().replace([' ', ':', '-'], "#");
    let guess = [upper.clone(), format!("P{upper}")];
    match guess.iter().find(|guess| guess.parse::<MessageName>().is_ok()) {
        Some(guess) => Err(format!("`{text}` is no message; did you mean `{guess}`?")),
        None => Err(format!("`{text}` is neither a message nor a delivery: {FORMS}")),
    }
}

/// Finds it in the plan and the history.
///
/// # Errors
/// In words for people: what there is in place of it.
pub fn resolve(plan: &Plan, history: &History, asked: &Asked) -> Result<What, String> {
    match asked {
        Asked::Message(name) => {
            plan.find(*name).map(What::Message).ok_or_else(|| no_message(plan, *name))
        }
        Asked::Delivery { consumer, topic, number } => {
            delivery(plan, history, *consumer, topic, *number)
        }
    }
}

fn no_message(plan: &Plan, name: MessageName) -> String {
    let numbers: Vec<u32> = plan.producers.iter().map(|producer| producer.number).collect();
    let Ok(place) = numbers.binary_search(&name.producer) else {
        let known = names::list(Kind::Producer, &numbers);
        return format!("there is no {name}: the producers are {known}");
    };
    let number = name.producer;
    let streams = || plan.producers[ProducerIndex::new(place).place()].streams.iter();
    let messages = streams().flat_map(|own| plan.streams[own.place()].messages());
    let mut lines: Vec<u32> = messages.map(|id| plan.messages.line(MessageId(id))).collect();
    lines.sort_unstable();
    let at = lines.partition_point(|line| *line < name.line);
    match (at.checked_sub(1).map(|at| lines[at]), lines.get(at)) {
        (Some(before), Some(after)) => {
            format!("there is no {name}: the nearest are P{number}#{before} and P{number}#{after}")
        }
        (Some(last), None) => {
            format!("there is no {name}: the last of P{number} is P{number}#{last}")
        }
        (None, Some(first)) => {
            format!("there is no {name}: the first of P{number} is P{number}#{first}")
        }
        (None, None) => format!("there is no {name}: P{number} sends nothing"),
    }
}

fn delivery(
    plan: &Plan,
    history: &History,
    consumer: u32,
    topic: &str,
    number: u64,
) -> Result<What, String> {
    let consumers: Vec<u32> = plan.consumers.iter().map(|consumer| consumer.number).collect();
    let Ok(place) = consumers.binary_search(&consumer) else {
        let known = names::list(Kind::Consumer, &consumers);
        return Err(format!("there is no C{consumer}: the consumers are {known}"));
    };
    let topics = || plan.topics.iter().map(|topic| topic.name.as_str());
    let Some(index) = topics().position(|known| known == topic) else {
        let known: Vec<&str> = topics().collect();
        return Err(format!("there is no topic {topic}: the topics are {}", known.join(" ")));
    };
    let places = Places::of(plan, &history.consumers[place]);
    let own = places.on(TopicIndex::new(index));
    let found = usize::try_from(number).ok().and_then(|number| own.get(number - 1));
    match found {
        Some(found) => Ok(What::Delivery(ConsumerIndex::new(place), *found)),
        None => {
            let all = numbers::count(own.len() as u64, "delivery");
            Err(format!("C{consumer} got {all} on {topic}: there is no number {number}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{SMALL, SMALL_LOGS, complete, plan};

    #[test]
    fn what_is_neither_says_what_it_may_have_been() {
        let check = |text, expected: &str| {
            let said = parse(text).unwrap_err();
            assert!(said.contains(expected), "{text}: {said}");
        };
        check("p4#17", "did you mean `P4#17`?");
        check("P4 17", "did you mean `P4#17`?");
        check("4#17", "did you mean `P4#17`?");
        check("C1 711", "lacks a topic: write \"C1 T1 711\"");
        check("C1 T2 0", "neither a message nor a delivery");
        check("message", "a message is written P4#17");
        check("", "neither");
        let consumer = Asked::Delivery { consumer: 1, topic: "T2".to_owned(), number: 711 };
        assert_eq!(parse("C1 T2 711"), Ok(consumer));
    }

    #[test]
    fn what_is_not_there_says_what_is() {
        let (_folder, plan) = plan(SMALL, SMALL_LOGS);
        let history = complete(&plan);
        let check = |text, expected: &str| {
            let said = resolve(&plan, &history, &parse(text).unwrap()).unwrap_err();
            assert!(said.ends_with(expected), "{text}: {said}");
        };
        check("P3#1", "the producers are P1 P2");
        check("P1#4", "the last of P1 is P1#3");
        check("P1#0", "the first of P1 is P1#1");
        check("C3 T1 1", "the consumers are C1 C2");
        check("C1 T2 1", "the topics are T1");
        check("C1 T1 7", "C1 got 6 deliveries on T1: there is no number 7");
        let last = resolve(&plan, &history, &parse("C2 T1 6").unwrap());
        assert_eq!(last, Ok(What::Delivery(ConsumerIndex(1), 5)));
    }
}
