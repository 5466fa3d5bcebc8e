//! One line of the table of drivers.

use std::num::NonZeroUsize;
use std::sync::Arc;

use broker_client::transport::Transport;
use futures_util::future::BoxFuture;

use super::address::Address;
use super::contract::Driver;
use super::failure::Failure;
use crate::capability::Capabilities;
use crate::plan::{Plan, TopicIndex};
use crate::scenario;

/// A driver: its word, how a broker is named that it speaks to, what that can do, and how to reach
/// it.
pub struct Row {
    /// What `broker: { driver: WORD }` calls it.
    pub word: &'static str,
    /// URLs with these schemes name a broker of it; the first row that has one is taken where the
    /// scenario names no driver.
    pub schemes: &'static [&'static str],
    /// Those of them, if any, that ask for an encrypted connection.
    pub tls: &'static [&'static str],
    /// The port where a URL names none; and that of an encrypted connection.
    pub port: u16,
    /// See [`Row::port`].
    pub tls_port: u16,
    /// What a URL may say beside host and port.
    pub takes: Takes,
    /// What is known of its brokers before one is reached.
    pub capabilities: fn(&scenario::Broker) -> Capabilities,
    /// Reaches the brokers, and leaves nothing behind on them.
    ///
    /// Fails where an address is none and the driver needs one, or nobody listens there.
    pub connect: fn(Connecting) -> BoxFuture<'static, Connected>,
    /// Reaches simulated brokers, over their network; none where it only speaks to real ones.
    pub simulate: Option<Simulate>,
}

/// What a URL of a driver may say beside host and port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// Nothing.
    Nothing,
    /// Nothing: a token and a CA are named elsewhere, see [`Keys`](super::Keys).
    Keys,
    /// A user and a password.
    Login,
    /// These, and a path: a virtual host, a database.
    LoginAndPath,
}

/// As [`Row::connect`], over another transport.
pub type Simulate = fn(Connecting, Arc<dyn Transport>) -> BoxFuture<'static, Connected>;

/// What comes of that.
pub type Connected = Result<Arc<dyn Driver>, Failure>;

/// What a driver is given to connect.
#[derive(Clone)]
pub struct Connecting {
    /// What is going to be sent; says which planned message a delivery is.
    pub plan: Arc<Plan>,
    /// At least one; a [`Route`](super::Route) is a place among them.
    pub addresses: Vec<Address>,
    /// So many of them in a row, from the first on, are the ways to the brokers of one store for the same
    /// actors, in the order of the brokers; 1 where an actor speaks to no other than its route says. A
    /// driver whose clients can go on at another broker takes all of the row that a route is in.
    pub alternatives: NonZeroUsize,
    /// Names this run, for what a driver leaves on a broker that goes on living: letters and
    /// digits, another for each run.
    pub run: String,
}

/// What a topic of a run is called on a broker that other runs use too: letters, digits and `-`, another
/// in each run.
pub(super) fn own_topic(run: &str, topic: TopicIndex) -> String {
    format!("harness-{run}-{}", topic.place() + 1)
}
