//! Carries a plan's faults out: waits for their triggers, does to the testbed or to consumers what
//! they say, ends each firing in time, and writes down what was done. Whatever was begun is ended,
//! also when the run ends first, is interrupted, or another fault cannot be carried out.
//!
//! All of it is one task, so that a simulated run has one order of events.

mod carried_out;
mod nodes;
mod parts;
mod storage;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use futures_util::StreamExt as _;
use futures_util::future::{BoxFuture, join, join_all};
use futures_util::stream::FuturesUnordered;
use tokio::time::{Instant, sleep, sleep_until};

use self::carried_out::CarriedOut;
use self::parts::{Parts, Trouble};
use super::signals::Signals;
use super::{Phase, Phases, RunContext};
use crate::driver::Failure;
use crate::fault::{
    Effect, Fault, Hold, Link, LinkFault, Part, StorageFault, Target, Trigger, Who,
};
use crate::history::{ConsumerHistory, Firing, Moment, ProducerHistory, Stamp};
use crate::input::names::Actor;
use crate::numbers::number;
use crate::plan::{Choice, ConsumerIndex};
use crate::testbed::{self, InjectionId};

/// Carries out all faults of the plan; returns what was done, by fault and then in order.
///
/// # Errors
/// The first thing that could not be carried out. What was begun is ended all the same.
pub(super) async fn execute(
    context: Arc<RunContext>,
    signals: Arc<Signals>,
    phases: Phases,
) -> Result<Vec<Firing>, Failure> {
    let begun = tokio::select! { biased;
        () = signals.finished() => None,
        begun = phases.producing() => begun,
    };
    let Some(origin) = begun else { return Ok(Vec::new()) };
    let storage = context.plan.has_storage_fault().then(|| context.plan.scenario.broker.storage());
    let executor = Executor {
        parts: Parts::new(&context, storage),
        context: &context,
        signals: &signals,
        phases: &phases,
        origin,
        injections: AtomicU64::new(0),
    };
    let faults = context.plan.scenario.faults.iter().enumerate();
    let faults = join_all(faults.map(|(place, fault)| executor.fault(place, fault)));
    let (all, left) = join(faults, executor.look_after_storage()).await;
    let mut firings = all.into_iter().flatten().collect::<Result<Vec<_>, _>>()?;
    executor.add(&mut firings, left?);
    Ok(firings)
}

struct Executor<'a> {
    context: &'a RunContext,
    signals: &'a Signals,
    phases: &'a Phases,
    parts: Parts,
    /// When producers could begin.
    origin: Instant,
    injections: AtomicU64,
}

type Done = Result<Firing, Failure>;

/// When a firing had taken effect.
type Struck = OnceLock<Moment>;

/// What one firing is about, chosen.
enum Chosen {
    Part(Part),
    /// With what chance follows from.
    Storage(Part, u64),
    Links(Vec<Link>),
    Consumers(Vec<Actor>),
}

