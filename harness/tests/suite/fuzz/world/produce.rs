//! Producers: each has one request at a time on a topic, of one to three messages, which may take
//! several attempts; what was not acked may be sent once more, as another request. Or it has several
//! at a time, which the broker takes in the order in which they left, and each is tried once.

use std::collections::VecDeque;

use harness::history::{Attempt, Class, Moment, Offsets, Outcome, Sent};
use harness::plan::{MessageId, StreamIndex};

use super::World;

#[derive(Default)]
pub(super) struct Stream {
    /// The number of the message that leaves next.
    pub(super) next: u32,
    /// The place of its registration among the producer's.
    pub(super) session: u32,
    /// In the order in which they left.
    pub(super) flights: VecDeque<Flight>,
}

/// A request on its way.
pub(super) struct Flight {
    /// The number of its first message.
    first: u32,
    count: u32,
    /// The attempts that are over.
    tries: Vec<Attempt>,
    began: Moment,
    end: Ending,
    /// Whether the broker has decided on this attempt.
    is_decided: bool,
    /// The first message's place in the log, where the broker has it.
    at: Option<usize>,
}

/// How an attempt ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    Acked,
    Refused,
    NeverLeft,
    /// With whether it is in the log.
    Unknown(bool),
}

impl Ending {
    const fn class(self) -> Class {
        match self {
            Self::Acked => Class::Acked,
            Self::Refused => Class::Refused,
            Self::NeverLeft => Class::NeverLeft,
            Self::Unknown(_) => Class::Unknown,
        }
    }
}

impl World<'_> {
    pub(super) fn produce(&mut self, place: usize) {
        let flights = &self.streams[place].flights;
        let left = self.plan.streams[place].count - self.streams[place].next;
        let has_room = flights.len() < self.in_flight(place);
        if left > 0 && has_room && (flights.is_empty() || self.chance.once_in(2)) {
            let count = 1 + u32::try_from(self.chance.below(left.min(3) as usize)).unwrap();
            let first = self.streams[place].next;
            self.streams[place].next += count;
            return self.leave(place, first, count, Vec::new(), None);
        }
        let undecided = self.streams[place].flights.iter().position(|own| !own.is_decided);
        let decided = undecided.unwrap_or(self.streams[place].flights.len());
        match undecided {
            Some(next) if decided == 0 || self.chance.once_in(2) => self.decide(place, next),
            _ if decided > 0 => {
                let one = self.chance.below(decided);
                let flight = self.streams[place].flights.remove(one).unwrap();
                self.end(place, flight);
            }
            _ => {}
        }
    }

    fn in_flight(&self, place: usize) -> usize {
        let producer = self.plan.streams[place].producer.place();
        self.plan.scenario.producers[producer].in_flight.get() as usize
    }

    fn leave(
        &mut self,
        place: usize,
        first: u32,
        count: u32,
        tries: Vec<Attempt>,
        at: Option<usize>,
    ) {
        let end = match self.chance.below(if self.troubled { 8 } else { 1 }) {
            4 => Ending::NeverLeft,
            5 => Ending::Refused,
            6 => Ending::Unknown(false),
            7 => Ending::Unknown(true),
            _ => Ending::Acked,
        };
        let began = self.now();
        let flight = Flight { first, count, tries, began, end, is_decided: false, at };
        self.streams[place].flights.push_back(flight);
    }

    /// The broker appends what it has not got yet: it knows messages by their numbers.
    fn decide(&mut self, place: usize, next: usize) {
        let flight = &mut self.streams[place].flights[next];
        let appends = matches!(flight.end, Ending::Acked | Ending::Unknown(true));
        if appends && (flight.at.is_none() || self.stores_twice) {
            let planned = self.plan.streams[place];
            let log = &mut self.logs[planned.topic.place()];
            flight.at = Some(log.len());
            let first = planned.first.0 + flight.first;
            log.extend((first..first + flight.count).map(MessageId));
        }
        flight.is_decided = true;
    }

    /// An attempt is over, and perhaps the request.
    fn end(&mut self, place: usize, mut flight: Flight) {
        let attempt = Attempt {
            began: flight.began,
            ended: self.now(),
            class: flight.end.class(),
            code: (flight.end == Ending::Refused).then(|| "full".to_owned()),
            broker: 1,
        };
        flight.tries.push(attempt);
        let (first, count, at) = (flight.first, flight.count, flight.at);
        let is_repeated = self.in_flight(place) == 1 && flight.end != Ending::Acked;
        if is_repeated && flight.tries.len() < 3 && self.chance.once_in(3) {
            return self.leave(place, first, count, flight.tries, at);
        }
        self.note(place, flight);
        // The same messages once more; or they are given up.
        if is_repeated && self.chance.once_in(3) {
            self.leave(place, first, count, Vec::new(), at);
        }
    }

    fn note(&mut self, place: usize, flight: Flight) {
        let producer = self.plan.streams[place].producer.place();
        let places = flight.at.map(|at| at..at + flight.count as usize);
        let offsets = places.into_iter().flatten().filter_map(|at| self.offset(at)).collect();
        let classes: Vec<Class> = flight.tries.iter().map(|own| own.class).collect();
        let is = |class: Class| move |own: &Class| *own == class;
        let outcome = if classes.ends_with(&[Class::Acked]) {
            Outcome::Acked { offsets: Offsets::new(offsets) }
        } else if classes.iter().any(is(Class::Unknown)) {
            Outcome::Unknown { why: "timed out".to_owned() }
        } else if classes.iter().all(is(Class::NeverLeft)) {
            Outcome::Refused { why: "cannot reach the broker at x".to_owned() }
        } else {
            Outcome::Refused { why: "no room (full)".to_owned() }
        };
        let (began, ended) = (flight.tries[0].began, flight.tries.last().unwrap().ended);
        let tells = self.tells_tries && classes[0] != Class::Acked;
        let sends = &mut self.history.producers[producer].sends;
        sends.push(Sent {
            session: self.streams[place].session,
            stream: StreamIndex::new(place),
            first: flight.first,
            count: flight.count,
            intended: began.at,
            invoked: began,
            completed: ended,
            attempts: u32::try_from(classes.len()).unwrap(),
            tries: if tells { flight.tries } else { Vec::new() },
            outcome,
        });
        sends.sort_by_key(|own| own.invoked);
    }
}
