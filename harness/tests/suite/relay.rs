//! Relays over real sockets: what each fault does to the bytes of a connection, and to a broker's
//! clients.

use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use broker_client::wire::TopicName;
use broker_client::{Client, Retry, Subscription, TopicProducer};
use harness::driver::{self, Address};
use harness::fault::kinds::black_hole::BlackHole;
use harness::fault::kinds::cut::Cut;
use harness::fault::kinds::drop_ack::DropAcks;
use harness::fault::kinds::slow::Slow;
use harness::fault::{Link, LinkFault};
use harness::input::names::Actor;
use harness::plan::Plan;
use harness::scenario;
use harness::testbed::process::{Process, Settings};
use harness::testbed::relay::{Order, Relays};
use harness::testbed::{InjectionId, Testbed};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::support::url;

/// Longer than anything here takes; past it a test fails instead of hanging.
const PATIENCE: Duration = Duration::from_secs(60);

const P1: Link = Link::Actor(Actor::producer(1));

/// What a plan with these faults needs.
fn order(faults: &str) -> Order {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("relay.yaml");
    let text = format!(
        "topics:\n  T1: P1 P2 -> C1\nproducers:\n  all: {{ generate: {{ messages: 1 }} }}\n\
         faults:\n  - {faults}\ngolden: none\n"
    );
    std::fs::write(&file, text).unwrap();
    let plan = Plan::new(scenario::load(&file).unwrap()).unwrap();
    let broker = &plan.scenario.broker;
    Order::of(&plan, (driver::find(broker).unwrap().capabilities)(broker).requests)
}

/// A server of ours behind the relay of P1.
struct Bench {
    server: TcpListener,
    relays: Relays,
    address: String,
}

impl Bench {
    async fn new() -> Self {
        let server = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let broker = Address::from(server.local_addr().unwrap());
        let order = order("{ at: 1s, cut: P1, for: 1s }");
        let mut relays = Relays::default();
        relays.add_brokers(&order, &[broker]).await.unwrap();
        let addresses = relays.addresses();
        assert_eq!(addresses.len(), 1, "nobody else has a relay");
        let address = addresses[&Actor::producer(1)][0].to_string();
        Self { server, relays, address }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(&self.address).await.unwrap()
    }

    /// Both ends of a connection through the relay.
    async fn pair(&self) -> (TcpStream, TcpStream) {
        let client = self.connect().await;
        (client, within(self.server.accept()).await.unwrap().0)
    }

    fn inject(&self, id: u64, fault: impl LinkFault + 'static) {
        self.relays.inject(InjectionId(id), P1, Box::new(fault)).unwrap();
    }

    fn heal(&self, id: u64) -> u64 {
        self.relays.heal(InjectionId(id)).unwrap()
    }
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.expect("it happens in time")
}

async fn pass(from: &mut TcpStream, to: &mut TcpStream, text: &[u8]) {
    from.write_all(text).await.unwrap();
    let mut came = vec![0; text.len()];
    within(to.read_exact(&mut came)).await.unwrap();
    assert_eq!(came, text);
}

/// What the next read brings.
async fn next(stream: &mut TcpStream) -> Result<usize, ErrorKind> {
    within(stream.read(&mut [0; 64])).await.map_err(|error| error.kind())
}

#[tokio::test]
async fn a_relay_to_which_nothing_is_done_passes_everything_on_both_ways() {
    let bench = Bench::new().await;
    let (mut client, mut server) = bench.pair().await;
    pass(&mut client, &mut server, b"there").await;
    pass(&mut server, &mut client, b"and back").await;
    let much: Vec<u8> = (0..3_000_000_u32).map(|i| (i % 251) as u8).collect();
    let mut came = vec![0; much.len()];
    let (sent, got) =
        within(async { tokio::join!(client.write_all(&much), server.read_exact(&mut came)) }).await;
    assert!(sent.is_ok() && got.is_ok() && came == much);
}

