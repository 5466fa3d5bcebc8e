//! The end of a run: nothing is called lost while it may still come.

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
    let command = folder.harness(&["run", "x.yaml", "--broker", address]);
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