impl Executor<'_> {
    /// One fault with all its firings.
    async fn fault(&self, place: usize, fault: &Fault) -> Vec<Done> {
        let mut choice = self.context.plan.choice(place);
        let due = match fault.trigger {
            Trigger::Every { .. } => return self.repeated(place, fault, choice).await,
            Trigger::At(at) => self.comes(self.origin + at).await,
            Trigger::After { .. } => tokio::select! { biased;
                () = self.signals.finished() => false,
                () = self.signals.reached(place) => true,
            },
        };
        if due {
            vec![self.fire(place, fault, self.choose(fault, &mut choice)).await]
        } else {
            Vec::new()
        }
    }

    /// Whether the run goes on until then.
    async fn comes(&self, at: Instant) -> bool {
        tokio::select! { biased;
            () = self.signals.finished() => false,
            () = sleep_until(at) => true,
        }
    }

    async fn repeated(&self, place: usize, fault: &Fault, mut choice: Choice) -> Vec<Done> {
        let Trigger::Every { every, from, until } = fault.trigger else { return Vec::new() };
        let mut lasting: FuturesUnordered<BoxFuture<'_, Done>> = FuturesUnordered::new();
        let mut done = Vec::new();
        let mut next = from;
        loop {
            let more = until.is_none_or(|until| next <= until)
                && (until.is_some() || matches!(self.phases.now(), Phase::Producing(_)));
            tokio::select! { biased;
                true = self.comes(self.origin + next), if more => {
                    if until.is_some() || matches!(self.phases.now(), Phase::Producing(_)) {
                        let chosen = self.choose(fault, &mut choice);
                        lasting.push(Box::pin(self.fire(place, fault, chosen)));
                    }
                    next += every;
                }
                Some(fired) = lasting.next() => done.push(fired),
                else => return done,
            }
        }
    }

    /// Begins, waits until it is over, ends.
    async fn fire(&self, place: usize, fault: &Fault, chosen: Chosen) -> Done {
        let began = self.context.recorder.now();
        let (whom, struck) = (chosen.to_string(), Struck::new());
        let recorder = &self.context.recorder;
        recorder.tell(|| format!("fault begins: {} {whom}", fault.action.key()));
        let effect = &fault.action.effect;
        // A server may end because of its disk.
        if effect.restarts() || effect.storage().is_some() {
            self.signals.restart();
        }
        let mut done = CarriedOut::default();
        let carried_out = match (effect, &chosen) {
            (Effect::Process(hold), Chosen::Part(part)) => {
                self.hold(fault, *part, *hold, &struck).await
            }
            (Effect::Link(kind), Chosen::Links(links)) => {
                let met = self.links(fault, kind.as_ref(), links, &struck).await;
                met.map(|met| done.met = met).map_err(Trouble::from)
            }
            (Effect::Crash, Chosen::Consumers(consumers)) => {
                done.met = self.crash(fault, consumers, &struck).await;
                Ok(())
            }
            (Effect::Storage(kind), Chosen::Storage(part, seed)) => {
                self.storage((fault, kind), (*part, *seed), &struck, &mut done).await
            }
            _ => unreachable!("loading gives a fault a target that its kind takes"),
        };
        match carried_out {
            Ok(()) => {}
            Err(Trouble::Gone(words)) => {
                done.on_disk.gone = Some(words);
                self.signals.be_gone();
            }
            // What else cannot be done then is no wonder.
            Err(Trouble::Other(_)) if self.signals.is_gone() => {}
            Err(Trouble::Other(failure)) => return Err(self.cannot(fault, &failure)),
        }
        let CarriedOut { met, on_disk } = done;
        let key = fault.action.key();
        recorder.tell(|| format!("fault over: {key} {whom}, met {}", number(met)));
        let is_told = effect.storage().is_some() || on_disk.gone.is_some();
        let on_disk = is_told.then_some(on_disk);
        let fault = u32::try_from(place).expect("a file has fewer than 2^32 faults");
        let (struck, ended) = (struck.get().copied(), self.context.recorder.now());
        Ok(Firing { fault, whom, began, struck, ended, met, on_disk })
    }

    /// Nothing more is to begin, and what lasts is to end.
    fn cannot(&self, fault: &Fault, why: &testbed::Failure) -> Failure {
        self.signals.finish();
        let (file, line) = (self.context.plan.scenario.file.display(), fault.line);
        Failure::new(format!("{file}:{line}: `{}` cannot be carried out: {why}", fault.action))
    }

    /// Notes that a firing has taken effect, and waits until it is over.
    async fn last(&self, fault: &Fault, struck: &Struck) {
        // A firing takes effect once.
        let _ = struck.set(self.context.recorder.now());
        let over = async {
            match fault.lasts {
                Some(lasts) => sleep(lasts).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! { biased;
            () = self.signals.finished() => {}
            () = over => {}
        }
    }

    async fn hold(
        &self,
        fault: &Fault,
        part: Part,
        hold: Hold,
        struck: &Struck,
    ) -> Result<(), Trouble> {
        // Each by itself: a node that comes up waits for more than half of the others, and these must
        // not wait for it.
        let holds = self.all_of(part).into_iter().map(|part| async move {
            self.parts.hold(part, hold).await?;
            self.last(fault, struck).await;
            self.parts.release(part, hold).await
        });
        join_all(holds).await.into_iter().collect()
    }

    /// The part, or all nodes of a cluster.
    fn all_of(&self, part: Part) -> Vec<Part> {
        let nodes = self.context.plan.scenario.broker.nodes();
        let nodes: Vec<Part> = nodes.filter(|_| part == Part::Database).collect();
        if nodes.is_empty() { vec![part] } else { nodes }
    }

    async fn links(
        &self,
        fault: &Fault,
        kind: &dyn LinkFault,
        links: &[Link],
        struck: &Struck,
    ) -> Result<u64, testbed::Failure> {
        let injector = self.parts.injector()?;
        let mut begun = Vec::with_capacity(links.len());
        let mut result = Ok(0);
        for link in links {
            let id = InjectionId(self.injections.fetch_add(1, Ordering::Relaxed));
            if let Err(failure) = injector.inject(id, *link, kind.begin()) {
                result = Err(failure);
                break;
            }
            begun.push(id);
        }
        if result.is_ok() {
            tokio::select! { biased;
                () = self.last(fault, struck) => {}
                _ = join_all(begun.iter().map(|id| injector.spent(*id))) => {}
            }
        }
        for id in begun {
            match (injector.heal(id), &mut result) {
                (Ok(met), Ok(total)) => *total += met,
                (Err(failure), Ok(_)) => result = Err(failure),
                (_, Err(_)) => {}
            }
        }
        result
    }

    async fn crash(&self, fault: &Fault, consumers: &[Actor], struck: &Struck) -> u64 {
        let place = |actor: &Actor| {
            let place = self.context.plan.place_of(*actor);
            ConsumerIndex::new(place.expect("loading looks every name up"))
        };
        let consumers: Vec<ConsumerIndex> = consumers.iter().map(place).collect();
        let begun: Vec<_> = consumers.iter().map(|own| (*own, self.signals.crash(*own))).collect();
        let noticed = begun.into_iter().map(|(own, crash)| self.signals.noticed(own, crash));
        let met = tokio::select! { biased;
            met = join_all(noticed) => met,
            // In a run that cannot go on a consumer may never notice.
            () = self.signals.finished() => Vec::new(),
        };
        self.last(fault, struck).await;
        for consumer in consumers {
            self.signals.revive(consumer);
        }
        met.into_iter().sum()
    }

    /// What a firing is about; chance picks where the fault says `any`.
    fn choose(&self, fault: &Fault, choice: &mut Choice) -> Chosen {
        let (plan, action) = (&self.context.plan, &fault.action);
        match &action.target {
            Target::Process(part) => Chosen::Part(*part),
            Target::AnyBroker => {
                let place = choice.below(self.parts.brokers() as usize);
                Chosen::Part(Part::Broker(u32::try_from(place).expect("it is below a u32")))
            }
            Target::Links(who) => Chosen::Links(pick(plan.links_of(action), who, choice)),
            Target::DatabaseLink => Chosen::Links(plan.links_of(action)),
            Target::Storage => Chosen::Storage(plan.scenario.broker.storage(), choice.seed()),
            Target::Consumers(who) => {
                Chosen::Consumers(pick(plan.consumers_of(action), who, choice))
            }
        }
    }
}

/// One of them for `any`, else all.
fn pick<T>(mut from: Vec<T>, who: &Who, choice: &mut Choice) -> Vec<T> {
    if *who == Who::Any {
        let chosen = choice.below(from.len());
        return vec![from.swap_remove(chosen)];
    }
    from
}

impl std::fmt::Display for Chosen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let words: Vec<String> = match self {
            Self::Part(part) | Self::Storage(part, _) => return part.fmt(f),
            Self::Links(links) => links.iter().map(Link::to_string).collect(),
            Self::Consumers(consumers) => consumers.iter().map(Actor::to_string).collect(),
        };
        f.write_str(&words.join(" "))
    }
}

