//! Plans and legal histories for the tests: a small broker played step by step, so that every
//! history has overlapping calls, stamps and offsets as a real run has them.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use crate::history::{
    Answer, ConsumerHistory, Delivery, EpochIndex, History, Moment, Offsets, Outcome, Polled,
    ProducerHistory, Sent, Session, Subscribed,
};
use crate::input::diagnostic::Spot;
use crate::plan::{
    Consumer, ConsumerIndex, Due, MessageId, Messages, Plan, Producer, ProducerIndex, Request,
    Round, Stream, StreamIndex, Topic, TopicIndex,
};
use crate::scenario::{self, Acked, Drain, Expect, Order, Pace, Scenario, Source, Start};

/// Numbers by chance that follow from a seed (splitmix64).
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % bound as u64).unwrap()
    }
}

/// Every producer sends to every topic, every consumer consumes every topic.
pub(crate) struct Shape {
    pub(crate) topics: u32,
    pub(crate) producers: u32,
    pub(crate) consumers: u32,
    /// Of each producer on each topic.
    pub(crate) messages: u32,
    pub(crate) batch: u32,
}

pub(crate) const SMALL: Shape =
    Shape { topics: 2, producers: 3, consumers: 3, messages: 8, batch: 1 };

fn scenario(shape: &Shape) -> Scenario {
    let batch = NonZeroU32::new(shape.batch).unwrap();
    Scenario {
        file: PathBuf::from("scenarios/test.yaml"),
        name: "test".to_owned(),
        description: None,
        topics: (1..=shape.topics)
            .map(|topic| scenario::Topic {
                spot: Spot::default(),
                name: format!("T{topic}").parse().unwrap(),
                producers: (1..=shape.producers).collect(),
                consumers: (1..=shape.consumers).collect(),
            })
            .collect(),
        producers: (1..=shape.producers)
            .map(|number| scenario::Producer {
                number,
                source: Source::Log {
                    file: PathBuf::from(format!("scenarios/producer_{number}.txt")),
                    format: None,
                },
                pace: Pace::None,
                batch,
                retry: true,
                in_flight: NonZeroU32::MIN,
                in_flight_spot: Spot::default(),
            })
            .collect(),
        consumers: (1..=shape.consumers)
            .map(|number| scenario::Consumer {
                number,
                batch,
                pause: Duration::ZERO,
                acknowledge: scenario::Acknowledge::Offset,
                poll_after: None,
            })
            .collect(),
        start: Start::ConsumersFirst,
        broker: scenario::Broker::default(),
        expect: Expect {
            delivery: scenario::Delivery::ExactlyOnce,
            order: Order::PerTopic,
            acked: Acked::All,
            anomalies: BTreeSet::new(),
            allow: BTreeSet::new(),
            thresholds: Vec::new(),
        },
        require: Vec::new(),
        faults: Vec::new(),
        network: None,
        warm_up: Duration::ZERO,
        drain: Drain { idle: Duration::from_secs(5), deadline: Duration::from_secs(60) },
        golden: false,
        heavy: false,
        limit: None,
        tags: Vec::new(),
        seed: 1,
    }
}

/// A plan in which line n of a log goes to topic n modulo the topics; payloads are unique.
pub(crate) fn plan(shape: &Shape) -> Plan {
    plan_of(shape, |producer, topic, number| format!("P{producer}_T{topic}_{number}"))
}

