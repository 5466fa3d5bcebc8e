//! Random plans, and right histories of them: a broker played step by step, so that calls overlap
//! as in a real run. It knows nothing of the checks.

use std::fmt::Write as _;
use std::fs;

use harness::history::{
    Answer, ConsumerHistory, Delivery, End, EpochIndex, History, Moment, Offset, Offsets, Outcome,
    Polled, ProducerHistory, Sent, Session, Subscribed,
};
use harness::plan::{MessageId, Plan, StreamIndex, TopicIndex};
use tempfile::TempDir;

use super::chance::Chance;

/// What a broker tells about places in its logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Telling {
    /// The offset of acks, deliveries and the start of a subscription.
    Offsets,
    /// The same, with gaps between them.
    SparseOffsets,
    /// Nothing.
    Nothing,
}

const PROMISES: &[(&str, &str)] = &[
    ("exactly-once", "per-topic"),
    ("exactly-once", "per-topic"),
    ("exactly-once", "per-topic"),
    ("at-least-once", "per-topic"),
    ("at-most-once", "per-topic"),
    ("exactly-once", "per-producer"),
    ("exactly-once", "none"),
];

/// A scenario with one to three producers and consumers, and one or two topics.
pub fn plan(chance: &mut Chance) -> (TempDir, Plan) {
    let (producers, consumers) = (1 + chance.below(3), 1 + chance.below(3));
    let topics = 1 + chance.below(2);
    let together = chance.once_in(3);
    let (delivery, order) = chance.of(PROMISES).unwrap();
    let acked = if chance.once_in(2) { "any" } else { "all" };
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
    writeln!(yaml, "producers: {{ all: {{ log: 'p{{id}}.txt' }} }}\nstart: {start}").unwrap();
    writeln!(yaml, "expect: {{ delivery: {delivery}, order: {order}, acked: {acked} }}").unwrap();

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
    let scenario = harness::scenario::load(&file).unwrap_or_else(|error| panic!("{error}"));
    let plan = Plan::new(scenario).unwrap_or_else(|error| panic!("{error}"));
    (folder, plan)
}

/// A history of the plan in which the broker did nothing wrong.
pub fn history(plan: &Plan, chance: &mut Chance) -> History {
    let telling = [Telling::Offsets, Telling::SparseOffsets, Telling::Nothing, Telling::Nothing];
    let telling = chance.of(&telling).unwrap();
    let session = |place: usize, stream: StreamIndex| Session {
        incarnation: 0,
        stream,
        broker: 1,
        id: Some(place.to_string()),
        epoch: (telling != Telling::Nothing).then_some(EpochIndex(0)),
        base: 0,
        invoked: Moment::default(),
        confirmed: Moment::default(),
    };
    let producers = plan.producers.iter().map(|producer| ProducerHistory {
        sessions: producer.streams.iter().map(|own| session(own.place(), *own)).collect(),
        sends: Vec::new(),
    });
    let subscribers = plan.consumers.iter().enumerate().flat_map(|(consumer, own)| {
        own.topics.iter().map(move |topic| Subscriber { consumer, topic: *topic, step: Step::New })
    });
    let mut world = World {
        plan,
        telling,
        troubled: chance.once_in(2),
        chance,
        stamp: 0,
        logs: vec![Vec::new(); plan.topics.len()],
        streams: (0..plan.streams.len()).map(|_| Stream::default()).collect(),
        subscribers: subscribers.collect(),
        history: History {
            epochs: if telling == Telling::Nothing { Vec::new() } else { vec!["e".to_owned()] },
            producers: producers.collect(),
            consumers: vec![ConsumerHistory::default(); plan.consumers.len()],
            end: End::Drained,
            ..History::default()
        },
    };
    world.play();
    world.history
}

struct World<'a> {
    plan: &'a Plan,
    telling: Telling,
    /// Whether requests are refused or end unknown now and then.
    troubled: bool,
    chance: &'a mut Chance,
    stamp: u64,
    /// By topic.
    logs: Vec<Vec<MessageId>>,
    /// By [`StreamIndex`].
    streams: Vec<Stream>,
    subscribers: Vec<Subscriber>,
    history: History,
}

#[derive(Default)]
struct Stream {
    next: u32,
    flight: Option<Flight>,
}

#[derive(Clone, Copy)]
struct Flight {
    count: u32,
    invoked: Moment,
    end: Ending,
    /// Whether the broker has decided on it, and the place in the log where it did append.
    decided: bool,
    /// Where the messages already are in the log from a request before, their place.
    at: Option<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    Acked,
    Refused,
    /// With whether it is in the log.
    Unknown(bool),
}

struct Subscriber {
    consumer: usize,
    topic: TopicIndex,
    step: Step,
}

enum Step {
    New,
    /// Since when, and the end of the log then.
    Asking(Moment, usize),
    /// Its subscription and its position.
    Idle(u32, usize),
    /// The same, and when the poll left.
    Polling(u32, usize, Moment),
}

