//! Where a lost message got lost, shown by runs that are broken on purpose in just that way: by a broker
//! that forgets, by one that hands out too little, by one whose memory is gone, and by a log that was
//! cut.

use serde_json::{Value, json};

use crate::support::{Broker, Ended, Folder, shipped};

/// The only finding of a report: of lost messages.
fn lost(folder: &Folder, of: &str) -> Value {
    let report = folder.report("report.json");
    let found = report["judgement"][of].as_array().unwrap().clone();
    let lost = found.into_iter().find(|found| found["kind"] == "lost");
    lost.unwrap_or_else(|| panic!("nothing lost: {report:#}"))
}

fn blame(not_kept: u64, not_delivered: u64, log_gone: u64) -> Value {
    json!({
        "never_stored": 0,
        "not_kept": not_kept,
        "not_delivered": not_delivered,
        "log_gone": log_gone,
        "unread": 0,
    })
}

/// What `harness check` says of the history of a run, but for the line with the verdict.
fn again(folder: &Folder, scenario: &str) -> Ended {
    folder.run(&["check", scenario, "--history", "history.jsonl"])
}

const REPORTS: [&str; 6] =
    ["--history", "history.jsonl", "--report-json", "report.json", "--report-junit", "report.xml"];

#[test]
fn a_real_broker_that_withholds_a_message_stored_it_and_did_not_deliver_it() {
    let folder = Folder::new();
    folder.copy_scenario("2p2c");
    let arguments = [&["run", "2p2c.yaml", "--sabotage", "lose:2"], &REPORTS[..]].concat();
    let ended = folder.run(&arguments);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let lost = lost(&folder, "violations");
    assert_eq!(lost["blame"], blame(0, 2, 0), "{lost:#}");
    for proof in lost["proofs"].as_array().unwrap() {
        assert_eq!(proof["blame"], blame(0, 1, 0), "{proof:#}");
        let first = proof["evidence"][0].as_str().unwrap();
        assert!(first.starts_with("stored but not delivered: P"), "{first}");
        assert!(first.contains(" is in the log at offset "), "{first}");
        assert!(ended.stderr.contains(first) && folder.read("report.xml").contains(first));
        assert!(again(&folder, "2p2c.yaml").stderr.contains(first));
    }
    assert!(ended.stderr.contains("blame: 2 stored but not delivered"), "{}", ended.stderr);
    assert!(folder.read("report.xml").contains("blame: 2 stored but not delivered"));
}

#[test]
fn a_simulated_broker_that_acknowledges_before_it_stores_did_not_keep_what_a_crash_took() {
    let folder = Folder::new();
    let file = shipped().join("bugs/crashes.yaml");
    let file = file.to_str().unwrap();
    let bug = ["sim", file, "--seed", "1", "--bug", "ack-before-store"];
    let ended = folder.run(&[&bug, &REPORTS[..]].concat());
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let lost = lost(&folder, "violations");
    assert_eq!(lost["blame"], blame(lost["count"].as_u64().unwrap(), 0, 0), "{lost:#}");
    let first = lost["proofs"][0]["evidence"][0].as_str().unwrap();
    let said = first.starts_with("not kept: P")
        && first.contains(" acked, and after a fault had ended the broker ");
    assert!(said, "{first}");
    assert!(again(&folder, file).stderr.contains(first));
}

#[test]
fn a_simulated_broker_whose_position_runs_ahead_stored_what_it_did_not_deliver() {
    let folder = Folder::new();
    let file = shipped().join("bugs/lost-answers.yaml");
    let file = file.to_str().unwrap();
    let bug = ["sim", file, "--seed", "1", "--bug", "eager-position"];
    let ended = folder.run(&[&bug, &REPORTS[..]].concat());
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let lost = lost(&folder, "violations");
    assert_eq!(lost["blame"], blame(0, lost["count"].as_u64().unwrap(), 0), "{lost:#}");
}

#[test]
fn of_a_broker_in_memory_only_the_log_since_its_restart_is_there() {
    for command in ["run", "sim"] {
        let folder = Folder::new();
        folder.copy_scenario("broker-restart-memory");
        let file = "broker-restart-memory.yaml";
        let ended = folder.run(&[&[command, file], &REPORTS[..]].concat());
        let lost = lost(&folder, "allowed");
        let of = |key: &str| lost["blame"][key].as_u64().unwrap();
        assert!(of("log_gone") > 0, "{lost:#}");
        assert_eq!(of("log_gone") + of("not_delivered"), lost["count"], "{lost:#}");
        assert!(ended.stderr.contains(" in a log that is gone"), "{}", ended.stderr);
        let shown = |text: &str| {
            let line = text.lines().find(|line| line.contains("blame: "));
            line.map(str::to_owned)
        };
        assert_eq!(shown(&ended.stderr), shown(&again(&folder, file).stderr));
    }
}

#[test]
fn clients_as_the_originals_are_audited_too() {
    let folder = Folder::new();
    folder.copy_scenario("original-clients");
    folder.run(&[&["sim", "original-clients.yaml"], &REPORTS[..]].concat());
    let lost = lost(&folder, "allowed");
    // The store kept all: what is missing was in answers that did not arrive.
    assert_eq!(lost["blame"], blame(0, lost["count"].as_u64().unwrap(), 0), "{lost:#}");
}

#[test]
fn a_log_that_was_cut_lacks_what_was_delivered() {
    let folder = Folder::new();
    folder.copy_scenario("2p2c");
    let arguments = ["run", "2p2c.yaml", "--history", "history.jsonl"];
    let ran = folder.run(&arguments);
    assert!(ran.stderr.contains("all checks passed") || ran.code == Some(0), "{ran:?}");
    let judge = || {
        let both = ["check", "2p2c.yaml", "--history", "history.jsonl", "--logs", "out/2p2c"];
        folder.run(&both)
    };
    assert_eq!(judge().code, Some(0));

    let log = folder.read("out/2p2c/consumer_2.txt");
    let kept: Vec<&str> =
        log.lines().enumerate().filter(|(n, _)| *n != 3).map(|(_, l)| l).collect();
    folder.write("out/2p2c/consumer_2.txt", &format!("{}\n", kept.join("\n")));
    let judged = judge();
    assert_eq!(judged.code, Some(3), "{judged:?}");
    let payload = log.lines().nth(3).unwrap().split_whitespace().nth(1).unwrap();
    let name = payload.replace("_MSG", "#");
    let words = format!(
        "delivered but not logged: 1 message that C2 was handed is not in its log: {name} \
         (out/2p2c/consumer_2.txt)"
    );
    assert!(judged.stderr.contains(&words), "{}", judged.stderr);
}

#[test]
fn a_broker_of_somebody_else_is_audited_where_it_can_be_and_judged_either_way() {
    let folder = Folder::new();
    folder.copy_scenario("2p2c");
    for (audit, more) in [(None, &[][..]), (Some(blame(0, 2, 0)), &["--audit"])] {
        let broker = Broker::start(more);
        let run = ["run", "2p2c.yaml", "--on", &broker.address, "--sabotage", "lose:2"];
        let ended = folder.run(&[&run, &REPORTS[..]].concat());
        assert_eq!(ended.code, Some(1), "{ended:?}");
        let lost = lost(&folder, "violations");
        assert_eq!((lost["count"].as_u64(), lost.get("blame")), (Some(2), audit.as_ref()));
        assert!(!ended.stderr.contains("unknown"), "no doubt comes of it: {}", ended.stderr);
    }
}
