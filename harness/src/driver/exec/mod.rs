//! A driver that is another program, in any language: it is spoken to in lines of JSON over its
//! standard input and output. docs/exec.md specifies the conversation.
//!
//! - `request` and `answer`: the lines. `capability`: what the driver says of itself.
//! - `conversation`: which requests are open, and what goes wrong; `process`: a program with that;
//!   `processes`: who has which.
//! - `sender`, `subscriber`: the driver's contract over it; `registrations`: who sent a message.

use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use futures_util::future::{BoxFuture, join_all};

use self::answer::{Done, Log, Registered, Subscribed};
use self::registrations::Registrations;
use self::sender::ExecSender;
use self::subscriber::ExecSubscriber;
use super::address::Address;
use super::batch::Batch;
use super::client::{Client, RetryPolicy, Route, Session};
use super::contract::{Driver, LogPart, Remarks, Sender, Subscriber};
use super::failure::{Failure, FailureKind};
use super::row::{Connected, Connecting, Row, Takes, own_topic};
use super::tries::repeat;
use crate::capability::Capabilities;
use crate::fault::Target;
use crate::history::Offset;
use crate::lock::lock;
use crate::plan::{MessageId, Plan, TopicIndex};

pub mod answer;
mod capability;
mod conversation;
mod process;
mod processes;
mod registrations;
mod request;
mod sender;
mod subscriber;

pub use capability::{Delivery, Order, Places, Survives, Told, URL};
pub use conversation::{GRACE, Said, Trouble};
pub use process::{Asked, PATIENCE, Process, Silence};
pub use processes::Processes;
pub use request::{Request, VERSION};

/// A driver that is another program.
pub(super) const ROW: Row = Row {
    word: "exec",
    schemes: &[],
    tls: &[],
    port: 0,
    tls_port: 0,
    takes: Takes::Nothing,
    capabilities: capability::before,
    connect: |connecting| Box::pin(connect(connecting)),
    simulate: None,
};

/// The address in the URL of a broker that a program speaks to, of whatever scheme.
///
/// # Errors
/// Says what is missing.
pub fn address(url: &str) -> Result<Address, String> {
    let parsed = url::Url::parse(url).map_err(|error| error.to_string())?;
    let host = parsed.host_str().filter(|host| !host.is_empty()).ok_or("the host is missing")?;
    let port = parsed.port_or_known_default().filter(|port| *port > 0);
    Ok(Address::new(host, port.ok_or("the port is missing")?))
}

async fn connect(connecting: Connecting) -> Connected {
    let processes = Processes::start(&connecting).await?;
    let Connecting { plan, run, .. } = connecting;
    let crashes = plan.scenario.faults.iter();
    let mut crashes = crashes.filter(|fault| matches!(fault.action.target, Target::Consumers(_)));
    if let Some(fault) = crashes.next().filter(|_| !processes.told().resumes) {
        let (file, line) = (plan.scenario.file.display(), fault.line);
        let why = "the driver says that a consumer cannot go on after a crash (`resumes`)";
        processes.end().await;
        return Err(Failure {
            kind: FailureKind::Final,
            ..Failure::new(format!("{file}:{line}: {why}"))
        });
    }
    let registrations = Arc::new(Registrations::new(&plan, &run));
    let (made, remarks) = (Mutex::default(), Mutex::default());
    Ok(Arc::new(Exec { processes, plan, run, registrations, made, remarks }))
}

struct Exec {
    processes: Processes,
    plan: Arc<Plan>,
    run: String,
    registrations: Arc<Registrations>,
    /// The topics that may be there.
    made: Mutex<BTreeSet<TopicIndex>>,
    /// What is to be told at the end.
    remarks: Mutex<Remarks>,
}

impl Exec {
    /// What a topic is called on the broker.
    fn topic(&self, topic: TopicIndex) -> String {
        own_topic(&self.run, topic)
    }

    /// The session of something that was asked for by a name.
    fn session(name: String, told: Option<String>, epoch: Option<String>) -> Session {
        Session { id: Some(told.unwrap_or(name)), epoch }
    }

    fn subscriber(
        &self,
        client: &Client,
        process: Arc<Process>,
        session: Session,
        start: Option<Offset>,
    ) -> Box<dyn Subscriber> {
        Box::new(ExecSubscriber {
            process,
            registrations: Arc::clone(&self.registrations),
            topic: client.topic,
            name: self.topic(client.topic),
            session,
            start,
            waits: self.processes.told().waits,
            asked: None,
            is_owed: false,
        })
    }
}

impl Driver for Exec {
    fn capabilities(&self) -> Capabilities {
        self.processes.told().capabilities(&self.plan.scenario.broker)
    }

