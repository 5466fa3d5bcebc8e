//! What the harness says about each kind of bad input, and the code that it ends with: the real
//! binary, and the broker over a real socket. `docs/errors.md` shows the same to people.

use std::fs;
use std::net::TcpListener;

use reqwest::Client;
use serde_json::{Value, json};

use crate::support::{Broker, Ended, Folder, end};

const FINE: &str =
    "topics:\n  T1: P1 -> C1\nproducers:\n  all: { generate: { messages: 5 } }\nseed: 1\n";

/// Runs `x.yaml` made of [`FINE`] with one text replaced.
fn refused(from: &str, to: &str) -> Ended {
    let folder = Folder::new();
    assert!(FINE.contains(from), "{from}");
    folder.write("x.yaml", &FINE.replace(from, to));
    folder.write("p1.txt", "21:52:23  INFO  P1-1  T1\n21:52:24  INFO  T1\n");
    let ended = folder.run(&["run", "x.yaml"]);
    assert!(!folder.join("out").exists(), "nothing was begun");
    ended
}

/// Checks the code, and that the words are said and nothing on stdout.
fn check(ended: &Ended, code: i32, words: &[&str]) {
    assert_eq!(ended.code, Some(code), "{}", ended.stderr);
    for word in words {
        assert!(ended.stderr.contains(word), "{word:?} is not in\n{}", ended.stderr);
    }
    assert_eq!(ended.stdout, "");
}

#[test]
fn a_mistyped_key_is_named_with_its_place_and_the_right_one() {
    let ended = refused("messages", "mesages");
    let words = ["unknown key `mesages`", "x.yaml:4:22", "did you mean `messages`?"];
    check(&ended, 2, &words);
}

#[test]
fn a_duplicate_key_is_named_with_both_places() {
    let ended = refused("seed: 1", "seed: 1\nseed: 2");
    check(&ended, 2, &["duplicate key `seed`", "x.yaml:6:1", "given before"]);
}

#[test]
fn an_unknown_actor_is_named() {
    let ended = refused("producers:\n", "producers:\n  P2: { pace: none }\n");
    check(&ended, 2, &["unknown producer `P2`", "x.yaml:4:3"]);
}

#[test]
fn a_missing_log_is_named() {
    let ended = refused("generate: { messages: 5 }", "log: nowhere.txt");
    check(&ended, 2, &["nowhere.txt", "no such file", "x.yaml:4:15"]);
}

#[test]
fn a_log_line_with_three_fields_is_shown_with_what_was_expected() {
    let ended = refused("generate: { messages: 5 }", "log: p1.txt");
    check(
        &ended,
        2,
        &["p1.txt:2:", "the line has 3 fields instead of 4", "such as `21:52:23  INFO  P1-1  T1`"],
    );
}

#[test]
fn a_topic_name_that_is_none_is_refused_with_the_reason() {
    check(&refused("T1", "T/1"), 2, &["T/1", "x.yaml:2:3", "'/' is not allowed"]);
    check(&refused("T1", "subl"), 2, &["subl", "x.yaml:2:3", "reserved"]);
    // Also among others, and where nothing runs.
    let folder = Folder::new();
    folder.write("all/fine.yaml", FINE);
    folder.write("all/named.yaml", &FINE.replace("T1", "publ"));
    for arguments in [["run", "all"], ["sim", "all"], ["plan", "all/named.yaml"]] {
        check(&folder.run(&arguments), 2, &["publ", "all/named.yaml:2:3", "reserved"]);
    }
}

#[test]
fn a_topic_name_with_a_hyphen_is_refused_only_for_a_broker_that_is_started() {
    let folder = Folder::new();
    folder.write("x.yaml", &FINE.replace("T1", "T-1"));
    let said = [
        "the broker that the harness starts takes no topic `T-1`",
        "x.yaml:2:3",
        "'-' is not allowed",
        "run against a broker that takes it: --on URL",
    ];
    for command in ["run", "sim", "sabotage", "shrink"] {
        check(&folder.run(&[command, "x.yaml"]), 2, &said);
    }
    folder.write("y.yaml", &format!("{}broker: {{ driver: original }}\n", folder.read("x.yaml")));
    check(&folder.run(&["run", "y.yaml"]), 2, &["takes no topic `T-1`", "y.yaml:2:3"]);
    assert!(!folder.join("out").exists(), "nothing was begun");
    let note = "x.yaml:2:3: the broker that the harness starts takes no topic `T-1`: '-' is not \
                allowed, only letters, digits, '_' and '.'";
    let plan = folder.passes(&["plan", "x.yaml"]);
    assert!(plan.stdout.ends_with(&format!("\nnote: {note}\n")), "{}", plan.stdout);
    let json = folder.passes(&["plan", "x.yaml", "--json"]).stdout;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["notes"], json!([note]));
}

