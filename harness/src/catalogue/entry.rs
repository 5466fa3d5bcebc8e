//! What is known of a broker that `--on` can name.

use crate::capability::Survival;
use crate::scenario::{Delivery, Expect, Order};
use crate::server::Version;

/// A broker that can be named.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// What `--on` calls it.
    pub word: &'static str,
    /// For people: `NATS JetStream, in files`.
    pub what: &'static str,
    /// The word of the driver that speaks to it.
    pub driver: &'static str,
    /// The cargo feature that builds this driver; none where it is always there.
    pub feature: Option<&'static str>,
    /// The word of the server among the recipes; none where it has to run already.
    pub server: Option<&'static str>,
    /// The least version of the server that knows this configuration, where the recipe's own is not
    /// enough.
    pub lowest: Option<Version>,
    /// The server's configuration, in its own words.
    pub config: &'static [(&'static str, &'static str)],
    /// The configuration of each topic, in the broker's own words.
    pub topic_config: &'static [(&'static str, &'static str)],
    /// What its documents promise with this configuration.
    pub documented: Documented,
    /// Whether it takes seconds to start, so that a matrix repeats it fewer times.
    pub is_slow: bool,
}

/// What the documents of a broker promise.
#[derive(Clone, Copy, Debug)]
pub struct Documented {
    /// What is still there of acknowledged messages after it ended without warning.
    pub survives: Survival,
    /// The order that it promises.
    pub order: Order,
    /// How often it promises to deliver a message.
    pub delivery: Delivery,
    /// Where that is written: a URL.
    pub reference: &'static str,
}

impl Documented {
    /// What is said where a scenario asks for more than is promised; it is judged all the same.
    #[must_use]
    pub fn is_less(&self, expect: &Expect) -> Option<String> {
        let delivery = match (self.delivery, expect.delivery) {
            (Delivery::ExactlyOnce, _) => None,
            (own, asked) if own == asked => None,
            (own, asked) => Some((own.to_string(), asked.to_string())),
        };
        let order = match (self.order, expect.order) {
            (Order::PerTopic, _) | (_, Order::None) => None,
            (own, asked) if own == asked => None,
            (own, asked) => Some((format!("order {own}"), asked.to_string())),
        };
        let parts: Vec<_> = [delivery, order].into_iter().flatten().collect();
        let (own, asked): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
        (!own.is_empty()).then(|| {
            let (own, asked) = (own.join(", "), asked.join(" and "));
            format!("documented: {own}; this scenario asks for {asked}")
        })
    }
}
