//! Which attempts without an ack a fault explains.
//!
//! A firing explains an attempt that overlaps it, that it *touches*, and that failed in a way that it
//! *causes* ([`Action::touches`], [`Action::causes`]). A request is explained if all its attempts
//! without an ack are. A firing counts until the first ack of the same broker after its end: a
//! connection that it broke may show that only when it is used next.
//!
//! A broker in memory that was ended does not know the registrations of its former life. That
//! explains one refusal for each registration that it could have known (of requests that were under way
//! together, one for each), and only where the producer registers anew before it sends more.
//!
//! A fault of the storage touches every broker, and causes whatever a server says that cannot write. A
//! server that does not start again explains all that was never sent.
//!
//! Example: C1 is slow, and P1 is refused with `full`. A slow consumer touches no producer, and no
//! fault that there is causes `full`.

use std::collections::BTreeMap;

use crate::capability::Survival;
use crate::check::facts::{Facts, NEVER, Request};
use crate::fault::{Action, Effect, Part, StorageFault, Symptom, Touches};
use crate::history::{Attempt, Class, Firing, Sent, Session, Stamp, forgets};
use crate::scenario;

/// What the faults of a run explain.
pub(super) struct Explanations<'a> {
    facts: &'a Facts<'a>,
    has_database: bool,
    fired: Vec<Fired<'a>>,
}

struct Fired<'a> {
    action: &'a Action,
    firing: &'a Firing,
    touches: Touches,
    /// Whether what was acknowledged, and registrations with it, are to be there after it.
    keeps: bool,
    /// By broker: when its first ack after the end of the firing was in.
    until: BTreeMap<u32, Stamp>,
}

impl Fired<'_> {
    fn touches(&self, producer: u32, broker: u32) -> bool {
        match self.touches {
            Touches::Nothing => false,
            Touches::EveryBroker => true,
            Touches::OneBroker => Part::broker_number(&self.firing.whom) == Some(broker),
            Touches::Producers => {
                let name = format!("P{producer}");
                self.firing.whom.split(' ').any(|whom| whom == name)
            }
        }
    }

    fn overlaps(&self, attempt: &Attempt) -> bool {
        let until = self.until.get(&attempt.broker).copied().unwrap_or(NEVER);
        self.firing.began.stamp < attempt.ended.stamp && attempt.began.stamp < until
    }
}

impl<'a> Explanations<'a> {
    pub(super) fn of(facts: &'a Facts<'a>) -> Self {
        let scenario = &facts.plan.scenario;
        let has_database = scenario.broker.store.has_database();
        let acks = if facts.history.faults.is_empty() { BTreeMap::new() } else { acks(facts) };
        let fired = facts.history.faults.iter().filter_map(|firing| {
            let action = &scenario.faults.get(firing.fault as usize)?.action;
            let until = acks.iter().filter_map(|(broker, acks)| {
                let next = acks.partition_point(|ack| *ack <= firing.ended.stamp);
                Some((*broker, *acks.get(next)?))
            });
            let (touches, until) = (action.touches(has_database), until.collect());
            let keeps = keeps(&scenario.broker, &action.effect);
            Some(Fired { action, firing, touches, keeps, until })
        });
        Self { facts, has_database, fired: fired.collect() }
    }

    /// The attempts of a request without an ack that nothing explains.
    pub(super) fn missing_for(&self, request: &Request) -> Vec<Attempt> {
        let sent = request.sent(self.facts.history);
        let part = request.source.0;
        let attempts = sent.each_attempt(broker(self.sessions(part), sent));
        let unexplained = attempts.iter().filter(|attempt| !self.explains(part, sent, attempt));
        unexplained.cloned().collect()
    }

    fn explains(&self, part: usize, sent: &Sent, attempt: &Attempt) -> bool {
        let producer = self.facts.plan.producers[part].number;
        match symptom(attempt) {
            None => true,
            Some(Symptom::Forgotten) => self.forgot(part, sent, attempt),
            Some(symptom) => self.fired.iter().any(|fired| {
                fired.overlaps(attempt)
                    && fired.action.causes(symptom, self.has_database, fired.keeps)
                    && fired.touches(producer, attempt.broker)
            }),
        }
    }

