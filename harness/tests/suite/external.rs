//! `harness run FILE --on URL`: brokers that are up already and go on living, with our own wire
//! and with the original's.

use broker_client::Client;
use serde_json::json;

use crate::support::original::{Original, serve_hyphenated};
use crate::support::shim::{Shim, Wrong};
use crate::support::{Broker, Ended, Folder, Running, end, shipped};

/// A folder with `2p2c` as it is shipped, and `5p3c` with 60 lines a producer; goldens are
/// accepted as they come, or compared where they are there.
pub(crate) fn folder(driver: &str) -> Folder {
    let folder = Folder::new();
    folder.copy_scenario("2p2c");
    folder.copy_scenario("5p3c");
    for producer in 1..=5 {
        let name = format!("5p3c/producer_{producer}.txt");
        let short: String =
            folder.read(&name).lines().take(60).map(|line| format!("{line}\n")).collect();
        folder.write(&name, &short);
    }
    for scenario in ["2p2c.yaml", "5p3c.yaml"] {
        let yaml = folder.read(scenario);
        folder.write(scenario, &format!("{yaml}broker: {{ driver: {driver} }}\n"));
    }
    folder
}

/// In a thread of its own, so that brokers of the test's runtime go on serving.
async fn run(folder: &Folder, arguments: &[&str]) -> Ended {
    let arguments: Vec<String> = arguments.iter().map(|text| (*text).to_owned()).collect();
    let command = {
        let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let mut command = folder.harness(&words);
        command.env("INSTA_UPDATE", "unseen");
        command
    };
    tokio::task::block_in_place(|| end(command))
}

