//! The end of a run: nothing is called lost while it may still come.

use serde_json::Value;

use crate::support::forgetful::{self, Forgets};
use crate::support::{Ended, Folder, end, late};

/// Two producers of five messages each, and two consumers.
fn folder(settings: &str) -> Folder {
    let folder = Folder::new();
    let line = |producer, n| format!("21:52:0{n}  P{producer}_MSG{n}  x  T1\n");
    for producer in 1..=2 {
        let log: String = (1..=5).map(|n| line(producer, n)).collect();
        folder.write(&format!("p{producer}.txt"), &log);
    }
    folder.write(
        "x.yaml",
        &format!(
            "topics: {{ T1: P1 P2 -> C1 C2 }}\nproducers: {{ all: {{ log: 'p{{id}}.txt' }} }}\n\
             drain: {{ idle: 2s, deadline: 60s }}\ngolden: none\n{settings}"
        ),
    );
    folder
}

/// Runs it in a thread of its own, so that brokers of the test's runtime go on serving.
async fn run(folder: &Folder, address: &str) -> Ended {
    let files = ["--history", "history.jsonl", "--report-json", "report.json"];
    let command = folder.harness(&[&["run", "x.yaml", "--on", address], &files[..]].concat());
    tokio::task::block_in_place(|| end(command))
}

