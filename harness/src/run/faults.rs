//! Carries a plan's faults out: waits for their triggers, hurts the testbed or crashes consumers,
//! ends each firing in time, and writes down what was done. Whatever was begun is ended, also when
//! the run ends first, is interrupted, or another fault cannot be carried out.
//!
//! All of it is one task, so that a simulated run has one order of events.

mod parts;
mod traffic;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::StreamExt as _;
use futures_util::future::{BoxFuture, join_all};
use futures_util::stream::FuturesUnordered;
use tokio::time::{Instant, sleep, sleep_until};

use self::parts::Parts;
use super::signals::Signals;
use super::{Phase, Phases, Stage};
use crate::driver::Failure;
use crate::history::Firing;
use crate::plan::{Choice, ConsumerIndex, Link};
use crate::scenario::fault::{Action, Fault, Target, Trigger, Who};
use crate::scenario::names::Actor;
use crate::testbed::{self, Harm, HarmId, Hurt, Part};

pub(super) use traffic::count as count_traffic;

/// Carries out all faults of the plan; returns what was done, by fault and then in order.
///
/// # Errors
/// The first thing that could not be carried out. What was begun is ended all the same.
pub(super) async fn execute(
    stage: Arc<Stage>,
    signals: Arc<Signals>,
    phases: Phases,
) -> Result<Vec<Firing>, Failure> {
    let begun = tokio::select! { biased;
        () = signals.finished() => None,
        begun = phases.producing() => begun,
    };
    let Some(origin) = begun else { return Ok(Vec::new()) };
    let executor = Executor {
        parts: Parts::new(stage.hurt.clone()),
        stage: &stage,
        signals: &signals,
        phases: &phases,
        origin,
        harms: AtomicU64::new(0),
    };
    let faults = stage.plan.scenario.faults.iter().enumerate();
    let all = join_all(faults.map(|(place, fault)| executor.fault(place, fault))).await;
    let mut firings = Vec::new();
    for done in all.into_iter().flatten() {
        firings.push(done?);
    }
    Ok(firings)
}

struct Executor<'a> {
    stage: &'a Stage,
    signals: &'a Signals,
    phases: &'a Phases,
    parts: Parts,
    /// When producers could begin.
    origin: Instant,
    harms: AtomicU64,
}

type Done = Result<Firing, Failure>;

/// Whom one firing is about, chosen.
enum Victim {
    Part(Part),
    Links(Vec<Link>),
    Consumers(Vec<Actor>),
}