#[test]
fn a_driver_that_is_none_is_refused_with_a_hint_by_every_command() {
    let folder = Folder::new();
    folder.write("x.yaml", &format!("{FINE}broker: {{ driver: orignal }}\n"));
    for command in ["run", "sim", "plan", "shrink", "sabotage"] {
        let ended = folder.run(&[command, "x.yaml"]);
        check(&ended, 2, &["unknown value `orignal`", "x.yaml:", "did you mean `original`?"]);
    }
}

#[test]
fn what_cannot_be_had_is_refused_alone_and_skipped_among_others() {
    let folder = Folder::new();
    let kill = "faults: [{ at: 0s, kill: broker, for: 1ms }]\n";
    folder.write("all/kill.yaml", &format!("{FINE}{kill}"));
    let theirs = ["--on", "http://127.0.0.1:1"];
    let ended = folder.run(&[&["run", "all"][..], &theirs].concat());
    check(&ended, 2, &["all/kill.yaml:", "`kill: broker` cannot be carried out: a broker at"]);
    folder.write(
        "all/link.yaml",
        &format!("{FINE}{}", kill.replace("kill: broker", "pause: broker")),
    );
    let ended = folder.run(&[&["run", "all"][..], &theirs].concat());
    check(
        &ended,
        4,
        &[
            "SKIP  kill on http://127.0.0.1:1  `kill: broker` cannot be carried out: a broker at a URL",
            "SKIP  link on http://127.0.0.1:1  `pause: broker` cannot be carried out: a broker at a URL",
            "every scenario was skipped",
        ],
    );
}

#[test]
fn a_broker_where_nobody_listens_is_named() {
    let folder = Folder::new();
    folder.write("x.yaml", FINE);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let ended = folder.run(&["run", "x.yaml", "--on", &nobody]);
    let said = format!("cannot reach the broker at {nobody}: connection refused; start it, or");
    check(&ended, 3, &[&said, "`harness brokers` lists them"]);
    assert!(!folder.join("golden").exists(), "a run without a verdict writes no golden");
}

#[test]
fn a_broker_address_that_is_none_is_refused() {
    let folder = Folder::new();
    folder.write("x.yaml", FINE);
    let ended = folder.run(&["run", "x.yaml", "--on", "127.0.0.1:5000"]);
    check(&ended, 2, &["did you mean \"http://127.0.0.1:5000\"?"]);
}

#[test]
fn a_port_in_use_is_named() {
    let folder = Folder::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ended = folder.run(&["broker", "--listen", &address]);
    let said = format!("cannot listen on {address} (--listen): another program does");
    check(&ended, 3, &[&said]);
}

#[test]
fn an_out_folder_that_cannot_be_written_is_named() {
    let folder = Folder::new();
    folder.write("x.yaml", FINE);
    // Below a file nothing can be made, not even by root.
    let ended = folder.run(&["run", "x.yaml", "--out", "x.yaml/out"]);
    check(&ended, 2, &["--out: the folder x.yaml/out/x cannot be made: not a directory;"]);
}

#[test]
fn a_report_that_cannot_be_written_is_named_before_anything_runs() {
    let folder = Folder::new();
    folder.write("x.yaml", FINE);
    for flag in ["--report-json", "--report-junit", "--history"] {
        let ended = folder.run(&["run", "x.yaml", flag, "x.yaml/file"]);
        check(&ended, 2, &[flag, "x.yaml/file"]);
        let logs = fs::read_dir(folder.join("out/x")).map_or(0, Iterator::count);
        assert_eq!(logs, 0, "nothing was run");
    }
}

#[test]
fn in_ci_a_missing_golden_fails_and_nothing_is_written() {
    let folder = Folder::new();
    folder.write("x.yaml", FINE);
    let mut harness = folder.harness(&["run", "x.yaml"]);
    harness.env("CI", "true");
    check(&end(harness), 1, &["golden/x.snap", "CI"]);
    assert!(!folder.join("golden").exists());
}

#[test]
fn elsewhere_a_new_golden_waits_for_review() {
    let folder = Folder::new();
    folder.write("x.yaml", FINE);
    check(&folder.run(&["run", "x.yaml"]), 1, &["golden/x.snap.new", "harness accept x"]);
    check(&folder.run(&["accept", "x"]), 0, &["accepted"]);
    check(&folder.run(&["run", "x.yaml"]), 0, &["x"]);
}

