//! The plan as tables for people: neighbours with equal lines share one.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::notes::notes;
use crate::capability::Capabilities;
use crate::driver;
use crate::input::names::{self, Kind};
use crate::plan::{
    ConsumerIndex, Plan, Producer, ProducerIndex, RunMark, Stream, StreamIndex, TAG_MAX, TopicIndex,
};
use crate::scenario::{
    self, Acknowledge, AnomalyKind, Broker, ORIGINAL_DRIVER, Payloads, Source, Threshold,
};

/// So many topics or producers are spelt out in a line; `--json` has all.
const SPELT_MAX: usize = 8;

/// The whole text.
pub(super) fn render(plan: &Plan) -> String {
    let scenario = &plan.scenario;
    let mut text = String::new();
    let description = scenario.description.as_deref().unwrap_or("no description");
    line(&mut text, format_args!("{}: {description}", scenario.name));
    let expect = &scenario.expect;
    let seconds = |time| humantime::format_duration(time);
    for (key, value) in [
        ("file", scenario.file.display().to_string()),
        ("seed", scenario.seed.to_string()),
        ("start", scenario.start.to_string()),
        ("broker", broker(&scenario.broker)),
        ("promises", promises(&scenario.broker)),
    ]
    .into_iter()
    .chain(original(plan))
    .chain([
        (
            "expect",
            format!(
                "delivery {}, order {}, acked {}{}{}{}",
                expect.delivery,
                expect.order,
                expect.acked,
                anomalies("anomalies", &expect.anomalies),
                anomalies("allow", &expect.allow),
                thresholds(&expect.thresholds)
            ),
        ),
        ("require", required(plan)),
        (
            "drain",
            format!(
                "idle {}, deadline {}",
                seconds(scenario.drain.idle),
                seconds(scenario.drain.deadline)
            ),
        ),
        ("golden", if scenario.golden { "golden" } else { "none" }.to_owned()),
    ]) {
        line(&mut text, format_args!("  {key:<8} {value}"));
    }
    if !scenario.warm_up.is_zero() {
        line(&mut text, format_args!("  warm_up  {}", seconds(scenario.warm_up)));
    }
    if let Some(network) = &scenario.network {
        line(&mut text, format_args!("  network  {network}, in a simulation only"));
    }
    if let Some(limit) = scenario.limit {
        line(&mut text, format_args!("  limit    {}", seconds(limit)));
    }
    if !scenario.tags.is_empty() {
        line(&mut text, format_args!("  tags     {}", scenario.tags.join(", ")));
    }
    text.push('\n');
    table(&mut text, &["topic", "messages", "from", "to", "ledger"], &topics(plan));
    table(
        &mut text,
        &["producer", "messages", "rounds", "requests", "pace", "batch", "source", "to"],
        &producers(plan),
    );
    table(&mut text, &["consumer", "due", "batch", "pause", "from"], &consumers(plan));
    if !scenario.faults.is_empty() {
        line(&mut text, format_args!("faults"));
        for fault in &scenario.faults {
            line(&mut text, format_args!("  {fault}"));
        }
        text.push('\n');
    }
    let (sent, delivered, connections) =
        (plan.sent_total(), plan.delivered_total(), plan.connections());
    line(
        &mut text,
        format_args!(
            "{sent} messages sent, {delivered} delivered, over at most {connections} connections"
        ),
    );
    for note in notes(plan) {
        line(&mut text, format_args!("note: {note}"));
    }
    text
}

fn anomalies(key: &str, kinds: &BTreeSet<AnomalyKind>) -> String {
    let words: Vec<String> = kinds.iter().map(ToString::to_string).collect();
    if words.is_empty() { String::new() } else { format!(", {key} {}", words.join(" ")) }
}

fn thresholds(thresholds: &[Threshold]) -> String {
    thresholds.iter().map(|own| format!(", {own} {}", own.limit())).collect()
}

