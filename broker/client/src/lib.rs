//! Client library for the broker: what other people's programs use to send and to poll.
//!
//! - [`Producer`] sends to any number of topics, [`Consumer`] gets from any number. Both repeat
//!   what failed, as far as that is safe, and say of every message what can be known about it.
//! - [`TopicProducer`] and [`Subscription`] are what these are made of: one registration with one
//!   topic each.
//! - [`Client`] has one method per endpoint and repeats nothing; [`Error`] splits its failures by
//!   what may be concluded.
//! - [`transport`]: the seam to the network. [`wire`]: the names, ids, codes and bodies that go
//!   over it; all that the broker imports.

pub mod backoff;
pub mod client;
pub mod consumer;
pub mod error;
pub mod messages;
pub mod producer;
pub mod subscription;
pub mod topic_producer;
pub mod transport;
pub mod wire;

pub use backoff::Retry;
pub use client::Client;
pub use consumer::Consumer;
pub use error::{Error, Refusal};
pub use messages::{Message, Messages};
pub use producer::Producer;
pub use subscription::Subscription;
pub use topic_producer::{Sent, TopicProducer};