/// The same with payloads by producer, topic and number, each from 1.
pub(crate) fn plan_of(shape: &Shape, payload: impl Fn(u32, u32, u32) -> String) -> Plan {
    let mut plan = Plan {
        scenario: scenario(shape),
        topics: Vec::new(),
        producers: Vec::new(),
        consumers: Vec::new(),
        streams: Vec::new(),
        messages: Messages::default(),
    };
    for producer in 0..shape.producers {
        let mut own = Producer {
            number: producer + 1,
            streams: Vec::new(),
            rounds: Vec::new(),
            requests: Vec::new(),
        };
        for topic in 0..shape.topics {
            let stream = StreamIndex::new(plan.streams.len());
            own.streams.push(stream);
            let first = MessageId::new(plan.messages.len());
            for number in 0..shape.messages {
                let line = number * shape.topics + topic + 1;
                let payload = payload(producer + 1, topic + 1, number + 1);
                plan.messages.push(stream, line, &payload);
            }
            plan.streams.push(Stream {
                producer: ProducerIndex(producer),
                topic: TopicIndex(topic),
                first,
                count: shape.messages,
            });
        }
        let mut first = 0;
        while first < shape.messages {
            let count = shape.batch.min(shape.messages - first);
            let start = u32::try_from(own.requests.len()).unwrap();
            let streams = own.streams.iter();
            own.requests.extend(streams.map(|&stream| Request { stream, first, count }));
            own.rounds.push(Round { due: Due::Now, requests: start..start + shape.topics });
            first += count;
        }
        plan.producers.push(own);
    }
    for topic in 0..shape.topics {
        let own = |(_, stream): &(usize, &Stream)| stream.topic == TopicIndex(topic);
        plan.topics.push(Topic {
            name: format!("T{}", topic + 1).parse().unwrap(),
            streams: plan
                .streams
                .iter()
                .enumerate()
                .filter(own)
                .map(|(place, _)| StreamIndex::new(place))
                .collect(),
            consumers: (0..shape.consumers).map(ConsumerIndex).collect(),
        });
    }
    for consumer in 0..shape.consumers {
        plan.consumers.push(Consumer {
            number: consumer + 1,
            topics: (0..shape.topics).map(TopicIndex).collect(),
        });
    }
    plan
}

/// How a played run goes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Play {
    pub(crate) seed: u64,
    /// Whether subscriptions race with the first sends.
    pub(crate) together: bool,
    /// Whether the broker tells no offsets.
    pub(crate) blind: bool,
    /// Whether some requests are refused or end unknown.
    pub(crate) troubled: bool,
}

/// How far a request of a played producer is.
struct Flight {
    invoked: Moment,
    appended: Option<Option<u64>>,
    fate: usize,
}

/// By place among the producer's requests.
type Flights = Vec<(u32, Option<Flight>)>;

struct Player<'a> {
    plan: &'a Plan,
    play: Play,
    chance: Chance,
    stamp: u64,
    logs: Vec<Vec<MessageId>>,
    history: History,
    /// By producer: the next round, and what is in flight of the current one, by request.
    rounds: Vec<(usize, Flights)>,
    /// By consumer and topic: position, once subscribed.
    positions: Vec<Vec<Option<usize>>>,
    /// By consumer: a poll or subscription under way, and the log's end when it began.
    calls: Vec<Option<(TopicIndex, Moment, usize)>>,
}

/// A legal history of the plan.
pub(crate) fn history(plan: &Plan, play: Play) -> History {
    let session = |stream: StreamIndex, id: usize| Session {
        incarnation: 0,
        stream,
        id: Some(id.to_string()),
        epoch: Some(EpochIndex(0)),
        broker: 1,
        base: 0,
        invoked: Moment::default(),
        confirmed: Moment::default(),
    };
    let producers = plan.producers.iter().map(|producer| ProducerHistory {
        sessions: producer.streams.iter().map(|s| session(*s, s.place())).collect(),
        sends: Vec::new(),
    });
    let mut player = Player {
        plan,
        play,
        chance: Chance(play.seed),
        stamp: 0,
        logs: vec![Vec::new(); plan.topics.len()],
        history: History {
            epochs: vec!["e1".to_owned()],
            producers: producers.collect(),
            consumers: vec![ConsumerHistory::default(); plan.consumers.len()],
            ..History::default()
        },
        rounds: plan.producers.iter().map(|_| (0, Vec::new())).collect(),
        positions: vec![vec![None; plan.topics.len()]; plan.consumers.len()],
        calls: plan.consumers.iter().map(|_| None).collect(),
    };
    player.run();
    player.history
}

