//! The ways to be wrong, in one table, and how much of one: `lose:1%`.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::acks::{Resurrect, StaleAck};
use super::chosen::{Among, Amount, Chosen};
use super::early::Early;
use super::edits::{Change, Edit};
use super::swaps::{Diverge, Reorder};
use super::trick::Trick;
use crate::capability::Capabilities;
use crate::plan::Plan;
use crate::scenario::AnomalyKind;

/// A way to be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// One consumer never gets an acked message.
    Lose,
    /// One consumer gets a message twice.
    Duplicate,
    /// Every consumer gets two messages of one producer in the wrong order, although the first was
    /// acked before the second was sent.
    Reorder,
    /// One consumer gets two concurrent messages in the other order than everybody else.
    Diverge,
    /// One consumer gets a message that nobody sent.
    Phantom,
    /// Every consumer of a topic gets a refused message.
    Resurrect,
    /// One consumer gets a message with another payload.
    Corrupt,
    /// One consumer gets a message of another topic.
    Misroute,
    /// One consumer gets a message before its producer sends it.
    Early,
    /// An ack names an offset that was answered before.
    StaleAck,
}

/// One line of the table.
struct Row {
    kind: Kind,
    /// On the command line and in the record.
    word: &'static str,
    anomaly: AnomalyKind,
    among: Among,
    trick: fn() -> Arc<dyn Trick>,
}

const fn row(
    kind: Kind,
    word: &'static str,
    anomaly: AnomalyKind,
    among: Among,
    trick: fn() -> Arc<dyn Trick>,
) -> Row {
    Row { kind, word, anomaly, among, trick }
}

/// Every kind, in the order of the anomalies.
#[rustfmt::skip]
const KINDS: [Row; 10] = [
    row(Kind::Lose, "lose", AnomalyKind::Lost, Among::Messages, || edit(Change::Lose)),
    row(Kind::Duplicate, "duplicate", AnomalyKind::Duplicate, Among::Messages, || edit(Change::Duplicate)),
    row(Kind::Reorder, "reorder", AnomalyKind::Reordered, Among::Ends, || Arc::new(Reorder::default())),
    row(Kind::Diverge, "diverge", AnomalyKind::Divergent, Among::Ends, || Arc::new(Diverge::default())),
    row(Kind::Phantom, "phantom", AnomalyKind::Phantom, Among::Messages, || edit(Change::Phantom)),
    row(Kind::Resurrect, "resurrect", AnomalyKind::Resurrected, Among::Ends, || Arc::new(Resurrect::default())),
    row(Kind::Corrupt, "corrupt", AnomalyKind::Corrupted, Among::Messages, || edit(Change::Corrupt)),
    row(Kind::Misroute, "misroute", AnomalyKind::Misrouted, Among::Messages, || edit(Change::Misroute)),
    row(Kind::Early, "early", AnomalyKind::Early, Among::Starts, || Arc::new(Early::default())),
    row(Kind::StaleAck, "stale-ack", AnomalyKind::StaleAck, Among::Ends, || Arc::new(StaleAck)),
];

fn edit(change: Change) -> Arc<dyn Trick> {
    Arc::new(Edit::new(change))
}

impl Kind {
    /// Every kind, in the order of the anomalies.
    pub const ALL: [Self; 10] = {
        let mut all = [Self::Lose; 10];
        let mut place = 0;
        while place < all.len() {
            all[place] = KINDS[place].kind;
            place += 1;
        }
        all
    };

