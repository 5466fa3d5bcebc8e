//! `harness run` against other people's brokers: they speak the original routes, and each says what the
//! original left open in its own way. A right one passes, and one with a bug is found out.

mod forgotten;

use serde_json::{Value, json};

use crate::support::foreign::{Bug, Foreign, SWAPPED, Said, Style, UUIDS, WORDS};
use crate::support::original::serve;
use crate::support::{Ended, Folder, end};

const SWAPPED_WIRE: &str = "wire: { topic_field: name, get: body, post: query }";

/// Two topics, one without a digit in its name.
fn scenario(folder: &Folder, wire: &str, more: &str) {
    let wire = if wire.is_empty() { String::new() } else { format!(", {wire}") };
    let text = format!(
        "topics:\n  T1: P1 P2 -> C1 C2\n  orders: P2 -> C2\nproducers:\n  \
         all: {{ generate: {{ messages: 40 }} }}\nbroker: {{ driver: original{wire} }}\n\
         drain: {{ idle: 300ms, deadline: 60s }}\ngolden: none\n{more}"
    );
    folder.write("x.yaml", &text);
}

/// In a thread of its own, so that brokers of the test's runtime go on serving.
fn run(folder: &Folder, address: &str) -> Ended {
    let arguments = ["run", "x.yaml", "--on", address, "--report-json", "report.json"];
    let command = folder.harness(&[&arguments[..], &["--history", "h.jsonl"]].concat());
    tokio::task::block_in_place(|| end(command))
}

/// The kinds that were found, each with its count.
fn found(folder: &Folder) -> Vec<(String, u64)> {
    let violations = folder.report("report.json")["judgement"]["violations"].clone();
    let each = violations.as_array().unwrap().iter();
    each.map(|own| (own["kind"].as_str().unwrap().to_owned(), own["count"].as_u64().unwrap()))
        .collect()
}

/// How the run ended, as its history has it.
fn how(folder: &Folder) -> String {
    let history = folder.read("h.jsonl");
    let last: Value = serde_json::from_str(history.lines().last().unwrap()).unwrap();
    last["end"]["how"].as_str().unwrap().to_owned()
}

/// What the harness says of a broker with a bug in this style.
async fn judge(style: Style, wire: &str, bug: Bug, code: i32, kinds: &[(&str, u64)], ends: &str) {
    let (broker, folder) = (Foreign::start(style, bug).await, Folder::new());
    scenario(&folder, wire, "");
    let ended = run(&folder, &broker.address);
    assert_eq!(ended.code, Some(code), "{bug:?}: {}", ended.stderr);
    let kinds: Vec<_> = kinds.iter().map(|(kind, count)| ((*kind).to_owned(), *count)).collect();
    assert_eq!(found(&folder), kinds, "{bug:?}: {}", ended.stderr);
    assert_eq!(how(&folder), ends, "{bug:?}: nothing waits for the deadline");
}