impl Player<'_> {
    fn run(&mut self) {
        if !self.play.together {
            while self.positions.iter().flatten().any(Option::is_none) {
                let consumer = self.chance.below(self.positions.len());
                self.consume(consumer);
            }
        }
        while !self.over() {
            let actors = self.rounds.len() + self.positions.len();
            match self.chance.below(actors) {
                actor if actor < self.rounds.len() => self.produce(actor),
                actor => self.consume(actor - self.rounds.len()),
            }
        }
    }

    fn over(&self) -> bool {
        let sent = self
            .rounds
            .iter()
            .zip(&self.plan.producers)
            .all(|((next, flights), plan)| flights.is_empty() && *next == plan.rounds.len());
        let ends = self.logs.iter().map(Vec::len);
        let got =
            |own: &Vec<Option<usize>>| own.iter().zip(ends.clone()).all(|(p, e)| *p == Some(e));
        sent && self.positions.iter().all(got) && self.calls.iter().all(Option::is_none)
    }

    fn now(&mut self) -> Moment {
        self.stamp += 1;
        Moment { stamp: self.stamp, at: self.stamp * 1_500 }
    }

    fn produce(&mut self, producer: usize) {
        if self.rounds[producer].1.is_empty() {
            let plan = &self.plan.producers[producer];
            let (next, flights) = &mut self.rounds[producer];
            if let Some(round) = plan.rounds.get(*next) {
                *next += 1;
                flights.extend(round.requests.clone().map(|request| (request, None)));
            }
            return;
        }
        let open = self.rounds[producer].1.len();
        let chosen = self.chance.below(open);
        let request =
            self.plan.producers[producer].requests[self.rounds[producer].1[chosen].0 as usize];
        let fate = if self.play.troubled { self.chance.below(8) } else { 7 };
        let moment = self.now();
        let mut flight = self.rounds[producer].1.swap_remove(chosen);
        flight.1 = match flight.1 {
            None => Some(Flight { invoked: moment, appended: None, fate }),
            Some(mut own) if own.appended.is_none() => {
                let happens = !matches!(own.fate, 0 | 1);
                own.appended = Some(happens.then(|| self.append(request)));
                Some(own)
            }
            Some(own) => return self.finish(producer, request, &own, moment),
        };
        self.rounds[producer].1.push(flight);
    }

    fn append(&mut self, request: Request) -> u64 {
        let stream = &self.plan.streams[request.stream.place()];
        let log = &mut self.logs[stream.topic.place()];
        let offset = log.len() as u64;
        let first = stream.first.0 + request.first;
        log.extend((first..first + request.count).map(MessageId));
        offset
    }

    fn finish(&mut self, producer: usize, request: Request, flight: &Flight, completed: Moment) {
        let offset = flight.appended.unwrap().filter(|_| !self.play.blind);
        let own = &self.plan.producers[producer].streams;
        let session = own.iter().position(|stream| *stream == request.stream).unwrap();
        self.history.producers[producer].sends.push(Sent {
            session: u32::try_from(session).unwrap(),
            stream: request.stream,
            first: request.first,
            count: request.count,
            intended: flight.invoked.at,
            invoked: flight.invoked,
            completed,
            attempts: 1,
            tries: Vec::new(),
            outcome: match flight.fate {
                0 => Outcome::Refused { why: "full".to_owned() },
                1 | 2 => Outcome::Unknown { why: "timed out".to_owned() },
                _ => Outcome::Acked { offsets: offset.map_or(Offsets::Untold, Offsets::From) },
            },
        });
        self.history.producers[producer].sends.sort_by_key(|sent| sent.invoked);
    }

    fn consume(&mut self, consumer: usize) {
        let moment = self.now();
        let Some((topic, invoked, old_end)) = self.calls[consumer].take() else {
            let topic = TopicIndex::new(self.chance.below(self.plan.topics.len()));
            self.calls[consumer] = Some((topic, moment, self.logs[topic.place()].len()));
            return;
        };
        let end = self.logs[topic.place()].len();
        let history = &mut self.history.consumers[consumer];
        let Some(position) = &mut self.positions[consumer][topic.place()] else {
            let start = old_end + self.chance.below(end - old_end + 1);
            self.positions[consumer][topic.place()] = Some(start);
            history.subscriptions.push(Subscribed {
                incarnation: 0,
                topic,
                id: Some("7".to_owned()),
                epoch: Some(EpochIndex(0)),
                offset: (!self.play.blind).then_some(start as u64),
                invoked,
                confirmed: Some(moment),
                forgotten: None,
            });
            return;
        };
        let subscription = history.subscriptions.iter().position(|own| own.topic == topic).unwrap();
        let count = self.chance.below(4).min(end - *position);
        for offset in *position..*position + count {
            let message = self.logs[topic.place()][offset];
            let offset = (!self.play.blind).then_some(offset as u64);
            history.deliveries.push(Delivery::new(Some(message), offset));
        }
        *position += count;
        history.polls.push(Polled {
            subscription: u32::try_from(subscription).unwrap(),
            invoked,
            completed: moment,
            answer: Answer::Delivered(u32::try_from(count).unwrap()),
        });
    }
}
