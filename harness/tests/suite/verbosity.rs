//! `-q` and `-v`: how much is said of what passed and of what did not, by each command that takes them.

use crate::support::{Ended, Folder};

const FINE: &str = "topics: { T1: P1 -> C1 }
producers: { all: { generate: { messages: 50 } } }
golden: none
";

const HURT: &str = "topics: { T1: P1 -> C1 }
producers: { all: { generate: { messages: 200 }, pace: 2000/s } }
faults: [{ after: 20 acked, cut: [P1, C1], for: 10ms }]
golden: none
";

fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("s/fine.yaml", FINE);
    folder.write("s/hurt.yaml", HURT);
    folder
}

#[test]
fn quiet_is_silent_about_one_pass_and_keeps_the_sum_of_several() {
    let folder = folder();
    for command in ["run", "sim"] {
        assert_eq!(folder.passes(&[command, "s/fine.yaml", "-q"]).stderr, "", "{command}");
        let several = folder.passes(&[command, "s", "--quiet"]).stderr;
        assert_eq!(several.lines().count(), 2, "{several}");
        assert!(several.starts_with("\n2 scenarios: 2 passed  in "), "{several}");
    }
    folder.passes(&["run", "s/fine.yaml", "--history", "h.jsonl"]);
    let check = ["check", "s/fine.yaml", "--history", "h.jsonl", "-q"];
    assert_eq!(folder.passes(&check).stderr, "");
}

#[test]
fn quiet_takes_nothing_from_what_did_not_pass() {
    let folder = folder();
    let arguments = ["run", "s/fine.yaml", "--sabotage", "lose:1"];
    let Ended { code, stderr: usual, .. } = folder.run(&arguments);
    let quiet = folder.run(&[&arguments[..], &["-q"]].concat());
    assert_eq!((code, quiet.code), (Some(1), Some(1)));
    let shape = |text: &str| text.lines().map(|line| line.len().min(12)).collect::<Vec<_>>();
    assert_eq!(shape(&usual), shape(&quiet.stderr), "{usual}\n{}", quiet.stderr);
    assert!(quiet.stderr.contains("reproduce  harness run s/fine.yaml"), "{}", quiet.stderr);
}

#[test]
fn verbose_tells_of_each_fault_in_its_order_and_where_the_logs_of_a_pass_are() {
    let folder = folder();
    for (command, place) in [("run", true), ("sim", false)] {
        let said = folder.passes(&[command, "s/hurt.yaml", "-v"]).stderr;
        let mut rest = said.as_str();
        let steps = ["the broker is at 127.0.0.1:", "all are registered and subscribed"];
        let faults = ["fault begins: cut P1 C1\n", "fault over: cut P1 C1, met "];
        let end = ["the last message is sent; draining", "PASS  hurt", "logs       out/hurt"];
        let steps = steps.into_iter().skip(usize::from(!place)).chain(faults).chain(end);
        for step in steps.chain(["reproduce  harness "]) {
            let found = rest.split_once(step);
            (_, rest) = found.unwrap_or_else(|| panic!("{step:?} is not in its place in\n{said}"));
        }
        let usual = folder.passes(&[command, "s/hurt.yaml"]).stderr;
        assert!(!usual.contains("fault begins") && !usual.contains("logs  "), "{usual}");
    }
}

#[test]
fn both_at_once_are_refused() {
    let folder = folder();
    for command in ["run", "sim", "check"] {
        let ended = folder.run(&[command, "s/fine.yaml", "-qv"]);
        assert_eq!(ended.code, Some(2));
        assert!(ended.stderr.contains("cannot be used with"), "{}", ended.stderr);
    }
}
