//! The network between actors and brokers: each exchange a task of its own, with delays and losses
//! that come from the seed. A client that gives up does not recall what it sent.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::{Request, Response, Uri};
use broker_client::transport::{Exchange, Failure, Transport};
use bytes::Bytes;
use tokio::sync::oneshot;
use tokio::time::sleep;

use super::link::{Loss, SimulatedLink, Trip};
use super::server::Server;
use crate::chance::{Purpose, generator};
use crate::driver::Address;
use crate::fault::Passage;
use crate::input::names::{Actor, Kind};
use crate::scenario::Network as Weather;

pub(super) struct Network {
    seed: u64,
    weather: Weather,
    servers: Vec<Arc<Server>>,
    /// None is the link of all actors that have none of their own.
    links: Mutex<BTreeMap<Option<Actor>, Arc<SimulatedLink>>>,
}

impl Network {
    pub(super) fn new(seed: u64, weather: &Weather, servers: &[Arc<Server>]) -> Self {
        Self { seed, weather: *weather, servers: servers.to_vec(), links: Mutex::default() }
    }

    /// The link of an actor, made at its first use.
    pub(super) fn link(&self, actor: Option<Actor>) -> Arc<SimulatedLink> {
        let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        let make = || {
            // By its name and not by its turn: what happens to one actor then stays the same when
            // another is taken out of the scenario.
            let chance = generator(self.seed, Purpose::Network, number(actor));
            Arc::new(SimulatedLink::new(&self.weather, chance))
        };
        Arc::clone(links.entry(actor).or_insert_with(make))
    }

    /// Which link it is, and to which broker: `p4.broker-1`.
    fn way(&self, to: &Uri) -> Option<(Arc<SimulatedLink>, Arc<Server>)> {
        let host = to.host()?;
        let (actor, broker) = match host.split_once('.') {
            Some((actor, broker)) => (Some(parse(actor)?), broker),
            None => (None, host),
        };
        let number: usize = broker.strip_prefix("broker-")?.parse().ok()?;
        let server = self.servers.get(number.checked_sub(1)?)?;
        Some((self.link(actor), Arc::clone(server)))
    }
}

impl Transport for Network {
    fn send(&self, request: Request<Bytes>) -> Exchange {
        let Some((link, server)) = self.way(request.uri()) else {
            let why = format!("nobody is called {}", request.uri());
            return Box::pin(std::future::ready(Err(Failure::NotSent(why))));
        };
        let (tell, told) = oneshot::channel();
        let trip = link.trip();
        tokio::spawn(exchange(link, server, trip, request, tell));
        Box::pin(async move {
            match told.await {
                Ok(answer) => answer,
                // It vanished: no answer ever comes.
                Err(_) => std::future::pending().await,
            }
        })
    }
}

/// The address of the broker at a place, over the link of an actor if it has one of its own.
pub(super) fn address(actor: Option<Actor>, broker: usize) -> Address {
    let broker = broker + 1;
    let host = match actor {
        // Host names are in small letters.
        Some(actor) => format!("{}.broker-{broker}", actor.to_string().to_lowercase()),
        None => format!("broker-{broker}"),
    };
    Address::new(&host, 80)
}

fn parse(actor: &str) -> Option<Actor> {
    let number = actor.get(1..)?.parse().ok()?;
    match actor.as_bytes()[0] {
        b'p' => Some(Actor::producer(number)),
        b'c' => Some(Actor::consumer(number)),
        _ => None,
    }
}

/// A number for an actor: its own, apart for producers and consumers.
fn number(actor: Option<Actor>) -> u32 {
    const CONSUMERS: u32 = 1 << 31;
    match actor {
        Some(Actor { kind: Kind::Producer, number }) => number,
        Some(Actor { kind: Kind::Consumer, number }) => CONSUMERS | number,
        None => 0,
    }
}

/// Carries a request there and its answer back. The client may never learn that something was lost
/// by chance.
async fn exchange(
    link: Arc<SimulatedLink>,
    server: Arc<Server>,
    trip: Trip,
    request: Request<Bytes>,
    tell: oneshot::Sender<Result<Response<Bytes>, Failure>>,
) {
    let mut broken = pin!(link.broken());
    let answer = tokio::select! { biased;
        // What has arrived by then is worked on all the same; the broker does that.
        () = &mut broken => {
            link.note_reset();
            Some(Err(Failure::Lost("connection reset".to_owned())))
        }
        answer = carry(&link, &server, trip, request) => answer,
    };
    if let Some(answer) = answer {
        let _ = tell.send(answer);
    }
}

/// None is silence.
async fn carry(
    link: &SimulatedLink,
    server: &Server,
    trip: Trip,
    request: Request<Bytes>,
) -> Option<Result<Response<Bytes>, Failure>> {
    let peer = server.peer();
    let produces = request.uri().path().trim_end_matches('/') == "/producer/produce";
    let bytes = request.body().len();
    match link.pass() {
        Passage::Open => {}
        Passage::Cut => return Some(Err(Failure::NotSent("connection refused".to_owned()))),
        Passage::Hole => return vanished(link).await,
    }
    sleep(link.there(&trip, bytes)).await;
    if link.pass() == Passage::Hole {
        return vanished(link).await;
    }
    if trip.loss == Loss::Request {
        return lost(&trip, "the request was lost");
    }
    let answer = server.take(request, peer).await;
    if answer.is_ok() && produces && link.loses_answer() {
        return Some(Err(Failure::Lost("connection reset".to_owned())));
    }
    let bytes = answer.as_ref().map_or(0, |answer| answer.body().len());
    sleep(link.back(&trip, bytes)).await;
    if link.pass() == Passage::Hole {
        return vanished(link).await;
    }
    if trip.loss == Loss::Answer {
        return lost(&trip, "the answer was lost");
    }
    Some(answer)
}

/// Bytes of the connection are gone, which both ends learn when anything passes again.
async fn vanished(link: &SimulatedLink) -> Option<Result<Response<Bytes>, Failure>> {
    link.out_of_the_hole().await;
    Some(Err(Failure::Lost("connection reset".to_owned())))
}

fn lost(trip: &Trip, why: &str) -> Option<Result<Response<Bytes>, Failure>> {
    trip.is_told.then(|| Err(Failure::Lost(why.to_owned())))
}
