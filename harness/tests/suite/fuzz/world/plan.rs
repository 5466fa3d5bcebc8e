//! Random plans: a scenario of one to three producers and consumers and one or two topics.

use std::fmt::Write as _;
use std::fs;

use harness::capability::Survival;
use harness::plan::Plan;

use super::Chance;

const PROMISES: &[(&str, &str)] = &[
    ("exactly-once", "per-topic"),
    ("exactly-once", "per-topic"),
    ("exactly-once", "per-topic"),
    ("at-least-once", "per-topic"),
    ("at-least-once", "per-topic"),
    ("at-least-once", "per-producer"),
    ("at-most-once", "per-topic"),
    ("exactly-once", "per-producer"),
    ("exactly-once", "none"),
];

/// Writes a scenario and its logs into a folder of its own, and plans it.
pub fn plan(chance: &mut Chance) -> Plan {
    let (producers, consumers) = (1 + chance.below(3), 1 + chance.below(3));
    let topics = 1 + chance.below(2);
    let together = chance.once_in(3);
    let (delivery, order) = chance.of(PROMISES).unwrap();
    // A fault explains some missing acks, which the naive judge does not know.
    let fault = if chance.once_in(3) { chance.of(&["kill", "stop"]) } else { None };
    let acked = if fault.is_some() || chance.once_in(2) { "any" } else { "all" };
    let acknowledge = if chance.once_in(4) { "automatic" } else { "offset" };
    let mut yaml = "topics:\n".to_owned();
    for topic in 1..=topics {
        // The second topic is for the first of each, so that plans are not all of one shape.
        let some = |count, letter| {
            let count = if topic == 1 { count } else { 1 };
            (1..=count).map(|n| format!("{letter}{n}")).collect::<Vec<_>>().join(" ")
        };
        writeln!(yaml, "  T{topic}: {} -> {}", some(producers, 'P'), some(consumers, 'C')).unwrap();
    }
    let start = if together { "together" } else { "consumers-first" };
    let in_flight = if chance.once_in(3) { 3 } else { 1 };
    let settings = format!("log: 'p{{id}}.txt', in_flight: {in_flight}");
    writeln!(yaml, "producers: {{ all: {{ {settings} }} }}\nstart: {start}").unwrap();
    writeln!(yaml, "consumers: {{ all: {{ acknowledge: {acknowledge} }} }}").unwrap();
    writeln!(yaml, "expect: {{ delivery: {delivery}, order: {order}, acked: {acked} }}").unwrap();
    if let Some(fault) = fault {
        writeln!(yaml, "faults: [{{ at: 1s, {fault}: broker, for: 100ms }}]").unwrap();
    }
    // Not the folder of the case before: to write over files takes some systems ten times as long.
    let folder = tempfile::tempdir().unwrap();
    for producer in 1..=producers {
        let mut log = String::new();
        for line in 1..=2 + chance.below(6) {
            let topic = if producer == 1 && line > 1 { 1 + chance.below(topics) } else { 1 };
            writeln!(log, "09:00:00 P{producer}_{line} P{producer}-{line} T{topic}").unwrap();
        }
        if producer == 1 && topics == 2 {
            log.push_str("09:00:00 last P1-9 T2\n");
        }
        fs::write(folder.path().join(format!("p{producer}.txt")), log).unwrap();
    }
    let file = folder.path().join("fuzz.yaml");
    fs::write(&file, yaml).unwrap();
    let mut scenario = harness::scenario::load(&file).unwrap_or_else(|error| panic!("{error}"));
    if !chance.once_in(3) {
        scenario.broker.survives = chance.of(&Survival::ALL);
    }
    Plan::new(scenario).unwrap_or_else(|error| panic!("{error}"))
}
