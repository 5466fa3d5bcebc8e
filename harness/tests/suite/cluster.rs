//! Runs on a cluster of databases, by the real binary: what bad input gets, that nodes which differ are
//! found, and that nothing is left behind, however a run ends.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use private_database::has_cluster_for_tests;
use rustix::process::{Pid, Signal, kill_process};

use crate::support::{Folder, Running, end, wait_for};

const SHORT: &str = "topics:\n  T1: P1 P2 -> C1 C2\nproducers:\n  all: { generate: { messages: 20 } }\n\
                     broker: { on: mysql, count: 3, cluster: 3 }\ngolden: none\n";

/// A folder that everybody may enter: as root, nodes are not root.
fn folder() -> Folder {
    let folder = Folder::new();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    folder
}

/// So many messages of each producer, in their time.
fn paced(messages: u32) -> String {
    let slow = format!("{{ generate: {{ messages: {messages} }}, pace: 50/s }}");
    SHORT.replace("{ generate: { messages: 20 } }", &slow)
}

/// The processes that are marked as of a folder which begins so.
fn marked(folder: &Folder) -> usize {
    let mark = format!("HARNESS_FOLDER={}", folder.join("tmp").display());
    let processes = fs::read_dir("/proc").unwrap();
    let environments = processes.filter_map(|own| fs::read(own.ok()?.path().join("environ")).ok());
    environments.filter(|text| String::from_utf8_lossy(text).contains(&mark)).count()
}

fn check(scenario: &str, arguments: &[&str], code: i32, words: &[&str]) {
    let folder = Folder::new();
    folder.write("mine.yaml", scenario);
    let mut harness = folder.harness(&["run", "mine.yaml"]);
    harness.args(arguments).env_remove("HARNESS_MYSQL_URL");
    let ended = end(harness);
    assert_eq!(ended.code, Some(code), "{}", ended.stderr);
    for word in words {
        assert!(ended.stderr.contains(word), "{word:?} is not in\n{}", ended.stderr);
    }
}

#[test]
fn a_cluster_that_cannot_be_is_refused_with_its_place_and_its_cure() {
    for size in ["0", "1", "2", "4", "9", "many"] {
        let scenario = SHORT.replace("cluster: 3", &format!("cluster: {size}"));
        let title = format!("`{size}` is no number of nodes for a cluster");
        check(&scenario, &[], 2, &[&title, "mine.yaml:5:", "expected 3, 5 or 7"]);
    }
    let memory = SHORT.replace("on: mysql, count: 3", "on: memory");
    let words = ["memory has no database to be a cluster", "mine.yaml:5:", "write `on: mysql`"];
    check(&memory, &[], 2, &words);
    check(
        &memory,
        &["--on", "memory"],
        2,
        &["memory has no database to be a cluster", "--on mysql"],
    );
    check(SHORT, &["--keep-data", "kept"], 2, &["--keep-data keeps the data of one server"]);
}

#[test]
fn a_fault_of_a_node_that_is_not_there_is_refused_by_its_line() {
    let with =
        |scenario: &str, fault: &str| format!("{scenario}faults:\n  - {{ at: 1s, {fault} }}\n");
    let fault = with(SHORT, "kill: database 4, for: 1s");
    check(&fault, &[], 2, &["mine.yaml:8:", "the cluster has 3 nodes"]);
    let fault = with(SHORT, "kill: database 0, for: 1s");
    check(&fault, &[], 2, &["mine.yaml:8:", "the nodes of a cluster are `database 1`"]);
    let fault = with(SHORT, "isolate: broker, for: 1s");
    check(&fault, &[], 2, &["`isolate` cannot be about `broker`", "such as `database 2`"]);
    let alone = SHORT.replace(", cluster: 3", "");
    let fault = with(&alone, "pause: database 2, for: 1s");
    check(&fault, &[], 2, &["mine.yaml:8:", "there is one database; `cluster: 3`"]);
    let fault = with(&alone, "isolate: database, for: 1s");
    check(&fault, &[], 2, &["mine.yaml:8:", "one database has nothing to be cut from"]);
}

