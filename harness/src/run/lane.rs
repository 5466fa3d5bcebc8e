//! One stream of a producer: its registrations, one after the other, and its requests.

use std::sync::atomic::Ordering;

use tokio::time::Instant;

use super::signals::Signals;
use super::{Phases, Stage, identity};
use crate::driver::{Failure, Patience, Reply, Sender};
use crate::history::{Outcome, Sent, Session};
use crate::plan::{MessageId, Request, StreamIndex};

/// What a producer needs to send on one topic.
pub struct Lane {
    sender: Box<dyn Sender>,
    sessions: Vec<Session>,
}

impl Lane {
    /// Registers the stream's producer with its topic.
    ///
    /// # Errors
    /// When the broker does not accept it, or cannot carry the plan's messages.
    pub async fn register(stage: &Stage, stream: StreamIndex) -> Result<Self, Failure> {
        let (sender, session) = register(stage, stream, 0).await?;
        // Only a registration shows what kind of broker it is.
        if stage.driver.needs_tags() {
            identity::check_tags(&stage.plan)?;
        }
        Ok(Self { sender, sessions: vec![session] })
    }

    /// Sends a planned request, in several where the broker takes fewer messages at once, and says
    /// what became of each.
    pub async fn send(
        &mut self,
        stage: &Stage,
        request: Request,
        intended: Option<Instant>,
        phases: &Phases,
        signals: &Signals,
    ) -> Vec<Sent> {
        let at_once = stage.driver.batch_max().unwrap_or(u32::MAX).max(1);
        let end = request.first + request.count;
        let mut sent = Vec::with_capacity(1);
        let mut first = request.first;
        while first < end && !phases.is_stopped() {
            let count = at_once.min(end - first);
            let part = self.send_part(stage, request.stream, first, count, intended, phases).await;
            if matches!(part.outcome, Outcome::Acked { .. }) {
                let producer = stage.plan.streams[request.stream.place()].producer;
                signals.acked(producer, count);
            }
            sent.push(part);
            first += count;
        }
        sent
    }

    async fn send_part(
        &mut self,
        stage: &Stage,
        stream: StreamIndex,
        first: u32,
        count: u32,
        intended: Option<Instant>,
        phases: &Phases,
    ) -> Sent {
        let invoked = stage.recorder.now();
        let reply = tokio::select! { biased;
            reply = self.call(stage, stream, first, count) => reply,
            () = phases.stopped() => unknown("the run was stopped"),
        };
        let completed = stage.recorder.now();
        stage.recorder.counters.sent.fetch_add(u64::from(count), Ordering::Relaxed);
        Sent {
            session: u32::try_from(self.sessions.len() - 1)
                .expect("a producer registers fewer than 2^32 times"),
            stream,
            first,
            count,
            intended: intended.map_or(invoked.at, |instant| stage.recorder.at(instant)),
            invoked,
            completed,
            attempts: reply.attempts,
            outcome: reply.outcome,
        }
    }

    async fn call(&mut self, stage: &Stage, stream: StreamIndex, first: u32, count: u32) -> Reply {
        let reply = self.send_once(stage, stream, first, count).await;
        let patient = || stage.producer_manner(stream).patience != Patience::None;
        if matches!(reply.outcome, Outcome::Refused { .. })
            && self.sender.is_over()
            && stage.plan.restarts()
            && patient()
        {
            // The broker began a new life and does not know the producer: what it refused for sure
            // is sent once more, under a new registration.
            let again = self.send_once(stage, stream, first, count).await;
            return Reply { attempts: reply.attempts.saturating_add(again.attempts), ..again };
        }
        reply
    }

    async fn send_once(
        &mut self,
        stage: &Stage,
        stream: StreamIndex,
        first: u32,
        count: u32,
    ) -> Reply {
        if self.sender.is_over() {
            match register(stage, stream, first).await {
                Ok((sender, session)) => {
                    self.sender = sender;
                    self.sessions.push(session);
                }
                // The messages never left.
                Err(Failure { why, .. }) => {
                    return Reply { outcome: Outcome::Refused { why }, attempts: 1 };
                }
            }
        }
        let start = stage.plan.streams[stream.place()].first.0 + first;
        let ids = (start..start + count).map(MessageId);
        let messages = &stage.plan.messages;
        if stage.driver.needs_tags() {
            let tagged: Vec<String> =
                ids.map(|id| stage.plan.tag(id) + messages.payload(id)).collect();
            let payloads: Vec<&str> = tagged.iter().map(String::as_str).collect();
            return self.sender.send(&payloads).await;
        }
        let payloads: Vec<&str> = ids.map(|id| messages.payload(id)).collect();
        self.sender.send(&payloads).await
    }

    /// Its registrations in order; the `session` of what it sent counts within them.
    pub fn into_sessions(self) -> Vec<Session> {
        self.sessions
    }
}

async fn register(
    stage: &Stage,
    stream: StreamIndex,
    base: u32,
) -> Result<(Box<dyn Sender>, Session), Failure> {
    let plan = &stage.plan;
    let place = &plan.streams[stream.place()];
    let topic = &plan.topics[place.topic.place()].name;
    let manner = stage.producer_manner(stream);
    let invoked = stage.recorder.now();
    let sender = stage.driver.register(manner, topic).await.map_err(|failure| {
        let number = plan.producers[place.producer.place()].number;
        Failure::new(format!("cannot register P{number} with {topic}: {failure}"))
    })?;
    let confirmed = stage.recorder.now();
    let (id, epoch) = sender.session();
    let epoch = epoch.map(|epoch| stage.recorder.epoch(epoch));
    if let Some(id) = id {
        stage.recorder.register(epoch, id, stream, base);
    }
    Ok((sender, Session { incarnation: 0, stream, id, epoch, base, invoked, confirmed }))
}

fn unknown(why: &str) -> Reply {
    Reply { outcome: Outcome::Unknown { why: why.to_owned() }, attempts: 1 }
}
