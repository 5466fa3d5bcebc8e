//! Identity and names for brokers that carry a text beside the payload, in a header or a field: which
//! run sent a message, and which message it is, `0f3a21... P4#17`. And the names that the topics of a
//! run have on a broker that other runs use too.

use std::sync::Arc;

use super::batch::Identity;
use super::row::own_topic;
use crate::plan::{MessageId, MessageName, Plan, TopicIndex};

/// What the header or field is called.
pub(super) const MARK: &str = "harness-message";

/// The marks and topic names of one run.
#[derive(Clone, Debug)]
pub(super) struct Marks {
    plan: Arc<Plan>,
    run: String,
}

impl Marks {
    /// Those of the run with this name.
    pub(super) fn new(plan: &Arc<Plan>, run: &str) -> Self {
        Self { plan: Arc::clone(plan), run: run.to_owned() }
    }

    /// What a message carries.
    pub(super) fn put(&self, message: MessageId) -> String {
        format!("{} {}", self.run, self.plan.name(message))
    }

    /// Which planned message carries this; nothing, where the broker handed out none.
    pub(super) fn read(&self, mark: Option<&str>) -> Identity {
        let Some((run, name)) = mark.and_then(|mark| mark.split_once(' ')) else {
            return Identity::None;
        };
        if run != self.run {
            return Identity::EarlierRun;
        }
        let found = name.parse::<MessageName>().ok().and_then(|name| self.plan.find(name));
        found.map_or(Identity::None, Identity::Message)
    }

    /// What a topic is called on the broker: letters, digits and `-`, another in each run.
    pub(super) fn topic(&self, topic: TopicIndex) -> String {
        own_topic(&self.run, topic)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn a_mark_leads_back_to_its_message_and_to_no_other_runs() {
        let (_folder, plan) = fixture::plan(fixture::SMALL, fixture::SMALL_LOGS);
        let plan = Arc::new(plan);
        let (own, other) = (Marks::new(&plan, "a1"), Marks::new(&plan, "a2"));
        for message in (0..plan.messages.len()).map(MessageId::new) {
            let mark = own.put(message);
            assert_eq!(own.read(Some(&mark)), Identity::Message(message));
            assert_eq!(other.read(Some(&mark)), Identity::EarlierRun);
        }
        for strange in
            [None, Some(""), Some("a1"), Some("a1 P9#1"), Some("a1 P1#01"), Some("a1 P1#4")]
        {
            assert_eq!(own.read(strange), Identity::None, "{strange:?}");
        }
        assert_eq!(own.topic(TopicIndex(0)), "harness-a1-1");
    }
}
