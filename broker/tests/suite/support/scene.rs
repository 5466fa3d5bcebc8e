//! A broker, its database, clients at work, and a client that asks how things are.

use broker_client::wire::{Code, Produce};
use broker_client::{Client, Error};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Duration, Instant, sleep, timeout};

use super::audit::audit;
use super::load::{GENEROUS, Load, Numbered, Plan, poll};
use super::process::Process;
use super::server::OwnServer;

/// Everything of one failure.
pub(crate) struct Scene {
    pub(crate) server: OwnServer,
    pub(crate) broker: Process,
    pub(crate) probe: Probe,
    load: Option<Load>,
}

/// A client that sends one message of each kind of request.
pub(crate) struct Probe {
    client: Client,
    address: String,
    topic: &'static str,
    producer: i64,
    consumer: i64,
    /// How many messages it sent, and what became of them.
    sent: usize,
    acked: Vec<String>,
    refused: Vec<String>,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Success,
    /// A 500 that says that nothing was done.
    Unavailable,
    /// A 500 that leaves it open.
    Unknown,
}

/// How requests end, in milliseconds, and what the broker says of itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct State {
    pub(crate) produce: (Answer, u128),
    pub(crate) poll: (Answer, u128),
    pub(crate) register: (Answer, u128),
    pub(crate) is_ready: bool,
}

impl Scene {
    /// With clients at work.
    pub(crate) async fn busy(server: &[&str], broker: &[&str]) -> Option<Self> {
        let server = OwnServer::start(server).await?;
        let store = server.url();
        Some(Self::on(server, &store, broker, true).await)
    }

    /// With nobody at work but the one who asks.
    pub(crate) async fn idle(server: &[&str], broker: &[&str]) -> Option<Self> {
        let server = OwnServer::start(server).await?;
        let store = server.url();
        Some(Self::on(server, &store, broker, false).await)
    }

    /// With a broker that finds its store there.
    pub(crate) async fn on(server: OwnServer, store: &str, more: &[&str], is_busy: bool) -> Self {
        let timeout = if more.is_empty() { &["--store-timeout", "1s"] } else { more };
        let broker = Process::start(store, timeout);
        let mut probe = Probe::at(&broker, "probe").await;
        probe.well().await;
        let mut scene = Self { server, broker, probe, load: None };
        if is_busy {
            scene.work().await;
        }
        scene
    }

    async fn work(&mut self) {
        let clients = [self.broker.client()];
        let plan = Plan {
            topics: vec!["A".to_owned(), "B".to_owned()],
            producers: 8,
            numbered: Numbered::No,
            appending: &clients,
            following: &clients,
            is_moving: false,
        };
        let load = Load::start(plan).await;
        load.until_acked(100).await;
        self.load = Some(load);
    }

    /// Waits until all is well again by itself, then holds everything that was said against what
    /// is there; prints a row of a table.
    pub(crate) async fn end(mut self, failure: &str, during: State) {
        let begun = Instant::now();
        self.probe.well().await;
        let back = begun.elapsed().as_millis();
        let mut slowest = 0;
        if let Some(load) = self.load.take() {
            load.until_acked(100).await;
            let seen = timeout(GENEROUS, load.finish()).await.expect("everybody ends");
            slowest = seen.slowest.as_millis();
            audit(&self.broker.client(), &seen, Numbered::No).await;
        }
        self.probe.audit().await;
        self.check_broker();
        println!("{}", during.row(failure, back, slowest));
    }

    /// It has stayed up, and kept the password to itself.
    pub(crate) fn check_broker(&mut self) {
        assert_eq!(self.broker.ended(), None, "{}", self.broker.said());
        let said = self.broker.said();
        assert!(!said.contains(&password(&self.server.url())), "{said}");
        assert!(!said.contains("panicked"), "{said}");
    }
}

impl State {
    /// A row of the table.
    pub(crate) fn row(self, failure: &str, back: u128, slowest: u128) -> String {
        let Self { produce, poll, register, is_ready } = self;
        format!(
            "| {failure} | {} | {} | {} | {} | {back} ms | {slowest} ms |",
            cell(produce),
            cell(poll),
            cell(register),
            if is_ready { "ready" } else { "not ready" },
        )
    }
}

impl Probe {
    /// One that asks a broker, in a topic of its own.
    pub(crate) async fn at(broker: &Process, topic: &'static str) -> Self {
        let client = broker.client().with_timeout(GENEROUS);
        client.create_topic(topic).await.unwrap();
        let consumer = client.register_consumer(topic).await.unwrap().consumer_id;
        let producer = client.register_producer(topic).await.unwrap().producer_id;
        let address = broker.address();
        let (acked, refused) = (Vec::new(), Vec::new());
        Self { client, address, topic, producer, consumer, sent: 0, acked, refused }
    }