/// Counts how much traffic each fault met that holds a process down or still: the requests that were
/// under way while it lasted. The testbed counts that of the others.
pub(super) fn count_traffic(
    faults: &[Fault],
    firings: &mut [Firing],
    producers: &[ProducerHistory],
    consumers: &[ConsumerHistory],
) {
    let holds = |firing: &Firing| match faults[firing.fault as usize].action.effect {
        Effect::Process(_) | Effect::Storage(StorageFault::Power(_)) => true,
        Effect::Storage(_) | Effect::Link(_) | Effect::Crash => false,
    };
    if !firings.iter().any(holds) {
        return;
    }
    let sends = producers.iter().flat_map(|producer| &producer.sends);
    let polls = consumers.iter().flat_map(|consumer| &consumer.polls);
    let sends = sends.map(|sent| (sent.invoked.stamp, sent.completed.stamp));
    let spans = sends.chain(polls.map(|poll| (poll.invoked.stamp, poll.completed.stamp)));
    let (mut invoked, mut completed): (Vec<Stamp>, Vec<Stamp>) = spans.unzip();
    invoked.sort_unstable();
    completed.sort_unstable();
    for firing in firings.iter_mut().filter(|firing| holds(firing)) {
        // What left before the end, less what was over before the beginning.
        let left = invoked.partition_point(|stamp| *stamp < firing.ended.stamp);
        let over = completed.partition_point(|stamp| *stamp < firing.began.stamp);
        firing.met = left.saturating_sub(over) as u64;
    }
}