#[tokio::test]
async fn an_end_is_passed_on_one_way_at_a_time() {
    let bench = Bench::new().await;
    let (mut client, mut server) = bench.pair().await;
    client.shutdown().await.unwrap();
    assert_eq!(next(&mut server).await, Ok(0));
    pass(&mut server, &mut client, b"still here").await;
    drop(server);
    assert_eq!(next(&mut client).await, Ok(0));
}

#[tokio::test]
async fn a_server_that_is_not_there_is_a_reset() {
    let bench = Bench::new().await;
    let Bench { server, address, relays: _relays } = bench;
    drop(server);
    let mut client = TcpStream::connect(&address).await.unwrap();
    assert_eq!(next(&mut client).await, Err(ErrorKind::ConnectionReset));
}

#[tokio::test]
async fn a_cut_resets_what_is_open_and_what_comes() {
    let bench = Bench::new().await;
    let (mut client, mut server) = bench.pair().await;
    pass(&mut client, &mut server, b"before").await;
    bench.inject(1, Cut);
    assert_eq!(next(&mut client).await, Err(ErrorKind::ConnectionReset));
    assert_eq!(next(&mut server).await, Err(ErrorKind::ConnectionReset));
    for _ in 0..2 {
        let mut refused = bench.connect().await;
        assert_eq!(next(&mut refused).await, Err(ErrorKind::ConnectionReset));
    }
    assert_eq!(bench.heal(1), 3, "one was open, two came");
    let (mut client, mut server) = bench.pair().await;
    pass(&mut client, &mut server, b"after").await;
}

#[tokio::test]
async fn a_cut_ends_a_connection_that_waits_for_room_too() {
    let bench = Bench::new().await;
    let (mut client, _server) = bench.pair().await;
    // Nobody reads: the relay stands before a full connection.
    let full = async { while client.write(&[0; 65_536]).await.is_ok() {} };
    let cut = async {
        tokio::task::yield_now().await;
        bench.inject(1, Cut);
    };
    within(async { tokio::join!(full, cut) }).await;
    assert_eq!(bench.heal(1), 1);
}

#[tokio::test]
async fn a_black_hole_swallows_both_ways_and_leaves_connections_open_until_it_ends() {
    let bench = Bench::new().await;
    let (mut client, mut server) = bench.pair().await;
    let (mut idle, mut idle_server) = bench.pair().await;
    pass(&mut client, &mut server, b"before").await;
    pass(&mut idle, &mut idle_server, b"before").await;
    bench.inject(1, BlackHole);
    // Far more than there is room for between the two, and nobody reads it.
    let much = vec![0; 16 << 20];
    within(client.write_all(&much)).await.unwrap();
    within(server.write_all(&much)).await.unwrap();
    let mut new = bench.connect().await;
    new.write_all(b"hello?").await.unwrap();
    let second = bench.connect().await;
    drop(second);

    assert!(bench.heal(1) >= 3, "there, back, and the new connection");
    assert_eq!(next(&mut client).await, Err(ErrorKind::ConnectionReset), "it lost bytes");
    assert_eq!(next(&mut server).await, Err(ErrorKind::ConnectionReset));
    assert_eq!(next(&mut new).await, Err(ErrorKind::ConnectionReset));
    pass(&mut idle, &mut idle_server, b"nothing was lost here").await;
    let (mut client, mut server) = bench.pair().await;
    pass(&mut client, &mut server, b"after").await;
}

