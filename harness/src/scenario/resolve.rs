//! From the file as it is written to a [`Scenario`]: every value read, every default filled in,
//! every name looked up; and whatever is wrong with any of it, all at once.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::diagnostic::{Diagnostic, Error, Source, Spot, hint};
use super::names::{self, Kind};
use super::settings::{Once, Settings};
use super::topics::{self, Mapped};
use super::yaml::{At, Field};
use super::{
    Acked, Anomalies, Broker, Consumer, DEFAULT_DRIVER, Delivery, Drain, Expect, Fault, Network,
    Order, Pace, Producer, Requirement, Scenario, Source as Messages, Start, Store, faults, raw,
    sources, values,
};

/// The most messages that a batch or a poll may be asked to hold; brokers have limits below it.
const BATCH_MAX: u32 = 1_000_000;

/// The most brokers that are started; each has threads and connections of its own.
const BROKERS_MAX: u32 = 64;

/// Collects what is wrong, with places in one file.
pub(super) struct Report<'a> {
    pub(super) source: &'a Arc<Source>,
    pub(super) diagnostics: Vec<Diagnostic>,
}

impl Report<'_> {
    /// Notes one thing at its place.
    pub(super) fn add(&mut self, span: Range<usize>, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic.at(self.source, span));
    }

    /// Reads a value that may be left out; one that is wrong is noted, and then counts as left out.
    pub(super) fn read<T>(
        &mut self,
        field: &Field<String>,
        parse: impl FnOnce(&str) -> Result<T, Diagnostic>,
    ) -> Option<T> {
        let at = field.0.as_ref()?;
        self.keep(at.span.clone(), parse(&at.value))
    }

    /// Where a value stands; nowhere if it is left out.
    pub(super) fn spot<T>(&self, field: &Field<T>) -> Spot {
        let span = field.0.as_ref().map(|at| at.span.clone());
        span.map_or_else(Spot::default, |span| Spot::new(self.source, span))
    }

    /// Takes a value, or notes why there is none.
    pub(super) fn keep<T>(
        &mut self,
        span: Range<usize>,
        result: Result<T, Diagnostic>,
    ) -> Option<T> {
        result.map_err(|diagnostic| self.add(span, diagnostic)).ok()
    }

    /// Where a word of a value stands; the whole value where quoting has changed its text.
    pub(super) fn word_span(&self, at: &At<String>, word: &str) -> Range<usize> {
        let offset = word.as_ptr() as usize - at.value.as_ptr() as usize;
        match self.source.text().get(at.span.clone()).and_then(|text| text.find(&*at.value)) {
            Some(start) => {
                let start = at.span.start + start + offset;
                start..start + word.len()
            }
            None => at.span.clone(),
        }
    }
}

/// Checks everything that one file can be wrong in.
///
/// # Errors
/// All that is wrong, in the file's order.
pub(super) fn resolve(
    file: &Path,
    source: &Arc<Source>,
    raw: &raw::Scenario,
) -> Result<Scenario, Error> {
    let mut report = Report { source, diagnostics: Vec::new() };
    let name = name(&mut report, file, raw);
    let mapped = topics::mapped(&mut report, raw);
    let faults = faults::faults(&mut report, &raw.faults, &mapped);
    let Mapped { topics, producers, consumers } = mapped;
    let producers = producers_of(&mut report, file, raw, &producers);
    let consumers = consumers_of(&mut report, raw, &consumers);
    let scenario = Scenario {
        file: file.to_owned(),
        name,
        description: raw.description.value().cloned(),
        topics,
        producers,
        consumers,
        start: report.read(&raw.start, values::word).unwrap_or(Start::ConsumersFirst),
        broker: broker(&mut report, raw.broker.value()),
        expect: expect(&mut report, raw.expect.value()),
        require: require(&mut report, raw),
        faults,
        network: raw.network.value().map(|raw| network(&mut report, raw)),
        drain: drain(&mut report, &raw.drain),
        golden: report.read(&raw.golden, golden).unwrap_or(true),
        seed: report.read(&raw.seed, |text| values::count(text, 0..=u64::MAX)).unwrap_or(1),
    };
    report.diagnostics.extend(impossible(source, raw, &scenario));
    // Found section by section; people read a file from the top.
    report.diagnostics.sort_by_key(Diagnostic::offset);
    Error::unless_empty(report.diagnostics)?;
    Ok(scenario)
}

