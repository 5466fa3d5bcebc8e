//! `harness explain`: every kind of anomaly, in the words of the one message that it is about; and what
//! people are told who ask for what is not there.

use std::fs;

use crate::support::{Ended, Folder};

const SMALL: &str = "topics:\n  T1: P1 P2 P3 -> C1 C2 C3\n  T2: P1 P2 -> C1 C2\nproducers:\n  \
                     all: { generate: { messages: 40, size: 4..16 } }\ngolden: none\n";

fn small() -> Folder {
    let folder = Folder::new();
    folder.write("small.yaml", SMALL);
    folder
}

/// What is printed where it is explained.
#[track_caller]
fn explained(folder: &Folder, arguments: &[&str]) -> String {
    let ended = folder.run(&[&["explain"], arguments].concat());
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{arguments:?}");
    ended.stdout
}

/// What is said where it is not.
#[track_caller]
fn refused(folder: &Folder, arguments: &[&str], words: &str) {
    let Ended { code, stdout, stderr } = folder.run(&[&["explain"], arguments].concat());
    assert_eq!((code, stdout.as_str()), (Some(2), ""), "{arguments:?}: {stderr}");
    assert!(stderr.contains(words), "{arguments:?}: {words:?} is not in\n{stderr}");
}

/// Whether a line has all of these, in their order.
fn has_line(text: &str, parts: &[&str]) -> bool {
    text.lines().any(|line| {
        let mut rest = line;
        parts.iter().all(|part| match rest.split_once(part) {
            Some((_, after)) => {
                rest = after;
                true
            }
            None => false,
        })
    })
}

#[track_caller]
fn lines(text: &str, wanted: &[&[&str]]) {
    for parts in wanted {
        assert!(has_line(text, parts), "no line with {parts:?} in\n{text}");
    }
}

/// What each kind of sabotage is explained by: lines that do not depend on the order of events.
const KINDS: [(&str, &[&[&str]]); 10] = [
    (
        "lose",
        &[
            &["proof 1 of 1, lost: ", " never got P"],
            &["#", ", payload \"", ": lost at C"],
            &["  lost  C", " never got P", "due to C"],
            &["stored but not delivered: P", " is in the log at offset "],
            &[" polled ", "by C", " for the last time: got nothing"],
            &[" log ", "as it was read after the run: it stands at offset "],
            &[" end ", "of the run: all else that was due had come"],
        ],
    ),
    (
        "duplicate",
        &[
            &["proof 1 of 1, duplicate: C", " again"],
            &[": duplicate at C"],
            &["  duplicate  C", " got P", " again"],
            &[" got ", "by C", " at offset ", "its delivery ", " on T"],
            &[" got ", "by C", " again at offset "],
        ],
    ),
    (
        "reorder",
        &[
            &[", reordered: C", " got P", " after P", ", which is behind it"],
            &[": reordered at C"],
            &["the ack of the former was in (stamp ", "before the latter left (stamp "],
        ],
    ),
    (
        "diverge",
        &[
            &["proof 1 of 1, divergent: C"],
            &[": divergent at C"],
            &["  divergent  C", "the log has them the other way round"],
        ],
    ),
    (
        "phantom",
        &[
            &["proof 1 of 1, phantom: C", ", and nobody sent it"],
            &["C", "'s delivery ", " is a message that nobody sent: phantom at C"],
            &[" got ", "by C", "its delivery ", "payload \""],
            &["got ", "a message that nobody sent"],
        ],
    ),
    (
        "resurrect",
        &[
            &[", resurrected: C", ", and it was refused"],
            &[": resurrected at C"],
            &[" refused ", "after ", "refused on purpose"],
            &[" got ", "by C"],
        ],
    ),
    (
        "corrupt",
        &[
            &["proof 1 of 1, corrupted: C", " with another payload"],
            &["sent:      \""],
            &["delivered: \""],
            &[" got ", "by C", ", payload \""],
            &["got ", " changed"],
        ],
    ),
    (
        "misroute",
        &[
            &["proof 1 of 1, misrouted: C", " when it polled T"],
            &[": misrouted at C"],
            &["  fine ", "it came once and in order"],
            &[" on T", "  misrouted  C"],
        ],
    ),
    (
        "early",
        &[
            &["proof 1 of 1, early: C", " before it was sent"],
            &[": early at C"],
            &["  early  C", " before it was sent"],
        ],
    ),
    (
        "stale-ack",
        &[
            &["proof 1 of 1, stale ack: P", " was acked at offset "],
            &[": stale ack at P"],
            &["  fine ", "it came once and in order"],
            &[" acked ", "as offset "],
        ],
    ),
];

