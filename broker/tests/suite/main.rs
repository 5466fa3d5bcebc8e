//! The tests of the broker from outside, one program: the stores, the wire, the server, and what
//! becomes of both when processes and databases fail.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod asked;
mod binary;
mod brokers;
mod cluster;
mod cluster_deletion;
mod command_line;
mod concurrency;
mod contract;
mod crash;
mod deletion;
mod failover;
mod failures;
mod foreign;
mod head;
mod model;
mod observe;
mod readiness;
mod refused;
mod retention;
mod retention_at_work;
mod rights;
mod room;
mod server;
mod support;
#[cfg(feature = "tls-tests")]
mod tls;
mod tokens;
mod trouble;
mod wire;
