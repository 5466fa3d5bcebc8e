//! A broker that keeps the latest messages only, and a consumer that comes when others are deleted.

use std::fs;

use crate::support::{Broker, Folder};

const SCENARIO: &str = "
topics: { T1: { producers: [P1], consumers: [C1, C2] } }
producers: { P1: { generate: { messages: 400 } } }
consumers: { C1: {}, C2: { poll_after: 400 acked } }
golden: none
";

#[test]
fn what_a_broker_deletes_by_its_retention_is_said_and_not_lost() {
    let folder = Folder::new();
    fs::write(folder.path().join("late.yaml"), SCENARIO).unwrap();
    let broker = Broker::start(&["--retain", "4kB"]);
    let ended =
        folder.run(&["run", "late.yaml", "--on", &broker.address, "--history", "history.jsonl"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let line = ended.stderr.lines().find(|line| line.contains("of T1 before C2 had them"));
    let line = line.unwrap_or_else(|| panic!("it is not said: {}", ended.stderr));
    let (_, rest) = line.split_once("retention deleted ").unwrap();
    let deleted: u64 = rest.split(' ').next().unwrap().parse().unwrap();
    assert!((200..400).contains(&deleted), "{line}");
    let history = folder.read("history.jsonl");
    assert!(history.contains("\"answer\":{\"deleted\":[0,"), "{history}");
    let again = folder.run(&["check", "late.yaml", "--history", "history.jsonl"]);
    assert_eq!(again.code, Some(0), "{again:?}");
    // Without that answer they would be missing.
    let lines = history.lines().filter(|line| !line.contains("\"deleted\""));
    let cut: Vec<String> = lines.map(str::to_owned).collect();
    let polls = |text: &str| text.matches("\"poll\":").count();
    let (before, after) = (polls(&history), polls(&cut.join("\n")));
    let counted = |count: usize| format!("\"polls\":{count}");
    let cut = cut.join("\n").replace(&counted(before), &counted(after));
    fs::write(folder.path().join("cut.jsonl"), cut + "\n").unwrap();
    let ended = folder.run(&["check", "late.yaml", "--history", "cut.jsonl"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
}
