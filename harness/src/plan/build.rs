//! From a scenario to its plan: logs are read here, messages made up, and rounds cut.

use std::borrow::Cow;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::hostile;
use super::model::{
    Consumer, ConsumerIndex, MessageId, Messages, Plan, Producer, ProducerIndex, Stream,
    StreamIndex, Topic, TopicIndex,
};
use super::rounds::{self, Step};
use crate::chance::{self, Purpose};
use crate::input::diagnostic::{Diagnostic, Error, Source as Text};
use crate::input::names::{self, Kind};
use crate::input::values::PAYLOAD_MAX;
use crate::log_format::LogFormat;
use crate::numbers;
use crate::producer_log::{self, LogLine};
use crate::scenario::{self, Payloads, Scenario, Source};

/// The most messages of a plan; `u32::MAX` itself stands for "no message" in histories.
const MESSAGES_MAX: usize = u32::MAX as usize - 1;

/// So many wrong lines of one log are kept: past that the log is in another format.
const LOG_ERRORS_MAX: usize = 100;

impl Plan {
    /// Reads the producers' logs, or makes their messages up, and plans every send.
    ///
    /// # Errors
    /// Lines of a log that are wrong, or whose topic the producer is not mapped to; logs without a
    /// line, topics that no line is for. Each names file, line and column.
    pub fn new(scenario: Scenario) -> Result<Self, Error> {
        let mut plan = Self {
            topics: Vec::with_capacity(scenario.topics.len()),
            producers: Vec::with_capacity(scenario.producers.len()),
            consumers: Vec::new(),
            streams: Vec::new(),
            messages: Messages::default(),
            scenario,
        };
        plan.add_topics();
        plan.add_consumers();
        let mut diagnostics = Vec::new();
        plan.add_producers(&mut diagnostics);
        if diagnostics.is_empty() {
            diagnostics.extend(plan.topics_without_messages());
            diagnostics.extend(plan.counts_out_of_reach());
        }
        Error::unless_empty(diagnostics).map_err(|error| error.of_file(&plan.scenario.file))?;
        Ok(plan)
    }

    fn add_topics(&mut self) {
        let place = |number| self.scenario.consumers.binary_search_by_key(number, |c| c.number);
        for topic in &self.scenario.topics {
            let index = |number| {
                ConsumerIndex::new(place(number).expect("loading makes a consumer of every number"))
            };
            let consumers = topic.consumers.iter().map(index).collect();
            self.topics.push(Topic { name: topic.name.clone(), streams: Vec::new(), consumers });
        }
    }

    fn add_consumers(&mut self) {
        self.consumers.extend(
            self.scenario
                .consumers
                .iter()
                .map(|consumer| Consumer { number: consumer.number, topics: Vec::new() }),
        );
        for (place, topic) in self.topics.iter().enumerate() {
            for consumer in &topic.consumers {
                self.consumers[consumer.place()].topics.push(TopicIndex::new(place));
            }
        }
    }

    fn add_producers(&mut self, diagnostics: &mut Vec<Diagnostic>) {
        let mut topics_of = vec![Vec::new(); self.scenario.producers.len()];
        for (place, topic) in self.scenario.topics.iter().enumerate() {
            for number in &topic.producers {
                let producer = self.scenario.producers.binary_search_by_key(number, |p| p.number);
                let producer = producer.expect("loading makes a producer of every number");
                topics_of[producer].push(TopicIndex::new(place));
            }
        }
        for (place, topics) in topics_of.iter().enumerate() {
            let producer = self.scenario.producers[place].clone();
            match producer.source {
                Source::Log { ref file, format } => match read(file) {
                    Ok(text) => {
                        let entries = self.entries(producer.number, topics, &text, format);
                        self.add_logged(place, &producer, topics, entries, diagnostics);
                    }
                    Err(diagnostic) => diagnostics.push(diagnostic),
                },
                Source::Generate { .. } => self.add_generated(place, &producer, topics),
            }
            if self.messages.len() > MESSAGES_MAX {
                let title = format!("the scenario has more than {MESSAGES_MAX} messages");
                diagnostics.push(Diagnostic::new(title));
                return;
            }
        }
    }

