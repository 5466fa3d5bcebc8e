//! What the first line of a history says of the rest: its version, which plan it belongs to, and with
//! which seed and store that was made.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::capability::Survival;
use crate::fnv::Fnv;
use crate::history::History;
use crate::plan::{MessageId, Plan};
use crate::scenario::{self, Scenario};

/// The version that is written and read.
pub(super) const VERSION: u32 = 1;

/// The first line: which plan the history belongs to.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object that says which plan the history is of")]
pub(super) struct Header<'a> {
    pub(super) history: u32,
    pub(super) scenario: Cow<'a, str>,
    pub(super) topics: usize,
    pub(super) producers: usize,
    pub(super) consumers: usize,
    pub(super) messages: usize,
    /// A digest of all names, payloads and lines, in hexadecimal digits.
    pub(super) plan: Cow<'a, str>,
    /// As the run had it, whatever the scenario says; older files have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) seed: Option<u64>,
    /// What it ran on; older files call it the store.
    #[serde(default, alias = "store", skip_serializing_if = "Option::is_none")]
    pub(super) on: Option<Cow<'a, str>>,
    /// What was to survive there: see [`Survival`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) survives: Option<Cow<'a, str>>,
    pub(super) epochs: Vec<String>,
    /// Left out where a batch's messages stand one behind the other, as they do at every broker that
    /// could be run when this was added.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub(super) scattered_batches: bool,
    /// Left out where a poll or its offset acknowledges.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub(super) acknowledged_apart: bool,
}

impl<'a> Header<'a> {
    pub(super) fn new(plan: &'a Plan, history: &History) -> Self {
        Self {
            history: VERSION,
            scenario: Cow::from(&plan.scenario.name),
            topics: plan.topics.len(),
            producers: plan.producers.len(),
            consumers: plan.consumers.len(),
            messages: plan.messages.len(),
            plan: fingerprint(plan).into(),
            seed: Some(plan.scenario.seed),
            on: Some(Cow::from(&plan.scenario.broker.on)),
            survives: plan.scenario.broker.survives.map(|survives| survives.to_string().into()),
            epochs: history.epochs.clone(),
            scattered_batches: history.scattered_batches,
            acknowledged_apart: history.acknowledged_apart,
        }
    }
}

/// Gives a scenario the seed and the broker of a run, given the first line of its history, so that its
/// plan is that of the run. A line that says neither, or is none of a history, changes nothing.
pub fn settle(scenario: &mut Scenario, line: &str) {
    let Ok(header) = serde_json::from_str::<Header<'_>>(line) else { return };
    scenario.seed = header.seed.unwrap_or(scenario.seed);
    if let Some(on) = header.on {
        scenario.broker.store = scenario::store_of(&on);
        scenario.broker.on = on.into_owned();
    }
    let survives = |said: &str| Survival::ALL.into_iter().find(|one| one.to_string() == said);
    if let Some(survives) = header.survives.as_deref().and_then(survives) {
        scenario.broker.survives = Some(survives);
    }
}

/// A digest of all that gives a history its meaning: names, and each message with its payload.
fn fingerprint(plan: &Plan) -> String {
    let mut digest = Fnv::default();
    for topic in &plan.topics {
        add_text(&mut digest, topic.name.as_str());
    }
    let consumers = plan.consumers.iter().map(|consumer| consumer.number);
    for number in plan.producers.iter().map(|producer| producer.number).chain(consumers) {
        digest.add(&number.to_le_bytes());
    }
    for stream in &plan.streams {
        digest.add(&stream.producer.0.to_le_bytes());
        digest.add(&stream.topic.0.to_le_bytes());
        digest.add(&stream.count.to_le_bytes());
        for id in stream.messages().map(MessageId) {
            digest.add(&plan.messages.line(id).to_le_bytes());
            add_text(&mut digest, plan.messages.payload(id));
        }
    }
    format!("{:016x}", digest.finish())
}

/// Adds a text after its length, so that it shows where one text ends and the next begins.
fn add_text(digest: &mut Fnv, text: &str) {
    digest.add(&(text.len() as u64).to_le_bytes());
    digest.add(text.as_bytes());
}
