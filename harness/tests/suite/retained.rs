//! A broker that keeps messages for a time or up to a size, real or simulated, and a consumer that comes
//! when some are deleted.

use std::fs;

use private_database::{Options, WITHOUT, Watched};

use crate::support::{Broker, Folder};

/// C2 comes after 4 s.
const PACED: &str = "
topics: { T1: { producers: [P1], consumers: [C1, C2] } }
producers: { P1: { generate: { messages: 400 }, pace: 100/s } }
consumers: { C1: {}, C2: { poll_after: 400 acked } }
expect: { kept: 1s }
golden: none
";

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
    assert!((200..400).contains(&deleted(&ended.stderr)), "{}", ended.stderr);
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

#[test]
fn what_a_broker_on_a_database_deletes_is_not_lost_either() {
    if std::env::var(WITHOUT).is_ok_and(|value| value == "1") {
        return;
    }
    let server = Watched::start(Options::default()).unwrap_or_else(|error| panic!("{error}"));
    let folder = Folder::new();
    // Some of it is old when the consumer comes: a time is kept to a second there.
    let slow = PACED.replace("pace: 100/s", "pace: 14/s").replace("400", "100");
    folder.write("long.yaml", &slow);
    let store = server.url().of_database("retained");
    let broker = Broker::start(&["--store", &store, "--retain", "1s"]);
    let ended = folder.run(&["run", "long.yaml", "--on", &broker.address]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!((10..100).contains(&deleted(&ended.stderr)), "{}", ended.stderr);
    assert!(ended.stderr.contains("kept ") && ended.stderr.contains("(at least 1s)"));
}

/// How many messages a run says that retention deleted before C2 had them.
fn deleted(said: &str) -> u64 {
    let line = said.lines().find(|line| line.contains("of T1 before C2 had them"));
    let line = line.unwrap_or_else(|| panic!("it is not said: {said}"));
    let (_, rest) = line.split_once("retention deleted ").unwrap();
    rest.split(' ').next().unwrap().parse().unwrap()
}

#[test]
fn a_simulated_broker_deletes_what_is_old_and_one_that_deletes_too_soon_is_found() {
    let folder = Folder::new();
    folder.write("paced.yaml", PACED);
    for on in ["memory", "mysql"] {
        let run = |more: &[&str]| folder.run(&[&["sim", "paced.yaml", "--on", on], more].concat());
        let ended = run(&["--retain", "1s", "--history", "h.jsonl"]);
        assert_eq!(ended.code, Some(0), "{on}: {ended:?}");
        // All but those of the last second, of an eighth of it, and until the next look.
        assert!((200..330).contains(&deleted(&ended.stderr)), "{on}: {}", ended.stderr);
        let again = folder.run(&["check", "paced.yaml", "--history", "h.jsonl"]);
        assert_eq!(again.code, Some(0), "{on}: {again:?}");

        let ended = run(&["--retain", "200ms"]);
        assert_eq!(ended.code, Some(1), "{on}: {ended:?}");
        let said = "a threshold was missed: kept ";
        assert!(ended.stderr.contains(said), "{on}: {}", ended.stderr);
        assert!(ended.stderr.contains("--seed 1 --on"), "{on}: {}", ended.stderr);
        assert!(ended.stderr.contains("--retain 200ms"), "{on}: {}", ended.stderr);

        // Whatever is not deleted, nothing is said of how long it was kept.
        for more in [&["--retain", "1h"][..], &[]] {
            let ended = run(more);
            assert_eq!(ended.code, Some(3), "{on}: {ended:?}");
            let said = "kept (at least 1s): no consumer missed anything by it";
            assert!(ended.stderr.contains(said), "{on}: {}", ended.stderr);
        }
    }
}

#[test]
fn no_golden_is_compared_where_messages_are_deleted() {
    let folder = Folder::new();
    folder.write("paced.yaml", &PACED.replace("golden: none\n", ""));
    let ended = folder.run(&["sim", "paced.yaml", "--retain", "1s"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stderr.contains("no golden was compared: with --retain"), "{}", ended.stderr);
    assert!(!folder.path().join("golden").exists(), "nothing is proposed");
    // And none is said to be missing where there is none to compare.
    folder.write("paced.yaml", PACED);
    let ended = folder.run(&["sim", "paced.yaml", "--retain", "1s"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!ended.stderr.contains("no golden was compared"), "{}", ended.stderr);
}

#[test]
fn an_age_that_is_none_is_refused() {
    let folder = Folder::new();
    folder.write("paced.yaml", PACED);
    for (flags, words) in [
        (&["--retain", "0s"][..], "`0s` is too short"),
        (&["--retain", "4kB"], "`4kB` is not a time"),
        (&["--retain", "1s", "--bug", "none"], "cannot be used with"),
    ] {
        let ended = folder.run(&[&["sim", "paced.yaml"], flags].concat());
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.contains(words), "{}", ended.stderr);
    }
    folder.write("wrong.yaml", &PACED.replace("kept: 1s", "kept: 0"));
    let ended = folder.run(&["sim", "wrong.yaml"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("`0` is too short"), "{}", ended.stderr);
    assert!(ended.stderr.contains("wrong.yaml:5:17"), "{}", ended.stderr);
}
