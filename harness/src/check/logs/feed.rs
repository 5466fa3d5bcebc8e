//! A consumer's log, one topic of it.

use super::ending::Ending;
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
    /// The line in which it is cut off, so that nothing is known of what is missing after it.
    pub(super) cut: Option<u32>,
}

impl<'a> Feed<'a> {
    pub(super) fn new(
        plan: &Plan,
        consumer: ConsumerIndex,
        sent: &Sent<'_>,
        log: &'a Lines,
        ending: &Ending<'a>,
    ) -> Self {
        let own = log.iter().chain(ending.last).filter(|line| line.topic == sent.topic);
        let lines: Vec<(u32, u32)> =
            own.filter_map(|line| Some((line.number, *sent.payloads.get(line.payload)?))).collect();
        let mut counts = vec![0; sent.messages.len()];
        for (_, payload) in &lines {
            counts[*payload as usize] += 1;
        }
        let number = plan.consumers[consumer.place()].number;
        let name = format!("C{number}");
        Self {
            consumer,
            number,
            name,
            file: &log.file,
            lines,
            counts,
            cut: ending.cut_of(sent.topic),
        }
    }

    /// How often each payload is missing, only those that are.
    pub(super) fn missing(&self, sent: &Sent<'_>) -> Vec<(u32, usize)> {
        let lacks = |(payload, own): (u32, &Vec<MessageId>)| {
            let lacking = own.len().saturating_sub(self.counts[payload as usize]);
            (lacking > 0).then_some((payload, lacking))
        };
        (0..).zip(&sent.messages).filter_map(lacks).collect()
    }

    /// How many lines there are too many.
    pub(super) fn extra(&self, sent: &Sent<'_>) -> usize {
        let own = self.counts.iter().zip(&sent.messages);
        own.map(|(count, own)| count.saturating_sub(own.len())).sum()
    }

    pub(super) fn payloads(&self) -> Vec<u32> {
        self.lines.iter().map(|line| line.1).collect()
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
