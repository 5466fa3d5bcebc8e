//! Producers and consumers that go on whatever happens to brokers and database, and note what
//! became of every message.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use broker_client::wire::{Code, Consume, Produce, Subscription};
use broker_client::{Client, Error};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Duration, Instant, sleep, timeout};

/// Nothing here may take longer; a broker's own time-out is far shorter.
pub(crate) const GENEROUS: Duration = Duration::from_secs(40);

/// A pause after a failure, so that a broker that is away is not asked all the time.
const PAUSE: Duration = Duration::from_millis(20);

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is at this offset.
    Acked(u64),
    /// It is nowhere, and will not be.
    Refused(String),
    /// It may be there.
    Unknown(String),
}

/// A message that was sent.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) topic: String,
    pub(crate) payload: String,
    pub(crate) outcome: Outcome,
}

/// A message that was handed out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Got {
    pub(crate) offset: u64,
    pub(crate) payload: String,
    pub(crate) sequence: Option<u64>,
}

/// Whether producers number their messages, and repeat a message until it is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Numbered {
    No,
    Yes,
}

/// Who sends, who follows, and to which topics.
pub(crate) struct Plan<'a> {
    pub(crate) topics: Vec<String>,
    pub(crate) producers: usize,
    pub(crate) numbered: Numbered,
    /// Each producer begins at one of them, and moves on to the next after a failure.
    pub(crate) appending: &'a [Client],
    /// A consumer of each topic begins at one of them, and moves on at each poll.
    pub(crate) following: &'a [Client],
    /// Whether producers move on after each message, too.
    pub(crate) is_moving: bool,
}

/// Clients at work.
pub(crate) struct Load {
    shared: Arc<Shared>,
    producers: JoinSet<()>,
    followers: JoinSet<(String, Vec<Got>)>,
    auditors: Vec<(String, i64)>,
}

struct Shared {
    sent: Mutex<Vec<Sent>>,
    acked: watch::Sender<u64>,
    /// Attempts with an unknown outcome.
    unknown: AtomicU64,
    /// The longest time that one took, in microseconds.
    slowest: AtomicU64,
    is_over: AtomicBool,
}

/// All that clients saw.
pub(crate) struct Seen {
    pub(crate) sent: Vec<Sent>,
    /// By topic, what its consumer was handed.
    pub(crate) handed: Vec<(String, Vec<Got>)>,
    /// By topic, a consumer that was registered before all the others and has polled nothing.
    pub(crate) auditors: Vec<(String, i64)>,
    pub(crate) unknown: u64,
    pub(crate) slowest: Duration,
}

impl Load {
    /// Registers everybody, consumers first, and sets them to work.
    pub(crate) async fn start(plan: Plan<'_>) -> Self {
        let shared = Arc::new(Shared {
            sent: Mutex::default(),
            acked: watch::Sender::new(0),
            unknown: AtomicU64::new(0),
            slowest: AtomicU64::new(0),
            is_over: AtomicBool::new(false),
        });
        let (mut producers, mut followers) = (JoinSet::new(), JoinSet::new());
        let mut auditors = Vec::new();
        for (place, topic) in plan.topics.iter().enumerate() {
            let one = &plan.appending[place % plan.appending.len()];
            one.create_topic(topic).await.unwrap();
            let auditor = one.register_consumer(topic).await.unwrap();
            auditors.push((topic.clone(), auditor.consumer_id));
            if !plan.following.is_empty() {
                let at = Brokers::new(plan.following, place);
                let consumer = at.now().register_consumer(topic).await.unwrap().consumer_id;
                let follower = Follower { topic: topic.clone(), consumer, at };
                followers.spawn(follower.follow(Arc::clone(&shared)));
            }
        }
        let mut registered = Vec::new();
        for number in 0..plan.producers {
            let topic = plan.topics[number % plan.topics.len()].clone();
            let at = Brokers::new(plan.appending, number / plan.topics.len());
            let id = at.now().register_producer(&topic).await.unwrap().producer_id;
            let (numbered, is_moving) = (plan.numbered, plan.is_moving);
            registered.push(Producer { topic, id, at, numbered, is_moving });
        }
        for producer in registered {
            producers.spawn(producer.produce(Arc::clone(&shared)));
        }
        Self { shared, producers, followers, auditors }
    }

    /// Waits until so many more are acknowledged.
    pub(crate) async fn until_acked(&self, more: u64) {
        let mut acked = self.shared.acked.subscribe();
        let enough = *acked.borrow() + more;
        let waiting = timeout(GENEROUS, acked.wait_for(|acked| *acked >= enough));
        assert!(waiting.await.is_ok(), "no messages are acknowledged any more");
    }

    /// Attempts with an unknown outcome, so far.
    pub(crate) fn unknown(&self) -> u64 {
        self.shared.unknown.load(Ordering::Relaxed)
    }

