//! A producer: a client of librdkafka with one connection, which writes messages in the order in
//! which it is handed them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{DeliveryFuture, FutureProducer, FutureRecord, Producer as _};
use tokio::time::{Instant, timeout};

use super::cluster::{Cluster, Log};
use super::failure::{is_no_topic, outcome, word};
use super::producer_id::ProducerId;
use super::settings::Settings;
use super::shared::Shared;
use crate::driver;
use crate::driver::attempts::Attempts;
use crate::driver::client::{RetryPolicy, Session};
use crate::driver::contract::{Outgoing, Part, Pending, Reply, Sender};
use crate::driver::failure::Failure;
use crate::driver::marks::{MARK, Marks};
use crate::history::{Class, Offsets, Outcome};

/// librdkafka looks for messages whose time is over once a second, and later while it is busy with a
/// broker that is away.
const LATE: Duration = Duration::from_secs(2);

/// After so long without an answer it is looked whether the topic is still there.
const LOOK_AFTER: Duration = Duration::from_secs(1);

pub(super) struct Producer {
    client: Client,
    session: Session,
    marks: Marks,
    fate: Fate,
}

type Client = Shared<FutureProducer<ProducerId>>;

/// What is to be known to judge what became of a message.
#[derive(Clone)]
struct Fate {
    cluster: Arc<Cluster>,
    log: Log,
    within: Duration,
    /// Whether librdkafka may have sent it more than once.
    is_repeated: bool,
    /// Set when no other message can get through.
    is_over: Arc<AtomicBool>,
}

/// What became of one message, with the broker's word where it refused it.
struct Ended {
    outcome: Outcome,
    code: Option<String>,
}

impl Producer {
    /// Makes one, and waits until the broker has given it an id, where it is to have one.
    pub(super) async fn register(
        settings: &Settings,
        cluster: &Arc<Cluster>,
        marks: Marks,
        log: Log,
        actor: &driver::Client,
    ) -> Result<Self, Failure> {
        let name = format!("{}-{}", log.name, actor.actor);
        let (config, within) = settings.producer(&name, actor.retries);
        let is_repeated = actor.retries != RetryPolicy::Never;
        let (told, id) = ProducerId::new();
        let client: Client = settings.client(config.create_with_context(told))?;
        let id = if is_repeated { id.given(&client).await?.to_string() } else { name };
        let session = Session { id: Some(id), epoch: Some(log.epoch.clone()) };
        let (cluster, is_over) = (Arc::clone(cluster), Arc::default());
        let fate = Fate { cluster, log, within, is_repeated, is_over };
        Ok(Self { client, session, marks, fate })
    }

    /// Hands a message to librdkafka, which writes messages in the order of these calls.
    fn hand_over(&self, sent: &Outgoing<'_>) -> BoxFuture<'static, Ended> {
        let mark = self.marks.put(sent.message);
        let header = Header { key: MARK, value: Some(mark.as_str()) };
        let record = FutureRecord::<(), str>::to(&self.fate.log.name)
            .partition(0)
            .payload(sent.payload)
            .headers(OwnedHeaders::new().insert(header));
        let fate = self.fate.clone();
        match self.client.send_result(record) {
            Ok(delivery) => {
                // The client lives as long as a message of it is under way.
                let client = self.client.clone();
                Box::pin(async move { fate.of(&client, delivery).await })
            }
            // It took nothing: the message never left.
            Err((error, _)) => {
                fate.look_at(&self.client, &error);
                let code = error.rdkafka_error_code().map(word);
                let why = error.to_string();
                Box::pin(ready(Ended { outcome: Outcome::Refused { why }, code }))
            }
        }
    }
}

impl Fate {
    async fn of(&self, client: &Client, mut delivery: DeliveryFuture) -> Ended {
        let unknown = |why: String| Ended { outcome: Outcome::Unknown { why }, code: None };
        let late = Instant::now() + self.within + LATE;
        let delivered = loop {
            match timeout(LOOK_AFTER, &mut delivery).await {
                Ok(Ok(delivered)) => break delivered.map_err(|(error, _)| error),
                Ok(Err(_)) => return unknown("the client ended".to_owned()),
                Err(_) if Instant::now() > late => {
                    return unknown(format!("no answer within {:?}", self.within));
                }
                // librdkafka keeps messages for a topic that is gone until their time is over.
                Err(_) if matches!(self.cluster.is_gone(&self.log).await, Ok(true)) => {
                    self.is_over.store(true, Ordering::Relaxed);
                    return unknown(format!("there is no topic {} any more", self.log.name));
                }
                // Not known to be gone.
                Err(_) => {}
            }
        };
        match offset(delivered) {
            Ok(offsets) => Ended { outcome: Outcome::Acked { offsets }, code: None },
            Err(error) => {
                self.look_at(client, &error);
                let code = error.rdkafka_error_code();
                let outcome = outcome(code, self.is_repeated, error.to_string());
                Ended { outcome, code: code.map(word) }
            }
        }
    }

    /// Notes whether a message failed in a way that all others will.
    fn look_at(&self, client: &Client, error: &KafkaError) {
        let is_gone = error.rdkafka_error_code().is_some_and(is_no_topic);
        if is_gone || client.client().fatal_error().is_some() {
            self.is_over.store(true, Ordering::Relaxed);
        }
    }
}

/// The offset of an ack; a broker may leave it out, by -1.
fn offset(
    delivered: KafkaResult<rdkafka::producer::future_producer::Delivery>,
) -> KafkaResult<Offsets> {
    let offset = u64::try_from(delivered?.offset);
    Ok(offset.map_or(Offsets::Untold, Offsets::From))
}

impl Sender for Producer {
    fn session(&self) -> &Session {
        &self.session
    }

    fn send<'a>(
        &'a mut self,
        messages: &'a [Outgoing<'a>],
        attempts: &'a mut Attempts<'_>,
    ) -> BoxFuture<'a, Reply> {
        Box::pin(async move {
            attempts.begin();
            let ended = all(self.hand_over_all(messages)).await;
            let is_refused = |ended: &Ended| matches!(ended.outcome, Outcome::Refused { .. });
            if ended.iter().all(is_refused) {
                let code = ended.first().and_then(|ended| ended.code.as_deref());
                attempts.fail(Class::Refused, code);
            }
            reply(ended)
        })
    }

    fn issue<'a>(&'a mut self, messages: &'a [Outgoing<'a>]) -> BoxFuture<'a, Pending> {
        let under_way = self.hand_over_all(messages);
        Box::pin(ready(Box::pin(all(under_way).map(reply)) as Pending))
    }

    fn is_over(&self) -> bool {
        self.fate.is_over.load(Ordering::Relaxed)
    }
}

impl Producer {
    fn hand_over_all(&self, messages: &[Outgoing<'_>]) -> Vec<BoxFuture<'static, Ended>> {
        messages.iter().map(|sent| self.hand_over(sent)).collect()
    }
}

/// Each in turn: they are under way without being asked.
async fn all(under_way: Vec<BoxFuture<'static, Ended>>) -> Vec<Ended> {
    let mut ended = Vec::with_capacity(under_way.len());
    for one in under_way {
        ended.push(one.await);
    }
    ended
}

fn reply(ended: Vec<Ended>) -> Reply {
    let parts = ended.into_iter().map(|ended| Part { count: 1, outcome: ended.outcome });
    Reply { parts: parts.collect(), attempts: 1 }
}
