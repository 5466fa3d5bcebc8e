//! From the file as it is written to a [`Scenario`]: every value read, every default filled in,
//! every name looked up; and whatever is wrong with any of it, all at once.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use super::anomaly::AnomalyKind;
use super::file::is_stdin;
use super::model::{
    Acked, CONSUMER_BATCH, Consumer, Counter, DEADLINE, Delivery, Drain, Expect, IDLE, Order, Pace,
    Producer, Requirement, Scenario, Source as Messages, Start,
};
use super::network::Network;
use super::objection::{Brokers, Objection, Setting, objections};

use super::read_broker::read_broker;
use super::read_thresholds::read_thresholds;
use super::settings::Settings;
use super::topics::{self, Mapped};
use super::{raw, sources, words};
use crate::fault::{self, Effect, StorageFault};
use crate::input::diagnostic::{Diagnostic, Error, Source, hint};
use crate::input::names::{self, Kind};
use crate::input::problems::Problems;
use crate::input::value_list::ValueList;
use crate::input::values;
use crate::input::yaml::{At, Field};

/// The most messages that a batch or a poll may be asked to hold; brokers have limits below it.
const BATCH_MAX: u32 = 1_000_000;

/// The most requests of one topic that a producer has under way; each may take a connection.
const IN_FLIGHT_MAX: u32 = 1_000;

/// The longest tag.
const TAG_MAX: usize = 50;

/// Checks everything that one file can be wrong in.
///
/// # Errors
/// All that is wrong, in the file's order.
pub(super) fn resolve(
    file: &Path,
    source: &Arc<Source>,
    raw: &raw::Scenario,
) -> Result<Scenario, Error> {
    let mut problems = Problems::new(source);
    let name = name(&mut problems, file, raw);
    let mapped = topics::mapped(&mut problems, raw);
    let faults = fault::read(&mut problems, &raw.faults, mapped.known());
    let Mapped { topics, producers, consumers } = mapped;
    let producers = producers_of(&mut problems, file, raw, &producers);
    let consumers = consumers_of(&mut problems, raw, &consumers);
    let has_faults = raw.faults.value().is_some_and(|faults| !faults.is_empty());
    let scenario = Scenario {
        file: file.to_owned(),
        name,
        description: raw.description.value().cloned(),
        topics,
        producers,
        consumers,
        start: problems.read(&raw.start, words::word).unwrap_or(Start::ConsumersFirst),
        broker: read_broker(&mut problems, file, raw.broker.value()),
        expect: expect(&mut problems, raw.expect.value(), has_faults),
        require: require(&mut problems, raw, &faults),
        faults,
        network: raw.network.value().map(|raw| network(&mut problems, raw)),
        warm_up: problems.read(&raw.warm_up, values::time).unwrap_or_default(),
        drain: drain(&mut problems, &raw.drain),
        golden: problems.read(&raw.golden, golden).unwrap_or(true),
        heavy: problems.read(&raw.heavy, values::truth).unwrap_or(false),
        limit: problems.read(&raw.limit, values::positive_time),
        tags: tags(&mut problems, &raw.tags),
        seed: problems.read(&raw.seed, |text| values::count(text, 0..=u64::MAX)).unwrap_or(1),
    };
    problems.diagnostics.extend(impossible(source, raw, &scenario));
    // Found section by section; people read a file from the top.
    problems.diagnostics.sort_by_key(Diagnostic::offset);
    Error::unless_empty(problems.diagnostics)?;
    Ok(scenario)
}

/// It names a folder and a file, so it is kept to what every file system takes.
fn name(problems: &mut Problems<'_>, file: &Path, raw: &raw::Scenario) -> String {
    const RULE: &str = "letters, digits, `-`, `_` and `.`, at most 100, and no `.` or `-` in front";
    let good = |name: &str| {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        !name.is_empty()
            && name.len() <= 100
            && name.chars().all(allowed)
            && !name.starts_with(['.', '-'])
    };
    if let Some(at) = &raw.name.0 {
        if !good(&at.value) {
            let title = format!("`{}` cannot name a scenario", at.value);
            problems.add(at.span.clone(), Diagnostic::new(title).label(RULE));
        }
        return at.value.clone();
    }
    if is_stdin(file) {
        return "stdin".to_owned();
    }
    let stem = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    if !good(&stem) {
        let title = format!("the file's name, `{stem}`, cannot name a scenario");
        problems.add(0..0, Diagnostic::new(title).label("write `name:` here").help(RULE));
    }
    stem
}

