//! Runs on MySQL, by the real binary: where the server comes from, and that a run leaves neither
//! databases nor processes nor passwords behind, however it ends.

use std::fs;
use std::net::TcpListener;
use std::process::Command;
use std::sync::OnceLock;

use private_database::{Options, WITHOUT, Watched};
use rustix::process::{Pid, Signal, kill_process};

use crate::support::{Ended, Folder, Running, end, state, wait_for};

/// A moment's work for one broker.
const SHORT: &str = "topics:\n  T1: P1 P2 -> C1 C2\nproducers:\n  all: { generate: { messages: 20 } }\n\
                     broker: { on: mysql }\ngolden: none\n";

/// Takes a quarter of an hour if it is let.
const LONG: &str = "topics:\n  T1: P1 P2 P3 -> C1 C2 C3\nproducers:\n  all:\n    \
                    generate: { messages: 45000 }\n    pace: 50/s\n\
                    broker: { on: mysql, count: 3, spread: true }\ngolden: none\n";

/// A server whose databases can be seen as folders; none where tests on MySQL are left out.
fn server() -> Option<&'static Watched> {
    static SERVER: OnceLock<Watched> = OnceLock::new();
    let left_out = std::env::var(WITHOUT).is_ok_and(|value| value == "1");
    (!left_out).then(|| {
        SERVER.get_or_init(|| {
            Watched::start(Options::default()).unwrap_or_else(|error| panic!("{error}"))
        })
    })
}

/// The databases of a scenario's runs.
fn databases(server: &Watched, scenario: &str) -> Vec<String> {
    let names = fs::read_dir(server.server().data()).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with(&format!("harness_{scenario}_"))).collect()
}

/// The harness on the server that is seen through.
fn on_server(folder: &Folder, server: &Watched, arguments: &[&str]) -> Command {
    let mut command = folder.harness(arguments);
    command.env("HARNESS_MYSQL_URL", server.tcp_url().of_database("ignored"));
    command
}

fn password(server: &Watched) -> String {
    let url = server.url().of_database("x");
    url.split_once(':').unwrap().1.split_once(':').unwrap().1.split_once('@').unwrap().0.to_owned()
}

fn folder(name: &str, scenario: &str) -> Folder {
    let folder = Folder::new();
    folder.write(&format!("{name}.yaml"), scenario);
    folder
}

/// Checks the code and the words, and that nobody can read a password.
fn check(folder: &Folder, ended: &Ended, code: i32, words: &[&str], secret: &str) {
    assert_eq!(ended.code, Some(code), "{}", ended.stderr);
    for word in words {
        assert!(ended.stderr.contains(word), "{word:?} is not in\n{}", ended.stderr);
    }
    let report = fs::read_to_string(folder.join("report.json")).unwrap_or_default();
    for text in [&ended.stderr, &ended.stdout, &report] {
        assert!(!text.contains(secret), "a password is shown:\n{text}");
    }
}

/// A dead process that is not ours to reap is as good as gone.
fn wait_until_gone(pid: i32) {
    wait_for("a process to be gone", || matches!(state(pid), None | Some('Z')).then_some(()));
}

fn wait_for_logs(folder: &Folder, name: &str) {
    for consumer in 1..=3 {
        let log = folder.join(&format!("out/{name}/consumer_{consumer}.txt"));
        wait_for("a consumer's log", || fs::metadata(&log).ok().filter(|file| file.len() > 0));
    }
}

#[test]
fn without_a_server_one_line_says_what_to_install() {
    let folder = folder("missing", SHORT);
    let mut harness = folder.harness(&["run", "missing.yaml"]);
    harness.env("HARNESS_MYSQL_BIN", folder.join("tmp"));
    let ended = end(harness);
    let words = [
        "error: mysql: no MySQL server: neither mariadbd nor mysqld is in",
        "apt-get install --no-install-recommends mariadb-server",
        "HARNESS_MYSQL_URL",
    ];
    check(&folder, &ended, 3, &words, "\n\n");
    assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    assert!(!folder.join("out").exists(), "nothing was begun");
}

#[test]
fn a_url_that_is_none_is_refused_and_not_repeated() {
    let folder = folder("bad", SHORT);
    for url in ["postgres://ann:secret@db", "ann:secret@db", "mysql://ann:secret@db?secret=1"] {
        let mut harness = folder.harness(&["run", "bad.yaml"]);
        harness.env("HARNESS_MYSQL_URL", url);
        let ended = end(harness);
        assert_eq!(ended.code, Some(2), "{}", ended.stderr);
        assert!(ended.stderr.starts_with("error: HARNESS_MYSQL_URL"), "{}", ended.stderr);
        assert!(!ended.stderr.contains("ann") && !ended.stderr.contains("@db"), "{}", ended.stderr);
    }
}

