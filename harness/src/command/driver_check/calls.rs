//! The calls that the conversation is made of. What each fails by is noted, and what it says is kept.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep};

use super::deliveries::Deliveries;
use super::findings::Finding;
use super::sends::{Message, Sends};
use crate::driver::exec::answer::{Done, Outcome, Polled, Registered, Sent, Subscribed};
use crate::driver::exec::{PATIENCE, Process, Processes, Request, Silence, Told};
use crate::driver::{Failure, Route};
use crate::input::names::Actor;

/// How long a send may take here: short, so that one that is late is found soon.
const SEND_WITHIN: Duration = Duration::from_secs(1);

/// How long a late answer is waited for, to say how late it is.
const LATE_MAX: Duration = Duration::from_secs(5);

/// Nothing came for so long: nothing more comes.
const IDLE: Duration = Duration::from_secs(3);

/// Between two polls that bring nothing.
const PAUSE: Duration = Duration::from_millis(20);

/// What is sent, in turn.
const PAYLOADS: [&str; 6] = [
    "plain",
    " blanks ",
    "\"quotes\" and \\ and /",
    "two\nlines\r\n\ttab",
    "\u{0}\u{1b}\u{7f}",
    "\u{1f980}e\u{301}\u{2028}",
];

/// The conversation so far.
pub(super) struct Script<'a> {
    pub(super) processes: &'a Processes,
    pub(super) run: &'a str,
    pub(super) told: &'a Told,
    pub(super) sends: Sends,
    pub(super) found: Vec<Finding>,
    /// By topic and session: the next sequence.
    pub(super) next: BTreeMap<(String, String), u64>,
    /// How many names were given.
    pub(super) names: u32,
}

/// A registration.
pub(super) struct Session {
    pub(super) actor: Actor,
    pub(super) topic: String,
    pub(super) session: String,
}

/// A subscription, with what it brought.
pub(super) struct Reader {
    pub(super) actor: Actor,
    pub(super) subscription: String,
    pub(super) epoch: Option<String>,
    pub(super) deliveries: Deliveries,
}

impl Script<'_> {
    /// A call that has to succeed; what it fails by is noted, unless the conversation says it.
    pub(super) async fn call<T: DeserializeOwned>(
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

    pub(super) async fn register(
        &mut self,
        producer: u32,
        topic: &str,
    ) -> Result<Session, Failure> {
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
    pub(super) fn name(&mut self, actor: Actor) -> String {
        self.names += 1;
        format!("{}.{actor}.{}", self.run, self.names)
    }

    /// Sends the next so many messages as one request.
    pub(super) async fn send(&mut self, session: &Session, count: u64) -> Result<(), Failure> {
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

    pub(super) async fn subscribe(
        &mut self,
        consumer: u32,
        topic: &str,
    ) -> Result<Reader, Failure> {
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
    pub(super) async fn poll(&mut self, reader: &mut Reader, max: u32) -> Result<usize, Failure> {
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

    pub(super) async fn ack(&mut self, reader: &Reader) -> Result<(), Failure> {
        let process = self.processes.of(reader.actor, Route(0)).await?;
        let (topic, subscription) = (&reader.deliveries.topic, &reader.subscription);
        let ack = Request::Ack { topic, subscription };
        self.call::<Done>(&process, &ack, reader.epoch.as_deref()).await.map(|_| ())
    }

    /// Polls and acknowledges until everything has come and one poll more brings nothing, or nothing
    /// has come for a while.
    pub(super) async fn drain(&mut self, reader: &mut Reader) -> Result<(), Failure> {
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
}
