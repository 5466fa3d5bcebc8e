//! Which process of the driver serves which actor. The first one is `control`: it makes and removes
//! topics and reads logs, and where one process serves the whole run, it is that one.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::join_all;
use private_database::{Folder, Invocation};
use url::Url;

use super::answer::{Hello, Per};
use super::capability::{Told, URL};
use super::conversation::Trouble;
use super::process::Process;
use super::request::{Request, VERSION};
use crate::driver::address::Address;
use crate::driver::client::Route;
use crate::driver::contract::Remarks;
use crate::driver::failure::{Failure, FailureKind};
use crate::driver::row::Connecting;
use crate::input::names::Actor;
use crate::lock::lock;
use crate::scenario::Options;

/// How long a process may take until it answers `hello`: a virtual machine that starts on a busy
/// machine takes seconds.
const STARTS_WITHIN: Duration = Duration::from_secs(30);

/// Above so many actors one process serves all of them: a Python process costs 30 MB and 0.2 CPU s.
const ACTORS_MAX: usize = 16;

/// What is shown of standard error: so many last lines of so many processes.
const LINES_SHOWN: usize = 5;
const PROCESSES_SHOWN: usize = 8;

/// Whom a process serves, at which address; none is everybody else.
type Place = (Option<Actor>, Route);

/// All processes of a run.
pub struct Processes {
    command: Invocation,
    run: String,
    seed: u64,
    /// By route.
    brokers: Vec<Broker>,
    /// What the first one said of itself.
    hello: Hello,
    per: Per,
    slots: Mutex<BTreeMap<Place, Slot>>,
    /// What those that were replaced had to be said about.
    replaced: Mutex<Vec<(String, Trouble)>>,
    /// Ends what left its process group, also where the harness is killed.
    _folder: Folder,
}

/// What a process is told of where its broker is.
#[derive(Debug, Default)]
struct Broker {
    /// None where the command says it.
    url: Option<String>,
    /// The same for what reads no JSON, where the harness starts the broker.
    environment: Vec<(&'static str, OsString)>,
}

/// Locked while a process starts, so that an actor gets one for all of its topics.
type Slot = Arc<tokio::sync::Mutex<Option<Arc<Process>>>>;

impl Processes {
    /// Starts the first one and asks what it can do.
    ///
    /// # Errors
    /// When there is no such program, or it does not answer as it should.
    pub async fn start(connecting: &Connecting) -> Result<Self, Failure> {
        let scenario = &connecting.plan.scenario;
        let options = &scenario.broker.options;
        let [program, arguments @ ..] = &options.command[..] else {
            let why =
                "the driver exec needs the command of a driver, such as `python3 my_driver.py`";
            return Err(fatal(why.to_owned()));
        };
        let folder = Folder::new("exec")
            .map_err(|error| fatal(format!("cannot make a folder for the driver: {error}")))?;
        let mut command = Invocation::new(Path::new(program), arguments.iter().map(OsString::from));
        command.environment.push(folder.mark());
        command.folder.clone_from(&options.folder);
        let brokers = connecting.addresses.iter().map(|address| Broker::of(options, address));
        let brokers = brokers.collect::<Result<Vec<_>, _>>()?;
        let (run, seed) = (connecting.run.clone(), scenario.seed);
        let (control, hello) =
            started("control".to_owned(), &command, brokers.first(), &run, seed).await?;
        let actors = scenario.producers.len() + scenario.consumers.len();
        let per = per(options.one_process, hello.per, actors)?;
        let slot = Slot::new(tokio::sync::Mutex::new(Some(Arc::new(control))));
        let slots = Mutex::new(BTreeMap::from([((None, Route(0)), slot)]));
        let replaced = Mutex::default();
        Ok(Self { command, run, seed, brokers, hello, per, slots, replaced, _folder: folder })
    }

    /// What the driver said of itself.
    #[must_use]
    pub fn told(&self) -> &Told {
        &self.hello.capabilities
    }

    /// What it is called.
    #[must_use]
    pub fn driver(&self) -> &str {
        &self.hello.name
    }

    /// Whether one process serves the whole run.
    #[must_use]
    pub fn is_one(&self) -> bool {
        self.per == Per::Run
    }

    /// The process that makes topics and reads logs.
    ///
    /// # Errors
    /// When it has to be started and cannot.
    pub async fn control(&self, route: Route) -> Result<Arc<Process>, Failure> {
        self.at((None, route), false).await
    }