#[test]
fn a_server_that_nobody_reaches_leaves_no_verdict_and_no_password() {
    let folder = folder("nobody", SHORT);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let mut harness = folder.harness(&["run", "nobody.yaml", "--report-json", "report.json"]);
    harness.env("HARNESS_MYSQL_URL", format!("mysql://ann:s3cret@{address}"));
    let said = format!("error: HARNESS_MYSQL_URL: cannot reach mysql://ann:***@{address}: ");
    let ended = end(harness);
    check(&folder, &ended, 3, &[&said, "refused"], "s3cret");
    assert_eq!(ended.stderr.lines().count(), 1, "it is said once: {}", ended.stderr);
}

#[test]
fn a_server_that_accepts_and_never_answers_is_not_waited_for_by_each_scenario() {
    let folder = folder("silent", SHORT);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut harness = folder.harness(&["run", "silent.yaml"]);
    harness.env("HARNESS_MYSQL_URL", format!("mysql://ann:s3cret@{address}"));
    let said = format!("cannot reach mysql://ann:***@{address}: no answer within");
    check(&folder, &end(harness), 3, &[&said], "s3cret");
    drop(listener);
}

#[test]
fn a_wrong_password_is_said_and_not_shown() {
    let Some(server) = server() else { return };
    let folder = folder("wrong", SHORT);
    let mut harness = folder.harness(&["run", "wrong.yaml", "--report-json", "report.json"]);
    let url = format!("mysql://harness:s3cret@127.0.0.1:{}", server.port());
    harness.env("HARNESS_MYSQL_URL", url);
    let ended = end(harness);
    check(&folder, &ended, 3, &["HARNESS_MYSQL_URL: cannot reach", "denied"], "s3cret");
    assert!(!ended.stderr.contains("left behind"), "{}", ended.stderr);
}

#[test]
fn a_run_passes_and_its_database_is_gone() {
    let Some(server) = server() else { return };
    let folder = folder("passes", SHORT);
    let arguments = ["run", "passes.yaml", "--report-json", "report.json"];
    let ended = end(on_server(&folder, server, &arguments));
    check(&folder, &ended, 0, &["PASS  passes"], &password(server));
    assert_eq!(databases(server, "passes"), [""; 0]);
}

#[test]
fn a_failed_run_says_how_to_see_it_again_without_a_password() {
    let Some(server) = server() else { return };
    let folder = folder("fails", &SHORT.replace("broker: { on: mysql }\n", ""));
    let arguments = ["run", "fails.yaml", "--on", "mysql", "--sabotage", "lose:1"];
    let ended = end(on_server(&folder, server, &arguments));
    let words = ["reproduce  harness run fails.yaml --on mysql --sabotage lose:1"];
    check(&folder, &ended, 1, &words, &password(server));
    assert_eq!(databases(server, "fails"), [""; 0]);
}

#[test]
fn three_brokers_serve_one_database() {
    let Some(server) = server() else { return };
    let several = SHORT.replace("on: mysql", "on: mysql, count: 3");
    let folder = folder("three", &several);
    let plan = folder.passes(&["plan", "three.yaml"]).stdout;
    assert!(plan.contains("mysql, driver detect, 3 brokers"), "{plan}");
    let ended = end(on_server(&folder, server, &["run", "three.yaml"]));
    check(
        &folder,
        &ended,
        0,
        &["PASS  three", "on mysql, 3 brokers", "sent 40  delivered 80"],
        &password(server),
    );
    let ended = folder.run(&["run", "three.yaml", "--on", "memory"]);
    let words = ["three.yaml does not hold here: it has 3 brokers, which share nothing on memory"];
    check(&folder, &ended, 2, &words, "\n\n");
    let ended = end(on_server(&folder, server, &["run", "three.yaml", "--sabotage", "lose:2"]));
    let words = ["sabotaged: lose, 2 injected", "2 deliveries of acknowledged messages never came"];
    check(&folder, &ended, 1, &words, &password(server));
}

#[test]
fn one_of_three_brokers_that_dies_is_named() {
    let Some(server) = server() else { return };
    let folder = folder("dies", LONG);
    let running = Running::spawn(&folder, on_server(&folder, server, &["run", "dies.yaml"]));
    wait_for_logs(&folder, "dies");
    let brokers = running.brokers(3);
    kill_process(Pid::from_raw(brokers[1]).unwrap(), Signal::KILL).unwrap();
    let (code, words) = running.end();
    assert_eq!(code, Some(3), "{words}");
    assert!(words.contains(" of 3 was ended by signal 9; it wrote last:"), "{words}");
    assert!(!words.contains(&password(server)), "{words}");
    assert_eq!(databases(server, "dies"), [""; 0]);
}

