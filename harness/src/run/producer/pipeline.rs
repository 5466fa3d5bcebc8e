//! A producer that has several requests of a topic under way at a time (`in_flight`): they are issued
//! in the order of the plan, and each outcome is awaited apart.
//!
//! A registration may end with requests under way: the broker began a new life, and refuses all of
//! them. Then nothing more is issued until the last of them is over, and under the next registration
//! those come first that were refused for sure, in their order.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use tokio::time::{Instant, sleep, sleep_until};

use crate::driver::{Part, Reply, RetryPolicy};
use crate::history::{Moment, Nanos, Outcome, Sent};
use crate::plan::{Due, Producer, Request, Round};
use crate::run::signals::Signals;
use crate::run::stream_sender::StreamSender;
use crate::run::{Phases, RunContext};

/// What a producer has under way.
pub(super) struct Pipeline<'a> {
    context: Arc<RunContext>,
    phases: Phases,
    signals: Arc<Signals>,
    /// At most so many of each lane.
    limit: usize,
    /// By place in the producer's streams.
    lanes: Vec<Lane<'a>>,
    flights: FuturesUnordered<BoxFuture<'static, Landed>>,
    /// What became of those that are over.
    sends: Vec<Sent>,
}

/// One stream.
struct Lane<'a> {
    sender: &'a mut StreamSender,
    /// What is to be issued next, in the order of the plan.
    queue: VecDeque<Waiting>,
    under_way: usize,
    /// The number of the message that is next under the registration.
    next: u32,
}

/// A request of the wire that is to be issued.
struct Waiting {
    request: Request,
    /// Where the plan has an instant for it.
    intended: Option<Nanos>,
    /// What became of it under the registration before, which refused it.
    before: Option<Sent>,
}

/// A request that was issued.
struct Flight {
    waiting: Waiting,
    lane: usize,
    session: u32,
    invoked: Moment,
}

/// A request of which the outcome is known.
struct Landed {
    flight: Flight,
    reply: Reply,
    completed: Moment,
}

/// The run was stopped.
struct Stopped;

impl<'a> Pipeline<'a> {
    pub(super) fn new(
        context: &Arc<RunContext>,
        phases: &Phases,
        signals: &Arc<Signals>,
        limit: usize,
        senders: &'a mut [StreamSender],
    ) -> Self {
        let lane = |sender| Lane { sender, queue: VecDeque::new(), under_way: 0, next: 0 };
        Self {
            context: Arc::clone(context),
            phases: phases.clone(),
            signals: Arc::clone(signals),
            limit,
            lanes: senders.iter_mut().map(lane).collect(),
            flights: FuturesUnordered::new(),
            sends: Vec::new(),
        }
    }

    /// Sends every round; returns early when the run is stopped. What it returns is in the order of
    /// its invocation.
    pub(super) async fn run(mut self, producer: &Producer, origin: Instant) -> Vec<Sent> {
        // Whether it was stopped shows in what became of its requests.
        let _: Result<(), Stopped> = self.issue_all(producer, origin).await;
        while let Some(landed) = self.flights.next().await {
            self.land(landed);
        }
        // Refused, and the run was stopped before it could be sent again.
        let left = self.lanes.iter_mut().flat_map(|lane| std::mem::take(&mut lane.queue));
        let left: Vec<Sent> = left.filter_map(|waiting| waiting.before).collect();
        left.into_iter().for_each(|sent| self.note(sent));
        self.sends.sort_by_key(|sent| sent.invoked);
        self.sends
    }

    async fn issue_all(&mut self, producer: &Producer, origin: Instant) -> Result<(), Stopped> {
        for round in &producer.rounds {
            let intended = self.await_turn(round, origin).await?;
            for request in &producer.requests[range(round)] {
                let lane = producer.streams.iter().position(|own| *own == request.stream);
                let lane = lane.expect("a producer sends on its own streams only");
                self.enqueue(lane, *request, intended);
                self.issue_queue(lane).await?;
            }
        }
        // What lands last may have to be sent again.
        while let Some(landed) = self.flights.next().await {
            self.land(landed);
            for lane in 0..self.lanes.len() {
                self.issue_queue(lane).await?;
            }
        }
        Ok(())
    }