    /// Asks for everything once.
    pub(crate) async fn ask(&mut self) -> State {
        assert!(
            self.get("/healthz").await.contains(" 200 "),
            "it lives, whatever its database does"
        );
        let payload = self.payload("x");
        // At once, for each may take all the time that it has.
        let (is_ready, produce, poll, register) = tokio::join!(
            self.is_ready(),
            timed(async { self.send(&payload, None).await.map(drop) }),
            timed(async { poll(&self.client, self.topic, self.consumer, 0, 0).await.map(drop) }),
            timed(async { self.client.register_producer(self.topic).await.map(drop) }),
        );
        self.note(payload, produce.0);
        State { produce, poll, register, is_ready }
    }

    /// Sends a message that begins like this.
    pub(crate) async fn produce(&mut self, head: &str) -> Answer {
        let payload = self.payload(head);
        let produced = answer(self.send(&payload, None).await.map(drop));
        self.note(payload, produced);
        produced
    }

    fn payload(&self, head: &str) -> String {
        format!("{head}{}", self.sent)
    }

    fn note(&mut self, payload: String, answer: Answer) {
        self.sent += 1;
        match answer {
            Answer::Success => self.acked.push(payload),
            Answer::Unavailable => self.refused.push(payload),
            Answer::Unknown => {}
        }
    }

    /// Sends a message with a sequence.
    pub(crate) async fn numbered(&self, sequence: u64) -> Answer {
        answer(self.send("numbered", Some(sequence)).await.map(drop))
    }

    async fn send(
        &self,
        payload: &str,
        sequence: Option<u64>,
    ) -> Result<broker_client::wire::Produced, Error> {
        let produce = Produce {
            topic: self.topic,
            producer_id: self.producer,
            message: Some(payload),
            messages: None,
            sequence,
            epoch: None,
        };
        self.client.produce(&produce).await
    }

    /// What the broker says of whether it can serve.
    pub(crate) async fn readiness(&self) -> String {
        self.get("/readyz").await
    }

    /// Whether the broker says that it can serve.
    pub(crate) async fn is_ready(&self) -> bool {
        let said = self.readiness().await;
        assert!(said.contains(" 200 ") || said.contains("unavailable"), "{said}");
        said.contains(" 200 ")
    }

    /// Waits until messages are taken again.
    pub(crate) async fn well(&mut self) {
        let becoming = async {
            while !(self.produce("x").await == Answer::Success && self.is_ready().await) {
                sleep(Duration::from_millis(5)).await;
            }
        };
        assert!(timeout(GENEROUS, becoming).await.is_ok(), "it does not recover by itself");
    }

    /// What was acknowledged is there once and in order, what was refused is not.
    pub(crate) async fn audit(&self) {
        let mut there: Vec<String> = Vec::new();
        loop {
            let next = u64::try_from(there.len()).unwrap();
            let got = poll(&self.client, self.topic, self.consumer, next, 0).await.unwrap();
            if got.is_empty() {
                break;
            }
            there.extend(got.into_iter().map(|got| got.payload));
        }
        let known: Vec<&String> = there.iter().filter(|one| self.acked.contains(one)).collect();
        assert_eq!(known, self.acked.iter().collect::<Vec<_>>());
        let risen = there.iter().find(|one| self.refused.contains(one));
        assert_eq!(risen, None, "it was refused");
    }

    /// The whole answer to a GET.
    pub(crate) async fn get(&self, path: &str) -> String {
        let asking = async {
            let address = self.address.trim_start_matches("http://");
            let mut stream = TcpStream::connect(address).await.unwrap();
            let head = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
            stream.write_all(head.as_bytes()).await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            answer
        };
        timeout(GENEROUS, asking).await.expect("every request ends")
    }
}

/// How a request ends, and after how many milliseconds.
async fn timed(request: impl Future<Output = Result<(), Error>>) -> (Answer, u128) {
    let begun = Instant::now();
    (answer(request.await), begun.elapsed().as_millis())
}

/// Every request ends in one of three ways.
fn answer(result: Result<(), Error>) -> Answer {
    match result {
        Ok(()) => Answer::Success,
        Err(Error::Unknown(why)) => {
            assert!(why.starts_with("status 500"), "the broker says so itself: {why}");
            Answer::Unknown
        }
        Err(error) => {
            assert_eq!(error.code(), Some(&Code::Unavailable), "{error}");
            Answer::Unavailable
        }
    }
}

fn cell((answer, millis): (Answer, u128)) -> String {
    let word = match answer {
        Answer::Success => "success",
        Answer::Unavailable => "`unavailable`",
        Answer::Unknown => "`outcome_unknown`",
    };
    format!("{word}, {millis} ms")
}

/// The password in a URL.
pub(crate) fn password(url: &str) -> String {
    let login = url.trim_start_matches("mysql://").split('@').next().unwrap();
    login.split_once(':').unwrap().1.to_owned()
}
