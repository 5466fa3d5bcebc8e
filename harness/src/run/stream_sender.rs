//! One stream of a producer: its registrations, one after the other, and its requests.

use std::sync::atomic::Ordering;

use tokio::time::Instant;

use super::signals::Signals;
use super::{Phases, RunContext};
use crate::driver::{Attempts, Failure, Outgoing, Part, Pending, Reply, RetryPolicy, Sender};
use crate::history::{Class, Moment, Outcome, Sent, Session};
use crate::input::names::Actor;
use crate::plan::{MessageId, Request, StreamIndex};

/// What a producer needs to send on one topic.
pub struct StreamSender {
    sender: Box<dyn Sender>,
    sessions: Vec<Session>,
}

impl StreamSender {
    /// Registers the stream's producer with its topic.
    ///
    /// # Errors
    /// When the broker does not accept it, or cannot carry the plan's messages.
    pub async fn register(context: &RunContext, stream: StreamIndex) -> Result<Self, Failure> {
        let (sender, session) = register(context, stream, 0).await?;
        let producer = context.plan.streams[stream.place()].producer;
        let settings = &context.plan.scenario.producers[producer.place()];
        // Where only a connection shows what the broker is.
        if settings.in_flight.get() > 1 && !context.driver.capabilities().in_flight {
            return Err(Failure::new(format!(
                "P{} cannot have `in_flight: {}`: this broker has one request of a topic under way \
                 at a time",
                settings.number, settings.in_flight
            )));
        }
        Ok(Self { sender, sessions: vec![session] })
    }

    /// Whether the producer has to register anew before it sends more.
    pub fn is_over(&self) -> bool {
        self.sender.is_over()
    }

    /// The registration that it sends under now, by place among the stream's.
    pub fn session(&self) -> u32 {
        u32::try_from(self.sessions.len() - 1).expect("a producer registers fewer than 2^32 times")
    }

    /// The number of the broker that it made this registration with.
    pub fn broker_of(&self, session: u32) -> u32 {
        self.sessions[session as usize].broker
    }

    /// Registers anew; the message with this number on the stream is the next to be sent.
    ///
    /// # Errors
    /// When the broker does not accept it.
    pub async fn register_anew(
        &mut self,
        context: &RunContext,
        stream: StreamIndex,
        next: u32,
    ) -> Result<Moment, Failure> {
        let (sender, session) = register(context, stream, next).await?;
        let confirmed = session.confirmed;
        self.sender = sender;
        self.sessions.push(session);
        Ok(confirmed)
    }

    /// Begins a request of the wire, whose outcome is awaited apart.
    pub async fn issue(&mut self, context: &RunContext, request: Request) -> Pending {
        self.sender.issue(&outgoing(context, request)).await
    }

    /// Sends a planned request, in several where the broker takes fewer messages at once, and says
    /// what became of each.
    pub async fn send(
        &mut self,
        context: &RunContext,
        request: Request,
        intended: Option<Instant>,
        phases: &Phases,
        signals: &Signals,
    ) -> Vec<Sent> {
        let most = context.driver.capabilities().batch_max.known().flatten();
        let at_once = most.unwrap_or(u32::MAX).max(1);
        let end = request.first + request.count;
        let mut sent = Vec::with_capacity(1);
        let mut first = request.first;
        while first < end && !phases.is_stopped() {
            let count = at_once.min(end - first);
            let one = Request { first, count, ..request };
            let before = sent.len();
            signals.pulse.leaves();
            self.send_one(context, one, intended, phases, &mut sent).await;
            signals.pulse.is_over();
            sent[before..].iter().for_each(|part| signals.sent(&context.plan, part));
            first += count;
        }
        sent
    }

