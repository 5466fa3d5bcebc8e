//! From (session, sequence) to the planned message: each registration says which stream it sends and
//! from which number on.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::answer::Message;
use crate::driver::batch::{Batch, Delivered, Identity};
use crate::plan::{Plan, StreamIndex, TopicIndex};

/// All registrations of a run, and the names that are given to them and to subscriptions.
#[derive(Debug)]
pub(super) struct Registrations {
    plan: Arc<Plan>,
    run: String,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    names: u64,
    sessions: BTreeMap<(TopicIndex, String), (StreamIndex, u32)>,
}

impl Registrations {
    pub(super) fn new(plan: &Arc<Plan>, run: &str) -> Self {
        Self { plan: Arc::clone(plan), run: run.to_owned(), known: Mutex::default() }
    }

    /// A name that no other registration or subscription has: `0f3a21.P4.17`.
    pub(super) fn name(&self, of: impl std::fmt::Display) -> String {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.names += 1;
        format!("{}.{of}.{}", self.run, known.names)
    }

    /// Notes which stream is sent under a session, its number `base` with sequence 0. Must be called
    /// before its first message leaves.
    pub(super) fn add(&self, topic: TopicIndex, session: &str, stream: StreamIndex, base: u32) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.sessions.insert((topic, session.to_owned()), (stream, base));
    }

    /// Adds messages of a topic to a batch, each with who it is.
    pub(super) fn fill(&self, topic: TopicIndex, messages: &[Message], batch: &mut Batch) {
        for message in messages {
            batch.push(Delivered {
                identity: self.identity(topic, message),
                offset: message.offset,
                redelivered: message.redelivered,
                payload: &message.payload,
            });
        }
    }

    fn identity(&self, topic: TopicIndex, message: &Message) -> Identity {
        let Some(producer) = &message.producer else { return Identity::None };
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let place = known.sessions.get(&(topic, producer.clone())).copied();
        drop(known);
        let Some((stream, base)) = place else { return self.stranger(producer, message.sequence) };
        let number = message.sequence.and_then(|sequence| sequence.checked_add(base.into()));
        let planned = number.and_then(|number| self.plan.streams[stream.place()].message(number));
        planned.map_or(Identity::None, Identity::Message)
    }

    /// Somebody who was not registered with this topic.
    fn stranger(&self, producer: &str, sequence: Option<u64>) -> Identity {
        // As `name` makes them.
        let run = producer.split_once('.').map(|(run, _)| run);
        if run.is_some_and(|run| run != self.run && run.len() == self.run.len()) {
            return Identity::EarlierRun;
        }
        producer.parse().map_or(Identity::None, |id| Identity::Stranger { id, sequence })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::exec::answer;
    use crate::fixture;
    use crate::plan::MessageId;

    #[test]
    fn a_session_and_a_sequence_lead_to_one_message() {
        let (_folder, plan) = fixture::plan(fixture::SMALL, fixture::SMALL_LOGS);
        let registrations = Registrations::new(&Arc::new(plan), "a1");
        let topic = TopicIndex(0);
        registrations.add(topic, "a1.P2.1", StreamIndex(1), 0);
        registrations.add(topic, "a1.P2.2", StreamIndex(1), 2);
        let check = |topic, producer: &str, sequence: &str, expected| {
            let text =
                format!("{{\"payload\":\"\",\"producer\":\"{producer}\",\"sequence\":{sequence}}}");
            let message = answer::read::<Message>(&text).unwrap();
            assert_eq!(registrations.identity(topic, &message), expected, "{text}");
        };
        check(topic, "a1.P2.1", "0", Identity::Message(MessageId(3)));
        check(topic, "a1.P2.1", "2", Identity::Message(MessageId(5)));
        check(topic, "a1.P2.2", "0", Identity::Message(MessageId(5)));
        check(topic, "a1.P2.2", "1", Identity::None);
        check(topic, "a1.P2.2", "null", Identity::None);
        check(topic, "a1.P9.1", "0", Identity::None);
        check(topic, "a2.P2.1", "0", Identity::EarlierRun);
        check(topic, "7", "0", Identity::Stranger { id: 7, sequence: Some(0) });
        check(TopicIndex(1), "a1.P2.1", "0", Identity::None);
    }
}
