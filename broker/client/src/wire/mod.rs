//! What goes over the wire: names, ids, failure codes, and one type per request and response body.
//!
//! The six original routes keep their fields, types and texts; every addition is an optional field
//! beside them, so that the original Python client and ours speak to the same broker.

pub use bodies::{
    Batch, Consume, ConsumerRegistered, CreateTopic, Delivered, Failure, LogPart, Produce,
    Produced, ProducerRegistered, Register, Size, Status, Subscription, Topics,
};
pub use codes::Code;
pub use names::{BadTopicName, TOPIC_NAME_MAX, TopicName};
pub use secret::masked;

mod bodies;
mod codes;
mod names;
mod secret;

/// A place in a topic's log, counted from 0.
pub type Offset = u64;

/// A producer's own count of its messages on one topic, from 0.
pub type Sequence = u64;

/// The id that a registration of a producer answered. Real ids count from 0; a request may carry
/// any signed number, so that `Producer:-1 does not exist` can be said.
pub type ProducerId = i64;

/// The id that a registration of a consumer answered; signed for the same reason as [`ProducerId`].
pub type ConsumerId = i64;
