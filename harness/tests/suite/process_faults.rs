//! Brokers and their database killed, stopped and paused for real, and what a run leaves behind.

use std::io::ErrorKind;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::Duration;

use broker_client::wire::TopicName;
use broker_client::{Client, Retry, TopicProducer};
use harness::driver::Address;
use harness::fault::Part;
use harness::testbed::process::{Process, Settings};
use harness::testbed::{Change, Testbed};
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::timeout;

use crate::support::{Broker, Folder, PATIENCE, Running, state, url, wait_for, working_in};

const BROKER: Part = Part::Broker(0);

async fn start() -> Process {
    let settings = Settings::new(Path::new(env!("CARGO_BIN_EXE_harness")));
    Process::start(&settings, None).await.unwrap()
}

/// Whether nothing is told of an end.
async fn says_nothing(process: &mut Process) {
    assert!(timeout(Duration::from_millis(1), process.ended()).await.is_err());
}

fn port(process: &Process) -> u16 {
    let Address::Listens { port, .. } = process.addresses()[0] else { panic!("it listens") };
    port
}

#[tokio::test]
async fn a_killed_broker_comes_up_again_on_its_port_and_nobody_wonders() {
    let mut process = start().await;
    let (injector, before) = (process.injector().unwrap(), process.ids()[0]);
    assert_eq!(injector.brokers(), 1);
    let client = Client::new(&url(&process.addresses()[0])).unwrap();
    client.create_topic("T1").await.unwrap();
    injector.change(BROKER, Change::Kill).await.unwrap();
    assert_eq!(state(before), None);
    says_nothing(&mut process).await;
    let refused = TcpStream::connect(("127.0.0.1", port(&process))).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);

    injector.change(BROKER, Change::Start).await.unwrap();
    says_nothing(&mut process).await;
    assert_ne!(process.ids()[0], before);
    client.create_topic("T1").await.expect("what was in memory is gone");
    // From here on its end is news again.
    kill_process(Pid::from_raw(process.ids()[0]).unwrap(), Signal::KILL).unwrap();
    let why = timeout(PATIENCE, process.ended()).await.unwrap();
    assert!(why.starts_with("the broker was ended by signal 9"), "{why}");
}

#[tokio::test]
async fn a_stopped_broker_ends_in_good_order_and_serves_again() {
    let mut process = start().await;
    let injector = process.injector().unwrap();
    for _ in 0..3 {
        injector.change(BROKER, Change::Stop).await.unwrap();
        says_nothing(&mut process).await;
        injector.change(BROKER, Change::Start).await.unwrap();
    }
    let client = Client::new(&url(&process.addresses()[0])).unwrap();
    let topic: TopicName = "T1".parse().unwrap();
    let mut producer = TopicProducer::register(&client, &topic, &Retry::default()).await.unwrap();
    assert_eq!(producer.send(&["hello"]).await.outcome, Ok(0));
    Box::new(process).stop().await.unwrap();
}

#[tokio::test]
async fn a_paused_broker_answers_when_it_goes_on() {
    let process = start().await;
    let (injector, pid) = (process.injector().unwrap(), process.ids()[0]);
    let client = Client::new(&url(&process.addresses()[0])).unwrap();
    injector.change(BROKER, Change::Pause).await.unwrap();
    wait_for("the broker to stop", || (state(pid) == Some('T')).then_some(()));
    let asked = tokio::spawn(async move { client.create_topic("T1").await });
    injector.change(BROKER, Change::Resume).await.unwrap();
    timeout(PATIENCE, asked).await.unwrap().unwrap().unwrap();
    Box::new(process).stop().await.unwrap();
}

#[tokio::test]
async fn a_testbed_ends_as_thoroughly_in_any_state() {
    for down in [false, true] {
        for drops in [false, true] {
            let process = start().await;
            let (injector, pid) = (process.injector().unwrap(), process.ids()[0]);
            if down {
                injector.change(BROKER, Change::Kill).await.unwrap();
            } else {
                injector.change(BROKER, Change::Pause).await.unwrap();
            }
            if drops {
                // The injector outlives it.
                drop(process);
            } else {
                Box::new(process).stop().await.unwrap();
            }
            assert_eq!(state(pid), None, "down {down}, drops {drops}");
            let failure = injector.change(BROKER, Change::Start).await.unwrap_err().to_string();
            assert_eq!(failure, "the broker ended with the run");
        }
    }
}

#[tokio::test]
async fn a_port_that_is_taken_meanwhile_is_named() {
    let process = start().await;
    let injector = process.injector().unwrap();
    injector.change(BROKER, Change::Kill).await.unwrap();
    let _other = TcpListener::bind(("127.0.0.1", port(&process))).unwrap();
    let failure = injector.change(BROKER, Change::Start).await.unwrap_err().to_string();
    let start = format!("the broker did not start on 127.0.0.1:{}: it ended", port(&process));
    assert!(failure.starts_with(&start), "{failure}");
    assert!(failure.contains("another program does"), "{failure}");
    assert!(injector.change(Part::Broker(1), Change::Kill).await.is_err());
    assert!(injector.change(Part::Database, Change::Kill).await.is_err());
}

/// A scenario of 600 messages, in which this is done.
fn scenario(folder: &Folder, store: &str, faults: &str) {
    let text = format!(
        "topics:\n  T1: P1 P2 -> C1 C2\n\
         producers:\n  all: {{ generate: {{ messages: 300 }}, pace: 600/s }}\n\
         broker: {{ on: {store} }}\nfaults:\n{faults}golden: none\n"
    );
    folder.write("faulty.yaml", &text);
}