impl Executor<'_> {
    /// One fault with all its firings.
    async fn fault(&self, place: usize, fault: &Fault) -> Vec<Done> {
        let mut choice = self.stage.plan.choice(place);
        let due = match fault.trigger {
            Trigger::Every { .. } => return self.repeated(place, fault, choice).await,
            Trigger::At(at) => self.comes(self.origin + at).await,
            Trigger::After { .. } => tokio::select! { biased;
                () = self.signals.finished() => false,
                () = self.signals.reached(place) => true,
            },
        };
        if due {
            vec![self.fire(place, fault, self.victim(fault, &mut choice)).await]
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
                        let victim = self.victim(fault, &mut choice);
                        lasting.push(Box::pin(self.fire(place, fault, victim)));
                    }
                    next += every;
                }
                Some(fired) = lasting.next() => done.push(fired),
                else => return done,
            }
        }
    }

    /// Begins, waits until it is over, ends.
    async fn fire(&self, place: usize, fault: &Fault, victim: Victim) -> Done {
        let began = self.stage.recorder.now();
        let whom = victim.to_string();
        let met = match &victim {
            Victim::Part(part) => self.part(fault, *part).await.map(|()| 0),
            Victim::Links(links) => self.links(fault, links).await,
            Victim::Consumers(consumers) => Ok(self.crash(fault, consumers).await),
        };
        let met = met.map_err(|failure| {
            // Nothing more is to begin, and what lasts is to end.
            self.signals.finish();
            let (file, line) = (self.stage.plan.scenario.file.display(), fault.line);
            Failure::new(format!(
                "{file}:{line}: `{}` cannot be carried out: {failure}",
                fault.action
            ))
        })?;
        let fault = u32::try_from(place).expect("a file has fewer than 2^32 faults");
        Ok(Firing { fault, whom, began, ended: self.stage.recorder.now(), met })
    }

    /// Waits until a firing is over.
    async fn last(&self, fault: &Fault) {
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

    async fn part(&self, fault: &Fault, part: Part) -> Result<(), testbed::Failure> {
        match fault.action {
            Action::Pause(_) => {
                self.parts.pause(part).await?;
                self.last(fault).await;
                self.parts.resume(part).await
            }
            ref action => {
                self.parts.down(part, matches!(action, Action::Stop(_))).await?;
                self.last(fault).await;
                self.parts.up(part).await
            }
        }
    }

    async fn links(&self, fault: &Fault, links: &[Link]) -> Result<u64, testbed::Failure> {
        let harm = match fault.action {
            Action::DropAck { count, .. } => Harm::DropAcks(count),
            Action::BlackHole(_) => Harm::BlackHole,
            Action::Slow(_, slowness) => Harm::Slow(slowness),
            _ => Harm::Cut,
        };
        let hurt = self.parts.hurt()?;
        let mut begun = Vec::with_capacity(links.len());
        let mut result = Ok(0);
        for link in links {
            let id = HarmId(self.harms.fetch_add(1, Ordering::Relaxed));
            if let Err(failure) = hurt.harm(id, *link, harm).await {
                result = Err(failure);
                break;
            }
            begun.push(id);
        }
        if result.is_ok() {
            tokio::select! { biased;
                () = self.last(fault) => {}
                _ = join_all(begun.iter().map(|id| hurt.spent(*id))) => {}
            }
        }
        for id in begun {
            match (hurt.mend(id).await, &mut result) {
                (Ok(met), Ok(total)) => *total += met,
                (Err(failure), Ok(_)) => result = Err(failure),
                (_, Err(_)) => {}
            }
        }
        result
    }

    async fn crash(&self, fault: &Fault, consumers: &[Actor]) -> u64 {
        let place = |actor: &Actor| {
            let place = self.stage.plan.place_of(*actor);
            ConsumerIndex::new(place.expect("loading looks every name up"))
        };
        let consumers: Vec<ConsumerIndex> = consumers.iter().map(place).collect();
        let begun: Vec<_> = consumers.iter().map(|own| (*own, self.signals.crash(*own))).collect();
        let noticed = begun.into_iter().map(|(own, crash)| self.signals.noticed(own, crash));
        let met = tokio::select! { biased;
            met = join_all(noticed) => met,
            // In a run that cannot go on there may be nobody to notice.
            () = self.signals.finished() => Vec::new(),
        };
        self.last(fault).await;
        for consumer in consumers {
            self.signals.revive(consumer);
        }
        met.into_iter().sum()
    }

    /// Whom a firing is about; chance picks where the fault says `any`.
    fn victim(&self, fault: &Fault, choice: &mut Choice) -> Victim {
        if let Some(target) = fault.action.target() {
            return Victim::Part(match target {
                Target::Database => Part::Database,
                Target::Broker(place) => Part::Broker(place),
                Target::AnyBroker => {
                    let brokers = self.stage.hurt.as_ref().map_or(1, |hurt| hurt.brokers());
                    let place = choice.below(brokers as usize);
                    Part::Broker(u32::try_from(place).expect("it is below a u32"))
                }
            });
        }
        let plan = &self.stage.plan;
        match &fault.action {
            Action::Crash(who) => {
                Victim::Consumers(pick(plan.actors_of(&fault.action, who), who, choice))
            }
            action => {
                let who = action.links().expect("what is no process and no crash has links");
                Victim::Links(pick(plan.links_of(action, who), who, choice))
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

impl std::fmt::Display for Victim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let words: Vec<String> = match self {
            Self::Part(part) => return part.fmt(f),
            Self::Links(links) => links.iter().map(Link::to_string).collect(),
            Self::Consumers(consumers) => consumers.iter().map(Actor::to_string).collect(),
        };
        f.write_str(&words.join(" "))
    }
}

/// What a run without a testbed that can be hurt says.
fn cannot(hurt: Option<&Arc<dyn Hurt>>) -> Result<&Arc<dyn Hurt>, testbed::Failure> {
    hurt.ok_or_else(|| testbed::Failure("this broker is not ours to hurt".to_owned()))
}
