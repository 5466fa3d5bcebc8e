//! What actors tell the faults of a run and each other, and what the faults tell them: counts that
//! are reached, and crashes. A run without any of it pays a look at lists that are empty.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::sync::Notify;

use super::known::Known;
use super::pulse::Pulse;
use crate::fault::{Counted, Effect, StorageFault, Target, Trigger};
use crate::history::{Delivery, Outcome, Sent};
use crate::input::names::Actor;
use crate::ordered_signal::OrderedSignal;
use crate::plan::{ConsumerIndex, Plan, TopicIndex};

/// Shared by the actors and the faults of one run.
#[derive(Debug)]
pub struct Signals {
    trips: Vec<Trip>,
    /// By consumer: what it waits for before its first poll, where it does.
    gates: Vec<Option<Gate>>,
    /// By consumer, or empty where none can crash.
    crashes: Vec<OrderedSignal<Crashes>>,
    /// Whether the faults are to end.
    finish: OrderedSignal<bool>,
    /// A fault that ends a process has begun.
    restarting: AtomicBool,
    /// What keeps the data is down for good.
    gone: OrderedSignal<bool>,
    /// Whether anything comes through.
    pub pulse: Pulse,
    /// Only where a fault asks for it.
    pub known: Option<Known>,
}

/// A count that a fault waits for.
#[derive(Debug)]
struct Trip {
    /// The fault's place.
    fault: usize,
    /// Of this one, by place; `None` of all.
    whose: Option<usize>,
    acks: bool,
    count: u64,
    counted: AtomicU64,
    reached: Notify,
}

/// A count of acks on some topics that a consumer waits for before it polls.
#[derive(Debug)]
struct Gate {
    topics: Vec<TopicIndex>,
    count: u64,
    counted: AtomicU64,
    is_open: OrderedSignal<bool>,
}

impl Gate {
    fn acked(&self, count: u64) {
        let before = self.counted.fetch_add(count, Ordering::Relaxed);
        if before < self.count && before + count >= self.count {
            self.is_open.change(|is_open| *is_open = true);
        }
    }
}

/// The crashes of one consumer.
#[derive(Debug, Default)]
struct Crashes {
    /// How many began.
    begun: u64,
    /// How many of those the consumer has taken notice of.
    noticed: u64,
    /// How many last.
    lasting: u64,
    /// The actor has ended.
    gone: bool,
    /// Polls that were in flight, over all crashes.
    dropped: u64,
}

/// A crash that has begun.
#[derive(Clone, Copy, Debug)]
pub struct Crashing {
    number: u64,
    /// Polls dropped by crashes before it.
    dropped: u64,
}

impl Signals {
    /// Those of a plan.
    pub fn new(plan: &Plan) -> Self {
        let faults = || plan.scenario.faults.iter();
        let trips = faults().enumerate().filter_map(|(fault, own)| {
            let Trigger::After { count, counted } = own.trigger else { return None };
            let (acks, whose) = match counted {
                Counted::Acked(whose) => (true, whose.map(Actor::producer)),
                Counted::Delivered(whose) => (false, whose.map(Actor::consumer)),
            };
            let place = |actor| plan.place_of(actor).expect("loading looks every name up");
            Some(Trip {
                fault,
                whose: whose.map(place),
                acks,
                count,
                counted: AtomicU64::new(0),
                reached: Notify::new(),
            })
        });
        let can_crash = faults().any(|fault| matches!(fault.action.target, Target::Consumers(_)));
        let consumers = if can_crash { plan.consumers.len() } else { 0 };
        let rots = |effect: &Effect| matches!(effect, Effect::Storage(StorageFault::Rot { .. }));
        let can_rot = faults().any(|fault| rots(&fault.action.effect));
        let settings = plan.scenario.consumers.iter().zip(&plan.consumers);
        let gates = settings.map(|(settings, planned)| {
            let count = settings.poll_after?.get();
            let (topics, counted) = (planned.topics.clone(), AtomicU64::new(0));
            Some(Gate { topics, count, counted, is_open: OrderedSignal::default() })
        });
        Self {
            trips: trips.collect(),
            gates: gates.collect(),
            crashes: (0..consumers).map(|_| OrderedSignal::default()).collect(),
            finish: OrderedSignal::default(),
            restarting: AtomicBool::new(false),
            gone: OrderedSignal::default(),
            pulse: Pulse::default(),
            known: can_rot.then(|| Known::new(plan)),
        }
    }

    /// Takes note of what became of messages, and counts those that were acked.
    pub fn sent(&self, plan: &Plan, sent: &Sent) {
        if !matches!(sent.outcome, Outcome::Acked { .. }) {
            return self.pulse.bad();
        }
        let stream = &plan.streams[sent.stream.place()];
        self.pulse.good(sent.count);
        if let Some(known) = &self.known {
            known.acked(plan, sent);
        }
        self.count(true, stream.producer.place(), sent.count);
        let gates = self.gates.iter().flatten();
        gates.filter(|gate| gate.topics.contains(&stream.topic)).for_each(|gate| {
            gate.acked(sent.count.into());
        });
    }

