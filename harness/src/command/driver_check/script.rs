//! The conversation: two topics, two producers that send to them in turn, consumers that come early
//! and late, one that loses its process, the logs, and the end.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep};

use super::deliveries::{Deliveries, Promised};
use super::findings::Finding;
use super::readings;
use super::sends::{Message, Sends};
use crate::driver::exec::answer::{Done, Log, Outcome, Polled, Registered, Sent, Subscribed};
use crate::driver::exec::{PATIENCE, Process, Processes, Request, Silence, Told};
use crate::driver::{Connecting, Failure, FailureKind, Route};
use crate::input::names::Actor;

/// How long a send may take here: short, so that one that is late is found soon.
const SEND_WITHIN: Duration = Duration::from_secs(1);

/// How long a late answer is waited for, to say how late it is.
const LATE_MAX: Duration = Duration::from_secs(5);

/// Nothing came for so long: nothing more comes.
const IDLE: Duration = Duration::from_secs(3);

/// Between two polls that bring nothing.
const PAUSE: Duration = Duration::from_millis(20);

/// So many rounds of sends.
const ROUNDS: u64 = 6;

const PAYLOADS: [&str; 6] = [
    "plain",
    " blanks ",
    "\"quotes\" and \\ and /",
    "two\nlines\r\n\ttab",
    "\u{0}\u{1b}\u{7f}",
    "\u{1f980}e\u{301}\u{2028}",
];

struct Script<'a> {
    processes: &'a Processes,
    run: &'a str,
    told: &'a Told,
    sends: Sends,
    found: Vec<Finding>,
    /// By topic and session: the next sequence.
    next: BTreeMap<(String, String), u64>,
    /// How many names were given.
    names: u32,
}

/// A registration.
struct Session {
    actor: Actor,
    topic: String,
    session: String,
}

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

/// A subscription, with what it brought.
struct Reader {
    actor: Actor,
    subscription: String,
    epoch: Option<String>,
    deliveries: Deliveries,
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

    /// A call that has to succeed; what it fails by is noted, unless the conversation says it.
    async fn call<T: DeserializeOwned>(
        &mut self,
        process: &Process,
        request: &Request<'_>,
        epoch: Option<&str>,
    ) -> Result<(T, u64), Failure> {
        let before = process.troubles().len();
        let called = process.call(request, PATIENCE, epoch).await;
        if let Err(failure) = &called
            && process.troubles().len() == before
            && process.over().is_none()
        {
            let what = format!("`{}` failed: {failure}", request.word());
            self.found.push(Finding { process: process.name().to_owned(), line: None, what });
        }
        called
    }

    /// Notes an epoch that is missing or not announced.
    fn check_epoch(&mut self, process: &Process, line: u64, word: &str, epoch: Option<&str>) {
        let what = match (self.told.epoch, epoch) {
            (true, None) => "has no `epoch`, and the capabilities promise one",
            (false, Some(_)) => "has an `epoch`, and the capabilities say that there is none",
            _ => return,
        };
        self.found.push(Finding::new(
            process.name(),
            line,
            format!("the answer to `{word}` {what}"),
        ));
    }

    async fn register(&mut self, producer: u32, topic: &str) -> Result<Session, Failure> {
        let actor = Actor::producer(producer);
        let process = self.processes.of(actor, Route(0)).await?;
        let name = self.name(actor);
        let register = Request::Register { topic, producer: &name };
        let (made, line) = self.call::<Registered>(&process, &register, None).await?;
        self.check_epoch(&process, line, "register", made.epoch.as_deref());
        let session = made.session.unwrap_or(name);
        if self.next.insert((topic.to_owned(), session.clone()), 0).is_some() {
            let what = format!("session {session} was given before, to another registration");
            self.found.push(Finding::new(process.name(), line, what));
        }
        Ok(Session { actor, topic: topic.to_owned(), session })
    }

    /// A name that no other registration or subscription has.
    fn name(&mut self, actor: Actor) -> String {
        self.names += 1;
        format!("{}.{actor}.{}", self.run, self.names)
    }