    /// Whether the broker lost its memory since it last knew the registration of this attempt, and
    /// the producer believed it.
    fn forgot(&self, part: usize, sent: &Sent, attempt: &Attempt) -> bool {
        let Some(known) = self.last_known(part, sent, attempt) else { return false };
        let producer = self.facts.plan.producers[part].number;
        self.fired.iter().any(|fired| {
            known < fired.firing.ended.stamp
                && fired.firing.began.stamp < attempt.ended.stamp
                && fired.action.causes(Symptom::Forgotten, self.has_database, fired.keeps)
                && fired.touches(producer, attempt.broker)
        })
    }

    /// When the broker last knew the registration that an attempt was made under; nothing where it
    /// had refused it before, or the producer went on under it.
    fn last_known(&self, part: usize, sent: &Sent, attempt: &Attempt) -> Option<Stamp> {
        let sessions = self.sessions(part);
        let own = session(sessions, sent, attempt);
        let mut known = own.map_or(0, |place| sessions[place].confirmed.stamp);
        let sends = self.facts.history.producers[part].sends.iter();
        for other in sends.filter(|other| other.stream == sent.stream) {
            for another in other.each_attempt(broker(sessions, other)).iter() {
                let is_same = another == attempt && other.invoked == sent.invoked;
                if is_same
                    || another.class == Class::NeverLeft
                    || session(sessions, other, another) != own
                {
                    continue;
                }
                // Those that were under way together are refused together.
                let is_refused_before = symptom(another) == Some(Symptom::Forgotten)
                    && another.ended.stamp <= attempt.began.stamp;
                if attempt.ended.stamp <= another.began.stamp || is_refused_before {
                    return None;
                }
                if another.class == Class::Acked {
                    known = known.max(another.began.stamp);
                }
            }
        }
        Some(known)
    }

    fn sessions(&self, part: usize) -> &'a [Session] {
        &self.facts.history.producers[part].sessions
    }
}

/// Whether a broker is to have what was acknowledged after this was done to it.
fn keeps(broker: &scenario::Broker, effect: &Effect) -> bool {
    match effect {
        Effect::Storage(StorageFault::Power(_)) => broker.keeps(Survival::PowerCut),
        // Nobody promises to survive that.
        Effect::Storage(StorageFault::Rot { .. }) => false,
        _ => broker.keeps(Survival::Kill),
    }
}

/// How an attempt failed; nothing for one that did not.
fn symptom(attempt: &Attempt) -> Option<Symptom<'_>> {
    let code = attempt.code.as_deref();
    Some(match (attempt.class, code) {
        (Class::Acked, _) => return None,
        (Class::Unknown, _) | (Class::NeverLeft, None) => Symptom::NoAnswer,
        (Class::Refused, Some(code)) if forgets(code) => Symptom::Forgotten,
        (Class::Refused | Class::NeverLeft, code) => Symptom::Refused(code.unwrap_or_default()),
    })
}

/// The place of the session that an attempt was made under: the last that was confirmed before it.
fn session(sessions: &[Session], sent: &Sent, attempt: &Attempt) -> Option<usize> {
    let told = sent.session as usize;
    let before = |session: &Session| {
        session.stream == sent.stream && session.confirmed.stamp <= attempt.began.stamp
    };
    let by_time = if sent.tries.is_empty() { None } else { sessions.iter().rposition(before) };
    by_time.or_else(|| (told < sessions.len()).then_some(told))
}

/// The number of the broker that a request went to.
fn broker(sessions: &[Session], sent: &Sent) -> u32 {
    sessions.get(sent.session as usize).map_or(1, |session| session.broker)
}

/// By broker: when its acks were in, ascending.
fn acks(facts: &Facts<'_>) -> BTreeMap<u32, Vec<Stamp>> {
    let mut acks: BTreeMap<u32, Vec<Stamp>> = BTreeMap::new();
    for request in facts.requests.all.iter().filter(|request| request.acked != NEVER) {
        let sessions = &facts.history.producers[request.source.0].sessions;
        let sent = request.sent(facts.history);
        // The last attempt is the one that was acked.
        let told = sent.tries.last().map(|attempt| attempt.broker);
        let broker = told.unwrap_or_else(|| broker(sessions, sent));
        acks.entry(broker).or_default().push(request.acked);
    }
    acks.values_mut().for_each(|acks| acks.sort_unstable());
    acks
}