#[tokio::test(flavor = "multi_thread")]
async fn brokers_of_three_styles_pass_and_with_a_bug_each_they_fail() {
    for (style, wire) in [(UUIDS, ""), (WORDS, ""), (SWAPPED, SWAPPED_WIRE)] {
        judge(style, wire, Bug::Nothing, 0, &[], "drained").await;
        judge(style, wire, Bug::Repeat(3), 1, &[("duplicate", 2)], "drained").await;
        judge(style, wire, Bug::Lose(3), 1, &[("lost", 2)], "drained").await;
        // The last of T1: nothing behind it shows that it is missing.
        judge(style, wire, Bug::Lose(59), 1, &[("lost", 1)], "idle").await;
        judge(style, wire, Bug::Stop(59), 1, &[("lost", 1)], "idle").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_not_named_in_the_scenario_is_noticed() {
    let coded = Style {
        failure: |why| {
            (200, json!({ "status": "FAILURE", "message": why, "code": "E_9" }).to_string())
        },
        ..WORDS
    };
    for style in [UUIDS, WORDS, coded] {
        let (broker, folder) = (Foreign::start(style, Bug::Nothing).await, Folder::new());
        scenario(&folder, "", "");
        let yaml = folder.read("x.yaml").replace("driver: original", "driver: detect");
        folder.write("x.yaml", &yaml);
        let ended = run(&folder, &broker.address);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_swaps_two_messages_fails_in_each_style() {
    for (style, wire) in [(UUIDS, ""), (WORDS, ""), (SWAPPED, SWAPPED_WIRE)] {
        let (broker, folder) = (Foreign::start(style, Bug::Swap(5)).await, Folder::new());
        scenario(&folder, wire, "");
        let ended = run(&folder, &broker.address);
        assert_eq!(ended.code, Some(1), "{}", ended.stderr);
        let kinds = found(&folder);
        assert!(kinds.iter().any(|(kind, _)| kind == "reordered"), "{kinds:?}: {}", ended.stderr);
    }
}

/// A style that differs in how it says that there is nothing.
fn saying(empty: fn(&str, &Value, usize) -> Said) -> Style {
    Style { empty, ..WORDS }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_to_say_that_there_is_nothing_is_learnt() {
    let ways: [fn(&str, &Value, usize) -> Said; 9] = [
        |_, _, _| (404, String::new()),
        |topic, id, _| (500, format!("<h1>nothing for {id} on {topic}</h1>")),
        |_, _, got| (500, json!({ "detail": format!("index {got} out of range") }).to_string()),
        |_, _, _| (204, String::new()),
        |_, _, got| (200, json!({ "status": "failure", "message": null, "at": got }).to_string()),
        |_, _, _| (200, json!({ "message": null }).to_string()),
        |_, _, _| (200, json!({ "status": "success", "message": "" }).to_string()),
        |topic, _, _| (200, json!({ "message": format!("Queue {topic} is empty") }).to_string()),
        |_, _, _| (200, "null".to_owned()),
    ];
    for empty in ways {
        judge(saying(empty), "", Bug::Nothing, 0, &[], "drained").await;
        judge(saying(empty), "", Bug::Lose(59), 1, &[("lost", 1)], "idle").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shape_that_was_not_learnt_is_empty_only_where_nothing_is_missing() {
    let style = saying(first_and_later);
    judge(style, "", Bug::Nothing, 0, &[], "drained").await;
    for bug in [Bug::Lose(59), Bug::Stop(59)] {
        let (broker, folder) = (Foreign::start(style, bug).await, Folder::new());
        scenario(&folder, "", "");
        let ended = run(&folder, &broker.address);
        assert_eq!(ended.code, Some(3), "{}", ended.stderr);
        assert_eq!(how(&folder), "idle", "it does not wait for the deadline");
        // Which of the two consumers is the first one differs.
        for said in [
            "had not caught up on T1 when nothing came any more: 1 delivery still missing (the first: P",
            "on T1: the last poll failed: polling T1: status 410 Gone: the queue is used up; \
             before anything was sent this broker answered `404 no such queue`; its /size is 0",
        ] {
            // The terminal breaks lines.
            let words = ended.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(words.contains(said), "{said}: {}", ended.stderr);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shape_that_nothing_explains_is_undecided_and_nothing_waits_for_the_deadline() {
    let style = Style { has_size: false, ..saying(first_and_later) };
    judge(style, "", Bug::Nothing, 3, &[], "idle").await;
    judge(style, "", Bug::Lose(59), 3, &[], "idle").await;
}

/// Says in one way that nothing came yet, and in another that all came.
fn first_and_later(_: &str, _: &Value, got: usize) -> Said {
    match got {
        0 => (404, "no such queue".to_owned()),
        _ => (410, "the queue is used up".to_owned()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_together_empty_is_learnt_for_all_topics_also_where_it_names_an_id() {
    let empty = |_: &str, id: &Value, _| (404, format!("nothing for {}.", id.as_str().unwrap()));
    let (broker, folder) = (
        Foreign::start(Style { has_size: false, ..saying(empty) }, Bug::Nothing).await,
        Folder::new(),
    );
    scenario(&folder, "", "start: together\nexpect: { acked: any }\n");
    let ended = run(&folder, &broker.address);
    assert_eq!(how(&folder), "drained", "{}", ended.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_together_empty_is_learnt_by_a_registration_of_its_own() {
    let (broker, folder) = (Foreign::start(UUIDS, Bug::Nothing).await, Folder::new());
    scenario(&folder, "", "start: together\nexpect: { acked: any }\n");
    let ended = run(&folder, &broker.address);
    // Where a consumer comes when all is over there is nothing to judge.
    assert!(ended.code == Some(0) || ended.stderr.contains("nothing was due"), "{}", ended.stderr);
    let asked = broker.asked();
    let first = |what: &str| asked.iter().position(|request| request == what).unwrap();
    assert!(first("GET /consumer/consume/") < first("POST /producer/produce/"), "{asked:?}");
    let registered = asked.iter().filter(|request| *request == "POST /consumer/register/").count();
    assert_eq!(registered, 3 + 1, "C1 on one topic, C2 on two, and the one that learns");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_an_earlier_run_is_misrouted_and_named_so() {
    let (broker, folder) = (Foreign::start(WORDS, Bug::Old).await, Folder::new());
    broker.append("T1", "P1#1:old");
    scenario(&folder, "", "");
    let ended = run(&folder, &broker.address);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert_eq!(found(&folder), [("misrouted".to_owned(), 2)], "{}", ended.stderr);
    let said = "got \"P1#1:old\" on T1, from an earlier run";
    assert!(ended.stderr.contains(said), "{}", ended.stderr);
    let judged = folder.run(&["check", "x.yaml", "--history", "h.jsonl"]);
    assert!(judged.stderr.contains(said), "the history has it too: {}", judged.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_older_is_passed_over_where_new_consumers_begin_at_the_beginning() {
    let (broker, folder) = (Foreign::start(WORDS, Bug::Old).await, Folder::new());
    for old in ["hello", "P1#1:old", "P2#7:old"] {
        broker.append("T1", old);
    }
    scenario(&folder, "wire: { new_consumers: beginning }", "");
    let ended = run(&folder, &broker.address);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let said = "x: passed over 6 messages from before this run";
    assert!(ended.stderr.contains(said), "{}", ended.stderr);
    let log = folder.read("out/x/consumer_1.txt");
    assert_eq!(log.lines().count(), 60, "nobody else sees them: {log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_cannot_be_created_is_registered_instead_and_only_then_given_up() {
    let style = Style { topic_field: "title", ..WORDS };
    judge(style, "", Bug::Nothing, 0, &[], "drained").await;

    let (broker, folder) = (Foreign::start(SWAPPED, Bug::Nothing).await, Folder::new());
    scenario(&folder, "", "");
    let ended = run(&folder, &broker.address);
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    let words = ended.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
    for said in
        ["creating topic", "registering a producer with it", "`broker: { driver: original, wire:"]
    {
        assert!(words.contains(said), "{said}: {words}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_to_a_slash_is_followed_once_a_route_and_not_needed_where_it_is_told() {
    for (wire, without) in [("", 5), ("wire: { trailing_slash: true }", 0)] {
        let (broker, folder) = (Foreign::start(UUIDS, Bug::Nothing).await, Folder::new());
        let text = format!(
            "topics:\n  T1: P1 -> C1\nproducers:\n  all: {{ generate: {{ messages: 40 }} }}\n\
             broker: {{ driver: original{} }}\ngolden: none\n",
            if wire.is_empty() { String::new() } else { format!(", {wire}") }
        );
        folder.write("x.yaml", &text);
        let ended = run(&folder, &broker.address);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let asked = broker.asked();
        let bare = asked.iter().filter(|request| !request.ends_with('/'));
        // The question that finds a broker is ours, and is not followed.
        let bare: Vec<_> = bare.filter(|request| *request != "GET /size").collect();
        assert_eq!(bare.len(), without, "{bare:?}");
        let sends = lines(&folder, "send");
        assert!(sends.len() == 40 && sends.iter().all(|sent| sent["attempts"] == 1), "{sends:?}");
        assert_eq!(asked.iter().filter(|one| *one == "POST /producer/produce/").count(), 40);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_that_crashes_goes_on_with_an_id_that_is_a_text() {
    for (style, wire) in [(UUIDS, ""), (WORDS, ""), (SWAPPED, SWAPPED_WIRE)] {
        let (broker, folder) = (Foreign::start(style, Bug::Nothing).await, Folder::new());
        let more = "faults: [{ after: 20 acked, crash: C1, for: 20ms }]\n\
                    expect: { delivery: at-most-once }\n";
        scenario(&folder, wire, more);
        let ended = run(&folder, &broker.address);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let slash = if style.redirect.is_some() { "/" } else { "" };
        let register = format!("POST /consumer/register{slash}");
        let registered = broker.asked().iter().filter(|one| **one == register).count();
        assert_eq!(registered, 3, "it goes on with the same one");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sent_before_a_subscription_may_come_where_it_begins_at_the_beginning() {
    let (broker, folder) = (Foreign::start(WORDS, Bug::Old).await, Folder::new());
    scenario(&folder, "wire: { new_consumers: beginning }", "start: together\n");
    let ended = run(&folder, &broker.address);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(folder.read("out/x/consumer_1.txt").lines().count(), 60);
}

/// The lines of the history of a kind.
fn lines(folder: &Folder, kind: &str) -> Vec<Value> {
    let history = folder.read("h.jsonl");
    let lines = history.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter_map(|line| line.get(kind).cloned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_to_another_host_is_not_followed_and_named() {
    let redirect = || async {
        let to = [(http::header::LOCATION, "http://elsewhere.example:1/topics")];
        (http::StatusCode::TEMPORARY_REDIRECT, to)
    };
    let address = serve(axum::Router::new().fallback(redirect)).await;
    let folder = Folder::new();
    scenario(&folder, "", "");
    let ended = run(&folder, &address);
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    let words = ended.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
    let said = "redirects to http://elsewhere.example:1/topics: name that one by --on, or set";
    assert!(words.contains(said), "{words}");
}

#[test]
fn our_own_broker_is_not_started_for_a_wire_that_it_does_not_speak() {
    let folder = Folder::new();
    scenario(&folder, SWAPPED_WIRE, "");
    let ended = folder.run(&["run", "x.yaml"]);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    let said = "our own broker does not speak `wire: { get: body, post: query }`: name another by \
                --on URL";
    assert!(ended.stderr.contains(said), "{}", ended.stderr);
    scenario(&folder, "wire: { topic_field: name }", "");
    folder.passes(&["run", "x.yaml"]);
}

#[test]
fn a_plan_shows_the_wire_and_what_a_tag_carries() {
    let folder = Folder::new();
    scenario(&folder, SWAPPED_WIRE, "");
    let plan = folder.passes(&["plan", "x.yaml"]).stdout;
    for line in [
        "  wire     topic_field name, get body, post query\n",
        "  tag      up to 8 characters, two of them the run's: `P4k3#17:`\n",
    ] {
        assert!(plan.contains(line), "{line}: {plan}");
    }
    let plan: Value =
        serde_json::from_str(&folder.passes(&["plan", "x.yaml", "--json"]).stdout).unwrap();
    assert_eq!(plan["broker"]["wire"]["topic_field"], "name");
    assert_eq!(plan["tag"], json!({ "longest": 6, "has_run": true }));

    let long = "topics:\n  T1: P10 -> C1\nproducers:\n  all: { generate: { messages: 1000 } }\n\
                broker: { driver: original }\n";
    folder.write("long.yaml", long);
    let plan = folder.passes(&["plan", "long.yaml"]).stdout;
    let line = "  tag      up to 9 characters, none of the run's, which would not fit: `P4#17:`\n";
    assert!(plan.contains(line), "{plan}");
}