    /// Whether a consumer may poll, as far as acks decide it.
    pub fn may_poll(&self, consumer: ConsumerIndex) -> bool {
        let gate = self.gates[consumer.place()].as_ref();
        gate.is_none_or(|gate| *gate.is_open.lock())
    }

    /// Waits until it may. May be dropped and called again.
    pub async fn polls(&self, consumer: ConsumerIndex) {
        if let Some(gate) = &self.gates[consumer.place()] {
            gate.is_open.wait_for(|is_open| is_open.then_some(())).await;
        }
    }

    /// Counts deliveries.
    pub fn delivered(&self, consumer: ConsumerIndex, deliveries: &[Delivery]) {
        let count = u32::try_from(deliveries.len()).expect("a poll asks for at most u32::MAX");
        self.pulse.good(count);
        if let Some(known) = &self.known {
            known.came(deliveries);
        }
        self.count(false, consumer.place(), count);
    }

    fn count(&self, acks: bool, whose: usize, count: u32) {
        for trip in &self.trips {
            if trip.acks == acks && trip.whose.is_none_or(|own| own == whose) {
                let count = u64::from(count);
                let before = trip.counted.fetch_add(count, Ordering::Relaxed);
                if before < trip.count && before + count >= trip.count {
                    // Kept for a fault that does not wait yet.
                    trip.reached.notify_one();
                }
            }
        }
    }

    /// Waits until the count of the fault at this place is reached; once.
    pub async fn reached(&self, fault: usize) {
        match self.trips.iter().find(|trip| trip.fault == fault) {
            Some(trip) => trip.reached.notified().await,
            None => std::future::pending().await,
        }
    }

    /// Asks the faults to end what lasts and to begin nothing more.
    pub fn finish(&self) {
        self.finish.change(|finish| *finish = true);
    }

    /// Waits until the faults are to end.
    pub async fn finished(&self) {
        self.finish.wait_for(|finish| finish.then_some(())).await;
    }

    /// Says that what keeps the data is down for good: the run cannot go on.
    pub fn be_gone(&self) {
        self.gone.change(|gone| *gone = true);
        self.finish();
    }

    /// Whether it is.
    pub fn is_gone(&self) -> bool {
        *self.gone.lock()
    }

    /// Waits until it is. May be dropped and called again.
    pub async fn gone_for_good(&self) {
        self.gone.wait_for(|gone| gone.then_some(())).await;
    }

    /// Says that a process is about to be ended on purpose, or may be ended by a fault.
    pub fn restart(&self) {
        self.restarting.store(true, Ordering::SeqCst);
    }

    /// Whether a process was ended on purpose, so that the broker may not know what it knew.
    pub fn has_restarted(&self) -> bool {
        self.restarting.load(Ordering::SeqCst)
    }

    /// Crashes a consumer; [`Signals::revive`] has to follow.
    pub fn crash(&self, consumer: ConsumerIndex) -> Crashing {
        self.crashes[consumer.place()].change(|state| {
            state.begun += 1;
            state.lasting += 1;
            Crashing { number: state.begun, dropped: state.dropped }
        })
    }

    /// Waits until a consumer has noticed a crash; how many of its polls were in flight, 0 where it
    /// has ended before.
    pub async fn noticed(&self, consumer: ConsumerIndex, crashing: Crashing) -> u64 {
        let Crashing { number, dropped } = crashing;
        let noticed = move |state: &Crashes| {
            (state.gone || state.noticed >= number).then(|| state.dropped - dropped)
        };
        self.crashes[consumer.place()].wait_for(noticed).await
    }

    /// Ends a crash: the consumer comes back when all of its crashes are over.
    pub fn revive(&self, consumer: ConsumerIndex) {
        self.crashes[consumer.place()].change(|state| state.lasting -= 1);
    }

    /// Waits until the consumer is to crash. May be dropped and called again.
    pub async fn crashed(&self, consumer: ConsumerIndex) {
        match self.crashes.get(consumer.place()) {
            Some(crashes) => {
                crashes.wait_for(|state| (state.begun > state.noticed).then_some(())).await;
            }
            None => std::future::pending().await,
        }
    }

    /// The consumer has lost its memory, and so many polls with it.
    pub fn notice(&self, consumer: ConsumerIndex, dropped: usize) {
        self.crashes[consumer.place()].change(|state| {
            state.noticed = state.begun;
            state.dropped += dropped as u64;
        });
    }

    /// Waits until the consumer may come back.
    pub async fn revived(&self, consumer: ConsumerIndex) {
        let crashes = &self.crashes[consumer.place()];
        crashes.wait_for(|state| (state.lasting == 0).then_some(())).await;
    }

    /// The consumer has ended, and notices no further crash.
    pub fn gone(&self, consumer: ConsumerIndex) {
        if let Some(crashes) = self.crashes.get(consumer.place()) {
            crashes.change(|state| state.gone = true);
        }
    }
}