/// It names a folder and a file, so it is kept to what every file system takes.
fn name(report: &mut Report<'_>, file: &Path, raw: &raw::Scenario) -> String {
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
            report.add(at.span.clone(), Diagnostic::new(title).label(RULE));
        }
        return at.value.clone();
    }
    let stem = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    if !good(&stem) {
        let title = format!("the file's name, `{stem}`, cannot name a scenario");
        report.add(0..0, Diagnostic::new(title).label("write `name:` here").help(RULE));
    }
    stem
}

fn producers_of(
    report: &mut Report<'_>,
    file: &Path,
    raw: &raw::Scenario,
    mapped: &[u32],
) -> Vec<Producer> {
    let settings = Settings::new(report, Kind::Producer, &raw.producers, mapped);
    let mut sources = sources::Sources::new(file, raw, settings.all);
    // A setting of `all` is read once: what is wrong with it is said once.
    let mut paces = Once::default();
    // By place of a recorded pace: who has no record.
    let mut unrecorded: BTreeMap<usize, (Range<usize>, Vec<u32>)> = BTreeMap::new();
    let mut batches = Once::default();
    let mut retries = Once::<bool>::default();
    let mut producers = Vec::with_capacity(mapped.len());
    for &number in mapped {
        let own = settings.own.get(&number).copied();
        let source = sources.of(report, number, own);
        let pace_field = settings.field(number, |producer| &producer.pace);
        let pace = paces.read(report, pace_field, values::pace).unwrap_or(Pace::None);
        if let (Pace::Recorded { .. }, Some(Messages::Generate { .. }), Some(at)) =
            (pace, &source, &pace_field.0)
        {
            unrecorded.entry(at.span.start).or_insert((at.span.clone(), Vec::new())).1.push(number);
        }
        let batch_field = settings.field(number, |producer| &producer.batch);
        let batch = batches.read(report, batch_field, batch_size).unwrap_or(NonZeroU32::MIN);
        let retry_field = settings.field(number, |producer| &producer.retry);
        let retry = retries.read(report, retry_field, values::truth).unwrap_or(true);
        producers.extend(source.map(|source| Producer { number, source, pace, batch, retry }));
    }
    sources.finish(report);
    for (span, numbers) in unrecorded.into_values() {
        let who = names::list(Kind::Producer, &numbers);
        let title = if numbers.len() == 1 {
            format!("{who} generates its messages and has no recorded pace")
        } else {
            format!("{who} generate their messages and have no recorded pace")
        };
        let label = "made-up messages have no time stamps";
        report.add(span, Diagnostic::new(title).label(label));
    }
    producers
}

fn consumers_of(report: &mut Report<'_>, raw: &raw::Scenario, mapped: &[u32]) -> Vec<Consumer> {
    const BATCH: NonZeroU32 = NonZeroU32::new(100).expect("100 is not 0");
    let settings = Settings::new(report, Kind::Consumer, &raw.consumers, mapped);
    let mut batches = Once::default();
    let mut pauses = Once::default();
    let mut acknowledged = Once::default();
    let consumer = |&number: &u32| {
        let batch = settings.field(number, |consumer| &consumer.batch);
        let pause = settings.field(number, |consumer| &consumer.pause);
        let acknowledge = settings.field(number, |consumer| &consumer.acknowledge);
        Consumer {
            number,
            batch: batches.read(report, batch, batch_size).unwrap_or(BATCH),
            pause: pauses.read(report, pause, values::time).unwrap_or_default(),
            acknowledge: acknowledged.read(report, acknowledge, values::word).unwrap_or_default(),
        }
    };
    mapped.iter().map(consumer).collect()
}

