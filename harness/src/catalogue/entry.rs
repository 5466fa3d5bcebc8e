//! What is known of a broker that `--on` can name.

use std::collections::BTreeSet;
use std::fmt;

use crate::capability::Survival;
use crate::fault::{Effect, Fault, Hold, StorageFault};
use crate::scenario::{AnomalyKind, Delivery, Expect, Order, Scenario};
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

/// What a scenario asks for beyond what documents promise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Less {
    /// What is promised in its place.
    documented: Vec<String>,
    /// What the scenario asks for.
    asked: Vec<String>,
    /// The kinds of anomaly that break nothing which is promised.
    pub kinds: BTreeSet<AnomalyKind>,
}

impl fmt::Display for Less {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (own, asked) = (self.documented.join(", "), self.asked.join(" and "));
        write!(f, "documented: {own}; this scenario asks for {asked}")
    }
}

impl Less {
    fn add(&mut self, documented: String, asked: String, kinds: &[AnomalyKind]) {
        self.documented.push(documented);
        if !self.asked.contains(&asked) {
            self.asked.push(asked);
        }
        self.kinds.extend(kinds);
    }
}

/// What a scenario asks for that ends brokers and expects no loss.
const ALL_SURVIVES: &str = "survival of all that was acked";

impl Documented {
    /// Where a scenario asks for more than is promised. It is judged all the same.
    ///
    /// It asks for a delivery and an order by `expect`; and for survival, where it ends brokers and
    /// expects no loss. A broker that saves what it has now and then is to have it after an end in
    /// good order, and not after a kill; one that leaves it to the kernel is to have it after a kill, and
    /// not after a power cut. That nothing is lost where bits rot nobody promises.
    #[must_use]
    pub fn is_less(&self, scenario: &Scenario) -> Option<Less> {
        use AnomalyKind::{Divergent, Duplicate, Lost, Reordered, StaleAck};
        let expect @ Expect { delivery, order, .. } = &scenario.expect;
        let mut less = Less::default();
        match self.delivery {
            Delivery::ExactlyOnce => {}
            own if own == *delivery => {}
            own @ Delivery::AtLeastOnce => {
                less.add(own.to_string(), delivery.to_string(), &[Duplicate]);
            }
            own @ Delivery::AtMostOnce => less.add(own.to_string(), delivery.to_string(), &[Lost]),
        }
        if self.order != Order::PerTopic && *order != Order::None && self.order != *order {
            let own = format!("order {}", self.order);
            less.add(own, order.to_string(), &[Reordered, Divergent]);
        }
        let expects_loss = *delivery == Delivery::AtMostOnce || expect.allows(Lost);
        let end = ends(scenario).filter(|_| !expects_loss);
        if let Some((_, end)) = end.filter(|(least, _)| self.survives < *least) {
            let own = match self.survives {
                Survival::Nothing => format!("nothing survives {end}"),
                // Only a power cut is harder than a kill.
                Survival::Kill => format!("what survives a kill may not survive {end}"),
                _ => format!("what was saved by then survives {end}"),
            };
            // A log that lost its end gives offsets out again.
            less.add(own, ALL_SURVIVES.to_owned(), &[Lost, Divergent, StaleAck]);
        }
        if rots(scenario) && !expects_loss {
            let own = "nothing about bits that rot".to_owned();
            less.add(own, ALL_SURVIVES.to_owned(), &[Lost, Divergent, StaleAck]);
        }
        (!less.asked.is_empty()).then_some(less)
    }
}

/// Whether a scenario has bits rot.
fn rots(scenario: &Scenario) -> bool {
    let is_rot =
        |fault: &Fault| matches!(fault.action.effect, Effect::Storage(StorageFault::Rot { .. }));
    scenario.faults.iter().any(is_rot)
}