#[test]
fn an_unknown_flag_or_command_is_refused_with_a_hint() {
    let folder = Folder::new();
    folder.write("x.yaml", FINE);
    check(&folder.run(&["run", "x.yaml", "--brokr", "x"]), 2, &["'--brokr'", "'--brokers'"]);
    check(&folder.run(&["rum"]), 2, &["'rum'", "'run'"]);
    check(&folder.run(&["run", "x.yaml", "--sabotage", "loose"]), 2, &["loose", "lose"]);
    for command in ["run", "sim", "shrink"] {
        let words = ["--seed", "expected a whole number from 0 to"];
        check(&folder.run(&[command, "x.yaml", "--seed", "x"]), 2, &words);
    }
    check(
        &folder.run(&["run", "x.yaml", "--on", "memry"]),
        2,
        &["--on: no broker is called `memry`", "`memory`"],
    );
}

/// Runs a fine scenario on `x` of a `brokers.yaml` beside it.
fn refused_on(own: &str) -> Ended {
    let folder = Folder::new();
    folder.write("x.yaml", FINE);
    folder.write("brokers.yaml", &format!("brokers:\n  x: {{ {own} }}\n"));
    let ended = folder.run(&["run", "x.yaml", "--on", "x"]);
    assert!(!folder.join("out").exists(), "nothing was begun");
    ended
}

#[test]
fn what_is_wrong_with_a_brokers_yaml_is_named_with_its_place() {
    for (own, place, words) in [
        ("comand: [a]", "2:8", ["unknown key `comand`", "did you mean `command`?"]),
        ("start: auto", "2:6", ["a broker needs `driver:`", "such as `driver: nats`"]),
        ("driver: exce", "2:16", ["unknown value `exce`", "did you mean `exec`?"]),
        ("driver: exec", "2:6", ["this driver is a program", "name it by `command: "]),
        ("driver: detect, start: yes", "2:31", ["unknown value `yes`", "there are: auto"]),
        (
            "driver: detect, start: auto, url: 'http://h'",
            "2:31",
            ["`start` does nothing here", "leave one of the two out"],
        ),
        ("driver: detect, url: 'h:1'", "2:29", ["\"h:1\"", "the scheme is missing"]),
        ("driver: exec, command: [a], url: h", "2:41", ["relative URL", "without a base"]),
        ("driver: exec, command: [a], per: x", "2:41", ["unknown value `x`", "actor, run"]),
        ("driver: detect, survives: all", "2:34", ["unknown value `all`", "nothing, part, kill"]),
    ] {
        let ended = refused_on(own);
        check(&ended, 2, &words);
        let line = format!("brokers.yaml:{place}");
        assert!(ended.stderr.contains(&line), "{own}: {line} is not in\n{}", ended.stderr);
    }
}

#[test]
fn a_word_of_no_broker_and_one_of_two_files_are_refused() {
    let folder = Folder::new();
    folder.write("x.yaml", FINE);
    folder.write("brokers.yaml", "brokers: { 'a b': { driver: detect } }\n");
    check(&folder.run(&["run", "x.yaml"]), 2, &["`a b` cannot name a broker", "letters, digits"]);
    let mine = "brokers: { mine: { driver: detect } }\n";
    folder.write("brokers.yaml", mine);
    fs::create_dir(folder.join("other")).unwrap();
    folder.write("other/y.yaml", FINE);
    folder.write("other/brokers.yaml", mine);
    let ended = folder.run(&["run", "x.yaml", "other/y.yaml", "--on", "mine"]);
    check(&ended, 2, &["`mine` is in", "brokers.yaml, too"]);
    let ended = folder.run(&["run", "x.yaml", "--on", "mine", "--brokers", "none.yaml"]);
    check(&ended, 2, &["cannot read none.yaml: no such file or directory"]);
}

#[cfg(feature = "redis")]
#[test]
fn a_server_that_is_not_installed_is_skipped_among_others_or_an_error() {
    let folder = Folder::new();
    folder.write("x.yaml", &format!("{FINE}golden: none\n"));
    let run = |more: &[&str]| {
        let mut harness = folder.harness(&[&["run", "x.yaml", "--on"], more].concat());
        harness.env("HARNESS_REDIS_SERVER", folder.path());
        end(harness)
    };
    let said = "redis: no Redis server: redis-server is not in";
    check(&run(&["redis"]), 3, &[said, "apt-get install redis-server", "HARNESS_REDIS_SERVER"]);
    check(&run(&["redis,memory"]), 0, &["SKIP  redis: no Redis server", "1 passed, 1 skipped"]);
    check(&run(&["redis,memory", "--require-servers"]), 3, &[said]);
}

