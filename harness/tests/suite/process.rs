//! Our own broker as a child: it serves, ends when asked, and says why when it does not.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::time::Duration;

use broker_client::wire::TopicName;
use broker_client::{Client, Retry, Subscription, TopicProducer};
use harness::testbed::Testbed;
use harness::testbed::process::{Process, Settings};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use crate::support::url;

fn settings() -> Settings {
    Settings::new(Path::new(env!("CARGO_BIN_EXE_harness")))
}

/// Whether there is no process with this id, not even a dead one that nobody reaped.
fn is_gone(pid: i32) -> bool {
    test_kill_process(Pid::from_raw(pid).unwrap()).is_err()
}

#[tokio::test]
async fn it_serves_until_it_is_stopped_and_leaves_nothing() {
    let process = Box::new(Process::start(&settings(), None).await.unwrap());
    let pid = process.ids()[0];
    let client = Client::new(&url(&process.addresses()[0])).unwrap();
    let topic: TopicName = "T1".parse().unwrap();
    client.create_topic(topic.as_str()).await.unwrap();
    let retry = Retry::default();
    let mut subscription = Subscription::subscribe(&client, &topic, &retry).await.unwrap();
    let mut producer = TopicProducer::register(&client, &topic, &retry).await.unwrap();
    assert_eq!(producer.send(&["hello"]).await.outcome, Ok(0));
    let messages = subscription.poll(10, Duration::ZERO).await.unwrap();
    assert_eq!(messages.iter().next().unwrap().payload, "hello");

    process.stop().await.unwrap();
    assert!(is_gone(pid));
}

#[tokio::test]
async fn dropping_it_leaves_nothing_either() {
    let process = Process::start(&settings(), None).await.unwrap();
    let pid = process.ids()[0];
    drop(process);
    assert!(is_gone(pid));
}

#[tokio::test]
async fn an_end_that_nobody_asked_for_is_told_with_the_last_lines() {
    let mut process = Process::start(&settings(), None).await.unwrap();
    // It writes its first line between the port file and the first answer.
    let client = Client::new(&url(&process.addresses()[0])).unwrap();
    client.create_topic("T1").await.unwrap();
    kill_process(Pid::from_raw(process.ids()[0]).unwrap(), Signal::KILL).unwrap();
    let why = process.ended().await;
    assert!(why.starts_with("the broker was ended by signal 9; it wrote last:"), "{why}");
    assert!(why.contains("listening"), "{why}");
    let failure = Box::new(process).stop().await.unwrap_err();
    assert!(failure.to_string().contains("did not end in good order"), "{failure}");
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let other = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let listen: SocketAddr = other.local_addr().unwrap();
    let failure =
        Process::start(&Settings { listen, ..settings() }, None).await.unwrap_err().to_string();
    let start = format!("the broker did not start on {listen}: it ended with exit code 3");
    assert!(failure.starts_with(&start), "{failure}");
    assert!(failure.contains("another program does"), "{failure}");
}

#[tokio::test]
async fn an_argument_that_it_does_not_know_is_named() {
    let arguments = vec!["--retain".into(), "nothing".into()];
    let failure = Process::start(&Settings { arguments, ..settings() }, None).await.unwrap_err();
    assert!(failure.to_string().contains("invalid value 'nothing'"), "{failure}");
}

#[tokio::test]
async fn a_harness_that_is_not_there_is_named() {
    let nowhere = Settings::new(Path::new("/nowhere/harness"));
    let failure = Process::start(&nowhere, None).await.unwrap_err().to_string();
    assert!(failure.contains("cannot start the broker by /nowhere/harness"), "{failure}");
}
