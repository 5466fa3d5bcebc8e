//! A producer actor: registers with its topics, then sends its rounds.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::future::join_all;
use tokio::time::{Instant, sleep, sleep_until};

use super::{Phases, Stage};
use crate::driver::{Failure, Reply, Sender};
use crate::history::{Outcome, ProducerHistory, Sent, Session};
use crate::plan::{Due, MessageId, Producer, ProducerIndex, Request, Round};

/// Everything that a producer actor owns.
pub struct Actor {
    stage: Arc<Stage>,
    index: ProducerIndex,
    phases: Phases,
    /// By place in the producer's streams.
    lanes: Vec<Lane>,
    history: ProducerHistory,
}

/// One stream of the producer: its registration and the space to prepare a request in.
struct Lane {
    sender: Box<dyn Sender>,
    session: u32,
    tagged: Vec<String>,
}

impl Actor {
    /// Registers the producer with each of its topics.
    ///
    /// # Errors
    /// When the broker does not accept a registration.
    pub async fn register(
        stage: Arc<Stage>,
        index: ProducerIndex,
        phases: Phases,
    ) -> Result<Self, Failure> {
        let mut actor =
            Self { stage, index, phases, lanes: Vec::new(), history: ProducerHistory::default() };
        let plan = Arc::clone(&actor.stage.plan);
        for stream in &plan.producers[index.place()].streams {
            let topic = &plan.topics[plan.streams[stream.place()].topic.place()].name;
            let recorder = &actor.stage.recorder;
            let invoked = recorder.now();
            let sender = actor.stage.driver.register(topic).await.map_err(|failure| {
                let number = plan.producers[index.place()].number;
                Failure(format!("cannot register P{number} with {topic}: {failure}"))
            })?;
            let confirmed = recorder.now();
            let (id, epoch) = sender.session();
            let epoch = epoch.map(|epoch| recorder.epoch(epoch));
            if let Some(id) = id {
                recorder.register(epoch, id, *stream, 0);
            }
            let session = u32::try_from(actor.history.sessions.len())
                .expect("a producer registers fewer than 2^32 times");
            actor.history.sessions.push(Session {
                incarnation: 0,
                stream: *stream,
                id,
                epoch,
                base: 0,
                invoked,
                confirmed,
            });
            actor.lanes.push(Lane { sender, session, tagged: Vec::new() });
        }
        Ok(actor)
    }

    /// Sends every round; returns early when the run is stopped.
    pub async fn run(mut self) -> ProducerHistory {
        let origin = self.phases.producing().await;
        let plan = Arc::clone(&self.stage.plan);
        let producer = &plan.producers[self.index.place()];
        for round in &producer.rounds {
            let Some(origin) = origin else { break };
            let Some(intended) = self.await_turn(round, origin).await else { break };
            if !self.send_round(producer, round, intended).await {
                break;
            }
        }
        self.history
    }

    /// Waits until the round is due. The instant that it is due at is none for a round that starts
    /// as soon as it can; nothing at all when the run is stopped.
    async fn await_turn(&mut self, round: &Round, origin: Instant) -> Option<Option<Instant>> {
        let intended = match round.due {
            Due::Now => None,
            Due::At(since) => Some(origin + since),
            Due::After(pause) => {
                tokio::select! { biased;
                    () = self.phases.stopped() => return None,
                    () = sleep(pause) => {}
                }
                None
            }
        };
        if let Some(instant) = intended
            && instant > Instant::now()
        {
            tokio::select! { biased;
                () = self.phases.stopped() => return None,
                () = sleep_until(instant) => {}
            }
        }
        (!self.phases.is_stopped()).then_some(intended)
    }

    /// Sends the round's requests together and waits for the outcome of each. Says whether the
    /// run goes on.
    async fn send_round(
        &mut self,
        producer: &Producer,
        round: &Round,
        intended: Option<Instant>,
    ) -> bool {
        let requests =
            &producer.requests[round.requests.start as usize..round.requests.end as usize];
        let stage = &self.stage;
        let mut calls = Vec::with_capacity(requests.len());
        for (place, lane) in self.lanes.iter_mut().enumerate() {
            let stream = producer.streams[place];
            if let Some(request) = requests.iter().find(|request| request.stream == stream) {
                calls.push(lane.send(stage, *request, intended, self.phases.clone()));
            }
        }
        let sent =
            if calls.len() == 1 { vec![calls.remove(0).await] } else { join_all(calls).await };
        self.history.sends.extend(sent);
        !self.phases.is_stopped()
    }
}

impl Lane {
    async fn send(
        &mut self,
        stage: &Stage,
        request: Request,
        intended: Option<Instant>,
        mut phases: Phases,
    ) -> Sent {
        let first = stage.plan.streams[request.stream.place()].first.0 + request.first;
        let ids = (first..first + request.count).map(MessageId);
        let payloads: Vec<&str> = if stage.driver.needs_tags() {
            let tag = |id| format!("{}:{}", stage.plan.name(id), stage.plan.messages.payload(id));
            self.tagged = ids.map(tag).collect();
            self.tagged.iter().map(String::as_str).collect()
        } else {
            ids.map(|id| stage.plan.messages.payload(id)).collect()
        };
        let invoked = stage.recorder.now();
        let reply = tokio::select! { biased;
            reply = self.sender.send(&payloads) => reply,
            () = phases.stopped() => interrupted(),
        };
        let completed = stage.recorder.now();
        stage.recorder.counters.sent.fetch_add(u64::from(request.count), Ordering::Relaxed);
        Sent {
            session: self.session,
            stream: request.stream,
            first: request.first,
            count: request.count,
            intended: intended.map_or(invoked.at, |instant| stage.recorder.at(instant)),
            invoked,
            completed,
            attempts: reply.attempts,
            outcome: reply.outcome,
        }
    }
}

fn interrupted() -> Reply {
    Reply { outcome: Outcome::Unknown { why: "the run was stopped".to_owned() }, attempts: 1 }
}