#[test]
fn an_empty_selection_is_neither_a_pass_nor_a_failure() {
    let folder = Folder::new();
    folder.write("x.yaml", FINE);
    fs::create_dir(folder.join("empty")).unwrap();
    let ended = folder.run(&["run", "x.yaml", "--filter", "y"]);
    check(&ended, 4, &["nothing selected", "x.yaml", "\"y\"; there are: x\n"]);
    check(&folder.run(&["run", "empty"]), 4, &["nothing selected", "empty"]);
}

#[test]
fn a_scenario_that_is_not_there_is_named_with_one_that_is() {
    let folder = Folder::new();
    folder.write("5p3c.yaml", FINE);
    let ended = folder.run(&["run", "5p3.yaml"]);
    check(&ended, 2, &["cannot read 5p3.yaml", "did you mean 5p3c.yaml?"]);
}

#[test]
fn an_insta_update_that_insta_does_not_know_is_refused() {
    let folder = Folder::new();
    folder.write("x.yaml", FINE);
    let mut harness = folder.harness(&["run", "x.yaml"]);
    harness.env("INSTA_UPDATE", "sometimes");
    check(&end(harness), 2, &["INSTA_UPDATE is `sometimes`", "always"]);
}

/// A broker over a socket with a producer of T1 and T2 each and a consumer of T1.
struct Wire {
    broker: Broker,
    client: Client,
    epoch: String,
}

impl Wire {
    async fn start() -> Self {
        let broker = Broker::start(&["--max-message", "100", "--max-batch", "3"]);
        let mut wire = Self { broker, client: Client::new(), epoch: String::new() };
        wire.post("/producer/register", json!({ "topic": "T1" })).await;
        wire.post("/producer/register", json!({ "topic": "T2" })).await;
        let (_, body) = wire.post("/consumer/register", json!({ "topic": "T1" })).await;
        wire.epoch = body["epoch"].as_str().unwrap().to_owned();
        wire
    }

    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.post_text(path, body.to_string()).await
    }

    async fn post_text(&self, path: &str, body: String) -> (u16, Value) {
        let url = format!("{}{path}", self.broker.address);
        read(self.client.post(url).body(body).send().await.unwrap()).await
    }

    async fn produce(&self, mut more: Value) -> (u16, Value) {
        for (field, value) in [("topic", json!("T1")), ("producer_id", json!(0))] {
            more.as_object_mut().unwrap().entry(field).or_insert(value);
        }
        self.post("/producer/produce", more).await
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        read(self.client.get(format!("{}{path}", self.broker.address)).send().await.unwrap()).await
    }
}

async fn read(answer: reqwest::Response) -> (u16, Value) {
    let status = answer.status().as_u16();
    (status, serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap())
}

#[tokio::test]
async fn the_broker_refuses_by_400_with_a_code_and_words() {
    let wire = Wire::start().await;
    let refused = |(status, body): (u16, Value), code: &str, message: &str| {
        assert_eq!((status, &body["status"]), (400, &json!("failure")), "{body}");
        assert_eq!((&body["code"], &body["message"]), (&json!(code), &json!(message)));
    };
    let long = wire.produce(json!({ "message": "x".repeat(101) })).await;
    refused(long, "too_large", "message: 101 bytes are over the limit of 100 bytes");
    let batch = wire.produce(json!({ "messages": ["a", "b", "c", "d"] })).await;
    refused(batch, "too_large", "messages: a batch of 4 is over the limit of 3 messages");
    let text = wire.post_text("/producer/produce", "topic=T1".to_owned()).await;
    let why = "the body is not JSON: expected ident at line 1 column 2";
    refused(text, "bad_request", why);
    let other = wire.produce(json!({ "producer_id": 1, "message": "x" })).await;
    refused(other, "not_registered", "Producer:1 is not registered with Topic:T1");
    let negative = wire.produce(json!({ "producer_id": -1, "message": "x" })).await;
    refused(negative, "unknown_producer", "Producer:-1 does not exist");
    let negative = wire.get("/consumer/consume?topic=T1&consumer_id=-1").await;
    refused(negative, "unknown_consumer", "Consumer:-1 does not exist");
    let name = wire.post("/topics", json!({ "topic_name": "T-1" })).await;
    let why = "'-' is not allowed, only letters, digits, '_' and '.'";
    refused(name, "bad_topic_name", &format!("Topic:T-1 is not a valid name: {why}"));
    let name = wire.post("/topics", json!({ "topic_name": "subl" })).await;
    refused(name, "bad_topic_name", "Topic:subl is not a valid name: the name is reserved");

    let other = wire.produce(json!({ "message": "x", "epoch": "another" })).await;
    let why = format!("epoch another is over, this is epoch {}: register again", wire.epoch);
    refused(other, "wrong_epoch", &why);
    let gap = wire.produce(json!({ "message": "x", "sequence": 5 })).await;
    assert_eq!(gap.1["expected"], 0);
    refused(gap, "sequence_gap", "sequence 5 is ahead of the next one, 0");
    let beyond = wire.get("/consumer/consume?topic=T1&consumer_id=0&max=1&offset=7").await;
    assert_eq!(beyond.1["end"], 0);
    refused(beyond, "offset_beyond", "offset 7 is beyond the end of the log, 0");

    let sent = wire.produce(json!({ "message": "x", "epoch": wire.epoch })).await;
    assert_eq!(sent.0, 200, "and what is right goes on: {}", sent.1);
}

