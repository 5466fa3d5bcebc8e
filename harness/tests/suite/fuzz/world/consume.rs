//! Consumers: each polls its topics, and may crash. What it has not acknowledged by then comes again,
//! where it acknowledges by offset or apart from polling; else what was handed out is acknowledged.

use harness::history::{Answer, Delivery, Moment, Polled, Subscribed};
use harness::plan::TopicIndex;
use harness::scenario::Acknowledge;

use super::{Telling, World};

pub(super) struct Subscriber {
    pub(super) consumer: usize,
    pub(super) topic: TopicIndex,
    step: Step,
}

#[derive(Clone, Copy)]
enum Step {
    New,
    /// Since when, and the end of the log then.
    Asking(Moment, usize),
    Idle(Position),
    /// With when the poll left.
    Polling(Position, Moment),
}

#[derive(Clone, Copy)]
struct Position {
    /// Among the consumer's.
    subscription: u32,
    /// What comes next.
    next: usize,
    /// Up to where it has acknowledged: what the last answer brought is not.
    acknowledged: usize,
}

impl Subscriber {
    pub(super) const fn new(consumer: usize, topic: TopicIndex) -> Self {
        Self { consumer, topic, step: Step::New }
    }

    pub(super) const fn is_confirmed(&self) -> bool {
        matches!(self.step, Step::Idle(_) | Step::Polling(..))
    }

    /// Whether it has everything up to there, and asks for nothing.
    pub(super) fn is_at(&self, end: usize) -> bool {
        matches!(self.step, Step::Idle(Position { next, .. }) if next == end)
    }
}

impl World<'_> {
    pub(super) fn consume(&mut self, place: usize) {
        let moment = self.now();
        let Subscriber { consumer, topic, step } = self.subscribers[place];
        let end = self.logs[topic.place()].len();
        match step {
            Step::New => self.subscribers[place].step = Step::Asking(moment, end),
            Step::Asking(invoked, before) => {
                let start = before + self.chance.below(end - before + 1);
                self.subscribe(place, invoked, start);
            }
            Step::Idle(_) if self.crashes && self.chance.once_in(10) => self.crash(consumer),
            Step::Idle(position) => self.subscribers[place].step = Step::Polling(position, moment),
            Step::Polling(position, invoked) => self.answer(place, position, (invoked, moment)),
        }
    }

    /// The subscription is confirmed, from this place in the log on.
    pub(super) fn subscribe(&mut self, place: usize, invoked: Moment, start: usize) {
        let (confirmed, offset) = (Some(self.now()), self.offset(start));
        let Subscriber { consumer, topic, .. } = self.subscribers[place];
        let subscriptions = &mut self.history.consumers[consumer].subscriptions;
        let incarnation = subscriptions.last().map_or(0, |own| own.incarnation);
        subscriptions.push(Subscribed {
            incarnation,
            topic,
            id: Some(place.to_string()),
            epoch: self.epoch,
            offset,
            invoked,
            confirmed,
            forgotten: None,
        });
        let subscription = u32::try_from(subscriptions.len() - 1).unwrap();
        let position = Position { subscription, next: start, acknowledged: start };
        self.subscribers[place].step = Step::Idle(position);
    }

    fn answer(&mut self, place: usize, position: Position, (invoked, completed): (Moment, Moment)) {
        let Subscriber { consumer, topic, .. } = self.subscribers[place];
        let Position { subscription, next, .. } = position;
        let left = self.logs[topic.place()].len() - next;
        let count = self.chance.below(4).min(left);
        for at in next..next + count {
            let delivery = Delivery::new(Some(self.logs[topic.place()][at]), self.offset(at));
            self.history.consumers[consumer].deliveries.push(delivery);
        }
        let answer = Answer::Delivered(u32::try_from(count).unwrap());
        let polled = Polled { subscription, invoked, completed, answer };
        self.history.consumers[consumer].polls.push(polled);
        let position = Position { subscription, next: next + count, acknowledged: next };
        self.subscribers[place].step = Step::Idle(position);
    }

    /// A consumer of which no poll is on its way loses its memory, and goes on with its subscriptions.
    fn crash(&mut self, consumer: usize) {
        let own = |place: &usize| self.subscribers[*place].consumer == consumer;
        let places: Vec<usize> = (0..self.subscribers.len()).filter(own).collect();
        let is_idle = |place: &usize| matches!(self.subscribers[*place].step, Step::Idle(_));
        if !places.iter().all(is_idle) {
            return;
        }
        let by_offset = self.plan.scenario.consumers[consumer].acknowledge == Acknowledge::Offset
            && (self.telling != Telling::Nothing || self.history.acknowledged_apart);
        for place in places {
            let Step::Idle(position) = &mut self.subscribers[place].step else { continue };
            let subscriptions = &mut self.history.consumers[consumer].subscriptions;
            let mut again = subscriptions[position.subscription as usize].clone();
            again.incarnation += 1;
            subscriptions.push(again);
            position.subscription = u32::try_from(subscriptions.len() - 1).unwrap();
            if by_offset {
                position.next = position.acknowledged;
            }
        }
    }
}
