//! Leads the actors through the phases of a run and puts their histories together.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};

use super::audit::audit;
use super::drain::DrainTarget;
use super::signals::Signals;
use super::{Announcer, Phase, Phases, Report, Stage, Standing, consumer, faults, producer};
use crate::driver::Failure;
use crate::history::{ConsumerHistory, End, Firing, History, ProducerHistory};
use crate::plan::{ConsumerIndex, ProducerIndex, TopicIndex};
use crate::scenario::Start;

/// Topics created at once.
const TOPICS_AT_ONCE: usize = 64;

/// Runs the plan: creates the topics, starts every actor, and returns what they saw. When
/// `interrupted` completes, the actors stop and what they saw until then is returned.
///
/// # Errors
/// When an actor cannot take part: a registration or a subscription fails, a poll is refused for
/// good, or a consumer's log cannot be written.
pub async fn perform(
    stage: Arc<Stage>,
    interrupted: impl Future<Output = ()> + Send + 'static,
) -> Result<History, Failure> {
    let first = match stage.plan.scenario.start {
        Start::ConsumersFirst => Phase::Gathering,
        Start::Together => Phase::Producing(Instant::now()),
    };
    let (announcer, phases) = Phases::new(first);
    let (report, reports) = mpsc::unbounded_channel();
    let mut conductor = Conductor {
        announcer,
        reports,
        interrupted: Some(Box::pin(interrupted)),
        producers: JoinSet::new(),
        consumers: JoinSet::new(),
        faults: JoinSet::new(),
        firings: Vec::new(),
        signals: Arc::new(Signals::new(&stage.plan)),
        ready: 0,
        waiting: stage.plan.consumers.len(),
        caught_up: 0,
        quiet: 0,
        histories: (
            stage.plan.producers.iter().map(|_| ProducerHistory::default()).collect(),
            stage.plan.consumers.iter().map(|_| ConsumerHistory::default()).collect(),
        ),
        stage,
    };
    if conductor.create_topics().await? {
        conductor.start_actors(&phases, &report);
        let ended = conductor.conduct().await;
        if ended.is_err() {
            conductor.give_up().await;
        }
        let (stage, mut interrupted) = (Arc::clone(&conductor.stage), conductor.interrupted.take());
        let mut history = conductor.into_history(ended?);
        if history.end != End::Interrupted {
            tokio::select! { biased;
                () = interruption(&mut interrupted) => {}
                audit = audit(&stage, &history) => history.audit = audit,
            }
            history.epochs = stage.recorder.epochs();
        }
        return Ok(history);
    }
    Ok(conductor.into_history(End::Interrupted))
}

struct Conductor {
    stage: Arc<Stage>,
    announcer: Announcer,
    reports: mpsc::UnboundedReceiver<Report>,
    /// None once it has completed.
    interrupted: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    producers: JoinSet<Result<(ProducerIndex, ProducerHistory), Failure>>,
    consumers: JoinSet<Result<(ConsumerIndex, ConsumerHistory), Failure>>,
    /// The one task that carries out the faults, where there are any.
    faults: JoinSet<Result<Vec<Firing>, Failure>>,
    firings: Vec<Firing>,
    signals: Arc<Signals>,
    ready: usize,
    /// How many consumers stand where while the run drains.
    waiting: usize,
    caught_up: usize,
    quiet: usize,
    histories: (Vec<ProducerHistory>, Vec<ConsumerHistory>),
}

/// What the conductor was woken by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    /// An actor reported or ended.
    Progress,
    /// The time that was waited for has come.
    Time,
    /// The run is to stop.
    Interrupted,
}

impl Conductor {
    /// Says whether it got to the end without an interruption.
    async fn create_topics(&mut self) -> Result<bool, Failure> {
        let stage = Arc::clone(&self.stage);
        let create = async |topic: TopicIndex| {
            stage.driver.create_topic(topic).await.map_err(|failure| {
                let name = &stage.plan.topics[topic.place()].name;
                Failure::new(format!("cannot create topic {name}: {failure}"))
            })
        };
        let topics = (0..stage.plan.topics.len()).map(TopicIndex::new);
        let created =
            stream::iter(topics).map(create).buffer_unordered(TOPICS_AT_ONCE).try_collect::<()>();
        tokio::select! { biased;
            () = interruption(&mut self.interrupted) => Ok(false),
            created = created => created.map(|()| true),
        }
    }

    fn start_actors(&mut self, phases: &Phases, report: &mpsc::UnboundedSender<Report>) {
        if !self.stage.plan.scenario.faults.is_empty() {
            let (stage, signals) = (Arc::clone(&self.stage), Arc::clone(&self.signals));
            self.faults.spawn(faults::execute(stage, signals, phases.clone()));
        }
        if self.stage.plan.scenario.start == Start::Together {
            // With as many processors as a small machine has, who is started last comes late. It is
            // the consumers who may, and a race that they always win shows nothing.
            self.start_producers(phases, report);
            self.start_consumers(phases, report);
        } else {
            self.start_consumers(phases, report);
            self.start_producers(phases, report);
        }
    }

    fn start_consumers(&mut self, phases: &Phases, report: &mpsc::UnboundedSender<Report>) {
        for index in (0..self.stage.plan.consumers.len()).map(ConsumerIndex::new) {
            let (stage, phases, report) = (Arc::clone(&self.stage), phases.clone(), report.clone());
            let stop = phases.clone();
            let signals = Arc::clone(&self.signals);
            self.consumers.spawn(async move {
                let (actor, subscribers) = tokio::select! { biased;
                    // A broker that does not answer must not hold up an interruption.
                    () = stop.stopped() => return Ok((index, ConsumerHistory::default())),
                    made = consumer::Actor::subscribe(
                        stage,
                        index,
                        phases,
                        report.clone(),
                        signals,
                    ) => made?,
                };
                // The conductor listens until every actor has ended.
                let _ = report.send(Report::Ready);
                Ok((index, actor.run(subscribers).await?))
            });
        }
    }

