//! One order for the logs of all consumers, where every payload names its message.
//!
//! The first time that each message came counts, in all logs, and what the producers sent in order
//! stays in order. Logs are merged as long as some message is the next one of its producer and of
//! every log that has it. If none is, the logs contradict each other there, in a circle of two or
//! more (C1 has `a b`, C2 `b c`, C3 `c a`): then the producer's next one goes on that most logs have
//! next.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::feed::Feed;
use super::sent::Sent;

/// One log: the payloads that count, in order, and how many of them are in the result.
struct Input {
    entries: Vec<u32>,
    next: usize,
}

struct Merge<'a> {
    sent: &'a Sent<'a>,
    logs: Vec<Input>,
    /// By stream: how many of its messages are in the result.
    sent_to: Vec<usize>,
    /// By payload: how many logs and streams still have something else before it.
    blocked: Vec<u32>,
    rank: Vec<Option<u32>>,
    ready: Vec<u32>,
}

/// The place of each payload in the order that most logs agree on. What was found to be reordered
/// does not count.
pub(super) fn ranks(
    sent: &Sent<'_>,
    feeds: &[Feed<'_>],
    reordered: &BTreeSet<(u32, u32)>,
) -> Vec<u32> {
    let logs: Vec<Input> =
        feeds.iter().map(|feed| Input { entries: firsts(feed, reordered), next: 0 }).collect();
    let mut blocked = vec![1; sent.messages.len()];
    for payload in logs.iter().flat_map(|log| &log.entries) {
        blocked[*payload as usize] += 1;
    }
    let rank = vec![None; sent.messages.len()];
    let sent_to = vec![0; sent.streams.len()];
    let merge = Merge { sent, logs, sent_to, blocked, rank, ready: Vec::new() };
    merge.run()
}

/// The payloads of a log that count, each once.
pub(super) fn firsts(feed: &Feed<'_>, reordered: &BTreeSet<(u32, u32)>) -> Vec<u32> {
    let mut seen = BTreeSet::new();
    let own = feed.lines.iter().map(|line| line.1);
    own.filter(|payload| !reordered.contains(&(feed.number, *payload)) && seen.insert(*payload))
        .collect()
}

impl Merge<'_> {
    fn run(mut self) -> Vec<u32> {
        for stream in 0..self.sent.streams.len() {
            self.show_sent(stream);
        }
        for log in 0..self.logs.len() {
            self.show_logged(log);
        }
        for rank in 0..self.rank.len() {
            let next = self.ready.pop().or_else(|| self.favourite());
            let Some(next) = next else { break };
            self.place(next, u32::try_from(rank).unwrap_or(u32::MAX));
        }
        self.rank.into_iter().map(Option::unwrap_or_default).collect()
    }

    /// Puts a message into the result and moves on what it leads.
    fn place(&mut self, payload: u32, rank: u32) {
        self.rank[payload as usize] = Some(rank);
        if let Some(message) = self.sent.only(payload) {
            let stream = self.sent.stream(message);
            self.sent_to[stream] += 1;
            self.show_sent(stream);
        }
        for log in 0..self.logs.len() {
            let Input { entries, next } = &self.logs[log];
            if entries.get(*next) == Some(&payload) {
                self.show_logged(log);
            }
        }
    }

    fn show_sent(&mut self, stream: usize) {
        if let Some(payload) = self.sent.streams[stream].0.get(self.sent_to[stream]) {
            self.unblock(*payload);
        }
    }

    /// Moves a log to its next message that is not in the result.
    fn show_logged(&mut self, log: usize) {
        let Input { entries, next } = &mut self.logs[log];
        while let Some(payload) = entries.get(*next).copied() {
            if self.rank[payload as usize].is_none() {
                self.unblock(payload);
                return;
            }
            *next += 1;
        }
    }

    fn unblock(&mut self, payload: u32) {
        self.blocked[payload as usize] -= 1;
        if self.blocked[payload as usize] == 0 {
            self.ready.push(payload);
        }
    }

    /// Of the producers' next ones, that for which fewest logs have something else before it.
    fn favourite(&self) -> Option<u32> {
        let next = self.sent.streams.iter().zip(&self.sent_to);
        let heads = next.filter_map(|((own, _), at)| own.get(*at).copied());
        let is_next = |payload: u32| {
            let logs = self.logs.iter().filter(|log| log.entries.get(log.next) == Some(&payload));
            logs.count()
        };
        heads.min_by_key(|payload| (self.blocked[*payload as usize], Reverse(is_next(*payload))))
    }
}
