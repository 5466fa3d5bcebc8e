//! A real cluster of three nodes. Left out with a line where Galera is not installed, unless
//! HARNESS_REQUIRE_SERVERS is 1.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "all of this is a test")]

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use private_database::{Watched, WatchedCluster, has_cluster_for_tests};

/// Of a node that has nothing.
const NO_STATE: &str = "00000000-0000-0000-0000-000000000000";

/// What a node answers to a statement, by the client that comes with the server.
fn ask(node: &Watched, statement: &str) -> String {
    let socket = node.server().socket();
    let output = Command::new("mariadb")
        .args(["--no-defaults", "--user=root", "--batch", "--skip-column-names"])
        .arg(format!("--socket={}", socket.display()))
        .args(["--execute", statement])
        .output()
        .unwrap();
    let wrote = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{statement}: {}", String::from_utf8_lossy(&output.stderr));
    wrote.trim().to_owned()
}

fn kill(node: &Watched) {
    let process = rustix::process::Pid::from_raw(node.process().unwrap()).unwrap();
    rustix::process::kill_process(process, rustix::process::Signal::KILL).unwrap();
    let folder = PathBuf::from(format!("/proc/{}", process.as_raw_nonzero()));
    while folder.join("exe").read_link().is_ok() {
        std::thread::yield_now();
    }
}

#[test]
fn what_one_node_commits_all_have_also_after_kills() {
    if !has_cluster_for_tests() {
        return;
    }
    let mut cluster = WatchedCluster::start(3).unwrap();
    let everywhere = |cluster: &WatchedCluster, expected: &str| {
        for node in cluster.nodes() {
            let read = "SET wsrep_sync_wait = 15; SELECT GROUP_CONCAT(id ORDER BY id) FROM d.t";
            assert_eq!(ask(node, read), expected);
        }
    };
    ask(&cluster.nodes()[0], "CREATE DATABASE d; CREATE TABLE d.t (id INT PRIMARY KEY)");
    ask(&cluster.nodes()[1], "INSERT INTO d.t VALUES (1)");
    everywhere(&cluster, "1");

    kill(&cluster.nodes()[2]);
    ask(&cluster.nodes()[0], "INSERT INTO d.t VALUES (2)");
    cluster.run_again(&[2]).unwrap();
    everywhere(&cluster, "1,2");

    cluster.nodes().iter().for_each(kill);
    cluster.run_again(&[0, 1, 2]).unwrap();
    everywhere(&cluster, "1,2");
    ask(&cluster.nodes()[2], "INSERT INTO d.t VALUES (3)");
    everywhere(&cluster, "1,2,3");

    // One that lost all its data gets it whole from another one, with the users in it.
    kill(&cluster.nodes()[1]);
    // It is made once the others have left that node out.
    ask(&cluster.nodes()[0], "INSERT INTO d.t VALUES (4)");
    let data = cluster.nodes()[1].server().data();
    let entries = fs::read_dir(data).unwrap().map(|entry| entry.unwrap().path());
    // The file that says what it has stays, for whom it belongs to.
    for path in entries.filter(|path| !path.ends_with("grastate.dat")) {
        if path.is_dir() {
            fs::remove_dir_all(path).unwrap();
        } else {
            fs::remove_file(path).unwrap();
        }
    }
    let state = format!("version: 2.1\nuuid: {NO_STATE}\nseqno: -1\nsafe_to_bootstrap: 0\n");
    fs::write(data.join("grastate.dat"), state).unwrap();
    cluster.run_again(&[1]).unwrap();
    everywhere(&cluster, "1,2,3,4");
    let authority = |node: &Watched| node.tcp_url().at("127.0.0.1:1".parse().unwrap());
    assert_eq!(authority(&cluster.nodes()[0]), authority(&cluster.nodes()[1]));
}