    fn add_logged(
        &mut self,
        place: usize,
        producer: &scenario::Producer,
        topics: &[TopicIndex],
        (entries, problems): (Vec<(usize, LogLine<'_>)>, Vec<Diagnostic>),
        diagnostics: &mut Vec<Diagnostic>,
    ) {
        let failed = !problems.is_empty();
        diagnostics.extend(problems);
        if failed {
            return;
        }
        // A stable sort puts each stream's messages together and keeps their order.
        let mut by_stream: Vec<&(usize, LogLine<'_>)> = entries.iter().collect();
        by_stream.sort_by_key(|(stream, _)| *stream);
        let streams = self.begin_streams(place, topics);
        for (stream, entry) in by_stream {
            self.push(streams[*stream], entry.line, &entry.payload);
        }
        let mut burst = 0;
        let mut label = None;
        let steps = entries.iter().map(|(stream, entry)| {
            // Without a label a line is a burst of its own.
            if label.replace(&entry.burst) != Some(&entry.burst) || entry.burst.is_empty() {
                burst += 1;
            }
            Step { stream: *stream, burst, time: entry.time }
        });
        self.finish_producer(producer, streams, steps);
    }

    /// The log's lines with the place of their stream among the producer's, or what is wrong.
    fn entries<'t>(
        &self,
        number: u32,
        topics: &[TopicIndex],
        text: &'t Arc<Text>,
        format: Option<LogFormat>,
    ) -> (Vec<(usize, LogLine<'t>)>, Vec<Diagnostic>) {
        let mut entries: Vec<(usize, LogLine<'t>)> = Vec::new();
        let mut problems = Vec::new();
        let span = |part: &str| {
            let start = part.as_ptr() as usize - text.text().as_ptr() as usize;
            start..start + part.len()
        };
        // What JSON has unescaped stands nowhere in the file: then it is the line.
        let part = |value: &Cow<'t, str>, line: &'t str| match value {
            Cow::Borrowed(value) => span(value),
            Cow::Owned(_) => span(line),
        };
        for entry in producer_log::read(text.text(), format) {
            let diagnostic = match entry {
                Ok((entry, line)) => {
                    let named = |topic: &TopicIndex| {
                        self.topics[topic.place()].name.as_str() == entry.topic
                    };
                    let stream = topics.iter().position(named);
                    if entry.payload.len() > PAYLOAD_MAX as usize {
                        too_long(number, &entry.payload).at(text, part(&entry.payload, line))
                    } else if let Some(stream) = stream {
                        entries.push((stream, entry));
                        continue;
                    } else {
                        let not_mapped = self.not_mapped(number, topics, &entry.topic);
                        not_mapped.at(text, part(&entry.topic, line))
                    }
                }
                Err(problem) => {
                    Diagnostic::new(problem.what).label(problem.expected).at(text, span(problem.at))
                }
            };
            problems.push(diagnostic);
            if problems.len() == LOG_ERRORS_MAX {
                break;
            }
        }
        if entries.is_empty() && problems.is_empty() {
            let title = format!("the log of P{number} has no lines");
            problems.push(Diagnostic::new(title).label("expected at least one").at(text, 0..0));
        }
        (entries, problems)
    }

    fn not_mapped(&self, number: u32, topics: &[TopicIndex], topic: &str) -> Diagnostic {
        let mapped: Vec<&str> =
            topics.iter().map(|topic| self.topics[topic.place()].name.as_str()).collect();
        let mapped = format!("P{number} is mapped to {}", mapped.join(", "));
        if self.topics.iter().any(|known| known.name.as_str() == topic) {
            Diagnostic::new(format!("P{number} is not mapped to `{topic}`")).label(mapped)
        } else {
            let file = self.scenario.file.display();
            Diagnostic::new(format!("no topic `{topic}` in {file}")).label(mapped)
        }
    }

    fn add_generated(
        &mut self,
        place: usize,
        producer: &scenario::Producer,
        topics: &[TopicIndex],
    ) {
        let Source::Generate { messages, size, payloads } = &producer.source else { return };
        let mut chance = chance::generator(self.scenario.seed, Purpose::Payloads, producer.number);
        let bytes = *messages as usize * (*size.start() as usize).midpoint(*size.end() as usize);
        self.messages.reserve(*messages as usize, bytes);
        let streams = self.begin_streams(place, topics);
        let (min, max) = (*size.start(), *size.end());
        let mut payload = String::new();
        for (first, stream) in (1..).zip(&streams) {
            for line in (first..=*messages).step_by(streams.len()) {
                let len = if min == max { min } else { chance::between(&mut chance, min, max) };
                payload.clear();
                match payloads {
                    Payloads::Plain => chance::text(&mut chance, len, &mut payload),
                    Payloads::Hostile => hostile::payload(&mut chance, len, line - 1, &mut payload),
                }
                self.push(*stream, line, &payload);
            }
        }
        let turns = (0..streams.len()).cycle().take(*messages as usize);
        let steps = turns.map(|stream| Step { stream, burst: 0, time: std::time::Duration::ZERO });
        self.finish_producer(producer, streams, steps);
    }

    /// Makes the producer's streams, still empty.
    fn begin_streams(&mut self, place: usize, topics: &[TopicIndex]) -> Vec<StreamIndex> {
        let mut streams = Vec::with_capacity(topics.len());
        for &topic in topics {
            let stream = StreamIndex::new(self.streams.len());
            let (producer, first) = (ProducerIndex::new(place), MessageId(0));
            self.streams.push(Stream { producer, topic, first, count: 0 });
            self.topics[topic.place()].streams.push(stream);
            streams.push(stream);
        }
        streams
    }

    fn push(&mut self, stream: StreamIndex, line: u32, payload: &str) {
        let id = self.messages.push(stream, line, payload);
        let stream = &mut self.streams[stream.place()];
        if stream.count == 0 {
            stream.first = id;
        }
        stream.count += 1;
    }

    fn finish_producer(
        &mut self,
        producer: &scenario::Producer,
        streams: Vec<StreamIndex>,
        steps: impl Iterator<Item = Step>,
    ) {
        let chance = chance::generator(self.scenario.seed, Purpose::Pauses, producer.number);
        let (rounds, requests) =
            rounds::build(steps, &streams, producer.batch, producer.pace, chance);
        self.producers.push(Producer { number: producer.number, streams, rounds, requests });
    }

    /// A topic without a message proves nothing, and was not meant.
    fn topics_without_messages(&self) -> Vec<Diagnostic> {
        let both = self.topics.iter().zip(&self.scenario.topics);
        let empty = both.filter(|(topic, _)| {
            topic.streams.iter().all(|stream| self.streams[stream.place()].count == 0)
        });
        let describe = |(topic, written): (&Topic, &scenario::Topic)| {
            let who = names::list(Kind::Producer, &written.producers);
            let verb = if written.producers.len() == 1 { "is" } else { "are" };
            Diagnostic::new(format!("nobody produces to `{}`", topic.name))
                .label(format!("{who} {verb} mapped to it, and no line of a log is for it"))
                .on(&written.spot)
        };
        empty.map(describe).collect()
    }
}

fn too_long(number: u32, payload: &str) -> Diagnostic {
    let bytes = numbers::number(payload.len() as u64);
    let most = numbers::number(PAYLOAD_MAX.into());
    Diagnostic::new(format!("a payload of P{number} has {bytes} bytes"))
        .label(format!("at most {most} can be sent"))
}

fn read(file: &Path) -> Result<Arc<Text>, Diagnostic> {
    let bytes = fs::read(file)
        .map_err(|error| Diagnostic::new(format!("cannot read {}: {error}", file.display())))?;
    Text::decode(file, bytes)
}
