//! Client library for the broker: what other people's programs use to send and to poll.
//!
//! - [`wire`]: the names, ids, codes and bodies that go over the wire; all that the broker imports.

pub mod wire;
