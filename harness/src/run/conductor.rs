//! Leads the actors through the phases of a run and puts their histories together.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};

use super::audit::audit;
use super::drain::{DrainTarget, Passing};
use super::signals::Signals;
use super::traces::traces;
use super::{Announcer, Phase, Phases, Report, RunContext, Standing, consumer, faults, producer};
use crate::driver::Failure;
use crate::history::{
    Answer, ConsumerHistory, End, Firing, History, Nanos, Polled, ProducerHistory,
};
use crate::plan::{ConsumerIndex, ProducerIndex, TopicIndex};
use crate::scenario::Start;
use crate::testbed;

const TOPICS_AT_ONCE: usize = 64;

/// Runs the plan: creates the topics, starts every actor, and returns what they saw. When
/// `interrupted` completes, the actors stop and what they saw until then is returned.
///
/// # Errors
/// When an actor cannot take part: a registration or a subscription fails, a poll is refused for
/// good, or a consumer's log cannot be written.
pub async fn perform(
    context: Arc<RunContext>,
    interrupted: impl Future<Output = ()> + Send + 'static,
) -> Result<History, Failure> {
    let first = match context.plan.scenario.start {
        Start::ConsumersFirst => Phase::Gathering,
        Start::Together => Phase::Producing(Instant::now()),
    };
    let (announcer, phases) = Phases::new(first);
    let (report, reports) = mpsc::unbounded_channel();
    let mut conductor = Conductor {
        announcer,
        reports,
        interrupted: interrupted.fuse().boxed(),
        producers: JoinSet::new(),
        consumers: JoinSet::new(),
        faults: JoinSet::new(),
        firings: Vec::new(),
        signals: Arc::new(Signals::new(&context.plan)),
        settled: None,
        is_gone: false,
        ready: 0,
        standings: [context.plan.consumers.len(), 0, 0],
        histories: (
            context.plan.producers.iter().map(|_| ProducerHistory::default()).collect(),
            context.plan.consumers.iter().map(|_| ConsumerHistory::default()).collect(),
        ),
        context,
    };
    if conductor.create_topics().await? {
        if conductor.context.plan.scenario.start == Start::Together {
            conductor.settle().await?;
        }
        conductor.start_actors(&phases, &report);
        let ended = conductor.conduct().await;
        if ended.is_err() {
            conductor.give_up().await;
        }
        let mut history = conductor.history(ended?);
        if history.end != End::Interrupted && !conductor.is_gone {
            tokio::select! { biased;
                () = &mut conductor.interrupted => {}
                () = look_closer(&conductor.context, conductor.settled, &mut history) => {}
            }
            history.epochs = conductor.context.recorder.epochs();
        }
        return Ok(history);
    }
    Ok(conductor.history(End::Interrupted))
}

/// Looks at what the broker and its disk have.
async fn look_closer(context: &RunContext, settled: Option<Nanos>, history: &mut History) {
    history.audit = audit(context, history).await;
    if let Some(settled) = settled {
        history.traces = traces(context, settled, history).await;
    }
}

struct Conductor {
    context: Arc<RunContext>,
    announcer: Announcer,
    reports: mpsc::UnboundedReceiver<Report>,
    /// Completes once: when the run is to stop.
    interrupted: BoxFuture<'static, ()>,
    producers: JoinSet<Result<(ProducerIndex, ProducerHistory), Failure>>,
    consumers: JoinSet<Result<(ConsumerIndex, ConsumerHistory), Failure>>,
    /// The one task that carries out the faults, where there are any.
    faults: JoinSet<Result<Vec<Firing>, Failure>>,
    firings: Vec<Firing>,
    signals: Arc<Signals>,
    /// When the disk's clock began, where faults are about it.
    settled: Option<Nanos>,
    /// What keeps the data is down for good.
    is_gone: bool,
    ready: usize,
    /// How many consumers have each [`Standing`] while the run drains.
    standings: [usize; 3],
    histories: (Vec<ProducerHistory>, Vec<ConsumerHistory>),
}

/// Why a run ends otherwise than planned.
enum Stop {
    Early(End),
    Failed(Failure),
}

impl Conductor {
    /// Says whether it got to the end without an interruption.
    async fn create_topics(&mut self) -> Result<bool, Failure> {
        let context = Arc::clone(&self.context);
        let create = async |topic: TopicIndex| {
            context.driver.create_topic(topic).await.map_err(|failure| {
                let name = &context.plan.topics[topic.place()].name;
                Failure::new(format!("cannot create topic {name}: {failure}"))
            })
        };
        let topics = (0..context.plan.topics.len()).map(TopicIndex::new);
        let created =
            stream::iter(topics).map(create).buffer_unordered(TOPICS_AT_ONCE).try_collect::<()>();
        tokio::select! { biased;
            () = &mut self.interrupted => Ok(false),
            created = created => created.map(|()| true),
        }
    }