#[test]
fn a_server_that_is_given_is_no_cluster() {
    let folder = Folder::new();
    folder.write("mine.yaml", SHORT);
    let mut harness = folder.harness(&["run", "mine.yaml"]);
    harness.env("HARNESS_MYSQL_URL", "mysql://ann:secret@127.0.0.1:1");
    let ended = end(harness);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains("HARNESS_MYSQL_URL names one server"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("secret"), "{}", ended.stderr);
}

#[test]
fn without_galera_one_line_says_what_to_install() {
    if !has_cluster_for_tests() {
        return;
    }
    let folder = Folder::new();
    folder.write("mine.yaml", SHORT);
    let harness = || {
        let mut harness = folder.harness(&["run", "mine.yaml"]);
        harness.env_remove("HARNESS_MYSQL_URL").env("HARNESS_GALERA", folder.join("nothing"));
        harness
    };
    let ended = end(harness());
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    let said = "error: mine.yaml: it is on a cluster: no Galera: libgalera_smm.so is not in";
    assert!(ended.stderr.starts_with(said), "{}", ended.stderr);
    assert!(ended.stderr.contains("apt-get install --no-install-recommends galera-4 rsync"));
    assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);

    folder.write("other.yaml", &SHORT.replace("on: mysql, count: 3, cluster: 3", "on: memory"));
    let mut both = harness();
    both.arg("other.yaml");
    let ended = end(both);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stderr.contains("SKIP  mine  it is on a cluster: no Galera"), "{}", ended.stderr);
}

#[test]
fn a_harness_that_is_killed_leaves_no_node() {
    if !has_cluster_for_tests() {
        return;
    }
    let folder = folder();
    folder.write("long.yaml", &paced(45000));
    let mut harness = folder.harness(&["run", "long.yaml"]);
    harness.env_remove("HARNESS_MYSQL_URL");
    let running = Running::spawn(&folder, harness);
    wait_for("a consumer's log", || {
        let log = folder.join("out/long/consumer_1.txt");
        fs::metadata(&log).ok().filter(|file| file.len() > 0)
    });
    assert!(marked(&folder) >= 3, "the nodes run");
    running.signal(Signal::KILL);
    wait_for("the nodes to be gone", || (marked(&folder) == 0).then_some(()));
    wait_for("the folders to be gone", || {
        let left = fs::read_dir(folder.join("tmp")).unwrap();
        let is_node = |name: &str| name.starts_with("harness-mysql-");
        let mut left = left.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        (!left.any(|name| is_node(&name))).then_some(())
    });
}

/// The third one alone is no majority.
#[test]
fn a_node_that_waits_for_another_one_says_so() {
    if !has_cluster_for_tests() {
        return;
    }
    let folder = folder();
    let faults = "faults:\n  - { at: 1s, kill: database 1, for: 200ms }\n  \
                  - { at: 1s, kill: database 2, for: 30s }\n";
    let drain = "drain: { idle: 60s, deadline: 180s }\n";
    folder.write("waits.yaml", &format!("{}{faults}{drain}", paced(100)));
    let mut harness = folder.harness(&["run", "waits.yaml", "--verbose"]);
    harness.env_remove("HARNESS_MYSQL_URL");
    let ended = end(harness);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let said = "database 1 waits for database 2, which is away and may have what no other has";
    assert!(ended.stderr.contains(said), "{}", ended.stderr);
}

/// The processes by which the cluster was founded anew in a run with these faults, which passes.
fn founders(faults: &[&str]) -> BTreeSet<i32> {
    let folder = folder();
    let faults: String = faults.iter().map(|fault| format!("  - {{ {fault} }}\n")).collect();
    let drain = "drain: { idle: 30s, deadline: 120s }\n";
    folder.write("again.yaml", &format!("{}faults:\n{faults}{drain}", paced(100)));
    let mut harness = folder.harness(&["run", "again.yaml"]);
    harness.env_remove("HARNESS_MYSQL_URL");
    let mut running = Running::spawn(&folder, harness);
    let mut founders = BTreeSet::new();
    while !running.has_ended() {
        let founds = |line: &[String]| line.iter().any(|word| word == "--wsrep-new-cluster");
        founders.extend(running.children(founds));
        std::thread::park_timeout(Duration::from_millis(20));
    }
    let (code, words) = running.end();
    assert_eq!(code, Some(0), "{faults}{words}");
    founders
}