/// Runs it on a broker that hands one message to each consumer half a second late.
async fn passes(settings: &str, late_one: &'static str) {
    let ended = run(&folder(settings), &late::start(late_one).await).await;
    assert_eq!(ended.code, Some(0), "{settings}: {}", ended.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_comes_late_where_no_order_is_promised_is_waited_for() {
    for settings in
        ["broker: { driver: original }", "consumers: { all: { acknowledge: automatic } }", ""]
    {
        passes(&format!("expect: {{ order: none }}\n{settings}"), "P1_MSG2").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_producers_message_passes_over_nothing_where_order_is_promised_by_producer() {
    for driver in ["original", "detect"] {
        for last in ["P1_MSG5", "P2_MSG5"] {
            let settings =
                format!("expect: {{ order: per-producer }}\nbroker: {{ driver: {driver} }}");
            passes(&settings, last).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_comes_late_where_an_order_is_promised_is_not_in_its_place() {
    let settings = "expect: { order: per-producer }\nbroker: { driver: original }";
    let ended = run(&folder(settings), &late::start("P1_MSG2").await).await;
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
}

/// The one kind of violation that the run has, and how often.
fn violation(folder: &Folder) -> (String, u64) {
    let report = folder.report("report.json");
    let violations = report["judgement"]["violations"].as_array().unwrap();
    assert_eq!(violations.len(), 1, "{report}");
    let found = &violations[0];
    (found["kind"].as_str().unwrap().to_owned(), found["count"].as_u64().unwrap())
}

/// The lines of the history of this kind.
fn lines(folder: &Folder, kind: &str) -> Vec<Value> {
    let text = folder.read("history.jsonl");
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter_map(|line| line.get(kind).cloned()).collect()
}

const WIRES: [(&str, bool); 4] = [
    ("", false),
    ("consumers: { all: { acknowledge: automatic, batch: 1 } }\n", false),
    ("broker: { driver: original }\n", false),
    ("", true),
];

/// Each poll brings one message.
const ONE: &str = "consumers: { all: { batch: 1 } }\n";

#[tokio::test(flavor = "multi_thread")]
async fn what_is_due_to_a_subscription_that_the_broker_forgets_is_lost() {
    for (settings, strips) in WIRES {
        let one = if settings.contains("batch") { "" } else { ONE };
        let folder = folder(&format!("{one}{settings}"));
        let address = forgetful::start(Forgets::Subscription, strips).await;
        let ended = run(&folder, &address).await;
        assert_eq!(ended.code, Some(1), "{settings}{strips}: {}", ended.stderr);
        assert_eq!(violation(&folder), ("lost".to_owned(), 9), "{settings}: all but the first");
        let claims = lines(&folder, "subscription");
        assert_eq!(claims.len(), 2, "none is made anew: {claims:?}");
        let forgotten = claims.iter().filter(|claim| !claim["forgotten"].is_null());
        assert_eq!(forgotten.count(), 1, "{claims:?}");
        assert_eq!(lines(&folder, "end")[0]["how"], "drained", "nobody waits for it");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_that_comes_back_to_a_forgotten_subscription_lacks_what_is_due() {
    let crash = "faults: [{ after: 1 delivered to C1, crash: C1, for: 50ms }]\n";
    let folder = folder(&format!("{ONE}{crash}"));
    let yaml = folder.read("x.yaml").replace("-> C1 C2", "-> C1");
    folder.write("x.yaml", &yaml);
    let ended = run(&folder, &forgetful::start(Forgets::Resumed, false).await).await;
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert_eq!(violation(&folder).0, "lost");
    let claims = lines(&folder, "subscription");
    assert!(claims.len() == 1 && !claims[0]["forgotten"].is_null(), "{claims:?}");
}

#[test]
fn a_subscription_that_a_restart_ends_on_the_original_routes_is_made_anew() {
    let folder = folder(
        "broker: { driver: original }\nexpect: { acked: any, anomalies: [lost] }\n\
         faults: [{ after: 3 delivered, kill: broker, for: 10ms }]\n",
    );
    let yaml =
        folder.read("x.yaml").replace("log: 'p{id}.txt' }", "log: 'p{id}.txt', pace: 50/s }");
    folder.write("x.yaml", &yaml);
    let ended = folder.run(&["run", "x.yaml", "--history", "history.jsonl"]);
    let claims = lines(&folder, "subscription");
    assert!(claims.len() > 2, "{claims:?}: {}", ended.stderr);
    assert!(claims.iter().all(|claim| claim["forgotten"].is_null()), "{claims:?}");
}

#[test]
fn without_an_order_of_the_topic_nothing_of_an_earlier_life_is_waited_for() {
    for order in ["none", "per-producer"] {
        let folder = folder(&format!(
            "expect: {{ order: {order}, acked: any, anomalies: [lost] }}\n\
             faults: [{{ after: 3 delivered, kill: broker, for: 10ms }}]\n"
        ));
        let yaml = folder.read("x.yaml");
        let paced = yaml.replace("log: 'p{id}.txt' }", "log: 'p{id}.txt', pace: 20/s }");
        folder.write("x.yaml", &paced);
        let ended = folder.run(&["run", "x.yaml", "--history", "history.jsonl"]);
        assert!(lines(&folder, "subscription").len() > 2, "{}", ended.stderr);
        assert_eq!(lines(&folder, "end")[0]["how"], "drained", "{order}: {}", ended.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_life_of_the_store_that_nobody_asked_for_leaves_no_verdict() {
    for settings in ["", "consumers: { all: { acknowledge: automatic } }\n"] {
        let ended = run(&folder(settings), &forgetful::start(Forgets::Life, false).await).await;
        assert_eq!(ended.code, Some(3), "{settings}: {}", ended.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_does_not_say_who_sent_a_message_ends_the_run_with_the_cure() {
    for settings in ["", "consumers: { all: { acknowledge: automatic } }\n"] {
        let address = forgetful::start(Forgets::Senders, false).await;
        let folder = folder(settings);
        let ended = run(&folder, &address).await;
        assert_eq!(ended.code, Some(3), "{settings}: {}", ended.stderr);
        assert!(ended.stderr.contains("no `producer_id`"), "{}", ended.stderr);
        let cure = "broker: { driver: original }";
        assert!(ended.stderr.contains(cure), "{}", ended.stderr);
        folder.write("x.yaml", &format!("{}{cure}\n", folder.read("x.yaml")));
        let ended = run(&folder, &address).await;
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_message_of_which_the_broker_does_not_say_who_sent_it_is_a_phantom() {
    let folder = folder("");
    let address = forgetful::start(Forgets::SenderOf("P1_MSG3"), false).await;
    let ended = run(&folder, &address).await;
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let report = folder.report("report.json");
    let kinds = report["judgement"]["violations"].as_array().unwrap().iter();
    let kinds: Vec<_> = kinds.map(|own| (&own["kind"], &own["count"])).collect();
    assert_eq!(kinds, [(&"lost".into(), &1.into()), (&"phantom".into(), &1.into())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_whose_offsets_begin_again_with_every_answer_is_not_asked_a_million_times() {
    let folder = folder("consumers: { all: { batch: 2 } }\n");
    let yaml = folder.read("x.yaml").replace("deadline: 60s", "deadline: 2s");
    folder.write("x.yaml", &yaml);
    let ended = run(&folder, &forgetful::start(Forgets::Offsets, false).await).await;
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let report = folder.report("report.json");
    let delivered = report["summary"]["delivered"].as_u64().unwrap();
    // Two consumers stand still at offset 1 and at 2, each for at most a hundred answers.
    assert!(delivered < 1000, "{delivered}");
    let doubts = report["judgement"]["doubts"].to_string();
    assert!(doubts.contains("the broker's offsets do not go on: asked for"), "{doubts}");
}
