//! A scenario with every message spelt out, so that any part of it can be taken out.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::fault::{Counted, Trigger};
use crate::input::names::{Actor, Kind};
use crate::plan::{Due, MessageId, Plan, ProducerIndex};
use crate::scenario::{Consumer, Network, Pace, Producer, Scenario};

/// A scenario to be reduced.
#[derive(Clone, Debug)]
pub struct Case {
    /// What is not spelt out here: consumers and their topics, and what is promised.
    pub scenario: Scenario,
    /// The scenario's, which its runs follow from.
    pub seed: u64,
    /// By producer, in the scenario's order.
    pub lines: Vec<Vec<Line>>,
}

/// A line of a producer's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its round: lines of one round leave together.
    pub round: usize,
    /// When the round is due, where the pace says so.
    pub time: Duration,
    /// Where it is sent to.
    pub topic: String,
    /// What is sent.
    pub payload: String,
}

impl Case {
    /// Everything of a plan.
    pub fn new(plan: &Plan) -> Self {
        let lines = (0..plan.producers.len()).map(|place| lines(plan, ProducerIndex::new(place)));
        let mut scenario = plan.scenario.clone();
        // A condition on the run is no part of its failure, and a golden file is of all messages.
        scenario.require.clear();
        scenario.golden = false;
        scenario.broker.needs.clear();
        for producer in &mut scenario.producers {
            if matches!(producer.pace, Pace::Rate(_) | Pace::Recorded { .. }) {
                producer.pace = Pace::Recorded { speed: 1.0 };
            }
        }
        Self { seed: scenario.seed, lines: lines.collect(), scenario }
    }

    /// How many messages there are.
    pub fn messages(&self) -> usize {
        self.lines.iter().map(Vec::len).sum()
    }

    /// How many actors there are.
    pub fn actors(&self) -> usize {
        self.scenario.producers.len() + self.scenario.consumers.len()
    }

    /// How the network behaves.
    pub fn network(&self) -> Network {
        self.scenario.network.unwrap_or_default()
    }

    /// Whether there is something to run.
    pub fn is_whole(&self) -> bool {
        !self.scenario.topics.is_empty()
            && !self.scenario.producers.is_empty()
            && !self.scenario.consumers.is_empty()
    }

    /// The case with these lines alone, by producer.
    pub fn with_lines(&self, kept: &BTreeSet<(usize, usize)>) -> Self {
        let mut case = self.clone();
        for (producer, lines) in case.lines.iter_mut().enumerate() {
            let mut place = 0..;
            lines.retain(|_| {
                let line = place.next().expect("places do not end");
                kept.contains(&(producer, line))
            });
        }
        case.tidy()
    }

    /// The case with these actors alone.
    pub fn with_actors(&self, kept: &[Actor]) -> Self {
        let mut case = self.clone();
        let is_kept = |kind, number| kept.contains(&Actor { kind, number });
        for topic in &mut case.scenario.topics {
            topic.consumers.retain(|number| is_kept(Kind::Consumer, *number));
        }
        for (producer, lines) in case.scenario.producers.iter().zip(&mut case.lines) {
            if !is_kept(Kind::Producer, producer.number) {
                lines.clear();
            }
        }
        case.tidy()
    }

    /// Every actor.
    pub fn all_actors(&self) -> Vec<Actor> {
        let consumers = self.scenario.consumers.iter().map(|c| Actor::consumer(c.number));
        consumers.chain(self.scenario.producers.iter().map(|p| Actor::producer(p.number))).collect()
    }

    /// Takes out what has lost its meaning: topics without a producer or a consumer, actors
    /// with nothing to do, faults without a target.
    fn tidy(mut self) -> Self {
        let scenario = &mut self.scenario;
        let read: BTreeSet<String> = scenario
            .topics
            .iter()
            .filter(|topic| !topic.consumers.is_empty())
            .map(|topic| topic.name.to_string())
            .collect();
        for lines in &mut self.lines {
            lines.retain(|line| read.contains(&line.topic));
        }
        for topic in &mut scenario.topics {
            let writes = |number: &u32| {
                let place = scenario.producers.iter().position(|p| p.number == *number);
                let lines = place.map_or(&[][..], |place| &self.lines[place]);
                lines.iter().any(|line| line.topic == topic.name.as_str())
            };
            topic.producers.retain(writes);
        }
        scenario.topics.retain(|topic| !topic.producers.is_empty() && !topic.consumers.is_empty());
        let mut places = 0..;
        let lines = &self.lines;
        scenario.producers.retain(|_| !lines[places.next().expect("places do not end")].is_empty());
        self.lines.retain(|lines| !lines.is_empty());
        let consumes =
            |c: &Consumer| scenario.topics.iter().any(|t| t.consumers.contains(&c.number));
        scenario.consumers.retain(consumes);
        self.tidy_faults();
        self
    }

    fn tidy_faults(&mut self) {
        let known = self.all_actors();
        let producers = known.iter().any(|actor| actor.kind == Kind::Producer);
        self.scenario.faults.retain_mut(|fault| {
            let counted = match fault.trigger {
                Trigger::After { counted: Counted::Acked(Some(number)), .. } => {
                    known.contains(&Actor::producer(number))
                }
                Trigger::After { counted: Counted::Delivered(Some(number)), .. } => {
                    known.contains(&Actor::consumer(number))
                }
                _ => true,
            };
            counted && producers && fault.action.target.keep(&known)
        });
    }
}

fn lines(plan: &Plan, index: ProducerIndex) -> Vec<Line> {
    let producer = &plan.producers[index.place()];
    let mut lines = Vec::new();
    for (place, round) in producer.rounds.iter().enumerate() {
        let time = if let Due::At(time) = round.due { time } else { Duration::ZERO };
        let requests = round.requests.start as usize..round.requests.end as usize;
        for request in &producer.requests[requests] {
            let stream = &plan.streams[request.stream.place()];
            let topic = plan.topics[stream.topic.place()].name.to_string();
            let first = stream.first.0 + request.first;
            for id in (first..first + request.count).map(MessageId) {
                let payload = plan.messages.payload(id).to_owned();
                lines.push(Line { round: place, time, topic: topic.clone(), payload });
            }
        }
    }
    lines
}

/// The name of a producer's log, beside the scenario.
pub fn log_name(producer: &Producer) -> String {
    format!("producer_{}.txt", producer.number)
}