#[tokio::test]
async fn the_end_of_one_side_vanishes_in_a_black_hole_as_well() {
    let bench = Bench::new().await;
    let (mut client, server) = bench.pair().await;
    bench.inject(1, BlackHole);
    drop(server);
    let mut never = [0; 1];
    let mut read = std::pin::pin!(client.read(&mut never));
    // The relay has seen the end once it has counted it.
    while bench.relays.met(InjectionId(1)) == Some(0) {
        assert!(timeout(Duration::from_millis(1), &mut read).await.is_err(), "it hears nothing");
    }
    assert_eq!(bench.heal(1), 1);
    let error = within(read).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_slow_link_passes_every_byte_on_in_order() {
    let bench = Bench::new().await;
    let ms = Duration::from_millis;
    let slow = Slow { latency: ms(3), jitter: ms(3), bandwidth: None };
    let (mut client, mut server) = bench.pair().await;
    bench.inject(1, slow);
    bench.inject(2, Slow { latency: ms(0), jitter: ms(0), bandwidth: Some(4 << 20) });
    let much: Vec<u8> = (0..600_000_u32).map(|i| (i % 251) as u8).collect();
    let mut came = vec![0; much.len()];
    let (sent, got) =
        within(async { tokio::join!(client.write_all(&much), server.read_exact(&mut came)) }).await;
    assert!(sent.is_ok() && got.is_ok() && came == much);
    pass(&mut server, &mut client, b"and back").await;
    // What is held up when it ends goes on at once.
    bench.inject(3, Slow { latency: ms(3_600_000), ..slow });
    client.write_all(b"an hour").await.unwrap();
    while bench.relays.met(InjectionId(3)) == Some(0) {
        tokio::task::yield_now().await;
    }
    for id in 1..=3 {
        assert!(bench.heal(id) > 0, "{id}");
    }
    let mut came = [0; 7];
    within(server.read_exact(&mut came)).await.unwrap();
    assert_eq!(&came, b"an hour");
}

#[tokio::test]
async fn a_link_without_a_relay_cannot_be_harmed() {
    let bench = Bench::new().await;
    let other = Link::Actor(Actor::producer(2));
    let failure = bench.relays.inject(InjectionId(1), other, Box::new(Cut)).unwrap_err();
    assert_eq!(failure.to_string(), "no relay stands before P2");
    assert!(bench.relays.heal(InjectionId(1)).is_err());
}

#[tokio::test]
async fn a_dropped_ack_was_stored_and_is_sent_again_without_harm() {
    let settings = Settings {
        relays: order("{ at: 1s, drop_ack: P1, count: 2 }"),
        ..Settings::new(Path::new(env!("CARGO_BIN_EXE_harness")))
    };
    let testbed = Box::new(Process::start(&settings, None).await.unwrap());
    let address = &testbed.addresses_of(Actor::producer(1))[0];
    assert!(testbed.addresses_of(Actor::producer(2)).is_empty(), "a relay costs throughput");
    let [relayed, direct] =
        [address, &testbed.addresses()[0]].map(|at| Client::new(&url(at)).unwrap());
    let topic: TopicName = "T1".parse().unwrap();
    let usual = Retry::default();
    relayed.create_topic(topic.as_str()).await.unwrap();
    let mut subscription = Subscription::subscribe(&direct, &topic, &usual).await.unwrap();
    let mut producer = TopicProducer::register(&relayed, &topic, &usual).await.unwrap();
    let mut once = TopicProducer::register(&relayed, &topic, &Retry::never()).await.unwrap();

    let injector = testbed.injector().unwrap();
    injector.inject(InjectionId(1), P1, Box::new(DropAcks(2))).unwrap();
    let lost = once.send(&["stored all the same"]).await;
    assert!(lost.outcome.is_err_and(|error| !error.to_string().is_empty()));
    let sent = producer.send(&["first"]).await;
    assert_eq!((sent.outcome, sent.attempts), (Ok(1), 2), "the second answer was lost as well");
    within(injector.spent(InjectionId(1))).await;
    let sent = producer.send(&["second"]).await;
    assert_eq!((sent.outcome, sent.attempts), (Ok(2), 1));
    assert_eq!(injector.heal(InjectionId(1)).unwrap(), 2);

    let polled = subscription.poll(10, Duration::ZERO).await.unwrap();
    let payloads: Vec<String> = polled.iter().map(|message| message.payload.to_string()).collect();
    assert_eq!(payloads, ["stored all the same", "first", "second"]);
    testbed.stop().await.unwrap();
}
