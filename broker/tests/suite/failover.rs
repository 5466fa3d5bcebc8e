//! Clients of the library that have the addresses of three brokers on one database: two of the brokers are
//! killed, one after the other, and everybody goes on, exactly once.
//!
//! `CRASH_ROUNDS` rounds (default 2); `CRASH_SEED` decides which brokers die, and when.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use broker_client::wire::TopicName;
use broker_client::{Client, Consumer, Producer, Retry};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::support::load::GENEROUS;
use crate::support::process::Process;
use crate::support::rounds::{Chance, number};
use crate::support::server::OwnServer;

const PRODUCERS: u64 = 6;
const CONSUMERS: usize = 3;
const TOPICS: u64 = 4;

/// What a topic's messages are, in their order.
type Logs = BTreeMap<String, Vec<String>>;

/// What everybody of a round shares.
#[derive(Clone)]
struct Round {
    addresses: String,
    topics: Vec<TopicName>,
    acked: Arc<watch::Sender<u64>>,
    is_over: Arc<AtomicBool>,
}

#[tokio::test(flavor = "multi_thread")]
async fn two_of_three_brokers_die_and_clients_go_on_exactly_once() {
    let Some(server) = OwnServer::start(&[]).await else { return };
    let (rounds, mut chance) = (number("CRASH_ROUNDS", 2), Chance(number("CRASH_SEED", 1)));
    let mut brokers: Vec<Process> = (0..3).map(|_| Process::start(&server.url(), &[])).collect();
    for round in 0..rounds {
        let killed = one_round(round, &mut brokers, &mut chance).await;
        for place in killed {
            brokers[place].run_again();
        }
    }
    println!("failover: {rounds} of {rounds} rounds, exactly once");
}

/// Which brokers were killed.
async fn one_round(number: u64, brokers: &mut [Process], chance: &mut Chance) -> [usize; 2] {
    let addresses: Vec<String> = brokers.iter().map(Process::address).collect();
    let topics = (0..TOPICS).map(|topic| format!("f{number}.{topic}").parse().unwrap());
    let round = Round {
        addresses: addresses.join(","),
        topics: topics.collect(),
        acked: Arc::new(watch::Sender::new(0)),
        is_over: Arc::default(),
    };
    for topic in &round.topics {
        round.client().create_topic(topic.as_str()).await.unwrap();
    }
    let (mut producers, mut consumers) = (JoinSet::new(), JoinSet::new());
    let (sent, total) = watch::channel(None);
    for _ in 0..CONSUMERS {
        let mut consumer = Consumer::new(&round.client());
        for topic in &round.topics {
            consumer.subscribe(topic).await.unwrap();
        }
        consumers.spawn(consume(consumer, total.clone()));
    }
    for producer in 0..PRODUCERS {
        producers.spawn(produce(round.clone(), producer));
    }
    let first = usize::try_from(chance.next() % 3).unwrap();
    let second = (first + 1 + usize::try_from(chance.next() % 2).unwrap()) % 3;
    for victim in [first, second] {
        round.until_acked(50 + chance.next() % 300).await;
        brokers[victim].kill();
    }
    round.until_acked(300).await;
    round.is_over.store(true, Ordering::Relaxed);
    let mut expected: Vec<(u64, Vec<u64>)> = Vec::new();
    while let Some(done) = producers.join_next().await {
        expected.push(done.unwrap());
    }
    let count = expected.iter().flat_map(|(_, counts)| counts).sum::<u64>();
    sent.send(Some(count)).unwrap();
    let mut seen: Vec<Logs> = Vec::new();
    while let Some(done) =
        timeout(GENEROUS, consumers.join_next()).await.expect("all is handed out")
    {
        seen.push(done.unwrap());
    }
    for logs in &seen {
        assert_eq!(*logs, seen[0], "one order for all");
    }
    check(&round, &expected, &seen[0]);
    [first, second]
}

impl Round {
    /// As of a program of its own.
    fn client(&self) -> Client {
        Client::new(&self.addresses).unwrap()
    }

    async fn until_acked(&self, more: u64) {
        let mut acked = self.acked.subscribe();
        let enough = *acked.borrow() + more;
        let waiting = timeout(GENEROUS, acked.wait_for(|acked| *acked >= enough)).await;
        assert!(waiting.is_ok(), "no messages are acknowledged any more");
    }
}

/// Sends to all topics in turn, until it is told to stop; how many to each.
async fn produce(round: Round, number: u64) -> (u64, Vec<u64>) {
    // A round is not to fail because the machine is busy.
    let retry = Retry { attempts: 100, ..Retry::default() };
    let producer = Producer::with_retry(&round.client(), retry);
    let mut counts = vec![0; round.topics.len()];
    while !round.is_over.load(Ordering::Relaxed) {
        for (topic, count) in round.topics.iter().zip(&mut counts) {
            // Nothing but an ack: what is unknown at one broker is settled at the next.
            producer.send(topic, &format!("{number}#{count}")).await.unwrap();
            *count += 1;
            round.acked.send_modify(|acked| *acked += 1);
        }
    }
    (number, counts)
}

/// Takes what comes until it has as many messages as were sent.
async fn consume(mut consumer: Consumer, mut total: watch::Receiver<Option<u64>>) -> Logs {
    let (mut logs, mut count) = (Logs::new(), 0);
    loop {
        tokio::select! { biased;
            delivery = consumer.poll() => {
                let delivery = delivery.unwrap();
                let log = logs.entry(delivery.topic.to_string()).or_default();
                for message in delivery.iter() {
                    assert_eq!(message.offset, log.len() as u64, "offsets go on one by one");
                    log.push(message.payload.to_owned());
                    count += 1;
                }
            }
            _ = total.wait_for(|total| total.is_some_and(|total| total <= count)) => break,
        }
    }
    consumer.unsubscribe().await.unwrap();
    logs
}

/// Every producer's messages are there, once and in their order, and nothing else.
fn check(round: &Round, expected: &[(u64, Vec<u64>)], logs: &Logs) {
    for (place, topic) in round.topics.iter().enumerate() {
        let log = &logs[topic.as_str()];
        let mut others = log.len();
        for (producer, counts) in expected {
            let prefix = format!("{producer}#");
            let own: Vec<&String> = log.iter().filter(|one| one.starts_with(&prefix)).collect();
            let sent: Vec<String> = (0..counts[place]).map(|n| format!("{prefix}{n}")).collect();
            assert!(own.iter().copied().eq(&sent), "{topic}: {own:?} and not {sent:?}");
            others -= own.len();
        }
        assert_eq!(others, 0, "{topic} has messages of nobody");
    }
}