fn producers_of(
    problems: &mut Problems<'_>,
    file: &Path,
    raw: &raw::Scenario,
    mapped: &[u32],
) -> Vec<Producer> {
    let settings = Settings::new(problems, Kind::Producer, &raw.producers, mapped);
    let mut sources = sources::Sources::new(file, raw, settings.all);
    // By place of a recorded pace: the producers without a record.
    let mut unrecorded: BTreeMap<usize, (Range<usize>, Vec<u32>)> = BTreeMap::new();
    let mut producers = Vec::with_capacity(mapped.len());
    for &number in mapped {
        let own = settings.own.get(&number).copied();
        let format = settings.field(number, |producer| &producer.format);
        let source = sources.of(problems, number, own, format);
        let pace_field = settings.field(number, |producer| &producer.pace);
        let pace = problems.read(pace_field, words::pace).unwrap_or(Pace::None);
        if let (Pace::Recorded { .. }, Some(Messages::Generate { .. }), Some(at)) =
            (pace, &source, &pace_field.0)
        {
            unrecorded.entry(at.span.start).or_insert((at.span.clone(), Vec::new())).1.push(number);
        }
        let batch_field = settings.field(number, |producer| &producer.batch);
        let batch = problems.read(batch_field, batch_size).unwrap_or(NonZeroU32::MIN);
        let retry_field = settings.field(number, |producer| &producer.retry);
        let retry = problems.read(retry_field, values::truth).unwrap_or(true);
        let in_flight_field = settings.field(number, |producer| &producer.in_flight);
        let in_flight = problems.read(in_flight_field, in_flight).unwrap_or(NonZeroU32::MIN);
        let in_flight_spot = problems.spot(in_flight_field);
        producers.extend(source.map(|source| Producer {
            number,
            source,
            pace,
            batch,
            retry,
            in_flight,
            in_flight_spot,
        }));
    }
    sources.finish(problems, settings.is_partial);
    for (span, numbers) in unrecorded.into_values() {
        let who = names::list(Kind::Producer, &numbers);
        let title = if numbers.len() == 1 {
            format!("{who} generates its messages and has no recorded pace")
        } else {
            format!("{who} generate their messages and have no recorded pace")
        };
        let label = "made-up messages have no time stamps";
        problems.add(span, Diagnostic::new(title).label(label));
    }
    producers
}

fn consumers_of(problems: &mut Problems<'_>, raw: &raw::Scenario, mapped: &[u32]) -> Vec<Consumer> {
    let settings = Settings::new(problems, Kind::Consumer, &raw.consumers, mapped);
    let consumer = |&number: &u32| {
        let batch = settings.field(number, |consumer| &consumer.batch);
        let pause = settings.field(number, |consumer| &consumer.pause);
        let acknowledge = settings.field(number, |consumer| &consumer.acknowledge);
        let poll_after = settings.field(number, |consumer| &consumer.poll_after);
        Consumer {
            number,
            batch: problems.read(batch, batch_size).unwrap_or(CONSUMER_BATCH),
            pause: problems.read(pause, values::time).unwrap_or_default(),
            acknowledge: problems.read(acknowledge, words::word).unwrap_or_default(),
            poll_after: problems.read(poll_after, words::poll_after),
        }
    };
    mapped.iter().map(consumer).collect()
}

fn batch_size(text: &str) -> Result<NonZeroU32, Diagnostic> {
    let count = values::count(text, 1..=BATCH_MAX)?;
    Ok(NonZeroU32::new(count).expect("the limits begin at 1"))
}

fn in_flight(text: &str) -> Result<NonZeroU32, Diagnostic> {
    let count = values::count(text, 1..=IN_FLIGHT_MAX)?;
    Ok(NonZeroU32::new(count).expect("the limits begin at 1"))
}

fn golden(text: &str) -> Result<bool, Diagnostic> {
    match text {
        "golden" => Ok(true),
        "none" => Ok(false),
        _ => Err(Diagnostic::new(format!("unknown value `{text}`"))
            .label(hint(text, ["golden", "none"]))),
    }
}

fn expect(problems: &mut Problems<'_>, raw: Option<&raw::Expect>, has_faults: bool) -> Expect {
    let default = raw::Expect::default();
    let raw = raw.unwrap_or(&default);
    Expect {
        delivery: problems.read(&raw.delivery, words::word).unwrap_or(Delivery::ExactlyOnce),
        order: problems.read(&raw.order, words::word).unwrap_or(Order::PerTopic),
        acked: problems.read(&raw.acked, words::word).unwrap_or(Acked::All),
        anomalies: anomalies(problems, &raw.anomalies, "expected"),
        allow: anomalies(problems, &raw.allow, "allowed"),
        thresholds: read_thresholds(problems, raw, has_faults),
    }
}

fn anomalies(
    problems: &mut Problems<'_>,
    list: &Field<ValueList>,
    done: &str,
) -> BTreeSet<AnomalyKind> {
    let mut anomalies = BTreeSet::new();
    for at in list.values(problems) {
        let anomaly = problems.keep(at.span.clone(), words::word(&at.value));
        if anomaly.is_some_and(|anomaly| !anomalies.insert(anomaly)) {
            let title = format!("`{}` is {done} twice", at.value);
            let label = "named before in this list";
            problems.add(at.span.clone(), Diagnostic::new(title).label(label));
        }
    }
    anomalies
}