async fn passes(folder: &Folder, scenario: &str, address: &str) {
    let ended = run(folder, &["run", scenario, "--on", address]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn both_set_ups_pass_on_the_original_wire_and_have_the_same_ledgers() {
    let broker = Broker::start(&[]);
    let folder = folder("original");
    for scenario in ["2p2c.yaml", "5p3c.yaml"] {
        passes(&folder, scenario, &broker.address).await;
    }
    let golden = std::fs::read_to_string(shipped().join("../golden/2p2c.snap")).unwrap();
    let ledger = |text: &str| text.rsplit("---\n").next().unwrap().to_owned();
    let own = ledger(&folder.read("golden/2p2c.snap"));
    assert_eq!(own.trim_end(), ledger(&golden).trim_end(), "tags are stripped before the ledger");
    let log = folder.read("out/2p2c/consumer_1.txt");
    assert_eq!(log.matches("_MSG").count(), 10);
    assert!(log.lines().all(|line| line.starts_with("T1     P") || line.starts_with("T2     P")));
    assert!(!log.contains('#'), "nor are they in the logs: {log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_speaks_only_the_original_wire_is_noticed_and_passes() {
    let original = Original::start().await;
    let folder = folder("detect");
    for scenario in ["2p2c.yaml", "5p3c.yaml"] {
        passes(&folder, scenario, &original.address).await;
    }
    assert_eq!(original.additions(), [""; 0], "nothing was asked that the original does not know");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_takes_names_with_a_hyphen_is_asked_for_them() {
    let folder = Folder::new();
    folder.copy_scenario("2p2c");
    for producer in ["2p2c/producer_1.txt", "2p2c/producer_2.txt"] {
        folder.write(producer, &folder.read(producer).replace("T1", "T-1"));
    }
    let yaml = folder.read("2p2c.yaml").replace("T1", "T-1");
    for driver in ["detect", "original"] {
        folder.write("2p2c.yaml", &format!("{yaml}broker: {{ driver: {driver} }}\n"));
        passes(&folder, "2p2c.yaml", &serve_hyphenated().await).await;
        assert!(folder.read("out/2p2c/consumer_1.txt").contains("T-1     P1_MSG1\n"));
        let checked = run(&folder, &["check", "2p2c.yaml", "--logs", "out/2p2c"]).await;
        assert_eq!(checked.code, Some(0), "{}", checked.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_the_original_wire_drops_is_lost() {
    for name in ["P1#3", "P2#5"] {
        let shim = Shim::wrong(Wrong::Drop(name)).await;
        let folder = folder("original");
        let yaml = folder.read("2p2c.yaml");
        folder.write("2p2c.yaml", &format!("{yaml}drain: {{ idle: 500ms, deadline: 60s }}\n"));
        let arguments = ["run", "2p2c.yaml", "--on", &shim.address, "--report-json", "report.json"];
        let ended = run(&folder, &arguments).await;
        assert_eq!(ended.code, Some(1), "{}", ended.stderr);
        let violations = folder.report("report.json")["judgement"]["violations"].clone();
        assert_eq!(violations.as_array().unwrap().len(), 1, "{violations}");
        assert_eq!(violations[0]["kind"], "lost");
        assert_eq!(violations[0]["count"], 2, "at both consumers: {violations}");
        for consumer in ["C1", "C2"] {
            let said = format!("{consumer} never got {name} ");
            assert!(ended.stderr.contains(&said), "{said}: {}", ended.stderr);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_the_original_wire_hands_out_twice_is_a_duplicate() {
    let shim = Shim::wrong(Wrong::Repeat("P2#4")).await;
    let folder = folder("original");
    let arguments = ["run", "2p2c.yaml", "--on", &shim.address, "--report-json", "report.json"];
    let ended = run(&folder, &arguments).await;
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let violations = folder.report("report.json")["judgement"]["violations"].clone();
    assert_eq!(violations.as_array().unwrap().len(), 1, "{violations}");
    assert_eq!((&violations[0]["kind"], &violations[0]["count"]), (&json!("duplicate"), &json!(1)));
    assert!(ended.stderr.contains("P2#4"), "{}", ended.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_lives_is_left_without_subscriptions_and_serves_the_next_run() {
    let shim = Shim::start().await;
    let folder = folder("detect");
    for _ in 0..2 {
        for scenario in ["2p2c.yaml", "5p3c.yaml"] {
            passes(&folder, scenario, &shim.address).await;
        }
    }
    let asked = shim.asked();
    let count = |start: &str| asked.iter().filter(|request| request.starts_with(start)).count();
    let subscribed = count("POST /consumer/register");
    assert_eq!(subscribed, 2 * (4 + 7), "2p2c has four subscriptions, 5p3c seven");
    assert_eq!(count("DELETE /consumer?"), subscribed);
    let client = Client::new(&shim.address).unwrap();
    for consumer_id in 0..i64::try_from(subscribed).unwrap() {
        for topic in ["T1", "T2", "T3"] {
            let nobody = broker_client::wire::Subscription { topic, consumer_id, epoch: None };
            let refused = client.size(&nobody).await.unwrap_err().to_string();
            assert!(refused.contains("does not exist"), "{refused}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn actors_are_spread_over_several_addresses_of_one_broker() {
    let broker = Broker::start(&[]);
    let folder = folder("detect");
    let by_name = broker.address.replace("127.0.0.1", "localhost");
    let both = format!("{}+{by_name}", broker.address);
    passes(&folder, "5p3c.yaml", &both).await;
}

/// A scenario whose producer loses its connections every now and then.
fn cut(driver: &str) -> Folder {
    let folder = Folder::new();
    let yaml = "topics: { T1: P1 P2 -> C1 C2 }\n\
                producers: { all: { generate: { messages: 100 }, pace: 200/s } }\n\
                faults: [{ every: 100ms, cut: P1, for: 5ms }]\n";
    folder.write("cut.yaml", &format!("{yaml}broker: {{ driver: {driver} }}\n"));
    folder
}

const CUT: [&str; 4] = ["run", "cut.yaml", "--report-json", "report.json"];

#[tokio::test(flavor = "multi_thread")]
async fn under_faults_the_original_routes_have_open_lines() {
    let folder = cut("original");
    for status in ["accepted", "match"] {
        let ended = run(&folder, &CUT).await;
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        assert_eq!(folder.report("report.json")["golden"]["status"], status);
    }
    assert!(folder.read("golden/cut.snap").contains("open  P1 100  P2 100"));
}

#[tokio::test(flavor = "multi_thread")]
async fn under_faults_a_broker_found_to_be_an_original_is_not_held_against_the_golden_file() {
    let original = Original::start().await;
    let folder = cut("detect");
    let on_original = [&CUT[..], &["--on", &original.address]].concat();
    for reviewed in [false, true] {
        let ended = run(&folder, &on_original).await;
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let golden = &folder.report("report.json")["golden"];
        assert_eq!(golden["status"], "skipped", "{golden}");
        assert!(golden["reason"].as_str().unwrap().contains("original routes"), "{golden}");
        assert!(ended.stderr.contains("golden not compared: the broker knows only"));
        assert_eq!(folder.join("golden/cut.snap").exists(), reviewed, "nothing is accepted");
        // One file serves both wires: from our broker every message comes.
        let ended = run(&folder, &CUT).await;
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        assert!(folder.read("golden/cut.snap").contains("P1 1..100"));
    }
}

#[test]
fn the_scheme_of_a_broker_says_which_drivers_may_speak_to_it() {
    // Both speak it; nothing is reached.
    for driver in ["detect", "original"] {
        let ended = folder(driver).run(&["run", "2p2c.yaml", "--on", "http://127.0.0.1:1"]);
        assert_eq!(ended.code, Some(3), "{}", ended.stderr);
        assert!(ended.stderr.contains("cannot reach the broker"), "{}", ended.stderr);
    }
    let ended = folder("detect").run(&["run", "2p2c.yaml", "--on", "gopher://127.0.0.1:1"]);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains(" is spoken, not gopher://"), "{}", ended.stderr);
}

/// What stands at the broker's address while it starts.
#[derive(Clone, Copy)]
enum Stage {
    /// A container's port: it accepts, and breaks off.
    BreaksOff,
    /// A proxy that has no broker behind it yet.
    Answers503,
    /// The broker itself.
    Up,
}

/// Stands at an address, two connections in each stage before the broker is up.
async fn start_slowly(listener: tokio::net::TcpListener, broker: String) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
    let stages = [Stage::BreaksOff, Stage::BreaksOff, Stage::Answers503, Stage::Answers503];
    let mut stages = stages.into_iter().chain(std::iter::repeat(Stage::Up));
    loop {
        let (mut connection, _) = listener.accept().await.unwrap();
        let (stage, broker) = (stages.next().unwrap(), broker.clone());
        tokio::spawn(async move {
            match stage {
                Stage::BreaksOff => {}
                Stage::Answers503 => {
                    let _ = connection.read(&mut [0; 4096]).await;
                    let answer = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\
                                  connection: close\r\n\r\n";
                    let _ = connection.write_all(answer.as_bytes()).await;
                }
                Stage::Up => {
                    let mut broker = tokio::net::TcpStream::connect(broker).await.unwrap();
                    let _ = copy_bidirectional(&mut connection, &mut broker).await;
                }
            }
        });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_still_starting_is_waited_for() {
    let broker = Broker::start(&[]);
    let folder = folder("detect");
    // It has its port and does not listen yet.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    // The other one of two is up.
    let address = format!("{},http://{}", broker.address, socket.local_addr().unwrap());
    let arguments = ["run", "2p2c.yaml", "--on", &address, "--wait", "2m"];
    let mut harness = folder.harness(&arguments);
    harness.env("INSTA_UPDATE", "always");
    let running = Running::spawn(&folder, harness);
    let (code, words) = tokio::task::block_in_place(|| {
        running.until_said("waiting for the broker");
        let listener = socket.listen(64).unwrap();
        let authority = broker.address.strip_prefix("http://").unwrap().to_owned();
        tokio::spawn(start_slowly(listener, authority));
        running.end()
    });
    assert_eq!(code, Some(0), "{words}");
    assert_eq!(words.matches("waiting for the broker").count(), 1, "{words}");
}

#[test]
fn a_broker_that_does_not_come_is_named_with_the_time_that_it_was_waited_for() {
    let folder = folder("detect");
    let nobody = "http://127.0.0.1:1";
    for command in [&["run", "2p2c.yaml", "5p3c.yaml"][..], &["sabotage", "2p2c.yaml"]] {
        let ended = folder.run(&[command, &["--on", nobody, "--wait", "20ms"]].concat());
        assert_eq!(ended.code, Some(3), "{}", ended.stderr);
        let said = "cannot reach the broker at http://127.0.0.1:1: connection refused, also after \
                    20.0 ms; start it, or";
        assert!(ended.stderr.contains(said), "{}", ended.stderr);
    }
    let arguments = ["run", "2p2c.yaml", "--on", nobody, "--history", "never.jsonl"];
    assert_eq!(folder.run(&arguments).code, Some(3));
    assert!(!folder.join("never.jsonl").exists(), "a run that did not start has no history");
    let ended = folder.run(&["run", "2p2c.yaml", "--wait", "20ms"]);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    let ended = folder.run(&["run", "2p2c.yaml", "--on", nobody, "--wait", "20"]);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains("'20' for '--wait <TIME>'"), "{}", ended.stderr);
}

#[test]
fn ctrl_c_while_a_broker_is_waited_for_ends_by_130() {
    let folder = folder("detect");
    let arguments = ["run", "2p2c.yaml", "--on", "http://127.0.0.1:1", "--wait", "1h"];
    let running = Running::start(&folder, &arguments);
    running.until_said("waiting for the broker");
    running.signal(rustix::process::Signal::INT);
    let (code, words) = running.end();
    assert_eq!(code, Some(130), "{words}");
}