    fn start_producers(&mut self, phases: &Phases, report: &mpsc::UnboundedSender<Report>) {
        for index in (0..self.stage.plan.producers.len()).map(ProducerIndex::new) {
            let (stage, phases, report) = (Arc::clone(&self.stage), phases.clone(), report.clone());
            let stop = phases.clone();
            let signals = Arc::clone(&self.signals);
            self.producers.spawn(async move {
                let actor = tokio::select! { biased;
                    () = stop.stopped() => return Ok((index, ProducerHistory::default())),
                    made = producer::Actor::register(stage, index, phases, signals) => made?,
                };
                let _ = report.send(Report::Ready);
                Ok((index, actor.run().await))
            });
        }
    }

    async fn conduct(&mut self) -> Result<End, Failure> {
        if self.stage.plan.scenario.start == Start::ConsumersFirst {
            let actors = self.producers.len() + self.consumers.len();
            while self.ready < actors {
                if self.step(None).await? == Event::Interrupted {
                    return self.stop(End::Interrupted).await;
                }
            }
            self.announcer.announce(Phase::Producing(Instant::now()));
        }
        while !self.producers.is_empty() {
            if self.step(None).await? == Event::Interrupted {
                return self.stop(End::Interrupted).await;
            }
        }
        self.drain().await
    }

    /// Leads the consumers to the end. The producers are done.
    async fn drain(&mut self) -> Result<End, Failure> {
        let began = Instant::now();
        let deadline = began + self.stage.plan.scenario.drain.deadline;
        let target = DrainTarget::new(&self.stage.plan, &self.histories.0);
        // Idleness counts from here at the earliest.
        self.stage.recorder.active(self.stage.recorder.now());
        self.announcer.announce(Phase::Draining(Arc::new(target)));
        while self.waiting > 0 {
            match self.step(Some(deadline)).await? {
                Event::Interrupted => return self.stop(End::Interrupted).await,
                Event::Time => return self.stop(End::Deadline).await,
                Event::Progress => {}
            }
        }
        if self.quiet > 0 {
            return self.stop(End::Idle).await;
        }
        // The last polls are to find the broker up and its connections whole.
        self.signals.finish();
        while !self.faults.is_empty() {
            match self.step(Some(deadline)).await? {
                Event::Progress => {}
                Event::Interrupted => return self.stop(End::Interrupted).await,
                Event::Time => return self.stop(End::Deadline).await,
            }
        }
        self.announcer.announce(Phase::LastPolls);
        while !self.consumers.is_empty() {
            match self.step(Some(deadline)).await? {
                Event::Progress => {}
                Event::Interrupted => return self.stop(End::Interrupted).await,
                Event::Time => return self.stop(End::Deadline).await,
            }
        }
        Ok(End::Drained)
    }

    fn standing(&mut self, standing: Standing) -> &mut usize {
        match standing {
            Standing::Waiting => &mut self.waiting,
            Standing::CaughtUp => &mut self.caught_up,
            Standing::Quiet => &mut self.quiet,
        }
    }

    /// Stops the actors and takes in what they saw.
    async fn stop(&mut self, end: End) -> Result<End, Failure> {
        self.announcer.announce(Phase::Stopped);
        self.signals.finish();
        while !(self.producers.is_empty() && self.consumers.is_empty() && self.faults.is_empty()) {
            self.step(None).await?;
        }
        Ok(end)
    }

    /// Ends what the faults have begun, in a run that cannot go on.
    async fn give_up(&mut self) {
        self.announcer.announce(Phase::Stopped);
        self.signals.finish();
        while self.faults.join_next().await.is_some() {}
    }

    async fn step(&mut self, until: Option<Instant>) -> Result<Event, Failure> {
        // A day stands for never: no run waits so long for a single event.
        let until = until.unwrap_or_else(|| Instant::now() + Duration::from_hours(24));
        tokio::select! { biased;
            () = interruption(&mut self.interrupted) => return Ok(Event::Interrupted),
            Some(joined) = self.producers.join_next() => {
                let (index, history) = ended(joined)?;
                self.histories.0[index.place()] = history;
            }
            Some(joined) = self.consumers.join_next() => {
                let (index, history) = ended(joined)?;
                self.histories.1[index.place()] = history;
            }
            Some(joined) = self.faults.join_next() => self.firings = ended(joined)?,
            Some(report) = self.reports.recv() => match report {
                Report::Ready => self.ready += 1,
                Report::Standing { from, to } => {
                    *self.standing(from) -= 1;
                    *self.standing(to) += 1;
                }
            },
            () = sleep_until(until) => return Ok(Event::Time),
        }
        Ok(Event::Progress)
    }

    fn into_history(mut self, end: End) -> History {
        let (producers, consumers) = self.histories;
        let faults = &self.stage.plan.scenario.faults;
        faults::count_traffic(faults, &mut self.firings, &producers, &consumers);
        let epochs = self.stage.recorder.epochs();
        History { epochs, producers, consumers, faults: self.firings, audit: Vec::new(), end }
    }
}

/// Completes once: when the run is to stop.
async fn interruption(interrupted: &mut Option<Pin<Box<dyn Future<Output = ()> + Send>>>) {
    match interrupted {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
    *interrupted = None;
}

fn ended<T>(joined: Result<Result<T, Failure>, JoinError>) -> Result<T, Failure> {
    joined.unwrap_or_else(|error| Err(Failure::new(format!("an actor crashed: {error}"))))
}
