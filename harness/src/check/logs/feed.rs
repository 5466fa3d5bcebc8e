//! A consumer's log, one topic of it.

use super::parse::Lines;
use super::sent::Sent;
use crate::check::anomaly::Anomaly;
use crate::plan::{ConsumerIndex, MessageId, Plan};

/// What one consumer logged of one topic; lines with payloads that were not sent to it left out.
pub(super) struct Feed<'a> {
    pub(super) consumer: ConsumerIndex,
    pub(super) number: u32,
    pub(super) name: String,
    pub(super) file: &'a str,
    /// Line in the file, from 1, and payload.
    pub(super) lines: Vec<(u32, u32)>,
    /// By payload: how often it was logged.
    pub(super) counts: Vec<usize>,
    /// Whether it lacks lines, and only at the beginning, where that may be.
    pub(super) begins_late: bool,
}

impl<'a> Feed<'a> {
    pub(super) fn new(
        plan: &Plan,
        consumer: ConsumerIndex,
        sent: &Sent<'_>,
        log: &'a Lines,
    ) -> Self {
        let own = log.iter().filter(|line| line.topic == sent.topic);
        let lines: Vec<(u32, u32)> =
            own.filter_map(|line| Some((line.number, *sent.payloads.get(line.payload)?))).collect();
        let mut counts = vec![0; sent.messages.len()];
        for (_, payload) in &lines {
            counts[*payload as usize] += 1;
        }
        let number = plan.consumers[consumer.place()].number;
        let name = format!("C{number}");
        Self { consumer, number, name, file: &log.file, lines, counts, begins_late: false }
    }

    /// How often each payload is missing, only those that are.
    pub(super) fn missing(&self, sent: &Sent<'_>) -> Vec<(u32, usize)> {
        let lacks = |(payload, own): (u32, &Vec<MessageId>)| {
            let lacking = own.len().saturating_sub(self.counts[payload as usize]);
            (lacking > 0).then_some((payload, lacking))
        };
        (0..).zip(&sent.messages).filter_map(lacks).collect()
    }

    /// Whether a payload was logged more often than it was sent.
    pub(super) fn has_extra(&self, sent: &Sent<'_>) -> bool {
        self.counts.iter().zip(&sent.messages).any(|(count, own)| *count > own.len())
    }

    /// Whether a message is missing from before all that came of its producer.
    pub(super) fn may_precede(&self, sent: &Sent<'_>, payload: u32) -> bool {
        let Some(message) = sent.only(payload) else { return false };
        let slot = sent.streams.partition_point(|(_, first)| *first <= message) - 1;
        let (own, first) = &sent.streams[slot];
        let before = &own[..(message.0 - first.0) as usize];
        before.iter().all(|payload| self.counts[*payload as usize] == 0)
    }

    pub(super) fn anomaly(
        &self,
        sent: &Sent<'_>,
        messages: &[MessageId],
        title: String,
    ) -> Anomaly {
        Anomaly::new(sent.plan, sent.topic, Some(self.consumer), messages, title)
    }
}
