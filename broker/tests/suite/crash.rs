//! Brokers and databases that are killed in the middle of their work, again and again: what was
//! acknowledged is there, once and in order; what was refused is not; what was handed out stays.
//!
//! `CRASH_ROUNDS` rounds each of killing brokers and databases (default 2) and `CRASH_STARTS`
//! (default 3) of starting eight brokers at once; `CRASH_SEED` decides about the moments.

use std::fmt::Write;

use broker_client::Client;
use tokio::time::timeout;

use crate::support::audit::{Counts, audit};
use crate::support::load::{GENEROUS, Load, Numbered, Plan};
use crate::support::process::Process;
use crate::support::rounds::{Chance, number};
use crate::support::server::OwnServer;

const CONNECTIONS: usize = 32;
const TOPICS: usize = 8;

/// Requests end soon while the database is away, so that a round has refusals too.
const TIMEOUT: [&str; 2] = ["--store-timeout", "500ms"];

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_broker_loses_nothing() {
    rounds("broker killed", Victim::Broker, Numbered::No).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_broker_and_retries_by_sequence_make_exactly_once() {
    rounds("broker killed, sequences", Victim::Broker, Numbered::Yes).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_database_loses_nothing_and_takes_nothing_back() {
    rounds("database killed", Victim::Database, Numbered::No).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_database_and_retries_by_sequence_make_exactly_once() {
    rounds("database killed, sequences", Victim::Database, Numbered::Yes).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn three_brokers_have_one_order_though_one_is_killed() {
    let Some(server) = OwnServer::start(&[]).await else { return };
    let mut brokers = vec![];
    for _ in 0..3 {
        brokers.push(Process::start(&server.url(), &TIMEOUT));
    }
    let clients: Vec<Client> = brokers.iter().map(Process::client).collect();
    let load = Load::start(Plan {
        topics: topics(0),
        producers: CONNECTIONS,
        numbered: Numbered::Yes,
        appending: &clients,
        following: &clients,
        is_moving: true,
    })
    .await;
    load.until_acked(300).await;
    brokers[1].kill();
    load.until_acked(300).await;
    brokers[1].run_again();
    load.until_acked(600).await;
    let seen = load.finish().await;
    // At the one that has to learn everything anew.
    let counts = audit(&clients[1], &seen, Numbered::Yes).await;
    assert!(counts.messages >= 1200, "{counts:?}");
    assert_eq!(counts.handed, counts.messages);
    let ids: Vec<i64> = ids(&clients).await;
    let unique: std::collections::BTreeSet<_> = ids.iter().collect();
    assert_eq!(unique.len(), ids.len(), "ids are given once");
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_brokers_start_at_once_on_an_empty_database() {
    let Some(server) = OwnServer::start(&[]).await else { return };
    for round in 0..number("CRASH_STARTS", 3) {
        let url = server.url().replace("/torture", &format!("/starts_{round}"));
        let starting: Vec<_> = (0..8)
            .map(|_| {
                let url = url.clone();
                std::thread::spawn(move || Process::start(&url, &[]))
            })
            .collect();
        let brokers: Vec<Process> = starting.into_iter().map(|one| one.join().unwrap()).collect();
        let mut epochs = std::collections::BTreeSet::new();
        let mut given = Vec::new();
        for broker in &brokers {
            let registered = broker.client().register_producer("T").await.unwrap();
            epochs.insert(registered.epoch.unwrap());
            given.push(registered.producer_id);
        }
        assert_eq!(epochs.len(), 1, "one life for all of them");
        assert_eq!(given, (0..8).collect::<Vec<_>>());
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Victim {
    Broker,
    Database,
}

/// Rounds until as many as asked for had an unknown outcome.
async fn rounds(name: &str, victim: Victim, numbered: Numbered) {
    let Some(mut server) = OwnServer::start(&[]).await else { return };
    let (wanted, mut chance) = (number("CRASH_ROUNDS", 2), Chance(number("CRASH_SEED", 1)));
    let mut brokers = vec![Process::start(&server.url(), &TIMEOUT)];
    if victim == Victim::Database {
        brokers.push(Process::start(&server.url(), &TIMEOUT));
    }
    let mut table = String::new();
    let (mut counting, mut round) = (0, 0);
    while counting < wanted {
        assert!(round < 3 * wanted + 5, "hardly a round has an unknown outcome:\n{table}");
        let kill_after = 1 + chance.next() % 2000;
        let counts =
            one_round(round, kill_after, victim, numbered, &mut server, &mut brokers).await;
        counting += u64::from(counts.unknown > 0);
        round += 1;
        row(&mut table, name, round, kill_after, counts);
    }
    println!(
        "| round | killed after | acked | refused | unknown | of these there | in the logs | handed |\n\
         |---|---|---|---|---|---|---|---|\n{table}"
    );
}

async fn one_round(
    round: u64,
    kill_after: u64,
    victim: Victim,
    numbered: Numbered,
    server: &mut OwnServer,
    brokers: &mut [Process],
) -> Counts {
    let clients: Vec<Client> = brokers.iter().map(Process::client).collect();
    // All append to the first; with a second, consumers are there.
    let load = Load::start(Plan {
        topics: topics(round),
        producers: CONNECTIONS,
        numbered,
        appending: &clients[..1],
        following: &clients[clients.len() - 1..],
        is_moving: false,
    })
    .await;
    load.until_acked(kill_after).await;
    match victim {
        Victim::Broker => {
            brokers[0].kill();
            brokers[0].run_again();
        }
        Victim::Database => {
            server.kill().await;
            server.run_again();
        }
    }
    load.until_acked(200).await;
    let seen = timeout(GENEROUS, load.finish()).await.expect("everybody ends");
    for broker in &mut *brokers {
        assert_eq!(broker.ended(), None, "{}", broker.said());
    }
    audit(&clients[0], &seen, numbered).await
}

fn row(table: &mut String, name: &str, round: u64, kill_after: u64, counts: Counts) {
    let Counts { acked, refused, unknown, unknown_there, messages, handed } = counts;
    let line = writeln!(
        table,
        "| {name} {round} | {kill_after} | {acked} | {refused} | {unknown} | {unknown_there} | {messages} | {handed} |"
    );
    line.unwrap();
}

/// Topics of this round alone.
fn topics(round: u64) -> Vec<String> {
    (0..TOPICS).map(|topic| format!("r{round}.{topic}")).collect()
}

/// An id of each kind from every broker, several at once.
async fn ids(clients: &[Client]) -> Vec<i64> {
    let mut registering = tokio::task::JoinSet::new();
    for client in clients.iter().cycle().take(60) {
        let client = client.clone();
        registering
            .spawn(async move { client.register_producer("ids").await.unwrap().producer_id });
    }
    registering.join_all().await
}
