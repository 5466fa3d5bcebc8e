//! A case as files: the scenario's YAML and the producers' logs beside it.

use std::fmt::{Display, Write as _};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use humantime::format_duration;

use super::case::{Case, log_name};
use crate::input::names::{self, Kind};
use crate::producer_log::{self, LogLine};
use crate::scenario::{
    Acked, Acknowledge, CONSUMER_BATCH, DEADLINE, DEFAULT_DRIVER, DEFAULT_ON, Delivery, IDLE,
    Network, Order, Pace, Scenario, Start,
};

/// Writes the case into an existing folder and answers the scenario's file. `comment` comes first;
/// each of its lines is put behind a `#`.
pub fn write(case: &Case, folder: &Path, comment: &str) -> io::Result<PathBuf> {
    for (producer, lines) in case.scenario.producers.iter().zip(&case.lines) {
        let mut log = Vec::new();
        for line in lines {
            let burst = format!("P{}-{}", producer.number, line.round + 1);
            let Ok(number) = u32::try_from(line.round + 1) else { continue };
            let entry = LogLine {
                line: number,
                time: line.time,
                payload: line.payload.as_str().into(),
                burst: burst.into(),
                topic: line.topic.as_str().into(),
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
        let mut settings = Settings::default();
        settings.add("log", log_name(producer));
        settings.add_unless(&Pace::None, "pace", producer.pace);
        settings.add_unless(&1, "batch", producer.batch.get());
        settings.add_unless(&true, "retry", producer.retry);
        settings.add_unless(&1, "in_flight", producer.in_flight.get());
        settings.put(text, &format!("  P{}", producer.number));
    }
    let mut consumers = String::new();
    for consumer in &scenario.consumers {
        let mut settings = Settings::default();
        settings.add_unless(&CONSUMER_BATCH, "batch", consumer.batch);
        settings.add_time(Duration::ZERO, "pause", consumer.pause);
        settings.add_unless(&Acknowledge::Offset, "acknowledge", consumer.acknowledge);
        if let Some(count) = consumer.poll_after {
            settings.add("poll_after", format_args!("{count} acked"));
        }
        settings.put(&mut consumers, &format!("  C{}", consumer.number));
    }
    if !consumers.is_empty() {
        text.push_str("consumers:\n");
        text.push_str(&consumers);
    }
}

/// What a mapping says, one `key: value` after the other, beside its defaults.
#[derive(Default)]
struct Settings(Vec<String>);

impl Settings {
    fn add(&mut self, key: &str, value: impl Display) {
        self.0.push(format!("{key}: {value}"));
    }

    fn add_unless<T: Display + PartialEq>(&mut self, usual: &T, key: &str, value: T) {
        if value != *usual {
            self.add(key, value);
        }
    }

    fn add_time(&mut self, usual: Duration, key: &str, time: Duration) {
        if time != usual {
            self.add(key, format_duration(time));
        }
    }

    /// As a line of the whole, if there is anything to say.
    fn put(&self, text: &mut String, key: &str) {
        if !self.0.is_empty() {
            put(text, &format!("{key}: {{ {} }}", self.0.join(", ")));
        }
    }
}

fn settings(case: &Case, text: &mut String) {
    let Scenario { start, broker, expect, drain, network, .. } = &case.scenario;
    if *start != Start::ConsumersFirst {
        put(text, &format!("start: {start}"));
    }
    let mut settings = Settings::default();
    settings.add_unless(&DEFAULT_ON, "on", broker.on.as_str());
    settings.add_unless(&DEFAULT_DRIVER, "driver", broker.driver.as_str());
    settings.add_unless(&1, "count", broker.count());
    settings.add_unless(&false, "spread", broker.spread);
    settings.put(text, "broker");

    let mut settings = Settings::default();
    settings.add_unless(&Delivery::ExactlyOnce, "delivery", expect.delivery);
    settings.add_unless(&Order::PerTopic, "order", expect.order);
    settings.add_unless(&Acked::All, "acked", expect.acked);
    for (key, kinds) in [("anomalies", &expect.anomalies), ("allow", &expect.allow)] {
        let kinds: Vec<String> = kinds.iter().map(ToString::to_string).collect();
        settings.add_unless(&"[]".to_owned(), key, format!("[{}]", kinds.join(", ")));
    }
    settings.put(text, "expect");

    let mut settings = Settings::default();
    settings.add_time(IDLE, "idle", drain.idle);
    settings.add_time(DEADLINE, "deadline", drain.deadline);
    settings.put(text, "drain");

    let mut settings = Settings::default();
    for (key, value) in network.iter().flat_map(Network::settings) {
        settings.add(key, value);
    }
    settings.put(text, "network");
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
  P1: { generate: { messages: 7, size: 3, payloads: hostile }, pace: 10ms..20ms, batch: 2, retry: false, in_flight: 3 }
  P2: { generate: { messages: 4 }, pace: 20/s }
consumers:
  C1: { batch: 3, pause: 5ms, acknowledge: automatic, poll_after: 4 acked }
start: together
broker: { on: mysql, count: 2 }
expect: { delivery: at-least-once, order: per-producer, acked: any, anomalies: [lost, stale-ack], allow: [duplicate] }
drain: { idle: 2s, deadline: 1m 30s }
network: { latency: 2ms..30ms, lose_request: 1.5%, lose_response: 2% }
faults:
  - { at: 1s 20ms, kill: broker 2, for: 50ms }
  - { every: 90ms, from: 10ms, until: 500ms, cut: [P2, C1], for: 10ms }
  - { after: 3 acked by P1, drop_ack: P1, count: 2 }
  - { at: 0s, slow: any, latency: 20ms, jitter: 5ms, bandwidth: 64KiB/s }
  - { after: 7 delivered to C1, crash: C1, for: 30ms }
  - { at: 1s, power: storage, keep: some, directories: lazy, settled: false, fsync: 5ms, for: 30ms }
  - { at: 2s, disk_full: storage, for: 30ms }
  - { at: 3s, slow_disk: storage, fsync: 50ms, write: 5ms }
  - { at: 4s, fail_fsync: storage, count: 3, then: retry }
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