    /// Lets producers finish what they are at, and consumers catch up.
    pub(crate) async fn finish(mut self) -> Seen {
        self.shared.is_over.store(true, Ordering::Relaxed);
        while let Some(done) = self.producers.join_next().await {
            done.unwrap();
        }
        let mut handed = Vec::new();
        while let Some(done) = self.followers.join_next().await {
            handed.push(done.unwrap());
        }
        let sent = std::mem::take(&mut *self.shared.sent.lock().unwrap());
        let unknown = self.unknown();
        let slowest = Duration::from_micros(self.shared.slowest.load(Ordering::Relaxed));
        Seen { sent, handed, auditors: self.auditors, unknown, slowest }
    }
}

/// The brokers that a client goes through, and the one it is at.
struct Brokers {
    all: Vec<Client>,
    place: usize,
}

impl Brokers {
    /// With connections of its own.
    fn new(all: &[Client], place: usize) -> Self {
        let own = |client: &Client| Client::new(client.address()).unwrap().with_timeout(GENEROUS);
        Self { all: all.iter().map(own).collect(), place }
    }

    fn now(&self) -> &Client {
        &self.all[self.place % self.all.len()]
    }

    fn moves(&mut self) {
        self.place += 1;
    }
}

struct Producer {
    topic: String,
    id: i64,
    at: Brokers,
    numbered: Numbered,
    is_moving: bool,
}

impl Producer {
    async fn produce(mut self, shared: Arc<Shared>) {
        for number in 0.. {
            if shared.is_over.load(Ordering::Relaxed) {
                return;
            }
            let payload = format!("{}#{number}", self.id);
            let outcome = match self.numbered {
                Numbered::No => self.attempt(&shared, &payload, None).await,
                Numbered::Yes => self.insist(&shared, &payload, number).await,
            };
            let (is_acked, topic) = (matches!(outcome, Outcome::Acked(_)), self.topic.clone());
            shared.sent.lock().unwrap().push(Sent { topic, payload, outcome });
            if is_acked {
                shared.acked.send_modify(|acked| *acked += 1);
            } else {
                sleep(PAUSE).await;
            }
            if self.is_moving || !is_acked {
                self.at.moves();
            }
        }
    }

    /// Sends a message until it is acknowledged.
    async fn insist(&mut self, shared: &Shared, payload: &str, number: u64) -> Outcome {
        loop {
            match self.attempt(shared, payload, Some(number)).await {
                acked @ Outcome::Acked(_) => return acked,
                Outcome::Refused(_) | Outcome::Unknown(_) => self.at.moves(),
            }
            sleep(PAUSE).await;
        }
    }

    async fn attempt(&self, shared: &Shared, payload: &str, sequence: Option<u64>) -> Outcome {
        let produce = Produce {
            topic: &self.topic,
            producer_id: self.id,
            message: Some(payload),
            messages: None,
            sequence,
            epoch: None,
        };
        let begun = Instant::now();
        let produced = self.at.now().produce(&produce).await;
        let took = u64::try_from(begun.elapsed().as_micros()).unwrap();
        shared.slowest.fetch_max(took, Ordering::Relaxed);
        match produced {
            Ok(produced) => Outcome::Acked(produced.offset.unwrap()),
            Err(Error::Unknown(why)) => {
                assert!(!why.contains("no answer from"), "{payload}: {why}");
                shared.unknown.fetch_add(1, Ordering::Relaxed);
                Outcome::Unknown(why)
            }
            Err(definite) => {
                let code = definite.code();
                let is_away = matches!(definite, Error::NotSent(_));
                assert!(is_away || code == Some(&Code::Unavailable), "{payload}: {definite}");
                Outcome::Refused(definite.to_string())
            }
        }
    }
}

struct Follower {
    topic: String,
    consumer: i64,
    at: Brokers,
}

impl Follower {
    /// Polls until everybody is through and there is nothing more.
    async fn follow(mut self, shared: Arc<Shared>) -> (String, Vec<Got>) {
        let mut handed = Vec::new();
        loop {
            let is_over = shared.is_over.load(Ordering::Relaxed);
            let next = handed.last().map_or(0, |got: &Got| got.offset + 1);
            match poll(self.at.now(), &self.topic, self.consumer, next, 200).await {
                Ok(got) if got.is_empty() && is_over => return (self.topic, handed),
                Ok(got) => handed.extend(got),
                Err(_) => sleep(PAUSE).await,
            }
            self.at.moves();
        }
    }
}

/// Messages from an offset on.
pub(crate) async fn poll(
    at: &Client,
    topic: &str,
    consumer: i64,
    next: u64,
    wait: u64,
) -> Result<Vec<Got>, Error> {
    let consume = Consume {
        topic,
        consumer_id: consumer,
        epoch: None,
        offset: Some(next),
        max: Some(1000),
        wait_ms: Some(wait),
    };
    let messages = at.consume(&consume).await?;
    let got = messages.iter().map(|message| Got {
        offset: message.offset.unwrap(),
        payload: message.payload.to_owned(),
        sequence: message.sequence,
    });
    Ok(got.collect())
}

/// How far a consumer is behind.
pub(crate) async fn lag(at: &Client, topic: &str, consumer: i64) -> u64 {
    let named = Subscription { topic, consumer_id: consumer, epoch: None };
    at.size(&named).await.unwrap().size
}