fn broker(broker: &Broker) -> String {
    let several = match broker.count.get() {
        1 => String::new(),
        count if broker.spread => format!(", {count} brokers, spread"),
        count => format!(", {count} brokers"),
    };
    let cluster = broker.cluster.map(|nodes| format!(", a cluster of {nodes} databases"));
    format!("{}, driver {}{several}{}", broker.on, broker.driver, cluster.unwrap_or_default())
}

/// What matters on the original routes alone: how requests are written, and what tags look like.
fn original(plan: &Plan) -> Vec<(&'static str, String)> {
    let broker = &plan.scenario.broker;
    if broker.driver != ORIGINAL_DRIVER {
        return Vec::new();
    }
    let longest = plan.longest_tag();
    let tag = if plan.tags_have_run() {
        let longest = longest + RunMark::CHARACTERS;
        format!("up to {longest} characters, two of them the run's: `P4k3#17:`")
    } else if longest <= TAG_MAX {
        format!("up to {longest} characters, none of the run's, which would not fit: `P4#17:`")
    } else {
        format!(
            "{longest} characters, and at most {TAG_MAX} are possible: use lower producer numbers or fewer lines a producer"
        )
    };
    vec![("wire", broker.wire.to_string()), ("tag", tag)]
}

/// What the broker promises; only `expect` is judged.
fn promises(broker: &Broker) -> String {
    let row = driver::find(broker).expect("`main` has looked the driver up");
    let Capabilities { delivery, order, .. } = (row.capabilities)(broker);
    format!("delivery {delivery}, order {order}")
}

fn required(plan: &Plan) -> String {
    let conditions = plan.scenario.require.iter();
    let conditions: Vec<String> =
        conditions.map(|need| format!("{} >= {}", need.counter, need.at_least)).collect();
    if conditions.is_empty() { "nothing".to_owned() } else { conditions.join(", ") }
}

/// The cells of a line.
type Row = Vec<String>;

fn topics(plan: &Plan) -> Vec<Row> {
    let row = |(place, topic): (usize, &crate::plan::Topic)| {
        let index = TopicIndex::new(place);
        let to: Vec<u32> = topic
            .consumers
            .iter()
            .map(|consumer| plan.consumers[consumer.place()].number)
            .collect();
        let exact = plan.is_exact();
        vec![
            topic.name.to_string(),
            plan.topic_total(index).to_string(),
            from(plan, topic),
            names::list(Kind::Consumer, &to),
            if exact { "exact" } else { "open" }.to_owned(),
        ]
    };
    plan.topics.iter().enumerate().map(row).collect()
}

/// `P1 331, P2 497`, neighbours that send as many in one: `P1..P10 5 each`.
fn from(plan: &Plan, topic: &crate::plan::Topic) -> String {
    let streams: Vec<_> =
        topic.streams.iter().map(|stream| &plan.streams[stream.place()]).collect();
    let groups = streams.chunk_by(|a, b| a.count == b.count).map(|group| {
        let number = |stream: &&Stream| plan.producers[stream.producer.place()].number;
        let numbers: Vec<u32> = group.iter().map(number).collect();
        let each = if group.len() > 1 { " each" } else { "" };
        format!("{} {}{each}", names::list(Kind::Producer, &numbers), group[0].count)
    });
    shortened(&groups.collect::<Vec<_>>())
}

fn producers(plan: &Plan) -> Vec<Row> {
    let row = |(place, producer): (usize, &Producer)| {
        let settings = &plan.scenario.producers[place];
        let source = match &settings.source {
            Source::Log { file, .. } => file.display().to_string(),
            Source::Generate { size, payloads, .. } => {
                let bytes = if size.start() == size.end() {
                    format!("{} bytes", size.start())
                } else {
                    format!("{}..{} bytes", size.start(), size.end())
                };
                let kind = if *payloads == Payloads::Plain { "" } else { ", hostile" };
                format!("generated, {bytes}{kind}")
            }
        };
        let to = producer.streams.iter().map(|stream: &StreamIndex| {
            let stream = &plan.streams[stream.place()];
            format!("{} {}", plan.topics[stream.topic.place()].name, stream.count)
        });
        let cells = vec![
            plan.producer_total(ProducerIndex::new(place)).to_string(),
            producer.rounds.len().to_string(),
            producer.requests.len().to_string(),
            settings.pace.to_string(),
            sending(settings),
            source,
            shortened(&to.collect::<Vec<_>>()),
        ];
        (producer.number, cells)
    };
    joined(Kind::Producer, plan.producers.iter().enumerate().map(row))
}

