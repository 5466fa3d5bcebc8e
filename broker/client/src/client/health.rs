//! Which of several brokers live, as far as a client has seen: what failed is passed over until it has
//! shown that it lives again.
//!
//! A broker that failed is asked whether it is ready, by a request of its own beside the others, when
//! somebody would rather speak to it than to the one that is spoken to; so no request waits for a dead
//! broker, and nobody asks who has nothing to send. The pauses between these questions double, and each is
//! shortened by chance, so that clients that lost a broker together do not come back together.

use std::time::Duration;

use tokio::time::Instant;

use crate::backoff::{Chance, Retry, pause};

/// The pause before the first question and the longest one.
const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(5);

/// What is known of each broker, by place.
pub(super) struct Health {
    each: Vec<Known>,
    /// Counts failures, to tell which was the first.
    failures: u64,
    chance: Chance,
}

#[derive(Clone, Debug, Default)]
struct Known {
    /// How often it failed since a request to it last succeeded. To be ready is not to succeed: one that
    /// is ready and does not answer is asked after ever longer pauses too.
    in_a_row: u32,
    /// When somebody last heard that it lives, or began to look.
    heard: Option<Instant>,
    down: Option<Down>,
}

#[derive(Clone, Debug)]
struct Down {
    /// The number of the failure.
    failure: u64,
    /// When it may be asked whether it is ready.
    due: Instant,
    is_asked: bool,
}

/// Where a request goes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) place: usize,
    /// Who is to be asked meanwhile whether it is ready; each is told of by [`Health::is_ready`] or
    /// [`Health::gave_up`].
    pub(super) ask: Vec<usize>,
}

impl Health {
    /// All of them live.
    pub(super) fn new(count: usize, chance: Chance) -> Self {
        Self { each: vec![Known::default(); count], failures: 0, chance }
    }

    /// The broker of the greatest score among those that live; where none does, the one that failed the
    /// longest ago.
    pub(super) fn choose(&mut self, score: impl Fn(usize) -> u64) -> Choice {
        let places = 0..self.each.len();
        let living = places.clone().filter(|place| self.each[*place].down.is_none());
        let best = living.map(|place| (score(place), place)).max();
        let Some((best, place)) = best else {
            let failure = |place: &usize| self.each[*place].down.as_ref().map(|down| down.failure);
            let place = places.min_by_key(failure).expect("a client has at least one address");
            return Choice { place, ask: Vec::new() };
        };
        let now = Instant::now();
        let mut ask = Vec::new();
        for place in places {
            if let Some(down) = &mut self.each[place].down
                && !down.is_asked
                && down.due <= now
                && score(place) > best
            {
                down.is_asked = true;
                ask.push(place);
            }
        }
        Choice { place, ask }
    }

    /// A request to it was answered.
    pub(super) fn succeeded(&mut self, place: usize) {
        self.each[place] = Known { heard: Some(Instant::now()), ..Known::default() };
    }

    /// A request to it failed in a way that another broker may not.
    pub(super) fn failed(&mut self, place: usize) {
        self.failures += 1;
        let now = Instant::now();
        let known = &mut self.each[place];
        known.heard = None;
        match &mut known.down {
            // Of many requests that fail together the first one counts.
            Some(down) if now < down.due => down.failure = self.failures,
            _ => self.fell(place, now),
        }
    }

    /// It says that it is ready.
    pub(super) fn is_ready(&mut self, place: usize) {
        let known = &mut self.each[place];
        (known.down, known.heard) = (None, Some(Instant::now()));
    }

    /// It did not say so.
    pub(super) fn is_not_ready(&mut self, place: usize) {
        if self.each[place].down.is_some() {
            self.failures += 1;
            self.fell(place, Instant::now());
        }
    }

    /// Whether nobody has heard of it for so long. True for one of many who want to know.
    pub(super) fn is_to_be_looked_at(&mut self, place: usize, unheard_for: Duration) -> bool {
        let (now, heard) = (Instant::now(), &mut self.each[place].heard);
        let is_long_ago = heard.is_none_or(|heard| now.duration_since(heard) >= unheard_for);
        if is_long_ago {
            *heard = Some(now);
        }
        is_long_ago
    }

    /// Nobody waits for its answer any more.
    pub(super) fn gave_up(&mut self, place: usize) {
        if let Some(down) = &mut self.each[place].down {
            down.is_asked = false;
        }
    }