#[test]
fn every_kind_of_anomaly_is_explained_by_its_message() {
    let folder = Folder::new();
    // So many that two producers' requests stand beside each other in the log however fast they are.
    folder.write("small.yaml", &SMALL.replace("messages: 40", "messages: 400"));
    for (kind, wanted) in KINDS {
        let ended = folder.run(&["run", "small.yaml", "--sabotage", &format!("{kind}:1")]);
        assert_eq!(ended.code, Some(1), "{kind}: {}", ended.stderr);
        let way = "explain    harness explain --violation 1 out/small\n";
        assert!(ended.stderr.contains(way), "{kind}: {}", ended.stderr);
        let text = explained(&folder, &["--violation", "1"]);
        lines(&text, wanted);
        lines(&text, &[&["small on memory, seed 1: out/small/history.jsonl"]]);
        // The message alone says the same, and so does the delivery by its place.
        let title = text.lines().find(|line| line.contains(", payload \""));
        let Some(title) = title.filter(|title| title.starts_with('P')) else {
            assert_eq!(kind, "phantom", "{text}");
            let title = text.lines().nth(1).unwrap();
            let (who, rest) = title.split_once("'s delivery ").unwrap();
            let (number, rest) = rest.split_once(" on ").unwrap();
            let topic = rest.split(' ').next().unwrap();
            let by_place = explained(&folder, &[&format!("{who} {topic} {number}")]);
            assert!(text.ends_with(&by_place), "{by_place}\n{text}");
            // A shell takes quotes away, and people leave them out.
            assert_eq!(by_place, explained(&folder, &[who, topic, number, "out/small"]));
            continue;
        };
        let name = title.split(' ').next().unwrap();
        assert!(text.ends_with(&explained(&folder, &[name, "out/small"])), "{kind}: {text}");
        assert!(
            text.ends_with(&explained(&folder, &[name, "out/small/history.jsonl"])),
            "{kind}: {text}"
        );
    }
}

#[test]
fn a_message_is_found_by_its_place_at_a_consumer() {
    let folder = small();
    folder.passes(&["run", "small.yaml", "--history", "out/small/history.jsonl"]);
    let text = explained(&folder, &["C2 T2 3"]);
    let title = text.lines().next().unwrap();
    assert!(title.starts_with("C2's delivery 3 on T2 is P"), "{title}");
    assert!(title.ends_with(": as it should be"), "{title}");
    lines(
        &text,
        &[
            &["C1 C2  fine  it came once and in order"],
            &[" planned ", "made up; round "],
            &[" sent ", "to broker 1 as producer id ", ", sequence "],
            &[" acked ", "as offset 2, after "],
            &[" got ", "by C2 at offset 2, its delivery 3 on T2, after P", " and before P"],
        ],
    );
    let wide = explained(&folder, &["C2 T2 3", "--around", "9"]);
    let events = |text: &str| text.matches(" at ").count();
    assert!(events(&wide) > events(&text), "{wide}");
}

/// A judgement shows the first ten of a kind. What is explained does not depend on that.
#[test]
fn every_loss_is_explained_and_not_only_those_that_a_report_shows() {
    let folder = Folder::new();
    let text = "topics: { T1: P1 -> C1 C2 }\nproducers: { all: { generate: { messages: 40, size: 4..16 } } }\n\
                golden: none\n";
    folder.write("x.yaml", text);
    let ended = folder.run(&["run", "x.yaml", "--sabotage", "lose:50%", "--report-json", "r.json"]);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let reported = folder.report("r.json")["judgement"]["violations"][0].clone();
    let shown = reported["proofs"].as_array().unwrap().len() as u64;
    let mut found = 0;
    for number in 1..=40 {
        let text = explained(&folder, &[&format!("P1#{number}")]);
        let (_, sum) = text.lines().next().unwrap().rsplit_once(": ").unwrap();
        if let Some(who) = sum.strip_prefix("lost at ") {
            found += who.split(' ').count() as u64;
        }
    }
    assert_eq!(reported["count"], found, "{reported}");
    assert!(found > shown, "{reported}");
}

