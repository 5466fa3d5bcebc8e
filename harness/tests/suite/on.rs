//! What `--on` and a `brokers.yaml` say: secrets, paths, keys that do nothing, and needs.

use std::fs;

use private_database::WITHOUT;

use crate::support::{Ended, Folder, end, shipped};

const FINE: &str = "topics:\n  T1: P1 -> C1\nproducers:\n  all: { generate: { messages: 50 } }\n\
                    golden: none\nseed: 1\n";

/// A folder with a scenario, and with a driver and a `brokers.yaml` beside it.
fn folder(scenario: &str, brokers: &str) -> Folder {
    let folder = Folder::new();
    folder.write("all/fine.yaml", scenario);
    folder.write("all/brokers.yaml", &format!("brokers:\n{brokers}"));
    let list = shipped().parent().unwrap().join("examples/drivers/list.py");
    folder.write("all/list.py", &fs::read_to_string(list).unwrap());
    folder
}

fn is_secret(folder: &Folder, ended: &Ended, files: &[&str]) {
    let read = files.iter().map(|file| folder.read(file));
    for text in read.chain([ended.stdout.clone(), ended.stderr.clone()]) {
        assert!(!text.contains("topsecret"), "{text}");
    }
}

#[test]
fn a_program_beside_its_file_is_found_and_the_password_of_its_url_is_nowhere() {
    let own = "  mine: { driver: exec, command: [python3, list.py], \
               url: \"redis://joe:topsecret@127.0.0.1:1\" }\n";
    let folder = folder(FINE, own);
    let reports = ["--report-json", "r.json", "--report-junit", "r.xml", "--report-md", "r.md"];
    let run = [&["run", "all", "--on", "mine,memory", "--history", "h"], &reports[..]].concat();
    let ended = folder.passes(&run);
    is_secret(&folder, &ended, &["r.json", "r.xml", "r.md", "h/mine/fine.jsonl"]);
    assert!(folder.read("r.json").contains("redis://joe:***@127.0.0.1:1"));
    for more in [&["mine"][..], &["mine", "--json"], &["--json"], &[]] {
        let brokers = [&["brokers", "--brokers", "all/brokers.yaml"], more].concat();
        let ended = folder.passes(&brokers);
        is_secret(&folder, &ended, &[]);
        assert!(ended.stdout.contains("redis://joe:***@127.0.0.1:1") || more == ["--json"]);
    }
}

#[test]
fn the_password_in_a_command_is_not_in_the_line_that_repeats_the_run() {
    let folder = folder(FINE, "  other: { driver: detect }\n");
    let command = "exec: python3 all/list.py 'redis://joe:topsecret@127.0.0.1:1'";
    let run = ["run", "all", "--on", command, "--sabotage", "lose:2", "--report-json", "r.json"];
    let ended = folder.run(&run);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    is_secret(&folder, &ended, &["r.json"]);
    assert!(ended.stderr.contains("redis://joe:***@127.0.0.1:1"), "{}", ended.stderr);
}

#[test]
fn what_a_program_does_not_declare_it_does_not_have() {
    let needs = format!("broker: {{ needs: [offsets, survives-kill] }}\n{FINE}");
    let own = "  mine: { driver: exec, command: [python3, list.py] }\n  \
               kept: { driver: exec, command: [python3, list.py], survives: kill }\n";
    let folder = folder(&needs, own);
    let ended = folder.run(&["run", "all", "--on", "mine"]);
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    let why = "it needs `survives-kill`, which mine does not have";
    assert!(ended.stderr.contains(why), "{}", ended.stderr);
    folder.passes(&["run", "all", "--on", "kept"]);
    // The same where the scenario itself names it.
    folder.write("all/fine.yaml", &needs.replace("needs:", "on: mine, needs:"));
    let ended = folder.run(&["run", "all"]);
    assert!(ended.stderr.contains(why), "{}", ended.stderr);
}

#[test]
fn a_key_that_would_do_nothing_is_refused_with_its_place() {
    let cases = [
        ("driver: detect, per: run", "`per` does nothing here", "it is for `driver: exec`"),
        (
            "driver: exec, command: [x], server: redis",
            "`server` does",
            "a program starts no server by a word; say its `command`",
        ),
        ("driver: exec, command: [x], config: { a: b }", "`config` does", "told everything by its"),
        ("driver: exec, command: [x], start: auto", "`start` does", "a program starts no server"),
        (
            "driver: detect, server: { command: [x] }",
            "`server` does",
            "a server of one's own is for `driver: exec`",
        ),
        (
            "driver: exec, command: [x], url: \"x://h:1\", server: { command: [x] }",
            "`server` does",
            "runs already, as it is",
        ),
        ("driver: detect, url: \"http://h:1\", config: { a: b }", "`config` does", "as it is"),
        ("driver: detect, url: \"http://h:1\", start: auto", "`start` does", "runs already"),
        ("driver: detect, config: { a: b }", "in memory takes no `config`", "say `server: mysql`"),
        (
            "driver: detect, server: mysql, config: { innodb_doublewrite: 0, datadir: /x }",
            "`datadir` cannot be set: the harness says where the server's files are",
            "leave it out",
        ),
    ];
    for (keys, title, label) in cases {
        let folder = folder(FINE, &format!("  mine: {{ {keys} }}\n"));
        let ended = folder.run(&["run", "all", "--on", "memory"]);
        assert_eq!(ended.code, Some(2), "{keys}: {}", ended.stderr);
        for part in [title, label, "brokers.yaml:2:"] {
            assert!(ended.stderr.contains(part), "{keys}: {}", ended.stderr);
        }
    }
}