    fn fell(&mut self, place: usize, now: Instant) {
        let known = &mut self.each[place];
        known.in_a_row = known.in_a_row.saturating_add(1);
        let pauses = Retry { first: FIRST, longest: LONGEST, ..Retry::never() };
        let due = now + pause(&pauses, known.in_a_row, &mut self.chance);
        let is_asked = known.down.as_ref().is_some_and(|down| down.is_asked);
        known.down = Some(Down { failure: self.failures, due, is_asked });
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    /// Three brokers, of which the first is preferred.
    fn three() -> Health {
        Health::new(3, Chance::new(Some(1), 0))
    }

    fn choose(health: &mut Health) -> (usize, Vec<usize>) {
        let Choice { place, ask } = health.choose(|place| 9 - place as u64);
        (place, ask)
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_that_lives_is_taken_and_who_is_preferred_is_asked_when_it_is_due() {
        let mut health = three();
        assert_eq!(choose(&mut health), (0, vec![]));
        health.failed(0);
        assert_eq!(choose(&mut health), (1, vec![]), "not due yet");
        health.failed(1);
        advance(LONGEST).await;
        assert_eq!(choose(&mut health), (2, vec![0, 1]));
        assert_eq!(choose(&mut health), (2, vec![]), "both are asked already");
        health.is_ready(1);
        health.is_not_ready(0);
        health.gave_up(0);
        assert_eq!(choose(&mut health), (1, vec![]));
        advance(LONGEST).await;
        assert_eq!(choose(&mut health), (1, vec![0]));
        health.is_ready(0);
        assert_eq!(choose(&mut health), (0, vec![]));
        // Nobody goes to it while the first lives.
        health.failed(2);
        advance(LONGEST).await;
        assert_eq!(choose(&mut health), (0, vec![]));
    }

    #[tokio::test(start_paused = true)]
    async fn where_none_lives_all_are_tried_in_turn_and_a_success_brings_one_back() {
        let mut health = three();
        (0..3).for_each(|place| health.failed(place));
        let mut tried = Vec::new();
        for _ in 0..6 {
            let (place, _) = choose(&mut health);
            tried.push(place);
            health.failed(place);
        }
        assert_eq!(tried, [0, 1, 2, 0, 1, 2]);
        health.succeeded(2);
        assert_eq!(choose(&mut health), (2, vec![]));
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_grow_with_questions_in_vain_not_with_requests_that_fail_together() {
        let mut health = three();
        (0..1000).for_each(|_| health.failed(0));
        assert_eq!(health.each[0].in_a_row, 1);
        let mut pauses = Vec::new();
        for _ in 0..8 {
            let down = health.each[0].down.as_ref().unwrap();
            pauses.push(down.due - Instant::now());
            advance(LONGEST).await;
            assert_eq!(choose(&mut health), (1, vec![0]));
            health.is_not_ready(0);
            health.gave_up(0);
        }
        let full = [100, 200, 400, 800, 1600, 3200, 5000, 5000].map(Duration::from_millis);
        for (pause, full) in pauses.iter().zip(full) {
            assert!((full / 2..=full).contains(pause), "{pauses:?}");
        }
        // Ready, and yet nothing succeeds: the pauses go on from where they were.
        health.is_ready(0);
        health.failed(0);
        assert_eq!(health.each[0].in_a_row, 10);
        health.succeeded(0);
        health.failed(0);
        assert_eq!(health.each[0].in_a_row, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn one_of_many_looks_at_a_broker_that_was_not_heard_of() {
        let mut health = three();
        let second = Duration::from_secs(1);
        assert!(health.is_to_be_looked_at(0, second));
        assert!(!health.is_to_be_looked_at(0, second), "somebody does");
        advance(second).await;
        health.succeeded(0);
        assert!(!health.is_to_be_looked_at(0, second), "a request was answered");
        health.failed(0);
        assert!(health.is_to_be_looked_at(0, second), "and now one was not");
        assert!(health.is_to_be_looked_at(1, second));
    }

    #[tokio::test(start_paused = true)]
    async fn a_question_that_was_given_up_is_asked_again() {
        let mut health = three();
        health.failed(0);
        advance(LONGEST).await;
        assert_eq!(choose(&mut health), (1, vec![0]));
        health.gave_up(0);
        assert_eq!(choose(&mut health), (1, vec![0]));
    }
}