    /// The process that serves an actor.
    ///
    /// # Errors
    /// When it has to be started and cannot.
    pub async fn of(&self, actor: Actor, route: Route) -> Result<Arc<Process>, Failure> {
        self.at(self.place(actor, route), false).await
    }

    /// The process of an actor that lost its memory: another one than before, which is killed once
    /// nobody uses it any more. Where one process serves all, it is the same.
    ///
    /// # Errors
    /// When it has to be started and cannot.
    pub async fn anew(&self, actor: Actor, route: Route) -> Result<Arc<Process>, Failure> {
        self.at(self.place(actor, route), !self.is_one()).await
    }

    fn place(&self, actor: Actor, route: Route) -> Place {
        ((!self.is_one()).then_some(actor), route)
    }

    async fn at(&self, place: Place, anew: bool) -> Result<Arc<Process>, Failure> {
        let slot = Arc::clone(lock(&self.slots).entry(place).or_default());
        let mut slot = slot.lock().await;
        // The slot itself holds one; a sender or subscriber of the actor each another.
        // One that served nobody yet is as good as new: a resumption that fails is made again.
        let is_unused = slot
            .as_ref()
            .is_some_and(|process| process.has_served() && Arc::strong_count(process) == 1);
        if let Some(before) = slot.take_if(|_| anew && is_unused) {
            let troubles = before.troubles().into_iter();
            let name = before.name().to_owned();
            lock(&self.replaced).extend(troubles.map(|trouble| (name.clone(), trouble)));
        }
        if let Some(process) = &*slot {
            if !anew {
                process.serve();
            }
            return Ok(Arc::clone(process));
        }
        let (actor, route) = place;
        let name = actor.map_or_else(|| "control".to_owned(), |actor| actor.to_string());
        let broker = self.brokers.get(route.0);
        let (process, hello) = started(name, &self.command, broker, &self.run, self.seed).await?;
        if hello.capabilities != self.hello.capabilities {
            let name = process.name();
            return Err(fatal(format!(
                "the driver of {name} has other capabilities than the first"
            )));
        }
        if !anew {
            process.serve();
        }
        Ok(Arc::clone(slot.insert(Arc::new(process))))
    }

    /// Ends all of them, and names those that had to be killed.
    pub async fn end(&self) -> Vec<String> {
        let all = self.all().await;
        let slow = join_all(all.iter().map(|process| process.end())).await;
        let slow = all.iter().zip(slow).filter(|(_, is_slow)| *is_slow);
        slow.map(|(process, _)| process.name().to_owned()).collect()
    }

    /// Everything that went wrong, each with the process.
    pub async fn troubles(&self) -> Vec<(String, Trouble)> {
        let mut troubles = lock(&self.replaced).clone();
        for process in self.all().await {
            let own = process.troubles().into_iter();
            troubles.extend(own.map(|trouble| (process.name().to_owned(), trouble)));
        }
        troubles
    }

    /// The same for the report, with what was written to standard error. `is_faulty` says that
    /// something was done to the run on purpose, which may be why a process ended.
    pub async fn remarks(&self, is_faulty: bool) -> Remarks {
        let mut remarks = Remarks::default();
        for (name, trouble) in self.troubles().await {
            let (is_end, what) = (trouble.line.is_none() && trouble.is_breach, trouble.to_string());
            let what = if is_end { what } else { format!("the driver of {name}, {what}") };
            let is_doubt = trouble.is_breach && !(is_end && is_faulty);
            if is_doubt { remarks.doubts.push(what) } else { remarks.notes.push(what) }
        }
        let all = self.all().await;
        let wrote = all.iter().map(|process| (process.name(), process.wrote()));
        let wrote = wrote.filter(|(_, lines)| !lines.is_empty()).take(PROCESSES_SHOWN);
        remarks.notes.extend(wrote.map(|(name, lines)| {
            let last = &lines[lines.len().saturating_sub(LINES_SHOWN)..];
            format!("the driver of {name} wrote to standard error: {}", last.join(" | "))
        }));
        remarks
    }