    fn create_topic(&self, topic: TopicIndex) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(async move {
            lock(&self.made).insert(topic);
            let (control, name) = (self.processes.control(Route(0)).await?, self.topic(topic));
            let config = &self.plan.scenario.broker.options.topic_config;
            let create = Request::CreateTopic { topic: &name, config };
            let call = || control.call::<Registered>(&create, PATIENCE, None);
            repeat(RetryPolicy::Short, call).await.map(|_| ())
        })
    }

    fn register<'a>(
        &'a self,
        client: &'a Client,
    ) -> BoxFuture<'a, Result<Box<dyn Sender>, Failure>> {
        Box::pin(async move {
            let Some(stream) = client.stream else {
                return Err(Failure::new("a producer without messages"));
            };
            let process = self.processes.of(client.actor, client.route).await?;
            let (topic, name) = (self.topic(client.topic), self.registrations.name(client.actor));
            let register = Request::Register { topic: &topic, producer: &name };
            let call = || process.call::<Registered>(&register, PATIENCE, None);
            let (registered, _) = repeat(client.retries, call).await?;
            let session = Self::session(name, registered.session, registered.epoch);
            let id = session.id.as_deref().unwrap_or_default();
            self.registrations.add(client.topic, id, stream, client.base);
            let first = self.plan.streams[stream.place()].first;
            let is_serial = !self.processes.told().in_flight;
            Ok(Box::new(ExecSender {
                process,
                topic,
                session,
                first: MessageId(first.0 + client.base),
                retries: client.retries,
                is_over: Arc::new(AtomicBool::new(false)),
                turn: is_serial.then(Arc::default),
            }) as _)
        })
    }

    fn subscribe<'a>(
        &'a self,
        client: &'a Client,
    ) -> BoxFuture<'a, Result<Box<dyn Subscriber>, Failure>> {
        Box::pin(async move {
            let process = self.processes.of(client.actor, client.route).await?;
            let (topic, name) = (self.topic(client.topic), self.registrations.name(client.actor));
            let subscribe = Request::Subscribe { topic: &topic, consumer: &name };
            let call = || process.call::<Subscribed>(&subscribe, PATIENCE, None);
            let (made, _) = repeat(client.retries, call).await?;
            let session = Self::session(name, made.subscription, made.epoch);
            Ok(self.subscriber(client, process, session, made.start))
        })
    }

    fn resume<'a>(
        &'a self,
        client: &'a Client,
        session: &'a Session,
    ) -> BoxFuture<'a, Result<Box<dyn Subscriber>, Failure>> {
        Box::pin(async move {
            let process = self.processes.anew(client.actor, client.route).await?;
            let topic = self.topic(client.topic);
            let (subscription, epoch) =
                (session.id.as_deref().unwrap_or_default(), session.epoch.as_deref());
            let resume = Request::Resume { topic: &topic, subscription, epoch };
            let (made, _) = process.call::<Subscribed>(&resume, PATIENCE, epoch).await?;
            process.serve();
            Ok(self.subscriber(client, process, session.clone(), made.start))
        })
    }

    fn read_log(
        &self,
        route: Route,
        topic: TopicIndex,
        offset: Offset,
    ) -> BoxFuture<'_, Result<Option<LogPart>, Failure>> {
        Box::pin(async move {
            if !self.processes.told().reads_log {
                return Ok(None);
            }
            let (control, name) = (self.processes.control(route).await?, self.topic(topic));
            let read = Request::ReadLog { topic: &name, offset };
            let (Log { epoch, end, messages, .. }, _) =
                control.call::<Log>(&read, PATIENCE, None).await?;
            let mut batch = Batch::default();
            self.registrations.fill(topic, &messages, &mut batch);
            Ok(Some(LogPart { epoch, end, messages: batch }))
        })
    }

    fn remarks(&self) -> Remarks {
        lock(&self.remarks).clone()
    }

    fn finish(&self) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(async move {
            let made: Vec<_> = lock(&self.made).iter().map(|topic| self.topic(*topic)).collect();
            let left = match self.processes.control(Route(0)).await {
                Ok(control) => {
                    let removed = made.iter().map(async |topic| {
                        let remove = Request::Remove { topic };
                        let removed = control.call::<Done>(&remove, PATIENCE, None).await;
                        removed.err().map(|failure| format!("{topic}: {failure}"))
                    });
                    join_all(removed).await.into_iter().flatten().collect()
                }
                Err(failure) => vec![failure.why],
            };
            self.processes.end().await;
            let is_faulty = !self.plan.scenario.faults.is_empty();
            *lock(&self.remarks) = self.processes.remarks(is_faulty).await;
            match &left[..] {
                [] => Ok(()),
                left => Err(Failure::new(format!(
                    "topics may be left on the broker:\n{}",
                    left.join("\n")
                ))),
            }
        })
    }
}
