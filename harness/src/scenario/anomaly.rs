//! The kinds of anomaly that checks find and that a scenario may expect: one entry a kind in
//! `kinds!`.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

/// Makes the kinds from one entry each: what one count of it is, its word in the YAML, its name in
/// reports, and the sentence for one and for many.
macro_rules! kinds {
    ($($(#[$doc:meta])+ $kind:ident: $word:literal, $name:literal, $one:literal, $many:literal;)+) => {
        /// The kinds of anomaly, in the order in which reports show them, with what one count of
        /// each is.
        ///
        /// One fault is one kind: a delivery is judged as the first that fits of phantom, misrouted,
        /// resurrected, early and duplicate, and only one that is none of these takes part in the
        /// rules on order. A corrupted delivery is one whatever else it is, and still counts as
        /// delivered.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum AnomalyKind {
            $($(#[$doc])+ $kind,)+
        }

        impl AnomalyKind {
            /// Every kind, in order.
            pub const ALL: [Self; [$($word),+].len()] = [$(Self::$kind),+];

            /// Their words in the YAML.
            pub(super) const WORDS: &[(&str, Self)] = &[$(($word, Self::$kind)),+];

            /// The glossary's words, as the report has them.
            const NAMES: [&str; [$($word),+].len()] = [$($name),+];

            /// The glossary's word.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)+
                }
            }

            /// What is said of one, and behind the number of several.
            #[must_use]
            pub const fn sentence(self) -> (&'static str, &'static str) {
                match self {
                    $(Self::$kind => ($one, $many),)+
                }
            }
        }
    };
}

/// As a report for programs has it.
impl JsonSchema for AnomalyKind {
    fn schema_name() -> Cow<'static, str> {
        "AnomalyKind".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "enum": Self::NAMES })
    }
}

kinds! {
    /// Acked, due, and not delivered when the drain ended. Counted: messages times the consumers
    /// that miss them.
    Lost: "lost", "lost",
        "1 delivery of an acknowledged message never came",
        "deliveries of acknowledged messages never came";
    /// Delivered more than once to one consumer, or one message at two offsets of a log. Counted:
    /// deliveries beyond a consumer's first; for a message that every consumer got once and that
    /// still stands at several offsets, the offsets beyond one.
    Duplicate: "duplicate", "duplicate",
        "1 delivery repeats a message that had come before",
        "deliveries repeat messages that had come before";
    /// Delivered against the order that its acks prove. Counted: a consumer's first deliveries that
    /// come after a message proven to be behind them; two neighbours swapped at one consumer are 1.
    Reordered: "reordered", "reordered",
        "1 delivery is out of order",
        "deliveries are out of order";
    /// Two consumers of one topic disagree: on the order, or on what stands at an offset. Counted:
    /// first deliveries that come after one which the log has behind them, unless they are
    /// `Reordered` already (two unordered neighbours swapped at one consumer are 1); and runs of
    /// deliveries at offsets that hold other messages for the other consumers.
    Divergent: "divergent", "divergent",
        "consumers disagree in 1 place",
        "places in which consumers disagree";
    /// Delivered, never sent. Counted: deliveries.
    Phantom: "phantom", "phantom",
        "1 delivery is of a message that nobody sent",
        "deliveries are of messages that nobody sent";
    /// Refused for sure, yet delivered. Counted: deliveries.
    Resurrected: "resurrected", "resurrected",
        "1 delivery is of a refused message",
        "deliveries are of refused messages";
    /// The payload differs from what was sent. Counted: deliveries.
    Corrupted: "corrupted", "corrupted",
        "1 delivery has another payload than was sent",
        "deliveries have other payloads than were sent";
    /// Delivered on another topic, to a consumer that does not subscribe, or from before it did.
    /// Counted: deliveries.
    Misrouted: "misrouted", "misrouted",
        "1 delivery is where it does not belong",
        "deliveries are where they do not belong";
    /// Delivered before it was invoked. Counted: deliveries.
    Early: "early", "early",
        "1 delivery came before its message was sent",
        "deliveries came before their messages were sent";
    /// Two acks share an offset, or one session's offsets go back. Counted: acks.
    StaleAck: "stale-ack", "stale ack",
        "1 ack named an offset that could not be its own",
        "acks named offsets that could not be their own";
}
