//! A plan's tables, and the indexes that lead from one to the other.

use std::ops::Range;
use std::time::Duration;

use crate::topic_name::TopicName;

use crate::scenario::Scenario;

/// Makes a newtype over `u32` that indexes one of the plan's tables.
macro_rules! index {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u32);

        impl $name {
            /// The index of the `place`th entry.
            ///
            /// # Panics
            /// Past `u32::MAX` entries, which loading refuses before.
            pub fn new(place: usize) -> Self {
                Self(u32::try_from(place).expect("loading bounds every table by u32::MAX"))
            }

            /// The place in its table.
            pub const fn place(self) -> usize {
                self.0 as usize
            }
        }
    };
}

index! {
    /// A place in [`Plan::topics`].
    TopicIndex
}
index! {
    /// A place in [`Plan::producers`].
    ProducerIndex
}
index! {
    /// A place in [`Plan::consumers`].
    ConsumerIndex
}
index! {
    /// A place in [`Plan::streams`].
    StreamIndex
}
index! {
    /// A planned message, over all streams.
    MessageId
}

/// A run before it begins.
#[derive(Debug)]
pub struct Plan {
    /// Where it comes from.
    pub scenario: Scenario,
    /// In the file's order.
    pub topics: Vec<Topic>,
    /// In the order of their numbers.
    pub producers: Vec<Producer>,
    /// In the order of their numbers.
    pub consumers: Vec<Consumer>,
    /// By producer, then by topic in the file's order.
    pub streams: Vec<Stream>,
    /// Every message's payload and line.
    pub messages: Messages,
}

/// A topic and the actors that are mapped to it.
#[derive(Debug)]
pub struct Topic {
    /// As the broker knows it.
    pub name: TopicName,
    /// One stream a producer, in the order of their numbers.
    pub streams: Vec<StreamIndex>,
    /// In the order of their numbers.
    pub consumers: Vec<ConsumerIndex>,
}

/// A producer: its streams and its rounds.
#[derive(Debug)]
pub struct Producer {
    /// 4 in `P4`.
    pub number: u32,
    /// In the file's order of topics. Messages of the producer are those of its streams.
    pub streams: Vec<StreamIndex>,
    /// In the order in which they are sent.
    pub rounds: Vec<Round>,
    /// What the rounds' ranges refer to.
    pub requests: Vec<Request>,
}

/// Requests sent together; the next round waits for the outcome of each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Round {
    /// When it may start.
    pub due: Due,
    /// Into [`Producer::requests`]; each on a topic of its own.
    pub requests: Range<u32>,
}

/// When a round may start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// As soon as the round before it is over.
    Now,
    /// So long after the run began (recorded pace, or a rate); later if the round before it is
    /// not over, and latency counts from here all the same.
    At(Duration),
    /// So long after the round before it is over (the original's uniform pause).
    After(Duration),
}

/// One request: consecutive messages of one stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// Whose messages.
    pub stream: StreamIndex,
    /// The first message's number on the stream, from 0.
    pub first: u32,
    /// How many; at least 1.
    pub count: u32,
}

/// A consumer and its topics.
#[derive(Debug)]
pub struct Consumer {
    /// 1 in `C1`.
    pub number: u32,
    /// In the file's order.
    pub topics: Vec<TopicIndex>,
}

/// One producer's messages on one topic: the ids `first .. first + count`, in sending order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream {
    /// Their producer.
    pub producer: ProducerIndex,
    /// Where to.
    pub topic: TopicIndex,
    /// The message with number 0 on this stream.
    pub first: MessageId,
    /// How many there are.
    pub count: u32,
}

impl Stream {
    /// The message with this number (from 0) on the stream, if there is one.
    pub fn message(&self, number: u64) -> Option<MessageId> {
        let number = u32::try_from(number).ok().filter(|number| *number < self.count)?;
        Some(MessageId(self.first.0 + number))
    }

    /// The ids of its messages.
    pub fn messages(&self) -> Range<u32> {
        self.first.0..self.first.0 + self.count
    }
}

/// All messages, by column: a million of them cost what their payloads weigh and 16 bytes each.
#[derive(Debug, Default)]
pub struct Messages {
    text: String,
    /// Where each payload ends in `text`; it begins where the one before ends.
    ends: Vec<usize>,
    pub(super) lines: Vec<u32>,
    streams: Vec<StreamIndex>,
}

impl Messages {
    /// Adds the next message: it belongs to `stream` and stands on `line` (from 1) of its log.
    pub fn push(&mut self, stream: StreamIndex, line: u32, payload: &str) -> MessageId {
        let id = MessageId::new(self.ends.len());
        self.text.push_str(payload);
        self.ends.push(self.text.len());
        self.lines.push(line);
        self.streams.push(stream);
        id
    }

    /// Makes room for so many more messages with so many bytes together.
    pub(crate) fn reserve(&mut self, messages: usize, bytes: usize) {
        self.text.reserve(bytes);
        self.ends.reserve(messages);
        self.lines.reserve(messages);
        self.streams.reserve(messages);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// How many bytes their payloads have together.
    pub fn bytes(&self) -> usize {
        self.text.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The payload as it is to be sent, without any tag.
    pub fn payload(&self, id: MessageId) -> &str {
        let start = if id.0 == 0 { 0 } else { self.ends[id.place() - 1] };
        &self.text[start..self.ends[id.place()]]
    }

    /// Its line in its producer's log, from 1.
    pub fn line(&self, id: MessageId) -> u32 {
        self.lines[id.place()]
    }

    /// The stream that it belongs to.
    pub fn stream(&self, id: MessageId) -> StreamIndex {
        self.streams[id.place()]
    }
}

impl Plan {
    /// The stream of a message.
    pub fn stream(&self, id: MessageId) -> &Stream {
        &self.streams[self.messages.stream(id).place()]
    }
}
