//! A producer actor: registers with its topics, then sends its rounds.

mod pipeline;

use std::sync::Arc;

use futures_util::future::join_all;
use tokio::time::{Instant, sleep, sleep_until};

use self::pipeline::Pipeline;
use super::signals::Signals;
use super::stream_sender::StreamSender;
use super::{Phases, RunContext};
use crate::driver::Failure;
use crate::history::{ProducerHistory, Sent};
use crate::plan::{Due, Producer, ProducerIndex, Round};

/// Everything that a producer actor owns.
pub struct Actor {
    context: Arc<RunContext>,
    index: ProducerIndex,
    phases: Phases,
    signals: Arc<Signals>,
    /// By place in the producer's streams.
    senders: Vec<StreamSender>,
    /// Their sessions count within their stream until the history is put together.
    sends: Vec<Sent>,
}

impl Actor {
    /// Registers the producer with each of its topics.
    pub async fn register(
        context: Arc<RunContext>,
        index: ProducerIndex,
        phases: Phases,
        signals: Arc<Signals>,
    ) -> Result<Self, Failure> {
        let producer = &context.plan.producers[index.place()];
        let senders =
            producer.streams.iter().map(|stream| StreamSender::register(&context, *stream));
        let senders = join_all(senders).await.into_iter().collect::<Result<_, _>>()?;
        Ok(Self { context, index, phases, signals, senders, sends: Vec::new() })
    }

    /// Sends every round; returns early when the run is stopped.
    pub async fn run(mut self) -> ProducerHistory {
        let plan = Arc::clone(&self.context.plan);
        let producer = &plan.producers[self.index.place()];
        let settings = &plan.scenario.producers[self.index.place()];
        let in_flight = settings.in_flight.get() as usize;
        let Some(origin) = self.phases.producing().await else { return self.into_history() };
        if in_flight > 1 {
            let (context, phases, signals) = (&self.context, &self.phases, &self.signals);
            let pipeline = Pipeline::new(context, phases, signals, in_flight, &mut self.senders);
            self.sends = pipeline.run(producer, origin).await;
        } else {
            for round in &producer.rounds {
                let Ok(intended) = self.await_turn(round, origin).await else { break };
                self.send_round(producer, round, intended).await;
            }
        }
        self.into_history()
    }

    /// Waits until the round is due, and says when that was, where it is an instant of the plan.
    async fn await_turn(
        &mut self,
        round: &Round,
        origin: Instant,
    ) -> Result<Option<Instant>, Stopped> {
        let (intended, turn) = match round.due {
            Due::Now => (None, None),
            Due::At(since) => (Some(origin + since), Some(sleep_until(origin + since))),
            Due::After(pause) => (None, Some(sleep(pause))),
        };
        if let Some(turn) = turn {
            tokio::select! { biased;
                () = self.phases.stopped() => return Err(Stopped),
                () = turn => {}
            }
        }
        if self.phases.is_stopped() { Err(Stopped) } else { Ok(intended) }
    }

    /// Sends the round's requests together and waits for the outcome of each.
    async fn send_round(&mut self, producer: &Producer, round: &Round, intended: Option<Instant>) {
        let range = round.requests.start as usize..round.requests.end as usize;
        let requests = &producer.requests[range];
        let mut calls = Vec::with_capacity(requests.len());
        for (sender, stream) in self.senders.iter_mut().zip(&producer.streams) {
            if let Some(request) = requests.iter().find(|request| request.stream == *stream) {
                calls.push(sender.send(
                    &self.context,
                    *request,
                    intended,
                    &self.phases,
                    &self.signals,
                ));
            }
        }
        for sent in join_all(calls).await {
            self.sends.extend(sent);
        }
    }

    fn into_history(self) -> ProducerHistory {
        let streams = &self.context.plan.producers[self.index.place()].streams;
        let mut history = ProducerHistory { sessions: Vec::new(), sends: self.sends };
        let mut first_session = vec![0; streams.len()];
        for (sender, first) in self.senders.into_iter().zip(&mut first_session) {
            *first = u32::try_from(history.sessions.len())
                .expect("a producer registers fewer than 2^32 times");
            history.sessions.extend(sender.into_sessions());
        }
        for sent in &mut history.sends {
            let place = streams.iter().position(|stream| *stream == sent.stream);
            sent.session += first_session[place.expect("a producer sends on its own streams only")];
        }
        history
    }
}

/// The run was stopped before a round was due.
struct Stopped;
