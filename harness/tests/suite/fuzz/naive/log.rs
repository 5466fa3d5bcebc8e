//! What was acked and is not in the log that was read.

use harness::capability::Survival;
use harness::fault::{Action, Effect, Hold};
use harness::history::{Audited, AuditedLog, EpochIndex, Firing, Offset, Outcome, Sent};
use harness::plan::{MessageId, TopicIndex};
use harness::scenario::{AnomalyKind, Delivery};

use super::{Judge, Judged, real_attempts};

/// A log as it was read.
struct Log {
    topic: TopicIndex,
    epoch: EpochIndex,
    whole: bool,
    start: Offset,
    messages: Vec<MessageId>,
}

impl Log {
    fn of(audited: &Audited) -> Option<Self> {
        let AuditedLog::Read { epoch, end, whole, messages } = &audited.log else { return None };
        Some(Self {
            topic: audited.topic,
            epoch: *epoch,
            whole: *whole,
            start: messages.first().map_or(*end, |own| own.offset().unwrap()),
            messages: messages.iter().filter_map(|own| own.message()).collect(),
        })
    }
}

impl Judge<'_> {
    pub(super) fn not_in_log(&self, judged: &mut Judged) {
        let logs: Vec<Log> = self.history.audit.iter().filter_map(Log::of).collect();
        let missing = self.messages().filter(|message| self.is_missing(&logs, *message));
        judged.not_in_log = missing.count() as u64;
        if judged.not_in_log > 0 && self.plan.scenario.expect.delivery != Delivery::AtMostOnce {
            judged.broken.insert(AnomalyKind::Lost);
        }
    }

    fn is_missing(&self, logs: &[Log], message: MessageId) -> bool {
        let acked = |sent: &&Sent| matches!(sent.outcome, Outcome::Acked { .. });
        let Some(sent) = self.sends(message).find(acked) else { return false };
        let own = || logs.iter().filter(|log| log.topic == self.topic(message));
        if own().any(|log| log.messages.contains(&message)) {
            return false;
        }
        let epoch = self.epoch(sent);
        let same = || own().find(|log| Some(log.epoch) == epoch);
        let other = || own().next_back().filter(|_| self.survives(sent));
        let Some(log) = same().or_else(other) else { return false };
        let at = self.acked_at(message).map(|(_, offset)| offset);
        // An offset is one of its own life.
        let at = at.filter(|_| epoch.is_none_or(|epoch| epoch == log.epoch));
        // Retention drops a prefix.
        let is_behind = |other: &MessageId| {
            !self.may_stand_twice(*other) && self.is_before_by_ack(*other, message)
        };
        log.whole || at.is_some_and(|at| at >= log.start) || log.messages.iter().any(is_behind)
    }

    /// Whether what was acked survives by promise all that was done to the broker since it left, where
    /// the life of the store that it was acked in is over, or nobody knows.
    fn survives(&self, sent: &Sent) -> bool {
        let left = real_attempts(sent)[0].began.stamp;
        let done = self.history.faults.iter().filter(|firing| left < firing.ended.stamp);
        let least = |firing: &Firing| match self.plan.scenario.faults[firing.fault as usize].action
        {
            Action { effect: Effect::Process(Hold::Stopped), .. } => Survival::Part,
            _ => Survival::Kill,
        };
        let mut least: Vec<Survival> = done.map(least).collect();
        // It ended by itself.
        if least.is_empty() && self.epoch(sent).is_some() {
            least.push(Survival::Kill);
        }
        let promised = self.plan.scenario.broker.survives;
        least.iter().all(|least| promised.is_some_and(|own| own >= *least))
    }
}
