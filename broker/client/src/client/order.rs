//! Which broker a topic is sent to first: rendezvous hashing (Thaler and Ravishankar, 1998).
//!
//! Clients know nothing of each other, and yet those of one topic have to meet at one broker, for two
//! that append to one topic wait for each other. So each computes a score for every broker from the
//! names of the topic and of the broker, and the greatest comes first. Where a broker is added or
//! taken away, only the topics move that it gets or had.
//!
//! The computation is written down in docs/client.md and never changes: clients of other versions, and
//! in other languages, have to come to the same order.

/// How much a topic wants a broker: FNV-1a (64 bits) over the topic's name, the byte 0xff, which is in
/// no UTF-8 text, and the broker's name, and then the final mix of `SplitMix64`, without which names
/// that differ in their last letters have scores that hardly differ.
pub(super) fn score(topic: &str, broker: &str) -> u64 {
    let bytes = topic.bytes().chain([0xff]).chain(broker.bytes());
    let mut hash = bytes.fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In order of preference.
    fn order<'a>(topic: &str, brokers: &[&'a str]) -> Vec<&'a str> {
        let mut brokers = brokers.to_vec();
        brokers.sort_by_key(|broker| std::cmp::Reverse(score(topic, broker)));
        brokers
    }

    /// These stand in docs/client.md, for those who write a client of their own.
    #[test]
    fn the_worked_examples_of_the_documents_hold() {
        let scores =
            [("orders", "http://a:5000"), ("orders", "http://b:5000"), ("T1", "http://a:5000")];
        let shown = scores.map(|(topic, broker)| format!("{:016x}", score(topic, broker)));
        let document = include_str!("../../../../docs/client.md");
        for ((topic, broker), score) in scores.iter().zip(&shown) {
            let line = format!("| `{topic}` | `{broker}` | `{score}` |");
            assert!(document.contains(&line), "docs/client.md lacks {line}");
        }
    }

    #[test]
    fn topics_are_spread_evenly_and_only_those_of_a_broker_that_goes_move() {
        let three = ["http://10.0.0.1:5000", "http://10.0.0.2:5000", "http://10.0.0.3:5000"];
        let topics: Vec<String> = (0..3000).map(|number| format!("T{number}")).collect();
        let first = |brokers: &[&'static str]| -> Vec<&'static str> {
            topics.iter().map(|topic| order(topic, brokers)[0]).collect()
        };
        let (before, after) = (first(&three), first(&three[..2]));
        for broker in three {
            let count = before.iter().filter(|first| **first == broker).count();
            assert!((900..1100).contains(&count), "{broker} has {count} of 3000 topics");
        }
        for (before, after) in before.iter().zip(&after) {
            assert!(before == after || *before == three[2]);
        }
        let second = topics.iter().filter(|topic| order(topic, &three)[1] == three[0]).count();
        assert!((900..1100).contains(&second), "also the second choice: {second}");
    }
}