    /// The name on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.row().word
    }

    /// The one anomaly that checks find where a broker is wrong in this way and in no other: each
    /// line of the record is one of it, and there are no others.
    #[must_use]
    pub fn anomaly(self) -> AnomalyKind {
        self.row().anomaly
    }

    /// Why a broker that can do this cannot be made wrong in this way, as far as is known.
    #[must_use]
    pub fn objection(self, capabilities: &Capabilities) -> Option<String> {
        let is_missing = self == Self::StaleAck && capabilities.acks_without_offsets();
        is_missing.then(|| "acks of this broker carry no offset".to_owned())
    }

    pub(super) fn trick(self) -> Arc<dyn Trick> {
        (self.row().trick)()
    }

    fn row(self) -> &'static Row {
        KINDS.iter().find(|row| row.kind == self).expect("the table has every kind")
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How to be wrong, and how often: `lose:1%`, or `lose:5` for five times.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Order {
    /// How.
    pub kind: Kind,
    /// How often.
    pub amount: Amount,
}

/// What `harness sabotage` does to each scenario.
const USUAL: Amount = Amount::Percent(1.0);

impl Order {
    /// The order that stands for a kind alone: one message in a hundred.
    #[must_use]
    pub const fn usual(kind: Kind) -> Self {
        Self { kind, amount: USUAL }
    }

    pub(super) fn choose(&self, plan: &Plan) -> Chosen {
        Chosen::new(plan, self.kind.row().among, self.amount)
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.amount {
            Amount::Percent(percent) => write!(f, "{}:{percent}%", self.kind),
            Amount::Count(count) => write!(f, "{}:{count}", self.kind),
        }
    }
}

impl FromStr for Order {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, amount) = match text.split_once(':') {
            Some((name, amount)) => (name, Some(amount)),
            None => (text, None),
        };
        let Some(row) = KINDS.iter().find(|row| row.word == name) else {
            let known: Vec<_> = KINDS.iter().map(|row| row.word).collect();
            return Err(format!("unknown kind {name:?}, known are {}", known.join(", ")));
        };
        let amount = amount.map_or(Ok(USUAL), parse_amount)?;
        Ok(Self { kind: row.kind, amount })
    }
}

fn parse_amount(text: &str) -> Result<Amount, String> {
    if let Some(percent) = text.strip_suffix('%') {
        let percent: f64 = percent.parse().map_err(|_| format!("{text:?} is no percentage"))?;
        if !(percent > 0.0 && percent <= 100.0) {
            return Err(format!("{text:?} is not above 0% and at most 100%"));
        }
        return Ok(Amount::Percent(percent));
    }
    match text.parse() {
        Ok(0) => Err("0 times is no sabotage: give a number from 1 on, or a percentage".to_owned()),
        Ok(count) => Ok(Amount::Count(count)),
        Err(_) => Err(format!("{text:?} is neither a percentage such as 1% nor a number")),
    }
}

#[cfg(test)]
mod tests {
    use super::{Amount, Kind, Order};
    use crate::scenario::AnomalyKind;

    #[test]
    fn an_order_reads_back_as_it_is_written() {
        for kind in Kind::ALL {
            for text in [format!("{kind}:1%"), format!("{kind}:0.5%"), format!("{kind}:7")] {
                assert_eq!(text.parse::<Order>().unwrap().to_string(), text);
            }
            assert_eq!(kind.as_str().parse(), Ok(Order::usual(kind)));
        }
        assert_eq!("lose:100%".parse::<Order>().unwrap().amount, Amount::Percent(100.0));
    }

    #[test]
    fn a_bad_order_is_refused_with_what_would_be_good() {
        let cases = [
            ("loose:1%", "unknown kind \"loose\", known are lose, duplicate, reorder, diverge"),
            ("lose:0", "0 times is no sabotage"),
            ("lose:-1", "\"-1\" is neither a percentage such as 1% nor a number"),
            ("lose:", "\"\" is neither"),
            ("lose:x%", "\"x%\" is no percentage"),
            ("lose:0%", "not above 0%"),
            ("lose:101%", "at most 100%"),
            ("lose:NaN%", "not above 0%"),
        ];
        for (text, part) in cases {
            let error = text.parse::<Order>().unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn every_anomaly_has_its_kind() {
        assert_eq!(Kind::ALL.map(Kind::anomaly), AnomalyKind::ALL);
    }
}