/// The hardest way in which a scenario ends a process that serves, and what has to survive it.
fn ends(scenario: &Scenario) -> Option<(Survival, &'static str)> {
    let end = |fault: &Fault| match fault.action.effect {
        Effect::Storage(StorageFault::Power(_)) => Some((Survival::PowerCut, "a power cut")),
        // The server is killed before its bits rot.
        Effect::Process(Hold::Killed) | Effect::Storage(StorageFault::Rot { .. }) => {
            Some((Survival::Kill, "a kill"))
        }
        Effect::Process(Hold::Stopped) => Some((Survival::Part, "an end in good order")),
        Effect::Process(Hold::Paused | Hold::Isolated)
        | Effect::Storage(_)
        | Effect::Link(_)
        | Effect::Crash => None,
    };
    scenario.faults.iter().filter_map(end).max_by_key(|(least, _)| *least)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{SMALL, SMALL_LOGS, plan};

    /// What is less than `more` (YAML behind a small scenario) asks for, in the words of reports and
    /// as kinds.
    fn less(own: (Survival, Delivery, Order), more: &str) -> Option<(String, Vec<&'static str>)> {
        let (survives, delivery, order) = own;
        let documented = Documented { survives, order, delivery, reference: "docs" };
        let (_folder, plan) = plan(&format!("{SMALL}\n{more}\n"), SMALL_LOGS);
        let less = documented.is_less(&plan.scenario)?;
        let kinds = less.kinds.iter().map(|kind| kind.as_str()).collect();
        let said = less.to_string();
        Some((said.strip_prefix("documented: ").unwrap().to_owned(), kinds))
    }

    const ALL: (Survival, Delivery, Order) =
        (Survival::Kill, Delivery::ExactlyOnce, Order::PerTopic);

    #[test]
    fn what_is_promised_is_not_less() {
        for more in [
            "",
            "expect: { delivery: at-most-once, order: none }",
            "faults: [{ at: 1s, kill: broker, for: 1s }]",
        ] {
            assert_eq!(less(ALL, more), None, "{more}");
        }
        let least = (Survival::Nothing, Delivery::AtLeastOnce, Order::None);
        let more = "expect: { delivery: at-least-once, order: none }";
        assert_eq!(less(least, more), None);
        let paused = format!("{more}\nfaults: [{{ at: 1s, pause: broker, for: 1s }}]");
        assert_eq!(less(least, &paused), None);
    }

    #[test]
    fn more_than_is_promised_is_named_with_what_it_may_look_like() {
        let check = |own, more, said: &str, kinds: &[&'static str]| {
            assert_eq!(less(own, more), Some((said.to_owned(), kinds.to_vec())), "{more}");
        };
        let once = (ALL.0, Delivery::AtLeastOnce, ALL.2);
        let said = "at-least-once; this scenario asks for exactly-once";
        check(once, "", said, &["duplicate"]);
        let said = "at-most-once; this scenario asks for exactly-once";
        check((ALL.0, Delivery::AtMostOnce, ALL.2), "", said, &["lost"]);
        let said = "order per-producer; this scenario asks for per-topic";
        check((ALL.0, ALL.1, Order::PerProducer), "", said, &["reordered", "divergent"]);
    }

    #[test]
    fn a_kill_asks_for_more_than_an_end_in_good_order() {
        let [kill, stop] =
            ["kill", "stop"].map(|verb| format!("faults: [{{ at: 1s, {verb}: broker, for: 1s }}]"));
        let own = |survives| (survives, ALL.1, ALL.2);
        let kinds = vec!["lost", "divergent", "stale ack"];
        let asks = "this scenario asks for survival of all that was acked";
        let said = |own: &str| Some((format!("{own}; {asks}"), kinds.clone()));
        let part = own(Survival::Part);
        assert_eq!(less(part, &kill), said("what was saved by then survives a kill"));
        assert_eq!(less(part, &stop), None);
        let nothing = own(Survival::Nothing);
        assert_eq!(less(nothing, &stop), said("nothing survives an end in good order"));
        let expected = format!("{kill}\nexpect: {{ anomalies: [lost] }}");
        assert_eq!(less(nothing, &expected), None, "a loss that is expected is not asked about");
    }

    #[test]
    fn a_power_cut_asks_for_more_than_a_kill() {
        let power = "faults: [{ at: 1s, power: storage, for: 1s }]";
        let own = |survives| (survives, ALL.1, ALL.2);
        let asks = "this scenario asks for survival of all that was acked";
        let check = |survives, faults: &str, said: &str| {
            let kinds = vec!["lost", "divergent", "stale ack"];
            assert_eq!(less(own(survives), faults), Some((format!("{said}; {asks}"), kinds)));
        };
        assert_eq!(less(own(Survival::PowerCut), power), None);
        let said = "what survives a kill may not survive a power cut";
        check(Survival::Kill, power, said);
        check(Survival::Part, power, "what was saved by then survives a power cut");
        check(Survival::Nothing, power, "nothing survives a power cut");
        // The hardest of several is what counts.
        let both =
            "faults: [{ at: 1s, power: storage, for: 1s }, { at: 2s, kill: broker, for: 1s }]";
        check(Survival::Kill, both, said);
    }

    #[test]
    fn bits_that_rot_ask_for_more_than_anyone_promises() {
        let rot = "faults: [{ at: 1s, rot: storage, for: 1s }]";
        let own = (Survival::PowerCut, ALL.1, ALL.2);
        let (said, kinds) = less(own, rot).unwrap();
        let asks = "this scenario asks for survival of all that was acked";
        assert_eq!(said, format!("nothing about bits that rot; {asks}"));
        assert!(!kinds.contains(&"corrupted"), "wrong bytes are wrong whatever is promised");
        let allowed = format!("{rot}\nexpect: {{ delivery: at-most-once }}");
        let once = (Survival::PowerCut, Delivery::AtMostOnce, ALL.2);
        assert_eq!(less(once, &allowed), None);
        let part = (Survival::Part, ALL.1, ALL.2);
        let (said, _) = less(part, rot).unwrap();
        let own = "what was saved by then survives a kill, nothing about bits that rot";
        assert_eq!(said, format!("{own}; {asks}"));
    }
}