    /// Sends the next so many messages as one request.
    async fn send(&mut self, session: &Session, count: u64) -> Result<(), Failure> {
        let Session { actor, topic, session } = session;
        let process = self.processes.of(*actor, Route(0)).await?;
        let next = self.next.entry((topic.clone(), session.clone())).or_default();
        let sequence = *next;
        *next += count;
        let messages = (sequence..sequence + count).map(|sequence| Message {
            topic: topic.clone(),
            session: session.clone(),
            sequence,
            // No two are alike, and each kind is met.
            payload: format!("{}{sequence}", PAYLOADS[self.sends.0.len() % PAYLOADS.len()]),
            answered: None,
            outcome: Outcome::Unknown,
            offset: None,
            attempts: 1,
        });
        let messages: Vec<_> = messages.collect();
        let payloads: Vec<_> = messages.iter().map(|own| own.payload.as_str()).collect();
        let send = Request::Send { topic, session, sequence, payloads: &payloads, retry: true };
        let asked = process.ask(&send, SEND_WITHIN);
        let mut asked = asked.map_err(Failure::new)?;
        let answer = match asked.answer().await {
            Ok(said) => {
                let sent = process.understand_sent(&said, payloads.len()).ok();
                sent.map(|sent: Sent| (process.name(), said.line, sent))
            }
            Err(Silence::Over(why)) => return Err(Failure::new(why)),
            Err(Silence::Late(_)) => {
                // How late it comes is worth knowing, and what is asked meanwhile would be late, too.
                let until = Instant::now() + LATE_MAX;
                while process.waits_for(asked.id) && Instant::now() < until {
                    sleep(PAUSE).await;
                }
                None
            }
        };
        let tells_offsets = self.told.tells_offsets().0;
        self.found.extend(self.sends.add(messages, answer, tells_offsets));
        Ok(())
    }

    async fn subscribe(&mut self, consumer: u32, topic: &str) -> Result<Reader, Failure> {
        let actor = Actor::consumer(consumer);
        let process = self.processes.of(actor, Route(0)).await?;
        let name = self.name(actor);
        let subscribe = Request::Subscribe { topic, consumer: &name };
        let (made, line) = self.call::<Subscribed>(&process, &subscribe, None).await?;
        self.check_epoch(&process, line, "subscribe", made.epoch.as_deref());
        let deliveries = Deliveries {
            consumer: actor.to_string(),
            topic: topic.to_owned(),
            from: self.sends.0.len(),
            start: made.start,
            got: Vec::new(),
        };
        let subscription = made.subscription.unwrap_or(name);
        Ok(Reader { actor, subscription, epoch: made.epoch, deliveries })
    }

    /// Polls once, and says how many messages came.
    async fn poll(&mut self, reader: &mut Reader, max: u32) -> Result<usize, Failure> {
        let process = self.processes.of(reader.actor, Route(0)).await?;
        let topic = &reader.deliveries.topic;
        let wait_ms = if self.told.waits { 200 } else { 0 };
        let poll = Request::Poll { topic, subscription: &reader.subscription, max, wait_ms };
        let (Polled { messages, .. }, line) =
            self.call(&process, &poll, reader.epoch.as_deref()).await?;
        let count = messages.len();
        if count > max as usize {
            let what = format!("it has {count} messages, and at most {max} were asked for");
            self.found.push(Finding::new(process.name(), line, what));
        }
        let got = messages.into_iter().map(|own| (process.name().to_owned(), line, own));
        reader.deliveries.got.extend(got);
        Ok(count)
    }

    async fn ack(&mut self, reader: &Reader) -> Result<(), Failure> {
        let process = self.processes.of(reader.actor, Route(0)).await?;
        let (topic, subscription) = (&reader.deliveries.topic, &reader.subscription);
        let ack = Request::Ack { topic, subscription };
        self.call::<Done>(&process, &ack, reader.epoch.as_deref()).await.map(|_| ())
    }

    /// Polls and acknowledges until everything has come and one poll more brings nothing, or nothing
    /// has come for a while.
    async fn drain(&mut self, reader: &mut Reader) -> Result<(), Failure> {
        let mut last = Instant::now();
        loop {
            if self.poll(reader, 3).await? > 0 {
                self.ack(reader).await?;
                last = Instant::now();
            } else if reader.deliveries.has_all(&self.sends) || last.elapsed() > IDLE {
                return Ok(());
            } else {
                sleep(PAUSE).await;
            }
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
                return Ok(self.found.push(Finding::new(process.name(), line, what)));
            }
            Err(Failure { kind: FailureKind::SessionOver { .. }, .. }) => return Ok(()),
            Err(failure) => format!(
                "`resume` of a subscription that was never made fails ({failure}), and does not                  say `session_over`"
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