/// They stand on command lines behind `tag:`, so they are kept to what needs no quoting there.
fn tags(problems: &mut Problems<'_>, list: &Field<ValueList>) -> Vec<String> {
    const RULE: &str = "letters, digits, `-`, `_` and `.`, at most 50, and no `.` or `-` in front";
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let is_good = |tag: &str| {
        let has_length = (1..=TAG_MAX).contains(&tag.len());
        has_length && tag.chars().all(allowed) && !tag.starts_with(['.', '-'])
    };
    let mut tags: Vec<String> = Vec::new();
    for At { value, span } in list.values(problems) {
        if !is_good(&value) {
            problems.add(span, Diagnostic::new(format!("`{value}` cannot be a tag")).label(RULE));
        } else if tags.contains(&value) {
            let title = format!("`{value}` is a tag twice");
            problems.add(span, Diagnostic::new(title).label("named before in this list"));
        } else {
            tags.push(value);
        }
    }
    tags
}

fn network(problems: &mut Problems<'_>, raw: &raw::Network) -> Network {
    let default = Network::default();
    let usual = (default.latency_min, default.latency_max);
    let (latency_min, latency_max) = problems.read(&raw.latency, values::times).unwrap_or(usual);
    Network {
        latency_min,
        latency_max,
        lose_request: problems.read(&raw.lose_request, values::share).unwrap_or(0.0),
        lose_response: problems.read(&raw.lose_response, values::share).unwrap_or(0.0),
    }
}

/// The faults that cannot be carried out on the broker that the scenario is for. One that does not
/// hold for its store is skipped anyway.
fn impossible(source: &Arc<Source>, raw: &raw::Scenario, scenario: &Scenario) -> Vec<Diagnostic> {
    let entries = raw.faults.value().map_or(&[][..], Vec::as_slice);
    let line_of = |at: &At<fault::Written>| source.line_and_column(at.span.start).0;
    let brokers = Brokers::Started(None);
    let setting = Setting { brokers, capabilities: None, disk: None };
    let found = objections(scenario, &setting).into_iter().filter_map(|objection| {
        let Objection::Fault(place, why) = objection else { return None };
        let fault = &scenario.faults[place];
        let entry = entries.iter().find(|at| line_of(at) == fault.line);
        let span = entry.map_or(0..0, |at| at.span.clone());
        let title = format!("`{}` cannot be carried out", fault.action);
        Some(Diagnostic::new(title).label(why).at(source, span))
    });
    found.collect()
}

fn require(
    problems: &mut Problems<'_>,
    raw: &raw::Scenario,
    faults: &[fault::Fault],
) -> Vec<Requirement> {
    let conditions = raw.require.values(problems);
    let asked = raw.faults.value().map_or(0, Vec::len);
    let is_power =
        |own: &fault::Fault| matches!(own.action.effect, Effect::Storage(StorageFault::Power(_)));
    // What could not be read may have been one.
    let has_power = faults.iter().any(is_power) || faults.len() < asked;
    let mut required = Vec::with_capacity(conditions.len());
    for at in conditions {
        let read = problems.keep(at.span.clone(), words::requirement(&at.value));
        let lacking = match read.as_ref().map(|own| own.counter) {
            Some(Counter::Backlog) if asked == 0 => Some((
                "a backlog is what a fault meets, and the scenario has no faults",
                "add `faults:`, or leave this out",
            )),
            Some(Counter::Forgotten) if !has_power => Some((
                "what is forgotten is what a power cut forgets, and the scenario has none",
                "add a fault with `power: storage`, or leave this out",
            )),
            _ => None,
        };
        if let Some((title, label)) = lacking {
            problems.add(at.span.clone(), Diagnostic::new(title).label(label));
        }
        required.extend(read);
    }
    required
}

fn drain(problems: &mut Problems<'_>, field: &Field<raw::Drain>) -> Drain {
    let default = raw::Drain::default();
    let raw = field.value().unwrap_or(&default);
    let given = problems.read(&raw.idle, values::positive_time);
    let deadline = problems.read(&raw.deadline, values::positive_time).unwrap_or(DEADLINE);
    let idle = given.unwrap_or(IDLE.min(deadline));
    if let (true, Some(at)) = (idle > deadline, raw.idle.0.as_ref()) {
        let title = "the drain's idle time is longer than its deadline";
        let label = format!("the deadline is {}", humantime::format_duration(deadline));
        problems.add(at.span.clone(), Diagnostic::new(title).label(label));
    }
    Drain { idle, deadline }
}
