//! The conversation: two topics, two producers that send to them in turn, consumers that come early
//! and late, one that loses its process, the logs, and the end.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::calls::{Reader, Script};
use super::deliveries::Promised;
use super::findings::Finding;
use super::readings;
use super::sends::Sends;
use crate::driver::exec::answer::{Done, Log, Registered, Subscribed};
use crate::driver::exec::{PATIENCE, Process, Processes, Request};
use crate::driver::{Connecting, Failure, FailureKind, Route};

/// So many rounds of sends.
const ROUNDS: u64 = 6;

/// Holds it, and says what is wrong, in the order in which it was found.
pub(super) async fn hold(processes: &Arc<Processes>, connecting: &Connecting) -> Vec<Finding> {
    let (run, told) = (connecting.run.as_str(), processes.told());
    let (sends, found, next) = (Sends::default(), Vec::new(), BTreeMap::new());
    let mut script = Script { processes, run, told, sends, found, next, names: 0 };
    let topics = [1, 2].map(|number| format!("harness-{run}-{number}"));
    let held = script.hold(&topics).await;
    script.remove(&topics).await;
    let slow = processes.end().await;
    let mut found = script.found;
    for (process, trouble) in processes.troubles().await {
        found.push(Finding::of(process, trouble));
    }
    if let Err(failure) = held
        && found.is_empty()
    {
        found.push(Finding { process: "the driver".to_owned(), line: None, what: failure.why });
    }
    found.extend(slow.into_iter().map(|process| Finding {
        process,
        line: None,
        what: "it does not end within 2 s of `bye` and the end of its input, and was killed".into(),
    }));
    found.sort_by_key(|finding| (finding.process.clone(), finding.line.unwrap_or(u64::MAX)));
    found
}