#[test]
fn a_password_in_a_url_in_the_wrong_place_is_not_shown() {
    let folder = Folder::new();
    folder.write("x.yaml", &format!("{FINE}broker: {{ on: \"mysql://h:s3cret@x/y\" }}\n"));
    folder.write("fine.yaml", FINE);
    let url = "mysql://h:s3cret@x/y";
    let runs = [
        (vec!["run", "x.yaml"], "x.yaml:6:15"),
        (
            vec!["run", "fine.yaml", "--on", url],
            "--on: mysql://h:***@x/y: a broker is named by a word",
        ),
        (vec!["sim", "fine.yaml", "--on", url], "--on: mysql://h:***@x/y: "),
        (vec!["broker", url], "unexpected argument 'mysql://h:***@x/y'"),
        (vec!["run", url], "mysql://h:***@x/y"),
    ];
    for (place, (arguments, said)) in runs.iter().enumerate() {
        let ended = folder.run(arguments);
        check(&ended, 2, &[said]);
        assert!(!ended.stderr.contains("s3cret"), "{}", ended.stderr);
        if place < 2 {
            check(&ended, 2, &["HARNESS_MYSQL_URL"]);
        }
    }
}

#[test]
fn a_disk_that_cannot_be_hurt_is_named_with_its_line_and_the_cure() {
    let folder = Folder::new();
    let scenario = |fault: &str| {
        folder.write("x.yaml", &format!("{FINE}faults:\n  - {{ at: 1s, {fault} }}\n"));
    };
    scenario("power: storage, for: 1s");
    let said =
        ["x.yaml:7: `power: storage` cannot be carried out: memory keeps nothing on a disk; "];
    check(&folder.run(&["run", "x.yaml"]), 2, &[said[0], "add --on mysql"]);
    check(&folder.run(&["run", "x.yaml", "--on", "memory"]), 2, &[said[0], "use --on mysql"]);
    check(&folder.run(&["sim", "x.yaml"]), 2, &said);
    let theirs = ["run", "x.yaml", "--on", "http://127.0.0.1:1"];
    check(&folder.run(&theirs), 2, &["x.yaml:7: `power: storage`", "is somebody else's"]);
    // The word for it is another one.
    scenario("power: broker, for: 1s");
    check(&folder.run(&["run", "x.yaml"]), 2, &["x.yaml:7:", "`power` cannot be about `broker`"]);
}

#[test]
fn faults_that_want_two_disks_are_refused_by_every_command() {
    let folder = Folder::new();
    let line = |more: &str| format!("  - {{ at: 1s, power: storage, for: 1s{more} }}\n");
    let faults = format!("faults:\n{}{}{}", line(""), line(", keep: some"), line(", fsync: 5ms"));
    folder.write("x.yaml", &format!("{FINE}broker: {{ on: mysql }}\n{faults}"));
    let said = [
        "`power: storage, fsync: 5ms` cannot be carried out",
        "x.yaml:10:",
        "the run has one disk, and line 8 asks for another `fsync`",
    ];
    for command in [&["run"][..], &["sim"], &["plan"], &["check", "--history", "x.jsonl"]] {
        check(&folder.run(&[command, &["x.yaml"]].concat()), 2, &said);
    }
}
