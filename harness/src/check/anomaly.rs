//! One anomaly, from the check that finds it to the report that shows it, and where lost messages
//! got lost, counted.

use schemars::JsonSchema;
use serde::Serialize;

use crate::numbers;
use crate::plan::{ConsumerIndex, MessageId, Plan, TopicIndex};
use crate::scenario::Source;

/// So many messages of an anomaly are named.
const NAMES_MAX: usize = 100;

/// One proven anomaly (or a run of neighbouring ones, such as a lost range), with every name
/// resolved, so that it can outlive the plan.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Anomaly {
    /// Where: `T2`.
    pub topic: String,
    /// The consumer that saw it, where it is one consumer's: `C1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consumer: Option<String>,
    /// The messages that it is about, the first hundred: `P4#17`. Empty for a phantom.
    pub messages: Vec<String>,
    /// How many messages it is about.
    pub message_count: usize,
    /// Where the first of the messages comes from; none where it is generated.
    #[serde(flatten)]
    pub origin: Option<Origin>,
    /// One line: `C1 never got P4#17 (T2 number 17, producer_4.txt:17)`.
    pub title: String,
    /// What was seen: invoked and acked when, at which offset, what each consumer saw around it.
    pub evidence: Vec<String>,
    /// Where its messages got lost, where the logs themselves were read.
    #[serde(rename = "blame", skip_serializing_if = "Option::is_none")]
    pub blames: Option<Blames>,
    #[serde(skip)]
    pub(super) subject: Subject,
}

/// A line of a producer log.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Origin {
    /// The log, as the scenario names it.
    pub file: String,
    /// From 1.
    pub line: u32,
}

/// Lost deliveries by where they got lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Blames {
    /// Acked, and not in the log, without anything to show that it ever was.
    pub never_stored: u64,
    /// Acked, and not in the log any more: it was handed out, or the broker's process was ended.
    pub not_kept: u64,
    /// In the log, and not handed out.
    pub not_delivered: u64,
    /// Acked in a life of the store whose log is gone with it.
    pub log_gone: u64,
    /// Not known, because the log could not be read.
    pub unread: u64,
}

impl Blames {
    /// `2 never stored, 1 stored but not delivered`.
    pub fn words(self) -> String {
        let all = [
            (self.never_stored, "never stored"),
            (self.not_kept, "not kept"),
            (self.not_delivered, "stored but not delivered"),
            (self.log_gone, "in a log that is gone"),
            (self.unread, "in a log that could not be read"),
        ];
        let some = all.into_iter().filter(|(count, _)| *count > 0);
        let parts: Vec<String> =
            some.map(|(count, what)| format!("{} {what}", numbers::number(count))).collect();
        parts.join(", ")
    }

    /// Adds what was found elsewhere.
    pub(super) fn add(&mut self, other: Self) {
        self.never_stored += other.never_stored;
        self.not_kept += other.not_kept;
        self.not_delivered += other.not_delivered;
        self.log_gone += other.log_gone;
        self.unread += other.unread;
    }
}

/// Lost messages by what is known of their bytes on the disk, just before its last power cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Traces {
    /// In a file, and not durable.
    pub not_synced: u64,
    /// In no file.
    pub never_written: u64,
    /// In no file as they are, nor is anything else.
    pub unreadable: u64,
    /// In no file, and an earlier cut may have forgotten them.
    pub earlier: u64,
    /// Durable, and lost all the same.
    pub synced: u64,
    /// Not known of: acked after that cut, or more than are searched for.
    #[serde(skip_serializing_if = "numbers::is_zero")]
    pub not_searched: u64,
}

impl Traces {
    /// Those that a power cut forgets by right.
    #[must_use]
    pub const fn not_on_disk(self) -> u64 {
        self.not_synced + self.never_written
    }

    /// `2,000 written and not synced, 3 never written`.
    pub fn words(self) -> String {
        let all = [
            (self.not_synced, "written and not synced"),
            (self.never_written, "never written"),
            (self.unreadable, "in no file in plain text"),
            (self.earlier, "in no file after an earlier power cut"),
            (self.synced, "synced and lost all the same"),
            (self.not_searched, "not searched for"),
        ];
        let some = all.into_iter().filter(|(count, _)| *count > 0);
        let parts: Vec<String> =
            some.map(|(count, what)| format!("{} {what}", numbers::number(count))).collect();
        parts.join(", ")
    }
}

/// What the deliveries are searched for, to add what was seen of it to the evidence.
#[derive(Clone, Copy, Debug)]
pub(super) enum Subject {
    Nothing,
    /// The first and the last of several messages, in the order of the plan, or one twice.
    Messages(MessageId, MessageId),
    /// A delivery that no message explains, by its place among the consumer's.
    Delivery(ConsumerIndex, usize),
}

impl Subject {
    /// The messages among it, each once.
    pub(super) fn messages(self) -> impl Iterator<Item = MessageId> {
        let (first, last) = match self {
            Self::Messages(first, last) => (Some(first), Some(last).filter(|last| *last != first)),
            Self::Nothing | Self::Delivery(..) => (None, None),
        };
        first.into_iter().chain(last)
    }
}

impl Anomaly {
    /// The messages that it is about, of a run of neighbours the first and the last; or the delivery
    /// that no message explains, by its place among the consumer's.
    pub(crate) fn about(&self) -> (Vec<MessageId>, Option<(ConsumerIndex, usize)>) {
        let delivery = match self.subject {
            Subject::Delivery(consumer, place) => Some((consumer, place)),
            Subject::Nothing | Subject::Messages(..) => None,
        };
        (self.subject.messages().collect(), delivery)
    }

    /// An anomaly without evidence, with the names that the plan has for what it is about.
    pub(crate) fn new(
        plan: &Plan,
        topic: TopicIndex,
        consumer: Option<ConsumerIndex>,
        messages: &[MessageId],
        title: String,
    ) -> Self {
        let first_and_last = messages.first().zip(messages.last());
        Self {
            topic: plan.topics[topic.place()].name.to_string(),
            consumer: consumer.map(|own| format!("C{}", plan.consumers[own.place()].number)),
            messages: messages
                .iter()
                .take(NAMES_MAX)
                .map(|id| plan.name(*id).to_string())
                .collect(),
            message_count: messages.len(),
            origin: messages.first().and_then(|id| origin(plan, *id)),
            title,
            evidence: Vec::new(),
            blames: None,
            subject: first_and_last
                .map_or(Subject::Nothing, |(a, b)| Subject::Messages(*a.min(b), *a.max(b))),
        }
    }
}

/// The log and the line that a message comes from; none where it is generated.
fn origin(plan: &Plan, id: MessageId) -> Option<Origin> {
    let number = plan.producers[plan.stream(id).producer.place()].number;
    let producer = plan.scenario.producers.iter().find(|producer| producer.number == number)?;
    match &producer.source {
        Source::Log { file: path, .. } => {
            Some(Origin { file: path.display().to_string(), line: plan.messages.line(id) })
        }
        Source::Generate { .. } => None,
    }
}