#[test]
fn of_many_consumers_the_first_are_told_and_the_others_counted() {
    let folder = Folder::new();
    let text = "topics: { T1: P1 -> C1..C40 }\nproducers: { all: { generate: { messages: 9, size: 4..16 } } }\n\
                golden: none\n";
    folder.write("x.yaml", text);
    let ended = folder.run(&["run", "x.yaml", "--sabotage", "resurrect:1"]);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let text = explained(&folder, &["--violation", "1"]);
    lines(
        &text,
        &[
            &[": resurrected at C1 C2 C3 C4 C5 C6 C7 C8 and 32 more"],
            &["  C24  resurrected  C24 got P1#"],
            &["  ... and 16 more answers"],
            &[" got ", "by 16 more consumers, too"],
        ],
    );
    let fine = (1..=9).map(|number| format!("P1#{number}"));
    let mut fine = fine.filter(|name| !text.contains(&format!("{name} (")));
    let text = explained(&folder, &[&fine.next().unwrap()]);
    lines(&text, &[&["  C1..C40  fine  it came once and in order"]]);
    lines(&text, &[&[" got ", "by 32 more consumers, too"]]);
}

#[test]
fn what_takes_several_attempts_and_faults_is_told_with_all_of_them() {
    let folder = Folder::new();
    folder.copy_scenario("lost-response");
    // Its golden file is not here, and nothing is asked of it.
    folder.run(&["sim", "lost-response.yaml", "--history", "h.jsonl"]);
    let history = folder.read("h.jsonl");
    let tried = history.lines().find(|line| line.contains("\"tries\":[")).unwrap();
    let line: serde_json::Value = serde_json::from_str(tried).unwrap();
    let (by, first) = (&line["send"]["by"], line["send"]["first"].as_u64().unwrap());
    let name = format!("{}#{}", by.as_str().unwrap(), first + 1);
    let text = explained(&folder, &[&name, "h.jsonl"]);
    lines(
        &text,
        &[
            &[" fault ", "`drop_ack: P1, count: 5` (P1) began"],
            &[" sent ", "to broker 1", "attempt 1 of "],
            &[" unknown ", "it may have been stored or not"],
            &[" sent ", "attempt 2 of "],
            &[&format!("{name} -> T1, attempt 2")],
            &["-- drop_ack P1 "],
        ],
    );

    // A history of an older form has none of them, and only says how many there were.
    let (before, rest) = history.split_once("\"tries\":[").unwrap();
    let (_, after) = rest.split_once("],\"outcome\"").unwrap();
    folder.write("old.jsonl", &format!("{before}\"outcome\"{after}"));
    let old = explained(&folder, &[&name, "old.jsonl"]);
    lines(&old, &[&[" sent ", " attempts that the history does not tell apart"]]);
    assert!(!old.contains("attempt 1 of "), "{old}");
}

#[test]
fn what_was_sent_before_a_subscription_is_not_due_and_says_why() {
    let folder = Folder::new();
    folder.write(
        "late.yaml",
        "topics: { T1: P1 -> C1 }\nstart: together\nproducers:\n  all: { generate: { messages: 300, size: 4..4 }, pace: 2000/s }\n\
         golden: none\nfaults:\n  - { at: 0s, slow: C1, latency: 50ms, for: 100ms }\n",
    );
    let ended = folder.run(&["sim", "late.yaml", "--history", "h.jsonl"]);
    assert!(ended.code == Some(0) || ended.code == Some(3), "{}", ended.stderr);
    let text = explained(&folder, &["P1#1", "h.jsonl"]);
    lines(
        &text,
        &[
            &["P1#1 (T1 number 1, generated), payload ", ": as it should be"],
            &[
                "C1  not due  it stands at offset 0, and the subscription, which was on its way, starts at ",
            ],
            &[" subscribed ", "by C1 to T1 from offset "],
            &["has T1 from "],
        ],
    );
}