fn batch_size(text: &str) -> Result<NonZeroU32, Diagnostic> {
    let count = values::count(text, 1..=BATCH_MAX)?;
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

fn broker(report: &mut Report<'_>, raw: Option<&raw::Broker>) -> Broker {
    let default = raw::Broker::default();
    let raw = raw.unwrap_or(&default);
    let mut stores = Vec::new();
    for raw::Condition(at) in raw.stores.value().map_or(&[][..], Vec::as_slice) {
        stores.extend(report.keep(at.span.clone(), store(&at.value)));
    }
    // A store that is wrong is said once, and says nothing of what it shares.
    let given = report.read(&raw.store, store);
    let known = given.is_some() || raw.store.0.is_none();
    let store = given.unwrap_or(Store::Memory);
    // Where it does not hold it never runs, and so shares nothing either.
    let runs = stores.is_empty() || stores.contains(&store);
    let count = report.read(&raw.count, |text| {
        let count = values::count(text, 1..=BROKERS_MAX)?;
        if count > 1 && known && runs && !store.has_database() {
            let title = format!("{count} brokers share nothing on the store `{store}`");
            let label = "each would have its own messages; add `store: mysql`, or leave this out";
            return Err(Diagnostic::new(title).label(label));
        }
        Ok(NonZeroU32::new(count).expect("the limits begin at 1"))
    });
    Broker {
        store,
        driver: raw.driver.value().cloned().unwrap_or_else(|| DEFAULT_DRIVER.to_owned()),
        driver_spot: report.spot(&raw.driver),
        stores,
        count: count.unwrap_or(NonZeroU32::MIN),
    }
}

/// The store that a word names.
///
/// # Errors
/// Which there are.
pub fn store(text: &str) -> Result<Store, Diagnostic> {
    if text.contains("://") {
        let title = "a store is named by a word, not by a URL";
        let label = "write `mysql`, and name the server by HARNESS_MYSQL_URL in the environment";
        return Err(Diagnostic::new(title).label(label));
    }
    values::word(text)
}

fn expect(report: &mut Report<'_>, raw: Option<&raw::Expect>) -> Expect {
    let default = raw::Expect::default();
    let raw = raw.unwrap_or(&default);
    Expect {
        delivery: report.read(&raw.delivery, values::word).unwrap_or(Delivery::ExactlyOnce),
        order: report.read(&raw.order, values::word).unwrap_or(Order::PerTopic),
        acked: report.read(&raw.acked, values::word).unwrap_or(Acked::All),
        anomalies: anomalies(report, raw),
    }
}

fn anomalies(report: &mut Report<'_>, raw: &raw::Expect) -> Anomalies {
    let mut anomalies = Anomalies::default();
    for raw::Condition(at) in raw.anomalies.value().map_or(&[][..], Vec::as_slice) {
        let anomaly = report.keep(at.span.clone(), values::word(&at.value));
        if anomaly.is_some_and(|anomaly| !anomalies.insert(anomaly)) {
            let title = format!("`{}` is expected twice", at.value);
            let label = "named before in this list";
            report.add(at.span.clone(), Diagnostic::new(title).label(label));
        }
    }
    anomalies
}

fn network(report: &mut Report<'_>, raw: &raw::Network) -> Network {
    let default = Network::default();
    let usual = (default.latency_min, default.latency_max);
    let (latency_min, latency_max) = report.read(&raw.latency, values::times).unwrap_or(usual);
    Network {
        latency_min,
        latency_max,
        lose_request: report.read(&raw.lose_request, values::share).unwrap_or(0.0),
        lose_response: report.read(&raw.lose_response, values::share).unwrap_or(0.0),
    }
}

/// The faults that cannot be carried out on the broker that the scenario is for. One that does not
/// hold for its store is skipped anyway.
fn impossible(source: &Arc<Source>, raw: &raw::Scenario, scenario: &Scenario) -> Vec<Diagnostic> {
    if scenario.broker.skipped().is_some() {
        return Vec::new();
    }
    let entries = raw.faults.value().map_or(&[][..], Vec::as_slice);
    let place = |fault: &Fault| {
        let line = |at: &&At<raw::Fault>| source.line_and_column(at.span.start).0 == fault.line;
        entries.iter().find(line).map_or(0..0, |at| at.span.clone())
    };
    let found = scenario.faults.iter().filter_map(|fault| {
        let why = scenario.broker.objection(fault)?;
        Some(
            Diagnostic::new(format!("`{}` cannot be carried out", fault.action))
                .label(why)
                .at(source, place(fault)),
        )
    });
    found.collect()
}

fn require(report: &mut Report<'_>, raw: &raw::Scenario) -> Vec<Requirement> {
    let conditions = raw.require.value().map_or(&[][..], Vec::as_slice);
    let read = |raw::Condition(at): &raw::Condition| {
        report.keep(at.span.clone(), values::requirement(&at.value))
    };
    conditions.iter().filter_map(read).collect()
}

fn drain(report: &mut Report<'_>, field: &Field<raw::Drain>) -> Drain {
    let default = raw::Drain::default();
    let raw = field.value().unwrap_or(&default);
    let given = report.read(&raw.idle, values::positive_time);
    let deadline =
        report.read(&raw.deadline, values::positive_time).unwrap_or(Duration::from_secs(60));
    let idle = given.unwrap_or(Duration::from_secs(5).min(deadline));
    if let (true, Some(at)) = (idle > deadline, raw.idle.0.as_ref()) {
        let title = "the drain's idle time is longer than its deadline";
        let label = format!("the deadline is {}", humantime::format_duration(deadline));
        report.add(at.span.clone(), Diagnostic::new(title).label(label));
    }
    Drain { idle, deadline }
}