/// Of faults that meet, each waits for its node. After the first all nodes are founded anew by one, which
/// the second meets while the others join it.
#[test]
fn a_cluster_that_is_lost_again_before_it_is_whole_comes_back() {
    if !has_cluster_for_tests() {
        return;
    }
    let first = "at: 1s, kill: database, for: 200ms";
    let again = founders(&[first, "at: 2s, kill: database, for: 80ms"]);
    assert!(again.len() >= 2, "it was lost once: {again:?}");
    founders(&[first, "at: 1100ms, isolate: database 3, for: 500ms"]);
}

/// The end of the cut waits for a majority, which only those can found that were killed.
#[test]
fn a_node_that_is_cut_off_while_the_others_are_lost_is_let_back() {
    if !has_cluster_for_tests() {
        return;
    }
    founders(&[
        "at: 1s, isolate: database 3, for: 2s",
        "at: 2s, kill: database 1, for: 200ms",
        "at: 2s, kill: database 2, for: 200ms",
    ]);
}

/// A server that ends at each of its first six starts on data that was in use.
const FAILING: &str = r#"#!/bin/sh
case "$*" in
*--wsrep-start-position*)
  echo >>"${0%/*}/starts"
  [ "$(wc -l <"${0%/*}/starts")" -gt 6 ] || exit 1
  ;;
esac
PATH="${PATH#*:}:/usr/local/sbin:/usr/sbin" exec mariadbd "$@"
"#;

#[test]
fn a_node_that_fails_to_come_back_is_tried_for_as_long_as_it_has_time() {
    if !has_cluster_for_tests() {
        return;
    }
    let folder = folder();
    folder.write("bin/mariadbd", FAILING);
    let bin = folder.join("bin");
    fs::set_permissions(bin.join("mariadbd"), Permissions::from_mode(0o755)).unwrap();
    let faults = "faults:\n  - { at: 1s, kill: database 2, for: 100ms }\n";
    folder.write("tried.yaml", &format!("{}{faults}drain: {{ idle: 60s }}\n", paced(100)));
    let mut harness = folder.harness(&["run", "tried.yaml"]);
    let path = std::env::var("PATH").unwrap();
    harness.env_remove("HARNESS_MYSQL_URL").env("PATH", format!("{}:{path}", bin.display()));
    let ended = end(harness);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(fs::read_to_string(bin.join("starts")).unwrap().lines().count(), 7);
}

/// A run in which something is done while the third node is cut off, and that outlasts the cut. It
/// passes, and says which node was started again.
fn while_cut_off(restarted: &str, strike: impl FnOnce(&Running, &Folder)) {
    let folder = folder();
    let faults = "faults:\n  - { at: 1s, isolate: database 3, for: 12s }\n";
    let drain = "drain: { idle: 60s, deadline: 180s }\n";
    folder.write("cut.yaml", &format!("{}{faults}{drain}", paced(1000)));
    let mut harness = folder.harness(&["run", "cut.yaml", "--verbose"]);
    harness.env_remove("HARNESS_MYSQL_URL");
    let running = Running::spawn(&folder, harness);
    running.until_said("fault begins: isolate database 3");
    until_cluster_is(&socket(&folder, "node-3"), "non-Primary");
    strike(&running, &folder);
    let (code, words) = running.end();
    assert_eq!(code, Some(0), "{words}");
    let said = format!("{restarted} has left the others or ended, and is started again");
    assert!(words.contains(&said), "{words}");
}

/// The socket of the node of this name.
fn socket(folder: &Folder, node: &str) -> PathBuf {
    let name = |socket: &PathBuf| ask(socket, "SELECT @@wsrep_node_name");
    sockets(folder).find(|socket| name(socket).as_deref() == Some(node)).unwrap()
}

fn until_cluster_is(socket: &Path, status: &str) {
    wait_for(status, || {
        let words = ask(socket, "SHOW GLOBAL STATUS LIKE 'wsrep_cluster_status'")?;
        words.ends_with(status).then_some(())
    });
}

/// One that finds no agreement with the others for long leaves them; this has it leave at once.
fn leave(folder: &Folder, node: &str) {
    let socket = socket(folder, node);
    // The answer may be lost with the connection.
    ask(&socket, "SET GLOBAL wsrep_provider_options = 'gmcast.isolate=2'");
    until_cluster_is(&socket, "Disconnected");
}

#[test]
fn a_node_that_leaves_the_others_while_it_is_cut_off_is_started_again() {
    if !has_cluster_for_tests() {
        return;
    }
    while_cut_off("database 3", |_, folder| leave(folder, "node-3"));
}

/// The second one has no majority then, nor has the third when it is let back.
#[test]
fn a_node_that_leaves_the_others_while_another_one_is_cut_off_is_started_again() {
    if !has_cluster_for_tests() {
        return;
    }
    while_cut_off("database 1", |_, folder| leave(folder, "node-1"));
}

#[test]
fn a_node_that_ends_while_it_is_cut_off_is_started_again() {
    if !has_cluster_for_tests() {
        return;
    }
    while_cut_off("database 3", |running, _| {
        let is_third = |line: &[String]| line.iter().any(|word| word == "--wsrep-node-name=node-3");
        let third = running.children(is_third)[0];
        kill_process(Pid::from_raw(third).unwrap(), Signal::ABORT).unwrap();
        wait_for("the node to end", || running.children(is_third).is_empty().then_some(()));
    });
}

/// A row of one node is deleted behind the others' backs while the run goes on.
#[test]
fn nodes_that_do_not_hold_the_same_are_named() {
    if !has_cluster_for_tests() {
        return;
    }
    let folder = folder();
    folder.write("broken.yaml", &paced(150));
    let mut harness = folder.harness(&["run", "broken.yaml"]);
    harness.env_remove("HARNESS_MYSQL_URL");
    let running = Running::spawn(&folder, harness);
    let (socket, database) = wait_for("a message in a table", || {
        let socket = sockets(&folder).max()?;
        let names = ask(&socket, "SHOW DATABASES LIKE 'harness\\_broken%'")?;
        let name = names.lines().next()?.to_owned();
        let count = ask(&socket, &format!("SELECT COUNT(*) FROM `{name}`.messages"))?;
        (count.parse().unwrap_or(0) > 50).then_some((socket, name))
    });
    let broken = format!(
        "SET SESSION wsrep_on = 0; DELETE FROM `{database}`.messages ORDER BY topic, `offset` LIMIT 1"
    );
    ask(&socket, &broken).unwrap();
    let (code, words) = running.end();
    assert_eq!(code, Some(3), "{words}");
    let said = "the nodes of the cluster do not hold the same: `messages`: node 1 has";
    assert!(words.contains(said), "{words}");
    assert!(words.contains("299 rows") && words.contains("300 rows"), "{words}");
}

/// Those of the nodes.
fn sockets(folder: &Folder) -> impl Iterator<Item = PathBuf> {
    let nodes = fs::read_dir(folder.join("tmp")).into_iter().flatten();
    nodes
        .filter_map(|entry| Some(entry.ok()?.path().join("s.sock")))
        .filter(|socket| socket.exists())
}

/// What a node answers, if it does, by the client that comes with the server.
fn ask(socket: &Path, statement: &str) -> Option<String> {
    let output = Command::new("mariadb")
        .args(["--no-defaults", "--user=root", "--batch", "--skip-column-names"])
        .arg(format!("--socket={}", socket.display()))
        .args(["--execute", statement])
        .output()
        .ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
