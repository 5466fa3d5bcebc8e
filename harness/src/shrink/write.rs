//! A case as files: the scenario's YAML and the producers' logs beside it.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use humantime::format_duration;

use super::case::{Case, log_name};
use crate::input::names::{self, Kind};
use crate::producer_log::{self, LogLine};
use crate::scenario::{
    Acked, Acknowledge, AnomalyKind, Consumer, DEFAULT_DRIVER, Delivery, Network, Order, Pace,
    Producer, Start, Store,
};

/// What a scenario has where it says nothing.
const CONSUMER_BATCH: u32 = 100;
const IDLE: Duration = Duration::from_secs(5);
const DEADLINE: Duration = Duration::from_secs(60);

/// Writes the case into an existing folder and answers the scenario's file. `comment` comes first;
/// each of its lines is put behind a `#`.
///
/// # Errors
/// Those of the file system.
pub fn write(case: &Case, folder: &Path, comment: &str) -> io::Result<PathBuf> {
    for (producer, lines) in case.scenario.producers.iter().zip(&case.lines) {
        let mut log = Vec::new();
        for line in lines {
            let burst = format!("P{}-{}", producer.number, line.round + 1);
            let Ok(number) = u32::try_from(line.round + 1) else { continue };
            let entry = LogLine {
                line: number,
                time: line.time,
                payload: &line.payload,
                burst: &burst,
                topic: &line.topic,
            };
            producer_log::write(&mut log, &entry)?;
        }
        fs::write(folder.join(log_name(producer)), log)?;
    }
    let file = folder.join(format!("{}.yaml", case.scenario.name));
    fs::write(&file, yaml(case, comment))?;
    Ok(file)
}

/// The scenario's text.
pub fn yaml(case: &Case, comment: &str) -> String {
    let mut text = String::new();
    for line in comment.lines() {
        let line = format!("# {line}");
        text.push_str(line.trim_end());
        text.push('\n');
    }
    actors(case, &mut text);
    settings(case, &mut text);
    if !case.scenario.faults.is_empty() {
        text.push_str("faults:\n");
        for fault in &case.scenario.faults {
            put(&mut text, &format!("  - {fault}"));
        }
    }
    put(&mut text, &format!("golden: none\nseed: {}", case.seed));
    text
}

fn actors(case: &Case, text: &mut String) {
    let scenario = &case.scenario;
    text.push_str("topics:\n");
    for topic in &scenario.topics {
        let [producers, consumers] =
            [(Kind::Producer, &topic.producers), (Kind::Consumer, &topic.consumers)]
                .map(|(kind, numbers)| names::list(kind, numbers).replace(',', ""));
        put(text, &format!("  {}: {producers} -> {consumers}", key(topic.name.as_str())));
    }
    text.push_str("producers:\n");
    for producer in &scenario.producers {
        put(text, &format!("  P{}: {{ {} }}", producer.number, producer_settings(producer)));
    }
    let mut consumers = String::new();
    for consumer in &scenario.consumers {
        let settings = consumer_settings(consumer);
        if !settings.is_empty() {
            put(&mut consumers, &format!("  C{}: {{ {settings} }}", consumer.number));
        }
    }
    if !consumers.is_empty() {
        text.push_str("consumers:\n");
        text.push_str(&consumers);
    }
}

fn producer_settings(producer: &Producer) -> String {
    let mut settings = vec![format!("log: {}", log_name(producer))];
    if producer.pace != Pace::None {
        settings.push(format!("pace: {}", producer.pace));
    }
    if producer.batch.get() > 1 {
        settings.push(format!("batch: {}", producer.batch));
    }
    if !producer.retry {
        settings.push("retry: false".to_owned());
    }
    settings.join(", ")
}

fn consumer_settings(consumer: &Consumer) -> String {
    let mut settings = Vec::new();
    if consumer.batch.get() != CONSUMER_BATCH {
        settings.push(format!("batch: {}", consumer.batch));
    }
    if !consumer.pause.is_zero() {
        settings.push(format!("pause: {}", format_duration(consumer.pause)));
    }
    if consumer.acknowledge != Acknowledge::Offset {
        settings.push(format!("acknowledge: {}", consumer.acknowledge));
    }
    settings.join(", ")
}