    /// Sends one request of the wire, and notes what became of each part of it.
    async fn send_one(
        &mut self,
        context: &RunContext,
        request: Request,
        intended: Option<Instant>,
        phases: &Phases,
        sent: &mut Vec<Sent>,
    ) {
        let invoked = context.recorder.now();
        let clock = || context.recorder.now();
        let broker = self.broker_of(self.session());
        let mut attempts = Attempts::new(&clock, broker, invoked);
        let reply = tokio::select! { biased;
            reply = self.call(context, request, &mut attempts) => reply,
            () = phases.stopped() => {
                let outcome = Outcome::Unknown { why: "the run was stopped".to_owned() };
                Reply::whole(request.count as usize, outcome, attempts.made().max(1))
            }
        };
        let completed = context.recorder.now();
        context.recorder.counters.sent.fetch_add(u64::from(request.count), Ordering::Relaxed);
        let session = self.session();
        let mut first = request.first;
        for part in reply.parts {
            sent.push(Sent {
                session,
                stream: request.stream,
                first,
                count: part.count,
                intended: intended.map_or(invoked.at, |instant| context.recorder.at(instant)),
                invoked,
                completed,
                attempts: reply.attempts,
                tries: attempts.of(&part.outcome, reply.attempts, completed),
                outcome: part.outcome,
            });
            first += part.count;
        }
        assert_eq!(first, request.first + request.count, "a reply is about all of its request");
    }

    async fn call(
        &mut self,
        context: &RunContext,
        request: Request,
        attempts: &mut Attempts<'_>,
    ) -> Reply {
        let reply = self.call_once(context, request, attempts).await;
        let refused = |part: &Part| matches!(part.outcome, Outcome::Refused { .. });
        if reply.parts.iter().all(refused)
            && self.sender.is_over()
            && context.plan.restarts()
            && context.producer_client(request.stream, 0).retries != RetryPolicy::Never
        {
            // The broker began a new life and does not know the producer: what it refused for sure
            // is sent once more, under a new registration.
            let again = self.call_once(context, request, attempts).await;
            return Reply { attempts: reply.attempts.saturating_add(again.attempts), ..again };
        }
        reply
    }

    async fn call_once(
        &mut self,
        context: &RunContext,
        request: Request,
        attempts: &mut Attempts<'_>,
    ) -> Reply {
        if self.sender.is_over() {
            attempts.begin();
            match self.register_anew(context, request.stream, request.first).await {
                Ok(confirmed) => {
                    attempts.registered_with(self.broker_of(self.session()));
                    attempts.begin_again_at(confirmed);
                }
                // The messages never left.
                Err(Failure { why, code, .. }) => {
                    attempts.fail(Class::NeverLeft, code.as_deref());
                    return Reply::whole(request.count as usize, Outcome::Refused { why }, 1);
                }
            }
        }
        self.sender.send(&outgoing(context, request), attempts).await
    }

    /// Its registrations in order; the `session` of what it sent counts within them.
    pub fn into_sessions(self) -> Vec<Session> {
        self.sessions
    }
}

/// The messages of a request.
fn outgoing(context: &RunContext, request: Request) -> Vec<Outgoing<'_>> {
    let start = context.plan.streams[request.stream.place()].first.0 + request.first;
    let messages = &context.plan.messages;
    let ids = (start..start + request.count).map(MessageId);
    ids.map(|message| Outgoing { message, payload: messages.payload(message) }).collect()
}

async fn register(
    context: &RunContext,
    stream: StreamIndex,
    base: u32,
) -> Result<(Box<dyn Sender>, Session), Failure> {
    let plan = &context.plan;
    let place = &plan.streams[stream.place()];
    let client = context.producer_client(stream, base);
    let invoked = context.recorder.now();
    let sender = context.driver.register(&client).await.map_err(|failure| {
        let number = plan.producers[place.producer.place()].number;
        let topic = &plan.topics[place.topic.place()].name;
        let why = format!("cannot register P{number} with {topic}: {failure}");
        Failure { code: failure.code, ..Failure::new(why) }
    })?;
    let confirmed = context.recorder.now();
    let broker = sender.broker().unwrap_or_else(|| broker(context, stream));
    let session = sender.session();
    let epoch = session.epoch.as_deref().map(|epoch| context.recorder.epoch(epoch));
    let id = session.id.clone();
    Ok((sender, Session { incarnation: 0, stream, broker, id, epoch, base, invoked, confirmed }))
}

/// The number of the broker that a stream is sent to, unless its driver chooses that.
fn broker(context: &RunContext, stream: StreamIndex) -> u32 {
    let stream = &context.plan.streams[stream.place()];
    let number = context.plan.producers[stream.producer.place()].number;
    context.routes.broker(Actor::producer(number), stream.topic)
}