impl Script<'_> {
    /// Goes as far as it gets. What ends it early is of the driver, and noted.
    async fn hold(&mut self, topics: &[String; 2]) -> Result<(), Failure> {
        let control = self.processes.control(Route(0)).await?;
        let none = BTreeMap::new();
        // The same one twice: a topic may be there already.
        for topic in topics.iter().chain([&topics[0]]) {
            let create = Request::CreateTopic { topic, config: &none };
            self.call::<Registered>(&control, &create, None).await?;
        }
        let mut readers = Vec::new();
        for (consumer, topic) in [(1, &topics[0]), (1, &topics[1]), (2, &topics[0])] {
            readers.push(self.subscribe(consumer, topic).await?);
        }
        let mut sessions = Vec::new();
        for (producer, topic) in [(1, &topics[0]), (1, &topics[1]), (2, &topics[0])] {
            sessions.push(self.register(producer, topic).await?);
        }
        for round in 0..ROUNDS {
            if round == ROUNDS / 2 {
                readers.push(self.subscribe(3, &topics[0]).await?);
            }
            for (place, session) in sessions.iter().enumerate() {
                // Not as many on each, so that the offsets of two topics differ.
                if round % (place as u64 + 1) == 0 {
                    self.send(session, 1).await?;
                }
            }
        }
        if self.told.batch_max() > 1 {
            self.send(&sessions[0], 2).await?;
        }
        if self.told.resumes {
            self.drain(&mut readers[0]).await?;
            self.send(&sessions[0], 1).await?;
            self.send(&sessions[0], 1).await?;
            self.resume(&mut readers[0]).await?;
            self.refuses_strangers(&readers[0]).await?;
        }
        for reader in &mut readers {
            self.drain(reader).await?;
        }
        for Reader { deliveries, .. } in &readers {
            self.found.extend(deliveries.judge(&self.sends, self.promised()));
        }
        if self.told.reads_log {
            for topic in topics {
                self.read(&control, topic).await?;
            }
        }
        for Reader { actor, subscription, epoch, deliveries } in &readers {
            let process = self.processes.of(*actor, Route(0)).await?;
            let end = Request::Unsubscribe { topic: &deliveries.topic, subscription };
            self.call::<Done>(&process, &end, epoch.as_deref()).await?;
        }
        Ok(())
    }

    fn promised(&self) -> Promised {
        Promised {
            offsets: self.told.tells_offsets().1,
            contiguous: self.told.contiguous,
            order: self.told.order_word() != "none",
            once: self.told.is_exactly_once(),
        }
    }

    /// Of two messages it acknowledges one, loses its process, and goes on: the other one comes again.
    async fn resume(&mut self, reader: &mut Reader) -> Result<(), Failure> {
        self.poll(reader, 1).await?;
        self.ack(reader).await?;
        self.poll(reader, 1).await?;
        let acked = reader.deliveries.got.len() - 1;
        let process = self.processes.anew(reader.actor, Route(0)).await?;
        let (topic, epoch) = (&reader.deliveries.topic, reader.epoch.as_deref());
        let resume = Request::Resume { topic, subscription: &reader.subscription, epoch };
        let (_, line) = self.call::<Subscribed>(&process, &resume, epoch).await?;
        drop(process);
        // What it got and did not acknowledge is forgotten with its process.
        let forgotten = reader.deliveries.got.split_off(acked);
        self.drain(reader).await?;
        let before = reader.deliveries.got[..acked].iter();
        let before: Vec<_> =
            before.filter_map(|(.., own)| own.sequence.zip(own.producer.clone())).collect();
        for (process, line, own) in &reader.deliveries.got[acked..] {
            if own.sequence.zip(own.producer.clone()).is_some_and(|name| before.contains(&name)) {
                let what = "a message comes again that was acknowledged before `resume`";
                self.found.push(Finding::new(process, *line, what.to_owned()));
            }
        }
        if forgotten.is_empty() && reader.deliveries.got.len() == acked {
            let what = "after `resume` nothing more comes".to_owned();
            self.found.push(Finding::new(&reader.actor.to_string(), line, what));
        }
        Ok(())
    }

    /// A subscription that nobody made cannot be resumed, and that is `session_over`.
    async fn refuses_strangers(&mut self, reader: &Reader) -> Result<(), Failure> {
        let process = self.processes.of(reader.actor, Route(0)).await?;
        let name = self.name(reader.actor);
        let (topic, epoch) = (&reader.deliveries.topic, reader.epoch.as_deref());
        let resume = Request::Resume { topic, subscription: &name, epoch };
        let asked = process.call::<Subscribed>(&resume, PATIENCE, epoch).await;
        let what = match asked {
            Ok((_, line)) => {
                let what = "`resume` of a subscription that was never made succeeds".to_owned();
                self.found.push(Finding::new(process.name(), line, what));
                return Ok(());
            }
            Err(Failure { kind: FailureKind::SessionOver { .. }, .. }) => return Ok(()),
            Err(failure) => format!(
                "`resume` of a subscription that was never made fails ({failure}), and does not \
                 say `session_over`"
            ),
        };
        self.found.push(Finding { process: process.name().to_owned(), line: None, what });
        Ok(())
    }

    /// Reads the log of a topic from its beginning to its end.
    async fn read(&mut self, control: &Process, topic: &str) -> Result<(), Failure> {
        let mut parts: Vec<(u64, Log)> = Vec::new();
        let mut offset = 0;
        loop {
            let read = Request::ReadLog { topic, offset };
            let (log, line) = self.call::<Log>(control, &read, None).await?;
            let last = log.messages.iter().rev().find_map(|own| own.offset);
            let end = log.end;
            parts.push((line, log));
            match last {
                Some(last) if last >= offset && last + 1 < end => offset = last + 1,
                _ => break,
            }
        }
        self.found.extend(readings::judge(control.name(), topic, &parts, &self.sends));
        Ok(())
    }

    async fn remove(&mut self, topics: &[String]) {
        let Ok(control) = self.processes.control(Route(0)).await else { return };
        for topic in topics {
            // Noted where it fails.
            let _ = self.call::<Done>(&control, &Request::Remove { topic }, None).await;
        }
    }
}
