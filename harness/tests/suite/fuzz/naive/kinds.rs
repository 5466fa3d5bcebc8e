//! What each delivery is: the first that fits of phantom, misrouted, resurrected, early, duplicate.

use harness::history::Class;
use harness::plan::MessageId;
use harness::scenario::{Acknowledge, AnomalyKind, Delivery};

use super::{Count, Got, Judge, Judged, Standing};

impl Judge<'_> {
    pub(super) fn classify(&mut self) {
        for place in 0..self.got.len() {
            self.got[place].standing = self.standing(place);
        }
    }

    fn standing(&self, place: usize) -> Standing {
        let got = &self.got[place];
        let Some(message) = got.message else { return Standing::Wrong(AnomalyKind::Phantom) };
        if self.sends(message).next().is_none() {
            return Standing::Wrong(AnomalyKind::Phantom);
        }
        let planned = &self.plan.consumers[got.consumer].topics;
        if self.topic(message) != got.topic || !planned.contains(&got.topic) {
            return Standing::Wrong(AnomalyKind::Misrouted);
        }
        let acked_before =
            self.acked(message).is_some_and(|acked| acked < got.subscription.invoked.stamp);
        if acked_before || self.is_below_the_start(got, message) {
            return Standing::Wrong(AnomalyKind::Misrouted);
        }
        if self.sent(message).is_none_or(|sent| got.completed < sent) {
            let mut attempts =
                self.sends(message).flat_map(|sent| sent.each_attempt(1).into_owned());
            let refused = attempts.any(|own| {
                matches!(own.class, Class::Refused | Class::NeverLeft)
                    && own.began.stamp <= got.completed
            });
            let is_refused = self.sent(message).is_none() || refused;
            let kinds = (AnomalyKind::Resurrected, AnomalyKind::Early);
            return Standing::Wrong(if is_refused { kinds.0 } else { kinds.1 });
        }
        let same = |own: &&Got<'_>| {
            (own.consumer, own.topic, own.message) == (got.consumer, got.topic, got.message)
        };
        let from_elsewhere = Standing::Wrong(AnomalyKind::Misrouted);
        let before = || self.got[..place].iter().filter(same);
        if before().all(|own| own.standing == from_elsewhere) {
            return Standing::First;
        }
        let by_offset =
            self.plan.scenario.consumers[got.consumer].acknowledge == Acknowledge::Offset;
        let is_fair = |own: &Got<'_>| {
            !own.is_acknowledged && own.subscription.incarnation < got.subscription.incarnation
        };
        if by_offset && before().all(is_fair) {
            Standing::Redelivered
        } else {
            Standing::Wrong(AnomalyKind::Duplicate)
        }
    }

    /// Whether it stands at an offset below the one that the subscription starts at. One that came
    /// without stands where its ack says, if it can stand in the log only once.
    fn is_below_the_start(&self, got: &Got<'_>, message: MessageId) -> bool {
        let claim = got.subscription;
        let is_of_this_life = self.sends(message).any(|sent| self.epoch(sent) == claim.epoch);
        let confirmed = claim.confirmed.unwrap().stamp;
        let after = self.sent(message).is_some_and(|sent| confirmed < sent);
        let told = self.acked_in(claim, message).filter(|_| !self.may_stand_twice(message));
        let at = match got.offset {
            // What was sent later, in another life, has its offset there.
            Some(_) if after && !is_of_this_life => None,
            Some(offset) => Some(offset),
            None => told,
        };
        claim.offset.zip(at).is_some_and(|(start, at)| at < start)
    }

    pub(super) fn single_deliveries(&self, judged: &mut Judged) {
        let once = self.plan.scenario.expect.delivery != Delivery::AtLeastOnce;
        for got in &self.got {
            if got.is_corrupt {
                judged.one(AnomalyKind::Corrupted, true);
            }
            if let Standing::Wrong(kind) = got.standing {
                judged.add(kind, Count::Exactly(1), once || kind != AnomalyKind::Duplicate);
            }
        }
    }
}