fn consumers(plan: &Plan) -> Vec<Row> {
    let row = |(place, consumer): (usize, &crate::plan::Consumer)| {
        let (index, settings) = (ConsumerIndex::new(place), &plan.scenario.consumers[place]);
        let from = consumer.topics.iter().map(|topic| {
            format!("{} {}", plan.topics[topic.place()].name, plan.topic_total(*topic))
        });
        let pause = match settings.pause {
            pause if pause.is_zero() => "none".to_owned(),
            pause => humantime::format_duration(pause).to_string(),
        };
        let cells = vec![
            plan.consumer_total(index).to_string(),
            polling(settings),
            pause,
            shortened(&from.collect::<Vec<_>>()),
        ];
        (consumer.number, cells)
    };
    joined(Kind::Consumer, plan.consumers.iter().enumerate().map(row))
}

/// The size of a producer's requests, and what is unusual about how it sends them.
fn sending(producer: &scenario::Producer) -> String {
    let mut words = producer.batch.to_string();
    if producer.in_flight.get() > 1 {
        let _ = write!(words, ", {} in flight", producer.in_flight);
    }
    if !producer.retry {
        words.push_str(", no retry");
    }
    words
}

/// The size of a consumer's polls, and what is unusual about them.
fn polling(consumer: &scenario::Consumer) -> String {
    let mut words = consumer.batch.to_string();
    if consumer.acknowledge == Acknowledge::Automatic {
        words.push_str(", automatic");
    }
    if let Some(count) = consumer.poll_after {
        let _ = write!(words, ", after {count} acked");
    }
    words
}

/// Rows of actors with their names; neighbours whose other cells are equal share one.
fn joined(kind: Kind, rows: impl Iterator<Item = (u32, Row)>) -> Vec<Row> {
    let rows: Vec<(u32, Row)> = rows.collect();
    let share = |group: &[(u32, Row)]| {
        let numbers: Vec<u32> = group.iter().map(|(number, _)| *number).collect();
        let name = names::list(kind, &numbers);
        // In a shared line, what counts messages counts those of each.
        let name = if group.len() > 1 { format!("{name} each") } else { name };
        [vec![name], group[0].1.clone()].concat()
    };
    rows.chunk_by(|one, other| one.1 == other.1).map(share).collect()
}

fn shortened(parts: &[String]) -> String {
    let (spelt, rest) = parts.split_at(parts.len().min(SPELT_MAX));
    let mut text = spelt.join(", ");
    if !rest.is_empty() {
        let _ = write!(text, ", and {} more", rest.len());
    }
    text
}

/// Columns as wide as their widest cell, numbers to the right.
fn table(text: &mut String, head: &[&str], rows: &[Row]) {
    let mut lines: Vec<Row> = vec![head.iter().map(|word| (*word).to_owned()).collect()];
    lines.extend_from_slice(rows);
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max();
    let widths: Vec<usize> = (0..head.len()).map(|column| width(column).unwrap_or(0)).collect();
    for cells in &lines {
        let mut row = String::new();
        for (column, (cell, width)) in cells.iter().zip(&widths).enumerate() {
            let number = lines[1..].iter().all(|line| line[column].parse::<u64>().is_ok());
            let width = *width;
            let _ = if number {
                write!(row, "{cell:>width$}  ")
            } else {
                write!(row, "{cell:<width$}  ")
            };
        }
        line(text, format_args!("{}", row.trim_end()));
    }
    text.push('\n');
}

fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    let _ = writeln!(text, "{line}");
}