fn settings(case: &Case, text: &mut String) {
    let scenario = &case.scenario;
    if scenario.start != Start::ConsumersFirst {
        put(text, &format!("start: {}", scenario.start));
    }
    let mut broker = Vec::new();
    if scenario.broker.store != Store::Memory {
        broker.push(format!("store: {}", scenario.broker.store));
    }
    if scenario.broker.driver != DEFAULT_DRIVER {
        broker.push(format!("driver: {}", scenario.broker.driver));
    }
    if scenario.broker.count() > 1 {
        broker.push(format!("count: {}", scenario.broker.count()));
    }
    table(text, "broker", &broker);
    table(text, "expect", &expect(case));
    let mut drain = Vec::new();
    if scenario.drain.idle != IDLE {
        drain.push(format!("idle: {}", format_duration(scenario.drain.idle)));
    }
    if scenario.drain.deadline != DEADLINE {
        drain.push(format!("deadline: {}", format_duration(scenario.drain.deadline)));
    }
    table(text, "drain", &drain);
    if let Some(network) = scenario.network {
        table(text, "network", &network_settings(network));
    }
}

fn expect(case: &Case) -> Vec<String> {
    let expect = &case.scenario.expect;
    let mut settings = Vec::new();
    if expect.delivery != Delivery::ExactlyOnce {
        settings.push(format!("delivery: {}", expect.delivery));
    }
    if expect.order != Order::PerTopic {
        settings.push(format!("order: {}", expect.order));
    }
    if expect.acked != Acked::All {
        settings.push(format!("acked: {}", expect.acked));
    }
    let expected: Vec<String> = AnomalyKind::ALL
        .iter()
        .filter(|kind| expect.anomalies.contains(**kind))
        .map(ToString::to_string)
        .collect();
    if !expected.is_empty() {
        settings.push(format!("anomalies: [{}]", expected.join(", ")));
    }
    settings
}

fn network_settings(network: Network) -> Vec<String> {
    let [min, max] = [network.latency_min, network.latency_max].map(format_duration);
    let mut settings = vec![format!("latency: {min}..{max}")];
    for (key, share) in
        [("lose_request", network.lose_request), ("lose_response", network.lose_response)]
    {
        if share > 0.0 {
            settings.push(format!("{key}: {}%", share * 100.0));
        }
    }
    settings
}

fn table(text: &mut String, key: &str, settings: &[String]) {
    if !settings.is_empty() {
        put(text, &format!("{key}: {{ {} }}", settings.join(", ")));
    }
}

fn put(text: &mut String, line: &str) {
    let _ = writeln!(text, "{line}");
}

/// A topic's name as a key: in quotes where YAML might take it for something else.
fn key(name: &str) -> String {
    let is_word = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.ends_with(|c: char| c.is_ascii_digit());
    if is_word { name.to_owned() } else { format!("{name:?}") }
}

#[cfg(test)]
mod tests {
    use super::{Case, write, yaml};
    use crate::fixture;
    use crate::plan::Plan;
    use crate::scenario;

    /// Every key that a scenario can have and a case keeps.
    const ALL: &str = "
topics: { T1: P1 P2 -> C1 C2, '7': P1 -> C2 }
producers:
  P1: { generate: { messages: 7, size: 3 }, pace: 10ms..20ms, batch: 2, retry: false }
  P2: { generate: { messages: 4 }, pace: 20/s }
consumers:
  C1: { batch: 3, pause: 5ms, acknowledge: automatic }
start: together
broker: { store: mysql, count: 2 }
expect: { delivery: at-least-once, order: per-producer, acked: any, anomalies: [lost, stale-ack] }
drain: { idle: 2s, deadline: 1m 30s }
network: { latency: 2ms..30ms, lose_request: 1.5%, lose_response: 2% }
faults:
  - { at: 1s 20ms, kill: broker 2, for: 50ms }
  - { every: 90ms, from: 10ms, until: 500ms, cut: [P2, C1], for: 10ms }
  - { after: 3 acked by P1, drop_ack: P1, count: 2 }
  - { at: 0s, slow: any, latency: 20ms, jitter: 5ms, bandwidth: 64KiB/s }
  - { after: 7 delivered to C1, crash: C1, for: 30ms }
golden: none
seed: 9
";

    #[test]
    fn what_is_written_loads_as_the_same_case() {
        let (_folder, plan) = fixture::plan(ALL, &[]);
        let case = Case::new(&plan);
        let folder = tempfile::tempdir().unwrap();
        let file = write(&case, folder.path(), "two\nlines").unwrap();
        let loaded = scenario::load(&file).unwrap_or_else(|error| panic!("{error}"));
        let again = Case::new(&Plan::new(loaded).unwrap());
        assert_eq!(yaml(&case, ""), yaml(&again, ""));
        assert_eq!(case.lines, again.lines);
        let (one, other) = (&case.scenario, &again.scenario);
        assert_eq!((&one.topics, &one.consumers), (&other.topics, &other.consumers));
        assert_eq!((&one.expect, &one.drain), (&other.expect, &other.drain));
        assert_eq!((one.network, one.start, one.seed), (other.network, other.start, other.seed));
        let said = |scenario: &scenario::Scenario| {
            scenario.faults.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(said(one), said(other));
    }
}
