//! The attempts of one request, as its driver makes them.

use crate::history::{Attempt, Class, Moment, Outcome};

/// Notes the attempts of one request. A driver says when each begins, and how it failed; one that
/// says nothing is judged by the request as a whole.
pub struct Attempts<'a> {
    clock: &'a (dyn Fn() -> Moment + Sync),
    /// The number of the broker that the producer registered with.
    usual: u32,
    /// That of the one that they go to now.
    broker: u32,
    /// When the next one begins, where that is known already: an attempt that is acknowledged at
    /// once takes no further stamp.
    next: Option<Moment>,
    /// When the one that is under way began.
    open: Option<Moment>,
    failed: Vec<Attempt>,
}

impl<'a> Attempts<'a> {
    /// Those of a request that begins now, to the broker of this number (from 1).
    pub fn new(clock: &'a (dyn Fn() -> Moment + Sync), broker: u32, now: Moment) -> Self {
        Self { clock, usual: broker, broker, next: Some(now), open: None, failed: Vec::new() }
    }

    /// They go to the broker of this number now, the one that is under way included.
    pub fn go_to(&mut self, broker: u32) {
        self.broker = broker;
    }

    /// Another one is about to leave.
    pub fn begin(&mut self) {
        self.open = Some(self.next.take().unwrap_or_else(self.clock));
    }

    /// The one that is under way failed; with the broker's code, where it gave one.
    pub fn fail(&mut self, class: Class, code: Option<&str>) {
        let Some(began) = self.open.take() else { return };
        let (ended, code) = ((self.clock)(), code.map(str::to_owned));
        self.failed.push(Attempt { began, ended, class, code, broker: self.broker });
    }

    /// The producer registered anew, with the broker of this number.
    pub(crate) fn registered_with(&mut self, broker: u32) {
        (self.usual, self.broker) = (broker, broker);
    }

    /// What was under way was no attempt, and the next one begins at this moment.
    pub(crate) fn begin_again_at(&mut self, moment: Moment) {
        (self.open, self.next) = (None, Some(moment));
    }

    /// How many there were, the one that is under way included.
    pub(crate) fn made(&self) -> u32 {
        let made = self.failed.len() + usize::from(self.open.is_some());
        u32::try_from(made).expect("a request is tried fewer than 2^32 times")
    }

    /// Each attempt of a request, of which a part ended so, after as many attempts as its reply says.
    /// Nothing where the first was acknowledged by the broker that the producer registered with, and
    /// where what was noted does not fit the reply.
    pub(crate) fn of(&self, outcome: &Outcome, attempts: u32, completed: Moment) -> Vec<Attempt> {
        let is_acked = matches!(outcome, Outcome::Acked { .. });
        if self.made() != attempts
            || is_acked && self.failed.is_empty() && self.broker == self.usual
        {
            return Vec::new();
        }
        let class = if is_acked { Class::Acked } else { Class::Unknown };
        let broker = self.broker;
        let last = |began| Attempt { began, ended: completed, class, code: None, broker };
        let last = self.open.map(last);
        // A reply that was changed on its way here is not what these attempts came to.
        let is_refused = matches!(outcome, Outcome::Refused { .. });
        if is_refused && last.is_some() || is_acked && last.is_none() {
            return Vec::new();
        }
        self.failed.iter().cloned().chain(last).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::history::Offsets;

    /// The tries of a request that began at stamp 5, when these are the stamps to come.
    fn check(outcome: &Outcome, tell: impl Fn(&mut Attempts<'_>), expected: &[(u64, u64, Class)]) {
        let stamps = AtomicU64::new(10);
        let clock = || Moment { stamp: stamps.fetch_add(1, Ordering::Relaxed), at: 0 };
        let mut attempts = Attempts::new(&clock, 2, Moment { stamp: 5, at: 0 });
        tell(&mut attempts);
        let tries = attempts.of(outcome, attempts.made().max(1), Moment { stamp: 90, at: 0 });
        assert!(tries.iter().all(|own| own.broker == 2));
        let seen = tries.iter().map(|own| (own.began.stamp, own.ended.stamp, own.class));
        assert_eq!(seen.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn attempts_follow_each_other_and_the_last_one_ends_with_the_request() {
        let acked = || Outcome::Acked { offsets: Offsets::Untold };
        let unknown = || Outcome::Unknown { why: "cut".to_owned() };
        let refused = || Outcome::Refused { why: "full".to_owned() };
        let once = |attempts: &mut Attempts<'_>| attempts.begin();
        check(&acked(), once, &[]);
        check(&unknown(), once, &[(5, 90, Class::Unknown)]);
        let again = |attempts: &mut Attempts<'_>| {
            attempts.begin();
            attempts.fail(Class::NeverLeft, None);
            attempts.begin();
        };
        check(&acked(), again, &[(5, 10, Class::NeverLeft), (11, 90, Class::Acked)]);
        let in_vain = |attempts: &mut Attempts<'_>| {
            again(attempts);
            attempts.fail(Class::Refused, Some("full"));
        };
        let tries = [(5, 10, Class::NeverLeft), (11, 12, Class::Refused)];
        check(&refused(), in_vain, &tries);
        // A registration was made in between: the attempt begins when that was confirmed.
        let anew = |attempts: &mut Attempts<'_>| {
            attempts.begin();
            attempts.begin_again_at(Moment { stamp: 7, at: 0 });
            attempts.begin();
        };
        check(&unknown(), anew, &[(7, 90, Class::Unknown)]);
    }

    #[test]
    fn what_does_not_fit_the_reply_is_not_told() {
        let refused = || Outcome::Refused { why: "on purpose".to_owned() };
        check(&refused(), |_| (), &[]);
        let once = |attempts: &mut Attempts<'_>| attempts.begin();
        check(&refused(), once, &[]);
    }
}