    /// Waits until the round is due, and says when that was, where it is an instant of the plan.
    async fn await_turn(
        &mut self,
        round: &Round,
        origin: Instant,
    ) -> Result<Option<Nanos>, Stopped> {
        let (intended, mut turn): (_, BoxFuture<'_, ()>) = match round.due {
            Due::Now => return if self.phases.is_stopped() { Err(Stopped) } else { Ok(None) },
            Due::At(since) => (Some(origin + since), Box::pin(sleep_until(origin + since))),
            Due::After(pause) => (None, Box::pin(sleep(pause))),
        };
        let phases = self.phases.clone();
        loop {
            tokio::select! { biased;
                () = phases.stopped() => return Err(Stopped),
                () = &mut turn => break,
                Some(landed) = self.flights.next() => self.land(landed),
            }
        }
        Ok(intended.map(|instant| self.context.recorder.at(instant)))
    }

    /// Puts a request of the plan behind what a lane has to issue, as several where the broker takes
    /// fewer messages at once.
    fn enqueue(&mut self, lane: usize, request: Request, intended: Option<Nanos>) {
        let most = self.context.driver.capabilities().batch_max.known().flatten();
        let at_once = most.unwrap_or(u32::MAX).max(1);
        let end = request.first + request.count;
        let mut first = request.first;
        while first < end {
            let count = at_once.min(end - first);
            let request = Request { first, count, ..request };
            self.lanes[lane].queue.push_back(Waiting { request, intended, before: None });
            first += count;
        }
    }

    /// Issues all that a lane has to issue, each as soon as there is room.
    async fn issue_queue(&mut self, place: usize) -> Result<(), Stopped> {
        loop {
            let lane = &self.lanes[place];
            let Some(next) = lane.queue.front().map(|waiting| waiting.request) else {
                return Ok(());
            };
            if self.phases.is_stopped() {
                return Err(Stopped);
            }
            // A broker may know messages by their place under the registration, which has no holes.
            let is_over = lane.sender.is_over() || lane.next != next.first;
            if lane.under_way == self.limit || is_over && lane.under_way > 0 {
                let landed = self.flights.next().await;
                self.land(landed.expect("a lane's requests are under way"));
            } else if !is_over || self.register_anew(place, next).await {
                self.issue_next(place).await;
            }
        }
    }

    /// Registers a lane anew; where the broker does not accept it, the next request has failed.
    async fn register_anew(&mut self, place: usize, next: Request) -> bool {
        let began = self.context.recorder.now();
        let lane = &mut self.lanes[place];
        let registering = lane.sender.register_anew(&self.context, next.stream, next.first);
        let why = tokio::select! { biased;
            registered = registering => match registered {
                Ok(_) => {
                    lane.next = next.first;
                    return true;
                }
                Err(failure) => failure.why,
            },
            () = self.phases.stopped() => return false,
        };
        // The messages never left.
        let reply = Reply::whole(next.count as usize, Outcome::Refused { why }, 1);
        let waiting = lane.queue.pop_front().expect("its request is in front");
        let session = lane.sender.session();
        let flight = Flight { waiting, lane: place, session, invoked: began };
        self.finish(&flight, &reply, self.context.recorder.now());
        false
    }

