//! What was acked and is not in the log that was read.

use harness::history::{Audited, AuditedLog, EpochIndex, Offset, Outcome, Sent};
use harness::plan::{MessageId, TopicIndex};
use harness::scenario::{AnomalyKind, Delivery};

use super::{Judge, Judged};

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
        // Nothing ends a broker here, so one that tells no lives has one.
        let epoch = self.epoch(sent);
        let Some(log) = own().find(|log| epoch.is_none_or(|epoch| epoch == log.epoch)) else {
            return false;
        };
        let at = self.acked_at(message).map(|(_, offset)| offset);
        // Retention drops a prefix.
        let is_behind = |other: &MessageId| self.is_before_by_ack(*other, message);
        log.whole || at.is_some_and(|at| at >= log.start) || log.messages.iter().any(is_behind)
    }
}
