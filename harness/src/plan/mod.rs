//! What a run is going to do: every message, its producer, its request, and its consumers.
//!
//! A plan follows from the scenario, its logs and its seed alone, so every run of it, on every
//! broker, has the same plan. Messages are numbered so that those of one producer on one topic (a
//! [`Stream`]) stand together: the broker's (producer id, sequence) then leads to a message by one
//! addition.
//!
//! `model` has its tables. `build` makes it ([`Plan::new`]), with `rounds`; `faults` says what its
//! faults are about, `names` and `expected` say in words and numbers what is in it,
//! and `tag` writes and reads what goes before a payload.

mod build;
mod expected;
mod faults;
mod hostile;
mod model;
mod names;
mod rounds;
mod tag;

pub use faults::Choice;
pub use model::{
    Consumer, ConsumerIndex, Due, MessageId, Messages, Plan, Producer, ProducerIndex, Request,
    Round, Stream, StreamIndex, Topic, TopicIndex,
};
pub use names::MessageName;
pub use tag::{RunMark, TAG_MAX, Tagged};