    /// Issues what is in front of a lane's queue.
    async fn issue_next(&mut self, place: usize) {
        let lane = &mut self.lanes[place];
        let waiting = lane.queue.pop_front().expect("its request is in front");
        let request = waiting.request;
        let (session, invoked) = (lane.sender.session(), self.context.recorder.now());
        let flight = Flight { waiting, lane: place, session, invoked };
        lane.next = request.first + request.count;
        let mut landed = Vec::new();
        let issued = {
            let mut issuing = std::pin::pin!(lane.sender.issue(&self.context, request));
            loop {
                tokio::select! { biased;
                    issued = &mut issuing => break Some(issued),
                    () = self.phases.stopped() => break None,
                    // Its ack is stamped when it is in, not when the next request has left.
                    Some(own) = self.flights.next() => landed.push(own),
                }
            }
        };
        lane.under_way += 1;
        self.signals.pulse.leaves();
        let (context, phases) = (Arc::clone(&self.context), self.phases.clone());
        let stopped = move || {
            let why = "the run was stopped".to_owned();
            Reply::whole(request.count as usize, Outcome::Unknown { why }, 1)
        };
        self.flights.push(Box::pin(async move {
            let reply = match issued {
                Some(pending) => tokio::select! { biased;
                    reply = pending => reply,
                    () = phases.stopped() => stopped(),
                },
                None => stopped(),
            };
            Landed { flight, reply, completed: context.recorder.now() }
        }));
        landed.into_iter().for_each(|own| self.land(own));
    }

    /// Takes in what became of a request.
    fn land(&mut self, landed: Landed) {
        let Landed { flight, reply, completed } = landed;
        self.lanes[flight.lane].under_way -= 1;
        self.signals.pulse.is_over();
        if self.is_sent_again(&flight, &reply) {
            let (request, intended) = (flight.waiting.request, flight.waiting.intended);
            let outcome = reply.parts[0].outcome.clone();
            let whole = Reply::whole(request.count as usize, outcome, reply.attempts);
            let before = self.sent(&flight, &whole, completed).into_iter().next();
            let queue = &mut self.lanes[flight.lane].queue;
            // Before what was never issued, and among those that were in their order.
            let place = queue.partition_point(|own| own.request.first < request.first);
            queue.insert(place, Waiting { request, intended, before });
        } else {
            self.finish(&flight, &reply, completed);
        }
    }

    /// Whether the broker began a new life and refused it for sure, so that it is sent once more under
    /// a new registration.
    fn is_sent_again(&self, flight: &Flight, reply: &Reply) -> bool {
        let refused = |part: &Part| matches!(part.outcome, Outcome::Refused { .. });
        flight.waiting.before.is_none()
            && reply.parts.iter().all(refused)
            && self.lanes[flight.lane].sender.is_over()
            && self.context.plan.restarts()
            && self.context.producer_client(flight.waiting.request.stream, 0).retries
                != RetryPolicy::Never
    }

    fn finish(&mut self, flight: &Flight, reply: &Reply, completed: Moment) {
        for sent in self.sent(flight, reply, completed) {
            self.note(sent);
        }
    }

    /// What becomes of each part of a request.
    fn sent(&self, flight: &Flight, reply: &Reply, completed: Moment) -> Vec<Sent> {
        let Flight { waiting: Waiting { request, intended, before }, session, invoked, .. } =
            flight;
        let mut first = request.first;
        let mut all = Vec::with_capacity(reply.parts.len());
        for part in &reply.parts {
            let mut sent = Sent {
                session: *session,
                stream: request.stream,
                first,
                count: part.count,
                intended: intended.unwrap_or(invoked.at),
                invoked: *invoked,
                completed,
                attempts: reply.attempts,
                tries: Vec::new(),
                outcome: part.outcome.clone(),
            };
            if let Some(before) = before {
                let sender = &self.lanes[flight.lane].sender;
                let mut tries = before.each_attempt(sender.broker_of(before.session)).into_owned();
                tries.extend_from_slice(&sent.each_attempt(sender.broker_of(*session)));
                sent.attempts = u32::try_from(tries.len()).expect("there are two");
                (sent.invoked, sent.intended, sent.tries) =
                    (before.invoked, before.intended, tries);
            }
            all.push(sent);
            first += part.count;
        }
        assert_eq!(first, request.first + request.count, "a reply is about all of its request");
        all
    }

    fn note(&mut self, sent: Sent) {
        let recorder = &self.context.recorder;
        recorder.counters.sent.fetch_add(u64::from(sent.count), Ordering::Relaxed);
        self.signals.sent(&self.context.plan, &sent);
        self.sends.push(sent);
    }
}

fn range(round: &Round) -> std::ops::Range<usize> {
    round.requests.start as usize..round.requests.end as usize
}
