//! The tests of the client library, one program: against a broker in this process over a network
//! that fails on purpose, and over real sockets.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod connections;
mod consuming;
mod failover;
mod network;
mod producing;
mod socket;