    async fn all(&self) -> Vec<Arc<Process>> {
        let slots: Vec<Slot> = lock(&self.slots).values().cloned().collect();
        let mut all = Vec::with_capacity(slots.len());
        for slot in slots {
            all.extend(slot.lock().await.clone());
        }
        all
    }
}

/// A process of this name for a broker, and what it says of itself.
async fn started(
    name: String,
    command: &Invocation,
    broker: Option<&Broker>,
    run: &str,
    seed: u64,
) -> Result<(Process, Hello), Failure> {
    let mut command = command.clone();
    command.environment.extend(broker.iter().flat_map(|broker| broker.environment.clone()));
    let process = Process::start(name, &command)?;
    let url = broker.and_then(|broker| broker.url.as_deref());
    let hello = Request::Hello { version: VERSION, run, actor: process.name(), url, seed };
    let (hello, _) = process.call::<Hello>(&hello, STARTS_WITHIN, None).await?;
    let can = &hello.capabilities;
    let wrong = match can.batch_max {
        Some(0) => "the driver says `batch_max` 0; the least is 1",
        // An offset of the log is compared with those of acks in one life of the store only.
        _ if can.reads_log && !can.epoch => "the driver says `reads_log`, which needs `epoch`",
        _ => return Ok((process, hello)),
    };
    Err(fatal(wrong.to_owned()))
}

/// What has a process of its own: as asked, as the driver says, else as many actors need it.
fn per(asked: Option<bool>, told: Option<Per>, actors: usize) -> Result<Per, Failure> {
    match (asked, told) {
        (Some(false), Some(Per::Run)) => Err(fatal(
            "the driver says that one process has to serve the whole run (`per: run`), and \
             one for each actor is asked for"
                .to_owned(),
        )),
        (Some(true), _) | (None, Some(Per::Run)) => Ok(Per::Run),
        (None, None) if actors > ACTORS_MAX => Ok(Per::Run),
        (Some(false) | None, _) => Ok(Per::Actor),
    }
}

impl Broker {
    fn of(options: &Options, address: &Address) -> Result<Self, Failure> {
        let (Some(server), Address::Listens { host, port, .. }) = (&options.server, address) else {
            let url = url(options.config.get(URL), address)?;
            return Ok(Self { url, ..Self::default() });
        };
        let environment = vec![
            ("HARNESS_SERVER_HOST", host.into()),
            ("HARNESS_SERVER_PORT", port.to_string().into()),
        ];
        Ok(Self { url: Some(server.url_at(host, *port)), environment })
    }
}

/// The broker's URL with this address in place of its host and port.
fn url(template: Option<&String>, address: &Address) -> Result<Option<String>, Failure> {
    let (Some(template), Address::Listens { host, port, .. }) = (template, address) else {
        return Ok(template.cloned());
    };
    let wrong = || fatal("the broker's URL has no host that can be replaced".to_owned());
    let mut url =
        Url::parse(template).map_err(|error| fatal(format!("the broker's URL: {error}")))?;
    url.set_host(Some(host)).map_err(|_| wrong())?;
    url.set_port(Some(*port)).map_err(|()| wrong())?;
    Ok(Some(url.into()))
}

fn fatal(why: String) -> Failure {
    Failure { kind: FailureKind::Final, ..Failure::new(why) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_a_process_is_asked_for_told_or_a_matter_of_number() {
        let check = |asked, told, actors, expected| {
            assert_eq!(per(asked, told, actors).ok(), expected, "{asked:?} {told:?} {actors}");
        };
        check(None, None, 16, Some(Per::Actor));
        check(None, None, 17, Some(Per::Run));
        check(None, Some(Per::Actor), 17, Some(Per::Actor));
        check(None, Some(Per::Run), 2, Some(Per::Run));
        check(Some(true), None, 2, Some(Per::Run));
        check(Some(false), None, 17, Some(Per::Actor));
        check(Some(false), Some(Per::Run), 2, None);
    }

    #[test]
    fn an_actors_url_has_the_address_that_it_is_to_speak_to() {
        let relay = Address::new("127.0.0.1", 7001);
        let check = |template: &str, expected: &str| {
            let made = url(Some(&template.to_owned()), &relay).unwrap();
            assert_eq!(made.as_deref(), Some(expected));
        };
        check("redis://:secret@db:6379/2", "redis://:secret@127.0.0.1:7001/2");
        check("http://db", "http://127.0.0.1:7001/");
        assert_eq!(url(None, &relay).unwrap(), None);
        assert!(url(Some(&"db:6379".to_owned()), &relay).is_err());
    }
}
