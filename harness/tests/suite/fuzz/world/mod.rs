//! Random plans, and right histories of them: a broker played step by step, so that calls overlap
//! as in a real run. Requests are tried again, consumers crash, a fault may end the broker, and the
//! broker may begin a new life. It knows nothing of the checks.

mod consume;
mod plan;
mod produce;

use harness::capability::Survival;
use harness::fault::{Effect, Hold};
use harness::history::{
    Audited, AuditedLog, ConsumerHistory, Delivery, End, EpochIndex, Firing, History, Moment,
    Offset, ProducerHistory, Session,
};
use harness::plan::{MessageId, Plan, StreamIndex, TopicIndex};
use harness::scenario;

use super::chance::Chance;
use consume::Subscriber;
use produce::Stream;

pub use plan::plan;

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

/// A history of the plan in which the broker did nothing wrong.
pub fn history(plan: &Plan, chance: &mut Chance) -> History {
    let telling = [Telling::Offsets, Telling::SparseOffsets, Telling::Nothing, Telling::Nothing];
    let telling = chance.of(&telling).unwrap();
    let has_fault = !plan.scenario.faults.is_empty();
    let repeats = plan.scenario.expect.delivery == scenario::Delivery::AtLeastOnce;
    let subscribers = plan
        .consumers
        .iter()
        .enumerate()
        .flat_map(|(consumer, own)| own.topics.iter().map(move |topic| (consumer, *topic)));
    let mut world = World {
        plan,
        telling,
        troubled: chance.once_in(2),
        tells_tries: !chance.once_in(3),
        stores_twice: repeats && chance.once_in(2),
        crashes: chance.once_in(3),
        restarts: has_fault || telling != Telling::Nothing && chance.once_in(4),
        stamp: 0,
        epoch: (telling != Telling::Nothing).then_some(EpochIndex(0)),
        logs: vec![Vec::new(); plan.topics.len()],
        streams: (0..plan.streams.len()).map(|_| Stream::default()).collect(),
        subscribers: subscribers
            .map(|(consumer, topic)| Subscriber::new(consumer, topic))
            .collect(),
        history: History {
            epochs: if telling == Telling::Nothing { Vec::new() } else { vec!["e".to_owned()] },
            producers: vec![ProducerHistory::default(); plan.producers.len()],
            consumers: vec![ConsumerHistory::default(); plan.consumers.len()],
            end: End::Drained,
            acknowledged_apart: chance.once_in(2),
            ..History::default()
        },
        chance,
    };
    world.register();
    world.play();
    if world.restarts && has_fault {
        world.restart();
    }
    if world.chance.once_in(2) {
        world.audit();
    }
    world.history
}

struct World<'a> {
    plan: &'a Plan,
    telling: Telling,
    /// Whether requests are refused, never leave or end unknown now and then.
    troubled: bool,
    /// Whether the driver tells of each attempt.
    tells_tries: bool,
    /// Whether what is sent again may be stored again.
    stores_twice: bool,
    /// Whether consumers crash now and then.
    crashes: bool,
    /// Whether the broker may begin a new life, once.
    restarts: bool,
    chance: &'a mut Chance,
    stamp: u64,
    /// The life of the store, where the broker tells.
    epoch: Option<EpochIndex>,
    /// By topic.
    logs: Vec<Vec<MessageId>>,
    /// By [`StreamIndex`].
    streams: Vec<Stream>,
    subscribers: Vec<Subscriber>,
    history: History,
}