    /// Has the disk of what keeps the data begin to count, where faults are about it: what was written so
    /// far says nothing about messages.
    async fn settle(&mut self) -> Result<(), Failure> {
        let Some(medium) = self.context.plan.medium() else { return Ok(()) };
        let cannot = |testbed::Failure(why)| Failure::new(why);
        let injector = self.context.injector.as_ref();
        let injector = injector.ok_or_else(|| Failure::new("this broker is not ours to hurt"))?;
        // The disk's clock begins when it is asked to, and carrying takes a while.
        self.settled = Some(self.context.recorder.elapsed());
        injector.disk().map_err(cannot)?.settle(medium.settled).await.map_err(cannot)?;
        Ok(())
    }

    fn start_actors(&mut self, phases: &Phases, report: &mpsc::UnboundedSender<Report>) {
        if !self.context.plan.scenario.faults.is_empty() {
            let (context, signals) = (Arc::clone(&self.context), Arc::clone(&self.signals));
            self.faults.spawn(faults::execute(context, signals, phases.clone()));
        }
        if self.context.plan.scenario.start == Start::Together {
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
        for index in (0..self.context.plan.consumers.len()).map(ConsumerIndex::new) {
            let (context, phases, report) =
                (Arc::clone(&self.context), phases.clone(), report.clone());
            let stop = phases.clone();
            let signals = Arc::clone(&self.signals);
            self.consumers.spawn(async move {
                let (actor, subscribers) = tokio::select! { biased;
                    // A broker that does not answer must not hold up an interruption.
                    () = stop.stopped() => return Ok((index, ConsumerHistory::default())),
                    made = consumer::Actor::subscribe(
                        context,
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
        for index in (0..self.context.plan.producers.len()).map(ProducerIndex::new) {
            let (context, phases, report) =
                (Arc::clone(&self.context), phases.clone(), report.clone());
            let stop = phases.clone();
            let signals = Arc::clone(&self.signals);
            self.producers.spawn(async move {
                let actor = tokio::select! { biased;
                    () = stop.stopped() => return Ok((index, ProducerHistory::default())),
                    made = producer::Actor::register(context, index, phases, signals) => made?,
                };
                let _ = report.send(Report::Ready);
                Ok((index, actor.run().await))
            });
        }
    }

    /// Leads the actors to the end, or stops them before, and takes in what they saw.
    async fn conduct(&mut self) -> Result<End, Failure> {
        let end = match self.lead().await {
            Ok(()) => return Ok(self.last_word()),
            Err(Stop::Failed(failure)) => return Err(failure),
            Err(Stop::Early(end)) => end,
        };
        self.announcer.announce(Phase::Stopped);
        self.signals.finish();
        while !(self.producers.is_empty() && self.consumers.is_empty() && self.faults.is_empty()) {
            self.step(None).await?;
        }
        Ok(end)
    }

    /// How a run ended whose consumers have everything that is due: drained, unless one could not make
    /// out the answer to its last poll.
    fn last_word(&self) -> End {
        let is_unread = |part: &ConsumerHistory| {
            let claim = |poll: &Polled| &part.subscriptions[poll.subscription as usize];
            let topics = part.polls.iter().map(|poll| (claim(poll).topic, poll));
            let last: BTreeMap<TopicIndex, &Polled> = topics.collect();
            last.values().any(|poll| {
                matches!(poll.answer, Answer::Failed(_)) && claim(poll).forgotten.is_none()
            })
        };
        if self.histories.1.iter().any(is_unread) { End::Idle } else { End::Drained }
    }

    async fn lead(&mut self) -> Result<(), Stop> {
        if self.context.plan.scenario.start == Start::ConsumersFirst {
            let actors = self.producers.len() + self.consumers.len();
            self.go_on_while(|own| own.ready < actors, None).await?;
            self.settle().await.map_err(Stop::Failed)?;
            self.context.recorder.tell(|| String::from("all are registered and subscribed"));
            self.announcer.announce(Phase::Producing(Instant::now()));
        }
        self.go_on_while(|own| !own.producers.is_empty(), None).await?;

        let deadline = Some(Instant::now() + self.context.plan.scenario.drain.deadline);
        let compares_offsets = self.context.driver.capabilities().compares_offsets();
        let passing = Passing::of(&self.context.plan, compares_offsets);
        let target = DrainTarget::new(&self.context.plan, &self.histories.0, passing);
        // Idleness counts from here at the earliest.
        self.context.recorder.active(self.context.recorder.now());
        self.context.recorder.tell(|| String::from("the last message is sent; draining"));
        self.announcer.announce(Phase::Draining(Arc::new(target)));
        self.go_on_while(|own| own.standings[Standing::Waiting as usize] > 0, deadline).await?;
        if self.standings[Standing::Quiet as usize] > 0 {
            return Err(Stop::Early(End::Idle));
        }
        // Whoever polls for the last time is to find the broker up and its connections whole.
        self.signals.finish();
        self.go_on_while(|own| !own.faults.is_empty(), deadline).await?;
        self.context.recorder.tell(|| String::from("drained; the last polls"));
        self.announcer.announce(Phase::LastPolls);
        self.go_on_while(|own| !own.consumers.is_empty(), deadline).await
    }

    async fn go_on_while(
        &mut self,
        holds: impl Fn(&Self) -> bool,
        deadline: Option<Instant>,
    ) -> Result<(), Stop> {
        while holds(self) {
            if let Some(end) = self.step(deadline).await.map_err(Stop::Failed)? {
                return Err(Stop::Early(end));
            }
        }
        Ok(())
    }

    /// Ends what the faults have begun, in a run that cannot go on.
    async fn give_up(&mut self) {
        self.announcer.announce(Phase::Stopped);
        self.signals.finish();
        while self.faults.join_next().await.is_some() {}
        // The driver is finished only when nobody uses it any more.
        self.producers.shutdown().await;
        self.consumers.shutdown().await;
    }

    /// Takes in the next thing that happens; says why the run is to stop, if it is.
    async fn step(&mut self, deadline: Option<Instant>) -> Result<Option<End>, Failure> {
        // Without a deadline any time will do: the caller goes on.
        let until = deadline.unwrap_or_else(|| Instant::now() + Duration::from_hours(24));
        tokio::select! { biased;
            () = &mut self.interrupted => return Ok(Some(End::Interrupted)),
            () = self.signals.gone_for_good(), if !self.is_gone => {
                self.is_gone = true;
                return Ok(Some(End::Deadline));
            }
            Some(joined) = self.producers.join_next() => {
                if let Some((index, history)) = self.took_part(joined)? {
                    self.histories.0[index.place()] = history;
                }
            }
            Some(joined) = self.consumers.join_next() => {
                if let Some((index, history)) = self.took_part(joined)? {
                    self.histories.1[index.place()] = history;
                }
            }
            Some(joined) = self.faults.join_next() => self.firings = ended(joined)?,
            Some(report) = self.reports.recv() => match report {
                Report::Ready => self.ready += 1,
                Report::Standing { from, to } => {
                    self.standings[from as usize] -= 1;
                    self.standings[to as usize] += 1;
                }
            },
            () = sleep_until(until) => return Ok(deadline.map(|_| End::Deadline)),
        }
        Ok(None)
    }

    /// What an actor saw; nothing where it failed because what keeps the data is down for good, which is
    /// what is told of the run.
    fn took_part<T>(
        &self,
        joined: Result<Result<T, Failure>, JoinError>,
    ) -> Result<Option<T>, Failure> {
        match ended(joined) {
            Err(_) if self.is_gone => Ok(None),
            ended => ended.map(Some),
        }
    }

    fn history(&mut self, end: End) -> History {
        let (producers, consumers) = std::mem::take(&mut self.histories);
        let scenario = &self.context.plan.scenario;
        faults::count_traffic(&scenario.faults, &mut self.firings, &producers, &consumers);
        let epochs = self.context.recorder.epochs();
        let faults = std::mem::take(&mut self.firings);
        let capabilities = self.context.driver.capabilities();
        let contiguous = capabilities.contiguous_batches.known();
        let scattered_batches = contiguous != Some(true);
        let audit = Vec::new();
        History {
            traces: Vec::new(),
            epochs,
            producers,
            consumers,
            faults,
            scattered_batches,
            acknowledged_apart: capabilities.acknowledges_apart,
            audit,
            end,
        }
    }
}

fn ended<T>(joined: Result<Result<T, Failure>, JoinError>) -> Result<T, Failure> {
    joined.unwrap_or_else(|error| Err(Failure::new(format!("an actor crashed: {error}"))))
}