#[test]
fn a_key_of_a_scenario_that_would_do_nothing_is_refused_with_its_place() {
    let cases = [
        ("command: [x]", "`command` does nothing here", "it is for `driver: exec`"),
        ("server: { command: [x] }", "`server` does nothing here", "it is for `driver: exec`"),
        ("driver: exec, server: { command: [x] }", "`server` does", "`command: [./driver]`"),
        ("driver: exec, command: []", "this driver is a program", "`[python3, mine.py]`"),
        ("driver: exec, command: [x], on: nats", "`on` does", "leave one of the two out"),
        ("driver: exec, command: [x], config: { a: b }", "`config` does", "by its command"),
        ("on: mine, config: { a: b }", "`config` does nothing here: a program's", "in its command"),
        ("config: { a: b }", "`config` does nothing here: our own broker in memory", "`on: mysql`"),
        ("on: mysql, config: { port: 1 }", "`port` cannot be set", "leave it out"),
        ("survives: much", "`much` is not possible here", "kill, power-cut"),
    ];
    let own = "  mine: { driver: exec, command: [python3, list.py] }\n";
    for (keys, title, label) in cases {
        let folder = folder(&format!("{FINE}broker: {{ {keys} }}\n"), own);
        let ended = folder.run(&["run", "all"]);
        assert_eq!(ended.code, Some(2), "{keys}: {}", ended.stderr);
        for part in [title, label, "fine.yaml:7:"] {
            assert!(ended.stderr.contains(part), "{keys}: {}", ended.stderr);
        }
    }
}

#[test]
fn a_configuration_is_for_a_private_database_server_alone() {
    let scenario = format!("{FINE}broker: {{ on: mysql, config: {{ innodb_doublewrite: 0 }} }}\n");
    let folder = folder(&scenario, "  fast: { driver: detect, server: mysql, config: { a: 1 } }\n");
    for arguments in [&["run", "all"][..], &["run", "all", "--on", "fast"]] {
        let mut harness = folder.harness(arguments);
        harness.env("HARNESS_MYSQL_URL", "mysql://joe:topsecret@127.0.0.1:1");
        let ended = end(harness);
        assert_eq!(ended.code, Some(2), "{}", ended.stderr);
        let why = "its `config` is for a private database server: HARNESS_MYSQL_URL names a server";
        assert!(ended.stderr.contains(why), "{}", ended.stderr);
    }
    let ended = folder.run(&["sim", "all"]);
    assert!(ended.stderr.contains("a simulation has no database server"), "{}", ended.stderr);
}

#[test]
fn the_private_database_server_is_told_its_configuration() {
    if std::env::var(WITHOUT).is_ok_and(|value| value == "1") {
        return;
    }
    let scenario =
        format!("{FINE}broker: {{ on: mysql, config: {{ innodb_flush_log_at_trx_commit: 2 }} }}\n");
    let nonsense = "  odd: { driver: detect, server: mysql, config: { innodb_nonsense: 2 } }\n";
    let folder = folder(&scenario, nonsense);
    folder.passes(&["run", "all", "--report-json", "r.json"]);
    assert!(folder.read("r.json").contains("\"innodb_flush_log_at_trx_commit\": \"2\""));
    let ended = folder.run(&["run", "all", "--on", "odd"]);
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    assert!(ended.stderr.contains("unknown variable 'innodb-nonsense=2'"), "{}", ended.stderr);
    let ended = folder.passes(&["brokers", "--brokers", "all/brokers.yaml", "odd"]);
    assert!(ended.stdout.contains("innodb_nonsense = 2"), "{}", ended.stdout);
}

#[test]
fn a_word_of_the_users_own_may_be_that_of_a_store_and_mean_another_broker() {
    let own = "  mysql: { driver: exec, command: [python3, list.py] }\n";
    let folder = folder(FINE, own);
    let mut harness = folder.harness(&["run", "all", "--on", "mysql"]);
    // No database is looked for.
    harness.env("HARNESS_MYSQL_BIN", folder.join("nowhere"));
    let ended = end(harness);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stderr.contains("PASS  fine"), "{}", ended.stderr);
}