impl World<'_> {
    fn play(&mut self) {
        let first = self.plan.scenario.start == scenario::Start::ConsumersFirst;
        while first && self.subscribers.iter().any(|own| !own.is_confirmed()) {
            let place = self.chance.below(self.subscribers.len());
            self.consume(place);
        }
        while !self.is_over() {
            if self.restarts && self.is_quiet() && self.chance.once_in(4) {
                self.restart();
            }
            let actor = self.chance.below(self.streams.len() + self.subscribers.len());
            match actor.checked_sub(self.streams.len()) {
                None => self.produce(actor),
                Some(subscriber) => self.consume(subscriber),
            }
        }
        // One more poll of each, which finds nothing.
        self.crashes = false;
        for place in 0..self.subscribers.len() {
            self.consume(place);
            self.consume(place);
        }
    }

    fn is_over(&self) -> bool {
        let is_sent = |place: usize| self.streams[place].next == self.plan.streams[place].count;
        self.is_quiet() && (0..self.streams.len()).all(is_sent)
    }

    /// Whether nothing is on its way, and everyone has everything.
    fn is_quiet(&self) -> bool {
        self.streams.iter().all(|own| own.flights.is_empty())
            && self.subscribers.iter().all(|own| own.is_at(self.logs[own.topic.place()].len()))
    }

    /// The broker ends, by itself or by a fault, and is there again. It may have lost everything,
    /// which everyone has had, unless this survives by promise. Where the life of its store did not go
    /// on, everyone comes back before it goes on.
    fn restart(&mut self) {
        self.restarts = false;
        let began = self.now();
        let effect = self.plan.scenario.faults.first().map(|fault| &fault.action.effect);
        let least = match effect {
            Some(Effect::Process(Hold::Stopped)) => Survival::Part,
            _ => Survival::Kill,
        };
        let survives = self.plan.scenario.broker.survives.is_some_and(|own| own >= least);
        let keeps = survives || self.chance.once_in(4);
        if effect.is_some() {
            let (struck, ended) = (Some(self.now()), self.now());
            let whom = "broker".to_owned();
            self.history.faults.push(Firing {
                fault: 0,
                whom,
                began,
                struck,
                ended,
                met: 1,
                on_disk: None,
            });
        }
        if keeps && self.chance.once_in(2) {
            return;
        }
        if self.telling != Telling::Nothing {
            self.history.epochs.push("f".to_owned());
            self.epoch = Some(EpochIndex(1));
        }
        if !keeps {
            self.logs.iter_mut().for_each(Vec::clear);
        }
        self.register();
        for place in 0..self.subscribers.len() {
            let asked = self.now();
            let end = self.logs[self.subscribers[place].topic.place()].len();
            self.subscribe(place, asked, end);
        }
    }

    /// The logs are read, by a reader who knows that nothing was dropped from them, or does not: then
    /// their beginning may be gone.
    fn audit(&mut self) {
        if self.history.epochs.is_empty() {
            self.history.epochs.push("e".to_owned());
        }
        let epoch = self.epoch.unwrap_or(EpochIndex(0));
        let whole = self.chance.once_in(2);
        for topic in 0..self.logs.len() {
            let length = self.logs[topic].len();
            let dropped = if whole { 0 } else { self.chance.below(length + 1) };
            let at = |place: usize| self.offset(place).unwrap_or(place as u64);
            let log = &self.logs[topic];
            let messages = log.iter().enumerate().skip(dropped);
            let messages =
                messages.map(|(place, own)| Delivery::new(Some(*own), Some(at(place)))).collect();
            let log = AuditedLog::Read { epoch, end: at(length), whole, messages };
            self.history.audit.push(Audited { topic: TopicIndex::new(topic), log });
        }
    }

    /// Every producer registers with each of its topics.
    fn register(&mut self) {
        for (producer, own) in self.plan.producers.iter().enumerate() {
            for stream in &own.streams {
                self.register_one(producer, *stream);
            }
        }
    }

    fn register_one(&mut self, producer: usize, stream: StreamIndex) {
        let (invoked, confirmed) = (self.now(), self.now());
        let sessions = &mut self.history.producers[producer].sessions;
        let own = &mut self.streams[stream.place()];
        own.session = u32::try_from(sessions.len()).unwrap();
        sessions.push(Session {
            incarnation: 0,
            stream,
            broker: 1,
            id: Some(sessions.len().to_string()),
            epoch: self.epoch,
            base: own.next,
            invoked,
            confirmed,
        });
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
}