#[test]
fn the_last_run_that_did_not_pass_is_explained_unless_another_is_named() {
    let folder = small();
    folder.copy_scenario("2p2c");
    let link = || fs::read_link(folder.join("out/latest")).unwrap();
    folder.run(&["run", "2p2c.yaml", "small.yaml", "--sabotage", "lose:1"]);
    assert_eq!(link().to_str(), Some("small"));
    lines(&explained(&folder, &["--violation", "1"]), &[&["small on memory"]]);
    lines(&explained(&folder, &["--violation", "1", "out/2p2c"]), &[&["2p2c on memory"]]);

    folder.run(&["run", "2p2c.yaml", "small.yaml", "--sabotage", "lose:1", "--repeat", "2"]);
    assert_eq!(link().to_str(), Some("small/run-2"));
    lines(&explained(&folder, &["--violation", "1"]), &[&["out/small/run-2/history.jsonl"]]);

    // One that passes has no history, unless it is asked for.
    folder.passes(&["sim", "small.yaml", "--seed", "7"]);
    let way = "harness sim small.yaml --seed 7 --history out/small/history.jsonl";
    refused(&folder, &["P1#1"], way);
    folder.passes(&["sim", "small.yaml", "--seed", "7", "--history", "out/small/history.jsonl"]);
    lines(&explained(&folder, &["P1#1"]), &[&["small on memory, seed 7"]]);
    // The folder says where the scenario is, wherever it is looked at from.
    let elsewhere = Folder::new();
    let run = folder.join("out/small");
    lines(&explained(&elsewhere, &["P1#1", run.to_str().unwrap()]), &[&["seed 7"]]);
}

#[test]
fn what_is_not_there_is_said_with_what_is() {
    let folder = small();
    refused(&folder, &["P1#1"], "out/latest: there is none; `harness run`");
    refused(&folder, &[], "say what to explain: `harness explain P4#17`, or --violation 1");
    folder.run(&["run", "small.yaml", "--sabotage", "lose:1"]);
    refused(&folder, &["P1#41"], "there is no P1#41: the last of P1 is P1#40");
    refused(&folder, &["P9#1"], "there is no P9#1: the producers are P1..P3");
    refused(&folder, &["p1#1"], "`p1#1` is no message; did you mean `P1#1`?");
    refused(&folder, &["C1", "T1"], "neither a message nor a delivery");
    refused(&folder, &["C1 7"], "`C1 7` lacks a topic: write \"C1 T1 7\"");
    refused(&folder, &["C1 T9 7"], "there is no topic T9: the topics are T1 T2");
    refused(&folder, &["C1 T1 999"], "deliveries on T1: there is no number 999");
    refused(&folder, &["--violation", "2"], "--violation 2: this run has 1 proof\n");
    refused(&folder, &["--violation", "0"], "--violation 0: this run has 1 proof\n");
    refused(
        &folder,
        &["P1#1", "out"],
        "out: this is no folder of a run; name one: out/latest, out/small",
    );
    refused(&folder, &["P1#1", "nothing"], "nothing: there is none");
    refused(&folder, &["P1#1", "out/small", "more"], "`more` is one word too many");
    refused(
        &folder,
        &["P1#1", "small.yaml"],
        "this is no history: its first line names no scenario",
    );

    // Another scenario than that of the run is noticed.
    folder.write("other.yaml", &SMALL.replace("40", "50"));
    let other = "the scenario is other.yaml, and --scenario FILE names another";
    refused(&folder, &["P1#1", "--scenario", "other.yaml"], other);
    fs::copy(folder.join("out/small/history.jsonl"), folder.join("h.jsonl")).unwrap();
    fs::remove_file(folder.join("small.yaml")).unwrap();
    folder.write("moved.yaml", &format!("name: small\n{SMALL}"));
    let lost =
        "this is a history of small, whose scenario is not found; name it with --scenario FILE";
    refused(&folder, &["P1#1", "h.jsonl"], lost);
    lines(
        &explained(&folder, &["P1#1", "h.jsonl", "--scenario", "moved.yaml"]),
        &[&["small on memory, seed 1: h.jsonl"]],
    );

    // Logs alone do not say when.
    folder.write("logs/consumer_1.txt", "T1     x\n");
    refused(&folder, &["P1#1", "logs"], "harness check SCENARIO --logs logs");
}
