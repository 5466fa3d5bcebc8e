//! What was promised, held against what is in the logs.

use std::collections::{BTreeMap, BTreeSet};

use broker_client::Client;

use super::load::{Got, Numbered, Outcome, Seen, lag, poll};

/// What a round came to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) acked: usize,
    pub(crate) refused: usize,
    /// Attempts with an unknown outcome.
    pub(crate) unknown: u64,
    /// Messages with an unknown outcome that are there.
    pub(crate) unknown_there: usize,
    /// In the logs.
    pub(crate) messages: usize,
    /// Handed out to consumers during the round.
    pub(crate) handed: usize,
}

/// Reads all logs and checks: offsets without gaps, every acknowledged message once and where it
/// was said to be, none twice, none that was refused, each producer's in order, and everything
/// that consumers were handed. Panics with the proof.
pub(crate) async fn audit(at: &Client, seen: &Seen, numbered: Numbered) -> Counts {
    let mut counts = Counts { unknown: seen.unknown, ..Counts::default() };
    for (topic, auditor) in &seen.auditors {
        let log = read(at, topic, *auditor).await;
        let places = places(topic, &log, numbered);
        check_sent(topic, &places, seen, &mut counts);
        counts.messages += log.len();
        for (_, handed) in seen.handed.iter().filter(|(of, _)| of == topic) {
            check_handed(topic, &log, handed);
            counts.handed += handed.len();
        }
    }
    if numbered == Numbered::Yes {
        assert_eq!(counts.messages, counts.acked, "each exactly once");
    }
    counts
}

/// The whole log of a topic.
async fn read(at: &Client, topic: &str, auditor: i64) -> Vec<Got> {
    let mut log: Vec<Got> = Vec::new();
    loop {
        let next = u64::try_from(log.len()).unwrap();
        let got = poll(at, topic, auditor, next, 0).await.unwrap();
        if got.is_empty() {
            assert_eq!(lag(at, topic, auditor).await, 0, "{topic}: nothing follows {next}");
            return log;
        }
        for (offset, got) in (next..).zip(got) {
            assert_eq!(got.offset, offset, "{topic}: offsets without gaps");
            log.push(got);
        }
    }
}

/// Where each payload is; none may be there twice, or before one that its producer sent earlier.
fn places<'l>(topic: &str, log: &'l [Got], numbered: Numbered) -> BTreeMap<&'l str, u64> {
    let mut places = BTreeMap::new();
    let mut last: BTreeMap<&str, u64> = BTreeMap::new();
    for got in log {
        let earlier = places.insert(got.payload.as_str(), got.offset);
        assert_eq!(
            earlier, None,
            "{topic}: {} is there twice, again at {}",
            got.payload, got.offset
        );
        let (producer, number) = got.payload.split_once('#').unwrap();
        let number = number.parse().unwrap();
        if let Some(before) = last.insert(producer, number) {
            assert!(before < number, "{topic}: {} comes after {before}", got.payload);
        }
        let expected = (numbered == Numbered::Yes).then_some(number);
        assert_eq!(got.sequence, expected, "{topic}: {}", got.payload);
    }
    places
}

fn check_sent(topic: &str, places: &BTreeMap<&str, u64>, seen: &Seen, counts: &mut Counts) {
    let mut known = BTreeSet::new();
    for sent in seen.sent.iter().filter(|sent| sent.topic == topic) {
        let (payload, there) = (sent.payload.as_str(), places.get(sent.payload.as_str()));
        known.insert(payload);
        match &sent.outcome {
            Outcome::Acked(offset) => {
                assert_eq!(there, Some(offset), "{topic}: {payload} was acknowledged at {offset}");
                counts.acked += 1;
            }
            Outcome::Refused(why) => {
                assert_eq!(there, None, "{topic}: {payload} was refused: {why}");
                counts.refused += 1;
            }
            Outcome::Unknown(_) => counts.unknown_there += usize::from(there.is_some()),
        }
    }
    let strange = places.keys().find(|payload| !known.contains(*payload));
    assert_eq!(strange, None, "{topic}: nobody sent it");
}

fn check_handed(topic: &str, log: &[Got], handed: &[Got]) {
    for got in handed {
        let there = usize::try_from(got.offset).ok().and_then(|place| log.get(place));
        assert_eq!(there, Some(got), "{topic}: a consumer was handed it");
    }
    assert_eq!(handed.len(), log.len(), "{topic}: its consumer got everything");
}