#[test]
fn exactly_once_holds_on_mysql_whatever_is_done_to_broker_database_and_connections() {
    let folder = Folder::new();
    scenario(
        &folder,
        "mysql",
        "  - { after: 50 acked, kill: broker, for: 50ms }\n\
         \x20 - { after: 150 acked, kill: database, for: 50ms }\n\
         \x20 - { after: 250 acked, pause: database, for: 50ms }\n\
         \x20 - { after: 300 acked, cut: database, for: 50ms }\n\
         \x20 - { after: 350 acked, stop: broker, for: 50ms }\n\
         \x20 - { after: 100 acked by P1, drop_ack: P1, count: 2 }\n",
    );
    folder.passes(&["run", "faulty.yaml"]);
}

#[test]
fn connections_of_actors_are_hurt_without_loss() {
    let folder = Folder::new();
    scenario(
        &folder,
        "memory",
        "  - { after: 50 acked, cut: [P1, C2], for: 50ms }\n\
         \x20 - { after: 100 acked by P2, drop_ack: P2, count: 3 }\n\
         \x20 - { after: 100 delivered to C1, black_hole: C1, for: 50ms }\n\
         \x20 - { at: 0s, slow: [P1, C1], latency: 2ms, jitter: 2ms, for: 300ms }\n\
         \x20 - { after: 400 acked, pause: broker, for: 50ms }\n",
    );
    folder.passes(&["run", "faulty.yaml"]);
}

#[test]
fn an_interruption_during_a_fault_leaves_nothing_running_and_nothing_paused() {
    for fault in ["kill", "pause"] {
        let folder = Folder::new();
        scenario(
            &folder,
            "memory",
            &format!("  - {{ after: 1 acked, {fault}: broker, for: 1h }}\n"),
        );
        let running = Running::start(&folder, &["run", "faulty.yaml"]);
        // The log is there before the first message is, and so before the fault. A killed broker may
        // be gone before anybody could have seen it.
        let log = folder.join("out/faulty/consumer_1.txt");
        wait_for("the fault", || {
            let brokers = running.brokers_now();
            let is_paused = brokers.iter().any(|broker| state(*broker) == Some('T'));
            let is_killed = log.exists() && brokers.is_empty();
            (if fault == "kill" { is_killed } else { is_paused }).then_some(())
        });
        running.signal(Signal::INT);
        let (code, words) = running.end();
        assert_eq!(code, Some(130), "{words}");
        assert_eq!(working_in(folder.path()), [0; 0], "{fault}");
    }
}

#[test]
fn a_harness_that_is_killed_during_a_pause_takes_the_broker_along() {
    let folder = Folder::new();
    scenario(&folder, "memory", "  - { after: 1 acked, pause: broker, for: 1h }\n");
    let running = Running::start(&folder, &["run", "faulty.yaml"]);
    let broker = running.broker();
    wait_for("the fault", || (state(broker) == Some('T')).then_some(()));
    running.signal(Signal::KILL);
    let _ = running.end();
    wait_for("the broker to end", || matches!(state(broker), None | Some('Z')).then_some(()));
}

#[test]
fn a_port_that_is_taken_during_a_fault_leaves_no_verdict() {
    let folder = Folder::new();
    // Late enough that the broker's port is seen while it lives.
    scenario(&folder, "memory", "  - { after: 400 acked, kill: broker, for: 2s }\n");
    let text = std::fs::read_to_string(folder.join("faulty.yaml")).unwrap();
    folder.write("faulty.yaml", &text.replace("pace: 600/s", "pace: 100/s"));
    let running = Running::start(&folder, &["run", "faulty.yaml"]);
    let broker = running.broker();
    let port = wait_for("the broker to listen", || listened_by(broker));
    wait_for("the fault", || state(broker).is_none().then_some(()));
    let _other = wait_for("the port", || TcpListener::bind(("127.0.0.1", port)).ok());
    let (code, words) = running.end();
    assert_eq!(code, Some(3), "{words}");
    assert!(words.contains("faulty.yaml:7: `kill: broker` cannot be carried out"), "{words}");
    assert!(words.contains("another program does"), "{words}");
}

/// The port that a process listens on.
fn listened_by(pid: i32) -> Option<u16> {
    let links = std::fs::read_dir(format!("/proc/{pid}/fd")).ok()?;
    let sockets: Vec<String> = links
        .filter_map(|link| {
            let to = std::fs::read_link(link.ok()?.path()).ok()?;
            Some(to.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned())
        })
        .collect();
    let table = std::fs::read_to_string("/proc/net/tcp").ok()?;
    table.lines().skip(1).find_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let is_own = words[3] == "0A" && sockets.iter().any(|socket| socket == words[9]);
        is_own.then(|| u16::from_str_radix(words[1].rsplit(':').next()?, 16).ok())?
    })
}

#[test]
fn processes_of_somebody_else_are_refused_and_their_connections_are_not() {
    let folder = Folder::new();
    let broker = Broker::start(&[]);
    let refused = |fault: &str| {
        scenario(&folder, "memory", &format!("  - {{ at: 1s, {fault}: broker, for: 1s }}\n"));
        let ended = folder.run(&["run", "faulty.yaml", "--on", &broker.address]);
        assert_eq!(ended.code, Some(2), "{}", ended.stderr);
        assert!(ended.stderr.contains("somebody else's"), "{}", ended.stderr);
    };
    for fault in ["kill", "pause", "stop"] {
        refused(fault);
    }
    let cut = "  - { after: 50 acked, cut: all, for: 50ms }\n";
    scenario(&folder, "memory", cut);
    folder.passes(&["run", "faulty.yaml", "--on", &broker.address]);
}