#[test]
fn ctrl_c_drops_the_database_and_leaves_no_process() {
    let Some(server) = server() else { return };
    let folder = folder("ctrl_c", LONG);
    let running = Running::spawn(&folder, on_server(&folder, server, &["run", "ctrl_c.yaml"]));
    wait_for_logs(&folder, "ctrl_c");
    let brokers = running.brokers(3);
    assert_eq!(databases(server, "ctrl_c").len(), 1);
    running.signal(Signal::INT);
    let (code, words) = running.end();
    assert_eq!(code, Some(130), "{words}");
    assert_eq!(databases(server, "ctrl_c"), [""; 0], "{words}");
    assert!(brokers.into_iter().all(|broker| state(broker).is_none()));
}

#[test]
fn ctrl_c_during_the_start_drops_the_database_too() {
    let Some(server) = server() else { return };
    let folder = folder("start", LONG);
    let running = Running::spawn(&folder, on_server(&folder, server, &["run", "start.yaml"]));
    let broker = running.brokers(3)[0];
    running.signal(Signal::INT);
    let (code, words) = running.end();
    assert_eq!(code, Some(130), "{words}");
    assert_eq!(databases(server, "start"), [""; 0], "{words}");
    assert_eq!(state(broker), None);
}

#[test]
fn a_private_server_serves_all_scenarios_of_a_call_and_leaves_nothing() {
    if server().is_none() {
        return;
    }
    let folder = folder("one", SHORT);
    folder.write("two.yaml", SHORT);
    let ended = folder.passes(&["run", "one.yaml", "two.yaml", "--jobs", "2"]);
    assert!(ended.stderr.contains("2 scenarios: 2 passed"), "{}", ended.stderr);
    assert_eq!(fs::read_dir(folder.join("tmp")).unwrap().count(), 0, "no file is left");
}

#[test]
fn a_private_server_ends_with_the_harness_in_whatever_way_that_ends() {
    if server().is_none() {
        return;
    }
    for signal in [Signal::INT, Signal::KILL] {
        let folder = folder("ends", LONG);
        let running = Running::start(&folder, &["run", "ends.yaml"]);
        wait_for_logs(&folder, "ends");
        let (database, brokers) = (running.database_server(), running.brokers(3));
        running.signal(signal);
        let (code, words) = running.end();
        assert_eq!(code, (signal == Signal::INT).then_some(130), "{words}");
        wait_until_gone(database);
        brokers.into_iter().for_each(wait_until_gone);
        wait_for("the server's folder to be gone", || {
            (fs::read_dir(folder.join("tmp")).unwrap().count() == 0).then_some(())
        });
    }
}

#[test]
fn a_private_server_that_dies_leaves_no_verdict_and_its_last_words() {
    if server().is_none() {
        return;
    }
    let folder = folder("gone", LONG);
    let running = Running::start(&folder, &["run", "gone.yaml"]);
    wait_for_logs(&folder, "gone");
    kill_process(Pid::from_raw(running.database_server()).unwrap(), Signal::KILL).unwrap();
    let (code, words) = running.end();
    assert_eq!(code, Some(3), "{words}");
    assert!(words.contains("the private MySQL server was ended by signal 9; it wrote"), "{words}");
}

#[test]
fn kept_data_has_the_databases_of_the_runs() {
    if server().is_none() {
        return;
    }
    let folder = folder("kept", SHORT);
    let run = ["run", "kept.yaml", "--keep-data", "data"];
    let ended = folder.passes(&run);
    assert!(ended.stderr.contains("data holds the runs' databases; to look"), "{}", ended.stderr);
    let names = fs::read_dir(folder.join("data")).unwrap();
    let names: Vec<String> =
        names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(names.iter().filter(|name| name.starts_with("harness_kept_")).count(), 1);
    assert_eq!(fs::read_dir(folder.join("tmp")).unwrap().count(), 0, "and nothing else is left");
    check(
        &folder,
        &folder.run(&run),
        2,
        &["cannot keep its data in data: it is not empty; choose a new one"],
        "\n\n",
    );
    let memory = [&run[..], &["--on", "memory"]].concat();
    check(&folder, &folder.run(&memory), 2, &["--keep-data: no selected scenario"], "\n\n");
    let mut harness = folder.harness(&["run", "kept.yaml", "--keep-data", "other"]);
    harness.env("HARNESS_MYSQL_URL", "mysql://ann:s3cret@127.0.0.1");
    check(&folder, &end(harness), 2, &["--keep-data is for a private server"], "s3cret");
}