impl World<'_> {
    fn play(&mut self) {
        let first = self.plan.scenario.start == harness::scenario::Start::ConsumersFirst;
        while first && self.subscribers.iter().any(|own| !own.is_confirmed()) {
            let place = self.chance.below(self.subscribers.len());
            self.consume(place);
        }
        while !self.is_over() {
            let actor = self.chance.below(self.streams.len() + self.subscribers.len());
            match actor.checked_sub(self.streams.len()) {
                None => self.produce(actor),
                Some(subscriber) => self.consume(subscriber),
            }
        }
        // One more poll of each, which finds nothing.
        for place in 0..self.subscribers.len() {
            self.consume(place);
            self.consume(place);
        }
    }

    fn is_over(&self) -> bool {
        let sent =
            self.streams.iter().enumerate().all(|(place, own)| {
                own.flight.is_none() && own.next == self.plan.streams[place].count
            });
        sent && self.subscribers.iter().all(
            |own| matches!(own.step, Step::Idle(_, at) if at == self.logs[own.topic.place()].len()),
        )
    }

    fn now(&mut self) -> Moment {
        self.stamp += 1;
        Moment { stamp: self.stamp, at: self.stamp * 1_500 }
    }

    fn offset(&self, place: usize) -> Option<Offset> {
        let place = u64::try_from(place).unwrap();
        match self.telling {
            Telling::Offsets => Some(place),
            Telling::SparseOffsets => Some(place * 3 + place % 2),
            Telling::Nothing => None,
        }
    }

    fn produce(&mut self, place: usize) {
        let planned = self.plan.streams[place];
        let Some(flight) = self.streams[place].flight else {
            let left = planned.count - self.streams[place].next;
            if left > 0 {
                let count = 1 + u32::try_from(self.chance.below(left.min(3) as usize)).unwrap();
                self.leave(place, count, None);
            }
            return;
        };
        if !flight.decided {
            let log = &mut self.logs[planned.topic.place()];
            let appends = matches!(flight.end, Ending::Acked | Ending::Unknown(true));
            let mut at = flight.at;
            if appends && at.is_none() {
                at = Some(log.len());
                let first = planned.first.0 + self.streams[place].next;
                log.extend((first..first + flight.count).map(MessageId));
            }
            self.streams[place].flight = Some(Flight { decided: true, at, ..flight });
            return;
        }
        self.complete(place, flight);
    }

    fn leave(&mut self, place: usize, count: u32, at: Option<usize>) {
        let end = match self.chance.below(if self.troubled { 8 } else { 1 }) {
            5 => Ending::Refused,
            6 => Ending::Unknown(false),
            7 => Ending::Unknown(true),
            _ => Ending::Acked,
        };
        // What is in the log already is not refused for good.
        let end = if at.is_some() && end == Ending::Refused { Ending::Acked } else { end };
        let invoked = self.now();
        let flight = Flight { count, invoked, end, decided: false, at };
        self.streams[place].flight = Some(flight);
    }

    fn complete(&mut self, place: usize, flight: Flight) {
        let planned = self.plan.streams[place];
        let producer = &self.plan.producers[planned.producer.place()];
        let session = producer.streams.iter().position(|own| own.place() == place).unwrap();
        let first = self.streams[place].next;
        let places = flight.at.map(|at| at..at + flight.count as usize);
        let offsets = places.into_iter().flatten().filter_map(|at| self.offset(at)).collect();
        let sent = Sent {
            session: u32::try_from(session).unwrap(),
            stream: StreamIndex::new(place),
            first,
            count: flight.count,
            intended: flight.invoked.at,
            invoked: flight.invoked,
            completed: self.now(),
            attempts: 1,
            tries: Vec::new(),
            outcome: match flight.end {
                Ending::Acked => Outcome::Acked { offsets: Offsets::new(offsets) },
                Ending::Refused => Outcome::Refused { why: "full".to_owned() },
                Ending::Unknown(_) => Outcome::Unknown { why: "timed out".to_owned() },
            },
        };
        let sends = &mut self.history.producers[planned.producer.place()].sends;
        sends.push(sent);
        sends.sort_by_key(|own| own.invoked);
        self.streams[place].flight = None;
        if flight.end != Ending::Acked && self.chance.once_in(3) {
            // The same messages once more; the broker knows them by their numbers.
            self.leave(place, flight.count, flight.at);
        } else {
            self.streams[place].next += flight.count;
        }
    }

    fn consume(&mut self, place: usize) {
        let moment = self.now();
        let Subscriber { consumer, topic, .. } = self.subscribers[place];
        let end = self.logs[topic.place()].len();
        let next = match self.subscribers[place].step {
            Step::New => Step::Asking(moment, end),
            Step::Asking(invoked, before) => {
                let start = before + self.chance.below(end - before + 1);
                let offset = self.offset(start);
                let subscriptions = &mut self.history.consumers[consumer].subscriptions;
                subscriptions.push(Subscribed {
                    incarnation: 0,
                    topic,
                    id: Some(place.to_string()),
                    epoch: offset.map(|_| EpochIndex(0)),
                    offset,
                    invoked,
                    confirmed: Some(moment),
                    forgotten: None,
                });
                Step::Idle(u32::try_from(subscriptions.len() - 1).unwrap(), start)
            }
            Step::Idle(subscription, at) => Step::Polling(subscription, at, moment),
            Step::Polling(subscription, at, invoked) => {
                let count = self.chance.below(4).min(end - at);
                for at in at..at + count {
                    let delivery =
                        Delivery::new(Some(self.logs[topic.place()][at]), self.offset(at));
                    self.history.consumers[consumer].deliveries.push(delivery);
                }
                let answer = Answer::Delivered(u32::try_from(count).unwrap());
                let polled = Polled { subscription, invoked, completed: moment, answer };
                self.history.consumers[consumer].polls.push(polled);
                Step::Idle(subscription, at + count)
            }
        };
        self.subscribers[place].step = next;
    }
}

impl Subscriber {
    const fn is_confirmed(&self) -> bool {
        matches!(self.step, Step::Idle(..) | Step::Polling(..))
    }
}
